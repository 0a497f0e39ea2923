//! A thread pool as large as the container, not as the machine.

use std::error::Error;
use std::io::Write;
use std::thread;

use heliostat_admission::Capacity;

fn main() -> Result<(), Box<dyn Error>> {
    let capacity = Capacity::detect()?;
    let threads = capacity.cpu().threads();
    let sums = thread::scope(|scope| {
        let workers = (0..threads as u64)
            .map(|start| scope.spawn(move || (start..1_000_000).step_by(threads).sum::<u64>()));
        let workers: Vec<_> = workers.collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).sum::<u64>()
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} allow {threads} threads; the sum is {sums}", capacity.cpu())?;
    Ok(())
}
