//! Parsing in worker processes against parsing in this one: bytes of documents a second, side by
//! side in one run.
//!
//! `cargo bench -p heliostat-observe-probe --bench throughput`. One worker, four documents on their
//! way at once, against a loop on one thread; rounds take turns, and ratios are medians of ratios
//! within a round.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use heliostat_admission::{Bytes, MilliCpu, Need};
use heliostat_observe_probe::wire::{Format, Task};
use heliostat_observe_probe::{ProbeSettings, Prober};
use heliostat_workers::Program;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("worker") {
        heliostat_observe_probe_worker::work();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut err = std::io::stderr().lock();
    let _ = writeln!(
        err,
        "{:24} {:>8} {:>12} {:>12} {:>6}",
        "", "KiB", "here MB/s", "worker MB/s", "ratio"
    );
    for (name, format, document) in documents() {
        let mut rounds: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|_| (here(format, &document), runtime.block_on(workers(format, &document))))
            .collect();
        rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (here, there) = rounds[ROUNDS / 2];
        let (kib, ratio) = (document.len() >> 10, there / here);
        let _ = writeln!(err, "{name:24} {kib:8} {here:12.1} {there:12.1} {ratio:6.2}");
    }
}

/// Documents of 100 KB and more, as they are fetched.
fn documents() -> Vec<(&'static str, Format, Vec<u8>)> {
    let package = |n: usize| {
        format!(
            "<package type=\"rpm\"><name>package-{n}</name><arch>x86_64</arch>\
             <version epoch=\"0\" ver=\"1.{n}\" rel=\"1\"/><checksum type=\"sha256\" pkgid=\"YES\">{n:064x}\
             </checksum><summary>Something that does number {n}</summary><description>It does, \
             and it does it well, as many other packages do.</description><time file=\"1700000000\" \
             build=\"1700000000\"/><size package=\"{n}\" installed=\"1\" archive=\"1\"/><location \
             href=\"Packages/p/package-{n}.rpm\"/><format><rpm:license>MIT</rpm:license></format></package>\n"
        )
    };
    let primary = format!("<metadata>{}</metadata>", (0..20_000).map(package).collect::<String>());
    let stanza = |n: usize| {
        format!(
            "Package: package-{n}\nVersion: 1.{n}\nArchitecture: amd64\nDescription: does number {n}\n\
             Filename: pool/main/p/package-{n}.deb\nSize: {n}\nSHA256: {n:064x}\n\n"
        )
    };
    let packages: String = (0..20_000).map(stanza).collect();
    let row = |n: usize| {
        format!(
            "<tr><td><a href=\"file-{n}.rpm\">file-{n}.rpm</a></td><td align=\"right\">2024-01-02 03:04  \
             </td><td align=\"right\">{}K</td></tr>\n",
            n % 999
        )
    };
    let page = |rows: usize| {
        let rows: String = (0..rows).map(row).collect();
        format!("<html><title>Index of /</title><table>{rows}</table></html>").into_bytes()
    };
    let line =
        |n: usize| format!("-rw-r--r--  {n:>13} 2024/01/02 03:04:05 pub/linux/os/file-{n}.rpm\n");
    let gzip = |bytes: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let _ = gz.write_all(bytes);
        gz.finish().unwrap_or_default()
    };
    vec![
        ("primary.xml", Format::Primary, primary.clone().into_bytes()),
        ("primary.xml.gz", Format::Primary, gzip(primary.as_bytes())),
        ("Packages.gz", Format::Packages, gzip(packages.as_bytes())),
        ("a page of 1000 files", Format::Listing, page(1000)),
        ("a page of 10000 files", Format::Listing, page(10_000)),
        ("rsync, 14000 lines", Format::Rsync, (0..14_000).map(line).collect::<String>().into()),
    ]
}

fn here(format: Format, document: &[u8]) -> f64 {
    let (task, begun, mut bytes) = (Task::new(format), Instant::now(), 0);
    while begun.elapsed() < CELL {
        let found = heliostat_observe_probe_worker::probe(&task, document);
        black_box(found.expect("a document").entries.len());
        bytes += document.len();
    }
    bytes as f64 / begun.elapsed().as_secs_f64() / 1e6
}

async fn workers(format: Format, document: &[u8]) -> f64 {
    let budget = Need::new(Bytes::new(1 << 30), MilliCpu::cpus(1));
    let program = Program::itself(["worker"]);
    let settings = ProbeSettings { program, budget, wait: Duration::from_secs(60) };
    let prober = Prober::start(settings).expect("a pool");
    prober.check().await.expect("a worker");
    let begun = Instant::now();
    let one = || async {
        let mut bytes = 0;
        while begun.elapsed() < CELL {
            let found = prober.probe_bytes(Task::new(format), document).await;
            black_box(found.expect("a document").entries.len());
            bytes += document.len();
        }
        bytes
    };
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    (a + b + c + d) as f64 / begun.elapsed().as_secs_f64() / 1e6
}

const ROUNDS: usize = 7;
const CELL: Duration = Duration::from_millis(500);
