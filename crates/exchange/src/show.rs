//! Worlds and problems as text, for tests.

use std::collections::BTreeSet;

use heliostat_model::{Host, MirrorSetIndex, World};

use crate::Import;

/// An import as text.
pub(crate) fn show(import: &Import) -> String {
    let mut text = show_world(&import.world);
    for problem in import.problems.kept() {
        text.push_str(&format!("! {problem} ({})\n", problem.kind));
    }
    text
}

/// A world as text, with nothing left out that an importer can say.
pub(crate) fn show_world(world: &World) -> String {
    world.check().unwrap();
    let mut lines = vec![format!("time {}", world.created_unix_s)];
    lines.extend(world.hosts.iter().map(show_host));
    let set = |set: MirrorSetIndex| -> BTreeSet<String> {
        let mirrors = world.mirror_sets[set.0 as usize].iter();
        mirrors
            .map(|mirror| {
                let mirror = &world.mirrors[mirror.0 as usize];
                let urls: Vec<String> =
                    mirror.urls.iter().map(|url| format!("{} = {}", url.id, url.text)).collect();
                format!("{}: {}", world.hosts[mirror.host.0 as usize].id, urls.join(", "))
            })
            .collect()
    };
    for d in &world.directories {
        lines.push(format!("directory {} [{}]", d.name, d.subpath));
        lines.extend(set(d.public).into_iter().map(|mirror| format!("  public {mirror}")));
        lines.extend(set(d.private).into_iter().map(|mirror| format!("  private {mirror}")));
        for file in &d.files {
            lines.push(format!("  file {}", file.name));
            for detail in &file.details {
                lines.push(format!(
                    "    {:?} {:?} {:?}",
                    detail.timestamp_unix_s,
                    detail.size_bytes,
                    detail.hashes().collect::<Vec<_>>()
                ));
            }
        }
    }
    for r in &world.repositories {
        let directory = r.directory.map(|d| world.directories[d.0 as usize].name.as_str());
        lines.push(format!("repository {} {} {directory:?}", r.prefix, r.arch));
    }
    for r in &world.repository_redirects {
        lines.push(format!("redirect {} -> {}", r.from, r.to));
    }
    for prefix in &world.repositories_disabled {
        lines.push(format!("disabled {prefix}"));
    }
    for location in &world.locations {
        let ids = location.hosts.iter().map(|host| world.hosts[host.0 as usize].id);
        lines.push(format!("location {} {:?}", location.name, ids.collect::<Vec<_>>()));
    }
    for (country, continent) in &world.continent_redirects {
        lines.push(format!("continent {country} -> {continent}"));
    }
    for (prefix, country) in &world.netblock_countries {
        lines.push(format!("netblock {prefix} {country}"));
    }
    lines.join("\n") + "\n"
}

fn show_host(host: &Host) -> String {
    format!(
        "host {} {} {} {} Mbit/s{}{}{} asns {:?} netblocks {:?} allowed {:?}",
        host.id,
        host.name,
        host.country.map_or_else(|| "--".to_owned(), |country| country.to_string()),
        host.bandwidth_mbit_s,
        host.connections_max.map_or_else(String::new, |n| format!(" connections {n}")),
        if host.private { " private" } else { "" },
        if host.monopoly {
            " monopoly"
        } else if host.internet2 {
            " internet2"
        } else {
            ""
        },
        host.asns,
        host.netblocks,
        host.countries_allowed,
    )
}
