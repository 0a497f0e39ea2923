//! Pins as seen from inside; what others do to them is in `tests/it`.

use super::*;

fn somewhere() -> Option<CpuId> {
    affinity::allowed().ok()?;
    affinity::current().ok()?.first()
}

#[test]
fn a_pin_holds_and_leaves_nothing_behind() {
    let Some(cpu) = somewhere() else { return };
    let before = affinity::current().unwrap();
    let mut pin = pin_on_cpu(cpu).unwrap();
    assert_eq!(pin.cpu(), cpu);
    assert!(pin.is_on_target());
    assert_eq!(pin.check(), Ok(Standing::Pinned));
    assert_eq!(affinity::current().unwrap(), CpuSet::only(cpu));
    assert!(matches!(pin_on_cpu(cpu), Err(PinError::AlreadyPinned(other)) if other == cpu));
    pin.unpin().unwrap();
    assert_eq!(affinity::current().unwrap(), before);
    drop(pin_on_cpu(cpu).unwrap());
    assert_eq!(affinity::current().unwrap(), before);
}

#[test]
fn a_cpu_that_is_not_there_is_refused_at_once() {
    let Some(_) = somewhere() else { return };
    let nowhere = CpuId::new(CpuId::MAX).unwrap();
    let error = pin_on_cpu(nowhere).unwrap_err();
    assert!(matches!(error, PinError::NotAllowed { cpu, .. } if cpu == nowhere), "{error}");
    let retried = pin_on_cpu_with(nowhere, Policy::Retry(3)).unwrap_err();
    assert!(matches!(retried, PinError::NotAllowed { .. }));
    let mut fell_back = pin_on_cpu_with(nowhere, Policy::FallBack).unwrap();
    assert_eq!(fell_back.check(), Ok(Standing::FellBack));
    assert!(!fell_back.is_on_target());
    assert_eq!(fell_back.unpin(), Ok(()));
}

#[test]
fn a_mask_of_ones_own_comes_back() {
    let Some(cpu) = somewhere() else { return };
    affinity::set(&CpuSet::only(cpu)).unwrap();
    let pin = pin_on_cpu(cpu).unwrap();
    let allowed = affinity::allowed().unwrap();
    let mine = (allowed.len() > 1).then(|| Restore::Mask(CpuSet::only(cpu)));
    assert!(mine.is_none() || pin.hold.as_ref().map(|hold| hold.restore.clone()) == mine);
    pin.unpin().unwrap();
    assert_eq!(affinity::current().unwrap(), CpuSet::only(cpu));
    affinity::reset().unwrap();
    assert_eq!(affinity::current().unwrap(), affinity::allowed().unwrap());
}

/// The fence of kernels that have none.
#[test]
fn visits_go_where_they_may() {
    let Some(cpu) = somewhere() else { return };
    let before = affinity::current().unwrap();
    visit(Some(cpu)).unwrap();
    let all = visit(None);
    assert!(all.is_ok() || all.is_err_and(|error| error.is_not_allowed()));
    assert!(visit(CpuId::new(CpuId::MAX).ok()).unwrap_err().is_not_allowed());
    assert_eq!(affinity::current().unwrap(), before);
}
