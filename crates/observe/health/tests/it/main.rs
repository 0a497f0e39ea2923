//! Rounds against real sockets: mirrors that die, lie, hang and come back.
#![expect(clippy::unwrap_used, reason = "these are tests; what they share is outside of them")]

/// Mirrors on loopback addresses.
mod net;
/// What rounds make of them.
mod rounds;
/// Who is told.
mod notices;
