//! A program that is killed while it brings an older catalog forward.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{NOW, rig, schema, suite};
use crate::catalog::create_old;
use crate::migrate;
use crate::{Catalog, Place};

/// Wherever it was, the schema is the old one or the new one, and the next start makes it new.
pub(super) fn a_migration_killed_anywhere_is_done_or_undone(place: &Place) {
    // It may have to be built first.
    rig::binary().unwrap();
    let mut took = Duration::ZERO;
    for round in 0..=KILLS {
        let place = another(place, round);
        create_old(&place, 1, NOW).unwrap();
        let old = "INSERT INTO category (id, name, top, source) VALUES (7, 'EPEL', 'pub/epel', '')";
        suite::behind(&place, old).unwrap();
        let begun = Instant::now();
        let mut child = start(&place);
        if round == 0 {
            assert!(child.wait().unwrap().success());
            took = begun.elapsed();
        } else {
            std::thread::sleep(took * round / KILLS);
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().unwrap();
        }
        let versions = suite::numbers(&place, "SELECT version FROM migration ORDER BY version");
        let whole = versions == [1] || versions.last() == Some(&migrate::newest());
        assert!(whole, "killed after {:?}: {versions:?}", took * round / KILLS);
        let mut catalog = Catalog::open(&place, NOW).unwrap();
        assert_eq!(catalog.read(|view| view.category_find("EPEL")).unwrap().id, 7);
        assert_eq!(catalog.read(|view| view.mark()).unwrap().len(), 32 + 4);
    }
}

/// A place of the same sort, where nothing is.
fn another(place: &Place, number: u32) -> Place {
    match place {
        Place::File(path) => Place::File(path.with_extension(number.to_string())),
        Place::Server(url) => {
            let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
            schema(&mut client, url, &format!("killed_{number}"))
        }
    }
}

/// Any command brings the catalog forward first.
fn start(place: &Place) -> std::process::Child {
    let place = match place {
        Place::File(path) => path.to_str().unwrap(),
        Place::Server(url) => url,
    };
    let mut command = Command::new(rig::binary().unwrap());
    command.args(["category", "list", "--catalog", place]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

const KILLS: u32 = 16;
