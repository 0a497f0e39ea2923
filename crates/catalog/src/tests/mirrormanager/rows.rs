//! A world as the rows of MirrorManager's database.

use std::collections::BTreeMap;
use std::io::Write;

use heliostat_model::{MirrorIndex, World};
use postgres::Client;

/// Fills the tables.
pub(super) fn write(world: &World, client: &mut Client) {
    client.batch_execute("INSERT INTO site VALUES (1, 'Site', '', FALSE, TRUE, TRUE)").unwrap();
    hosts(world, client);
    let (tops, category_of) = categories(world);
    tree(world, &tops, client);
    carriers(world, &category_of, client);
    names(world, client);
}

fn hosts(world: &World, client: &mut Client) {
    let columns = "host (id, name, site_id, country, bandwidth_int, max_connections, private, \
                   internet2, asn, asn_clients)";
    let rows = world.hosts.iter().map(|host| {
        vec![
            host.id.to_string(),
            host.name.clone(),
            "1".to_owned(),
            or_null(host.country),
            host.bandwidth_mbit_s.to_string(),
            or_null(host.connections_max),
            host.private.to_string(),
            host.internet2.to_string(),
            or_null(host.asns.first().map(|asn| asn.0)),
            "true".to_owned(),
        ]
    });
    copy(client, columns, rows);
    let each = |host: &heliostat_model::Host, text: String| vec![host.id.to_string(), text];
    let peers = world
        .hosts
        .iter()
        .flat_map(|host| host.asns.iter().skip(1).map(move |asn| each(host, asn.0.to_string())));
    copy(client, "host_peer_asn (host_id, asn)", peers);
    let netblocks = world.hosts.iter().flat_map(|host| {
        host.netblocks.iter().map(move |netblock| each(host, netblock.to_string()))
    });
    copy(client, "host_netblock (host_id, netblock)", netblocks);
    let allowed = world.hosts.iter().flat_map(|host| {
        host.countries_allowed.iter().map(move |country| each(host, country.to_string()))
    });
    copy(client, "host_country_allowed (host_id, country)", allowed);
}

/// The tops of the tree, and under which of them each mirror has something.
fn categories(world: &World) -> (BTreeMap<&str, usize>, Vec<Option<usize>>) {
    let mut tops = BTreeMap::new();
    let mut category_of = vec![None; world.mirrors.len()];
    for directory in &world.directories {
        let next = tops.len() + 1;
        let category = *tops.entry(top(directory)).or_insert(next);
        for set in [directory.public, directory.private] {
            for mirror in &world.mirror_sets[set.0 as usize] {
                category_of[mirror.0 as usize] = Some(category);
            }
        }
    }
    (tops, category_of)
}

fn top(directory: &heliostat_model::Directory) -> &str {
    directory.name.strip_suffix(&directory.subpath).unwrap().trim_end_matches('/')
}

fn tree(world: &World, tops: &BTreeMap<&str, usize>, client: &mut Client) {
    let directories = (1..).zip(&world.directories);
    let rows = directories.clone().map(|(id, one)| vec![number(id), one.name.clone()]);
    copy(client, "directory (id, name)", rows);
    let ids: BTreeMap<&str, usize> =
        directories.clone().map(|(id, one)| (&*one.name, id)).collect();
    let rows = tops.iter().map(|(top, id)| vec![number(*id), (*top).to_owned(), number(ids[top])]);
    copy(client, "category (id, name, topdir_id)", rows);
    let rows = directories.clone().map(|(id, one)| vec![number(tops[top(one)]), number(id)]);
    copy(client, "category_directory (category_id, directory_id)", rows);
    let columns =
        "file_detail (directory_id, filename, timestamp, size, md5, sha1, sha256, sha512)";
    let rows = directories.flat_map(|(id, one)| {
        one.files.iter().flat_map(move |file| {
            file.details.iter().map(move |detail| {
                vec![
                    number(id),
                    file.name.clone(),
                    or_null(detail.timestamp_unix_s),
                    or_null(detail.size_bytes),
                    or_null(detail.md5.as_deref()),
                    or_null(detail.sha1.as_deref()),
                    or_null(detail.sha256.as_deref()),
                    or_null(detail.sha512.as_deref()),
                ]
            })
        })
    });
    copy(client, columns, rows);
    let arches: BTreeMap<&str, usize> =
        world.repositories.iter().map(|one| &*one.arch).zip(1..).collect();
    let rows = arches.iter().map(|(arch, id)| vec![number(*id), (*arch).to_owned()]);
    copy(client, "arch (id, name)", rows);
    let disabled = |prefix| world.repositories_disabled.iter().any(|disabled| disabled == prefix);
    let rows = world.repositories.iter().map(|one| {
        vec![
            one.prefix.clone(),
            number(arches[&*one.arch]),
            or_null(one.directory.map(|at| at.0 + 1)),
            disabled(&one.prefix).to_string(),
        ]
    });
    copy(client, "repository (prefix, arch_id, directory_id, disabled)", rows);
}

fn carriers(world: &World, category_of: &[Option<usize>], client: &mut Client) {
    let mirrors = (1..).zip(&world.mirrors).zip(category_of);
    let mirrors = mirrors.filter_map(|((id, mirror), category)| Some((id, mirror, (*category)?)));
    let rows = mirrors.clone().map(|(id, mirror, category)| {
        let host = world.hosts[mirror.host.0 as usize].id;
        vec![number(id), host.to_string(), number(category), "false".to_owned()]
    });
    copy(client, "host_category (id, host_id, category_id, always_up2date)", rows);
    let rows = mirrors.flat_map(|(id, mirror, _)| {
        mirror.urls.iter().map(move |url| vec![url.id.to_string(), number(id), url.text.clone()])
    });
    copy(client, "host_category_url (id, host_category_id, url)", rows);
    let rows = (1..).zip(&world.directories).flat_map(|(id, directory)| {
        let sets = [directory.public, directory.private];
        let both = sets.into_iter().flat_map(|set| world.mirror_sets[set.0 as usize].iter());
        both.map(move |&MirrorIndex(at)| {
            vec![number(at as usize + 1), number(id), "true".to_owned()]
        })
    });
    copy(client, "host_category_dir (host_category_id, directory_id, up2date)", rows);
}

fn names(world: &World, client: &mut Client) {
    let redirects = world.repository_redirects.iter();
    let rows = redirects.map(|one| vec![one.from.clone(), one.to.clone()]);
    copy(client, "repository_redirect (from_repo, to_repo)", rows);
    let rows = world.continent_redirects.iter();
    let rows = rows.map(|(country, continent)| vec![country.to_string(), continent.to_string()]);
    copy(client, "country_continent_redirect (country, continent)", rows);
    let rows = world.netblock_countries.iter();
    let rows = rows.map(|(prefix, country)| vec![prefix.to_string(), country.to_string()]);
    copy(client, "netblock_country (netblock, country)", rows);
    let locations = (1..).zip(&world.locations);
    let rows = locations.clone().map(|(id, one)| vec![number(id), one.name.clone()]);
    copy(client, "location (id, name)", rows);
    let rows = locations.flat_map(|(id, one)| {
        let hosts = one.hosts.iter().map(|host| world.hosts[host.0 as usize].id);
        hosts.map(move |host| vec![number(id), host.to_string()])
    });
    copy(client, "host_location (location_id, host_id)", rows);
}

/// No text of a generated world has anything in it that would have to be escaped.
fn copy(client: &mut Client, columns: &str, rows: impl Iterator<Item = Vec<String>>) {
    let mut out = client.copy_in(&format!("COPY {columns} FROM STDIN")).unwrap();
    rows.for_each(|row| writeln!(out, "{}", row.join("\t")).unwrap());
    out.finish().unwrap();
}

fn number(number: usize) -> String {
    number.to_string()
}

fn or_null(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "\\N".to_owned(), |value| value.to_string())
}
