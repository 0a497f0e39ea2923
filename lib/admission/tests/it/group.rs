//! Real control groups of version 1, made by the test, as root. Skipped aloud elsewhere.
//!
//! A child process is put into the groups, and asked what it found: it is this test again, with a
//! word in its environment.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

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

/// The next thing it says: CPU in thousandths, memory limit in bytes.
fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> (u64, u64) {
    let line = lines.find_map(|line| Some(line.unwrap().split_once("found ")?.1.to_owned()));
    let line = line.expect("the child ended and said nothing");
    let (cpu, memory) = line.trim().split_once(' ').unwrap();
    (cpu.parse().unwrap(), memory.parse().unwrap())
}

fn found_in(groups: &[&Path]) -> (u64, u64) {
    let mut child = child_in(groups, "once");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = next(&mut lines);
    // To the end, so that the child does not write into nothing.
    lines.for_each(|line| drop(line.unwrap()));
    child.wait().unwrap();
    found
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
        let mut capacities = changes.iter().filter_map(|change| match change {
            Change::Capacity(capacity) => Some(capacity),
            Change::Pressure(_) => None,
        });
        (0..2).for_each(|_| say(&capacities.next().unwrap()));
    }
}

#[expect(clippy::print_stdout, reason = "it is what the parent reads")]
fn say(capacity: &Capacity) {
    println!("\nfound {} {}", capacity.cpu().get(), capacity.memory_limit().get());
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
#[expect(clippy::print_stderr, reason = "what took how long is worth seeing")]
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
    let mut child = child_in(&[&cpu_inner], "watch");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let before = all.min(1500);
    assert_eq!((next(&mut lines).0, next(&mut lines).0), (before, before));
    for (quota, milli) in [("50000", 500), ("70000", 700)] {
        let written = Instant::now();
        put(&cpu, "cpu.cfs_quota_us", quota);
        assert_eq!(next(&mut lines).0, milli, "seen by a watch while running");
        eprintln!("a quota above of {milli} m was seen after {:?}", written.elapsed());
    }
    lines.for_each(|line| drop(line.unwrap()));
    child.wait().unwrap();
}
