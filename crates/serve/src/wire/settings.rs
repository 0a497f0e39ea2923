//! What an operator can set, and every limit with its name.

use std::time::Duration;

use crate::ask::{Policy, TrustedProxies};

/// How a server answers.
#[derive(Debug)]
pub struct Settings {
    /// The rules for choosing.
    pub policy: Policy,
    /// Proxies whose word about the client's address counts.
    pub trusted_proxies: TrustedProxies,
    /// Whether `ip=` is believed.
    pub ip_allowed: bool,
    /// Answer errors with status 200, as the Python server did.
    pub legacy_status: bool,
    /// What is refused, and when.
    pub limits: Limits,
    /// Where the order of equal mirrors comes from; the same seed repeats the same order.
    pub seed: u64,
}

/// Everything has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all threads together; beyond it the longest idle ones are closed.
    pub connections_max: usize,
    /// Bytes of a request's head; more are answered with 431.
    pub header_bytes_max: usize,
    /// Header lines of a request; more are answered with 431.
    pub headers_max: usize,
    /// How long a connection may lie idle between requests.
    pub idle_timeout: Duration,
    /// How long a request may take, from its first byte to the last byte of its answer.
    pub request_timeout: Duration,
    /// Streams at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// How long a server that was told to stop waits for requests under way.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 65_536,
            header_bytes_max: 16 * 1024,
            headers_max: 64,
            idle_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(20),
            streams_max: 100,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
