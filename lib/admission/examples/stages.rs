//! Data, then execution: memory stays bounded although the workers are slow.

use std::io::{self, Write};
use std::time::Duration;

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need, Rejected};

async fn job(data: Admission, execution: Admission) -> Result<(), Rejected> {
    let mut fetched = data.acquire(Lane::Background, Need::of_memory(Bytes::new(8 << 20))).await?;
    tokio::time::sleep(Duration::from_millis(2)).await;
    fetched.shrink_to(Need::of_memory(Bytes::new(4 << 20)));
    let cpu = Need::of_cpu(MilliCpu::cpus(1));
    let _running = fetched.then(&execution, Lane::Background, cpu).await?;
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    // Built in the order of the stages.
    let data = Admission::new(Need::of_memory(Bytes::new(100 << 20)));
    let execution = Admission::new(Need::of_cpu(MilliCpu::cpus(5)));
    let jobs: Vec<_> =
        (0..50).map(|_| tokio::spawn(job(data.clone(), execution.clone()))).collect();
    let mut most = 0;
    for running in jobs {
        most = most.max(data.snapshot().used().memory().get());
        running.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
    }
    writeln!(io::stdout().lock(), "at most {} of data at once", Bytes::new(most))
}
