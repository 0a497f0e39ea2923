//! Everything that says how much CPU there is.

use std::path::Path;

use crate::capacity::bound::{Reading, Rule};
use crate::capacity::groups::{Chain, Groups};
use crate::capacity::tree::{Tree, stated};
use crate::parse::{self, Cpus};
use crate::sys;

/// Notes every bound on CPU.
pub(crate) fn note(tree: &mut Tree, groups: &Groups) {
    let mut sets = Vec::new();
    sets.extend(online(tree));
    sets.extend(affinity(tree));
    if let Some(chain) = groups.chain("cpuset") {
        sets.extend(cpusets(tree, &chain));
    }
    common(tree, &sets);
    if let Some(chain) = groups.chain("cpu") {
        chain.levels.iter().for_each(|level| quota(tree, level, chain.unified));
        throttling(tree, &chain);
    }
}

/// CPUs that are switched on.
fn online(tree: &mut Tree) -> Option<Cpus> {
    set_in_file(tree, Rule::OnlineCpus, Path::new("/sys/devices/system/cpu/online"))
}

/// CPUs the process may use: by the system call here, by the recorded file elsewhere.
fn affinity(tree: &mut Tree) -> Option<Cpus> {
    if tree.is_live()
        && let Ok(allowed) = sys::affinity::allowed()
    {
        let source = Path::new("sched_getaffinity(2)");
        tree.note(Rule::Affinity, source, Reading::CpuMilli(allowed.milli()));
        return Some(allowed);
    }
    let path = Path::new("/proc/self/status");
    let parsed = tree.read(path).map(|bytes| parse::allowed(&bytes));
    let set = parsed.as_ref().ok().and_then(|parsed| parsed.clone().ok());
    let reading = parsed.map_or_else(
        |reading| reading,
        |parsed| stated(parsed.map(Some), |cpus| Reading::CpuMilli(cpus.milli())),
    );
    tree.note(Rule::Affinity, path, reading);
    set.filter(|set| set.count() > 0)
}

/// The CPUs of every group that says so. Version 1 says what counts in another file than version 2.
fn cpusets(tree: &mut Tree, chain: &Chain) -> Vec<Cpus> {
    let names: &[&str] = match chain.unified {
        true => &["cpuset.cpus.effective"],
        false => &["cpuset.effective_cpus", "cpuset.cpus"],
    };
    let mut sets = Vec::new();
    for level in &chain.levels {
        let there = names.iter().find(|name| tree.place(&level.join(name)).exists());
        let path = level.join(there.or(names.first()).unwrap_or(&""));
        sets.extend(set_in_file(tree, Rule::Cpuset, &path));
    }
    sets
}

fn set_in_file(tree: &mut Tree, rule: Rule, path: &Path) -> Option<Cpus> {
    let mut set = None;
    let read = |bytes: &[u8]| {
        let cpus = parse::cpus(bytes)?;
        set = Some(cpus).filter(|cpus| cpus.count() > 0);
        Ok(set.clone())
    };
    // On the machine that runs, the mask is never more than these sets, and changes with them.
    let content = if tree.is_live() { tree.read(path) } else { tree.read_watched(path) };
    let say = |cpus: Cpus| Reading::CpuMilli(cpus.milli());
    let reading = tree.note_content(rule, path, content, read, say);
    // A group whose set is empty has not been given one.
    set.filter(|_| matches!(reading, Reading::CpuMilli(_)))
}

/// What is in all sets, when that is less than the smallest of them.
fn common(tree: &mut Tree, sets: &[Cpus]) {
    let smallest = sets.iter().map(Cpus::count).min().unwrap_or(0);
    let common = sets.iter().cloned().reduce(|common, set| common.and(&set));
    if let Some(common) = common.filter(|common| (1..smallest).contains(&common.count())) {
        let source = Path::new("all sets together");
        tree.note(Rule::CommonCpus, source, Reading::CpuMilli(common.milli()));
    }
}

/// CPU time per period at one level.
fn quota(tree: &mut Tree, level: &Path, unified: bool) {
    if unified {
        let path = level.join("cpu.max");
        tree.note_file(Rule::CpuQuota, &path, parse::cpu_max, Reading::CpuMilli);
        return;
    }
    let path = level.join("cpu.cfs_quota_us");
    let quota = tree.read_limit(level, &path);
    // The period of no quota says nothing, and without one only no quota can be understood.
    let limited = quota.as_ref().is_ok_and(|quota| !quota.starts_with(b"-"));
    let period = limited.then(|| tree.read_watched(&level.join("cpu.cfs_period_us")));
    let period = period.and_then(Result::ok).unwrap_or_default();
    let parse = |quota: &[u8]| parse::cfs_quota(quota, &period);
    tree.note_content(Rule::CpuQuota, &path, quota, parse, Reading::CpuMilli);
}

/// Whether a group that cannot be seen slows this one down: it was throttled, by nobody visible.
fn throttling(tree: &mut Tree, chain: &Chain) {
    let Some(leaf) = chain.levels.first() else { return };
    let path = leaf.join("cpu.stat.local");
    let (key, unit) = match chain.unified {
        true => ("throttled_usec", 1),
        false => ("throttled_time", 1000),
    };
    let value = |path: &Path, key: &str| {
        tree.read(path).ok().and_then(|bytes| parse::keyed(&bytes, key).ok())
    };
    let Some(throttled) = value(&path, key).map(|time| time / unit).filter(|us| *us > 0) else {
        return;
    };
    let visible = chain.levels.iter().filter_map(|level| {
        value(&level.join("cpu.stat"), "nr_throttled").filter(|count| *count > 0)
    });
    if visible.count() == 0 {
        tree.note(Rule::HiddenThrottling, &path, Reading::DurationUs(throttled));
    }
}
