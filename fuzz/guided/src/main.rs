//! The fuzz targets under libFuzzer.
//!
//! `heliostat-fuzz-guided --list` prints the names of the targets, one per line;
//! `heliostat-fuzz-guided TARGET …` runs one, and the rest is libFuzzer's. libFuzzer would take the
//! name for a folder, so the program starts itself again with the name in the environment.
#![no_main]

use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::sync::OnceLock;

use heliostat_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.run)(data);
    }
});

static CHOSEN: OnceLock<Target> = OnceLock::new();

/// Before libFuzzer looks at its arguments.
fn choose() {
    let name = match std::env::var(VARIABLE) {
        Ok(name) => name,
        Err(_) => name_from_arguments(),
    };
    match TARGETS.iter().find(|target| target.name == name) {
        Some(&target) => CHOSEN.get_or_init(|| target),
        None => {
            eprintln!("no target {name}; --list names them all");
            exit(2);
        }
    };
}

/// Never returns: it lists the targets, or starts the program again.
fn name_from_arguments() -> ! {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_else(|| "--list".into());
    if name == "--list" {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        exit(0);
    }
    let program = std::env::current_exe().unwrap_or_else(|_| "heliostat-fuzz-guided".into());
    let error = Command::new(program).args(arguments).env(VARIABLE, name).exec();
    eprintln!("cannot start again: {error}");
    exit(2);
}

/// Carries the name of the target.
const VARIABLE: &str = "HELIOSTAT_FUZZ_TARGET";
