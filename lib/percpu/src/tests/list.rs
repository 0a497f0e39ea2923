//! Lists keep every item, whoever pushes, pops and drains.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::ByCpu;

const ROUNDS: usize = if cfg!(miri) { 30 } else { 50_000 };

fn numbers<I: Index>(list: &FreeList<usize, I>) -> Vec<usize> {
    let mut all: Vec<usize> = list.drain().unwrap().map(Item::into_inner).collect();
    all.sort_unstable();
    all
}

#[test]
fn last_in_is_first_out() {
    let list: FreeList<u32, ByCpu> = FreeList::default();
    assert!(list.pop().is_none());
    // One CPU, so that all of it happens on one slot.
    let pin = crate::affinity::current().ok().and_then(|set| set.first()).map(pin::pin_on_cpu);
    (0..5).for_each(|n| list.push(Item::new(n)));
    if pin.is_some_and(|pin| pin.is_ok_and(|pin| pin.unpin().is_ok())) {
        let out: Vec<u32> = std::iter::from_fn(|| list.pop()).map(|item| *item).collect();
        assert_eq!(out.len() + list.drain().unwrap().count(), 5);
        assert!(out.is_sorted_by(|a, b| a > b));
    }
}

#[test]
fn items_are_boxes() {
    let mut item = Item::new(String::from("a"));
    item.push('b');
    assert_eq!(format!("{item:?}"), "Item(\"ab\")");
    assert_eq!(item.into_inner(), "ab");
}

fn conserved<I: Index>() {
    let list: FreeList<usize, I> = FreeList::with_index();
    (0..64).for_each(|n| list.push(Item::new(n)));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut held = Vec::new();
                for round in 0..ROUNDS {
                    held.extend(list.pop());
                    if round % 3 == 0 {
                        held.drain(..).for_each(|item| list.push(item));
                    }
                }
                held.drain(..).for_each(|item| list.push(item));
            });
        }
    });
    assert_eq!(numbers(&list), (0..64).collect::<Vec<_>>());
}

#[test]
fn threads_lose_nothing() {
    conserved::<ByCid>();
    conserved::<ByCpu>();
}

#[test]
fn drains_and_threads_lose_nothing() {
    let list: FreeList<usize> = FreeList::new();
    (0..64).for_each(|n| list.push(Item::new(n)));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Some(item) = list.pop() {
                        list.push(item);
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS / 500 + 1 {
                    let drained: Vec<_> = list.drain().unwrap().collect();
                    drained.into_iter().for_each(|item| list.push(item));
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(numbers(&list), (0..64).collect::<Vec<_>>());
}

#[test]
fn what_stays_in_a_list_is_dropped_with_it() {
    let value = std::sync::Arc::new(());
    let list = FreeList::<_>::new();
    (0..10).for_each(|_| list.push(Item::new(std::sync::Arc::clone(&value))));
    drop(list.pop());
    drop(list.drain().map(|mut drain| drain.next()));
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
    list.push(Item::new(std::sync::Arc::clone(&value)));
    drop(list);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

/// The way of kernels that cannot fence: go there and take it.
#[test]
fn a_list_is_drained_by_visiting() {
    if !rseq::mode().is_restartable() || crate::affinity::allowed().is_err() {
        return;
    }
    let list: FreeList<usize, ByCpu> = FreeList::with_index();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..100).for_each(|n| list.push(Item::new(n))));
        }
    });
    let mut drain = Drain { chains: Vec::new(), owns: PhantomData };
    list.drain_visited(&mut drain);
    assert_eq!(drain.count() + list.drain().unwrap().count(), 800);
}
