//! Rounds against real sockets: mirrors that die, lie, hang and come back.

/// Mirrors on loopback addresses.
mod net;
/// What rounds make of them.
mod rounds;
/// Who is told.
mod notices;
