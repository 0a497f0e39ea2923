//! Real control groups of version 1, made by the test, as root. Skipped aloud elsewhere.
//!
//! A child process is put into the groups, and asked what it found: it is this test again, with a
//! word in its environment.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use heliostat_admission::{Capacity, Change};

const ASKED: &str = "HELIOSTAT_ADMISSION_GROUP_CHILD";
const ROOT: &str = "/sys/fs/cgroup";

/// Groups that go away with it, the children first.
struct Groups(Vec<PathBuf>);

impl Groups {
    /// A group below a controller's root, if this machine has such a thing.
    fn make(&mut self, controller: &str, name: &str) -> Option<PathBuf> {
        let path = Path::new(ROOT).join(controller).join(name);
        fs::create_dir(&path).ok()?;
        self.0.push(path.clone());
        Some(path)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.0.iter().rev().for_each(|path| drop(fs::remove_dir(path)));
    }
}

/// A process in these groups that says what it finds.
fn child_in(groups: &[&Path], asked: &str) -> Child {
    let joins = groups.iter().map(|group| format!("echo $$ > '{}/cgroup.procs'", group.display()));
    let joins: String = joins.map(|join| format!("{join} && ")).collect();
    let script = format!("{joins} exec \"$0\" --exact group::child --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env(ASKED, asked);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// What a child says: CPU in thousandths, memory limit and memory in bytes.
type Found = [u64; 3];

/// The next thing it says.
fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Found> {
    let line = lines.find_map(|line| Some(line.unwrap().split_once("found ")?.1.to_owned()))?;
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap());
    Some([(); 3].map(|()| numbers.next().unwrap()))
}

fn found_in(groups: &[&Path]) -> (u64, u64) {
    let mut child = child_in(groups, "once");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let [cpu, memory_limit, _] = next(&mut lines).expect("the child ended and said nothing");
    // To the end, so that the child does not write into nothing.
    lines.for_each(|line| drop(line.unwrap()));
    child.wait().unwrap();
    (cpu, memory_limit)
}

/// A child that watches, until it is dropped.
struct Watcher {
    child: Child,
    found: Receiver<Found>,
}

impl Watcher {
    fn start(groups: &[&Path]) -> Watcher {
        let mut child = child_in(groups, "watch");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, found) = channel();
        thread::spawn(
            move || {
                while next(&mut lines).is_some_and(|found| sender.send(found).is_ok()) {}
            },
        );
        Watcher { child, found }
    }

    /// Waits until it has found this, and says how long that took. Others on the machine change, too.
    #[expect(clippy::print_stderr, reason = "what took how long is worth seeing")]
    fn sees(&self, what: &str, is_it: impl Fn(Found) -> bool) {
        let (since, patience) = (Instant::now(), Duration::from_secs(20));
        while !is_it(self.found.recv_timeout(patience).expect(what)) {}
        eprintln!("{what}: seen after {:?}", since.elapsed());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The answer of the child.
#[test]
fn child() {
    let Some(asked) = std::env::var_os(ASKED) else { return };
    say(&Capacity::detect().unwrap());
    if asked == "watch" {
        let (sender, changes) = channel();
        let watch = Capacity::watch(move |change| drop(sender.send(change.clone()))).unwrap();
        say(&watch.latest());
        for change in changes {
            if let Change::Capacity(capacity) = change {
                say(&capacity);
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is what the parent reads")]
fn say(capacity: &Capacity) {
    let (limit, memory) = (capacity.memory_limit().get(), capacity.memory().get());
    println!("\nfound {} {limit} {memory}", capacity.cpu().get());
}

/// Says that a test could not run, and leaves a line where skips are collected.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn skip(what: &str, why: &str) {
    eprintln!("skipped: {what}: {why}");
    if let Some(path) = std::env::var_os("HELIOSTAT_SKIPS") {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(format!("heliostat-admission {what}\t{why}\n").as_bytes()).unwrap();
    }
}

#[test]
fn real_groups() {
    let mut groups = Groups(Vec::new());
    let name = format!("heliostat-admission-{}", std::process::id());
    let parts = (
        groups.make("cpu", &name),
        groups.make("cpu", &format!("{name}/inner")),
        groups.make("memory", &name),
        groups.make("memory", &format!("{name}/inner")),
        groups.make("cpuset", &name),
    );
    let (Some(cpu), Some(cpu_inner), Some(memory), Some(memory_inner), Some(cpuset)) = parts else {
        return skip("real_groups", "needs root and cpu, memory and cpuset groups of version 1");
    };
    let put = |group: &Path, file: &str, value: &str| fs::write(group.join(file), value).unwrap();
    let (all, limit) = found_in(&[]);
    put(&cpu, "cpu.cfs_quota_us", "50000");
    assert_eq!(found_in(&[&cpu]), (500, limit), "half a CPU");
    assert_eq!(found_in(&[&cpu_inner]), (500, limit), "only the group above says it");
    put(&cpu, "cpu.cfs_quota_us", "150000");
    assert_eq!(found_in(&[&cpu]).0, all.min(1500), "changed while running");
    put(&cpu_inner, "cpu.cfs_quota_us", "100000");
    assert_eq!(found_in(&[&cpu_inner]).0, all.min(1000), "less than the group above");
    put(&memory, "memory.limit_in_bytes", "536870912");
    put(&memory_inner, "memory.limit_in_bytes", "1073741824");
    assert_eq!(found_in(&[&memory]).1, 512 << 20);
    assert_eq!(found_in(&[&memory_inner]).1, 512 << 20, "the group above has less");
    for file in ["cpuset.mems", "cpuset.cpus"] {
        put(&cpuset, file, "0");
    }
    assert_eq!(found_in(&[&cpuset]).0, 1000, "a cpuset of one");
    assert_eq!(found_in(&[&cpuset, &cpu, &memory_inner]), (1000, 512 << 20), "all at once");
    put(&cpu_inner, "cpu.cfs_quota_us", "-1");
    let watcher = Watcher::start(&[&cpu_inner]);
    watcher.sees("all there is at first", |[cpu, ..]| cpu == all.min(1500));
    for (quota, milli) in [("50000", 500), ("70000", 700)] {
        put(&cpu, "cpu.cfs_quota_us", quota);
        watcher.sees("another quota above", |[cpu, ..]| cpu == milli);
    }
    put(&memory_inner, "cgroup.procs", &watcher.child.id().to_string());
    watcher.sees("a move to another group", |[_, limit, _]| limit == 512 << 20);
    let mut hog = hog_in(&memory);
    watcher.sees("what others took", |[.., memory]| memory < 300 << 20);
    hog.kill().unwrap();
    hog.wait().unwrap();
    watcher.sees("what others gave back", |[.., memory]| memory > 400 << 20);
}

/// A process in this group that takes 256 MiB and keeps them.
fn hog_in(group: &Path) -> Child {
    let script = "echo $$ > \"$0/cgroup.procs\" && exec tail -c 256M";
    let mut hog = Command::new("sh");
    let mut hog = hog.args(["-c", script]).arg(group).stdin(Stdio::piped()).spawn().unwrap();
    let block = vec![1; 1 << 20];
    let mut input = hog.stdin.take().unwrap();
    (0..256).for_each(|_| input.write_all(&block).unwrap());
    // Open for as long as it lives, so that it waits for more.
    hog.stdin = Some(input);
    hog
}
