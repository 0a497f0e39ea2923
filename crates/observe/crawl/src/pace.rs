//! Politeness towards one host: few connections, a pause between requests, and peace where it is
//! asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// How much one host is asked.
#[derive(Clone, Copy, Debug)]
pub struct PaceSettings {
    /// Connections at once.
    pub connections: usize,
    /// Requests a second, on average.
    pub requests_per_s: u32,
    /// Requests of one crawl.
    pub requests_max: u64,
}

impl Default for PaceSettings {
    fn default() -> PaceSettings {
        PaceSettings { connections: 2, requests_per_s: 20, requests_max: 100_000 }
    }
}

/// What all requests to one host go through.
#[derive(Debug)]
pub struct Pace {
    settings: PaceSettings,
    connections: Semaphore,
    schedule: Mutex<Schedule>,
    requests: AtomicU64,
}

/// The right to one request.
#[derive(Debug)]
pub struct Turn<'a> {
    _connection: SemaphorePermit<'a>,
}

impl Pace {
    /// A host that was not asked yet.
    #[must_use]
    pub fn new(settings: PaceSettings) -> Pace {
        let connections = Semaphore::new(settings.connections.max(1));
        let gap = Duration::from_secs(1) / settings.requests_per_s.max(1);
        let schedule = Mutex::new(Schedule { next: Instant::now(), gap });
        Pace { settings, connections, schedule, requests: AtomicU64::new(0) }
    }

    /// Waits until the next request may be made; nothing, when there have been enough.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        let connection = self.connections.acquire().await.ok()?;
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.settings.requests_max {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let at = {
            let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
            schedule.take(Instant::now())
        };
        sleep_until(at).await;
        Some(Turn { _connection: connection })
    }

    /// Leaves the host alone for so long.
    pub fn later(&self, wait: Duration) {
        let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        schedule.later(Instant::now() + wait);
    }

    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// When the next request may be made.
#[derive(Debug)]
struct Schedule {
    next: Instant,
    gap: Duration,
}

impl Schedule {
    /// The moment of the next request. What was not asked for a while is not made up for at once.
    fn take(&mut self, now: Instant) -> Instant {
        let at = self.next.max(now);
        self.next = at + self.gap;
        at
    }

    fn later(&mut self, until: Instant) {
        self.next = self.next.max(until);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Pace, PaceSettings, Schedule};

    #[test]
    fn requests_come_at_their_pace() {
        let (begin, ms) = (Instant::now(), Duration::from_millis);
        let mut schedule = Schedule { next: begin, gap: ms(100) };
        let at: Vec<_> = (0..3).map(|_| (schedule.take(begin) - begin).as_millis()).collect();
        assert_eq!(at, [0, 100, 200]);
        let late = begin + ms(5000);
        assert_eq!((schedule.take(late), schedule.take(late)), (late, late + ms(100)));
        schedule.later(begin + ms(60_000));
        schedule.later(begin);
        assert_eq!(schedule.take(late), begin + ms(60_000));
    }

    #[test]
    fn a_host_is_asked_so_often_and_not_more() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let settings =
                PaceSettings { connections: 1, requests_per_s: 1_000_000, requests_max: 2 };
            let pace = Pace::new(settings);
            let first = pace.turn().await.unwrap();
            tokio::select! {
                biased;
                _ = pace.turn() => panic!("there is one connection"),
                () = std::future::ready(()) => {}
            }
            drop(first);
            assert!(pace.turn().await.is_some() && pace.turn().await.is_none());
            assert_eq!(pace.requests(), 2);
        });
    }
}
