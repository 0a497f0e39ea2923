//! Rows: their layout, and the atomic lane when there is no row.

use super::*;
use crate::{ByCid, ByCpu};

#[test]
fn strides_keep_rows_apart() {
    assert_eq!(stride(0), 128);
    assert_eq!(stride(1), 128);
    assert_eq!(stride(16), 128);
    assert_eq!(stride(17), 256);
    assert_eq!(stride(256), 2048);
    assert_eq!(stride(257), 4096);
    assert_eq!(stride(80_000), 643_072);
}

#[test]
#[should_panic(expected = "capacity overflow")]
fn too_many_words_panic() {
    drop(Rows::<ByCid>::new(usize::MAX / 4));
}

/// A place without address space: no row at all, and every addition goes to the atomic lane.
#[test]
fn without_rows_the_atomic_lane_commits() {
    let rows = Rows::<ByCpu>::new(2);
    let memory = Memory::heap(stride(2), 0);
    assert!(rows.memory.set(memory).is_ok());
    (0..10).for_each(|n| rows.add(1, n));
    assert_eq!((rows.open(), rows.sum(1), rows.sum(0)), (0, 45, 0));
    assert!(rows.here().is_none());
}

#[test]
fn the_atomic_lane_is_part_of_the_sum() {
    let rows = Rows::<ByCid>::new(1);
    rows.add(0, 1);
    rows.extra(REMOTE, 0).fetch_add(2, Ordering::Relaxed);
    assert_eq!(rows.sum(0), 3);
}
