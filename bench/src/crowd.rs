//! Many clients at once, each with a connection of its own, or behind a few proxies.
//!
//! The test by which MirrorManager's server of 2015 was judged: the worst request of 5,000 on new
//! connections. And what brought it down: twelve proxies that pass on a few thousand requests in
//! one moment, 50,000 in a minute. There a request's time counts from the moment of the burst, the
//! wait for a free connection of its proxy included.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::LocalSet;

use crate::client::{Connection, TIMEOUT, runtime};
use crate::machine::{Machine, pinned};
use crate::servers::Server;
use crate::table::{Table, percentile, short};
use crate::targets::Targets;

/// What became of some requests.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long each answered one took.
    times_ms: Vec<f64>,
    /// How many got no answer, or one that is not 200.
    failed: u64,
    /// How long it all took.
    wall: Duration,
}

impl Outcome {
    fn note(&mut self, begun: Instant, answered: bool) {
        if answered {
            self.times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        } else {
            self.failed += 1;
        }
    }

    fn worst_ms(&self) -> f64 {
        percentile(&self.times_ms, 100.0)
    }

    fn cells(&self) -> String {
        let times = [50.0, 99.0, 100.0].map(|p| short(percentile(&self.times_ms, p)));
        format!("{}, {} failed", times.join(" / "), self.failed)
    }
}

/// What is asked, over and over.
type Requests = Rc<[Vec<u8>]>;

/// How many requests, and in which bursts.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Requests on new connections, per number of clients.
    pub fresh: usize,
    /// Requests through the proxies.
    pub pooled: usize,
    /// The time over which those are spread.
    pub pooled_s: u64,
}

/// Item 7.
///
/// # Errors
///
/// When the kernel refuses an event queue or a core.
pub fn table(
    servers: &[&Server],
    targets: &Targets,
    plan: Plan,
    machine: &Machine,
) -> Result<Table> {
    let heads = ["", "2015, worst"].into_iter().chain(servers.iter().map(|server| server.name));
    let mut table =
        Table::new("7. Many clients at once, p50 / p99 / worst in ms", &heads.collect::<Vec<_>>());
    let requests_fresh: Requests = targets.requests(false).into();
    let requests_kept: Requests = targets.requests(true).into();
    let mut worst_ms: f64 = 0.0;
    let mut failed = 0;
    for (clients, old) in OLD_WORST_MS {
        let name = format!("{} new connections, {clients} at a time", plan.fresh);
        let mut cells = vec![name, old.to_string()];
        for (i, server) in servers.iter().enumerate() {
            eprintln!("{}: {clients} clients on new connections ...", server.name);
            let outcome = fresh(server.address, &requests_fresh, clients, plan.fresh, machine)?;
            if i == 0 {
                worst_ms = worst_ms.max(outcome.worst_ms());
                failed += outcome.failed;
            }
            cells.push(outcome.cells());
        }
        table.row(cells);
    }
    let name = format!(
        "{} requests in {} s, in {BURSTS} bursts from {PROXIES} proxies with {POOL} connections each",
        plan.pooled, plan.pooled_s
    );
    let mut cells = vec![name, "fell over".to_owned()];
    for (i, server) in servers.iter().enumerate() {
        eprintln!("{}: bursts through {PROXIES} proxies ...", server.name);
        let outcome = pooled(server.address, &requests_kept, plan, machine)?;
        if i == 0 {
            table.note(format!("The bursts took {} s.", short(outcome.wall.as_secs_f64())));
            worst_ms = worst_ms.max(outcome.worst_ms());
            failed += outcome.failed;
        }
        cells.push(outcome.cells());
    }
    table.row(cells);
    table.note(format!("Heliostat's worst request of all: {} ms.", short(worst_ms)));
    table.goal("Heliostat's failed requests", failed as f64, 0.0);
    Ok(table)
}

/// Every request on a connection of its own, so many at a time.
fn fresh(
    address: SocketAddr,
    requests: &Requests,
    clients: usize,
    count: usize,
    machine: &Machine,
) -> Result<Outcome> {
    let shared = Rc::new((Cell::new(0), RefCell::new(Outcome::default())));
    let begun = Instant::now();
    on_load_core(machine, async {
        let local = LocalSet::new();
        for _ in 0..clients {
            let shared = Rc::clone(&shared);
            let requests = Rc::clone(requests);
            local.spawn_local(async move {
                let (next, outcome) = &*shared;
                while next.get() < count {
                    let request = &requests[next.get() % requests.len()];
                    next.set(next.get() + 1);
                    let begun = Instant::now();
                    let asked = async { Connection::open(address).await?.ask(request).await };
                    let status = tokio::time::timeout(TIMEOUT, asked).await;
                    outcome.borrow_mut().note(begun, matches!(status, Ok(Ok(200))));
                }
            });
        }
        local.await;
    })?;
    Ok(finished(&shared.1, begun))
}

/// Bursts from twelve proxies, each with a pool of connections that it keeps.
fn pooled(
    address: SocketAddr,
    requests: &Requests,
    plan: Plan,
    machine: &Machine,
) -> Result<Outcome> {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let begun = Instant::now();
    on_load_core(machine, async {
        let local = LocalSet::new();
        for proxy in 0..PROXIES {
            // What waits for a free connection: per burst the number still to be sent.
            let waiting = Rc::new(RefCell::new(Vec::<(Instant, usize)>::new()));
            let per_burst = plan.pooled / PROXIES / BURSTS;
            for burst in 0..BURSTS {
                let after = Duration::from_secs(plan.pooled_s) * burst as u32 / BURSTS as u32;
                waiting.borrow_mut().push((begun + after, per_burst));
            }
            for member in 0..POOL {
                let (outcome, waiting) = (Rc::clone(&outcome), Rc::clone(&waiting));
                let requests = Rc::clone(requests);
                local.spawn_local(async move {
                    let start = (proxy * POOL + member) * 61;
                    member_of_pool(address, &requests, start, &waiting, &outcome).await;
                });
            }
        }
        local.await;
    })?;
    Ok(finished(&outcome, begun))
}

/// One connection of a proxy: takes the next waiting request until none is left.
async fn member_of_pool(
    address: SocketAddr,
    requests: &[Vec<u8>],
    start: usize,
    waiting: &RefCell<Vec<(Instant, usize)>>,
    outcome: &RefCell<Outcome>,
) {
    let mut connection = None;
    for i in start.. {
        let Some(due) = take(&mut waiting.borrow_mut()) else { return };
        tokio::time::sleep_until(due.into()).await;
        let request = &requests[i % requests.len()];
        let asked = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::open(address).await?,
            };
            let status = open.ask(request).await?;
            connection = Some(open);
            Ok::<_, std::io::Error>(status)
        };
        let status = tokio::time::timeout(TIMEOUT, asked).await;
        outcome.borrow_mut().note(due, matches!(status, Ok(Ok(200))));
    }
}

/// The moment for which the next waiting request is due.
fn take(waiting: &mut [(Instant, usize)]) -> Option<Instant> {
    let first = waiting.iter_mut().find(|(_, left)| *left > 0)?;
    first.1 -= 1;
    Some(first.0)
}

fn on_load_core(machine: &Machine, work: impl Future<Output = ()>) -> Result<()> {
    pinned(machine.load_cpu, || {
        runtime()?.block_on(work);
        Ok(())
    })
}

fn finished(outcome: &RefCell<Outcome>, begun: Instant) -> Outcome {
    Outcome { wall: begun.elapsed(), ..outcome.take() }
}

/// What the server of 2015 took for its slowest request, by clients at a time.
const OLD_WORST_MS: [(usize, u32); 4] = [(10, 1794), (100, 4028), (200, 8785), (400, 38452)];

const PROXIES: usize = 12;
const POOL: usize = 50;
const BURSTS: usize = 12;
