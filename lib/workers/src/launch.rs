//! How a worker comes to be: channels, process, handshake.
//!
//! Shared memory is tried first. Where the kernel has none, or the program is not ours, the
//! worker gets pipes and the report says so. The parent's first frame travels before the process
//! exists, so that a launch is one exchange.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use rustix::process::{getpid, setpriority_process};
use tokio::io::Interest;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::desk::{Desk, Open};
use crate::error::Error;
use crate::hello::Hello;
use crate::link::{Link, Pipes, Ring, send};
use crate::lock;
use crate::pool::Shared;
use crate::region::{Layout, Region};
use crate::sandbox::{Report, Transport};
use crate::settings::{OnLine, Settings, Weight};
use crate::sys::{self, Bell, Exit, Launched, Order, watch};
use crate::tail::{BURST_BYTES, REST_MS, Tail};
use crate::wire::{HEAD_BYTES, Head, Status, Tag, VERSION};

/// What the owner keeps of a worker, besides its desk.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) events: Events,
    stderr: Arc<OwnedFd>,
    tail: Arc<Mutex<Tail>>,
    reader: JoinHandle<()>,
    kills_before: Option<u64>,
}

/// What rings when the worker has said something.
#[derive(Debug)]
pub(crate) enum Events {
    Ring(Bell),
    Pipes { to: Option<Bell>, from: Bell },
}

/// Both ends of everything, before there is a process.
struct Channels {
    link: Link,
    events: Events,
    ready: Bell,
    transport: Transport,
    stdin: OwnedFd,
    stdout: OwnedFd,
}

/// Why there is no worker, and whether trying again is no use.
type Failure = (Error, bool);

/// Starts a worker and opens the desk. The permit is given back when the process is reaped.
pub(crate) async fn launch(
    shared: &Shared,
    desk: &Arc<Desk>,
    permit: OwnedSemaphorePermit,
) -> Result<Worker, Failure> {
    let settings = &shared.settings;
    let setup = |what| move |error| (Error::setup(what)(error), false);
    let channels = channels(settings, shared.worker_spin()).map_err(setup("no channels"))?;
    let (ours, theirs) = pipe().map_err(setup("no pipe for standard error"))?;
    // A worker that says too much waits; an error from `eprintln!` would be a panic.
    blocking(&theirs).map_err(setup("no pipe for standard error"))?;
    let kills_before = settings.cgroup.as_deref().and_then(kills);
    let exit = Arc::new(Mutex::new(None));
    let (told, started) = oneshot::channel();
    let order = Order {
        program: settings.program.clone(),
        stdin: channels.stdin,
        stdout: channels.stdout,
        stderr: theirs,
        started: Box::new(move |result| _ = told.send(result)),
        ended: ended(exit.clone(), desk.clone(), permit),
    };
    sys::launch(order).map_err(|error| (error, false))?;
    let Launched { process } = match started.await {
        Ok(Ok(launched)) => launched,
        Ok(Err(error)) => {
            let what = format!("{}: {error}", settings.program.path.display());
            return Err((Error::launch(what, Some(error)), false));
        }
        Err(_) => return Err((Error::launch("the steward is gone", None), false)),
    };
    settle_in(settings, &process).map_err(|what| (Error::launch(what, None), false))?;
    let tail = Arc::new(Mutex::new(Tail::default()));
    let stderr = Arc::new(ours);
    let reader =
        tokio::spawn(read_stderr(stderr.clone(), tail.clone(), settings.on_stderr.clone()));
    let (events, kept) = (channels.events, tail.clone());
    let worker = Worker { events, stderr, tail: kept, reader, kills_before };
    let packets = matches!(channels.link, Link::Ring(_));
    let ready = timeout(settings.launch_limit, read_ready(&channels.ready, packets)).await;
    drop(channels.ready);
    match ready {
        Ok(Ok((Status::Done, text))) => {
            // Whoever is told that there is a worker finds the report and the worker.
            shared.launched(Report::decode(&text, channels.transport));
            desk.open(Open::new(channels.link, Arc::new(process), exit, tail));
            shared.tell();
            Ok(worker)
        }
        Ok(Ok((_, missing))) => Err((Error::launch(missing, None), true)),
        Ok(Err(error)) => {
            // Its channel ends a moment before the process does.
            for _ in 0..LAST_LOOKS {
                if lock(&exit).is_some() {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
            Err((worker.stillborn(shared, &exit, error), false))
        }
        Err(_) => {
            let what = format!("not ready within {:?}", settings.launch_limit);
            Err((Error::launch(what, None), false))
        }
    }
}

/// What the steward does at the end of the process.
fn ended(
    exit: Arc<Mutex<Option<Exit>>>,
    desk: Arc<Desk>,
    permit: OwnedSemaphorePermit,
) -> Box<dyn FnOnce(Exit) + Send> {
    Box::new(move |how| {
        *lock(&exit) = Some(how);
        desk.nudge.notify_one();
        desk.stir();
        drop(permit);
    })
}

/// The parent's part of what a worker gets.
fn settle_in(settings: &Settings, process: &sys::Process) -> Result<(), String> {
    if let Weight::Nice(nice) = settings.weight {
        let set = process.with_pid(|pid| setpriority_process(Some(pid), nice));
        if let Some(Err(error)) = set {
            return Err(format!("cannot set the weight: {}", io::Error::from(error)));
        }
    }
    if let Weight::Cgroup(weight) = settings.weight {
        let unfit = || "cannot set the weight: there is no cgroup".to_owned();
        let file = settings.cgroup.as_ref().ok_or_else(unfit)?.join("cpu.weight");
        fs::write(&file, weight.to_string())
            .map_err(|error| format!("cannot set the weight: {}: {error}", file.display()))?;
    }
    if let Some(cgroup) = &settings.cgroup {
        let put = |pid: rustix::process::Pid| {
            fs::write(cgroup.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
        };
        if let Some(Err(error)) = process.with_pid(put) {
            return Err(format!("cannot join {}: {error}", cgroup.display()));
        }
    }
    Ok(())
}

fn channels(settings: &Settings, spin: Duration) -> io::Result<Channels> {
    if !settings.pipes_only
        && !settings.program.pipes_only
        && let Ok(channels) = ring(settings, spin)
    {
        return Ok(channels);
    }
    pipes(settings)
}

fn ring(settings: &Settings, spin: Duration) -> io::Result<Channels> {
    let bytes = u32::try_from(settings.inline_bytes).unwrap_or(Layout::BODY_MAX);
    let bytes = bytes.clamp(1, Layout::BODY_MAX);
    // One more than the window: the last word, "quit", needs a slot too.
    let slots = u32::try_from(settings.window).unwrap_or(Layout::SLOTS_MAX).saturating_add(1);
    let layout = Layout {
        slots: slots.clamp(2, Layout::SLOTS_MAX).next_power_of_two(),
        job_max: bytes,
        reply_max: bytes,
    };
    let (region, memory) = Region::create(layout)?;
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
    send(&ours, &hello(settings, Some(layout)), &[event.as_fd(), memory.as_fd()])?;
    fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
    let ours = Arc::new(ours);
    let ring = Ring::new(Arc::new(region), ours.clone());
    ring.set_spin(spin);
    Ok(Channels {
        link: Link::Ring(ring),
        events: Events::Ring(watch(Arc::new(event), Interest::READABLE)?),
        ready: watch(ours, Interest::READABLE)?,
        transport: Transport::Ring,
        stdout: theirs.try_clone()?,
        stdin: theirs,
    })
}

fn pipes(settings: &Settings) -> io::Result<Channels> {
    let (theirs_in, ours_in) = pipe()?;
    let (ours_out, theirs_out) = pipe()?;
    let nonblocking = |fd: &OwnedFd| fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK);
    // The worker's ends stay blocking: they are other descriptions.
    blocking(&theirs_in)?;
    blocking(&theirs_out)?;
    nonblocking(&ours_in)?;
    nonblocking(&ours_out)?;
    let bytes = fcntl_getpipe_size(&ours_in)?;
    rustix::io::write(&ours_in, &hello(settings, None))?;
    let (to, from) = (Arc::new(ours_in), Arc::new(ours_out));
    Ok(Channels {
        link: Link::Pipes(Pipes::new(to.clone(), from.clone())),
        ready: watch(Arc::new(from.try_clone()?), Interest::READABLE)?,
        events: Events::Pipes {
            to: Some(watch(to, Interest::WRITABLE)?),
            from: watch(from, Interest::READABLE)?,
        },
        transport: Transport::Pipes { bytes },
        stdin: theirs_in,
        stdout: theirs_out,
    })
}

fn blocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? - OFlags::NONBLOCK)?)
}

/// A pipe: the reading end, the writing end.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

fn hello(settings: &Settings, ring: Option<Layout>) -> Vec<u8> {
    let hello = Hello { parent: Some(getpid()), ring, sandbox: settings.sandbox.clone() };
    let text = hello.encode();
    let mut frame = Head::handshake(Tag::Hello, VERSION, text.len()).encode().to_vec();
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// What the worker says of itself before its first job.
async fn read_ready(fd: &Bell, packets: bool) -> io::Result<(Status, String)> {
    let unfit = || io::Error::new(io::ErrorKind::InvalidData, "its first words make no sense");
    let mut frame = vec![0; READY_MAX];
    let mut filled = 0;
    let mut wanted = if packets { READY_MAX } else { HEAD_BYTES };
    loop {
        let room = frame.get_mut(filled..wanted).unwrap_or_default();
        let read = read_some(fd, room).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if filled < HEAD_BYTES {
            continue;
        }
        let head = Head::decode(&frame).filter(|head| head.tag == Tag::Ready).ok_or_else(unfit)?;
        wanted = HEAD_BYTES + head.len as usize;
        let Some(text) = frame.get(HEAD_BYTES..wanted) else { return Err(unfit()) };
        if filled >= wanted {
            let status = Status::of(head.word).ok_or_else(unfit)?;
            return Ok((status, String::from_utf8_lossy(text).into_owned()));
        }
    }
}

async fn read_some(fd: &Bell, room: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut guard = fd.readable().await?;
        let read = |fd: &Bell| Ok(rustix::io::read(fd.get_ref(), &mut *room)?);
        if let Ok(result) = guard.try_io(read) {
            return result;
        }
    }
}

/// Reads a worker's standard error, a burst at a time.
async fn read_stderr(fd: Arc<OwnedFd>, tail: Arc<Mutex<Tail>>, on_line: Option<OnLine>) {
    let Ok(fd) = watch(fd, Interest::READABLE) else { return };
    let mut buffer = vec![0; BURST_BYTES];
    while let Ok(read) = read_some(&fd, &mut buffer).await {
        if read == 0 {
            return;
        }
        let mut show = |line: &str| {
            if let Some(on_line) = &on_line {
                on_line(line);
            }
        };
        lock(&tail).push(buffer.get(..read).unwrap_or_default(), &mut show);
        if read > BURST_BYTES / 4 {
            sleep(Duration::from_millis(REST_MS)).await;
        }
    }
}

impl Events {
    /// Returns when the worker has rung, or a pipe can take what is stuck.
    pub(crate) async fn rung(&self, desk: &Desk) {
        match self {
            Events::Ring(event) => {
                // Each ring is an edge, so the number in it need not be read.
                if let Ok(mut guard) = event.readable().await {
                    guard.clear_ready();
                }
            }
            Events::Pipes { to, from } => {
                let room = async {
                    match to {
                        Some(to) if desk.is_stuck() => to.writable().await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    guard = from.readable() => {
                        let _ = guard.map(|mut guard| guard.clear_ready());
                    }
                    guard = room => {
                        let _ = guard.map(|mut guard| guard.clear_ready());
                        desk.flush();
                    }
                }
            }
        }
    }

    /// Lets go of the worker's input: its end is how a worker over pipes is asked to end.
    pub(crate) fn hang_up(&mut self) {
        if let Events::Pipes { to, .. } = self {
            *to = None;
        }
    }
}

impl Worker {
    /// Reads what is left of its standard error; whether its cgroup ran out of memory meanwhile.
    pub(crate) fn last_words(&self, shared: &Shared) -> bool {
        self.reader.abort();
        let mut buffer = vec![0; BURST_BYTES];
        for _ in 0..4 {
            match rustix::io::read(&self.stderr, &mut buffer) {
                Ok(read) if read > 0 => {
                    let part = buffer.get(..read).unwrap_or_default();
                    lock(&self.tail).push(part, &mut |_| {});
                }
                _ => break,
            }
        }
        let kills_now = shared.settings.cgroup.as_deref().and_then(kills);
        kills_now > self.kills_before
    }

    /// A worker that was never ready, and what it had to say.
    fn stillborn(&self, shared: &Shared, exit: &Mutex<Option<Exit>>, error: io::Error) -> Error {
        self.last_words(shared);
        let words = lock(&self.tail).lines().join("; ");
        let how = match *lock(exit) {
            Some(Exit { code: Some(code), .. }) => {
                format!("ended with status {code} before it was ready")
            }
            Some(Exit { signal: Some(signal), .. }) => {
                format!("ended by signal {signal} before it was ready")
            }
            _ => format!("not ready: {error}"),
        };
        Error::launch(if words.is_empty() { how } else { format!("{how}: {words}") }, Some(error))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// How often the kernel has killed for memory in a cgroup.
fn kills(cgroup: &Path) -> Option<u64> {
    let text = fs::read_to_string(cgroup.join("memory.events")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// How often a worker that has closed its channel before it was ready is looked at for its exit.
const LAST_LOOKS: u32 = 40;
const READY_MAX: usize = 16 << 10;
