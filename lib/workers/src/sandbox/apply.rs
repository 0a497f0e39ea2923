//! The worker's part: layer after layer, outermost first, and what became of each.
//!
//! The order matters: descriptors are closed while nothing owns them yet; landlock needs
//! descriptors, so the limit on them comes after it; seccomp is last because it forbids all that
//! came before.

use std::collections::BTreeMap;
use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getpid, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{UnshareFlags, set_no_new_privs, unshare_unsafe};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use super::policy::{Match, RULES, Rule, When};
use super::{Layer, Limits, Need, Report, Sandbox, State};
use crate::sandbox::report::Transport;

/// What became of one layer, before it is known whether it was needed.
type Outcome = Result<String, String>;

/// Applies all layers to this process; an error names the layer that was required and is not to
/// be had.
pub(crate) fn apply(sandbox: &Sandbox, ring: bool, parent: Option<Pid>) -> Result<Report, String> {
    let mut report = Report { layers: Vec::new(), transport: Transport::Unknown };
    for layer in Layer::ALL {
        if layer == Layer::Seccomp && sandbox.basics != Need::Off {
            // Part of the limits, but landlock needs descriptors.
            files(&sandbox.limits)?;
        }
        let need = sandbox.need(layer);
        let state = match need {
            Need::Off => State::Off,
            _ => match apply_layer(layer, sandbox, ring, parent) {
                Ok(what) => State::InForce(what),
                Err(why) if need == Need::Require => return Err(format!("{layer}: {why}")),
                Err(why) => State::Absent(why),
            },
        };
        report.layers.push((layer, state));
    }
    Ok(report)
}

fn apply_layer(layer: Layer, sandbox: &Sandbox, ring: bool, parent: Option<Pid>) -> Outcome {
    match layer {
        // `serve` has done it before it opened the first descriptor.
        Layer::Descriptors => Ok(format!("{} open", if ring { 4 } else { 3 })),
        Layer::ParentDeath => parent_death(parent),
        Layer::Undumpable => tell(set_dumpable_behavior(DumpableBehavior::NotDumpable), ""),
        Layer::NoNewPrivileges => tell(set_no_new_privs(true), ""),
        Layer::Limits => limits(&sandbox.limits),
        Layer::Namespaces => namespaces(),
        Layer::Landlock => landlock(),
        Layer::Seccomp => seccomp(sandbox, ring),
    }
}

fn tell(result: rustix::io::Result<()>, what: &str) -> Outcome {
    result.map(|()| what.to_owned()).map_err(|error| io::Error::from(error).to_string())
}

/// Dies with the parent, also if the parent has died since it started us.
fn parent_death(parent: Option<Pid>) -> Outcome {
    let done = tell(set_parent_process_death_signal(Some(Signal::KILL)), "SIGKILL");
    match (parent, getppid()) {
        (Some(parent), Some(now)) if parent != now => Err("the parent is gone".into()),
        _ => done,
    }
}

fn limits(limits: &Limits) -> Outcome {
    let mut told = Vec::new();
    let mut set = |resource, what: String, soft: u64, hard: Option<u64>| {
        told.push(what);
        tell(setrlimit(resource, Rlimit { current: Some(soft), maximum: hard }), "")
    };
    if let Some(bytes) = limits.memory_bytes {
        set(Resource::As, format!("{} of memory", size(bytes)), bytes, Some(bytes))?;
    }
    if let Some(seconds) = limits.cpu_seconds {
        // The parent moves the soft limit on; seccomp keeps the worker from doing so.
        set(Resource::Cpu, format!("{seconds} s of CPU"), seconds, None)?;
    }
    if limits.file_bytes != u64::MAX {
        let bytes = limits.file_bytes;
        set(Resource::Fsize, format!("files of {}", size(bytes)), bytes, Some(bytes))?;
    }
    set(Resource::Core, "no core".into(), 0, Some(0))?;
    Ok(told.join(", "))
}

/// Bytes as people write them, where that is exact.
fn size(bytes: u64) -> String {
    match bytes.trailing_zeros() {
        30..64 => format!("{} GiB", bytes >> 30),
        20.. if bytes > 0 => format!("{} MiB", bytes >> 20),
        10.. if bytes > 0 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

fn files(limits: &Limits) -> Result<(), String> {
    if limits.files == u64::MAX {
        return Ok(());
    }
    let limit = Rlimit { current: Some(limits.files), maximum: Some(limits.files) };
    tell(setrlimit(Resource::Nofile, limit), "").map(drop)
}

fn namespaces() -> Outcome {
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWUTS;
    // SAFETY: the flags leave the table of descriptors alone, which is what could break owners.
    tell(unsafe { unshare_unsafe(flags) }, "user, network, mount, ipc, uts; pid for children")
}

fn landlock() -> Outcome {
    let abi = ABI::V6;
    let restrict = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .restrict_self()
    };
    let status = restrict().map_err(|error: landlock::RulesetError| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("files, ports, signals, abstract sockets".into()),
        RulesetStatus::PartiallyEnforced => Ok("as far as this kernel knows it".into()),
        RulesetStatus::NotEnforced => Err("this kernel has none".into()),
    }
}

fn seccomp(sandbox: &Sandbox, ring: bool) -> Outcome {
    let mode = if ring { When::Ring } else { When::Pipes };
    let wanted = |rule: &&Rule| {
        [When::Always, mode].contains(&rule.when) && !sandbox.without.iter().any(|w| w == rule.name)
    };
    let rules: Vec<&Rule> = RULES.iter().filter(wanted).collect();
    let program = compile(&rules).map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => error.to_string(),
        error => error.to_string(),
    })?;
    Ok(format!("{} calls", rules.len()))
}

fn compile(rules: &[&Rule]) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut table = BTreeMap::new();
    for rule in rules {
        let sets: Result<Vec<_>, _> = rule.arguments.iter().map(|set| conditions(set)).collect();
        table.insert(rule.number, sets?);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(table, SeccompAction::KillProcess, SeccompAction::Allow, architecture)?
        .try_into()
}

fn conditions(set: &[Match]) -> Result<SeccompRule, seccompiler::BackendError> {
    use SeccompCmpArgLen::Dword;
    let itself = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let condition = |one: &Match| match *one {
        Match::Is(at, value) => SeccompCondition::new(at, Dword, SeccompCmpOp::Eq, value),
        Match::AtLeast(at, value) => SeccompCondition::new(at, Dword, SeccompCmpOp::Ge, value),
        Match::Itself(at) => SeccompCondition::new(at, Dword, SeccompCmpOp::Eq, itself),
        Match::Bits(at, mask, value) => {
            SeccompCondition::new(at, Dword, SeccompCmpOp::MaskedEq(mask), value)
        }
    };
    SeccompRule::new(set.iter().map(condition).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::{RULES, compile};

    #[test]
    fn the_policy_compiles() {
        let rules: Vec<_> = RULES.iter().collect();
        let program = compile(&rules).unwrap();
        assert!(program.len() < 200, "{} instructions", program.len());
    }
}
