//! What this machine or container really gives, and which file says so.

use std::io::Write;

use heliostat_admission::{Bytes, Capacity, Fraction, Headroom, Need, Report};
use heliostat_publish::memory::HEADROOM;
use serde::Serialize;

use crate::Error;
use crate::args::CapacityArgs;

/// Prints every bound with the file that said it, and what is left for work.
pub(crate) fn run(args: &CapacityArgs, out: &mut impl Write) -> Result<(), Error> {
    let capacity = Capacity::detect()?;
    let policy = args.headroom.unwrap_or(HEADROOM);
    let headroom = policy.of(capacity.memory());
    let left = capacity.allocatable(policy);
    if args.json {
        let shown = Shown {
            report: capacity.report(),
            headroom: Kept { policy: named(policy), memory_bytes: headroom },
            permits: Left::of(&left),
        };
        serde_json::to_writer_pretty(&mut *out, &shown).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    write!(out, "{}", capacity.report())?;
    writeln!(out, "\n* this bound decides")?;
    writeln!(out, "\nheadroom  {headroom} ({})", named(policy))?;
    writeln!(out, "for work  {} and {}", left.cpu(), left.memory())?;
    Ok(())
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: Report<'a>,
    headroom: Kept,
    permits: Left,
}

#[derive(Debug, Serialize)]
struct Kept {
    policy: String,
    memory_bytes: Bytes,
}

#[derive(Debug, Serialize)]
struct Left {
    cpu_milli: u64,
    memory_bytes: u64,
}

impl Left {
    fn of(left: &Need) -> Left {
        Left { cpu_milli: left.cpu().get(), memory_bytes: left.memory().get() }
    }
}

/// The policy in words.
fn named(policy: Headroom) -> String {
    match policy {
        Headroom::Fn => "a tenth, at least 256 MiB, at most 5 GiB".to_owned(),
        Headroom::Fraction(part) => format!("{part} of what there is"),
        Headroom::Fixed(amount) => format!("always {amount}"),
    }
}

/// Reads a policy of headroom.
pub(crate) fn headroom(text: &str) -> Result<Headroom, String> {
    let percent = text.strip_suffix('%').map(str::parse);
    match (text, percent) {
        ("fn", _) => Ok(Headroom::Fn),
        (_, Some(Ok(percent @ 0..=100))) => Ok(Headroom::Fraction(Fraction::percent(percent))),
        (_, Some(_)) => Err("not a whole number of percent, from 0% to 100%".to_owned()),
        _ => size(text).map(Headroom::Fixed),
    }
}

/// Reads a size: bytes, or with `K`, `M`, `G`, `T` in steps of 1024.
pub(crate) fn size(text: &str) -> Result<Bytes, String> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return Err("not a size: give bytes, or 300M, or 2G".to_owned()),
    };
    let count: u64 = digits.parse().map_err(|_| "not a size: give bytes, or 300M, or 2G")?;
    let bytes = count.checked_mul(1 << shift).ok_or("more than can be counted")?;
    Ok(Bytes::new(bytes))
}

#[cfg(test)]
mod tests {
    use heliostat_admission::{Bytes, Fraction, Headroom};

    use super::{headroom, size};

    #[test]
    fn sizes_and_policies_are_read() {
        assert_eq!(size("300M"), Ok(Bytes::new(300 << 20)));
        assert_eq!(size("7"), Ok(Bytes::new(7)));
        assert_eq!(size("2t"), Ok(Bytes::new(2 << 40)));
        for wrong in ["", "M", "-1", "3X", "1.5G", "16777216T", "3MB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(headroom("fn"), Ok(Headroom::Fn));
        assert_eq!(headroom("25%"), Ok(Headroom::Fraction(Fraction::percent(25))));
        assert_eq!(headroom("1G"), Ok(Headroom::Fixed(Bytes::new(1 << 30))));
        for wrong in ["x%", "-5%", "101%", "most"] {
            assert!(headroom(wrong).is_err(), "{wrong}");
        }
    }
}
