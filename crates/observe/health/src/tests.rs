//! Standings over simulated days, and what history says.

use heliostat_catalog::availability::availability;
use heliostat_catalog::probe::{Probe, Verdict};

use crate::Tally;
use crate::standing::{Patience, Sight, Standing, Turn};

/// Numbers that look random, the same ones for the same seed.
struct Draw(u64);

impl Draw {
    fn one_in(&mut self, many: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20 < (1 << 44) / many
    }
}

/// A round of one URL: a look, and if it fails more of them, as rounds do it. When it turned.
fn round(
    standing: &mut Standing,
    begun_ms: u64,
    mut look: impl FnMut(u64) -> Sight,
) -> Option<(Turn, u64)> {
    let patience = Patience::default();
    let mut see = |standing: &mut Standing, at_ms: u64| {
        let turn = standing.see(look(at_ms), &patience, at_ms);
        (turn != Turn::Stays).then_some((turn, at_ms))
    };
    let mut turned = see(standing, begun_ms);
    for offset_ms in patience.again_ms {
        if standing.looks_left(&patience) == 0 {
            break;
        }
        turned = turned.or(see(standing, begun_ms + offset_ms));
    }
    turned
}

#[test]
fn random_errors_leave_nobody_out() {
    for seed in [1, 0x5eed, 0xdead_beef] {
        let mut draw = Draw(seed);
        let mut errors = 0_u64;
        for _ in 0..700 * 4 {
            let mut standing = Standing::new(0);
            for minute in 0..24 * 60 {
                let turned = round(&mut standing, minute * 60_000, |_| {
                    let error = draw.one_in(100);
                    errors += u64::from(error);
                    if error { Sight::Wrong } else { Sight::Right }
                });
                assert_eq!(turned, None, "seed {seed}");
            }
            assert_eq!(standing.score, 100);
        }
        assert!((38_000..44_000).contains(&errors), "one in a hundred: {errors}");
    }
}

#[test]
fn a_short_break_leaves_nobody_out() {
    // A server that is restarted for ten seconds, whenever in the minute that happens.
    for broken_ms in (0..120_000_u64).step_by(500) {
        let mut standing = Standing::new(0);
        for minute in 0..5 {
            let turned = round(&mut standing, minute * 60_000, |at_ms| {
                let is_broken = (broken_ms..broken_ms + 10_000).contains(&at_ms);
                if is_broken { Sight::Wrong } else { Sight::Right }
            });
            assert_eq!(turned, None, "{broken_ms}");
        }
    }
}

#[test]
fn death_is_noticed_within_75_seconds_and_at_once_stays_unnoticed() {
    let mut slowest_ms = 0;
    for dead_ms in (0..60_000_u64).step_by(50) {
        let mut standing = Standing::new(0);
        let look = |at_ms: u64| if at_ms >= dead_ms { Sight::Wrong } else { Sight::Right };
        let mut minutes = (0..5).map(|minute| round(&mut standing, minute * 60_000, look));
        let (turn, at_ms) = minutes.find_map(|turned| turned).expect("it is noticed");
        assert_eq!(turn, Turn::Leaves);
        assert!(at_ms - dead_ms >= 12_000, "not before there is enough evidence");
        slowest_ms = slowest_ms.max(at_ms - dead_ms);
    }
    assert!(slowest_ms < 75_000, "{slowest_ms} ms, without the time that looks take");
}

#[test]
fn who_keeps_going_waits_longer_to_come_back() {
    let (mut standing, mut minute, mut waits) = (Standing::new(0), 0, Vec::new());
    let mut step = |standing: &mut Standing, sight| {
        minute += 1;
        round(standing, minute * 60_000, |_| sight)
    };
    for _ in 0..6 {
        while step(&mut standing, Sight::Wrong).is_none() {}
        assert!(!standing.good);
        let mut waited = 1;
        while step(&mut standing, Sight::Right).is_none() {
            waited += 1;
        }
        waits.push(waited);
    }
    assert_eq!(waits, [3, 6, 12, 24, 24, 24]);
    // What was is forgotten in a day and a half, not earlier.
    for _ in 0..20 * 60 {
        step(&mut standing, Sight::Right);
    }
    assert!((50..80).contains(&standing.score), "{}", standing.score);
    for _ in 0..14 * 60 {
        step(&mut standing, Sight::Right);
    }
    assert_eq!(standing.score, 100);
}

#[test]
fn only_what_was_verified_brings_back() {
    let patience = Patience::default();
    let mut standing = Standing::new(0);
    for second in 0..30 {
        standing.see(Sight::Wrong, &patience, second * 1_000);
    }
    assert!(!standing.good);
    // Two good ones and a bad one are nothing.
    let sights = [Sight::Right, Sight::Right, Sight::Wrong, Sight::Doubtful, Sight::Unknown];
    for (sight, minute) in sights.into_iter().cycle().take(100).zip(1..) {
        assert_eq!(standing.see(sight, &patience, minute * 60_000), Turn::Stays);
    }
    // What nobody can tell neither counts nor spoils what was counted.
    let sights = [Sight::Right, Sight::Unknown, Sight::Right, Sight::Doubtful, Sight::Right];
    let turns = sights.map(|sight| standing.see(sight, &patience, 6_100_000));
    assert_eq!(turns, [Turn::Stays, Turn::Stays, Turn::Stays, Turn::Stays, Turn::Returns]);
    // While it is given to clients, being there is enough.
    for second in 0..100 {
        let sight = if second % 5 == 4 { Sight::Doubtful } else { Sight::Wrong };
        assert_eq!(standing.see(sight, &patience, 7_000_000 + second * 60_000), Turn::Stays);
    }
}

#[test]
fn who_says_that_it_is_closed_is_believed_the_second_time() {
    let patience = Patience::default();
    let mut standing = Standing::new(0);
    assert_eq!(standing.see(Sight::Closed, &patience, 0), Turn::Stays);
    assert_eq!(standing.see(Sight::Closed, &patience, 60_000), Turn::Leaves);
}

#[test]
fn unknown_is_never_bad() {
    let patience = Patience::default();
    let mut standing = Standing::new(0);
    let before = standing.clone();
    for minute in 0..10_000 {
        assert_eq!(standing.see(Sight::Unknown, &patience, minute * 60_000), Turn::Stays);
    }
    assert_eq!(standing, before);
}

#[test]
fn what_was_remembered_goes_on() {
    let patience = Patience::default();
    let mut standing = Standing::remembered(false, 50, 9, (1_000, 2_000));
    assert!(!standing.good && standing.is_due(2_001));
    assert_eq!(standing.successes_needed(&patience), 6);
    let turns: Vec<Turn> =
        (0..6).map(|n| standing.see(Sight::Right, &patience, 3_000_000 + n)).collect();
    assert_eq!(turns[5], Turn::Returns);
    // Whoever has been gone for hours is asked every five minutes.
    let standing = Standing::remembered(false, 50, 9, (1_000, 20_000));
    assert!(!standing.is_due(20_299) && standing.is_due(20_300));
}

#[test]
fn most_at_once_is_us() {
    let ours = |hosts, failing| Tally { hosts, failing }.is_ours();
    assert!(ours(700, 351) && ours(4, 3) && ours(3, 3));
    assert!(!ours(700, 350) && !ours(2, 2) && !ours(1, 1) && !ours(0, 0));
}

#[test]
fn shares_are_shares_of_time() {
    let probe = |at_unix_s: u64, verdict: Verdict, duration_ms: u64| Probe {
        id: 0,
        host_id: 1,
        url: "http://mirror.example/".to_owned(),
        family: Some(4),
        at_unix_s,
        verdict,
        reason: String::new(),
        duration_ms,
        score: 100,
    };
    let probes = [
        probe(4_500, Verdict::Bad, 0),
        probe(0, Verdict::Good, 100),
        probe(3_600, Verdict::Good, 300),
        probe(4_600, Verdict::Good, 200),
        probe(5_000, Verdict::Unknown, 0),
    ];
    let found = availability(&probes, 9_000);
    assert_eq!((found.known_s, found.good_percent), (5_000, Some(98.0)));
    assert_eq!((found.duration_ms_median, found.duration_ms_p90), (Some(200), Some(300)));
    // Nobody speaks for a day: after two hours without a probe nothing is known.
    let found = availability(&probes[1..2], 86_400);
    assert_eq!((found.known_s, found.good_percent), (7_200, Some(100.0)));
    assert_eq!(availability(&[], 1).good_percent, None);
}
