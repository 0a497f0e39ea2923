//! A read-only look at the kernel's fields.

use super::*;
use crate::{Counter, FreeList, Item, Words};

/// After every kind of operation the kernel's words are what the kernel says, and the words it does
/// not use are as they were. That nothing **can** write them is the type's doing: `KernelWord` reads.
#[test]
fn the_kernels_words_are_the_kernels() {
    if !enroll() {
        return;
    }
    let before = (here().flags.read(), here().rest.read());
    let (counter, list, words) =
        (Counter::<crate::ByCid>::new(), FreeList::<u8>::new(), Words::<crate::ByCid>::new(1));
    for n in 0..10_000u64 {
        counter.add(n);
        list.push(Item::new(0));
        drop(list.pop());
        if let Some(slot) = words.here() {
            let _any = words.compare_store(slot, (0, 0), 0);
        }
        assert_eq!((here().flags.read(), here().rest.read()), before);
        assert!(here().cpu_id_start.read() < os::possible());
        assert!(here().cpu_id.read() < os::possible());
        assert!(here().mm_cid.read() < os::possible());
    }
    // The two words differ only while the kernel is between writing them, which nobody sees.
    let same = (0..1000).any(|_| here().cpu_id_start.read() == here().cpu_id.read());
    assert!(same);
}

#[test]
fn threads_come_and_go() {
    let restartable = mode().is_restartable();
    for _ in 0..20 {
        let enrolled = std::thread::spawn(enroll).join().unwrap();
        assert_eq!(enrolled, restartable);
    }
}

#[test]
fn a_parked_thread_is_on_no_row() {
    let parked = std::thread::spawn(|| (row(Field::CPU), row(Field::CID))).join().unwrap();
    assert_eq!(parked, (None, None));
}
