//! Dates, as everybody writes them.

/// Seconds since 1970 of a date and time, if there is such a day and such a time.
pub(crate) fn unix_s(date: (i64, i64, i64), time: (i64, i64, i64)) -> Option<i64> {
    let ((year, month, day), (hour, minute, second)) = (date, time);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    let sound = (1..=9999).contains(&year)
        && (1..=days).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    // The year begins in March, so that the day that leaps is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    sound.then_some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The number of an English month's first three letters.
pub(crate) fn month(name: &str) -> Option<i64> {
    let name = name.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find(|(_, known)| **known == name).map(|(number, _)| number)
}

/// A number of nothing but digits, and not too many.
pub(crate) fn number(text: &str) -> Option<i64> {
    let sound = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

/// `03:04:05` or `03:04`, and whether there were seconds.
pub(crate) fn clock(text: &str) -> Option<((i64, i64, i64), bool)> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    match parts.next() {
        Some(second) => Some(((hour, minute, number(second)?), true)),
        None => Some(((hour, minute, 0), false)),
    }
}

/// `Sat, 01 Jan 2000 00:00:00 UTC`, as in mail and in Debian's `Release`.
pub(crate) fn mail(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?)?;
    let month = month(words.next()?)?;
    let year = number(words.next()?)?;
    let (time, _) = clock(words.next()?)?;
    let zone = match words.next() {
        None | Some("UTC" | "GMT" | "Z" | "UT") => 0,
        Some(zone) => offset_s(zone)?,
    };
    Some(unix_s((year, month, day), time)? - zone)
}

/// `2000-01-01T00:00:00Z`, with or without parts of a second, `Z` or `+01:00`.
pub(crate) fn internet(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, zone) = rest.split_at_checked(8)?;
    let zone = match zone.strip_prefix('.') {
        Some(parts) => parts.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => zone,
    };
    let zone = match zone {
        "Z" | "z" | " UTC" => 0,
        zone => offset_s(zone)?,
    };
    let (time, true) = clock(time)? else { return None };
    Some(unix_s(ymd(date, '-')?, time)? - zone)
}

/// `2000-01-02` or `2000/01/02`.
pub(crate) fn ymd(text: &str, mark: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.splitn(3, mark);
    let mut next = || parts.next();
    let year = next().filter(|year| year.len() == 4).and_then(number)?;
    Some((year, number(next()?)?, number(next()?)?))
}

/// `+0100` or `-01:00` in seconds.
fn offset_s(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = number(minutes.strip_prefix(':').unwrap_or(minutes))?;
    Some(sign * (number(hours)? * 3600 + minutes * 60))
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[cfg(test)]
mod tests {
    use super::{internet, mail, unix_s};

    #[test]
    fn dates_are_what_they_say() {
        assert_eq!(unix_s((1970, 1, 1), (0, 0, 0)), Some(0));
        assert_eq!(unix_s((2000, 2, 29), (12, 0, 0)), Some(951_825_600));
        assert_eq!(unix_s((2100, 2, 29), (0, 0, 0)), None);
        assert_eq!(unix_s((2024, 13, 1), (0, 0, 0)), None);
        assert_eq!(unix_s((1, 1, 1), (0, 0, 0)), Some(-62_135_596_800));
        assert_eq!(mail("Sat, 09 Nov 2024 10:11:12 UTC"), Some(1_731_147_072));
        assert_eq!(mail("Sat, 09 Nov 2024 11:11:12 +0100"), Some(1_731_147_072));
        assert_eq!(mail("some day"), None);
        assert_eq!(internet("2024-11-09T10:11:12.345Z"), Some(1_731_147_072));
        assert_eq!(internet("2024-11-09T05:11:12-05:00"), Some(1_731_147_072));
        assert_eq!(internet("2024-11-09T10:11"), None);
    }
}
