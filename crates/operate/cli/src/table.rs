//! Columns for people: as wide as their widest cell, numbers to the right.

use std::io::{self, Write};

/// Prints rows under a heading; columns whose heading begins with `>` are set to the right.
pub(crate) fn print(
    out: &mut impl Write,
    heading: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let right: Vec<bool> = heading.iter().map(|cell| cell.starts_with('>')).collect();
    let heading: Vec<String> =
        heading.iter().map(|cell| cell.trim_start_matches('>').to_owned()).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| all().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in all() {
        let cells = row.iter().zip(&widths).zip(&right).map(|((cell, &width), &right)| {
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A number with a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
