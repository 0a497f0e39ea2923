//! What the table of peers in DESIGN.md says, cell by cell.
//!
//! Each test tears a pair in the ways that a peer can be torn, and states what the peer knows of
//! it afterwards. When a peer changes, a test here fails and the table is to be corrected.

use std::mem::forget;
use std::pin::pin;
use std::sync::{Mutex, TryLockError};

use cancel_safe_futures::sync::RobustMutex;
use poison_guard::Poison as PoisonGuard;

use crate::drive::{pause, poll, unwind, unwinds};

type Pair = (u32, u32);

#[test]
fn std_mutex_sees_panics_only() {
    let mutex = Mutex::new((1, 1));
    mutex.lock().unwrap().0 = 2; // and out of scope
    assert_eq!(*mutex.lock().unwrap(), (2, 1), "torn, and let through");

    assert!(unwinds(|| {
        let mut pair = mutex.lock().unwrap();
        pair.0 = 3;
        unwind();
    }));
    let error = mutex.lock().unwrap_err();
    assert_eq!(error.to_string(), "poisoned lock: another task failed inside");
    drop(error);
    mutex.clear_poison();

    forget(mutex.lock());
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)), "locked for ever");
}

#[test]
fn tokio_mutex_sees_nothing() {
    let mutex = tokio::sync::Mutex::new((1, 1));
    {
        let mut change = pin!(async {
            let mut pair = mutex.lock().await;
            pair.0 = 2;
            pause().await;
            pair.1 = 2;
        });
        assert!(poll(change.as_mut()).is_pending());
    }
    assert_eq!(*mutex.try_lock().unwrap(), (2, 1), "torn, and let through");
}

fn robust(mutex: &RobustMutex<Pair>, panics: bool) -> impl Future<Output = ()> {
    let permit = mutex.try_lock().unwrap();
    permit.perform_async_boxed_local(move |pair| {
        Box::pin(async move {
            pair.0 = 2;
            pause().await;
            if panics {
                unwind();
            }
            pair.1 = 2;
        })
    })
}

#[test]
fn robust_mutex_sees_panics_and_cancellations() {
    let mutex = RobustMutex::new((1, 1));
    let failed = mutex.try_lock().unwrap().perform(|pair| {
        pair.0 = 2;
        Err::<(), _>("half way")
    });
    assert_eq!(failed, Err("half way"));
    assert!(!mutex.is_poisoned(), "torn, and let through");

    let mutex = RobustMutex::new((1, 1));
    {
        let mut change = pin!(robust(&mutex, false));
        assert!(poll(change.as_mut()).is_pending());
    }
    assert!(mutex.is_cancel_poisoned() && !mutex.is_panic_poisoned());

    let mutex = RobustMutex::new((1, 1));
    {
        let mut change = pin!(robust(&mutex, true));
        assert!(poll(change.as_mut()).is_pending());
        assert!(unwinds(|| poll(change.as_mut())));
    }
    assert!(mutex.is_cancel_poisoned() && mutex.is_panic_poisoned(), "not told apart");

    let mutex = RobustMutex::new((1, 1));
    let mut change = Box::pin(robust(&mutex, false));
    assert!(poll(change.as_mut()).is_pending());
    forget(change);
    assert!(mutex.try_lock().unwrap_err().to_string().contains("would block"), "for ever");
}

fn said(poison: &mut PoisonGuard<Pair>) -> String {
    PoisonGuard::unless_recovered(poison).unwrap_err().into_error().to_string()
}

#[test]
fn poison_guard_on_unwind_sees_panics_only() {
    let mut poison = PoisonGuard::new((1, 1));
    PoisonGuard::on_unwind(&mut poison).unwrap().0 = 2;
    assert_eq!(*poison.get().unwrap(), (2, 1), "torn, and let through");
    assert!(unwinds(|| {
        let _pair = PoisonGuard::on_unwind(&mut poison).unwrap();
        unwind();
    }));
    let error = said(&mut poison);
    assert!(error.starts_with("poisoned by a panic"), "{error}");
}

#[test]
fn poison_guard_unless_recovered_sees_everything_as_an_error() {
    type End = fn(poison_guard::PoisonGuard<'_, Pair>);
    let ends: [End; 2] = [|guard| drop(guard), |guard| forget(guard)];
    for end in ends {
        let mut poison = PoisonGuard::new((1, 1));
        end(PoisonGuard::unless_recovered(&mut poison).unwrap());
        let error = said(&mut poison);
        assert!(error.starts_with("poisoned by an error (the poisoning guard was acquired at"));
    }
    let mut poison = PoisonGuard::new((1, 1));
    {
        let mut change = pin!(async {
            let mut pair = PoisonGuard::unless_recovered(&mut poison).unwrap();
            pair.0 = 2;
            pause().await;
            PoisonGuard::recover(pair);
        });
        assert!(poll(change.as_mut()).is_pending());
    }
    let error = said(&mut poison);
    assert!(error.starts_with("poisoned by an error"), "{error}");
}

#[test]
fn poison_guard_forgets_the_first_error_when_a_repair_fails() {
    let mut poison = PoisonGuard::new((1, 1));
    drop(PoisonGuard::try_recover(
        Err::<(), _>("the first"),
        PoisonGuard::unless_recovered(&mut poison).unwrap(),
    ));
    let said = |poison: &mut PoisonGuard<Pair>| {
        let error = PoisonGuard::unless_recovered(poison).unwrap_err().into_error();
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert_eq!(said(&mut poison), "the first");
    let refused = PoisonGuard::unless_recovered(&mut poison).unwrap_err();
    drop(refused.try_recover_with(|_| Err("the second")));
    assert_eq!(said(&mut poison), "the second");
}

/// Runs a commit in a destructor while the thread unwinds.
fn while_unwinding(commit: impl FnOnce()) {
    struct Cleanup<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for Cleanup<F> {
        fn drop(&mut self) {
            self.0.take().unwrap()();
        }
    }
    assert!(unwinds(|| {
        let _cleanup = Cleanup(Some(commit));
        unwind();
    }));
}

#[test]
fn commits_while_unwinding() {
    let mutex = Mutex::new((1, 1));
    while_unwinding(|| *mutex.lock().unwrap() = (2, 2));
    assert!(!mutex.is_poisoned());

    let mutex = RobustMutex::new((1, 1));
    while_unwinding(|| mutex.try_lock().unwrap().perform(|pair| *pair = (2, 2)));
    assert!(!mutex.is_poisoned());

    let mut poison = neon::Poison::new("pair", (1, 1));
    while_unwinding(|| poison.check_and_arm().unwrap().disarm());
    assert!(poison.check_and_arm().is_ok());

    let mut poison = PoisonGuard::new((1, 1));
    while_unwinding(|| {
        PoisonGuard::recover(PoisonGuard::unless_recovered(&mut poison).unwrap());
    });
    assert!(poison.is_poisoned(), "a commit, taken for a panic");
}

#[test]
fn bytes_beside_the_data() {
    if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        let pair = size_of::<Pair>();
        assert_eq!(size_of::<Mutex<Pair>>() - pair, 8);
        assert_eq!(size_of::<RobustMutex<Pair>>() - pair, 48);
        assert_eq!(size_of::<PoisonGuard<Pair>>() - pair, 16);
        assert_eq!(size_of::<neon::Poison<Pair>>() - pair, 32);
        assert_eq!(size_of::<heliostat_poison::Poison<Pair>>() - pair, 64);
    }
}

#[test]
fn scopeguard_runs_code_and_remembers_nothing() {
    let mut pair = (1, 1);
    let mut guard = scopeguard::guard(&mut pair, |pair| *pair = (0, 0));
    guard.0 = 2;
    drop(guard);
    assert_eq!(pair, (0, 0), "rolled back by hand");

    let mut guard = scopeguard::guard(&mut pair, |pair| *pair = (0, 0));
    guard.0 = 2;
    forget(guard);
    assert_eq!(pair, (2, 0), "torn, and nobody knows");
}

#[test]
fn neon_poison_sees_everything_and_says_only_when() {
    let mut poison = neon::Poison::new("pair", (1, 1));
    poison.check_and_arm().unwrap().data_mut().0 = 2;
    let abandoned = poison.check_and_arm().err().unwrap();

    let mut poison = neon::Poison::new("pair", (1, 1));
    assert!(unwinds(|| {
        let _pair = poison.check_and_arm().unwrap();
        unwind();
    }));
    let panicked = poison.check_and_arm().err().unwrap();
    assert_eq!(panicked.what, abandoned.what);
    assert!(panicked.at.elapsed().is_ok());

    let mut poison = neon::Poison::new("pair", (1, 1));
    forget(poison.check_and_arm());
    assert!(unwinds(|| poison.check_and_arm().is_ok()), "an impossible state, reached");

    let mut poison = neon::Poison::new("pair", (1, 1));
    let mut pair = poison.check_and_arm().unwrap();
    pair.data_mut().0 = 2;
    assert_eq!(pair.data(), &(2, 1));
    pair.disarm();
    assert!(poison.check_and_arm().is_ok());
}

mod neon {
    //! Neon's `Poison`, as its design has it: three states, one of them thought impossible.

    use std::time::SystemTime;

    pub(super) struct Poison<T> {
        what: &'static str,
        state: State,
        data: T,
    }

    #[derive(Clone, Copy)]
    enum State {
        Clean,
        Armed,
        Poisoned { at: SystemTime },
    }

    #[derive(Debug)]
    pub(super) struct Error {
        pub(super) what: &'static str,
        pub(super) at: SystemTime,
    }

    impl<T> Poison<T> {
        pub(super) fn new(what: &'static str, data: T) -> Self {
            Self { what, state: State::Clean, data }
        }

        pub(super) fn check_and_arm(&mut self) -> Result<Guard<'_, T>, Error> {
            match self.state {
                State::Clean => {
                    self.state = State::Armed;
                    Ok(Guard(self))
                }
                State::Armed => {
                    // Neon says `unreachable!` here; this unwinds without printing.
                    std::panic::resume_unwind(Box::new("transient state"))
                }
                State::Poisoned { at } => Err(Error { what: self.what, at }),
            }
        }
    }

    pub(super) struct Guard<'a, T>(&'a mut Poison<T>);

    impl<T> Guard<'_, T> {
        pub(super) fn data(&self) -> &T {
            &self.0.data
        }

        pub(super) fn data_mut(&mut self) -> &mut T {
            &mut self.0.data
        }

        pub(super) fn disarm(self) {
            self.0.state = State::Clean;
        }
    }

    impl<T> Drop for Guard<'_, T> {
        fn drop(&mut self) {
            if matches!(self.0.state, State::Armed) {
                self.0.state = State::Poisoned { at: SystemTime::now() };
            }
        }
    }
}
