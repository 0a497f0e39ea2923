//! CPU-heavy work of 100 callers, shared by as many workers as there are CPUs.
//!
//! Run it with `cargo run --release --example shared`.

use std::env;
use std::error::Error;
use std::thread::available_parallelism;
use std::time::Instant;

use heliostat_workers::{Job, Pool, Program, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some("worker") {
        heliostat_workers::serve(|job, reply| {
            let limit = u64::from_le_bytes(job.body().try_into()?);
            reply.push(&primes_below(limit).to_le_bytes())?;
            Ok::<_, Box<dyn Error>>(())
        });
    }
    let workers = available_parallelism()?.get();
    let program = Program::itself(["worker"]);
    let pool = Pool::start(Settings { workers, ..Settings::new(program) })?;
    let began = Instant::now();
    let callers: Vec<_> = (0..100_u64)
        .map(|caller| {
            let pool = pool.clone();
            let body = (20_000 + caller).to_le_bytes().to_vec();
            // Each caller has an account of its own.
            tokio::spawn(async move { pool.call(Job::new(body).tenant(caller % 4)).await })
        })
        .collect();
    let mut primes = 0;
    for caller in callers {
        primes += u64::from_le_bytes(caller.await??.into_bytes().as_slice().try_into()?);
    }
    eprintln!("{primes} primes, {workers} workers, {:?}", began.elapsed());
    pool.drain().await;
    for account in pool.tenants() {
        eprintln!("tenant {}: {:?} of CPU", account.tenant, account.cpu);
    }
    Ok(())
}

fn primes_below(limit: u64) -> u64 {
    let is_prime = |n: &u64| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..limit).filter(is_prime).count() as u64
}
