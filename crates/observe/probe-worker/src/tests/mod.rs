//! Documents in, what was found or why not out.

/// Documents as honest programs write them.
mod honest;
/// Documents as nobody honest writes them.
mod hostile;

use std::fmt::Write;

use expect_test::Expect;
use heliostat_observe_probe_wire::{Format, Found, Kind, Limits, Refused, Task, Verdict, Zone};

use crate::{answer, probe};

/// Looks at a document, in a worker's way: everything goes over the wire.
fn look(task: &Task, document: &[u8]) -> Result<Found, Refused> {
    let bytes = answer(&[task.encode(), document.to_vec()].concat());
    let verdict = Verdict::decode(&bytes, &task.limits).expect("a worker writes sense");
    assert_eq!(verdict.encode(), bytes);
    match verdict {
        Verdict::Found(found) => {
            assert_eq!(probe(task, document).as_ref(), Ok(&found));
            Ok(found)
        }
        Verdict::Refused(refused) => Err(refused),
    }
}

fn check(format: Format, document: impl AsRef<[u8]>, expect: Expect) {
    let task = Task { base: "/pub/x/".into(), ..Task::new(format) };
    expect.assert_eq(&shown(look(&task, document.as_ref())));
}

/// The limit that a document is refused for.
fn refused(format: Format, document: impl AsRef<[u8]>) -> &'static str {
    refused_within(Limits::of(format), format, document)
}

fn refused_within(limits: Limits, format: Format, document: impl AsRef<[u8]>) -> &'static str {
    let task = Task { limits, ..Task::new(format) };
    match look(&task, document.as_ref()) {
        Ok(found) => panic!("not refused: {} entries", found.entries.len()),
        Err(refused) => refused.limit.name(),
    }
}

fn shown(found: Result<Found, Refused>) -> String {
    let mut out = String::new();
    let found = match found {
        Ok(found) => found,
        Err(refused) => return format!("{refused}\n"),
    };
    for (fact, text) in found.facts.iter() {
        let _ = writeln!(out, "{fact:?}: {text}");
    }
    for left in &found.left_out {
        let _ = writeln!(out, "left out: {} {}", left.count, left.limit);
    }
    for entry in &found.entries {
        let mark = match entry.kind {
            Kind::File => "",
            Kind::Directory => "/",
            Kind::Link => "@",
            Kind::Other => "?",
        };
        let _ = write!(out, "{}{mark}", entry.path);
        if !entry.label.is_empty() {
            let _ = write!(out, " [{}]", entry.label);
        }
        match entry.size {
            Some(size) if size.bytes().is_some() => _ = write!(out, " {}", size.bytes_min),
            Some(size) => _ = write!(out, " {}..={}", size.bytes_min, size.bytes_max),
            None => {}
        }
        if let Some(time) = entry.time {
            let zone = if time.zone == Zone::Utc { "" } else { "?" };
            let _ = write!(out, " @{}+{}{zone}", time.unix_s, time.precision_s);
        }
        for hash in &entry.hashes {
            let _ = write!(out, " {}:{:.8}", hash.rank(), hash.hex());
        }
        out.push('\n');
    }
    out
}
