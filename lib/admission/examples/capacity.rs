//! What this process can really use, and which file says so.

use std::error::Error;
use std::io::Write;

use heliostat_admission::{Capacity, Headroom};

fn main() -> Result<(), Box<dyn Error>> {
    let capacity = Capacity::detect()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", capacity.report())?;
    writeln!(out, "for permits: {}", capacity.allocatable(Headroom::Fn))?;
    Ok(())
}
