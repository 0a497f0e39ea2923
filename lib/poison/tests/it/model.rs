//! Random sequences against a naive twin.
//!
//! The twin keeps the data, the cause, the time and the note in plain fields and decides by plain
//! `match`; it has no scopes, no drops and no unwinding.

use std::mem::forget;
use std::pin::pin;
use std::time::Duration;

use heliostat_poison::{Cause, Error, Poison, Witness};
use proptest::prelude::*;

use crate::drive::{Clock, finish, pause, poll, unwind, unwinds};

type Failure = Box<dyn std::error::Error>;

/// How a scope is used, and what becomes of it after so many steps of writing.
#[derive(Clone, Debug)]
enum Step {
    Guard { writes: u8, notes: bool, end: End },
    Change { writes: u8, end: End },
    Run { writes: u8, end: End },
    Recover { panics: bool },
    TryRecover { ok: bool },
    RepairUnfinished,
    Replace { len: u8 },
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Commit,
    Drop,
    Forget,
    Panic,
    Fail,
}

/// What there is to know.
#[derive(Debug, Default)]
struct Twin {
    data: Vec<u8>,
    wrong: Option<Wrong>,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    cause: Cause,
    at: Option<u64>,
    note: Option<&'static str>,
}

impl Twin {
    /// Writes and ends a scope, unless the data is poisoned, as notices a leak.
    fn scope(&mut self, now: u64, writes: u8, ending: Option<(Cause, Option<&'static str>)>) {
        if self.wrong.is_some() {
            return self.notice(now);
        }
        self.data.extend(0..writes);
        self.wrong = ending.map(|(cause, note)| {
            let at = (cause != Cause::Leaked).then_some(now);
            Wrong { cause, at, note }
        });
    }

    fn notice(&mut self, now: u64) {
        if let Some(wrong) = &mut self.wrong {
            wrong.at = wrong.at.or(Some(now));
        }
    }
}

fn guard(poison: &mut Poison<Vec<u8>, impl Witness>, writes: u8, notes: bool, end: End) {
    let Ok(mut guard) = poison.check_and_arm() else { return };
    if notes {
        guard.note("writing");
    }
    guard.extend(0..writes);
    match end {
        End::Commit => guard.disarm(),
        End::Drop => drop(guard),
        End::Forget => forget(guard),
        End::Fail => drop(guard.fail("failing")),
        End::Panic => assert!(unwinds(|| {
            let _guard = guard;
            unwind();
        })),
    }
}

fn change(poison: &mut Poison<Vec<u8>, impl Witness>, writes: u8, end: End) {
    let change = |data: &mut Vec<u8>| {
        data.extend(0..writes);
        match end {
            End::Panic => unwind(),
            End::Fail => Err(Failure::from("failing")),
            End::Commit | End::Drop | End::Forget => Ok(()),
        }
    };
    let whole = !poison.is_poisoned();
    assert_eq!(unwinds(|| poison.change(change)), whole && end == End::Panic);
}

/// Each write has an await of its own, so a drop is a cancellation after `writes` of them.
fn run(poison: &mut Poison<Vec<u8>, impl Witness>, writes: u8, end: End) {
    let whole = !poison.is_poisoned();
    let mut run = Box::pin(poison.run(async |data| {
        for byte in 0..writes {
            data.push(byte);
            pause().await;
        }
        match end {
            End::Panic => unwind(),
            End::Fail => Err(Failure::from("failing")),
            End::Commit => Ok(()),
            End::Drop | End::Forget => std::future::pending().await,
        }
    }));
    match end {
        End::Commit | End::Fail | End::Panic => {
            assert_eq!(unwinds(|| finish(run)), whole && end == End::Panic);
        }
        End::Drop | End::Forget => {
            let mut polled = pin!(run.as_mut());
            for _ in 0..=writes {
                if poll(polled.as_mut()).is_ready() {
                    assert!(!whole);
                    return;
                }
            }
            if end == End::Forget {
                forget(run);
            }
        }
    }
}

/// What the twin should think of a scope's end.
fn ending(end: End, of: &Step) -> Option<(Cause, Option<&'static str>)> {
    let note = matches!(of, Step::Guard { notes: true, .. }).then_some("writing");
    let is_guard = matches!(of, Step::Guard { .. });
    let panicked =
        if cfg!(feature = "std") || !is_guard { Cause::Panicked } else { Cause::Abandoned };
    Some(match (end, of) {
        (End::Commit, _) | (End::Drop | End::Forget, Step::Change { .. }) => return None,
        (End::Panic, _) => (panicked, note),
        (End::Forget, _) => (Cause::Leaked, None),
        (End::Drop, Step::Run { .. }) => (Cause::Cancelled, None),
        (End::Drop, _) => (Cause::Abandoned, note),
        (End::Fail, Step::Guard { .. }) => (Cause::Failed, Some("failing")),
        (End::Fail, _) => (Cause::Failed, Some("alloc::boxed::Box<dyn core::error::Error>")),
    })
}

fn apply(now: u64, step: &Step, poison: &mut Poison<Vec<u8>, impl Witness>, twin: &mut Twin) {
    match *step {
        Step::Guard { writes, notes, end } => {
            guard(poison, writes, notes, end);
            twin.scope(now, writes, ending(end, step));
        }
        Step::Change { writes, end } => {
            change(poison, writes, end);
            twin.scope(now, writes, ending(end, step));
        }
        Step::Run { writes, end } => {
            run(poison, writes, end);
            twin.scope(now, writes, ending(end, step));
        }
        Step::Recover { panics } => {
            let repair = |data: &mut Vec<u8>, _: &Error| {
                data.clear();
                if panics {
                    unwind();
                }
            };
            assert_eq!(unwinds(|| poison.recover(repair)), panics && twin.wrong.is_some());
            recovered(now, twin, !panics);
        }
        Step::TryRecover { ok } => {
            let repair = |data: &mut Vec<u8>, _: &Error| {
                data.clear();
                if ok { Ok(()) } else { Err(()) }
            };
            assert_eq!(poison.try_recover(repair).is_err(), !ok && twin.wrong.is_some());
            recovered(now, twin, ok);
        }
        Step::RepairUnfinished => {
            if let Some(mut repair) = poison.repair() {
                repair.clear();
            }
            recovered(now, twin, false);
        }
        Step::Replace { len } => {
            assert_eq!(poison.replace((0..len).collect()), twin.data);
            *twin = Twin { data: (0..len).collect(), wrong: None };
        }
        Step::Read => assert_eq!(poison.data().ok(), twin.wrong.is_none().then_some(&twin.data)),
    }
}

fn recovered(now: u64, twin: &mut Twin, done: bool) {
    if twin.wrong.is_some() {
        twin.notice(now);
        twin.data.clear();
        if done {
            twin.wrong = None;
        }
    }
}

fn compare(poison: &Poison<Vec<u8>, impl Witness>, twin: &Twin) {
    assert_eq!(poison.peek(), &twin.data);
    assert_eq!(poison.is_poisoned(), twin.wrong.is_some());
    let Some(wrong) = twin.wrong else {
        assert_eq!(poison.error(), None);
        assert_eq!(poison.data(), Ok(&twin.data));
        return;
    };
    let error = poison.error().unwrap();
    assert_eq!(error.cause(), wrong.cause);
    assert_eq!(error.at(), wrong.at.map(Duration::from_secs));
    assert_eq!(error.note(), wrong.note);
    assert_eq!(error.location().is_none(), wrong.cause == Cause::Leaked);
    assert_eq!(poison.data(), Err(error));
}

fn end() -> impl Strategy<Value = End> {
    use End::{Commit, Drop, Fail, Forget, Panic};
    prop_oneof![4 => Just(Commit), 1 => Just(Drop), 1 => Just(Forget), 1 => Just(Panic),
                1 => Just(Fail)]
}

fn step() -> impl Strategy<Value = Step> {
    let writes = 0..4_u8;
    prop_oneof![
        (writes.clone(), any::<bool>(), end()).prop_map(|(writes, notes, end)| Step::Guard {
            writes,
            notes,
            end
        }),
        (writes.clone(), end()).prop_map(|(writes, end)| Step::Change { writes, end }),
        (writes.clone(), end()).prop_map(|(writes, end)| Step::Run { writes, end }),
        any::<bool>().prop_map(|panics| Step::Recover { panics }),
        any::<bool>().prop_map(|ok| Step::TryRecover { ok }),
        Just(Step::RepairUnfinished),
        writes.prop_map(|len| Step::Replace { len }),
        Just(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_its_twin(steps in proptest::collection::vec(step(), 1..40)) {
        let clock = Clock::default();
        let mut poison = Poison::with_witness("model", Vec::new(), clock.clone());
        let mut twin = Twin::default();
        for (now, step) in (1..).zip(&steps) {
            clock.set(now);
            apply(now, step, &mut poison, &mut twin);
            compare(&poison, &twin);
        }
    }
}
