//! An HTTP handler that never waits: what it answers for each reason of a refusal.

use std::io::{self, Write};

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need, Rejected};

/// The status and, for refusals that pass, when to come back.
fn answer(admission: &Admission, upload: u64) -> (u16, Option<u32>) {
    let need = Need::new(Bytes::new(upload), MilliCpu::new(100));
    match admission.try_acquire(Lane::Interactive, need) {
        Ok(_permit) => (200, None),
        Err(Rejected::Impossible { .. }) => (413, None),
        Err(Rejected::Closed) => (503, None),
        Err(_) => (503, Some(1)),
    }
}

fn main() -> io::Result<()> {
    let admission = Admission::new(Need::new(Bytes::new(64 << 20), MilliCpu::cpus(1)));
    let mut out = io::stdout().lock();
    writeln!(out, "1 MiB while all is free: {:?}", answer(&admission, 1 << 20))?;
    let busy = admission.try_acquire(Lane::Interactive, Need::of_memory(Bytes::new(64 << 20)));
    writeln!(out, "1 MiB while all is busy: {:?}", answer(&admission, 1 << 20))?;
    writeln!(out, "1 GiB, which never fits: {:?}", answer(&admission, 1 << 30))?;
    drop(busy);
    Ok(())
}
