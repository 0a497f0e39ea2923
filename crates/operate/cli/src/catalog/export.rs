//! The catalog for other systems.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use heliostat_catalog::View;
use heliostat_exchange::lists::mirmon_write;
use heliostat_exchange::mirrormanager::{cache_write, countries_write, netblocks_write};
use heliostat_publish::publish;
use serde_json::{Value, json};

use super::args::ExportTarget;
use super::open;
use crate::Error;

/// Writes what another system reads, each file whole or not at all.
pub(crate) fn export(target: &ExportTarget, out: &mut impl Write) -> Result<(), Error> {
    match target {
        ExportTarget::MirrormanagerCache { catalog, output, netblocks, countries } => {
            let world = open(catalog)?.read(|view| view.world())?;
            publish(output, |file| cache_write(&world, file).map_err(io::Error::other))?;
            let mut written: Vec<&Path> = vec![output];
            if let Some(path) = netblocks {
                publish(path, |file| netblocks_write(&world, file))?;
                written.push(path);
            }
            if let Some(path) = countries {
                publish(path, |file| countries_write(&world, file))?;
                written.push(path);
            }
            for path in written {
                writeln!(out, "wrote {}", path.display())?;
            }
            Ok(())
        }
        ExportTarget::Json { catalog, output } => {
            let all = open(catalog)?.read(|view| Ok(everything(view)))?;
            let all = all?;
            written(output.as_ref(), out, |file| {
                serde_json::to_writer_pretty(&mut *file, &all)?;
                file.write_all(b"\n")
            })
        }
        ExportTarget::Mirmon { catalog, output } => {
            let (world, hosts) =
                open(catalog)?.read(|view| Ok((view.world()?, view.host_list()?)))?;
            let contacts: BTreeMap<u64, String> =
                hosts.into_iter().map(|host| (host.id as u64, host.contact)).collect();
            let contact = |id| contacts.get(&id).cloned().unwrap_or_default();
            written(output.as_ref(), out, |file| mirmon_write(&world, contact, &mut &mut *file))
        }
    }
}

/// Writes to a file as a whole, or to the standard output.
fn written(
    output: Option<&PathBuf>,
    out: &mut impl Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let Some(path) = output else { return Ok(write(out)?) };
    publish(path, |file| write(file))?;
    Ok(writeln!(out, "wrote {}", path.display())?)
}

/// All that the catalog holds but secrets and history, in an order that no engine changes.
fn everything(view: &mut View<'_>) -> Result<Value, Error> {
    let state = view.state()?;
    let mirrors: serde_json::Map<String, Value> = view
        .states_list()?
        .into_iter()
        .map(|(mirror, states)| {
            let runs = states.runs().map(|run| json!([run.first, run.end, run.state.as_str()]));
            (mirror.to_string(), runs.collect())
        })
        .collect();
    let routes = view.route_list()?;
    let routes = routes.iter().map(|(prefix, asn)| json!([prefix.to_string(), asn.0]));
    let directories = view.directory_list()?.into_iter().map(|directory| {
        let id = directory.id;
        let mut value = json!(directory);
        value["id"] = json!(id);
        value
    });
    Ok(json!({
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "revision": state.revision,
        "data_unix_s": state.data_unix_s,
        "source": state.source,
        "products": sorted(view.product_list()?, |one| one.name.clone()),
        "versions": sorted(view.version_list()?, |one| one.full_name()),
        "categories": sorted(view.category_list()?, |one| one.name.clone()),
        "directories": directories.collect::<Vec<_>>(),
        "repositories": sorted(view.repository_list()?, |one| one.name()),
        "redirects": sorted(view.redirect_list()?, |one| one.name.clone()),
        "disabled": sorted(view.disabled_list()?, |one| one.prefix.clone()),
        "sites": sorted(view.site_list()?, |one| one.name.clone()),
        "hosts": sorted(view.host_list()?, |one| one.id),
        "states": mirrors,
        "locations": sorted(view.location_list()?, |one| one.name.clone()),
        "countries": sorted(view.country_list()?, |one| one.code.clone()),
        "netblocks": sorted(view.netblock_list()?, |one| one.prefix.clone()),
        "routes": routes.collect::<Vec<_>>(),
        "users": sorted(view.account_list()?, |one| one.name.clone()),
    }))
}

fn sorted<T, K: Ord>(mut all: Vec<T>, key: impl FnMut(&T) -> K) -> Vec<T> {
    all.sort_by_cached_key(key);
    all
}

const FORMAT: &str = "heliostat catalog";

/// Rises when a field changes its meaning or goes; new fields do not raise it.
const FORMAT_VERSION: u32 = 1;
