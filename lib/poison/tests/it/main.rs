//! Every way a scope can end, in every place it can be used, against a naive twin.
//!
//! Scopes are forgotten here on purpose; Miri has to be told: `MIRIFLAGS="-Zmiri-ignore-leaks
//! -Zmiri-disable-isolation" cargo +nightly miri test -p heliostat-poison --test it`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod drive;
mod endings;
mod cancel;
mod recovery;
mod locks;
mod shape;
mod witness;
mod model;
mod peers;
#[cfg(feature = "tracing")]
mod events;
