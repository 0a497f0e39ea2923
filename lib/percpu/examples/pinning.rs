//! One thread per CPU that the container really allows, pinned, and noticing when it is moved.
//!
//! CPU numbers in a container are sparse: thread *i* does not belong on CPU *i*. Try
//! `taskset -c 1 cargo run -p heliostat-percpu --example pinning`, or change the mask of a thread
//! while it runs.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Duration;

use heliostat_percpu::{CpuId, Error, Policy, Query, Standing, affinity, pin_on_cpu_with};

fn main() -> Result<(), Error> {
    println!("{}\n", Query::new());
    // What this thread may use at the start honours both the cpuset and a `taskset`.
    let cpus = affinity::current()?;
    std::thread::scope(|scope| {
        for cpu in cpus.iter() {
            scope.spawn(move || work_on(cpu));
        }
    });
    Ok(())
}

fn work_on(cpu: CpuId) {
    // Where a pin cannot be had the work goes on without: it is for speed, not for safety.
    let mut pin = match pin_on_cpu_with(cpu, Policy::FallBack) {
        Ok(pin) => pin,
        Err(error) => return println!("CPU {cpu}: {error}"),
    };
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(100));
        match pin.check() {
            Ok(Standing::Pinned) => {}
            Ok(Standing::FellBack) => println!("CPU {cpu}: moved away, working unpinned"),
            Err(conflict) => println!("CPU {cpu}: {conflict}"),
        }
    }
    match pin.unpin() {
        Ok(()) => println!("CPU {cpu}: done, the mask is as it was"),
        Err(conflict) => println!("CPU {cpu}: done; {conflict}"),
    }
}
