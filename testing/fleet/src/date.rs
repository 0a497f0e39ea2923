//! Times, as servers write them: seconds since 1970, taken apart.

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    year: i64,
    /// From 0.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// From 0, a Thursday.
    weekday: usize,
}

impl Date {
    pub(crate) fn of(unix_s: i64) -> Date {
        let (days, clock) = (unix_s.div_euclid(86_400), unix_s.rem_euclid(86_400));
        // Years begin in March, so that the day that leaps is the last one.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        Date {
            year: year + era * 400 + i64::from(from_march >= 10),
            month: ((from_march + 2) % 12) as usize,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            weekday: days.rem_euclid(7) as usize,
        }
    }

    /// `Sat, 09 Nov 2024 10:11:12 GMT`, as in HTTP and, with another zone, in Debian's `Release`.
    pub(crate) fn mail(self, zone: &str) -> String {
        let Date { year, day, hour, minute, second, .. } = self;
        let (weekday, month) = (WEEKDAYS[self.weekday], MONTHS[self.month]);
        format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} {zone}")
    }

    /// `2024-11-09T10:11:12Z`, as Caddy and S3 write it.
    pub(crate) fn internet(self) -> String {
        let Date { second, .. } = self;
        format!("{}T{}:{second:02}Z", self.day(), self.clock())
    }

    /// `2024-11-09 10:11`, as Apache writes it.
    pub(crate) fn apache(self) -> String {
        format!("{} {}", self.day(), self.clock())
    }

    /// `09-Nov-2024 10:11`, as nginx writes it.
    pub(crate) fn nginx(self) -> String {
        let Date { year, day, .. } = self;
        format!("{day:02}-{}-{year} {}", MONTHS[self.month], self.clock())
    }

    /// `2024-Nov-09 10:11:12`, as lighttpd writes it.
    pub(crate) fn lighttpd(self) -> String {
        let Date { year, day, second, .. } = self;
        format!("{year}-{}-{day:02} {}:{second:02}", MONTHS[self.month], self.clock())
    }

    fn day(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month + 1, self.day)
    }

    fn clock(self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }
}

/// What [`Date::mail`] writes, read again; other forms are no condition that a server has to know.
pub(crate) fn unix_s(mail: &str) -> Option<i64> {
    let mut words = mail.split_once(", ")?.1.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|known| *known == name)? as i64;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let (year, month) = if month >= 2 { (year, month - 2) } else { (year - 1, month + 10) };
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

#[cfg(test)]
mod tests {
    use super::{Date, unix_s};

    #[test]
    fn dates_are_what_they_say() {
        let date = Date::of(1_731_147_072);
        assert_eq!(date.mail("GMT"), "Sat, 09 Nov 2024 10:11:12 GMT");
        assert_eq!(date.internet(), "2024-11-09T10:11:12Z");
        assert_eq!(date.nginx(), "09-Nov-2024 10:11");
        assert_eq!(date.lighttpd(), "2024-Nov-09 10:11:12");
        assert_eq!(Date::of(0).mail("GMT"), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(Date::of(951_782_400).apache(), "2000-02-29 00:00");
        for unix_s_known in [0, 951_782_400, 1_731_147_072, 4_102_444_800] {
            assert_eq!(unix_s(&Date::of(unix_s_known).mail("GMT")), Some(unix_s_known));
        }
        assert_eq!(unix_s("yesterday"), None);
    }
}
