//! What a file holds.

use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use heliostat_snapshot::{Outline, Snapshot};
use serde::Serialize;

use crate::args::InspectArgs;
use crate::table::{self, thousands};
use crate::{Error, store};

/// Prints the header and the sections of a snapshot, and checks it when asked to.
pub(crate) fn run(args: &InspectArgs, out: &mut impl Write) -> Result<(), Error> {
    let named = args.snapshot.to_str().unwrap_or_default();
    if args.snapshot.is_dir() || ["s3://", "file://"].iter().any(|scheme| named.starts_with(scheme))
    {
        return store::inspect(&args.store.open(named)?, args.verify, args.json, out);
    }
    let bad = |source| Error::Snapshot { path: args.snapshot.clone(), source };
    let outline = Outline::read(&args.snapshot).map_err(bad)?;
    let begun = Instant::now();
    if args.verify {
        Snapshot::open(&args.snapshot).and_then(|snapshot| snapshot.verify()).map_err(bad)?;
    }
    let verify_ms = args.verify.then(|| begun.elapsed().as_secs_f64() * 1000.0);
    let report = Report::new(&outline, verify_ms);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "generation  {}", report.generation)?;
    writeln!(out, "format      {}", report.format)?;
    writeln!(out, "data age    {}", age(report.age_s))?;
    writeln!(out, "compiled    {} ago", age(report.compiled_age_s))?;
    writeln!(out, "size        {} bytes", thousands(report.file_bytes))?;
    writeln!(out, "hash        {}", report.content_hash)?;
    writeln!(out)?;
    let rows: Vec<Vec<String>> = report
        .sections
        .iter()
        .map(|section| {
            let rows = section.rows.map_or(String::new(), thousands);
            vec![section.name.to_owned(), rows, thousands(section.bytes), section.about.to_owned()]
        })
        .collect();
    table::print(out, &["section", ">rows", ">bytes", "holds"], &rows)?;
    if let Some(verify_ms) = report.verify_ms {
        writeln!(out, "\nverified in {verify_ms:.1} ms: hash, sections, rows, texts, prefixes")?;
    }
    Ok(())
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    generation: u64,
    format: u32,
    created_unix_s: u64,
    age_s: u64,
    compiled_age_s: u64,
    file_bytes: u64,
    content_hash: String,
    verify_ms: Option<f64>,
    sections: Vec<SectionReport>,
}

#[derive(Debug, Serialize)]
struct SectionReport {
    name: &'static str,
    rows: Option<u64>,
    offset: u64,
    bytes: u64,
    about: &'static str,
}

impl Report {
    fn new(outline: &Outline, verify_ms: Option<f64>) -> Report {
        let header = &outline.header;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let hash = header.content_hash.iter().map(|byte| format!("{byte:02x}"));
        Report {
            generation: header.generation.get(),
            format: header.format.get(),
            created_unix_s: header.created_unix_s.get(),
            age_s: now_s.saturating_sub(header.created_unix_s.get()),
            compiled_age_s: now_s.saturating_sub(header.compiled_unix_s.get()),
            file_bytes: header.file_bytes.get(),
            content_hash: hash.collect(),
            verify_ms,
            sections: outline
                .sections
                .iter()
                .map(|outline| SectionReport {
                    name: outline.section.name(),
                    rows: outline.rows,
                    offset: outline.offset,
                    bytes: outline.bytes,
                    about: outline.section.about().trim(),
                })
                .collect(),
        }
    }
}

/// Seconds in the units that people use.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
