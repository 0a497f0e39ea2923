//! The twin's way to keep compares on one row apart: one thread inside, the others turned away.
//!
//! Nobody waits to get in, so nobody can be kept waiting by a thread that was put aside inside. Only
//! a fence waits, which is what a fence is for.

use crate::primitive::{AtomicU32, Ordering, relax};

/// A door that lets one thread in at a time.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Turnstile {
    inside: AtomicU32,
}

impl Turnstile {
    /// A turnstile with nobody inside.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { inside: AtomicU32::new(0) }
    }

    /// A turnstile with nobody inside.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { inside: AtomicU32::new(0) }
    }

    /// Goes in, unless somebody is inside.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let exchange = self.inside.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        // Made only by whoever got in: dropping an `Inside` opens the turnstile.
        exchange.is_ok().then(|| Inside(self))
    }

    /// Waits until the turnstile was empty once. Whoever was inside has left, and whoever comes in
    /// later sees what the caller wrote before.
    pub(crate) fn wait(&self) {
        loop {
            if let Some(inside) = self.enter() {
                return drop(inside);
            }
            relax();
        }
    }
}

/// The right to be inside a turnstile; given back when dropped.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Turnstile);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.store(0, Ordering::Release);
    }
}

#[cfg(test)]
#[path = "tests/turnstile.rs"]
mod tests;
