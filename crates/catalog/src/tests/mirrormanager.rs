//! MirrorManager's own database, as the test makes one, into the catalog.

use heliostat_testing_e2e as rig;

use super::{NOW, actor, catalog};
use crate::import::Origin;
use crate::mirrormanager::{Found, read};
use crate::{Ending, Error, Place};

const ORIGIN: Origin<'_> = Origin {
    name: "mirrormanager",
    site: "MirrorManager",
    numbered: true,
    continents: false,
    continent_redirects: true,
    routes: false,
};

#[test]
fn a_database_of_mirrormanager_is_read_and_not_touched() {
    let server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("MirrorManager's own database", &why).unwrap(),
    };
    let url = server.url("postgres");
    assert!(matches!(read(&url, NOW), Err(Error::Postgres(_))), "it is empty");
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute(include_str!("mirrormanager.sql")).unwrap();
    // Who may only read is enough.
    client.batch_execute("ALTER DATABASE postgres SET default_transaction_read_only = on").unwrap();
    let Found { world, facts, problems } = read(&url, NOW).unwrap();
    world.check().unwrap();
    assert_eq!(
        problems,
        [
            "host 12: \"Sweden\" is no country; left out",
            "host 11: netblock \"mirror.one.example\" is no prefix; left out",
            "host_category_url 35: \"gopher://two.example\" is no URL of a known scheme; left out",
            "category 6: it has no directory at its top; left out",
            "directory 4: \"elsewhere\" is not below \"pub/epel\"; left out",
            "netblock_country 2: it names no prefix; left out",
        ]
    );
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = catalog(&Place::File(folder.path().join("catalog.db")));
    let mut import = || {
        let take = |txn: &mut crate::Txn<'_>| txn.import_with(&world, &facts, &ORIGIN);
        catalog.write(&actor(), Ending::Commit, take).unwrap()
    };
    assert_eq!(import().0.left_out, [""; 0]);
    assert_eq!(import().1, [], "the second time nothing changes");
    let hosts = catalog.read(|view| view.host_list()).unwrap();
    let said: Vec<_> = hosts
        .iter()
        .map(|host| (host.id, host.site.as_str(), host.active_owner, host.private))
        .collect();
    let expected = [
        (11, "University", true, false),
        (12, "University", true, false),
        (13, "Lab", false, true),
    ];
    assert_eq!(said, expected);
    let one = &hosts[0];
    assert_eq!(
        (one.contact.as_str(), one.notes.as_str()),
        ("operator@one.example", "two lines\nof it")
    );
    assert_eq!(one.netblocks, ["192.0.2.0/24", "2001:db8::1/128"]);
    assert_eq!((&one.asns[..], one.connections_max), (&[64_500, 64_502][..], Some(4)));
    assert_eq!(one.mirrors[0].category, "Fedora EPEL");
    assert_eq!(one.mirrors[0].urls[0].number, 31);
    let repository = catalog.read(|view| view.repository_find("epel-9", "x86_64")).unwrap();
    assert_eq!(repository.version.as_deref(), Some("EPEL/9"));
    assert!(catalog.read(|view| view.version_find("EPEL/10")).unwrap().development);
    let answers = catalog.read(|view| view.world()).unwrap();
    let carried = |name: &str| {
        let directory = answers.directories.iter().find(|one| one.name == name).unwrap();
        answers.mirror_sets[directory.public.0 as usize].len()
    };
    assert_eq!([carried("pub/epel"), carried("pub/epel/9")], [1, 2], "Lab's owner switched it off");
    let files = &answers.directories[2].files[0];
    let times: Vec<_> = files.details.iter().map(|detail| detail.timestamp_unix_s).collect();
    assert_eq!(times, [Some(200), Some(100)]);
    assert_eq!(answers.repositories_disabled, ["epel-10"]);
    assert_eq!(answers.repository_redirects.len(), 1);
    assert_eq!(answers.locations[0].hosts.len(), 2);
}
