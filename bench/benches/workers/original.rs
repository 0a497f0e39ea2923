//! The two designs of the original, after walredo: one that blocks, one that is async.
//!
//! Both speak the same bytes: a request is 24 bytes of header and the body, an answer 16 bytes
//! and the body, in order, without id or status.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use crate::cell::{BODY_BYTES, work};

const REQUEST_HEAD: usize = 24;
const ANSWER_HEAD: usize = 16;

/// The worker: one thread, blocking, a buffer of its own.
pub(crate) fn worker(iterations: u64) -> ! {
    let mut input = std::io::BufReader::with_capacity(16 << 10, std::io::stdin().lock());
    let mut output = std::io::stdout().lock();
    let mut request = vec![0; REQUEST_HEAD + BODY_BYTES];
    let mut answer = vec![0; ANSWER_HEAD + BODY_BYTES];
    loop {
        if input.read_exact(&mut request).is_err() {
            std::process::exit(0);
        }
        if request[REQUEST_HEAD] == 0xff {
            std::process::abort();
        }
        answer[0] = work(iterations, &request[REQUEST_HEAD..]);
        answer[ANSWER_HEAD..].copy_from_slice(&request[REQUEST_HEAD..]);
        // The standard library's own buffer would split the answer in two.
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            let written = rustix::io::write(std::io::stdout(), rest).unwrap();
            rest = &rest[written..];
        }
        output.flush().unwrap();
    }
}

fn start(iterations: u64) -> Child {
    Command::new("/proc/self/exe")
        .args(["original-worker", &iterations.to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn request(body: &[u8]) -> Vec<u8> {
    let mut request = Vec::with_capacity(24 << 10);
    request.resize(REQUEST_HEAD, 0);
    request.extend_from_slice(body);
    request
}

/// Blocking callers: write under one lock, take a number, read for everybody under another.
pub(crate) struct Sync {
    child: Mutex<Child>,
    input: Mutex<(ChildStdin, u64)>,
    output: Mutex<Output>,
}

struct Output {
    from: ChildStdout,
    done: u64,
    pending: VecDeque<Option<Vec<u8>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sync {
    pub(crate) fn start(iterations: u64) -> Sync {
        let mut child = start(iterations);
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        for fd in [to.as_fd(), from.as_fd()] {
            fcntl_setfl(fd, fcntl_getfl(fd).unwrap() | OFlags::NONBLOCK).unwrap();
        }
        let output = Output { from, done: 0, pending: VecDeque::new() };
        Sync { child: Mutex::new(child), input: Mutex::new((to, 0)), output: Mutex::new(output) }
    }

    pub(crate) fn pid(&self) -> u32 {
        lock(&self.child).id()
    }

    pub(crate) fn call(&self, body: &[u8]) -> Vec<u8> {
        let mut input = lock(&self.input);
        let request = request(body);
        let mut rest = request.as_slice();
        while !rest.is_empty() {
            wait(&input.0, PollFlags::OUT);
            rest = &rest[input.0.write(rest).unwrap_or(0)..];
        }
        let number = input.1;
        input.1 += 1;
        drop(input);
        let mut output = lock(&self.output);
        while output.done + output.pending.len() as u64 <= number {
            let mut answer = vec![0; ANSWER_HEAD + BODY_BYTES];
            let mut filled = 0;
            while filled < answer.len() {
                wait(&output.from, PollFlags::IN);
                filled += output.from.read(&mut answer[filled..]).unwrap_or(0);
            }
            output.pending.push_back(Some(answer));
        }
        let at = (number - output.done) as usize;
        let answer = output.pending[at].take().unwrap();
        while output.pending.front().is_some_and(Option::is_none) {
            output.pending.pop_front();
            output.done += 1;
        }
        drop(output);
        answer[ANSWER_HEAD..].to_vec()
    }
}

fn wait(fd: impl AsFd, flags: PollFlags) {
    poll(&mut [PollFd::new(&fd, flags)], None).unwrap();
}

impl Drop for Sync {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Async callers: the same, over tokio's locks and pipes, with one time limit around it all.
pub(crate) struct Async {
    child: Mutex<tokio::process::Child>,
    input: AsyncMutex<(tokio::process::ChildStdin, u64)>,
    output: AsyncMutex<AsyncOutput>,
}

struct AsyncOutput {
    from: tokio::process::ChildStdout,
    done: u64,
    pending: VecDeque<Option<Vec<u8>>>,
}

impl Async {
    pub(crate) fn start(iterations: u64) -> Async {
        let mut child = tokio::process::Command::new("/proc/self/exe")
            .args(["original-worker", &iterations.to_string()])
            .env_clear()
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = AsyncOutput { from, done: 0, pending: VecDeque::new() };
        Async {
            child: Mutex::new(child),
            input: AsyncMutex::new((to, 0)),
            output: AsyncMutex::new(output),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        lock(&self.child).id().unwrap_or(0)
    }

    pub(crate) async fn call(&self, body: &[u8]) -> Result<Vec<u8>, ()> {
        let request = request(body);
        timeout(Duration::from_secs(60), self.exchange(request)).await.map_err(drop)?
    }

    async fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, ()> {
        let mut input = self.input.lock().await;
        input.0.write_all(&request).await.map_err(drop)?;
        let number = input.1;
        input.1 += 1;
        drop(input);
        let mut output = self.output.lock().await;
        while output.done + output.pending.len() as u64 <= number {
            let mut answer = vec![0; ANSWER_HEAD + BODY_BYTES];
            output.from.read_exact(&mut answer).await.map_err(drop)?;
            output.pending.push_back(Some(answer));
        }
        let at = (number - output.done) as usize;
        let answer = output.pending[at].take().ok_or(())?;
        while output.pending.front().is_some_and(Option::is_none) {
            output.pending.pop_front();
            output.done += 1;
        }
        drop(output);
        Ok(answer[ANSWER_HEAD..].to_vec())
    }
}
