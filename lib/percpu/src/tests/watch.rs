//! The watch sees what happens to its thread, and ends when nobody watches.

use super::*;
use crate::CpuId;

#[test]
fn a_watch_knows_from_the_start_and_hears_nothing_new() {
    let Ok(mut watch) = Watch::start() else { return };
    assert_eq!(watch.allowed(), affinity::allowed().unwrap());
    assert_eq!(watch.changed(), None);
    assert_eq!(watch.clone().wait(Duration::from_millis(1)), None);
}

#[test]
fn a_watch_within_a_mask_keeps_to_it() {
    let Ok(Some(first)) = affinity::current().map(|set| set.first()) else { return };
    let only = CpuSet::only(first);
    affinity::set(&only).unwrap();
    assert_eq!(Watch::start_within_mask().unwrap().allowed(), only);
    affinity::reset().unwrap();
}

#[test]
fn a_watch_that_cannot_begin_says_so() {
    let refuse = || affinity::set(&CpuSet::only(CpuId::new(CpuId::MAX)?));
    let error = Watch::start_with(Duration::from_secs(1), refuse).unwrap_err();
    assert!(error.is_not_allowed() || error.is_unsupported());
}
