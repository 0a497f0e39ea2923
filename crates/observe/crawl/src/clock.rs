//! The clock of a server, as its pages show it.
//!
//! Pages tell times without a zone, and mostly to the minute. Which zone it is shows in the pages
//! themselves: whatever is as it should be is off by the same number of quarters of an hour, or by
//! two of them where the server writes summer time.

use heliostat_observe_probe::wire::{Time, Zone};

/// What was learned of a server's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// How often a time was off by so many quarters of an hour.
    votes: Vec<(i8, u32)>,
}

/// How a time on a page compares with the one that should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// It is that one.
    Same,
    /// It is an older one.
    Older,
    /// It is a newer one.
    Newer,
    /// Nobody can tell.
    Unknown,
}

impl Clock {
    /// Takes a time on a page that may be the one that should be.
    pub(crate) fn learn(&mut self, shown: Option<Time>, expected_unix_s: Option<i64>) {
        let (Some(shown), Some(expected_unix_s)) = (shown, expected_unix_s) else { return };
        let Some(quarters) = quarters(shown, expected_unix_s) else { return };
        match self.votes.iter_mut().find(|(known, _)| *known == quarters) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.votes.push((quarters, 1)),
        }
    }

    /// Compares a time on a page with the one that should be.
    pub(crate) fn compare(
        &self,
        shown: Option<Time>,
        expected_unix_s: Option<i64>,
        now_unix_s: i64,
    ) -> Compared {
        let (Some(shown), Some(expected_unix_s)) = (shown, expected_unix_s) else {
            return Compared::Unknown;
        };
        let late_s = shown.unix_s.saturating_sub(minute(expected_unix_s));
        if shown.zone == Zone::Utc {
            return match late_s {
                _ if shown.admits(expected_unix_s) => Compared::Same,
                // Some file systems keep two seconds, some pages minutes.
                -2..=61 if minute(shown.unix_s) == minute(expected_unix_s) => Compared::Same,
                _ => aside(shown.unix_s.saturating_sub(expected_unix_s), shown, now_unix_s),
            };
        }
        match quarters(shown, expected_unix_s) {
            Some(quarters) if self.believes(quarters) => Compared::Same,
            _ if late_s.abs() > ZONE_S_MAX => aside(late_s, shown, now_unix_s),
            _ => match self.best() {
                // An hour either way may be summer time.
                Some(best) if (late_s - i64::from(best) * QUARTER_S).abs() > HOUR_S => {
                    aside(late_s - i64::from(best) * QUARTER_S, shown, now_unix_s)
                }
                _ => Compared::Unknown,
            },
        }
    }

    fn believes(&self, quarters: i8) -> bool {
        let votes = self.votes.iter().find(|(known, _)| *known == quarters);
        votes.is_some_and(|(_, count)| *count >= VOTES_MIN)
            || (quarters == 0 && self.best().is_none())
    }

    fn best(&self) -> Option<i8> {
        let best = self.votes.iter().max_by_key(|(_, count)| *count);
        best.filter(|(_, count)| *count >= VOTES_MIN).map(|(quarters, _)| *quarters)
    }
}

/// By how many quarters of an hour two times differ, if they do by nothing else.
fn quarters(shown: Time, expected_unix_s: i64) -> Option<i8> {
    let late_s = minute(shown.unix_s).saturating_sub(minute(expected_unix_s));
    let whole = late_s % QUARTER_S == 0 && late_s.abs() <= ZONE_S_MAX;
    (whole && shown.zone == Zone::Unknown).then(|| i8::try_from(late_s / QUARTER_S).ok()).flatten()
}

/// Older or newer; a time that has not come yet is not believed.
fn aside(late_s: i64, shown: Time, now_unix_s: i64) -> Compared {
    if late_s > 0 && shown.unix_s < now_unix_s.saturating_add(2 * ZONE_S_MAX) {
        Compared::Newer
    } else {
        Compared::Older
    }
}

fn minute(unix_s: i64) -> i64 {
    unix_s - unix_s.rem_euclid(60)
}

const QUARTER_S: i64 = 15 * 60;
const HOUR_S: i64 = 3600;
const ZONE_S_MAX: i64 = 14 * HOUR_S;

/// So many times must be off by the same before it is the zone.
const VOTES_MIN: u32 = 3;

#[cfg(test)]
mod tests {
    use heliostat_observe_probe::wire::{Time, Zone};

    use super::{Clock, Compared};

    #[test]
    fn a_zone_shows_in_what_is_as_it_should_be() {
        let (day, now) = (1_700_000_000 - 1_700_000_000 % 86_400, 1_800_000_000);
        let shown = |unix_s: i64| Some(Time { unix_s, precision_s: 60, zone: Zone::Unknown });
        let mut clock = Clock::default();
        let compare = |clock: &Clock, at, is| clock.compare(shown(at), Some(is), now);
        assert_eq!(compare(&clock, day, day + 30), Compared::Same, "most servers write UTC");
        assert_eq!(compare(&clock, day + 7200, day), Compared::Unknown);
        assert_eq!(compare(&clock, day - 86_400, day), Compared::Older);
        assert_eq!(compare(&clock, day + 86_400, day), Compared::Newer);
        for day in (0..3).map(|days| day + days * 86_400) {
            clock.learn(shown(day + 7200), Some(day));
        }
        assert_eq!(compare(&clock, day + 7200, day + 59), Compared::Same);
        assert_eq!(compare(&clock, day, day), Compared::Older, "it is another zone");
        assert_eq!(compare(&clock, day + 3600, day), Compared::Unknown, "or winter");
        assert_eq!(compare(&clock, day + 4 * 3600, day), Compared::Newer);
        // Clocks in 1970 and 2100.
        assert_eq!(compare(&clock, 0, day), Compared::Older);
        assert_eq!(compare(&clock, 4_102_444_800, day), Compared::Older);
        let exact = |at| clock.compare(Some(Time::exact(at)), Some(day + 1), now);
        assert_eq!(exact(day + 1), Compared::Same);
        assert_eq!((exact(day - 99), exact(day + 99)), (Compared::Older, Compared::Newer));
        assert_eq!(clock.compare(None, Some(1), now), Compared::Unknown);
    }
}
