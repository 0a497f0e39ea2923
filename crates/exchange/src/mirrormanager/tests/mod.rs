//! The cache is read and written as it should be.

/// Caches as text, so that a test's input is data.
mod text;
/// What is sound is read, whatever stands beside it.
mod reading;
/// What a world says in a cache, it says again when it is read.
mod round_trip;
