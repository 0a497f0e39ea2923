//! The compiled world: one immutable file, checked when it is opened, mapped, then only read.
//!
//! A snapshot is to a [`World`](heliostat_model::World) what a binary is to its source: the same
//! facts, laid out for the one question that is asked of them a million times. It is flat and
//! little-endian, rows name each other by number, and every text that an answer is made of lies
//! ready to be copied. Nothing in it is ever edited; a larger generation replaces it whole.
//!
//! [`Snapshot::open`] never trusts a file: it checks the hash, every section, every number that
//! points somewhere and every text, and says which section is wrong at which offset. After that,
//! reading cannot fail: rows that do not exist read as `None` or as nothing.
//!
//! The layout is described in `docs/internals/snapshot-format.md`, which a test holds to
//! [`records`].
#![deny(unsafe_code)]

/// The header and the table of sections.
pub mod format;
/// One row of each section, field by field.
pub mod records;
/// Finding a row by its name.
pub mod slots;
/// Writing a file: sections in, bytes out.
pub mod encode;
/// The bytes of a file, mapped.
mod map;
/// An open snapshot.
mod snapshot;
/// What a file says of itself, damaged or not.
mod outline;
/// What is looked at when a file is opened.
mod check;
/// Making names safe where they are written.
pub mod escape;
/// Countries by address, from a GeoIP database.
mod country_table;
/// Where an address is.
mod addresses;
/// Why a file is not a snapshot.
mod error;

pub use addresses::LastAddresses;
pub use country_table::CountryTable;
pub use error::Error;
pub use heliostat_model::{Code, Scheme};
pub use heliostat_prefixmap as prefixmap;
pub use outline::{Outline, SectionOutline};
pub use snapshot::{Place, Snapshot, Texts, repository_key};

#[cfg(test)]
mod tests;
