//! What happens: a release appears and spreads, a file is lost, a mirror dies, both come back; and
//! after each, how long it took until answers were as they should be.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use heliostat_operate_cli::ServeOptions;
use heliostat_operate_cli::args::DemoArgs;
use heliostat_testing_fleet::{Fleet, Manner, Mirror};
use heliostat_testing_world as world;
use tokio::sync::oneshot;

use super::answers::{self, Answers};
use super::cast::{self, ROLES, WATCHED};
use super::knowledge::{self, Knowledge};
use super::stage::{Observer, Stage, Watch};
use super::{start, swede, worker};
use crate::service::{Signals, random};

/// Tells it, until a signal says stop or, with `--once`, the circle is closed.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let signals = Signals::catch()?;
    worker::ready()?;
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("heliostat-demo-").tempdir()?;
    let countries = folder.path().join("countries.mmdb");
    std::fs::write(&countries, world::country_database(world::Scale::Small, args.seed))?;
    let stage = Stage::set(folder.path(), now_unix_s())?;
    stage.director.look()?;
    // However this ends, it is gone before the folder is.
    let _watch = Watch::start(&stage.director)?;
    let snapshot = stage.director.snapshots.join("current.snapshot");
    let options = |listen: SocketAddr| ServeOptions {
        snapshot: Some(snapshot.clone()),
        geoip_country: Some(countries.clone()),
        listen: vec![listen],
        ..ServeOptions::default()
    };
    let (running, moved) = start(args.listen, |listen| Ok(options(listen).plan(random())?))?;
    let server = running.addresses.first().copied().context("no address is listened on")?;
    let client = swede(world::Scale::Small, args.seed);
    let client = client.context("the made world has no Swedish client")?;
    let instead = moved.then_some(args.listen);
    show(begun.elapsed(), instead, server, client)?;
    let (done, told) = oneshot::channel();
    let once = args.once;
    let teller = std::thread::Builder::new().name("story".to_owned()).spawn(move || {
        // Nobody listens any more when a signal has said stop.
        let _ = done.send(Story { begun, stage, server, worst: Duration::ZERO }.tell(once));
    })?;
    match running.until(signals, told)? {
        // A signal: what is under way ends with the process.
        None => Ok(()),
        Some(told) => {
            // It has sent its last word already, or panicked and said so.
            let _ = teller.join();
            told.context("the story broke off")?
        }
    }
}

/// Says what there is and what to try.
fn show(
    took: Duration,
    instead: Option<SocketAddr>,
    server: SocketAddr,
    client: IpAddr,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let (mirrors, repositories) = (ROLES.len(), WATCHED.len());
    writeln!(
        out,
        "A primary copy with {repositories} repositories and {mirrors} mirrors of it on loopback: made, \
         scanned,\ncrawled, compiled into a snapshot and served, in {:.1} s.\n",
        took.as_secs_f64()
    )?;
    if let Some(taken) = instead {
        writeln!(out, "{taken} is taken, so it is served on {server} instead.\n")?;
    }
    let [_, updates, debian] = &WATCHED;
    let of = |watched: &cast::Watched| format!("repo={}&arch={}", watched.repo, watched.arch);
    let (updates, debian) = (of(updates), of(debian));
    writeln!(
        out,
        "Mirrors for a client in Sweden: a header line that says how they were chosen, then one\n\
         URL per line, best first; run it again after a change to see the answer follow.\n\n    \
         curl 'http://{server}/mirrorlist?{updates}&ip={client}'\n\n\
         The same as dnf asks for it: XML with the hashes of repomd.xml, so that no mirror needs\n\
         to be trusted.\n\n    \
         curl 'http://{server}/metalink?{updates}&ip={client}'\n\n\
         Why these mirrors: every candidate with its tier and weight, or why it is left out.\n\n    \
         curl 'http://{server}/mirrorlist?{debian}&ip={client}&explain'\n\n\
         Ctrl-C ends it.\n"
    )?;
    out.flush()
}

/// A story under way.
struct Story {
    begun: Instant,
    stage: Stage,
    server: SocketAddr,
    /// The longest time that answers took to follow.
    worst: Duration,
}

impl Story {
    fn tell(mut self, once: bool) -> anyhow::Result<()> {
        let _observer = Observer::start(self.stage.director.clone())?;
        self.settle("In the beginning")?;
        self.table()?;
        loop {
            self.circle()?;
            if once {
                let mut out = std::io::stdout().lock();
                writeln!(
                    out,
                    "The circle is closed: a release has spread, a loss and a death were noticed and \
                     mended, and\neach time answers were as they should be, at the latest after \
                     {:.1} s (of {} s allowed).",
                    self.worst.as_secs_f64(),
                    FOLLOWS_MAX.as_secs()
                )?;
                return Ok(out.flush()?);
            }
            std::thread::sleep(REST);
        }
    }

    /// From one release to the next.
    fn circle(&mut self) -> anyhow::Result<()> {
        let number = self.stage.release(now_unix_s())?;
        self.settle(&format!("Release {number} is at the primary copy, and nowhere else"))?;
        self.table()?;
        let fleet = |stage: &Stage, name: &str| mirror(&stage.fleet, name).cloned();
        for role in cast::followers() {
            fleet(&self.stage, role.name)?.take(role.tree(&self.stage.primary));
            self.settle(&format!("{} has taken it", role.name))?;
        }
        // What the others take changes nothing of what they are.
        for (role, mirror) in ROLES.iter().zip(self.stage.fleet.mirrors()) {
            mirror.take(role.tree(&self.stage.primary));
        }
        self.settle("The others have taken what they take")?;
        self.table()?;
        let (loser, mortal) = (fleet(&self.stage, "healthy-2")?, fleet(&self.stage, "healthy-3")?);
        let [_, updates, _] = &WATCHED;
        loser.lose(&format!("{}/repomd.xml", updates.indexes));
        self.settle("healthy-2 has lost a file of the updates")?;
        mortal.behave(Manner::Refuses);
        self.settle("healthy-3 has died")?;
        self.table()?;
        loser.take(self.stage.primary.newest());
        self.settle("healthy-2 has its file again")?;
        mortal.behave(Manner::Honest);
        self.settle("healthy-3 is alive again")?;
        self.table()
    }

    /// Waits until answers are as they should be, and says how long that took.
    fn settle(&mut self, what: &str) -> anyhow::Result<()> {
        let changed = Instant::now();
        let expected = answers::expected(&self.stage.primary, self.stage.fleet.mirrors());
        loop {
            let found = self.answers()?;
            if found == expected {
                break;
            }
            if changed.elapsed() > FOLLOWS_MAX {
                self.table()?;
                bail!(
                    "{what}, and {} s later answers are not as they should be: {}",
                    FOLLOWS_MAX.as_secs(),
                    difference(&expected, &found)
                );
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        let took = changed.elapsed();
        self.worst = self.worst.max(took);
        let mut out = std::io::stdout().lock();
        let at = self.begun.elapsed().as_secs();
        let follow = match took {
            took if took < LOOK_AGAIN => "answers are as they should be".to_owned(),
            took => format!("answers follow after {:.1} s", took.as_secs_f64()),
        };
        writeln!(out, "{at:>4} s  {what}: {follow}.")?;
        Ok(out.flush()?)
    }

    fn answers(&self) -> anyhow::Result<Answers> {
        answers::ask(self.server, self.stage.fleet.mirrors())
    }

    /// Prints what the director knows of each mirror, and where clients are sent.
    fn table(&self) -> anyhow::Result<()> {
        let now_unix_s = u64::try_from(now_unix_s()).unwrap_or_default();
        let known = knowledge::read(&self.stage.director.catalog, now_unix_s)?;
        let table = table(&known, &self.answers()?);
        let mut out = std::io::stdout().lock();
        write!(out, "{table}")?;
        Ok(out.flush()?)
    }
}

fn table(known: &Knowledge, answers: &Answers) -> String {
    let [a, b, c] = WATCHED.map(|watched| watched.repo);
    let mut text = format!("\n{:<10} {:<27} {a:<18} {b:<18} {c}\n", "mirror", "which");
    for ((role, known), answers) in ROLES.iter().zip(known).zip(answers) {
        text += &format!("{:<10} {:<27}", role.name, role.is);
        for (known, &answered) in known.iter().zip(answers) {
            let mark = if answered { " *" } else { "" };
            text += &format!(" {:<18}", format!("{known}{mark}"));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text + "* clients are sent there\n\n"
}

/// What is not as it should be, in words.
fn difference(expected: &Answers, found: &Answers) -> String {
    let mut words = Vec::new();
    for ((role, expected), found) in ROLES.iter().zip(expected).zip(found) {
        for ((watched, expected), found) in WATCHED.iter().zip(expected).zip(found) {
            if expected != found {
                let is = if *found { "is" } else { "is not" };
                words.push(format!("{} {is} among the mirrors of {}", role.name, watched.repo));
            }
        }
    }
    words.join(", ")
}

fn mirror<'a>(fleet: &'a Fleet, name: &str) -> anyhow::Result<&'a Mirror> {
    fleet.mirror(name).with_context(|| format!("there is no mirror {name}"))
}

fn now_unix_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// What is promised: so soon answers follow whatever happens to a mirror.
const FOLLOWS_MAX: Duration = Duration::from_secs(90);

/// Between two looks at the answers.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Between two circles.
const REST: Duration = Duration::from_secs(15);
