//! Following a tree while it changes.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use heliostat_admission::{Brake, Bytes, Capacity, Change, MilliCpu, Watch, Watching};

const MAX: &str = "sys/fs/cgroup/cpu.max";

fn plant(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let plant = |path: &str, content: &str| plant(root.path(), path, content);
    plant("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 16777216 kB\n");
    plant("proc/self/cgroup", "0::/\n");
    plant("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    plant("sys/devices/system/cpu/online", "0-7\n");
    plant(MAX, "400000 100000\n");
    root
}

fn watch(root: &Path, interval: Duration) -> (Watch, Receiver<Change>) {
    let (sender, receiver) = channel();
    let watching = Watching { root: root.to_owned(), interval, brake: Some(Brake::default()) };
    let watch = Watch::with(watching, move |change| drop(sender.send(change.clone()))).unwrap();
    (watch, receiver)
}

/// The next capacity, within a time that only a broken watch needs.
fn next(receiver: &Receiver<Change>) -> Capacity {
    loop {
        match receiver.recv_timeout(Duration::from_secs(20)).expect("no change was seen") {
            Change::Capacity(capacity) => return capacity,
            Change::Pressure(_) => {}
        }
    }
}

#[test]
fn less_and_more_are_followed() {
    let root = machine();
    let (watch, changes) = watch(root.path(), Duration::from_millis(20));
    assert_eq!(watch.latest().cpu(), MilliCpu::cpus(4));
    plant(root.path(), MAX, "150000 100000\n");
    assert_eq!(next(&changes).cpu(), MilliCpu::new(1500));
    plant(root.path(), MAX, "600000 100000\n");
    assert_eq!(next(&changes).cpu(), MilliCpu::new(6000));
    plant(root.path(), "sys/fs/cgroup/memory.max", "1048576\n");
    assert_eq!(next(&changes).memory(), Bytes::mib(1).unwrap());
    assert_eq!(watch.latest().memory(), Bytes::mib(1).unwrap());
}

#[test]
fn a_move_to_another_group_is_followed() {
    let root = machine();
    plant(root.path(), "sys/fs/cgroup/small/cpu.max", "50000 100000\n");
    let (_watch, changes) = watch(root.path(), Duration::from_millis(20));
    plant(root.path(), "proc/self/cgroup", "0::/small\n");
    assert_eq!(next(&changes).cpu(), MilliCpu::new(500));
}

#[test]
fn what_others_hold_on_the_machine_is_followed() {
    let root = machine();
    let (_watch, changes) = watch(root.path(), Duration::from_millis(20));
    let meminfo = |available: u64| {
        let content = format!("MemTotal: 16777216 kB\nMemAvailable: {:8} kB\n", available << 20);
        plant(root.path(), "proc/meminfo", &content);
    };
    for gib in [8, 12] {
        meminfo(gib);
        while next(&changes).memory() != Bytes::new(gib << 30) {}
    }
}

/// The page cache of a group can always be had back, so it does not count as taken.
#[test]
fn what_others_hold_in_a_group_is_followed() {
    let root = machine();
    let group = |file: &str, content: String| {
        plant(root.path(), &format!("sys/fs/cgroup/{file}"), &content);
    };
    group("memory.max", format!("{}\n", 1 << 30));
    group("memory.current", format!("{:12}\n", 1_u64 << 30));
    let cached = |mib: u64| {
        group("memory.stat", format!("inactive_file {:12}\nactive_file 0\n", mib << 20));
    };
    cached(1024);
    let (watch, changes) = watch(root.path(), Duration::from_millis(20));
    assert_eq!(watch.latest().memory(), Bytes::new(1 << 30));
    for mib in [256, 768] {
        cached(mib);
        while next(&changes).memory() != Bytes::mib(mib).unwrap() {}
    }
}

/// Version 1 in a container that sees its own group only: a limit above it is in one value.
#[test]
fn a_hidden_limit_is_followed() {
    let root = machine();
    plant(root.path(), "proc/self/cgroup", "4:memory:/docker/0a1b\n");
    let mount = "31 20 0:27 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    plant(root.path(), "proc/self/mountinfo", mount);
    let stat = |limit: u64| {
        let stat = format!("cache 0\nhierarchical_memory_limit {limit}\ntotal_cache 0\n");
        plant(root.path(), "sys/fs/cgroup/memory/memory.stat", &stat);
    };
    stat(8 << 30);
    let (watch, changes) = watch(root.path(), Duration::from_millis(20));
    assert_eq!(watch.latest().memory_limit(), Bytes::new(8 << 30));
    stat(512 << 20);
    assert_eq!(next(&changes).memory_limit(), Bytes::new(512 << 20));
}

/// With a timer that never comes, only inotify can have said it.
#[test]
fn a_change_is_known_without_the_timer() {
    let root = machine();
    let (_watch, changes) = watch(root.path(), Duration::from_secs(3600));
    plant(root.path(), MAX, "150000 100000\n");
    assert_eq!(next(&changes).cpu(), MilliCpu::new(1500));
}

#[test]
fn pressure_brakes_and_lets_go() {
    let root = machine();
    let stall = |total: u64| {
        format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00\n")
    };
    let pressure = "sys/fs/cgroup/memory.pressure";
    plant(root.path(), pressure, &stall(0));
    let (_watch, changes) = watch(root.path(), Duration::from_millis(20));
    let mut total = 0;
    let mut tell = |more: u64| {
        total += more;
        // In one piece, as the kernel writes it.
        let beside = root.path().join("beside");
        fs::write(&beside, stall(total)).unwrap();
        fs::rename(&beside, root.path().join(pressure)).unwrap();
        changes.recv_timeout(Duration::from_millis(30)).ok()
    };
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(Change::Pressure(brake)) if brake.to_f64() > 0.9) {
        seen.extend(tell(1_000_000));
        assert!(seen.len() < 1000);
    }
    while !matches!(seen.last(), Some(Change::Pressure(brake)) if brake.to_f64() == 0.0) {
        seen.extend(tell(0));
        assert!(seen.len() < 1000);
    }
}

#[test]
fn this_machine_can_be_watched() {
    let watch = Capacity::watch(|_| {}).unwrap();
    assert!(watch.latest().cpu() > MilliCpu::new(0));
    assert!(watch.latest().memory() > Bytes::new(0));
}
