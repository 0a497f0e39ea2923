//! One binary, many roles: the mirror director.
//!
//! What a role does is decided in the crates; here are only the things that a process has: its
//! arguments, its allocator, its signals, its log, its exit status.
#![forbid(unsafe_code)]

mod demo;
mod review;
mod service;
mod watch;
mod web;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use heliostat_operate_cli::{Command, Error, WORKER};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else is opened or started: a worker closes what is not its own.
    if std::env::args_os().nth(1).is_some_and(|word| word == WORKER) {
        heliostat_operate_cli::work();
    }
    heliostat_operate_cli::complete();
    let args = match heliostat_operate_cli::config::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => return failed(&error.into()),
    };
    // A demo tells a story of its own, in which every publication would be a line.
    let quiet = matches!(args.command, Command::Demo(_));
    let filter = EnvFilter::try_from_env("HELIOSTAT_LOG")
        .unwrap_or_else(|_| EnvFilter::new(if quiet { "warn" } else { "info" }));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has gone away; that is no failure of ours.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    // When even the error stream is gone, the exit status still tells.
    let _ = writeln!(std::io::stderr(), "error: {}", chain(error));
    ExitCode::from(error.downcast_ref().map_or(1, Error::exit_status))
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(options) => service::run(options.plan(service::random())?),
        Command::Web(options) => web::run(options.plan()?),
        Command::Demo(args) => demo::run(&args),
        Command::Ending(ending) => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            heliostat_operate_cli::run(&ending, &mut out)?;
            Ok(out.flush()?)
        }
    }
}

/// An error and what caused it, each once, on one line.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
