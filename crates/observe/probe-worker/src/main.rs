//! The probe worker: strangers' bytes in, verdicts out, and a sandbox around it.
//!
//! It is a program of its own so that what a stranger might take over knows no database, no network
//! and no configuration. The director starts it and speaks to it through `heliostat-workers`; by
//! itself it does nothing.
#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};

fn main() {
    if std::io::stdin().is_terminal() {
        let _ = writeln!(std::io::stderr(), "heliostat-probe is started by heliostat, not by hand");
        std::process::exit(2);
    }
    heliostat_observe_probe_worker::work()
}
