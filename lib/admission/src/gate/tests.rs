//! The gate against a naive twin, and mistakes made on purpose.
//!
//! The twin keeps a list of everybody, in order of arrival, and works out from scratch who holds
//! what. After every operation it lets through, one after the other, the first who may. The real
//! thing must agree on every answer, on who was woken (exactly those who got one), on what is in use,
//! and in the end on nothing being left.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::Fault;
use crate::{Acquire, Admission, Bytes, Clock, Fraction, Lane, MilliCpu, Need, Permit, Rejected};

/// A small generator of pseudo-random numbers, so that a failure is a number to be tried again.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Amounts = [u64; 3];

/// Where a request of the twin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Line,
    Granted,
    Refused(&'static str),
}

/// What the twin knows of somebody.
#[derive(Clone, Debug)]
struct Person {
    kind: Kind,
    need: Amounts,
    place: Place,
    deadline: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Interactive,
    Background,
    BelowMark,
}

/// The naive twin.
struct Twin {
    total: Amounts,
    pressure_percent: u64,
    closed: bool,
    waiters_max: usize,
    people: BTreeMap<u64, Person>,
}

impl Twin {
    fn used(&self, kind: impl Fn(Kind) -> bool, at: usize) -> u64 {
        let granted = self.people.values().filter(|person| person.place == Place::Granted);
        granted.filter(|person| kind(person.kind)).map(|person| person.need[at]).sum()
    }

    fn reserve(&self, at: usize) -> u64 {
        self.total[at] * 2 / 10
    }

    fn shared(&self, at: usize) -> u64 {
        self.total[at] - self.reserve(at)
    }

    fn possible(&self, kind: Kind, need: &Amounts) -> bool {
        (0..3).all(|at| match kind {
            Kind::Interactive => need[at] <= self.total[at],
            _ => need[at] <= self.shared(at),
        })
    }

    fn fits(&self, kind: Kind, need: &Amounts) -> bool {
        let fits = |at: usize| {
            let interactive = self.used(|kind| kind == Kind::Interactive, at);
            let background = self.used(|kind| kind != Kind::Interactive, at);
            if interactive + background + need[at] > self.total[at] {
                return false;
            }
            let unused_reserve = self.reserve(at).saturating_sub(interactive);
            let allowance = self.shared(at) * (100 - self.pressure_percent) / 100;
            kind == Kind::Interactive
                || (need[at] + unused_reserve + interactive + background <= self.total[at]
                    && background + need[at] <= allowance)
        };
        let below = |at: usize| {
            let interactive = self.used(|kind| kind == Kind::Interactive, at);
            let background = self.used(|kind| kind != Kind::Interactive, at);
            let used = background + interactive.saturating_sub(self.reserve(at));
            used < ((self.shared(at) * 8 / 10) * (100 - self.pressure_percent) / 100).max(1)
        };
        let gated = kind == Kind::BelowMark;
        (0..3).all(fits) && (!gated || (self.pressure_percent < 100 && (0..3).all(below)))
    }

    fn waits(&self, kind: Kind) -> bool {
        self.people.values().any(|person| person.kind == kind && person.place == Place::Line)
    }

    fn waiting(&self) -> usize {
        self.people.values().filter(|person| person.place == Place::Line).count()
    }

    /// Somebody comes: let through, put in line, or refused.
    fn arrive(&mut self, id: u64, kind: Kind, need: Amounts, deadline: Option<u64>, patient: bool) {
        let ahead = [Kind::Interactive, Kind::Background, Kind::BelowMark];
        let free = ahead.iter().filter(|other| **other <= kind).all(|kind| !self.waits(*kind));
        let place = if self.closed {
            Place::Refused("closed")
        } else if !self.possible(kind, &need) {
            Place::Refused("impossible")
        } else if free && self.fits(kind, &need) {
            Place::Granted
        } else if !patient {
            Place::Refused("full")
        } else if self.waiting() >= self.waiters_max {
            Place::Refused("queue full")
        } else {
            Place::Line
        };
        self.people.insert(id, Person { kind, need, place, deadline });
    }

    /// Lets through, one after the other, the first who may.
    fn settle(&mut self) {
        loop {
            let mut next = None;
            for kind in [Kind::Interactive, Kind::Background, Kind::BelowMark] {
                let mut line = self.people.iter();
                let first =
                    line.find(|(_, person)| person.kind == kind && person.place == Place::Line);
                if let Some((id, person)) = first {
                    if self.fits(kind, &person.need) {
                        next = Some(*id);
                    }
                    break;
                }
            }
            let Some(person) = next.and_then(|id| self.people.get_mut(&id)) else { return };
            person.place = Place::Granted;
        }
    }

    fn resize(&mut self, total: Amounts) {
        self.total = total;
        let impossible: Vec<u64> = self
            .people
            .iter()
            .filter(|(_, person)| person.place == Place::Line)
            .filter(|(_, person)| !self.possible(person.kind, &person.need))
            .map(|(id, _)| *id)
            .collect();
        for id in impossible {
            self.people.get_mut(&id).unwrap().place = Place::Refused("impossible");
        }
    }

    fn refuse_where(&mut self, which: impl Fn(&Person) -> bool, why: &'static str) {
        let waiting = self.people.values_mut().filter(|person| person.place == Place::Line);
        waiting.filter(|person| which(person)).for_each(|person| {
            person.place = Place::Refused(why);
        });
    }
}

/// Somebody on the real side.
struct Real<'a> {
    bell: Arc<Bell>,
    woken_before: u32,
    acquire: Option<Pin<Box<Acquire<'a>>>>,
    permit: Option<Permit<'a>>,
}

/// Both sides.
struct Pair<'a> {
    admission: &'a Admission,
    start: Instant,
    now: u64,
    twin: Twin,
    real: BTreeMap<u64, Real<'a>>,
    next_id: u64,
}

fn need_of(amounts: Amounts, extra: crate::Extra) -> Need {
    Need::new(Bytes::new(amounts[0]), MilliCpu::new(amounts[1])).with(extra, amounts[2])
}

fn why(rejected: &Rejected) -> &'static str {
    match rejected {
        Rejected::Impossible { .. } => "impossible",
        Rejected::Full { .. } => "full",
        Rejected::QueueFull => "queue full",
        Rejected::DeadlineExceeded { .. } => "deadline",
        Rejected::Closed => "closed",
    }
}

type Outcome = Result<(), String>;

impl<'a> Pair<'a> {
    fn new(admission: &'a Admission, total: Amounts, waiters_max: usize) -> Pair<'a> {
        let people = BTreeMap::new();
        let twin = Twin { total, pressure_percent: 0, closed: false, waiters_max, people };
        let (start, now) = (Instant::now() + Duration::from_secs(3600), 0);
        Pair { admission, start, now, twin, real: BTreeMap::new(), next_id: 0 }
    }

    fn extra(&self) -> crate::Extra {
        self.admission.extra("slots").unwrap()
    }

    fn try_acquire(&mut self, kind: Kind, need: Amounts) -> Outcome {
        let lane = if kind == Kind::Interactive { Lane::Interactive } else { Lane::Background };
        let id = self.next_id;
        self.next_id += 1;
        self.twin.arrive(id, kind, need, None, false);
        let answer = self.admission.try_acquire(lane, need_of(need, self.extra()));
        let expected = self.twin.people[&id].place;
        match answer {
            Ok(permit) if expected == Place::Granted => {
                let bell = Arc::default();
                let real = Real { bell, woken_before: 0, acquire: None, permit: Some(permit) };
                self.real.insert(id, real);
                Ok(())
            }
            Err(rejected) if expected == Place::Refused(why(&rejected)) => {
                self.twin.people.remove(&id);
                if let Rejected::Full { shortfall } = rejected
                    && shortfall.is_zero()
                    && self.twin.pressure_percent == 0
                {
                    return Err("full, and nothing is short".into());
                }
                Ok(())
            }
            answer => Err(format!("try_acquire {need:?}: {answer:?}, the twin says {expected:?}")),
        }
    }

    fn acquire(&mut self, kind: Kind, need: Amounts, deadline: Option<u64>) -> Outcome {
        let id = self.next_id;
        self.next_id += 1;
        self.twin.arrive(id, kind, need, deadline, true);
        let wanted = need_of(need, self.extra());
        let acquire = match kind {
            Kind::Interactive => self.admission.acquire(Lane::Interactive, wanted),
            Kind::Background => self.admission.acquire(Lane::Background, wanted),
            Kind::BelowMark => self.admission.acquire_below_watermark(wanted),
        };
        let acquire = match deadline {
            Some(at) => acquire.before(self.start + Duration::from_secs(at)),
            None => acquire,
        };
        let bell = Arc::default();
        let acquire = Some(Box::pin(acquire));
        self.real.insert(id, Real { bell, woken_before: 0, acquire, permit: None });
        self.poll(id)
    }

    /// Polls somebody and compares the answer.
    fn poll(&mut self, id: u64) -> Outcome {
        let Some(real) = self.real.get_mut(&id) else { return Ok(()) };
        let Some(acquire) = &mut real.acquire else { return Ok(()) };
        let waker = Waker::from(Arc::clone(&real.bell));
        let answer = acquire.as_mut().poll(&mut Context::from_waker(&waker));
        let expected = self.twin.people[&id].place;
        match (answer, expected) {
            (Poll::Pending, Place::Line) => Ok(()),
            (Poll::Ready(Ok(permit)), Place::Granted) => {
                real.acquire = None;
                real.permit = Some(permit);
                real.woken_before = real.bell.0.load(Ordering::Relaxed);
                Ok(())
            }
            (Poll::Ready(Err(rejected)), Place::Refused(reason)) if why(&rejected) == reason => {
                self.real.remove(&id);
                self.twin.people.remove(&id);
                Ok(())
            }
            (answer, expected) => Err(format!("poll {id}: {answer:?}, the twin says {expected:?}")),
        }
    }

    /// Drops whatever somebody has: a future or a permit.
    fn drop_one(&mut self, id: u64) {
        self.twin.people.remove(&id);
        self.real.remove(&id);
        self.twin.settle();
    }

    fn shrink(&mut self, id: u64, to: Amounts) {
        let extra = self.extra();
        if let Some(permit) = self.real.get_mut(&id).and_then(|real| real.permit.as_mut()) {
            permit.shrink_to(need_of(to, extra));
            let person = self.twin.people.get_mut(&id).unwrap();
            for (have, to) in person.need.iter_mut().zip(to) {
                *have = to.min(*have);
            }
            self.twin.settle();
        }
    }

    fn split(&mut self, id: u64, part: Amounts) -> Outcome {
        let extra = self.extra();
        let Some(permit) = self.real.get_mut(&id).and_then(|real| real.permit.as_mut()) else {
            return Ok(());
        };
        let split = permit.split(need_of(part, extra));
        let person = self.twin.people.get_mut(&id).unwrap();
        let enough = person.need.iter().zip(part).all(|(have, part)| part <= *have);
        if enough != split.is_some() {
            return Err(format!("split {part:?} from {:?}: {split:?}", person.need));
        }
        if let Some(permit) = split {
            for (have, part) in person.need.iter_mut().zip(part) {
                *have -= part;
            }
            let (kind, place) = (person.kind, Place::Granted);
            let new = self.next_id;
            self.next_id += 1;
            self.twin.people.insert(new, Person { kind, need: part, place, deadline: None });
            let bell = Arc::default();
            let real = Real { bell, woken_before: 0, acquire: None, permit: Some(permit) };
            self.real.insert(new, real);
        }
        Ok(())
    }

    fn resize(&mut self, total: Amounts) {
        self.twin.resize(total);
        self.twin.settle();
        let need = need_of(total, self.extra());
        self.admission.shared().change(|gate, wakes| gate.resize(need, wakes));
    }

    fn set_pressure(&mut self, percent: u64) {
        self.twin.pressure_percent = percent;
        self.twin.settle();
        let percent = u32::try_from(percent).unwrap();
        self.admission.set_pressure(Fraction::percent(percent));
    }

    fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        let now = self.now;
        self.twin.refuse_where(|person| person.deadline.is_some_and(|at| at <= now), "deadline");
        self.twin.settle();
        self.admission.expire(self.start + Duration::from_secs(now));
    }

    fn close(&mut self) {
        self.twin.closed = true;
        self.twin.refuse_where(|_| true, "closed");
        self.admission.close();
    }

    /// Everything that can be seen from outside must be the same.
    fn compare(&mut self) -> Outcome {
        for (id, real) in &mut self.real {
            let woken = real.bell.0.load(Ordering::Relaxed) - real.woken_before;
            let answered = self.twin.people[id].place != Place::Line;
            let waits = real.acquire.is_some();
            if woken != u32::from(waits && answered) {
                return Err(format!("{id} was woken {woken} times, answered: {answered}"));
            }
        }
        let snapshot = self.admission.snapshot();
        let twin = &self.twin;
        let sums = |interactive: bool| -> Amounts {
            [0, 1, 2].map(|at| twin.used(|kind| (kind == Kind::Interactive) == interactive, at))
        };
        let extra = self.admission.extra("slots").unwrap();
        for (lane, sums) in [(Lane::Interactive, sums(true)), (Lane::Background, sums(false))] {
            if snapshot.used_by(lane) != need_of(sums, extra) {
                let used = snapshot.used_by(lane);
                return Err(format!("{lane:?} uses {used}, the twin says {sums:?}"));
            }
        }
        let permits = twin.people.values().filter(|person| person.place == Place::Granted).count();
        if snapshot.permits != permits as u64 || snapshot.waiting() as usize != twin.waiting() {
            return Err(format!("{snapshot:?}, the twin has {permits}, {}", twin.waiting()));
        }
        Ok(())
    }

    /// Polls everybody who has been woken, as a runtime would.
    fn poll_woken(&mut self, dice: &mut Dice) -> Outcome {
        let ids: Vec<u64> = self.real.keys().copied().collect();
        for id in ids {
            let real = &self.real[&id];
            let woken = real.bell.0.load(Ordering::Relaxed) > real.woken_before;
            if woken && dice.below(2) == 0 {
                self.poll(id)?;
            }
        }
        Ok(())
    }

    /// One random operation.
    fn step(&mut self, dice: &mut Dice, trace: &mut String) -> Outcome {
        let kind = [Kind::Interactive, Kind::Background, Kind::Background, Kind::BelowMark]
            [dice.below(4) as usize];
        let need = [dice.below(7), dice.below(5), dice.below(3)];
        let ids: Vec<u64> = self.real.keys().copied().collect();
        let somebody = ids.get(dice.below(ids.len().max(1) as u64) as usize).copied();
        let operation = dice.below(22);
        trace.push_str(&format!("{operation} {kind:?} {need:?} {somebody:?}\n"));
        match (operation, somebody) {
            (0..=2, _) if kind != Kind::BelowMark => self.try_acquire(kind, need)?,
            (3..=8, _) => self.acquire(kind, need, None)?,
            (9, _) => self.acquire(kind, need, Some(self.now + 1 + dice.below(3)))?,
            (10..=14, Some(id)) => self.drop_one(id),
            (15, Some(id)) => self.poll(id)?,
            (16, Some(id)) => self.shrink(id, need),
            (17, Some(id)) => self.split(id, need)?,
            (18, _) => self.resize([dice.below(20), dice.below(15), dice.below(9)]),
            (19, _) => self.set_pressure([0, 0, 50, 100][dice.below(4) as usize]),
            (20, _) => self.advance(1),
            (21, _) if dice.below(20) == 0 => self.close(),
            _ => {}
        }
        self.compare()?;
        self.poll_woken(dice)
    }
}

/// Plays one random game; the error says how it went wrong.
fn play(seed: u64, fault: Fault) -> Outcome {
    let mut dice = Dice::new(seed);
    let total = [10 + dice.below(10), 5 + dice.below(10), 4 + dice.below(5)];
    let waiters_max = if dice.below(4) == 0 { 3 } else { 1000 };
    let admission = Admission::builder(Need::new(Bytes::new(total[0]), MilliCpu::new(total[1])))
        .extra("slots", total[2])
        .unwrap()
        .waiters_max(waiters_max)
        .clock(Clock::Manual)
        .build();
    admission.shared().gate().set_fault(fault);
    let mut trace = String::new();
    let mut pair = Pair::new(&admission, total, waiters_max as usize);
    let played = (0..20 + dice.below(60)).try_for_each(|_| pair.step(&mut dice, &mut trace));
    played.map_err(|what| format!("seed {seed}: {what}\n{trace}"))?;
    drop(pair);
    let left = admission.snapshot();
    let empty = left.used().is_zero() && left.waiting() == 0 && left.permits == 0;
    empty.then_some(()).ok_or_else(|| format!("seed {seed}: left behind {left:?}"))
}

/// I1 to I10 of the design, in tens of thousands of random games.
#[test]
fn agrees_with_a_naive_twin() {
    for seed in 0..GAMES {
        if let Err(what) = play(seed, Fault::None) {
            panic!("{what}");
        }
    }
}

/// The twin is worth something: no mistake of these goes unnoticed.
#[test]
fn every_mistake_made_on_purpose_is_noticed() {
    for fault in [
        Fault::NoPumpAfterCancel,
        Fault::NoPumpAfterRelease,
        Fault::NoPumpAfterResize,
        Fault::NobodyIsTold,
        Fault::BookingIsLost,
        Fault::DoorIgnoresLine,
        Fault::NobodyLooksWhoIsNext,
        Fault::OneAtATime,
        Fault::BackgroundOvertakes,
    ] {
        let noticed =
            std::panic::catch_unwind(|| (0..2000).find(|seed| play(*seed, fault).is_err()));
        // A mistake may also trip an assertion of the gate itself; that is noticing, too.
        assert!(noticed.map_or(true, |seed| seed.is_some()), "{fault:?} was not noticed");
    }
}

const GAMES: u64 = 20_000;
