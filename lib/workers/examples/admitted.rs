//! Workers that use what the container gives, and no more: permits of an admission, one worker a CPU.
//!
//! Run it with `cargo run --release --example admitted --features admission`.

use std::env;
use std::error::Error;
use std::sync::Arc;

use heliostat_admission::{Admission, Bytes, Capacity, Headroom, Lane, MilliCpu, Need};
use heliostat_workers::{Job, Line, Pool, Program, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some("worker") {
        heliostat_workers::serve(|job, reply| reply.push(&job.body().to_ascii_uppercase()));
    }
    let admission = Admission::new(Capacity::detect()?.allocatable(Headroom::Fn));
    // Parsing takes four times the bytes, and a tenth of a CPU beside what others do.
    let need = |bytes: usize| Need::new(Bytes::new(4 * bytes as u64), MilliCpu::new(100));
    let stage = Line::admitted(admission.clone(), Lane::Background, move |ask| need(ask.bytes));
    let program = Program::itself(["worker"]);
    let settings = Settings { workers: 64, stage: Some(Arc::new(stage)), ..Settings::new(program) };
    let pool = Pool::start(settings)?;
    let watch = pool.follow_capacity()?;
    let tickets: Vec<_> =
        (0..200).map(|_| pool.submit(Job::new("bytes of a stranger"))).collect::<Result<_, _>>()?;
    for ticket in tickets {
        assert_eq!(ticket.await?.bytes(), b"BYTES OF A STRANGER");
    }
    eprintln!(
        "{}; {} workers at most",
        admission.snapshot().used(),
        watch.latest().cpu().threads()
    );
    pool.drain().await;
    Ok(())
}
