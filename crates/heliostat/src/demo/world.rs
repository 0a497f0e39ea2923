//! A seeded world of a real distribution's size: made, compiled, served, and shown.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use heliostat_operate_cli::ServeOptions;
use heliostat_operate_cli::args::{DemoArgs, Scale};
use heliostat_publish::{Stamp, Summary, compile, publish};
use heliostat_testing_world as world;

use super::{start, swede};
use crate::service::{Signals, random};

/// Runs until a signal says stop.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let signals = Signals::catch()?;
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("heliostat-demo-").tempdir()?;
    let snapshot = folder.path().join("world.snapshot");
    let countries = folder.path().join("countries.mmdb");
    let scale = scale(args.scale);
    let summary = make(scale, args.seed, &snapshot, &countries)?;
    let made_s = begun.elapsed().as_secs_f64();
    let options = |listen: SocketAddr| ServeOptions {
        snapshot: Some(snapshot.clone()),
        geoip_country: Some(countries.clone()),
        listen: vec![listen],
        ..ServeOptions::default()
    };
    let (running, moved) = start(args.listen, |listen| Ok(options(listen).plan(random())?))?;
    let address = running.addresses.first().copied().context("no address is listened on")?;
    let client = swede(scale, args.seed).context("the made world has no Swedish client")?;
    show(args, &summary, made_s, moved, address, client)?;
    running.until_stopped(signals)
}

/// Makes the network and its country database.
fn make(
    scale: world::Scale,
    seed: u64,
    snapshot: &Path,
    countries: &Path,
) -> anyhow::Result<Summary> {
    let mut made = world::generate(scale, seed);
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    made.created_unix_s = now_unix_s;
    let stamp = Stamp { generation: 1, created_unix_s: now_unix_s, compiled_unix_s: now_unix_s };
    let summary = publish(snapshot, |file| compile(&made, stamp, file, |_| {}))?;
    std::fs::write(countries, world::country_database(scale, seed))?;
    Ok(summary)
}

/// Says what there is and what to try.
fn show(
    args: &DemoArgs,
    summary: &Summary,
    made_s: f64,
    moved: bool,
    address: SocketAddr,
    client: IpAddr,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let Summary { hosts, directories, repositories, prefixes, file_bytes, .. } = summary;
    writeln!(
        out,
        "A mirror network of {hosts} hosts, {directories} directories and {repositories} \
         repositories,\nwith {prefixes} prefixes of addresses, made and compiled into a snapshot \
         of {file_bytes} bytes in {made_s:.1} s.\n"
    )?;
    if moved {
        writeln!(out, "{} is taken, so it is served on {address} instead.\n", args.listen)?;
    }
    writeln!(
        out,
        "Mirrors for a client in Sweden: a header line that says how they were chosen, then one\n\
         URL per line, best first; run it twice to see equal mirrors take turns.\n\n    \
         curl 'http://{address}/mirrorlist?repo=fedora-40&arch=x86_64&ip={client}'\n\n\
         The same as dnf asks for it: XML with the hashes of repomd.xml, so that no mirror needs\n\
         to be trusted.\n\n    \
         curl 'http://{address}/metalink?repo=fedora-40&arch=x86_64&ip={client}'\n\n\
         Why these mirrors: every candidate with its tier and weight, or why it is left out.\n\n    \
         curl 'http://{address}/mirrorlist?repo=epel-9&arch=x86_64&ip={client}&explain'\n\n\
         Ctrl-C ends it."
    )?;
    out.flush()
}

fn scale(scale: Scale) -> world::Scale {
    match scale {
        Scale::Small => world::Scale::Small,
        Scale::Fedora => world::Scale::Fedora,
        Scale::Large => world::Scale::Large,
    }
}
