//! What a worker process may do on this machine.
//!
//! Strangers' bytes are parsed in worker processes that put themselves into a sandbox. What the
//! sandbox is made of depends on kernel and container, so there is a command that starts one and
//! shows it.

use std::io::Write;
use std::time::{Duration, Instant};

use heliostat_workers::{
    Job, Layer, Need, Pool, Program, Report, Sandbox, Settings, State, Transport,
};
use serde::Serialize;

use crate::Error;
use crate::args::WorkersArgs;
use crate::table;

/// The first argument of a process that is a worker; only this program gives it.
pub const WORKER: &str = "worker-process";

/// What a worker process does, from its first line to its end. It is to be called before there is
/// a thread or an open file.
pub fn work() -> ! {
    heliostat_workers::serve(|job, reply| reply.push(job.body()))
}

/// Starts a worker, has it do a job, and prints what it is kept from.
pub(crate) fn run(args: &WorkersArgs, out: &mut impl Write) -> Result<(), Error> {
    let begun = Instant::now();
    let pool = Pool::start(Settings {
        sandbox: Sandbox { namespaces: Need::Prefer, ..Sandbox::best_effort() },
        launch_limit: LAUNCH_LIMIT,
        ..Settings::new(Program::itself([WORKER]))
    })
    .map_err(Error::Workers)?;
    let report = pool.check_blocking().map_err(Error::Workers)?;
    let reply = pool.call_blocking(Job::new(PROBE)).map_err(Error::Workers)?;
    let ready_ms = begun.elapsed().as_secs_f64() * 1000.0;
    if reply.bytes() != PROBE {
        return Err(Error::Nothing("the worker answered something else than was asked".into()));
    }
    let check = Check::new(&report, ready_ms);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &check).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        check.print(out)?;
    }
    match check.missing.as_slice() {
        missing if args.strict && !missing.is_empty() => {
            Err(Error::Sandbox { missing: missing.join(", ") })
        }
        _ => Ok(()),
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Check {
    transport: &'static str,
    pipe_bytes: Option<usize>,
    ready_ms: f64,
    layers: Vec<LayerCheck>,
    /// Layers that workers are to have and that this machine does not give.
    missing: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct LayerCheck {
    layer: &'static str,
    in_force: bool,
    detail: String,
    about: &'static str,
}

impl Check {
    fn new(report: &Report, ready_ms: f64) -> Check {
        let (transport, pipe_bytes) = match report.transport {
            Transport::Ring => ("shared memory", None),
            Transport::Pipes { bytes } => ("pipes", Some(bytes)),
            Transport::Unknown => ("unknown", None),
        };
        let layer = |layer: Layer| {
            let (in_force, detail) = match report.state(layer) {
                State::InForce(what) => (true, what),
                State::Absent(why) => (false, why),
                State::Off => (false, "off".into()),
            };
            LayerCheck { layer: layer.name(), in_force, detail, about: layer.about() }
        };
        let layers: Vec<_> = Layer::ALL.into_iter().map(layer).collect();
        let needed = |check: &&LayerCheck| check.layer != Layer::Namespaces.name();
        let missing = layers.iter().filter(needed).filter(|check| !check.in_force);
        let missing = missing.map(|check| check.layer).collect();
        Check { transport, pipe_bytes, ready_ms, layers, missing }
    }

    fn print(&self, out: &mut impl Write) -> Result<(), Error> {
        let pipe = self.pipe_bytes.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
        writeln!(out, "transport  {}{pipe}", self.transport)?;
        writeln!(out, "ready in   {:.1} ms\n", self.ready_ms)?;
        let row = |check: &LayerCheck| {
            let state = if check.in_force { "in force" } else { "ABSENT" };
            [check.layer, state, &check.detail, check.about].map(str::to_owned).to_vec()
        };
        let rows: Vec<_> = self.layers.iter().map(row).collect();
        table::print(out, &["layer", "state", "what", "meaning"], &rows)?;
        if !self.missing.is_empty() {
            writeln!(out, "\nthis machine does not give: {}", self.missing.join(", "))?;
        }
        Ok(())
    }
}

/// What the worker is to say again.
const PROBE: &[u8] = b"heliostat";
/// Longer than a loaded machine takes.
const LAUNCH_LIMIT: Duration = Duration::from_secs(20);
