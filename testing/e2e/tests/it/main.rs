//! Real clients against the real binary, in reading order.

/// Installs a package with `dnf` past mirrors that are dead, stale or wrong.
mod dnf;
/// The three lines of the demo work.
mod demo;
/// Starts, is ready, drains, ends.
mod process;
/// A new snapshot is taken over; a bad one is not.
mod reload;
/// What was counted, for those who watch.
mod metrics;
/// The CPUs change while it serves.
mod cpus;
/// Sockets and readiness as systemd hands them over.
mod systemd;
/// No bytes end a connection without an answer.
mod hostile;
/// The access log: its line, a new file, a full disk.
mod log;
/// Compile, inspect and explain, as a person calls them.
mod operate;
/// One file for all commands.
mod config;
/// What the container gives, and compiling with too little.
mod capacity;
/// The catalog, from another system's data to a server, on both engines.
mod catalog;
/// The primary copy, scanned, published and served.
mod scan;
/// Its mirrors, crawled; answers follow.
mod crawl;
/// A mirror dies and comes back; answers follow.
mod health;
/// What mirrors say of themselves.
mod checkin;
/// What publishers say that they have changed, looked for at the mirrors.
mod notified;
/// What serving nodes have answered.
mod report;
/// Mirrors that send what no honest server sends, crawled.
mod fleet;
/// Many machines: nodes that follow a store.
mod follow;
/// Three machines, and what dies or is cut off.
mod three;
/// What the tests share.
mod fixture;
