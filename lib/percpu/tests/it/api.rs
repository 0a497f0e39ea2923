//! The surface as a user sees it: masks, errors, what threads may do with the types.

use std::error::Error as _;

use heliostat_percpu::rseq::{self, Mode};
use heliostat_percpu::{
    Counter, CounterVec, CpuId, CpuSet, FreeList, Item, PerCpu, Pool, Query, Words, affinity,
};

use crate::alone;
use crate::outside::cpus;

#[test]
fn shared_things_are_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Counter>();
    shared::<CounterVec>();
    shared::<PerCpu<u8>>();
    shared::<FreeList<std::cell::Cell<u8>>>();
    shared::<Pool<std::cell::Cell<u8>>>();
    shared::<Words>();
    shared::<affinity::Watch>();
    shared::<heliostat_percpu::Error>();
    fn sent<T: Send>() {}
    sent::<Item<std::cell::Cell<u8>>>();
}

#[test]
fn masks_are_set_and_reset() {
    let Ok(allowed) = affinity::allowed() else { return };
    std::thread::spawn(move || {
        let first = CpuSet::only(allowed.first().unwrap());
        affinity::set(&first).unwrap();
        assert_eq!(affinity::current().unwrap(), first);
        assert_eq!(rseq::cpu(), allowed.first().unwrap());
        assert_eq!(affinity::allowed().unwrap(), allowed, "asked from a pinned thread");
        // CPUs that are not there are left out, as the kernel does.
        let wider = &first | &cpus("60000");
        affinity::set(&wider).unwrap();
        assert_eq!(affinity::current().unwrap(), first);
        affinity::reset().unwrap();
        assert_eq!(affinity::current().unwrap(), allowed);
    })
    .join()
    .unwrap();
}

#[test]
fn bad_masks_are_typed_errors() {
    assert!(affinity::set(&CpuSet::new()).unwrap_err().is_empty_set());
    let nowhere = affinity::set(&cpus("60000")).unwrap_err();
    assert!(nowhere.is_not_allowed() && !nowhere.is_denied());
    let past = CpuId::try_from(70_000usize).unwrap_err();
    assert!(past.is_out_of_range() && past.source().is_none());
    assert!("x".parse::<CpuId>().unwrap_err().is_syntax());
}

#[test]
fn where_a_thread_is_makes_sense() {
    let query = Query::new();
    assert!(rseq::cpu().index() < query.possible as usize);
    assert!(rseq::cid().index() < query.possible as usize);
    assert!(rseq::node() < 1024);
    assert!(query.to_string().contains("possible CPUs"));
    if let (Some(allowed), Some(current)) = (query.allowed, query.current) {
        assert!(current.is_subset(&allowed));
    }
}

#[test]
fn the_tunable_turns_sequences_off() {
    let text = alone::run("api::say_mode", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
    if cfg!(target_env = "gnu") {
        assert!(text.contains("atomic operations"), "{text}");
    }
}

#[test]
#[ignore = "run in a process of its own"]
#[expect(clippy::print_stdout, reason = "the other end reads it")]
fn say_mode() {
    println!("{}", rseq::mode());
    let again = rseq::mode();
    assert_eq!(again, rseq::mode());
    assert_eq!(again.is_restartable(), !matches!(again, Mode::Twin(_)));
}
