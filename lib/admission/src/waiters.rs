//! Those who wait: four lines through one table.
//!
//! A waiter is a row of a table, and a line is a chain of rows. Joining at the end, leaving from
//! anywhere and taking the first are all a handful of writes, and none of them allocates once the
//! table has grown to the largest crowd so far.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Instant;

use crate::lane::{LINES, Line};
use crate::need::{EXTRAS_MAX, Need, RESOURCES};
use crate::rejected::Rejected;

/// The number of a row.
pub(crate) type Row = u32;

/// How it stands with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody is there.
    Vacant,
    /// In its line.
    Waiting,
    /// Booked for it; it has not picked it up yet.
    Granted,
    /// It will not get it; it has not been told why yet.
    Refused,
}

/// Somebody who waits, or has an answer to pick up: what every way through a line touches, and less
/// than a line of the cache. The rest is its [`Aside`].
#[derive(Debug)]
struct Waiter {
    memory_and_cpu: [u64; 2],
    waker: Option<Waker>,
    before: Row,
    /// On a vacant row, the next vacant one.
    behind: Row,
    line: Line,
    standing: Standing,
    /// For how many its waiting time speaks.
    weight: u8,
    /// Whether its [`Aside`] counts. What stands there else is somebody else's.
    has_aside: bool,
    /// Whether there are extras or a deadline in it, and not a time only.
    has_more: bool,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Waiter>() <= 48);

/// What few have: extras, a time, a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Aside {
    extras: [u64; EXTRAS_MAX],
    /// When it came, if it was asked to look at the clock.
    since: Option<Instant>,
    deadline: Option<Instant>,
}

/// What somebody knows of when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) since: Option<Instant>,
    pub(crate) weight: u8,
}

/// The table and the lines through it.
#[derive(Debug)]
pub(crate) struct Waiters {
    rows: Vec<Waiter>,
    /// One for each row.
    asides: Vec<Aside>,
    vacant: Row,
    lines: [Chain; LINES],
    deadlines: BTreeSet<(Instant, Row)>,
    /// Why, for those who have been refused.
    reasons: BTreeMap<Row, Rejected>,
    waiting: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    first: Row,
    last: Row,
    len: u32,
    /// What all of them need together: u64 amounts of at most 2^32 waiters fit.
    wanted: [u128; RESOURCES],
}

impl Chain {
    /// Counts a need in or out.
    #[inline]
    fn count(&mut self, amounts: &[u64], change: impl Fn(u128, u128) -> u128) {
        for (wanted, amount) in self.wanted.iter_mut().zip(amounts) {
            *wanted = change(*wanted, u128::from(*amount));
        }
    }
}

impl Waiters {
    pub(crate) fn new() -> Waiters {
        let empty = Chain { first: NOBODY, last: NOBODY, len: 0, wanted: [0; RESOURCES] };
        Waiters {
            rows: Vec::new(),
            asides: Vec::new(),
            vacant: NOBODY,
            lines: [empty; LINES],
            deadlines: BTreeSet::new(),
            reasons: BTreeMap::new(),
            waiting: 0,
        }
    }

    /// How many wait, in all lines.
    #[inline]
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting
    }

    /// How many wait in one line.
    #[inline]
    pub(crate) fn len(&self, line: Line) -> u32 {
        self.lines[line as usize].len
    }

    /// What those in one line need together.
    pub(crate) fn wanted(&self, line: Line) -> &[u128; RESOURCES] {
        &self.lines[line as usize].wanted
    }

    /// The first of a line.
    #[inline]
    pub(crate) fn first(&self, line: Line) -> Option<Row> {
        let first = self.lines[line as usize].first;
        (first != NOBODY).then_some(first)
    }

    /// Everybody in a line, first to last.
    pub(crate) fn line(&self, line: Line) -> impl Iterator<Item = Row> {
        std::iter::successors(self.first(line), |row| {
            self.get(*row).map(|waiter| waiter.behind).filter(|behind| *behind != NOBODY)
        })
    }

    /// How it stands with somebody.
    #[inline]
    pub(crate) fn standing(&self, row: Row) -> Standing {
        self.get(row).map_or(Standing::Vacant, |waiter| waiter.standing)
    }

    /// In which line somebody stands or stood, and what it needs.
    #[inline]
    pub(crate) fn asked(&self, row: Row) -> Option<(Line, Need)> {
        let waiter = self.get(row)?;
        let mut need = Need::ZERO;
        let [memory, cpu] = waiter.memory_and_cpu;
        (need.amounts[0], need.amounts[1]) = (memory, cpu);
        if let Some(aside) = self.aside(row) {
            need.amounts[2..].copy_from_slice(&aside.extras);
        }
        Some((waiter.line, need))
    }

    /// When somebody came, if it looked at the clock, and for how many that speaks.
    pub(crate) fn stamp(&self, row: Row) -> Stamp {
        let weight = self.get(row).map_or(0, |waiter| waiter.weight);
        Stamp { since: self.aside(row).and_then(|aside| aside.since), weight }
    }

    /// Keeps a waker, and gives back the one before.
    pub(crate) fn keep_waker(&mut self, row: Row, waker: &Waker) -> Option<Waker> {
        let known = &mut self.rows.get_mut(row as usize)?.waker;
        match known {
            Some(known) if known.will_wake(waker) => None,
            _ => known.replace(waker.clone()),
        }
    }

    /// Lets somebody join the end of a line.
    pub(crate) fn join(
        &mut self,
        line: Line,
        need: &Need,
        stamp: Stamp,
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Row {
        let before = self.lines[line as usize].last;
        let [memory, cpu, extras @ ..] = need.amounts;
        let aside = Aside { extras, since: stamp.since, deadline };
        let has_aside = aside != NOTHING_ASIDE;
        let row = self.seat(Waiter {
            memory_and_cpu: [memory, cpu],
            waker: Some(waker),
            before,
            behind: NOBODY,
            line,
            standing: Standing::Waiting,
            weight: stamp.weight,
            has_aside,
            has_more: deadline.is_some() || !need.is_plain(),
        });
        if has_aside && let Some(place) = self.asides.get_mut(row as usize) {
            *place = aside;
        }
        match self.rows.get_mut(before as usize) {
            Some(before) => before.behind = row,
            None => self.lines[line as usize].first = row,
        }
        let chain = &mut self.lines[line as usize];
        chain.last = row;
        chain.len += 1;
        chain.count(counted(need, has_aside), |wanted, need| wanted + need);
        self.waiting += 1;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, row));
        }
        row
    }

    /// Takes somebody out of the line, with its permit to be picked up, and gives back its waker.
    #[inline]
    pub(crate) fn grant(&mut self, row: Row) -> Option<Waker> {
        self.unlink(row, Standing::Granted)
    }

    /// Takes somebody out of the line, with the reason to be picked up, and gives back its waker.
    pub(crate) fn refuse(&mut self, row: Row, why: Rejected) -> Option<Waker> {
        self.reasons.insert(row, why);
        self.unlink(row, Standing::Refused)
    }

    /// Takes somebody out of the line who does not want an answer, and gives back its waker.
    #[inline]
    pub(crate) fn remove(&mut self, row: Row) -> Option<Waker> {
        self.unlink(row, Standing::Vacant)
    }

    /// Clears the row of somebody who has been answered, and says why it was refused if it was.
    #[inline]
    pub(crate) fn leave(&mut self, row: Row) -> Option<Rejected> {
        let waiter = self.rows.get_mut(row as usize)?;
        let standing = std::mem::replace(&mut waiter.standing, Standing::Vacant);
        if standing != Standing::Vacant {
            waiter.behind = self.vacant;
            self.vacant = row;
        }
        (standing == Standing::Refused).then(|| self.reasons.remove(&row)).flatten()
    }

    /// Whether somebody waits, and its line begins with the same need without it.
    #[inline]
    pub(crate) fn is_followed_by_its_like(&self, row: Row) -> bool {
        let Some(waiter) = self.get(row) else { return false };
        if waiter.standing != Standing::Waiting || waiter.before != NOBODY {
            return waiter.standing == Standing::Waiting;
        }
        let Some(next) = self.get(waiter.behind) else { return false };
        let [memory, cpu] = waiter.memory_and_cpu;
        let plain = !waiter.has_more && !next.has_more;
        next.memory_and_cpu[0] == memory
            && next.memory_and_cpu[1] == cpu
            && (plain || self.same_extras(row, waiter.behind))
    }

    #[cold]
    fn same_extras(&self, one: Row, other: Row) -> bool {
        let extras = |row: Row| self.aside(row).map_or([0; EXTRAS_MAX], |aside| aside.extras);
        extras(one) == extras(other)
    }

    /// The earliest deadline, and whose it is.
    pub(crate) fn earliest_deadline(&self) -> Option<(Instant, Row)> {
        self.deadlines.first().copied()
    }

    #[inline]
    fn get(&self, row: Row) -> Option<&Waiter> {
        self.rows.get(row as usize)
    }

    #[inline]
    fn aside(&self, row: Row) -> Option<&Aside> {
        self.asides.get(row as usize).filter(|_| self.get(row).is_some_and(|row| row.has_aside))
    }

    /// Takes somebody out of its line.
    #[inline]
    fn unlink(&mut self, row: Row, standing: Standing) -> Option<Waker> {
        let rows = self.rows.as_mut_slice();
        let waiter = rows.get_mut(row as usize)?;
        debug_assert_eq!(waiter.standing, Standing::Waiting, "answered twice");
        waiter.standing = standing;
        let waker = waiter.waker.take();
        let (amounts, has_more) = (waiter.memory_and_cpu, waiter.has_more);
        let (before, behind) = (waiter.before, waiter.behind);
        let chain = &mut self.lines[waiter.line as usize];
        if standing == Standing::Vacant {
            waiter.behind = self.vacant;
            self.vacant = row;
        }
        match rows.get_mut(before as usize) {
            Some(before) => before.behind = behind,
            None => chain.first = behind,
        }
        match rows.get_mut(behind as usize) {
            Some(behind) => behind.before = before,
            None => chain.last = before,
        }
        self.waiting -= 1;
        chain.len -= 1;
        chain.count(&amounts, |wanted, amount| wanted - amount);
        if has_more {
            self.unlink_aside(row);
        }
        waker
    }

    #[cold]
    fn unlink_aside(&mut self, row: Row) {
        let places = (self.rows.get(row as usize), self.asides.get(row as usize));
        let (Some(waiter), Some(aside)) = places else { return };
        let wanted = self.lines[waiter.line as usize].wanted.iter_mut().skip(2);
        wanted.zip(aside.extras).for_each(|(wanted, extra)| *wanted -= u128::from(extra));
        if let Some(deadline) = aside.deadline {
            self.deadlines.remove(&(deadline, row));
        }
    }

    /// Puts a waiter on a vacant row, or a new one.
    #[inline]
    fn seat(&mut self, waiter: Waiter) -> Row {
        let row = self.vacant;
        match self.rows.get_mut(row as usize) {
            Some(place) => {
                self.vacant = place.behind;
                *place = waiter;
                row
            }
            None => {
                self.rows.push(waiter);
                self.asides.push(NOTHING_ASIDE);
                // The gate admits fewer waiters than there are numbers.
                Row::try_from(self.rows.len() - 1).unwrap_or(NOBODY)
            }
        }
    }
}

/// So much of a need as has to be counted: extras are looked at where there are any.
#[inline]
fn counted(need: &Need, has_aside: bool) -> &[u64] {
    if has_aside { &need.amounts } else { &need.amounts[..2] }
}

/// No row: the end of a chain.
const NOBODY: Row = Row::MAX;

const NOTHING_ASIDE: Aside = Aside { extras: [0; EXTRAS_MAX], since: None, deadline: None };
