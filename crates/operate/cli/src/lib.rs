//! The command line: arguments to calls, and what comes back to words.
//!
//! Nothing is decided here. Each command reads its arguments, calls the crate that does the work,
//! and prints what came of it, for people or as JSON. Roles that run (`serve`, `demo`) are only
//! described here; the binary runs them.
#![forbid(unsafe_code)]

/// The commands and their arguments.
pub mod args;
/// One file for all commands, and the environment over it.
pub mod config;
/// What a server is told.
pub mod serve_options;
/// What a director that listens to mirrors is told.
pub mod web_options;
/// What a director is told over HTTPS.
pub mod tell;
/// Other systems' data.
mod source;
/// Networks as people type them, names of machines among them.
mod networks;
/// Memory for what a command holds at its peak.
mod room;
/// Other systems' data to a snapshot.
mod compile;
/// Stores of snapshots, as people name them.
pub mod store;
/// What this container gives.
mod capacity;
/// What people do with the catalog.
pub mod catalog;
/// What a file holds.
mod inspect;
/// What a shell completes.
mod complete;
/// Manual pages and completions.
mod manual;
/// Why these mirrors.
mod explain;
/// Which CPUs there are.
mod cpus;
/// What a worker process may do on this machine.
mod workers;
/// How far long work has come.
mod progress;
/// Countries by address, from a database file.
mod countries;
/// The time, and how people read it.
mod clock;
/// Columns for people.
mod table;
/// Why a command failed.
mod error;

pub use args::{Args, Command};
pub use complete::answer as complete;
pub use countries::countries_open;
pub use error::Error;
pub use serve_options::{FollowPlan, ServeOptions, ServePlan};
pub use web_options::{WebOptions, WebPlan};
pub use workers::{WORKER, work};

use std::io::Write;

/// Runs a command that ends by itself.
///
/// What it found goes to `out`; progress and warnings go to the standard error stream.
///
/// # Errors
///
/// What went wrong, where, and what to do about it.
pub fn run(command: &args::Ending, out: &mut impl Write) -> Result<(), Error> {
    match command {
        args::Ending::Compile { source } => compile::run(source, out),
        args::Ending::Config(args) => config::run(args, out),
        args::Ending::Capacity(args) => capacity::run(args, out),
        args::Ending::Init(args) => catalog::init(args, out),
        args::Ending::Import { source } => catalog::import(source, out),
        args::Ending::Scan(args) => catalog::scan(args, out),
        args::Ending::Health(args) => catalog::health(args, out),
        args::Ending::Checkin(args) => tell::checkin(args, out),
        args::Ending::Notify(args) => catalog::notify(args, out),
        args::Ending::Propagation(args) => catalog::propagation(args, out),
        args::Ending::Mirrors(args) => catalog::mirrors(args, out),
        args::Ending::Report(args) => catalog::report(args, out),
        args::Ending::Crawl(args) => catalog::crawl(args, out),
        args::Ending::Export { target } => catalog::export(target, out),
        args::Ending::Publish(args) => catalog::publish(args, out),
        args::Ending::Rollback(args) => catalog::rollback(args, out),
        args::Ending::MoveToArchive(args) => catalog::archive(args, out),
        args::Ending::Release(args) => catalog::release(args, out),
        args::Ending::EmergencyExpire(args) => catalog::expire(args, out),
        args::Ending::Audit(args) => catalog::audit(args, out),
        args::Ending::Resource(resource) => catalog::resource(resource, out),
        args::Ending::Completions { shell } => manual::completions(*shell, out),
        args::Ending::Man { folder } => manual::pages(folder, out),
        args::Ending::Inspect(args) => inspect::run(args, out),
        args::Ending::Explain(args) => explain::run(args, out),
        args::Ending::Cpus(args) => cpus::run(args, out),
        args::Ending::Workers(args) => workers::run(args, out),
    }
}

#[cfg(test)]
mod tests;
