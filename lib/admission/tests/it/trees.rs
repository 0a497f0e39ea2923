//! What is found in recorded and built trees of `/proc` and `/sys`.
//!
//! A tree is a list of files. The expected answer is one line: CPU, memory, and the memory limit where
//! others hold so much that it cannot be had.

use std::fs;
use std::path::Path;

use heliostat_admission::{Bytes, Capacity, Headroom, MilliCpu, Reading, Rule};
use proptest::prelude::*;

/// Files, later ones replacing earlier ones; a content of `-` removes the file.
type Files<'a> = &'a [(&'a str, &'a str)];

const MACHINE: Files<'_> = &[
    ("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\nSwapTotal: 0 kB\n"),
    ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3\nRssAnon:\t0 kB\nRssShmem:\t0 kB\n"),
    ("sys/devices/system/cpu/online", "0-3\n"),
];

/// Version 2, the process in `/app/web`, everything mounted.
const V2: Files<'_> = &[
    ("proc/self/cgroup", "0::/app/web\n"),
    ("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
];

/// Version 1 as systemd mounts it, the process in `/app/web`.
const V1: Files<'_> = &[
    (
        "proc/self/cgroup",
        "4:memory:/app/web\n3:cpuset:/app/web\n2:cpu,cpuacct:/app/web\n1:name=systemd:/app/web\n",
    ),
    (
        "proc/self/mountinfo",
        "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         32 20 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
         33 20 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
    ),
];

/// Version 1 as docker shows it to a container: its own group at the mount point, the path outside.
const DOCKER_V1: Files<'_> = &[
    (
        "proc/self/cgroup",
        "4:memory:/docker/0a1b\n3:cpuset:/docker/0a1b\n2:cpu,cpuacct:/docker/0a1b\n",
    ),
    (
        "proc/self/mountinfo",
        "31 20 0:27 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
         32 20 0:28 /docker/0a1b /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n\
         33 20 0:29 /docker/0a1b /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
    ),
];

/// Version 2 inside of a namespace of its own.
const NAMESPACE_V2: Files<'_> = &[
    ("proc/self/cgroup", "0::/\n"),
    ("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n"),
];

fn plant(root: &Path, files: &[Files<'_>]) {
    for (path, content) in files.iter().copied().flatten() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match *content {
            "-" => fs::remove_file(path).unwrap_or_default(),
            content => fs::write(path, content).unwrap(),
        }
    }
}

fn detect(files: &[Files<'_>]) -> Capacity {
    let root = tempfile::tempdir().unwrap();
    plant(root.path(), files);
    Capacity::detect_in(root.path()).unwrap()
}

#[track_caller]
fn check(base: Files<'_>, files: Files<'_>, expected: &str) {
    let capacity = detect(&[MACHINE, base, files]);
    let mut found = format!("{} m, {}", capacity.cpu().get(), capacity.memory());
    if capacity.memory() != capacity.memory_limit() {
        found.push_str(&format!(" of {}", capacity.memory_limit()));
    }
    assert_eq!(found, expected, "\n{}", capacity.report());
}

#[track_caller]
fn v2(files: Files<'_>, expected: &str) {
    check(V2, files, expected);
}

#[track_caller]
fn v1(files: Files<'_>, expected: &str) {
    check(V1, files, expected);
}

const LEAF: &str = "sys/fs/cgroup/app/web/memory.max";

#[test]
fn machines_without_limits() {
    // Neither version is mounted, and there is no file about groups at all.
    check(&[], &[], "4000 m, 12 GiB of 16 GiB");
    // Groups are mounted, and no controller is enabled.
    v2(&[], "4000 m, 12 GiB of 16 GiB");
    v1(&[], "4000 m, 12 GiB of 16 GiB");
    // Everything available.
    let free = "MemTotal: 16777216 kB\nMemAvailable: 16777216 kB\n";
    v2(&[("proc/meminfo", free)], "4000 m, 16 GiB");
    // Kernels before 3.14 do not say what is available.
    v2(&[("proc/meminfo", "MemTotal: 16777216 kB\n")], "4000 m, 16 GiB");
}

#[test]
fn quotas_of_version_2() {
    let own = "sys/fs/cgroup/app/web/cpu.max";
    let above = "sys/fs/cgroup/app/cpu.max";
    v2(&[(own, "50000 100000\n")], "500 m, 12 GiB of 16 GiB");
    v2(&[(own, "150000 100000\n")], "1500 m, 12 GiB of 16 GiB");
    v2(&[(own, "33333 100000\n")], "333 m, 12 GiB of 16 GiB");
    v2(&[(own, "max 100000\n")], "4000 m, 12 GiB of 16 GiB");
    // More than there are CPUs.
    v2(&[(own, "800000 100000\n")], "4000 m, 12 GiB of 16 GiB");
    // Only above.
    v2(&[(above, "100000 100000\n"), (own, "max 100000\n")], "1000 m, 12 GiB of 16 GiB");
    // The child asks for more than the parent has, which version 2 lets it.
    v2(&[(above, "100000 100000\n"), (own, "300000 100000\n")], "1000 m, 12 GiB of 16 GiB");
    // The controller is enabled above only, so the file is missing here.
    v2(&[(above, "250000 100000\n")], "2500 m, 12 GiB of 16 GiB");
    // A period that is not the usual one.
    v2(&[(own, "5000 10000\n")], "500 m, 12 GiB of 16 GiB");
}

#[test]
fn cpusets_and_masks() {
    let own = "sys/fs/cgroup/app/web/cpuset.cpus.effective";
    let above = "sys/fs/cgroup/app/cpuset.cpus.effective";
    v2(&[(own, "1-3\n")], "3000 m, 12 GiB of 16 GiB");
    v2(&[(above, "0-1\n"), (own, "1\n")], "1000 m, 12 GiB of 16 GiB");
    v2(&[(above, "0,2-3\n")], "3000 m, 12 GiB of 16 GiB");
    // An empty set has not been given.
    v2(&[(own, "\n")], "4000 m, 12 GiB of 16 GiB");
    // taskset.
    v2(&[("proc/self/status", "Cpus_allowed_list:\t2\n")], "1000 m, 12 GiB of 16 GiB");
    // Half of the CPUs are switched off.
    v2(&[("sys/devices/system/cpu/online", "0,2\n")], "2000 m, 12 GiB of 16 GiB");
    // Two sets of two that share one CPU are one.
    let status = ("proc/self/status", "Cpus_allowed_list:\t1-2\n");
    v2(&[(own, "2-3\n"), status], "1000 m, 12 GiB of 16 GiB");
    // Groups within a range.
    v2(&[(own, "0-3:1/2\n")], "2000 m, 12 GiB of 16 GiB");
    // Version 1 says what counts in another file, or in an older one.
    let effective = "sys/fs/cgroup/cpuset/app/web/cpuset.effective_cpus";
    v1(&[(effective, "0-2\n")], "3000 m, 12 GiB of 16 GiB");
    v1(&[("sys/fs/cgroup/cpuset/app/web/cpuset.cpus", "3\n")], "1000 m, 12 GiB of 16 GiB");
    v1(&[("sys/fs/cgroup/cpuset/app/cpuset.cpus", "0-1\n")], "2000 m, 12 GiB of 16 GiB");
}

#[test]
fn memory_of_version_2() {
    let above = "sys/fs/cgroup/app/memory.max";
    let current = ("sys/fs/cgroup/app/web/memory.current", "104857600\n");
    v2(&[(LEAF, "536870912\n")], "4000 m, 512 MiB");
    v2(&[(above, "314572800\n"), (LEAF, "838860800\n")], "4000 m, 300 MiB");
    v2(&[(above, "314572800\n"), (LEAF, "max\n")], "4000 m, 300 MiB");
    v2(&[(LEAF, "max\n")], "4000 m, 12 GiB of 16 GiB");
    // Slowed down above 300 MiB.
    v2(&[("sys/fs/cgroup/app/web/memory.high", "314572800\n")], "4000 m, 300 MiB");
    // Larger than the machine.
    v2(&[(LEAF, "1099511627776\n")], "4000 m, 12 GiB of 16 GiB");
    // Others hold 100 MiB of it,
    v2(&[(LEAF, "536870912\n"), current], "4000 m, 412 MiB of 512 MiB");
    // of which 60 MiB are page cache.
    let stat =
        ("sys/fs/cgroup/app/web/memory.stat", "inactive_file 41943040\nactive_file 20971520\n");
    v2(&[(LEAF, "536870912\n"), current, stat], "4000 m, 472 MiB of 512 MiB");
    // Or this process holds all of it.
    let status =
        ("proc/self/status", "Cpus_allowed_list:\t0-3\nRssAnon:\t102400 kB\nRssShmem: 0 kB\n");
    v2(&[(LEAF, "536870912\n"), current, status], "4000 m, 512 MiB");
    // The limit was lowered below what is in use.
    v2(&[(LEAF, "52428800\n"), current], "4000 m, 0 B of 50 MiB");
}

#[test]
fn version_1() {
    let cpu = "sys/fs/cgroup/cpu,cpuacct";
    let path = |level: &str, file: &str| format!("{cpu}{level}/{file}");
    let (quota, period) =
        (path("/app/web", "cpu.cfs_quota_us"), path("/app/web", "cpu.cfs_period_us"));
    let (above, above_period) =
        (path("/app", "cpu.cfs_quota_us"), path("/app", "cpu.cfs_period_us"));
    v1(&[(&quota, "50000\n"), (&period, "100000\n")], "500 m, 12 GiB of 16 GiB");
    v1(&[(&quota, "-1\n"), (&period, "100000\n")], "4000 m, 12 GiB of 16 GiB");
    v1(
        &[
            (&quota, "-1\n"),
            (&period, "100000\n"),
            (&above, "100000\n"),
            (&above_period, "100000\n"),
        ],
        "1000 m, 12 GiB of 16 GiB",
    );
    let limit = "sys/fs/cgroup/memory/app/web/memory.limit_in_bytes";
    let none = "9223372036854771712\n";
    v1(&[(limit, "536870912\n")], "4000 m, 512 MiB");
    v1(&[(limit, none)], "4000 m, 12 GiB of 16 GiB");
    let above = "sys/fs/cgroup/memory/app/memory.limit_in_bytes";
    v1(&[(limit, "1073741824\n"), (above, "536870912\n")], "4000 m, 512 MiB");
    // A limit above that no file shows but the kernel's own sum.
    let stat = "sys/fs/cgroup/memory/app/web/memory.stat";
    v1(&[(limit, none), (stat, "hierarchical_memory_limit 1073741824\n")], "4000 m, 1 GiB");
    let usage = ("sys/fs/cgroup/memory/app/web/memory.usage_in_bytes", "209715200\n");
    let cached = (stat, "inactive_file 1\ntotal_inactive_file 104857600\ntotal_active_file 0\n");
    v1(&[(limit, "536870912\n"), usage, cached], "4000 m, 412 MiB of 512 MiB");
}

#[test]
fn namespaces_and_containers() {
    check(
        DOCKER_V1,
        &[
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ],
        "500 m, 512 MiB",
    );
    // Only the pod has a limit, which only the kernel's sum shows.
    check(
        DOCKER_V1,
        &[("sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit 1073741824\n")],
        "4000 m, 1 GiB",
    );
    check(
        NAMESPACE_V2,
        &[("sys/fs/cgroup/cpu.max", "50000 100000\n"), ("sys/fs/cgroup/memory.max", "209715200\n")],
        "500 m, 200 MiB",
    );
    // A process that was moved out of its namespace's root sees a path that leads upwards.
    check(
        NAMESPACE_V2,
        &[("proc/self/cgroup", "0::/../other\n"), ("sys/fs/cgroup/cpu.max", "70000 100000\n")],
        "700 m, 12 GiB of 16 GiB",
    );
    // The path of the host, while the mount shows only the container.
    check(
        NAMESPACE_V2,
        &[
            ("proc/self/cgroup", "0::/kubepods/pod1/c1\n"),
            ("sys/fs/cgroup/memory.max", "209715200\n"),
        ],
        "4000 m, 200 MiB",
    );
    // The group has been removed; those above still count.
    v2(
        &[
            ("proc/self/cgroup", "0::/app/web (deleted)\n"),
            ("sys/fs/cgroup/app/memory.max", "1048576\n"),
        ],
        "4000 m, 1 MiB",
    );
}

#[test]
fn mounts_of_all_kinds() {
    let limit = ("cg two/app/web/memory.max", "1048576\n");
    // A mount point with a space in it.
    v2(
        &[
            ("proc/self/mountinfo", "30 20 0:26 / /cg\\040two rw shared:1 - cgroup2 none rw\n"),
            limit,
        ],
        "4000 m, 1 MiB",
    );
    // Two mounts: the one that shows more of the hierarchy is used.
    let two =
        "30 20 0:26 /app /narrow rw - cgroup2 none rw\n31 20 0:26 / /wide rw - cgroup2 none rw\n";
    v2(
        &[
            ("proc/self/mountinfo", two),
            ("narrow/web/memory.max", "9000000\n"),
            ("wide/app/memory.max", "1048576\n"),
        ],
        "4000 m, 1 MiB",
    );
    // A mount that hides another.
    let hidden =
        "30 20 0:26 / /cg rw - cgroup2 none rw\n31 20 0:26 /app /cg rw - cgroup2 none rw\n";
    v2(&[("proc/self/mountinfo", hidden), ("cg/web/memory.max", "1048576\n")], "4000 m, 1 MiB");
    // Optional fields, and file systems of other kinds.
    let fields = "20 1 0:1 / / rw - ext4 /dev/sda rw\n\
                  30 20 0:26 / /cg rw,nosuid shared:9 master:3 - cgroup2 cgroup2 rw,nsdelegate\n";
    v2(&[("proc/self/mountinfo", fields), ("cg/app/memory.max", "1048576\n")], "4000 m, 1 MiB");
}

#[test]
fn hybrids() {
    let both = "4:memory:/app/web\n0::/app/web\n";
    let mounts = "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                  32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    let files: Files<'_> = &[("proc/self/cgroup", both), ("proc/self/mountinfo", mounts)];
    // Memory is with version 1, CPU with version 2.
    check(
        files,
        &[
            ("sys/fs/cgroup/memory/app/web/memory.limit_in_bytes", "536870912\n"),
            ("sys/fs/cgroup/unified/app/web/memory.max", "1048576\n"),
            ("sys/fs/cgroup/unified/app/web/cpu.max", "50000 100000\n"),
        ],
        "500 m, 512 MiB",
    );
    // The controller is named, but its hierarchy is not mounted.
    let mounts = "32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    check(files, &[("proc/self/mountinfo", mounts)], "4000 m, 12 GiB of 16 GiB");
}

#[test]
fn garbage_is_an_entry_and_not_an_answer() {
    let own = "sys/fs/cgroup/app/web/cpu.max";
    for garbage in
        ["", "max", "x 100000", "50000 0", "-5 100000", "99999999999999999999 1", "1 1 1"]
    {
        let capacity = detect(&[MACHINE, V2, &[(own, garbage)]]);
        assert_eq!(capacity.cpu(), MilliCpu::cpus(4), "{garbage:?}");
        let unreadable = |rule: Rule| {
            let mut bounds = capacity.bounds().iter();
            bounds
                .any(|bound| bound.rule == rule && matches!(bound.reading, Reading::Unreadable(_)))
        };
        assert!(unreadable(Rule::CpuQuota), "{garbage:?}\n{}", capacity.report());
    }
    for garbage in ["", "12 kB", "0x10", "-1", "18446744073709551616"] {
        let capacity = detect(&[MACHINE, V2, &[(LEAF, garbage)]]);
        assert_eq!(capacity.memory_limit(), Bytes::gib(16).unwrap(), "{garbage:?}");
    }
    for garbage in ["3-1", "a", "0-", "70000", "0-99999999999", "0-3:9/2", "1,,2-x"] {
        let set = "sys/fs/cgroup/app/web/cpuset.cpus.effective";
        let capacity = detect(&[MACHINE, V2, &[(set, garbage)]]);
        assert_eq!(capacity.cpu(), MilliCpu::cpus(4), "{garbage:?}");
    }
    // Huge numbers that are numbers.
    v2(&[(own, "18446744073709551615 1\n")], "4000 m, 12 GiB of 16 GiB");
    v2(&[(LEAF, "18446744073709551615\n")], "4000 m, 12 GiB of 16 GiB");
    // A directory where a file should be.
    v2(&[("sys/fs/cgroup/app/web/cpu.max/x", "")], "4000 m, 12 GiB of 16 GiB");
}

#[test]
fn a_machine_that_says_nothing_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let error = Capacity::detect_in(root.path()).unwrap_err();
    assert!(error.is_unbounded());
    assert!(error.to_string().contains("CPU"), "{error}");
    plant(root.path(), &[&[("sys/devices/system/cpu/online", "0\n")]]);
    let error = Capacity::detect_in(root.path()).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn hidden_throttling_is_shown() {
    let local = ("sys/fs/cgroup/cpu.stat.local", "throttled_usec 1178\n");
    let visible = ("sys/fs/cgroup/cpu.stat", "nr_periods 9\nnr_throttled 0\n");
    let capacity = detect(&[MACHINE, NAMESPACE_V2, &[local, visible]]);
    let shown = |capacity: &Capacity| {
        capacity.bounds().iter().any(|bound| bound.rule == Rule::HiddenThrottling)
    };
    assert!(shown(&capacity));
    let visible = ("sys/fs/cgroup/cpu.stat", "nr_periods 9\nnr_throttled 5\n");
    assert!(!shown(&detect(&[MACHINE, NAMESPACE_V2, &[local, visible]])));
}

#[test]
fn the_deciding_files_are_named() {
    let files: Files<'_> = &[("sys/fs/cgroup/app/cpu.max", "100000 100000\n"), (LEAF, "1048576\n")];
    let capacity = detect(&[MACHINE, V2, files]);
    let mut deciding = capacity.bounds().iter().filter(|bound| bound.decides);
    assert_eq!(deciding.next().unwrap().source, Path::new("/sys/fs/cgroup/app/cpu.max"));
    assert_eq!(deciding.next().unwrap().source, Path::new("/sys/fs/cgroup/app/web/memory.max"));
    assert!(deciding.next().is_none());
    let limited = capacity.limited_to(Some(MilliCpu::new(10)), Some(Bytes::gib(1).unwrap()));
    assert_eq!((limited.cpu(), limited.memory()), (MilliCpu::new(10), Bytes::mib(1).unwrap()));
}

#[test]
fn headrooms() {
    let files: Files<'_> = &[(LEAF, "536870912\n")];
    let capacity = detect(&[MACHINE, V2, files]);
    let memory = |headroom| capacity.allocatable(headroom).memory();
    assert_eq!(memory(Headroom::Fn), Bytes::mib(256).unwrap());
    assert_eq!(memory(Headroom::Fixed(Bytes::mib(12).unwrap())), Bytes::mib(500).unwrap());
    assert_eq!(memory(Headroom::Fixed(Bytes::gib(12).unwrap())), Bytes::new(0));
}

/// The table of the Fn project: what is there, and what its rule leaves of it.
#[test]
fn headroom_is_what_fn_leaves() {
    let table = [(257, 1), (300, 44), (512, 256), (1024, 768), (2560, 2304), (100 << 10, 95 << 10)];
    for (usable, left) in table {
        let usable = Bytes::mib(usable).unwrap();
        let found = usable.saturating_sub(Headroom::Fn.of(usable));
        assert_eq!(found, Bytes::mib(left).unwrap(), "{usable}");
    }
    assert_eq!(Headroom::Fn.of(Bytes::mib(200).unwrap()), Bytes::mib(200).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Never more than any group above allows, however deep and in either version.
    #[test]
    fn never_more_than_any_ancestor(
        levels in prop::collection::vec((prop::option::of(1_u64..800), prop::option::of(1_u64..1 << 35)), 1..6),
        unified in any::<bool>(),
    ) {
        let names = ["", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/c/d/e"];
        let group = names[levels.len() - 1];
        let mut files = Vec::new();
        let point = |controller: &str| match unified {
            true => "sys/fs/cgroup".to_owned(),
            false => format!("sys/fs/cgroup/{controller}"),
        };
        for ((cpu, memory), name) in levels.iter().zip(names) {
            if let Some(cpu) = cpu {
                let (cpu, point) = (cpu * 1000, point("cpu"));
                if unified {
                    files.push((format!("{point}{name}/cpu.max"), format!("{cpu} 100000\n")));
                } else {
                    files.push((format!("{point}{name}/cpu.cfs_quota_us"), format!("{cpu}\n")));
                    files.push((format!("{point}{name}/cpu.cfs_period_us"), "100000\n".into()));
                }
            }
            if let Some(memory) = memory {
                let file = if unified { "memory.max" } else { "memory.limit_in_bytes" };
                files.push((format!("{}{name}/{file}", point("memory")), format!("{memory}\n")));
            }
        }
        let group = if group.is_empty() { "/" } else { group };
        let (cgroup, mounts) = match unified {
            true => (format!("0::{group}\n"), "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 x rw\n"),
            false => (
                format!("1:cpu:{group}\n2:memory:{group}\n"),
                "30 20 0:26 / /sys/fs/cgroup/cpu rw - cgroup x rw,cpu\n\
                 31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup x rw,memory\n",
            ),
        };
        files.push(("proc/self/cgroup".into(), cgroup));
        files.push(("proc/self/mountinfo".into(), mounts.into()));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
        let capacity = detect(&[MACHINE, &files]);
        let quotas = levels.iter().filter_map(|(cpu, _)| cpu.map(|cpu| cpu * 10));
        prop_assert_eq!(capacity.cpu().get(), quotas.min().unwrap_or(4000).min(4000));
        let limits = levels.iter().filter_map(|(_, memory)| *memory);
        let limit = limits.min().unwrap_or(16 << 30).min(16 << 30);
        prop_assert_eq!(capacity.memory_limit().get(), limit);
        prop_assert!(capacity.memory() <= capacity.memory_limit());
    }
}
