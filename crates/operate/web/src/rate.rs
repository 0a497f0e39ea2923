//! How often an address may ask: so many requests, and far fewer wrong secrets, a minute.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// What came from where in this minute.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    minute: u64,
    counts: HashMap<IpAddr, Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u32,
    wrong: u32,
}

impl Rates {
    /// Counts a request; how many seconds to wait when there were too many.
    pub(crate) fn request(&self, from: IpAddr, now_unix_s: u64) -> Option<u64> {
        self.counted(from, now_unix_s, |counts| {
            counts.requests = counts.requests.saturating_add(1);
            counts.requests > REQUESTS_MAX || counts.wrong >= WRONG_MAX
        })
    }

    /// Counts a secret that was wrong.
    pub(crate) fn wrong(&self, from: IpAddr, now_unix_s: u64) {
        self.counted(from, now_unix_s, |counts| {
            counts.wrong = counts.wrong.saturating_add(1);
            false
        });
    }

    fn counted(
        &self,
        from: IpAddr,
        now_unix_s: u64,
        count: impl FnOnce(&mut Counts) -> bool,
    ) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.minute != now_unix_s / 60 {
            *minute = Minute { minute: now_unix_s / 60, counts: HashMap::new() };
        }
        let from = network(from);
        // When more networks ask than are remembered, the new ones share a place.
        let known = minute.counts.len() < NETWORKS_MAX || minute.counts.contains_key(&from);
        let from = if known { from } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        count(minute.counts.entry(from).or_default()).then(|| 60 - now_unix_s % 60)
    }
}

/// One customer has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// Requests of an address a minute.
pub(crate) const REQUESTS_MAX: u32 = 60;

/// Wrong secrets of an address a minute.
pub(crate) const WRONG_MAX: u32 = 10;

/// Networks that are remembered for a minute.
const NETWORKS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::{NETWORKS_MAX, REQUESTS_MAX, Rates, WRONG_MAX};

    #[test]
    fn an_address_may_ask_so_often_a_minute() {
        let rates = Rates::default();
        let from = |text: &str| text.parse().unwrap();
        for _ in 0..REQUESTS_MAX {
            assert_eq!(rates.request(from("2001:db8::1"), 130), None);
        }
        assert_eq!(rates.request(from("2001:db8::2"), 130), Some(50), "one network");
        assert_eq!(rates.request(from("2001:db8:0:1::1"), 130), None, "another");
        assert_eq!(rates.request(from("2001:db8::1"), 180), None, "the next minute");
        for _ in 0..WRONG_MAX {
            rates.wrong(from("192.0.2.1"), 200);
        }
        assert_eq!(rates.request(from("192.0.2.1"), 201), Some(39));
    }

    #[test]
    fn a_million_addresses_share_what_is_left() {
        let rates = Rates::default();
        for number in 0..NETWORKS_MAX as u32 {
            rates.request(std::net::Ipv4Addr::from(number).into(), 0);
        }
        let late = |at: u32| rates.request(std::net::Ipv4Addr::from(u32::MAX - at).into(), 0);
        assert!((0..REQUESTS_MAX).all(|at| late(at).is_none()));
        assert!(late(REQUESTS_MAX).is_some());
        assert!(rates.0.lock().unwrap().counts.len() <= NETWORKS_MAX + 1);
    }
}
