//! One suite for every implementation of sections: the machine's and the twin's give the same answers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::list::Head;
use crate::sys::area;
use crate::sys::os;
use crate::sys::twin::{self, Twin};

/// Words that only one implementation ever touches.
struct Table {
    rows: Vec<AtomicU64>,
}

impl Table {
    fn new() -> Self {
        Self { rows: (0..os::possible()).map(|_| AtomicU64::new(0)).collect() }
    }

    fn place(&self, open: u32) -> Place {
        Place {
            base: self.rows.as_ptr().cast::<u8>().cast_mut(),
            stride: 8,
            open,
            field: area::Field::CPU,
        }
    }

    fn sum(&self) -> u64 {
        self.rows.iter().map(|word| word.load(Ordering::Relaxed)).sum()
    }
}

fn suite<S: Section>(row: impl Fn() -> u32 + Sync) {
    additions::<S>();
    compares::<S>(&row);
    compares_of_threads::<S>(&row);
}

fn additions<S: Section>() {
    let table = Table::new();
    // SAFETY: no row is open, so nothing is touched.
    assert!(!unsafe { S::add(table.place(0), 1) });
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let done: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    area::enroll();
                    // SAFETY: the table has a row for every possible CPU.
                    (0..rounds)
                        .filter(|_| unsafe { S::add(table.place(os::possible()), 3) })
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap() as u64).sum()
    });
    assert_eq!(table.sum(), 3 * done);
    assert!(done > 0);
}

fn compares<S: Section>(row: &impl Fn() -> u32) {
    let words = [AtomicU64::new(1), AtomicU64::new(2)];
    let expect = |at: usize, value| Expect { word: words[at].as_ptr(), value };
    let attempt = |first, second, new| {
        for _ in 0..1_000_000 {
            // SAFETY: the words are alive.
            match unsafe { S::compare_store(row(), area::Field::CPU, first, second, new) } {
                Step::Elsewhere => {}
                step => return step,
            }
        }
        Step::Elsewhere
    };
    assert_eq!(attempt(expect(0, 9), None, 5), Step::Differs);
    assert_eq!(attempt(expect(0, 1), Some(expect(1, 9)), 5), Step::Differs);
    assert_eq!(words[0].load(Ordering::Relaxed), 1);
    assert_eq!(attempt(expect(0, 1), Some(expect(1, 2)), 5), Step::Done);
    assert_eq!(attempt(expect(0, 5), None, 6), Step::Done);
    assert_eq!(words[0].load(Ordering::Relaxed), 6);
    // SAFETY: as above.
    let nowhere =
        unsafe { S::compare_store(u32::MAX - 1, area::Field::CPU, expect(0, 6), None, 7) };
    assert_eq!(nowhere, Step::Elsewhere);
}

fn compares_of_threads<S: Section>(row: &(impl Fn() -> u32 + Sync)) {
    let table = Table::new();
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let done: u64 = std::thread::scope(|scope| {
        let one = || {
            area::enroll();
            let mut done = 0;
            for _ in 0..rounds {
                let row = row();
                let word = &table.rows[row as usize];
                let value = word.load(Ordering::Acquire);
                let first = Expect { word: word.as_ptr(), value };
                // SAFETY: the word is alive.
                let step =
                    unsafe { S::compare_store(row, area::Field::CPU, first, None, value + 1) };
                done += u64::from(step == Step::Done);
            }
            done
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(table.sum(), done);
}

#[test]
fn the_twin() {
    suite::<Twin>(|| twin::row(area::Field::CPU) % os::possible());
}

#[test]
fn the_machine() {
    if area::mode().is_restartable() && area::enroll() {
        suite::<Native>(|| area::row(area::Field::CPU).unwrap_or(0));
    }
}

#[test]
fn the_twin_pushes_and_pops() {
    let heads: Vec<Head> = (0..os::possible()).map(|_| Head::new()).collect();
    let place = Place {
        base: heads.as_ptr().cast::<u8>().cast_mut(),
        stride: size_of::<Head>(),
        open: os::possible(),
        field: area::Field::CID,
    };
    let mut links = [Link::new(), Link::new()];
    // SAFETY: the heads are alive.
    assert_eq!(unsafe { Twin::pop(place) }, Popped::Empty);
    for link in &mut links {
        // SAFETY: the heads and links are alive until the end of the test.
        assert_eq!(unsafe { Twin::push(place, link) }, Step::Done);
    }
    for _ in 0..2 {
        // SAFETY: as above.
        assert!(matches!(unsafe { Twin::pop(place) }, Popped::Link(_)));
    }
    // SAFETY: as above.
    assert_eq!(unsafe { Twin::pop(place) }, Popped::Empty);
    let closed = Place { open: 0, ..place };
    // SAFETY: no row is open, so nothing is touched.
    assert_eq!(unsafe { Twin::pop(closed) }, Popped::Elsewhere);
}

/// Holds sections at each of their steps while timers and other threads interrupt them.
///
/// Run by `RUSTFLAGS="--cfg percpu_delay" cargo test -p heliostat-percpu`.
#[cfg(percpu_delay)]
#[test]
fn a_section_that_is_held_at_any_step_commits_once_or_not_at_all() {
    use crate::sys::native::heliostat_percpu_delays as delays;
    use crate::{Counter, FreeList, Item};

    let rounds = 200;
    for step in 0..delays.len() {
        for turns in [1, 100, 200_000] {
            delays[step].store(turns, Ordering::Relaxed);
            let counter: Counter = Counter::new();
            let list: FreeList<usize> = FreeList::new();
            (0..8).for_each(|n| list.push(Item::new(n)));
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        for _ in 0..rounds / (turns / 2000 + 1) + 3 {
                            counter.increment();
                            let item = list.pop();
                            std::thread::yield_now();
                            item.into_iter().for_each(|item| list.push(item));
                        }
                    });
                }
            });
            delays[step].store(0, Ordering::Relaxed);
            assert_eq!(counter.sum(), 6 * (rounds / (turns / 2000 + 1) + 3), "step {step}");
            let mut left: Vec<usize> = list.drain().unwrap().map(Item::into_inner).collect();
            left.sort_unstable();
            assert_eq!(left, (0..8).collect::<Vec<_>>(), "step {step}");
        }
    }
}
