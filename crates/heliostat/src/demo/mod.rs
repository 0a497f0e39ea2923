//! The whole job on one machine.
//!
//! The smallest scale tells the whole story: a primary copy, mirrors on loopback that lag, lie and
//! die, and a director that finds out and follows. Larger scales serve a seeded world of a real
//! distribution's size, whose mirrors nobody calls.

/// A seeded world, served.
mod world;
/// The program that parses strangers' bytes, built if need be.
mod worker;
/// Who plays: the mirrors, how they are, what should be said of them.
mod cast;
/// Where it plays: a catalog, a primary copy on disk, the director's commands.
mod stage;
/// What the director knows of each mirror.
mod knowledge;
/// What clients are answered.
mod answers;
/// What happens.
mod story;

use std::net::{IpAddr, SocketAddr};

use heliostat_operate_cli::ServePlan;
use heliostat_operate_cli::args::{DemoArgs, Scale};
use heliostat_testing_world::client_addresses;

use crate::service::Running;

/// Runs until a signal says stop, or the circle is closed.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    if args.scale == Scale::Small {
        return story::run(args);
    }
    anyhow::ensure!(!args.once, "--once goes with --scale small, which tells the whole story");
    world::run(args)
}

/// Starts at the address, or at another port when it is taken.
fn start(
    listen: SocketAddr,
    plan: impl Fn(SocketAddr) -> anyhow::Result<ServePlan>,
) -> anyhow::Result<(Running, bool)> {
    match Running::start(plan(listen)?) {
        Ok(running) => Ok((running, false)),
        Err(error) if is_taken(&error) => {
            Ok((Running::start(plan(SocketAddr::new(listen.ip(), 0))?)?, true))
        }
        Err(error) => Err(error),
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    })
}

/// An address that the country database puts into Sweden.
fn swede(scale: heliostat_testing_world::Scale, seed: u64) -> Option<IpAddr> {
    client_addresses(seed).take(100_000).find(|&address| {
        let country = heliostat_testing_world::address_country(scale, seed, address);
        address.is_ipv4() && country.is_some_and(|country| country.to_string() == "SE")
    })
}
