//! How long a round takes: 700 mirrors of four URLs each, 50 ms away.
//!
//! `cargo bench -p heliostat-observe-health --bench round`

use std::time::Duration;

use heliostat_catalog::Place;
use heliostat_observe_health::{HealthSettings, Rounds};
use heliostat_observe_probe::Reach;

/// Mirrors on loopback addresses.
#[expect(dead_code, clippy::unwrap_used, reason = "the tests use more of it, and may")]
#[path = "../tests/it/net.rs"]
mod net;

fn main() {
    let (net, port) = net::Net::start(Duration::from_millis(50));
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::File(folder.path().join("catalog.db"));
    let mut catalog = net::catalog(&place, 700, 4, port);
    let mut rounds = Rounds::new(HealthSettings::new(Reach::Loopback)).expect("rounds");
    let mut out = std::io::stdout().lock();
    for round in 0..6 {
        if round == 3 {
            (0..35).for_each(|number| net.does(number * 20, net::Does::Dies));
        }
        let now_unix_ms = (net::NOW + round * 60) * 1_000;
        let found = rounds.run_once(&mut catalog, "bench", now_unix_ms).expect("a round");
        let said = format!(
            "{} hosts, {} URLs, {} looks: first look at all in {} ms, all done in {} ms, {} left out\n",
            found.hosts, found.urls, found.looks, found.first_ms, found.total_ms, found.bad
        );
        std::io::Write::write_all(&mut out, said.as_bytes()).expect("a terminal");
    }
}
