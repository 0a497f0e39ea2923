//! Start, idle, recycle, drain, stop, and the death of a parent.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heliostat_workers::{Job, Layer, Pool, Program, Settings, Transport, Weight};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::support::{
    children, descriptors, eventually, forbid_fork, held_bytes, lives, pool, resident_bytes,
    rounds, run, runtime, settings, skip, switch_off, transports,
};
use crate::tests;
use crate::worker::{HANG, SEGFAULT, SPIN};

tests!(
    lazy_and_warm,
    idle_workers_end,
    worn_out_workers_are_replaced,
    fat_workers_are_replaced,
    draining,
    stopping,
    a_runtime_that_ends_first,
    no_program,
    cycles_leak_nothing,
    workers_die_with_their_parent,
    a_parent_that_was_stopped,
    without_memfd,
    without_fork,
    an_unprivileged_user,
    no_signal_handler_is_taken,
    weights,
);

fn lazy_and_warm() {
    run(async {
        let lazy = pool(settings());
        assert_eq!(lazy.counts().launched, 0);
        let warm = pool(Settings { workers: 3, warm: 2, ..settings() });
        eventually("two are warm", || warm.counts().workers == 2).await;
        warm.call(Job::new("abc")).await.unwrap();
        assert_eq!(warm.counts().workers, 2);
        // A warm worker that dies is replaced without a job.
        let pid = Pid::from_raw(warm.processes()[0].cast_signed()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        eventually("it is replaced", || warm.counts().launched == 3).await;
    });
}

fn idle_workers_end() {
    run(async {
        for settings in transports() {
            let idle = Duration::from_millis(50);
            let pool = pool(Settings { workers: 2, warm: 1, idle, ..settings });
            let busy: Vec<_> =
                (0..20).map(|_| pool.submit(Job::new("5000").kind(SPIN)).unwrap()).collect();
            eventually("two work", || pool.counts().workers == 2).await;
            for ticket in busy {
                ticket.await.unwrap();
            }
            eventually("one is left", || pool.counts().workers == 1).await;
            assert_eq!(pool.counts().died, 0);
        }
    });
}

fn worn_out_workers_are_replaced() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { jobs_max: 10, ..settings });
            let tickets: Vec<_> = (0..100).map(|_| pool.submit(Job::new("abc")).unwrap()).collect();
            for ticket in tickets {
                assert_eq!(ticket.await.unwrap().bytes(), b"cba");
            }
            pool.drain().await;
            // Ten each, and a tenth fewer for some so that not all end at once; none is killed.
            eventually("all have ended", || pool.counts().workers == 0).await;
            let counts = pool.counts();
            assert!((9..=13).contains(&counts.recycled), "{counts:?}");
            assert_eq!((counts.died, counts.forbidden), (0, 0), "{counts:?}");
        }
    });
}

fn fat_workers_are_replaced() {
    run(async {
        let pool = pool(Settings { resident_bytes_max: 1, ..settings() });
        let began = Instant::now();
        while pool.counts().recycled == 0 {
            assert!(began.elapsed() < crate::support::PATIENCE);
            pool.call(Job::new("1000").kind(SPIN)).await.unwrap();
        }
        assert_eq!(pool.counts().died, 0);
    });
}

fn draining() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, ..settings });
            let tickets: Vec<_> =
                (0..50).map(|_| pool.submit(Job::new("1000").kind(SPIN)).unwrap()).collect();
            let processes = pool.processes();
            pool.drain().await;
            for ticket in tickets {
                assert!(ticket.is_done());
                ticket.await.unwrap();
            }
            assert!(pool.submit(Job::new("")).unwrap_err().is_closed());
            eventually("they end", || processes.iter().all(|pid| !lives(*pid))).await;
        }
    });
}

fn stopping() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, ..settings });
            pool.call(Job::new("warm")).await.unwrap();
            let processes = pool.processes();
            let tickets: Vec<_> =
                (0..50).map(|_| pool.submit(Job::new("").kind(HANG)).unwrap()).collect();
            pool.stop();
            for ticket in tickets {
                assert!(ticket.await.unwrap_err().is_closed());
            }
            eventually("they end", || processes.iter().all(|pid| !lives(*pid))).await;
        }
    });
}

fn a_runtime_that_ends_first() {
    for settings in transports() {
        let runtime = runtime();
        let (pool, ticket) = runtime.block_on(async {
            let pool = pool(settings);
            pool.call(Job::new("warm")).await.unwrap();
            let ticket = pool.submit(Job::new("").kind(HANG)).unwrap();
            (pool, ticket)
        });
        let processes = pool.processes();
        drop(runtime);
        assert!(ticket.wait().unwrap_err().is_closed());
        assert!(pool.call_blocking(Job::new("")).unwrap_err().is_closed());
        runtime_free_wait(|| processes.iter().all(|pid| !lives(*pid)));
    }
}

fn runtime_free_wait(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < crate::support::PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn no_program() {
    run(async {
        let program = Program::new("/nowhere/at/all", [""; 0]);
        let pool = pool(Settings { back_off: Duration::from_millis(1), ..Settings::new(program) });
        let error = pool.call(Job::new("")).await.unwrap_err();
        assert!(error.is_launch() && error.to_string().contains("/nowhere/at/all"), "{error}");
        let program = Program::new("/bin/false", [""; 0]);
        let pool =
            Pool::start(Settings { back_off: Duration::from_millis(1), ..Settings::new(program) });
        let error = pool.unwrap().call(Job::new("")).await.unwrap_err();
        assert!(error.is_launch() && error.to_string().contains("status 1"), "{error}");
    });
}

/// Crashes, kills, stops and drops under load, again and again, in a process of its own: at the
/// end it has the descriptors that it had at the beginning, no child, and no more memory.
/// `HELIOSTAT_WORKERS_ROUNDS=10000` makes it ten thousand cycles.
fn cycles_leak_nothing() {
    ask_parent("cycles");
}

/// What a process of its own has to say about itself.
fn ask_parent(how: &str) {
    let output = Command::new("/proc/self/exe").args(["parent", how]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some((_, why)) = text.split_once("skipped: ") {
        return skip(how, why.trim());
    }
    assert!(text.ends_with("ok\n"), "{text}{errors}");
}

async fn cycle(round: usize) {
    let settings = transports()[round % 2].clone();
    let limit = Duration::from_millis(if round % 4 == 3 { 30 } else { 10_000 });
    let pool = pool(Settings { workers: 2, refuse_for: Duration::ZERO, limit, ..settings });
    let good: Vec<_> = (0..8).map(|_| pool.submit(Job::new("abc")).unwrap()).collect();
    let bad = pool.submit(Job::new("").kind(SEGFAULT)).unwrap();
    if round.is_multiple_of(3) {
        eventually("one is there", || pool.counts().launched > 0).await;
        let signal = if round % 4 == 3 { Signal::STOP } else { Signal::KILL };
        for pid in pool.processes() {
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
        }
    }
    match round % 5 {
        0 => pool.stop(),
        1 => drop(good),
        2 => pool.drain().await,
        _ => {
            for ticket in good {
                let _ = ticket.await;
            }
            let _ = bad.await;
        }
    }
}

async fn cycles() {
    for round in 0..60 {
        cycle(round).await;
    }
    let settled = async || eventually("all are reaped", || children() == (0, 0)).await;
    settled().await;
    let (before, held, memory) = (descriptors(), held_bytes(), resident_bytes());
    for round in 0..rounds(60) {
        cycle(round).await;
    }
    settled().await;
    // Fewer, when the first count caught some that were still being closed.
    eventually("all descriptors are closed", || descriptors() <= before).await;
    // Far below one allocation of a pool for each round; the tasks of the last one may be at it yet.
    eventually("all memory is given back", || held_bytes() < held + 32_768).await;
    let grown = resident_bytes().saturating_sub(memory);
    assert!(grown < 16 << 20, "{grown} bytes");
}

/// A user without privileges whose pipes have become small: the pool works in both transports,
/// in the sandbox.
async fn unprivileged() {
    let hoard = match become_nobody() {
        Ok(hoard) => hoard,
        Err(why) => return println!("skipped: {why}"),
    };
    let pool = Pool::start(Settings { pipes_only: true, ..settings() }).unwrap();
    for len in [0, 100, 8192, 100_000] {
        let body = vec![b'x'; len];
        let job = Job::new(body.clone()).max_reply(len);
        assert!(pool.call(job).await.unwrap().bytes() == body);
    }
    let report = pool.report();
    assert!(matches!(report.transport, Transport::Pipes { bytes } if bytes <= 8192), "{report}");
    drop(hoard);
    let pool = Pool::start(settings()).unwrap();
    assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
    assert!(pool.call(Job::new("").kind(SEGFAULT)).await.unwrap_err().is_culprit());
    let report = pool.report();
    for layer in [Layer::Descriptors, Layer::ParentDeath, Layer::Limits, Layer::NoNewPrivileges] {
        assert!(report.is_in_force(layer), "{report}");
    }
    println!("ok");
}

/// Gives up all privileges, and uses up the pipes that such a user may have at full size.
fn become_nobody() -> Result<Vec<(OwnedFd, OwnedFd)>, &'static str> {
    let (now, most) = (getrlimit(Resource::Nofile), Rlimit { current: Some(8192), maximum: None });
    let most = Rlimit { maximum: now.maximum, ..most };
    setrlimit(Resource::Nofile, most).map_err(|_| "too few descriptors are allowed")?;
    if rustix::process::getuid().is_root() {
        // SAFETY: an empty list has no address; all threads are told.
        let groups = unsafe { libc::setgroups(0, std::ptr::null()) };
        // SAFETY: a plain number.
        let group = unsafe { libc::setgid(65534) };
        // SAFETY: as above.
        let user = unsafe { libc::setuid(65534) };
        if (groups, group, user) != (0, 0, 0) {
            return Err("privileges cannot be given up");
        }
    }
    let mut hoard = Vec::new();
    while hoard.len() < 3000 {
        let pair = rustix::pipe::pipe().map_err(|_| "too few pipes are allowed")?;
        let bytes = rustix::pipe::fcntl_getpipe_size(&pair.0).map_err(|_| "a pipe has no size")?;
        hoard.push(pair);
        if bytes <= 8192 {
            return Ok(hoard);
        }
    }
    Err("pipes never become small here")
}

/// Where copying a process is forbidden, starting workers still works: it is never done.
fn without_fork() {
    ask_parent("no-fork");
}

fn an_unprivileged_user() {
    ask_parent("unprivileged");
}

fn no_signal_handler_is_taken() {
    let caught = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let before = caught();
    run(async {
        let pool = pool(settings());
        pool.call(Job::new("abc")).await.unwrap();
        assert!(pool.call(Job::new("").kind(SEGFAULT)).await.unwrap_err().is_culprit());
    });
    assert_eq!(caught(), before);
    assert_eq!(caught() & 1 << (libc::SIGCHLD - 1), 0);
}

/// What `main` does when the first argument is `parent`: a pool under load that tells its workers.
pub(crate) fn parent() -> ! {
    let how = std::env::args().nth(2).unwrap_or_default();
    match how.as_str() {
        "no-memfd" => {
            switch_off(libc::SYS_memfd_create);
            switch_off(libc::SYS_pidfd_open);
            switch_off(libc::SYS_close_range);
        }
        "no-fork" => forbid_fork(),
        _ => {}
    }
    let runtime = runtime();
    match how.as_str() {
        "cycles" => {
            runtime.block_on(cycles());
            println!("ok");
            std::process::exit(0)
        }
        "unprivileged" => {
            runtime.block_on(unprivileged());
            std::process::exit(0)
        }
        _ => {}
    }
    runtime.block_on(async {
        let pool =
            pool(Settings { workers: 2, warm: 2, limit: Duration::from_secs(600), ..settings() });
        eventually("two are there", || pool.counts().workers == 2).await;
        match how.as_str() {
            "no-memfd" => {
                assert!(matches!(pool.report().transport, Transport::Pipes { .. }));
                assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
                assert!(pool.call(Job::new("").kind(SEGFAULT)).await.unwrap_err().is_culprit());
                println!("ok");
            }
            "no-fork" => {
                assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
                // SAFETY: nothing is shared with a child that is not there.
                assert_eq!(unsafe { libc::fork() }, -1);
                println!("ok");
            }
            "busy" => {
                let hung: Vec<_> =
                    (0..4).map(|_| pool.submit(Job::new("").kind(HANG)).unwrap()).collect();
                tell(&pool);
                std::future::pending::<()>().await;
                drop(hung);
            }
            _ => {
                tell(&pool);
                loop {
                    pool.call(Job::new("abc")).await.unwrap();
                }
            }
        }
    });
    std::process::exit(0)
}

fn tell(pool: &Pool) {
    let pids: Vec<_> = pool.processes().iter().map(u32::to_string).collect();
    println!("{}", pids.join(" "));
}

fn start_parent(how: &str) -> (std::process::Child, Vec<u32>) {
    let mut parent = Command::new("/proc/self/exe")
        .args(["parent", how])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    (parent, pids)
}

fn workers_die_with_their_parent() {
    for _ in 0..rounds(30).div_ceil(10) {
        for how in ["idle", "busy", "stopped"] {
            let (mut parent, workers) = start_parent(how);
            if how == "stopped" {
                for pid in &workers {
                    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
                    kill_process(pid, Signal::STOP).unwrap();
                }
            }
            assert!(workers.iter().all(|pid| lives(*pid)));
            parent.kill().unwrap();
            parent.wait().unwrap();
            runtime_free_wait(|| workers.iter().all(|pid| !lives(*pid)));
        }
    }
}

/// Stopped and continued under load, nobody is blamed for the time that passed.
fn a_parent_that_was_stopped() {
    let (mut parent, workers) = start_parent("load");
    let pid = Pid::from_child(&parent);
    for _ in 0..rounds(3) {
        std::thread::sleep(Duration::from_millis(50));
        kill_process(pid, Signal::STOP).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        kill_process(pid, Signal::CONT).unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    assert!(parent.try_wait().unwrap().is_none() && workers.iter().all(|pid| lives(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
}

/// A kernel without memfd and pidfd: pipes, and a look every now and then.
fn without_memfd() {
    ask_parent("no-memfd");
}

fn weights() {
    run(async {
        let pool = pool(Settings { weight: Weight::Nice(7), ..settings() });
        pool.call(Job::new("abc")).await.unwrap();
        let pid = Pid::from_raw(pool.processes()[0].cast_signed());
        assert_eq!(rustix::process::getpriority_process(pid).unwrap(), 7);
    });
}
