//! Lists of CPUs.

use heliostat_admission::parse::{self, Cpus};
use heliostat_percpu::CpuSet;

/// It is refused, or it is the set that `percpu` reads, and meets itself and nothing as sets do.
pub(super) fn target(data: &[u8]) {
    let Ok(cpus) = parse::cpus(data) else { return };
    assert!(cpus.count() <= parse::CPU_MAX + 1);
    assert_eq!(cpus.and(&cpus), cpus);
    assert_eq!(cpus.and(&Cpus::default()).count(), 0);
    let line = [b"Name:\tx\nCpus_allowed_list:\t", data.trim_ascii(), b"\n"].concat();
    if !data.trim_ascii().contains(&b'\n') {
        assert_eq!(parse::allowed(&line).as_ref(), Ok(&cpus));
    }
    // They differ in where they put up with blanks; what both understand is the same.
    if let Ok(set) = CpuSet::from_list(data) {
        let theirs = Cpus::of(set.iter().map(u32::from));
        assert_eq!((cpus.count(), cpus.and(&theirs)), (theirs.count(), theirs));
    }
}
