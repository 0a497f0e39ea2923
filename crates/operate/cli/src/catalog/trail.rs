//! Who changed what, and when.

use std::io::Write;

use heliostat_catalog::Filter;
use serde_json::json;

use super::args::AuditArgs;
use super::{difference, open};
use crate::{Error, clock, table};

/// Prints the trail, newest first.
pub(crate) fn audit(args: &AuditArgs, out: &mut impl Write) -> Result<(), Error> {
    let filter = Filter {
        resource: args.resource.clone(),
        name: args.name.clone(),
        who: args.who.clone(),
        since_unix_s: 0,
    };
    let entries = open(&args.catalog)?.read(|view| view.audit_list(&filter, args.last))?;
    if args.json {
        for entry in entries {
            let line = json!({
                "id": entry.id,
                "at_unix_s": entry.at_unix_s,
                "who": entry.who,
                "action": entry.action.as_str(),
                "resource": entry.resource,
                "name": entry.name,
                "before": difference::parsed(entry.before.as_deref()),
                "after": difference::parsed(entry.after.as_deref()),
            });
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = entries
        .into_iter()
        .map(|entry| {
            let fields = difference::fields(entry.before.as_deref(), entry.after.as_deref());
            let (at, action) = (clock::utc(entry.at_unix_s), entry.action.as_str().to_owned());
            vec![at, entry.who, action, entry.resource, entry.name, fields]
        })
        .collect();
    table::print(out, &["when (UTC)", "who", "did", "what", "name", "fields"], &rows)?;
    Ok(())
}
