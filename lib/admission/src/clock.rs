//! Somebody who watches the deadlines of waiting futures.
//!
//! A future cannot wake itself, and this library knows no runtime whose timer it could use. So an
//! admission has a thread of its own, started when the first future waits with a deadline, asleep
//! until the next deadline and gone with the admission. Threads that wait watch their own deadlines.

use std::io;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::Instant;

use crate::admission::Shared;
use crate::primitive::{lock, now};

/// The deadline to wake up for, shared with the thread that does.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    bell: Arc<Bell>,
}

#[derive(Debug, Default)]
struct Bell {
    setting: Mutex<Setting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Setting {
    next: Option<Instant>,
    running: bool,
    gone: bool,
}

impl Alarm {
    /// Wakes up at this time or before.
    pub(crate) fn set(&self, at: Instant, shared: &Arc<Shared>) -> io::Result<()> {
        let mut setting = lock(&self.bell.setting);
        if !setting.running {
            let (bell, shared) = (Arc::clone(&self.bell), Arc::downgrade(shared));
            let thread = thread::Builder::new().name("admission-clock".into());
            thread.stack_size(STACK).spawn(move || watch(bell, &shared))?;
            setting.running = true;
        }
        if setting.next.is_none_or(|next| at < next) {
            setting.next = Some(at);
            self.bell.changed.notify_one();
        }
        Ok(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        lock(&self.bell.setting).gone = true;
        self.bell.changed.notify_one();
    }
}

/// Tells the admission at every deadline what time it is, until it is gone.
fn watch(bell: Arc<Bell>, shared: &Weak<Shared>) {
    let running = Running(bell);
    while running.0.wait() {
        let Some(shared) = shared.upgrade() else { return };
        let (_, next) = shared.change(|gate, wakes| gate.expire(now(), wakes));
        let mut setting = lock(&running.0.setting);
        setting.next = [setting.next, next].into_iter().flatten().min();
    }
}

/// Says that nobody watches any more, also when a waker has panicked: the next deadline then
/// starts another thread.
struct Running(Arc<Bell>);

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.0.setting).running = false;
    }
}

impl Bell {
    /// Sleeps until the next deadline; false when there will be none.
    fn wait(&self) -> bool {
        let mut setting = lock(&self.setting);
        loop {
            if setting.gone {
                return false;
            }
            let now = now();
            setting = match setting.next {
                Some(next) if next <= now => {
                    setting.next = None;
                    return true;
                }
                Some(next) => {
                    let waited = self.changed.wait_timeout(setting, next - now);
                    waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
                }
                None => {
                    let waited = self.changed.wait(setting);
                    waited.unwrap_or_else(std::sync::PoisonError::into_inner)
                }
            };
        }
    }
}

/// Enough for a few frames and whatever a waker does.
const STACK: usize = 256 * 1024;
