//! Numbers and limits of control groups, in every file that has some.

use heliostat_admission::{Bytes, MilliCpu, parse};

/// What is read is what the digits say, rounded down, and what is none is refused.
pub(super) fn target(data: &[u8]) {
    let number = parse::number(data);
    if let Ok(number) = number {
        assert_eq!(parse::number(number.to_string().as_bytes()), Ok(number));
        let limit = (number < 1 << 62).then_some(Bytes::new(number));
        assert_eq!(parse::limit(data), Ok(limit));
        let text = format!("key {number}\n");
        assert_eq!(parse::keyed(text.as_bytes(), "key"), Ok(number));
    } else if data.trim_ascii() != b"max" {
        assert!(parse::limit(data).is_err());
    }
    quota(data);
    let _ = parse::keyed(data, "total_inactive_file");
    let _ = parse::keyed(data, "hierarchical_memory_limit");
    if let Ok(total) = parse::kib(data, "MemTotal") {
        assert_eq!(total.get() % 1024, 0);
    }
    if let Ok(stall) = parse::stall(data) {
        let (whole, rest) = (stall.avg10 / 100, stall.avg10 % 100);
        let text = format!("some avg10={whole}.{rest:02} total={}", stall.total_us);
        assert_eq!(parse::stall(text.as_bytes()), Ok(stall));
    }
}

/// Both versions read the same quota and period alike, and never as more than they are.
fn quota(data: &[u8]) {
    let Some(at) = data.iter().position(|&byte| byte == b' ') else { return };
    let (quota, period) = data.split_at(at);
    let (Ok(quota), Ok(period)) = (parse::number(quota), parse::number(period)) else {
        let _ = parse::cpu_max(data);
        let _ = parse::cfs_quota(quota, period);
        return;
    };
    let unified = parse::cpu_max(format!("{quota} {period}").as_bytes());
    let older = parse::cfs_quota(quota.to_string().as_bytes(), period.to_string().as_bytes());
    assert_eq!(unified, older);
    assert_eq!(unified.is_ok(), period > 0);
    let Ok(Some(cpu)) = unified else { return };
    let exact = u128::from(quota) * 1000;
    assert!(u128::from(cpu.get()) * u128::from(period) <= exact);
    let next = u128::from(cpu.get()) + 1;
    assert!(cpu == MilliCpu::new(u64::MAX) || next * u128::from(period) > exact);
}
