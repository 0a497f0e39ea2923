//! Making a catalog: what it needs comes as arguments, or is asked for at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use heliostat_catalog::account::{Account, Role};
use heliostat_catalog::site::Site;
use heliostat_catalog::{Catalog, Ending, Txn};

use super::actor;
use super::args::InitArgs;
use crate::{Error, clock};

/// Makes an empty catalog, with the first site and person where they are named.
pub(crate) fn init(args: &InitArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut args = args.clone();
    let input = io::stdin();
    if !args.yes && input.is_terminal() && io::stderr().is_terminal() {
        asked(&mut args, &mut input.lock(), &mut io::stderr().lock())?;
    }
    let place = args.catalog.place()?;
    let mut catalog = Catalog::create(&place, clock::now_unix_s())?;
    let add = |txn: &mut Txn<'_>| {
        if let Some(name) = &args.admin {
            txn.account_insert(Account::new(name, Role::Admin))?;
        }
        if let Some(name) = &args.site {
            txn.site_insert(Site::new(name))?;
        }
        Ok(())
    };
    catalog.write(&actor("cli"), Ending::Commit, add)?;
    writeln!(out, "made the catalog {place}; fill it with `heliostat import`")?;
    if let Some(name) = &args.admin {
        writeln!(out, "{name} has no password yet: `heliostat user password {name}`")?;
    }
    Ok(())
}

/// Asks for what the arguments do not say.
fn asked(args: &mut InitArgs, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
    let catalog = &mut args.catalog;
    if catalog.catalog.is_none() && catalog.catalog_file.is_none() {
        let default = super::args::CATALOG_DEFAULT;
        catalog.catalog = ask("Where (a file, or postgres://…)", default, input, out)?;
    }
    if args.admin.is_none() {
        args.admin = ask("The first administrator's name", "nobody", input, out)?;
    }
    if args.site.is_none() {
        args.site = ask("The first site's name", "none", input, out)?;
    }
    Ok(())
}

/// One question; an empty answer, or the end of answers, is none.
fn ask(
    question: &str,
    default: &str,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> io::Result<Option<String>> {
    write!(out, "{question} [{default}]: ")?;
    out.flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    let answer = line.trim();
    Ok(Some(answer.to_owned()).filter(|answer| !answer.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::args::CatalogArgs;

    #[test]
    fn what_is_not_said_is_asked() {
        let catalog = CatalogArgs { catalog: None, catalog_file: None };
        let mut args = InitArgs { catalog, admin: None, site: Some("Lab".to_owned()), yes: false };
        let mut out = Vec::new();
        asked(&mut args, &mut &b"\noperator\n"[..], &mut out).unwrap();
        assert_eq!(args.catalog.catalog, None, "the default stays");
        assert_eq!((args.admin.as_deref(), args.site.as_deref()), (Some("operator"), Some("Lab")));
        let said = String::from_utf8(out).unwrap();
        assert!(
            said.starts_with("Where (a file, or postgres://…) [/var/lib/heliostat/catalog.db]: ")
        );
        assert!(!said.contains("site"), "what was said is not asked: {said}");
        asked(&mut args, &mut &b""[..], &mut Vec::new()).unwrap();
    }
}
