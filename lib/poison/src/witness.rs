//! Who tells the time of a poisoning, and is told of it.

use core::time::Duration;

use crate::Error;

/// The injected clock of a [`Poison`](crate::Poison), which is also told of each poisoning.
///
/// It is asked and told once for each poisoning and never otherwise: entering and committing a
/// scope do not touch it. Any closure that returns a [`Duration`] since the beginning of 1970 is a
/// witness. To count, or to raise an alarm, implement the trait.
///
/// A witness is called while a scope ends, which may be while a thread unwinds: it should neither
/// block nor panic. If it does panic, the data is poisoned all the same.
///
/// ```
/// use heliostat_poison::{Error, Poison, Witness};
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Count {
///     leaks: AtomicU32,
///     others: AtomicU32,
/// }
///
/// impl Witness for &'static Count {
///     fn now(&self) -> Option<Duration> {
///         None // this one has no clock
///     }
///
///     fn poisoned(&self, error: &Error) {
///         let counter = if error.is_leaked() { &self.leaks } else { &self.others };
///         counter.fetch_add(1, Relaxed);
///     }
/// }
///
/// static COUNT: Count = Count { leaks: AtomicU32::new(0), others: AtomicU32::new(0) };
///
/// let mut poison = Poison::with_witness("index", 0, &COUNT);
/// drop(poison.check_and_arm());
/// assert_eq!(COUNT.others.load(Relaxed), 1);
/// assert_eq!(poison.error().unwrap().at(), None);
/// ```
pub trait Witness {
    /// The time since the beginning of 1970, or `None` if this witness does not know it.
    fn now(&self) -> Option<Duration>;

    /// Data has been poisoned. Told after the fact: the state is already written.
    fn poisoned(&self, error: &Error) {
        let _ = error;
    }
}

/// A clock that tells nobody.
impl<F: Fn() -> Duration> Witness for F {
    fn now(&self) -> Option<Duration> {
        Some(self())
    }
}

/// The system's clock. Without the `std` feature there is none, and errors have no time.
///
/// ```
/// use heliostat_poison::{System, Witness};
///
/// assert_eq!(System.now().is_some(), cfg!(feature = "std"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct System;

impl Witness for System {
    #[cfg(feature = "std")]
    fn now(&self) -> Option<Duration> {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()
    }

    #[cfg(not(feature = "std"))]
    fn now(&self) -> Option<Duration> {
        None
    }
}

/// One event for each poisoning, in the span in which the scope ended.
#[cfg(feature = "tracing")]
pub(crate) fn trace(error: &Error) {
    tracing::warn!(
        what = error.what(),
        cause = error.cause().as_str(),
        at = error.at().map(crate::moment::Moment).map(tracing::field::display),
        location = error.location().map(tracing::field::display),
        note = error.note(),
        "poisoned"
    );
}
