//! Sizes, auto traits, and what is printed.

use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use heliostat_poison::{Cause, Error, Guard, Poison, Repair, System};

use crate::drive::{Clock, poll};

#[test]
fn a_poison_is_a_cache_line_and_the_data() {
    if cfg!(target_pointer_width = "64") {
        assert_eq!(size_of::<Poison<()>>(), 64);
        assert_eq!(size_of::<Poison<u64>>(), 72);
        assert_eq!(size_of::<Poison<[u64; 8]>>(), 128);
        assert_eq!(size_of::<Error>(), 64);
    }
}

#[test]
fn what_can_be_sent_can_be_sent() {
    fn sends<T: Send>() {}
    fn shares<T: Sync>() {}
    fn is_static<T: 'static>() {}
    fn unwinds<T: UnwindSafe>() {}
    fn unwinds_shared<T: RefUnwindSafe>() {}
    sends::<Poison<u32>>();
    shares::<Poison<u32>>();
    sends::<Guard<&mut Poison<u32>>>();
    shares::<Guard<&mut Poison<u32>>>();
    sends::<Repair<'_, u32>>();
    sends::<Error>();
    shares::<Error>();
    is_static::<Error>();
    unwinds::<Error>();
    unwinds::<Poison<&mut Rc<u32>>>();
    unwinds_shared::<Poison<u32>>();
}

#[test]
fn a_run_is_send_if_its_parts_are() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    // A witness that can be sent but not shared.
    let cell = std::cell::Cell::new(7);
    let mut poison = Poison::with_witness("n", 0, move || Duration::from_secs(cell.get()));
    {
        let mut run = pin!(is_send(poison.run(async |n| {
            *n += 1;
            std::future::pending::<Result<(), Error>>().await
        })));
        assert!(poll(run.as_mut()).is_pending());
    }
    assert_eq!(poison.error().unwrap().at(), Some(Duration::from_secs(7)));
}

#[test]
fn whole_data_is_printed_and_poisoned_data_is_not() {
    let clock = Clock::default();
    let mut poison = Poison::with_witness("secret", 42, clock.clone());
    assert_eq!(format!("{poison:?}"), r#"Poison { what: "secret", data: 42 }"#);
    let guard = poison.check_and_arm().unwrap();
    assert_eq!(format!("{guard:?}"), r#"Guard { what: "secret", data: 42, note: None, .. }"#);
    std::mem::forget(guard);
    let error = "Error { what: \"secret\", cause: Leaked, at: None, location: None, note: None }";
    assert_eq!(
        format!("{poison:?}"),
        format!(r#"Poison {{ what: "secret", error: {error}, .. }}"#)
    );
    let repair = poison.repair().unwrap();
    let error = error.replace("at: None", "at: Some(1970-01-01T00:00:00.000Z)");
    assert_eq!(format!("{repair:?}"), format!("Repair {{ data: 42, error: {error}, .. }}"));
}

/// What is said of each cause, with the line left out.
#[test]
fn messages() {
    let clock = Clock::default();
    clock.set(1_000_000_000);
    let poison = || Poison::with_witness("index", 0, clock.clone());
    let message = |poison: &Poison<i32, _>| {
        let error = poison.error().unwrap();
        let text = error.to_string();
        match error.location() {
            Some(location) => text.replace(&location.to_string(), "HERE"),
            None => text,
        }
    };

    let mut abandoned = poison();
    drop(abandoned.check_and_arm());
    assert_eq!(
        message(&abandoned),
        "index: poisoned: the scope entered at HERE was abandoned at 2001-09-09T01:46:40.000Z"
    );
    let mut failed = poison();
    failed.check_and_arm().unwrap().fail("short write");
    assert_eq!(
        message(&failed),
        "index: poisoned: the scope entered at HERE failed at 2001-09-09T01:46:40.000Z: short write"
    );
    let mut leaked = poison();
    std::mem::forget(leaked.check_and_arm());
    assert_eq!(message(&leaked), "index: poisoned: a scope was leaked");
    leaked.check_and_arm().unwrap_err();
    assert_eq!(
        message(&leaked),
        "index: poisoned: a scope was leaked, as noticed at 2001-09-09T01:46:40.000Z"
    );
}

#[test]
fn causes_have_names() {
    for cause in Cause::ALL {
        assert_eq!(format!("{cause}"), cause.as_str());
        assert_eq!(format!("{cause:?}").to_lowercase(), cause.as_str());
    }
    assert_eq!(format!("{:>7}", Cause::Failed), " failed");
}

#[test]
fn exactly_one_predicate_holds() {
    let mut poison = Poison::new("n", 0);
    std::mem::forget(poison.check_and_arm());
    let error = poison.data().unwrap_err();
    let held = [
        error.is_cancelled(),
        error.is_panicked(),
        error.is_failed(),
        error.is_abandoned(),
        error.is_leaked(),
    ];
    assert_eq!(held, [false, false, false, false, true]);
    let System = poison.witness();
}
