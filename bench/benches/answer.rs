//! What one answer costs, without sockets: by the number of URLs in it, in small and large worlds.
//!
//! The same clients ask the same kind of questions of three worlds, and the longest list that they
//! may get is cut to some lengths. If the cost follows the number of URLs and not the world, the
//! rows of one length agree across the worlds. Time is the thread's own CPU time; the worlds and
//! lengths take turns and the median round counts. Where valgrind is installed the instructions
//! are counted, too: those repeat to the last digit.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{env, process};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use heliostat_bench::child::find;
use heliostat_bench::table::{Table, median, short};
use heliostat_publish::{Stamp, compile};
use heliostat_serve::{Ask, CountryTable, Form, Policy, Scratch, Snapshot, answer, explanation};
use heliostat_testing_world::{
    Endpoint, Scale, client_addresses, country_networks, generate, queries,
};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds and instructions of the answer function.
#[derive(Debug, Parser)]
struct Options {
    /// Which worlds.
    #[arg(long, value_delimiter = ',', value_parser = scale, default_value = "small,fedora,large")]
    scales: Vec<Scale>,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Answers per round.
    #[arg(long, default_value_t = 2000)]
    answers: usize,
    /// Leave the instructions uncounted.
    #[arg(long)]
    no_instructions: bool,
    /// Only give these answers, for valgrind to count: `SCALE,FORM,NUMBER`.
    #[arg(long, hide = true)]
    count: Option<String>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(job) = &options.count {
        return count(job);
    }
    let mut worlds = Vec::new();
    for &scale in &options.scales {
        worlds.push(World::make(scale, options.answers)?);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", curve(&worlds, options.rounds)?)?;
    writeln!(out, "{}", around(&worlds, options.rounds)?)?;
    if options.no_instructions {
        return Ok(());
    }
    match find("valgrind") {
        Some(valgrind) => writeln!(out, "{}", instructions(&valgrind, &options)?)?,
        None => {
            writeln!(out, "**Skipped: instruction counts, because valgrind is not installed.**")?
        }
    }
    Ok(())
}

/// A compiled world and what is asked of it.
struct World {
    scale: Scale,
    snapshot: Snapshot,
    questions: Vec<(String, IpAddr)>,
}

impl World {
    fn make(scale: Scale, questions: usize) -> Result<World> {
        let file = snapshot_file(scale)?;
        let targets = file.with_extension("targets");
        if !targets.is_file() {
            eprintln!("making and compiling a world of scale {scale} ...");
            make(scale, &file, &targets)?;
        }
        let text = fs::read_to_string(targets)?;
        let queries = text.lines().map(str::to_owned).take(questions);
        let networks = country_networks(scale, SEED).map(|(net, country)| (net, country.0));
        Ok(World {
            scale,
            snapshot: Snapshot::open_with(&file, Some(&CountryTable::new(networks)?))?,
            questions: queries.zip(client_addresses(SEED)).collect(),
        })
    }

    /// How many mirrors a question has to choose from, on average.
    fn candidates(&self) -> Result<f64> {
        let asks = self.asks(Form::Mirrorlist, u32::MAX)?;
        let all = asks.iter().take(200).filter_map(|ask| explanation(&self.snapshot, ask).ok());
        let counts: Vec<_> = all.map(|explanation| explanation.candidates.len()).collect();
        Ok(counts.iter().sum::<usize>() as f64 / counts.len() as f64)
    }

    /// The questions, read and ready to be answered.
    fn asks(&self, form: Form, hosts_max: u32) -> Result<Vec<Ask<'_>>> {
        let questions = self.questions.iter().enumerate();
        questions.map(|(i, question)| self.ask(i, question, form, hosts_max)).collect()
    }

    fn ask<'q>(
        &self,
        i: usize,
        (query, client): &'q (String, IpAddr),
        form: Form,
        hosts_max: u32,
    ) -> Result<Ask<'q>> {
        let mut ask = Ask::new(form, *client);
        ask.read(query.as_bytes(), true)?;
        ask.now_unix_s = 1_760_000_000;
        ask.seed = i as u64;
        ask.policy = Policy { hosts_max, ..Policy::default() };
        Ok(ask)
    }
}

/// Beside the build's output, under a name that changes when the world does.
fn snapshot_file(scale: Scale) -> Result<PathBuf> {
    let exe = env::current_exe()?;
    let target = exe.ancestors().nth(3).context("no folder for the files")?;
    let folder = target.join("bench-answer");
    fs::create_dir_all(&folder)?;
    let small = format!("{:?}", generate(Scale::Small, SEED));
    let hash = small.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(folder.join(format!("{scale}-{hash:016x}.snapshot")))
}

fn make(scale: Scale, file: &Path, targets: &Path) -> Result<()> {
    let world = generate(scale, SEED);
    let stamp = Stamp { generation: 1, created_unix_s: world.created_unix_s, compiled_unix_s: 0 };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    compile(&world, stamp, &mut out, |_| ())?;
    out.flush()?;
    let query = |target: String| target.split_once('?').map(|(_, query)| format!("{query}\n"));
    let lines = queries(&world, Some(Endpoint::Mirrorlist), SEED).take(QUESTIONS_MAX);
    fs::write(targets, lines.filter_map(query).collect::<String>())?;
    Ok(())
}

/// One point of the curve: a world, a form, and the longest list.
struct Point<'w> {
    world: &'w World,
    asks: Vec<Ask<'w>>,
    urls: f64,
    bytes: f64,
    rounds_ns: Vec<f64>,
}

impl<'w> Point<'w> {
    fn new(world: &'w World, form: Form, hosts_max: u32) -> Result<Point<'w>> {
        let asks = world.asks(form, hosts_max)?;
        let mut scratch = Scratch::default();
        let (mut urls, mut bytes) = (0, 0);
        for ask in &asks {
            answer(&world.snapshot, ask, &mut scratch);
            urls += count_urls(form, &scratch.body);
            bytes += scratch.body.len();
        }
        let n = asks.len() as f64;
        let (urls, bytes) = (urls as f64 / n, bytes as f64 / n);
        Ok(Point { world, asks, urls, bytes, rounds_ns: Vec::new() })
    }

    fn round(&mut self) {
        let mut scratch = Scratch::default();
        let before_ns = thread_cpu_ns();
        for ask in &self.asks {
            black_box(answer(&self.world.snapshot, black_box(ask), &mut scratch));
        }
        self.rounds_ns.push((thread_cpu_ns() - before_ns) / self.asks.len() as f64);
    }

    fn cells(&self) -> [String; 3] {
        let ns = median(self.rounds_ns.iter().copied());
        [self.urls, self.bytes, ns].map(short)
    }
}

/// The answers alone.
fn curve(worlds: &[World], rounds: usize) -> Result<Table> {
    let mut heads = vec!["answer".to_owned(), "hosts at most".to_owned()];
    for world in worlds {
        heads.extend(["URLs", "bytes", "ns"].map(|head| format!("{} {head}", world.scale)));
    }
    let heads: Vec<_> = heads.iter().map(String::as_str).collect();
    let mut table = Table::new("6. The answer function alone, ns of CPU time", &heads);
    for (form, name) in FORMS {
        let mut points = Vec::new();
        for hosts_max in HOSTS_MAX {
            for world in worlds {
                points.push(Point::new(world, form, hosts_max)?);
            }
        }
        for _ in 0..rounds {
            points.iter_mut().for_each(Point::round);
        }
        for (row, hosts_max) in points.chunks(worlds.len()).zip(HOSTS_MAX) {
            let most = if hosts_max == u32::MAX { "-".to_owned() } else { hosts_max.to_string() };
            let cells = row.iter().flat_map(Point::cells);
            table.row([name.to_owned(), most].into_iter().chain(cells));
        }
    }
    for world in worlds {
        table.note(format!(
            "{}: {} mirrors stand behind a question on average, near or far.",
            world.scale,
            short(world.candidates()?)
        ));
    }
    Ok(table)
}

/// What comes before the answer: reading the query and looking the client's country up.
fn around(worlds: &[World], rounds: usize) -> Result<Table> {
    let heads = ["before the answer", "ns"];
    let mut table = Table::new("6. Reading the query and looking the country up", &heads);
    for world in worlds {
        let mut rounds_ns = Vec::new();
        for _ in 0..rounds {
            let before_ns = thread_cpu_ns();
            for (i, question) in world.questions.iter().enumerate() {
                black_box(world.ask(i, black_box(question), Form::Mirrorlist, u32::MAX)?);
            }
            rounds_ns.push((thread_cpu_ns() - before_ns) / world.questions.len() as f64);
        }
        table.row([world.scale.to_string(), short(median(rounds_ns))]);
    }
    Ok(table)
}

/// Counts by running this program under valgrind with and without answers.
fn instructions(valgrind: &Path, options: &Options) -> Result<Table> {
    let heads = ["world", "mirrorlist", "metalink"];
    let mut table = Table::new("6. Instructions per answer", &heads);
    for scale in &options.scales {
        let mut cells = vec![scale.to_string()];
        let collected = |form: &str, number: u64| -> Result<f64> {
            eprintln!("counting the instructions of {number} answers ({form}, {scale}) ...");
            let done = process::Command::new(valgrind)
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(env::current_exe()?)
                .args(["--count", &format!("{scale},{form},{number}")])
                .output()?;
            let said = String::from_utf8_lossy(&done.stderr);
            ensure!(done.status.success(), "valgrind: {said}");
            let collected = said.lines().find_map(|line| line.split_once("Collected : "));
            let (_, count) = collected.with_context(|| format!("no count in {said}"))?;
            Ok(count.trim().parse()?)
        };
        for (_, form) in FORMS {
            let many = collected(form, COUNTED)?;
            cells.push(short((many - collected(form, 0)?) / COUNTED as f64));
        }
        table.row(cells);
    }
    Ok(table)
}

/// What valgrind watches.
fn count(job: &str) -> Result<()> {
    let mut parts = job.split(',');
    let mut next = || parts.next().context("SCALE,FORM,NUMBER");
    let (world, form, number) = (World::make(scale(next()?)?, 1000)?, next()?, next()?);
    let form = FORMS.iter().find(|(_, name)| *name == form).context("no such form")?.0;
    let asks = world.asks(form, u32::MAX)?;
    let mut scratch = Scratch::default();
    // The first answers find room for the longest ones.
    for ask in &asks {
        answer(&world.snapshot, ask, &mut scratch);
    }
    for ask in asks.iter().cycle().take(number.parse()?) {
        black_box(answer(&world.snapshot, black_box(ask), &mut scratch));
    }
    Ok(())
}

fn count_urls(form: Form, body: &[u8]) -> usize {
    match form {
        Form::Mirrorlist => body.split(|&byte| byte == b'\n').filter(|l| l.contains(&b':')).count(),
        Form::Metalink => body.windows(5).filter(|window| window == b"<url ").count(),
    }
}

fn thread_cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn scale(text: &str) -> Result<Scale> {
    Scale::parse(text).with_context(|| format!("no scale is called {text}"))
}

const FORMS: [(Form, &str); 2] = [(Form::Mirrorlist, "mirrorlist"), (Form::Metalink, "metalink")];
const HOSTS_MAX: [u32; 6] = [1, 5, 10, 20, 40, u32::MAX];
const SEED: u64 = 1;
const QUESTIONS_MAX: usize = 20_000;
const COUNTED: u64 = 1000;
