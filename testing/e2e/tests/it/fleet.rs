//! Mirrors that send what no honest server sends: each costs itself and nobody else, is told by the
//! name of the limit that it is beyond, and is counted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use heliostat_testing_e2e::{binary, run};
use heliostat_testing_fleet::{Away, Clock, Fleet, Hostility, Manner, Post, Primary, Style, Tree};
use serde_json::Value;

/// What a mirror does, the limit that it is told by, if any, and whether it may be up to date in
/// anything afterwards.
type Case = (&'static str, Manner, &'static str, bool);

fn cases() -> Vec<Case> {
    let hostile = |of: Hostility, limit, held| (of.name(), Manner::Hostile(of), limit, held);
    let away = |to: Away, limit| (to.name(), Manner::Redirects(to), limit, false);
    vec![
        hostile(Hostility::EndlessBody, "body_bytes_max", true),
        hostile(Hostility::EndlessListing, "body_bytes_max", false),
        hostile(Hostility::GzipZeros, "", true),
        hostile(Hostility::XmlEntities, "entities", false),
        hostile(Hostility::XmlDepth, "depth_max", false),
        hostile(Hostility::MillionNames, "entries_max", false),
        hostile(Hostility::NamesUp, "path_escape", true),
        hostile(Hostility::NamesNul, "path_control", true),
        hostile(Hostility::NamesLine, "path_control", true),
        hostile(Hostility::NamesUtf8, "utf8", true),
        hostile(Hostility::NamesLong, "path_bytes_max", true),
        hostile(Hostility::LengthTooLong, "body_length", false),
        hostile(Hostility::LengthTooShort, "", true),
        hostile(Hostility::Changing, "", true),
        hostile(Hostility::BrokenTls, "tls", false),
        hostile(Hostility::EndlessHead, "http", false),
        hostile(Hostility::Garbage, "http", false),
        away(Away::Private, "reach"),
        away(Away::Metadata, "reach"),
        // Loopback is allowed here, and nobody listens there.
        away(Away::Loopback, ""),
        away(Away::Loop, "redirects_max"),
        away(Away::Chain, "redirects_max"),
        away(Away::Scheme, "redirects_max"),
        ("sizes", Manner::LiesAboutSizes, "", true),
        ("1970", Manner::Clock(Clock::Y1970), "", true),
        ("2100", Manner::Clock(Clock::Y2100), "", true),
        ("refuses", Manner::Refuses, "", false),
        ("busy", Manner::Busy { status: 503, retry_after_s: 3600 }, "", false),
    ]
}

#[test]
fn hostile_mirrors_cost_only_themselves() -> Result<()> {
    let mut cases = cases();
    // Each waits for a limit of minutes.
    if std::env::var_os("HELIOSTAT_TIMED").is_some() {
        cases.push(("silent", Manner::Silent, "fetch_time_s_max", false));
        cases.push(("trickle", Manner::Trickles(1), "fetch_time_s_max", false));
    }
    let rig = Rig::new()?;
    let newest = rig.primary.newest();
    let honest = [Style::Apache, Style::Nginx, Style::Lighttpd, Style::Caddy]
        .map(|style| Post::new(format!("honest-{style:?}"), Arc::clone(&newest)).style(style));
    let all = cases.iter().map(|&(name, manner, ..)| {
        Post::new(name, Arc::clone(&newest)).manner(manner).style(Style::Nginx)
    });
    let fleet = Fleet::start(honest.into_iter().chain(all))?;
    for mirror in fleet.mirrors() {
        let mirrors =
            format!("mirrors=[{{category = \"Linux\", urls = [{{url = \"{}\"}}]}}]", mirror.url());
        let sets = ["--set", "site=Mirrors", "--set", &mirrors];
        rig.call(&[&["host", "add", mirror.name()][..], &sets].concat())?;
    }
    let crawled = rig.crawl()?;
    let hosts: BTreeMap<&str, &Value> = crawled.json["hosts"]
        .as_array()
        .context("no hosts")?
        .iter()
        .filter_map(|host| Some((host["host"].as_str()?, host)))
        .collect();
    let count = |name: &str, verdict: &str| {
        let host = hosts.get(name).with_context(|| format!("{name} was not looked at"))?;
        host["categories"][0]["directories"][verdict].as_u64().context("no number")
    };
    for mirror in fleet.mirrors().iter().filter(|mirror| mirror.name().starts_with("honest-")) {
        let verdicts = ["current", "behind", "missing", "unknown"].map(|v| count(mirror.name(), v));
        let verdicts: Vec<u64> = verdicts.into_iter().collect::<Result<_>>()?;
        ensure!(verdicts[0] > 20 && verdicts[1..] == [0; 3], "{}: {verdicts:?}", mirror.name());
    }
    let mut wrong = Vec::new();
    for (name, _, limit, held) in cases {
        let host = hosts.get(name).with_context(|| format!("{name} was not looked at"))?;
        let told = host.to_string();
        let warned = crawled.said.lines().any(|line| line.contains(name) && line.contains(limit));
        let (refused, left) = (&crawled.json["refused"][limit], &crawled.json["left_out"][limit]);
        let counted = refused.as_u64().or(left.as_u64()).unwrap_or_default();
        let sample = format!("_total{{limit=\"{limit}\"}} {counted}\n");
        let named = limit.is_empty()
            || (counted > 0 && crawled.metrics.contains(&sample) && (warned || left.is_u64()));
        if !named || (count(name, "current")? > 0) != held {
            wrong.push(format!("{name}: {limit} is counted {counted} times: {told}"));
        }
    }
    ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), crawled.said);
    ensure!(crawled.peak_bytes < PEAK_BYTES_MAX, "{} bytes at the peak", crawled.peak_bytes);
    Ok(())
}

/// A catalog and a primary copy.
struct Rig {
    folder: tempfile::TempDir,
    catalog: String,
    primary: Primary,
}

/// A crawl that has ended.
struct Crawled {
    json: Value,
    said: String,
    metrics: String,
    /// The director's memory at its peak.
    peak_bytes: u64,
}

impl Rig {
    fn new() -> Result<Rig> {
        let folder = tempfile::tempdir()?;
        let catalog = folder.path().join("catalog.db");
        let catalog = catalog.to_str().context("no text")?.to_owned();
        let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        let rig = Rig { folder, catalog, primary: Primary::small(now_unix_s - 7200) };
        rig.call(&["init"])?;
        rig.call(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
        rig.call(&["site", "add", "Mirrors"])?;
        let origin = rig.folder.path().join("primary");
        fs::create_dir_all(&origin)?;
        let tree: &Tree = &rig.primary.newest();
        tree.write(&origin)?;
        let from = origin.to_str().context("no text")?;
        rig.call(&["scan", "--category", "Linux", "--from", from])?;
        Ok(rig)
    }

    fn call(&self, arguments: &[&str]) -> Result<String> {
        run(&[arguments, &["--catalog", &self.catalog]].concat())
    }

    /// Crawls everything once, and watches how large the process gets.
    fn crawl(&self) -> Result<Crawled> {
        let file = |name: &str| self.folder.path().join(name);
        let mut child = Command::new(binary()?)
            .args(["crawl", "--once", "--allow-loopback", "--requests-per-s", "1000", "--json"])
            .args(["--catalog", &self.catalog, "--metrics-file"])
            .arg(file("crawl.prom"))
            .stdin(Stdio::null())
            .stdout(File::create(file("out"))?)
            .stderr(File::create(file("err"))?)
            .spawn()?;
        let (begun, mut peak_bytes) = (Instant::now(), 0);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let proc = fs::read_to_string(format!("/proc/{}/status", child.id()));
            peak_bytes = peak_bytes.max(peak(&proc.unwrap_or_default()));
            if begun.elapsed() > CRAWL_MAX {
                child.kill()?;
                child.wait()?;
                bail!("it crawls for ever: {}", fs::read_to_string(file("err"))?);
            }
            thread::sleep(Duration::from_millis(20));
        };
        let said = fs::read_to_string(file("err"))?;
        ensure!(status.success(), "{status}: {said}");
        let json = serde_json::from_str(&fs::read_to_string(file("out"))?)?;
        let metrics = fs::read_to_string(file("crawl.prom"))?;
        Ok(Crawled { json, said, metrics, peak_bytes })
    }
}

/// The most memory that a process had, by the kernel's account.
fn peak(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Nothing that mirrors send makes a crawl last longer: a minute of a limit, twice, and more than
/// enough for a machine that is busy.
const CRAWL_MAX: Duration = Duration::from_secs(600);

/// Bodies that are looked at at once, and what is around them.
const PEAK_BYTES_MAX: u64 = 512 << 20;
