//! One thread per process that starts, kills and reaps every worker of every pool.
//!
//! A worker asks the kernel to be killed when its parent dies, and the kernel means the *thread*
//! that started it; a thread that never ends is therefore the only safe one to start workers
//! from. It also keeps the millisecond of a launch off the executors, and it is there to reap when
//! the runtime is long gone: a worker dropped anywhere is killed at once and reaped here, so that
//! nothing ever blocks and no zombie stays. Descriptors of processes (pidfd) tell of the end;
//! where they do not exist (before Linux 5.3) the thread looks every 20 ms while a worker lives.
//! Signal handlers are never touched, and only our own children are waited for.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, pidfd_send_signal,
    waitid,
};

use crate::error::Error;
use crate::lock;
use crate::program::Program;

/// What to start, on which descriptors, and whom to tell.
pub(crate) struct Order {
    pub(crate) program: Program,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// Called once, on the steward's thread, however the start went.
    pub(crate) started: Box<dyn FnOnce(io::Result<Launched>) + Send>,
    /// Called once, on the steward's thread, when the process has ended and is not yet reaped.
    pub(crate) ended: Box<dyn FnOnce(Exit) + Send>,
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) process: Process,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

/// A worker's process; dropping it kills the process, and the steward reaps it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    life: Arc<Life>,
}

/// Guards the number of a process: it is reused once the process is reaped.
#[derive(Debug)]
struct Life {
    pidfd: Option<OwnedFd>,
    reaped: Mutex<bool>,
}

impl Process {
    /// Its number, for the time of the call; none when it is reaped and the number may be another's.
    pub(crate) fn with_pid<T>(&self, ask: impl FnOnce(Pid) -> T) -> Option<T> {
        let reaped = lock(&self.life.reaped);
        (!*reaped).then(|| ask(self.pid))
    }

    /// Its number, to show.
    pub(crate) fn number(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Kills it; the end is reported as any other end.
    pub(crate) fn kill(&self) {
        let by_descriptor = self.life.pidfd.as_ref().map(|fd| pidfd_send_signal(fd, Signal::KILL));
        if !matches!(by_descriptor, Some(Ok(()))) {
            self.with_pid(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Hands an order to the steward; nothing here waits.
pub(crate) fn launch(order: Order) -> Result<(), Error> {
    let mut steward = lock(&STEWARD);
    let steward = match &mut *steward {
        Some(steward) => steward,
        none => none.insert(Steward::start().map_err(Error::setup("cannot start the steward"))?),
    };
    steward.send(order).map_err(Error::setup("the steward is gone"))
}

static STEWARD: Mutex<Option<Steward>> = Mutex::new(None);

struct Steward {
    orders: Sender<Order>,
    bell: Arc<OwnedFd>,
}

impl Steward {
    fn start() -> io::Result<Steward> {
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (orders, inbox) = mpsc::channel();
        let mut rounds = Rounds { inbox, bell: bell.clone(), watched: Vec::new() };
        thread::Builder::new()
            .name("workers-steward".into())
            .spawn(move || while rounds.go() {})?;
        Ok(Steward { orders, bell })
    }

    fn send(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(|_| io::ErrorKind::BrokenPipe)?;
        rustix::io::write(&self.bell, &1_u64.to_ne_bytes())?;
        Ok(())
    }
}

/// What the thread keeps.
struct Rounds {
    inbox: Receiver<Order>,
    bell: Arc<OwnedFd>,
    watched: Vec<Watched>,
}

struct Watched {
    pid: Pid,
    life: Arc<Life>,
    ended: Option<Box<dyn FnOnce(Exit) + Send>>,
    /// Kept so that the standard library's idea of the child lives as long as the process.
    _child: Child,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl Rounds {
    /// Waits for something, and does it; false when there is nobody left to work for.
    fn go(&mut self) -> bool {
        self.wait();
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.bell, &mut count);
        while let Ok(order) = self.inbox.try_recv() {
            self.start(order);
        }
        self.reap();
        true
    }

    fn wait(&self) {
        let mut polled = vec![PollFd::new(&self.bell, PollFlags::IN)];
        let pidfds = self.watched.iter().filter_map(|watched| watched.life.pidfd.as_ref());
        polled.extend(pidfds.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let blind = self.watched.iter().any(|watched| watched.life.pidfd.is_none());
        let soon = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let _ = poll(&mut polled, blind.then_some(&soon));
    }

    fn start(&mut self, order: Order) {
        let Order { program, stdin, stdout, stderr, started, ended } = order;
        // No `pre_exec`, no user, no group: that keeps the standard library on `posix_spawn`.
        let spawned = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr))
            .spawn();
        let child = match spawned {
            Ok(child) => child,
            Err(error) => return started(Err(error)),
        };
        let Some(pid) = Pid::from_raw(child.id().cast_signed()) else {
            return started(Err(io::ErrorKind::InvalidData.into()));
        };
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok();
        let life = Arc::new(Life { pidfd, reaped: Mutex::new(false) });
        let ended = Some(ended);
        self.watched.push(Watched { pid, life: life.clone(), ended, _child: child });
        started(Ok(Launched { process: Process { pid, life } }));
    }

    /// Tells of every end before the number of the process becomes free, and then frees it.
    fn reap(&mut self) {
        self.watched.retain_mut(|watched| {
            let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let exit = match waitid(WaitId::Pid(watched.pid), peek) {
                Ok(None) => return true,
                Ok(Some(status)) => {
                    Exit { code: status.exit_status(), signal: status.terminating_signal() }
                }
                // Somebody else's `wait` took it: it is gone, and nobody knows how.
                Err(_) => Exit { code: None, signal: None },
            };
            if let Some(ended) = watched.ended.take() {
                ended(exit);
            }
            let mut reaped = lock(&watched.life.reaped);
            let _ = waitid(WaitId::Pid(watched.pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
            *reaped = true;
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::fs::{Mode, OFlags, open};

    use super::{Exit, Order, launch};
    use crate::program::Program;

    fn run(path: &str, arguments: &[&str], kill: bool) -> Result<Exit, std::io::Error> {
        let null = || open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let (started, told) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        launch(Order {
            program: Program::new(path, arguments.iter().copied()),
            stdin: null(),
            stdout: null(),
            stderr: null(),
            started: Box::new(move |result| started.send(result).unwrap()),
            ended: Box::new(move |exit| ended.send(exit).unwrap()),
        })
        .unwrap();
        let launched = told.recv().unwrap()?;
        if kill {
            drop(launched);
        }
        Ok(end.recv().unwrap())
    }

    #[test]
    fn ends_are_reported() {
        let sh = |script: &str| run("/bin/sh", &["-c", script], false).unwrap();
        assert_eq!(sh("exit 7"), Exit { code: Some(7), signal: None });
        assert_eq!(sh("kill -9 $$"), Exit { code: None, signal: Some(9) });
        assert!(run("/nowhere/at/all", &[], false).is_err());
    }

    #[test]
    fn a_dropped_process_is_killed_and_reaped() {
        let exit = run("/bin/sh", &["-c", "while :; do sleep 100; done"], true).unwrap();
        assert_eq!(exit, Exit { code: None, signal: Some(9) });
    }
}
