//! Those who wait: four lines through one table.
//!
//! A waiter is a row of a table, and a line is a chain of rows. Joining at the end, leaving from
//! anywhere and taking the first are all a handful of writes, and none of them allocates once the
//! table has grown to the largest crowd so far.

use std::collections::BTreeSet;
use std::task::Waker;
use std::time::Instant;

use crate::lane::{LINES, Line};
use crate::need::{Need, RESOURCES};
use crate::rejected::Rejected;

/// The number of a row.
pub(crate) type Row = u32;

/// How it stands with a waiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In its line.
    Waiting,
    /// Booked for it; it has not picked it up yet.
    Granted,
    /// It will not get it; it has not been told yet. Rare and large, so it is kept elsewhere, and
    /// rows are small.
    Refused(Box<Rejected>),
}

/// Somebody who waits, or has an answer to pick up.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) need: Need,
    pub(crate) line: Line,
    pub(crate) standing: Standing,
    /// When it came, if it was asked to look at the clock.
    pub(crate) since: Option<Instant>,
    /// For how many its waiting time speaks.
    pub(crate) weight: u32,
    pub(crate) deadline: Option<Instant>,
    pub(crate) waker: Option<Waker>,
    before: Row,
    behind: Row,
}

/// What somebody knows of when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) since: Option<Instant>,
    pub(crate) weight: u32,
}

/// The table and the lines through it.
#[derive(Debug)]
pub(crate) struct Waiters {
    rows: Vec<Slot>,
    vacant: Row,
    lines: [Chain; LINES],
    deadlines: BTreeSet<(Instant, Row)>,
    waiting: u32,
}

#[derive(Debug)]
enum Slot {
    Vacant { next: Row },
    Taken(Waiter),
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
    fn count(&mut self, need: &Need, change: impl Fn(u128, u128) -> u128) {
        let resources = if need.is_plain() { 2 } else { RESOURCES };
        for (wanted, need) in self.wanted.iter_mut().zip(&need.amounts).take(resources) {
            *wanted = change(*wanted, u128::from(*need));
        }
    }
}

impl Waiters {
    pub(crate) fn new() -> Waiters {
        let empty = Chain { first: NOBODY, last: NOBODY, len: 0, wanted: [0; RESOURCES] };
        Waiters {
            rows: Vec::new(),
            vacant: NOBODY,
            lines: [empty; LINES],
            deadlines: BTreeSet::new(),
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
    pub(crate) fn line(&self, line: Line) -> impl Iterator<Item = (Row, &Waiter)> {
        let mut at = self.lines[line as usize].first;
        std::iter::from_fn(move || {
            let row = at;
            let waiter = self.get(row)?;
            at = waiter.behind;
            Some((row, waiter))
        })
    }

    pub(crate) fn get(&self, row: Row) -> Option<&Waiter> {
        match self.rows.get(row as usize) {
            Some(Slot::Taken(waiter)) => Some(waiter),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, row: Row) -> Option<&mut Waiter> {
        match self.rows.get_mut(row as usize) {
            Some(Slot::Taken(waiter)) => Some(waiter),
            _ => None,
        }
    }

    /// Lets somebody join the end of a line.
    pub(crate) fn join(
        &mut self,
        line: Line,
        need: Need,
        since: Stamp,
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Row {
        let before = self.lines[line as usize].last;
        let standing = Standing::Waiting;
        let waker = Some(waker);
        let Stamp { since, weight } = since;
        let behind = NOBODY;
        let waiter =
            Waiter { need, line, standing, since, weight, deadline, waker, before, behind };
        let row = self.seat(waiter);
        match self.get_mut(before) {
            Some(before) => before.behind = row,
            None => self.lines[line as usize].first = row,
        }
        let chain = &mut self.lines[line as usize];
        chain.last = row;
        chain.len += 1;
        chain.count(&need, |wanted, need| wanted + need);
        self.waiting += 1;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, row));
        }
        row
    }

    /// Takes somebody out of the line, with an answer to be picked up, and gives back its waker.
    pub(crate) fn answer(&mut self, row: Row, standing: Standing) -> Option<Waker> {
        let waiter = self.get_mut(row)?;
        debug_assert_eq!(waiter.standing, Standing::Waiting, "answered twice");
        waiter.standing = standing;
        let waker = waiter.waker.take();
        let (need, line, deadline) = (waiter.need, waiter.line, waiter.deadline);
        let (before, behind) = (waiter.before, waiter.behind);
        match self.get_mut(before) {
            Some(before) => before.behind = behind,
            None => self.lines[line as usize].first = behind,
        }
        match self.get_mut(behind) {
            Some(behind) => behind.before = before,
            None => self.lines[line as usize].last = before,
        }
        let chain = &mut self.lines[line as usize];
        chain.len -= 1;
        chain.count(&need, |wanted, need| wanted - need);
        self.waiting -= 1;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, row));
        }
        waker
    }

    /// Clears the row of somebody who has been answered.
    pub(crate) fn leave(&mut self, row: Row) {
        if let Some(slot @ Slot::Taken(_)) = self.rows.get_mut(row as usize) {
            *slot = Slot::Vacant { next: self.vacant };
            self.vacant = row;
        }
    }

    /// The earliest deadline, and whose it is.
    pub(crate) fn earliest_deadline(&self) -> Option<(Instant, Row)> {
        self.deadlines.first().copied()
    }

    /// Puts a waiter on a vacant row, or a new one.
    fn seat(&mut self, waiter: Waiter) -> Row {
        let row = self.vacant;
        match self.rows.get_mut(row as usize) {
            Some(slot @ Slot::Vacant { .. }) => {
                if let Slot::Vacant { next } = slot {
                    self.vacant = *next;
                }
                *slot = Slot::Taken(waiter);
                row
            }
            _ => {
                self.rows.push(Slot::Taken(waiter));
                // The gate admits fewer waiters than there are numbers.
                Row::try_from(self.rows.len() - 1).unwrap_or(NOBODY)
            }
        }
    }
}

/// No row: the end of a chain.
const NOBODY: Row = Row::MAX;
