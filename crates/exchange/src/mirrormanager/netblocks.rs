//! Which autonomous system announces which prefix.
//!
//! The file has a line `prefix number` for each of about a million routes. It is read at start and
//! whenever a snapshot is compiled, so a line costs as little as it can.

use heliostat_model::{Asn, IpNet};

use crate::prefix;
use crate::problem::{Fault, ProblemKind, Problems, shown};

/// Reads lines such as `192.0.2.0/24 64496`; blank lines and `#` comments are skipped.
///
/// A line that cannot be read is a problem with its number, and the next line is read.
pub fn netblocks_read(bytes: &[u8], problems: &mut Problems) -> Vec<(IpNet, Asn)> {
    let mut netblocks = Vec::with_capacity(bytes.len() / LINE_BYTES_TYPICAL);
    for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
        match line_read(line) {
            Ok(netblock) => netblocks.extend(netblock),
            Err(fault) => problems.fault(fault, || format!("netblocks line {}", index + 1)),
        }
    }
    netblocks
}

fn line_read(line: &[u8]) -> Result<Option<(IpNet, Asn)>, Fault> {
    let line = line.trim_ascii();
    if line.is_empty() || line[0] == b'#' {
        return Ok(None);
    }
    let blank = line.iter().position(u8::is_ascii_whitespace).ok_or_else(|| {
        Fault::new(ProblemKind::BadLine, format!("{}: a prefix without a number", shown(line)))
    })?;
    let prefix = prefix::parse(&line[..blank])?;
    let asn = asn_parse(line[blank..].trim_ascii()).ok_or_else(|| {
        Fault::new(ProblemKind::BadLine, format!("{}: no autonomous system", shown(line)))
    })?;
    Ok(Some((prefix, asn)))
}

/// A decimal number of an autonomous system, `AS` before it or not.
fn asn_parse(text: &[u8]) -> Option<Asn> {
    let digits = match text {
        [b'A' | b'a', b'S' | b's', digits @ ..] => digits,
        digits => digits,
    };
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    u32::try_from(number).ok().filter(|&number| number != 0).map(Asn)
}

/// For the first guess at how many lines there are.
const LINE_BYTES_TYPICAL: usize = 22;

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::Problems;

    fn check(text: &[u8], expected: Expect) {
        let mut problems = Problems::new();
        let mut out = String::new();
        for (prefix, asn) in super::netblocks_read(text, &mut problems) {
            out.push_str(&format!("{prefix} {asn}\n"));
        }
        for problem in problems.kept() {
            out.push_str(&format!("! {problem}\n"));
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn reads_prefixes_comments_and_blank_lines() {
        check(
            b"# a table\n192.0.2.0/24 64496\n\n  \r\n2001:db8::/32\t64497\r\n198.51.100.0/24   AS64498",
            expect![[r#"
                192.0.2.0/24 64496
                2001:db8::/32 64497
                198.51.100.0/24 64498
            "#]],
        );
    }

    #[test]
    fn bad_lines_are_named_by_number() {
        check(
            b"192.0.2.0/24\n1.2.3.4/33 5\nx 7\n192.0.2.0/24 {1,2}\n192.0.2.0/24 0\n\
              192.0.2.0/24 4294967296\n192.0.2.0/24 -4\n\xff\xfe 3\n192.0.2.0/25 1",
            expect![[r#"
                192.0.2.0/25 1
                ! netblocks line 1: 192.0.2.0/24: a prefix without a number
                ! netblocks line 2: 1.2.3.4/33: prefix length too large
                ! netblocks line 3: x is a name, not a prefix; left out
                ! netblocks line 4: 192.0.2.0/24 {1,2}: no autonomous system
                ! netblocks line 5: 192.0.2.0/24 0: no autonomous system
                ! netblocks line 6: 192.0.2.0/24 4294967296: no autonomous system
                ! netblocks line 7: 192.0.2.0/24 -4: no autonomous system
                ! netblocks line 8: ��: not an address prefix; left out
            "#]],
        );
    }
}
