//! The atomic lane of a list: a stack that any thread may use, without locks and without tags.
//!
//! The classic lock-free stack pops by compare-and-swap and so has the ABA problem: a link that was
//! taken, freed and pushed again looks as if nothing had happened. This one never compares with a
//! link. It pops by taking the **whole** chain, keeps the top and puts the rest back. The price is
//! that the lane looks empty for the moment between; for a list of free things that is no harm.

use std::ptr::{self, NonNull};

use crate::primitive::{AtomicPtr, Ordering};

/// The first field of whatever is kept in a list.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Link {
    next: AtomicPtr<Link>,
}

impl Link {
    /// A link that leads nowhere.
    pub(crate) fn new() -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The link below this one. The caller owns the chain.
    pub(crate) fn next(&self) -> Option<NonNull<Self>> {
        NonNull::new(self.next.load(Ordering::Relaxed))
    }

    /// Makes this the bottom of a chain. The caller owns the link.
    pub(crate) fn end(&self) {
        self.lead_to(ptr::null_mut());
    }

    fn lead_to(&self, next: *mut Self) {
        self.next.store(next, Ordering::Relaxed);
    }
}

/// A stack of links.
#[derive(Debug)]
pub(crate) struct Lane {
    top: AtomicPtr<Link>,
}

impl Lane {
    /// A lane without a link.
    pub(crate) fn new() -> Self {
        Self { top: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts one link on top.
    ///
    /// # Safety
    ///
    /// The link is the caller's own, and stays live until it was taken again.
    pub(crate) unsafe fn push(&self, link: *mut Link) {
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            // SAFETY: the link is live and nobody else knows it before the exchange below succeeds.
            unsafe { &*link }.lead_to(top);
            match self.top.compare_exchange_weak(top, link, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Takes the top link. `None` also while another thread is between taking and putting back.
    pub(crate) fn pop(&self) -> Option<NonNull<Link>> {
        let top = self.take()?;
        // SAFETY: the chain was taken whole, so it is ours alone, and its links are live by the
        // promise of those who pushed them.
        if let Some(rest) = unsafe { top.as_ref() }.next() {
            // SAFETY: the rest of a chain that is ours.
            unsafe { self.put_back(rest) };
        }
        Some(top)
    }

    /// Takes the whole chain.
    pub(crate) fn take(&self) -> Option<NonNull<Link>> {
        // Looking first keeps the line shared between the CPUs that find nothing here.
        if self.top.load(Ordering::Relaxed).is_null() {
            return None;
        }
        NonNull::new(self.top.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Puts a chain back under whatever was pushed meanwhile.
    ///
    /// # Safety
    ///
    /// The chain is the caller's own, and its links stay live until they were taken again.
    pub(crate) unsafe fn put_back(&self, chain: NonNull<Link>) {
        let mut chain = chain;
        while self
            .top
            .compare_exchange(ptr::null_mut(), chain.as_ptr(), Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            let Some(newer) = self.take() else { continue };
            // SAFETY: the newer chain was taken whole, so it is ours alone, and its links are live.
            let bottom = unsafe { last(newer) };
            // SAFETY: a link of that chain.
            unsafe { bottom.as_ref() }.lead_to(chain.as_ptr());
            chain = newer;
        }
    }
}

/// The bottom link of a chain.
///
/// # Safety
///
/// The chain is the caller's own and its links are live.
unsafe fn last(chain: NonNull<Link>) -> NonNull<Link> {
    let mut last = chain;
    // SAFETY: every link of the caller's chain is live.
    while let Some(next) = unsafe { last.as_ref() }.next() {
        last = next;
    }
    last
}

#[cfg(test)]
#[path = "tests/lane.rs"]
mod tests;
