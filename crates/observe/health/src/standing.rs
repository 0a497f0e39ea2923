//! What looks at one URL add up to: whether clients are given it.
//!
//! One failed look means nothing, since servers fail now and then; so a URL that fails is looked at
//! again at once, and a few times more within [`Patience::spread_s`] seconds. Only when all of these
//! fail it is left out: with one random error in a hundred that takes 10^12 looks, and a server that
//! is dead is found out within half a minute. It comes back after several looks in a row that found
//! what should be there, and the more often it has gone, the more of them it takes.
//!
//! There is no clock in here: the time comes with each look.

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// What should be there is there.
    Right,
    /// Something is there, and nobody can tell whether it is right.
    Doubtful,
    /// Nothing is there, or the wrong thing.
    Wrong,
    /// The server says itself that it is closed, and for how long.
    Closed,
    /// Nobody can tell: it may be our own fault. It counts for nothing.
    Unknown,
}

/// What a look changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Stays,
    /// Clients are not given it any more.
    Leaves,
    /// Clients are given it again.
    Returns,
}

/// How much is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// So many failed looks in a row, and it is left out.
    pub failures_max: u32,
    /// Over at least so many seconds.
    pub spread_s: u64,
    /// So many good looks in a row, and one that has been left out once comes back.
    pub successes_min: u32,
    /// When to look again at something that fails, in milliseconds from its first failure: at once,
    /// and then less and less often.
    pub again_ms: [u64; 5],
}

impl Default for Patience {
    fn default() -> Patience {
        let again_ms = [300, 2_000, 5_000, 9_000, 13_000];
        Patience { failures_max: 6, spread_s: 12, successes_min: 3, again_ms }
    }
}

/// Whether clients are given a URL, and how far it is from being otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// They are.
    pub good: bool,
    /// Of 100: less the more often it has gone.
    pub score: u8,
    /// Failed looks in a row.
    pub failures: u32,
    /// Good looks in a row, while it is left out.
    pub successes: u32,
    /// Since when it is as good or bad as it is.
    pub since_unix_s: u64,
    /// When it was last looked at, and something was seen or missed.
    pub looked_unix_s: u64,
    failing_since_ms: Option<u64>,
}

impl Standing {
    /// One of which nothing is known: clients are given it.
    #[must_use]
    pub fn new(now_unix_s: u64) -> Standing {
        Standing {
            good: true,
            score: SCORE_MAX,
            failures: 0,
            successes: 0,
            since_unix_s: now_unix_s,
            looked_unix_s: now_unix_s,
            failing_since_ms: None,
        }
    }

    /// One that was remembered.
    #[must_use]
    pub fn remembered(good: bool, score: u8, failures: u32, times_unix_s: (u64, u64)) -> Standing {
        let (since_unix_s, looked_unix_s) = times_unix_s;
        let failing_since_ms = (failures > 0).then_some(looked_unix_s * 1_000);
        let score = score.min(SCORE_MAX);
        let successes = 0;
        Standing { good, score, failures, successes, since_unix_s, looked_unix_s, failing_since_ms }
    }

    /// Counts a look.
    pub fn see(&mut self, sight: Sight, patience: &Patience, now_unix_ms: u64) -> Turn {
        let now_unix_s = now_unix_ms / 1_000;
        if sight == Sight::Unknown {
            return Turn::Stays;
        }
        self.rise(now_unix_s);
        self.looked_unix_s = now_unix_s.max(self.looked_unix_s);
        match sight {
            Sight::Right => self.right(patience, now_unix_s),
            // Good enough to stay, not to come back.
            Sight::Doubtful if self.good => self.right(patience, now_unix_s),
            Sight::Doubtful | Sight::Unknown => Turn::Stays,
            Sight::Wrong => self.wrong(1, patience, now_unix_ms),
            Sight::Closed => self.wrong(patience.failures_max / 2, patience, now_unix_ms),
        }
    }

    /// So many more failed looks, and it is left out; none, when it is or when it does not fail.
    #[must_use]
    pub fn looks_left(&self, patience: &Patience) -> u32 {
        if !self.good || self.failures == 0 {
            return 0;
        }
        patience.failures_max.saturating_sub(self.failures).max(1)
    }

    /// How many good looks in a row it takes to come back.
    #[must_use]
    pub fn successes_needed(&self, patience: &Patience) -> u32 {
        let gone = u32::from((SCORE_MAX - self.score) / SCORE_LOST);
        patience.successes_min << gone.saturating_sub(1).min(SHIFT_MAX)
    }

    /// Whether it is worth a look: one that has been gone for long is looked at less often.
    #[must_use]
    pub fn is_due(&self, now_unix_s: u64) -> bool {
        let gone_s = now_unix_s.saturating_sub(self.since_unix_s);
        let looked_s = now_unix_s.saturating_sub(self.looked_unix_s);
        self.good || self.successes > 0 || gone_s < GONE_LONG_S || looked_s >= GONE_LOOK_S
    }

    fn right(&mut self, patience: &Patience, now_unix_s: u64) -> Turn {
        self.failures = 0;
        self.failing_since_ms = None;
        if self.good {
            return Turn::Stays;
        }
        self.successes += 1;
        if self.successes < self.successes_needed(patience) {
            return Turn::Stays;
        }
        self.turn(true, now_unix_s);
        Turn::Returns
    }

    fn wrong(&mut self, weight: u32, patience: &Patience, now_unix_ms: u64) -> Turn {
        self.successes = 0;
        self.failures = self.failures.saturating_add(weight).min(FAILURES_COUNTED_MAX);
        let since_ms = *self.failing_since_ms.get_or_insert(now_unix_ms);
        let failing_ms = now_unix_ms.saturating_sub(since_ms);
        let enough = self.failures >= patience.failures_max;
        if !self.good || !enough || failing_ms < patience.spread_s * 1_000 {
            return Turn::Stays;
        }
        self.score = self.score.saturating_sub(SCORE_LOST);
        self.turn(false, now_unix_ms / 1_000);
        Turn::Leaves
    }

    fn turn(&mut self, good: bool, now_unix_s: u64) {
        self.good = good;
        self.successes = 0;
        self.since_unix_s = now_unix_s;
    }

    /// Time heals: a point for every so many seconds that it has been good.
    fn rise(&mut self, now_unix_s: u64) {
        let points = |unix_s: u64| unix_s.saturating_sub(self.since_unix_s) / POINT_S;
        let risen = points(now_unix_s).saturating_sub(points(self.looked_unix_s));
        if self.good && risen > 0 {
            let risen = u8::try_from(risen).unwrap_or(SCORE_MAX);
            self.score = self.score.saturating_add(risen).min(SCORE_MAX);
        }
    }
}

/// The best score.
const SCORE_MAX: u8 = 100;

/// What it costs to be left out once.
const SCORE_LOST: u8 = 25;

/// How long a point takes to come back: all of it is forgotten after a day and a half.
const POINT_S: u64 = 1_200;

/// The wait for one that keeps going is at most eight times as long.
const SHIFT_MAX: u32 = 3;

/// After an hour without a sign of life, a look every five minutes is enough.
const GONE_LONG_S: u64 = 3_600;
const GONE_LOOK_S: u64 = 300;

/// More failures in a row are not counted.
const FAILURES_COUNTED_MAX: u32 = 1_000_000;
