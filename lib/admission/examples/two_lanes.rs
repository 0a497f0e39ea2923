//! Interactive requests and a background crawl over the same memory.

use std::io::{self, Write};

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let admission = Admission::new(Need::new(Bytes::new(100 << 20), MilliCpu::cpus(2)));
    let probe = Need::new(Bytes::new(8 << 20), MilliCpu::new(50));
    let crawl: Vec<_> = (0..20)
        .map(|_| {
            let admission = admission.clone();
            tokio::spawn(async move {
                let permit = admission.acquire_below_watermark(probe).await;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                drop(permit);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let mut out = io::stdout().lock();
    let snapshot = admission.snapshot();
    writeln!(out, "the crawl holds {}, {} wait", snapshot.used(), snapshot.waiting())?;
    let request = Need::new(Bytes::new(20 << 20), MilliCpu::new(500));
    let granted = admission.try_acquire(Lane::Interactive, request).is_ok();
    writeln!(out, "a request for {request} is granted: {granted}")?;
    for probe in crawl {
        probe.await.map_err(io::Error::other)?;
    }
    writeln!(out, "granted in all: {}", admission.snapshot().counters.granted_background)
}
