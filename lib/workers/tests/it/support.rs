//! What the tests share: a pool of this binary, a runtime, patience.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use heliostat_workers::{Need, Pool, Program, Sandbox, Settings};
use tokio::runtime::{Builder, Runtime};

/// Settings for workers of this binary.
pub(crate) fn settings() -> Settings {
    let sandbox = Sandbox::best_effort();
    Settings { sandbox, ..Settings::new(Program::itself(["worker"])) }
}

/// As above, over pipes.
pub(crate) fn pipes() -> Settings {
    Settings { pipes_only: true, ..settings() }
}

/// Both transports.
pub(crate) fn transports() -> [Settings; 2] {
    [settings(), pipes()]
}

/// Runs a test on a runtime of two threads.
pub(crate) fn run<F: Future<Output = ()>>(test: F) {
    runtime().block_on(test);
}

/// A runtime of two threads.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A pool on the current runtime.
pub(crate) fn pool(settings: Settings) -> Pool {
    Pool::start(settings).unwrap()
}

/// Waits until something is so; panics if it is not within a time that no noise can use up.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Longer than any machine stalls.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a process is there, and no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.starts_with(" Z") && !rest.starts_with(" X"))
}

/// Children of this process: (all, zombies).
pub(crate) fn children() -> (usize, usize) {
    let own = std::process::id().to_string();
    let mut found = (0, 0);
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let state = fields.next().unwrap_or_default();
        if fields.next() == Some(&own) {
            found.0 += 1;
            found.1 += usize::from(state == "Z");
        }
    }
    found
}

/// Open descriptors of this process.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Memory of this process in RAM.
pub(crate) fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Counts what this process holds on its heap: memory in RAM is never given back to the byte, and
/// a leak of one small thing a pool would be lost in it.
struct Counted;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    // Without this one, memory would never grow in place, and a rule of the policy would be idle.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_add(size, Ordering::Relaxed);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Bytes on the heap of this process.
pub(crate) fn held_bytes() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// How often a long test repeats: few times in ordinary runs, as often as the environment says
/// in long ones.
pub(crate) fn rounds(few: usize) -> usize {
    let said = std::env::var("HELIOSTAT_WORKERS_ROUNDS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(few)
}

/// A sandbox with one need for everything.
pub(crate) fn sandbox(need: Need) -> Sandbox {
    Sandbox { basics: need, landlock: need, seccomp: need, ..Sandbox::strict() }
}

/// Makes a system call answer as a kernel that does not know it, for this thread and its children.
pub(crate) fn switch_off(call: i64) {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let rules = [(call, Vec::new())].into_iter().collect();
    let missing = SeccompAction::Errno(libc::ENOSYS as u32);
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// Makes every call fail that would copy this process, for this thread and its children.
pub(crate) fn forbid_fork() {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };
    // What shares no memory with its parent is a copy.
    let copies = SeccompCmpOp::MaskedEq(libc::CLONE_VM as u64);
    let copies = SeccompCondition::new(0, SeccompCmpArgLen::Dword, copies, 0).unwrap();
    let mut rules = std::collections::BTreeMap::new();
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![copies]).unwrap()]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_fork, Vec::new());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
    // Its flags are in memory, where no filter looks; the C library then uses `clone`.
    switch_off(libc::SYS_clone3);
}

/// Says that a test could not run, where skips are collected.
pub(crate) fn skip(what: &str, why: &str) {
    use std::io::Write;
    println!("skipped: {what}: {why}");
    if let Some(path) = std::env::var_os("HELIOSTAT_SKIPS")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(path)
    {
        let _ = writeln!(file, "heliostat-workers {what}\t{why}");
    }
}
