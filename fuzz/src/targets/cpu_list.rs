//! A list of CPUs of any bytes, as the kernel and people write them.

use heliostat_percpu::CpuSet;

/// A list reads as a set that prints as a list of the same set, or says what is wrong with it; sets
/// that were read obey the laws of sets.
pub(super) fn target(data: &[u8]) {
    let (left, right) = data.split_at(data.iter().position(|&byte| byte == b'|').unwrap_or(0));
    let sets = [left, right.strip_prefix(b"|").unwrap_or(right)].map(read);
    let [Some(a), Some(b)] = sets else { return };
    let (both, either, only) = (&a & &b, &a | &b, &a - &b);
    assert_eq!(both.len() + either.len(), a.len() + b.len());
    assert_eq!(&only | &both, a);
    assert_eq!(&only ^ &either, b);
    assert!(both.is_subset(&a) && a.is_subset(&either) && only.is_disjoint(&b));
    assert_eq!(either.iter().count(), either.len());
    assert!(either.iter().is_sorted());
}

fn read(list: &[u8]) -> Option<CpuSet> {
    match CpuSet::from_list(list) {
        Ok(set) => {
            let printed = set.to_string();
            assert_eq!(
                CpuSet::from_list(printed.as_bytes()).ok().as_ref(),
                Some(&set),
                "{printed}"
            );
            Some(set)
        }
        Err(error) => {
            assert!(error.is_syntax() || error.is_out_of_range(), "{error}");
            None
        }
    }
}
