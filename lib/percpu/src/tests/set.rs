//! CPU sets against an ordered set of numbers, and the list format against any bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn set(numbers: &BTreeSet<u32>) -> CpuSet {
    numbers.iter().map(|n| CpuId::new(*n).unwrap()).collect()
}

fn numbers(set: &CpuSet) -> BTreeSet<u32> {
    set.iter().map(u32::from).collect()
}

fn any_numbers() -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::btree_set(prop_oneof![4 => 0u32..200, 1 => 0..=CpuId::MAX], 0..40)
}

fn config() -> ProptestConfig {
    let cases = if cfg!(miri) { 4 } else { 256 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn algebra_is_that_of_sets(a in any_numbers(), b in any_numbers()) {
        let (x, y) = (set(&a), set(&b));
        prop_assert_eq!(numbers(&(&x | &y)), &a | &b);
        prop_assert_eq!(numbers(&(&x & &y)), &a & &b);
        prop_assert_eq!(numbers(&(&x ^ &y)), &a ^ &b);
        prop_assert_eq!(numbers(&(&x - &y)), &a - &b);
        prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
        prop_assert_eq!(x.is_disjoint(&y), a.is_disjoint(&b));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x.len(), a.len());
        prop_assert_eq!(x.first().map(u32::from), a.first().copied());
        prop_assert_eq!(x.last().map(u32::from), a.last().copied());
    }

    #[test]
    fn insert_and_remove_are_those_of_sets(
        steps in prop::collection::vec((any::<bool>(), 0u32..150), 0..80)
    ) {
        let (mut model, mut set) = (BTreeSet::new(), CpuSet::new());
        for (insert, number) in steps {
            let cpu = CpuId::new(number).unwrap();
            if insert {
                prop_assert_eq!(set.insert(cpu), model.insert(number));
            } else {
                prop_assert_eq!(set.remove(cpu), model.remove(&number));
            }
            prop_assert_eq!(numbers(&set), model.clone());
            prop_assert_eq!(set.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn lists_go_both_ways(a in any_numbers()) {
        let set = set(&a);
        prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set);
    }

    #[test]
    fn any_bytes_are_a_list_or_a_typed_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        check_bytes(&bytes)?;
    }

    #[test]
    fn list_like_bytes_are_a_list_or_a_typed_error(text in "[0-9,:/ \n-]{0,24}") {
        check_bytes(text.as_bytes())?;
    }
}

fn check_bytes(bytes: &[u8]) -> Result<(), TestCaseError> {
    match CpuSet::from_list(bytes) {
        Ok(set) => prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set),
        Err(error) => prop_assert!(error.is_syntax() || error.is_out_of_range()),
    }
    Ok(())
}

fn check(list: &str, expected: &str) {
    let seen = match list.parse::<CpuSet>() {
        Ok(set) => set.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(seen, expected, "list {list:?}");
}

#[test]
fn lists_are_the_kernels() {
    check("", "");
    check("\n", "");
    check("0-3,8\n", "0-3,8");
    check("8,0-3,2", "0-3,8");
    check(" 1 , 2 ,,3 ", "1-3");
    check("0-15:2/4", "0-1,4-5,8-9,12-13");
    check("5-5", "5");
    check("007", "7");
    check("65535", "65535");
}

#[test]
fn bad_lists_are_told_where() {
    check("x", "CPU list is malformed at byte 0");
    check("3-1", "CPU list is malformed at byte 2");
    check("1-", "CPU list is malformed at byte 2");
    check("1-2-3", "CPU list is malformed at byte 3");
    check("0-3:2", "CPU list is malformed at byte 5");
    check("0-3:0/2", "CPU list is malformed at byte 4");
    check("0-3:3/2", "CPU list is malformed at byte 4");
    check("-1", "CPU list is malformed at byte 0");
    check("65536", "CPU number is larger than 65535");
    check("99999999999999999999", "CPU number is larger than 65535");
}

#[test]
fn mask_words_beyond_the_largest_cpu_are_left_out() {
    let set = CpuSet::from_words(&[u64::MAX; 2000]);
    assert_eq!(set.last(), CpuId::new(CpuId::MAX).ok());
    assert_eq!(CpuSet::from_words(&[1, 0, 0]), CpuSet::only(CpuId::new(0).unwrap()));
}
