//! What stands behind a link: a date, and a size.

use heliostat_observe_probe_wire::{Size, Time, Zone};

use crate::date;

/// The first date, and the first size behind it or else before it.
pub(super) fn parse(tail: &str) -> (Option<Time>, Option<Size>) {
    let words: Vec<&str> = tail.split_ascii_whitespace().take(WORDS_MAX).collect();
    let dates = words.windows(2).enumerate();
    let found = dates.filter_map(|(at, pair)| Some((at, time(pair[0], pair[1])?))).next();
    let Some((at, time)) = found else { return (None, None) };
    let (before, behind) = (&words[..at], words.get(at + 2..).unwrap_or_default());
    // A line without a size has a dash there, and no number behind it is one.
    let size = match behind.first() {
        Some(&"-" | &"&#8212;" | &"—") => None,
        Some(_) => size(behind),
        None => size(before),
    };
    (Some(time), size)
}

/// `2024-01-02 03:04`, `02-Jan-2024 03:04:05`, `2024-Jan-02 03:04:05`.
fn time(day: &str, clock: &str) -> Option<Time> {
    let (time, seconds) = date::clock(clock)?;
    let mut parts = day.splitn(3, '-');
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let month = date::number(second).or_else(|| date::month(second))?;
    let (year, day) = if first.len() == 4 { (first, third) } else { (third, first) };
    let year = Some(year).filter(|year| year.len() == 4).and_then(date::number)?;
    let unix_s = date::unix_s((year, month, date::number(day)?), time)?;
    Some(Time { unix_s, precision_s: if seconds { 1 } else { 60 }, zone: Zone::Unknown })
}

/// `1234`, `1.2K`, `1.2 MiB`.
fn size(words: &[&str]) -> Option<Size> {
    let word = words.first()?;
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (value, unit) = word.split_at(end);
    let unit = if unit.is_empty() { words.get(1).copied().unwrap_or_default() } else { unit };
    let (whole, parts) = value.split_once('.').unwrap_or((value, ""));
    let digits = date::number(&format!("{whole}{parts}"))?.unsigned_abs();
    let shift = match unit.bytes().next().unwrap_or(b'B').to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ if parts.is_empty() => return Some(Size::exact(digits)),
        _ => return None,
    };
    // One unit of the last place either way, whichever way the server rounds.
    let scale = 10_u128.checked_pow(u32::try_from(parts.len()).ok()?)?;
    let bytes = |digits: u64| u64::try_from((u128::from(digits) << shift) / scale).ok();
    let (bytes_min, bytes_max) = (bytes(digits.saturating_sub(1))?, bytes(digits + 1)?);
    Some(Size { bytes_min, bytes_max })
}

/// A date, a size, and what some servers write between them.
const WORDS_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use heliostat_observe_probe_wire::{Size, Time, Zone};

    use super::parse;

    #[test]
    fn dates_and_sizes_of_every_style() {
        let time = |unix_s, precision_s| Some(Time { unix_s, precision_s, zone: Zone::Unknown });
        let minute = time(1_704_164_640, 60);
        assert_eq!(
            parse(" 2024-01-02 03:04  1.2K "),
            (minute, { Some(Size { bytes_min: 1126, bytes_max: 1331 }) })
        );
        assert_eq!(parse("02-Jan-2024 03:04   1234"), (minute, Some(Size::exact(1234))));
        assert_eq!(parse("2024-Jan-02 03:04:05 - Directory"), (time(1_704_164_645, 1), None));
        assert_eq!(parse("17 2024-01-02 03:04"), (minute, Some(Size::exact(17))));
        let megabytes = Some(Size { bytes_min: 11 << 20, bytes_max: 13 << 20 });
        assert_eq!(parse("2024-01-02 03:04 12M iso"), (minute, megabytes));
        assert_eq!(parse("2024-01-02 03:04 12 MiB"), (minute, megabytes));
        assert_eq!(parse("nothing here 12:00"), (None, None));
        assert_eq!(parse("2024-02-30 03:04 1"), (None, None));
        assert_eq!(parse("2024-01-02 03:04 99999999999999999999").1, None);
        assert_eq!(parse("2024-01-02 03:04 999999999999999999T").1, None);
    }
}
