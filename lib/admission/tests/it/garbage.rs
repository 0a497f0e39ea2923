//! Every parser against bytes that no kernel writes.

use heliostat_admission::parse;
use proptest::prelude::*;

/// Bytes that are close to what the files hold, and bytes that are not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let near = "[0-9a-z:/,=\\. \\\\\n-]{0,60}".prop_map(String::into_bytes);
    prop_oneof![near, prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_parser_minds(a in bytes(), b in bytes()) {
        let _ = parse::memberships(&a);
        let _ = parse::mounts(&a);
        let _ = parse::cpus(&a).map(|cpus| cpus.and(&cpus).count());
        let _ = parse::cpu_max(&a);
        let _ = parse::cfs_quota(&a, &b);
        let _ = parse::limit(&a);
        let _ = parse::number(&a);
        let _ = parse::keyed(&a, "total_inactive_file");
        let _ = parse::kib(&a, "MemTotal");
        let _ = parse::allowed(&a);
        let _ = parse::stall(&a);
    }

    #[test]
    fn lists_of_cpus_come_back(cpus in prop::collection::btree_set(0_u32..300, 0..40)) {
        let text = cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        prop_assert_eq!(parse::cpus(text.as_bytes()).unwrap(), parse::Cpus::of(cpus));
    }

    #[test]
    fn quotas_never_round_up(quota in any::<u64>(), period in 1_u64..) {
        let text = format!("{quota} {period}\n");
        let milli = parse::cpu_max(text.as_bytes()).unwrap().unwrap();
        let exact = u128::from(quota) * 1000 / u128::from(period);
        prop_assert_eq!(u128::from(milli.get()), exact.min(u64::MAX.into()));
    }
}
