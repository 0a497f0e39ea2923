//! Following the CPUs that are allowed, for ten seconds.
//!
//! Change the container's CPUs meanwhile, for example by `docker update --cpuset-cpus`.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::{Duration, Instant};

use heliostat_percpu::Error;
use heliostat_percpu::affinity::Watch;

fn main() -> Result<(), Error> {
    let mut watch = Watch::start()?;
    println!("allowed at first: {}", watch.allowed());
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if let Some(now) = watch.wait(Duration::from_secs(1)) {
            println!("allowed now: {now}");
        }
    }
    Ok(())
}
