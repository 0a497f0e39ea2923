//! End-to-end tests: real clients against the real binary.
//!
//! This library is the rig: a network of mirrors in the test process, the director as a process of
//! its own, and the clients that distributions ship. The tests are in `tests/it`. Nothing leaves
//! the machine: mirrors listen on 127.0.0.2, 127.0.0.3, …, each director on an address of its own.
#![forbid(unsafe_code)]

/// Tests that cannot run say so.
mod skip;
/// Waiting for something that happens elsewhere, not for a time to pass.
mod patience;
/// The binary under test.
mod binary;
/// A small HTTP client that shows every byte.
mod http;
/// A repository of one package, as `createrepo_c` makes it.
mod repository;
/// A mirror that counts what it is asked for.
mod mirror;
/// The mirrors as the director is told about them.
mod network;
/// The director: `heliostat serve`, as a process.
mod director;
/// What somebody outside can do to the CPUs of a process.
mod cpus;
/// A PostgreSQL server of the test's own.
mod postgres;
/// An S3 service of the test's own.
mod s3;
/// A gate before a service, which can be cut.
mod gate;
/// The client: `dnf`, with a root folder of its own.
mod dnf;

pub use binary::{binary, run};
pub use cpus::{Cpuset, Task, cpus_allowed, mask_set, tasks};
pub use director::{Director, Stopped, address_unused, compile};
pub use dnf::{Dnf, Installed, Source};
pub use gate::{Gate, Way};
pub use http::{Connection, CutShort, Response, exchange, get};
pub use mirror::Mirror;
pub use network::{Listed, Network};
pub use patience::{PATIENCE, wait_until};
pub use postgres::Postgres;
pub use repository::{PACKAGE, Repository, sha256};
pub use s3::{S3, Service};
pub use skip::{missing, skip};
