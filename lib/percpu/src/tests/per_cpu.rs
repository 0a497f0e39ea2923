//! A value per slot, made once and dropped once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::ByCpu;

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn made_and_dropped<I: Index>() {
    let alive = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&alive);
    let values = PerCpu::<_, I>::with_index(move |_| {
        theirs.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&theirs))
    });
    assert_eq!(values.iter().count(), 0);
    let rounds = if cfg!(miri) { 10 } else { 1000 };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    assert!(values.here().0.load(Ordering::Relaxed) >= 1);
                }
            });
        }
    });
    let used = values.iter().count();
    assert!(used >= 1 && used <= os::possible() as usize);
    assert_eq!(alive.load(Ordering::Relaxed), used);
    assert!(values.iter().all(|(slot, value)| std::ptr::eq(values.at(slot).unwrap(), value)));
    drop(values);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn values_are_made_when_used_and_dropped_once() {
    made_and_dropped::<ByCid>();
    made_and_dropped::<ByCpu>();
}

#[test]
fn values_can_be_shown() {
    let values = PerCpu::new(|_| 7);
    assert_eq!(*values.here(), 7);
    assert!(format!("{values:?}").ends_with(": 7}"));
    assert!(values.at(Slot::new(u32::MAX)).is_none());
}
