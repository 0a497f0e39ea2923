//! A sandboxed gzip + XML parser: the parent never looks at the bytes, only at a checked answer.
//!
//! The program is its own worker. Run it with `cargo run --example parser`.

use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use heliostat_workers::serve::{Job as Given, Reply};
use heliostat_workers::{Job, Limits, Pool, Program, Sandbox, Settings};
use quick_xml::Reader;
use quick_xml::events::Event;

/// Longest document that a worker unpacks: what a bomb gets to see.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    if env::args().nth(1).as_deref() == Some("worker") {
        heliostat_workers::serve(parse);
    }
    let limits = Limits { memory_bytes: Some(256 << 20), ..Limits::default() };
    let pool = Pool::start(Settings {
        sandbox: Sandbox { limits, ..Sandbox::best_effort() },
        limit: Duration::from_secs(2),
        ..Settings::new(Program::itself(["worker"]))
    })?;
    let good = pack(b"<repo><package name='a'/><package name='b'/></repo>")?;
    let bomb = pack(&vec![b' '; 64 << 20])?;
    for (name, body) in [("good", good), ("a bomb", bomb), ("garbage", b"\x1f\x8b oh".to_vec())] {
        match pool.call_blocking(Job::new(body)) {
            Ok(reply) => eprintln!("{name}: {:?} in {:?}", names(reply.bytes()), reply.run_time()),
            Err(error) => eprintln!("{name}: {error}"),
        }
    }
    eprintln!("\n{}", pool.report());
    Ok(())
}

/// The worker: unpacks, parses, answers with one name a line.
fn parse(job: &Given<'_>, reply: &mut Reply<'_>) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    let read = GzDecoder::new(job.body()).take(UNPACKED_BYTES_MAX).read_to_string(&mut text)?;
    if read as u64 == UNPACKED_BYTES_MAX {
        return Err("more than 4 MiB unpacked".into());
    }
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event()? {
            Event::Empty(tag) | Event::Start(tag) if tag.name().as_ref() == "package" => {
                if let Some(name) = tag.try_get_attribute("name")? {
                    reply.push(name.value.as_bytes())?;
                    reply.push(b"\n")?;
                }
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// The parent: believes nothing. A name is a short word of plain letters, or it is none.
fn names(answer: &[u8]) -> Vec<&str> {
    let text = str::from_utf8(answer).unwrap_or_default();
    let plain = |name: &&str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.lines().filter(plain).collect()
}

fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes)?;
    packer.finish()
}
