//! A moment as people write it: `2026-03-01T12:00:00.250Z`.

use core::fmt;
use core::time::Duration;

/// A time since the beginning of 1970, shown in UTC as RFC 3339 has it, to the millisecond.
pub(crate) struct Moment(pub(crate) Duration);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = date(seconds / DAY);
        let (hour, minute) = (seconds % DAY / 3600, seconds % 3600 / 60);
        let (second, millis) = (seconds % 60, self.0.subsec_millis());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, and in eras of 400,
/// which all have the same number of days (H. Hinnant's `civil_from_days`).
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / ERA, day % ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, wrapped) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + wrapped, month, day)
}

const DAY: u64 = 86_400;
const ERA: u64 = 146_097;

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn check(seconds: u64, text: &str) {
        assert_eq!(Moment(Duration::from_secs(seconds)).to_string(), text);
    }

    #[test]
    fn known_moments() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_399, "2000-02-28T23:59:59.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(1_000_000_000, "2001-09-09T01:46:40.000Z");
        check(1_709_251_199, "2024-02-29T23:59:59.000Z");
        check(4_107_542_400, "2100-03-01T00:00:00.000Z");
        check(253_402_300_799, "9999-12-31T23:59:59.000Z");
    }

    #[test]
    fn milliseconds_are_cut_off() {
        let moment = Moment(Duration::new(1, 999_999_999));
        assert_eq!(moment.to_string(), "1970-01-01T00:00:01.999Z");
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        assert!(Moment(Duration::MAX).to_string().starts_with("584554051223-"));
    }

    #[test]
    fn days_follow_one_another() {
        let mut last = date(0);
        for day in 1..800 * 366 {
            let next = date(day);
            let same_month = (next.0, next.1) == (last.0, last.1) && next.2 == last.2 + 1;
            let next_month = next.2 == 1 && (next.0 * 12 + next.1) == (last.0 * 12 + last.1) + 1;
            assert!(same_month || next_month, "{last:?} then {next:?}");
            last = next;
        }
    }
}
