//! Questions and their answers: a small world that has one of everything, and what it says.

/// The small world.
pub(crate) mod small;
/// What clients have parsed for years, byte by byte.
mod lists;
/// Who comes first, and who is left out.
mod choosing;
/// The same choice made the slow way.
mod twin;
/// What cannot be answered with a list.
mod refusals;
/// Bytes that nobody would send.
mod hostile;
