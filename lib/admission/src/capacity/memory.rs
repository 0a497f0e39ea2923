//! Everything that says how much memory there is.
//!
//! Limits are what may be used at most; what is available is what others leave of it now. What
//! this process holds itself counts as available: it is the one that is going to plan with it.

use std::path::Path;

use crate::amount::Bytes;
use crate::capacity::bound::{Reading, Rule};
use crate::capacity::groups::{Chain, Groups};
use crate::capacity::left::Limited;
use crate::capacity::tree::{Tree, stated};
use crate::parse;

/// Notes every bound on memory.
pub(crate) fn note(tree: &mut Tree, groups: &Groups) {
    let own = own(tree);
    tree.own = own;
    machine(tree, own);
    let Some(chain) = groups.chain("memory") else { return };
    for (at, level) in chain.levels.iter().enumerate() {
        group(tree, level, chain.unified, own);
        if at == 0 && !chain.unified {
            hierarchical(tree, &chain);
        }
    }
    swap(tree, &chain);
}

/// What this process holds that nobody could drop.
fn own(tree: &Tree) -> Bytes {
    let status = tree.read(Path::new("/proc/self/status")).unwrap_or_default();
    let held = |key: &str| parse::kib(&status, key).unwrap_or_default();
    held("RssAnon").saturating_add(held("RssShmem"))
}

/// What the machine has and what it can give.
fn machine(tree: &mut Tree, own: Bytes) {
    let path = Path::new("/proc/meminfo");
    let content = tree.read(path);
    let mut note = |rule: Rule, key: &str, more: Bytes| {
        let reading = match &content {
            Err(reading) => reading.clone(),
            Ok(bytes) => stated(parse::kib(bytes, key).map(Some), |amount| {
                Reading::MemoryBytes(amount.saturating_add(more))
            }),
        };
        tree.note(rule, path, reading);
    };
    note(Rule::MemoryTotal, "MemTotal", Bytes::new(0));
    note(Rule::MachineAvailable, "MemAvailable", own);
    note(Rule::SwapTotal, "SwapTotal", Bytes::new(0));
}

/// The limits of one group, and what they leave.
fn group(tree: &mut Tree, level: &Path, unified: bool, own: Bytes) {
    let hard = if unified { "memory.max" } else { "memory.limit_in_bytes" };
    let mut limits = Vec::new();
    let path = level.join(hard);
    let content = tree.read_limit(level, &path);
    let say = Reading::MemoryBytes;
    limits.push(tree.note_content(Rule::MemoryLimit, &path, content, parse::limit, say));
    if unified {
        let path = level.join("memory.high");
        limits.push(tree.note_file(Rule::MemoryHigh, &path, parse::limit, Reading::MemoryBytes));
    }
    let limit = limits.iter().filter_map(|reading| match reading {
        Reading::MemoryBytes(limit) => Some(*limit),
        _ => None,
    });
    if let Some(limit) = limit.min() {
        available(tree, Limited::new(level, unified, limit), own);
    }
}

/// What a limit leaves beside what others hold.
fn available(tree: &mut Tree, group: Limited, own: Bytes) {
    let used = tree.read(&group.usage).map(|bytes| parse::number(&bytes));
    let stat = tree.read(&group.stat).unwrap_or_default();
    let reading = match used {
        Err(reading) => reading,
        Ok(used) => {
            stated(used.map(Some), |used| Reading::MemoryBytes(group.left(used, &stat, own)))
        }
    };
    tree.note(Rule::GroupAvailable, &group.usage, reading);
    tree.limited.push(group);
}

/// The kernel's own walk up a hierarchy of version 1: it also sees what a namespace hides. Where
/// something may be hidden, this value is all that a change shows in.
fn hierarchical(tree: &mut Tree, chain: &Chain) {
    let (Some(leaf), Some(highest)) = (chain.levels.first(), chain.levels.last()) else { return };
    let path = leaf.join("memory.stat");
    let limit = tree.read(&path).map(|bytes| parse::keyed(&bytes, HIERARCHICAL));
    if !tree.is_highest(highest) {
        let said = limit.as_ref().ok().and_then(|limit| limit.as_ref().ok().copied());
        tree.keyed = Some((tree.place(&path), HIERARCHICAL, said));
    }
    let reading = match limit {
        Err(reading) => reading,
        Ok(limit) => {
            let limit = limit.map(|limit| (limit < 1 << 62).then_some(Bytes::new(limit)));
            stated(limit, Reading::MemoryBytes)
        }
    };
    tree.note(Rule::HierarchicalLimit, &path, reading);
}

/// Swap limits, to be shown.
fn swap(tree: &mut Tree, chain: &Chain) {
    let name = if chain.unified { "memory.swap.max" } else { "memory.memsw.limit_in_bytes" };
    if let Some(leaf) = chain.levels.first() {
        let path = leaf.join(name);
        let content = tree.read(&path);
        tree.note_content(Rule::SwapLimit, &path, content, parse::limit, Reading::MemoryBytes);
    }
}

const HIERARCHICAL: &str = "hierarchical_memory_limit";
