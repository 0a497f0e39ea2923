//! One event for each poisoning, with everything that the error says.

use std::fmt;
use std::sync::{Arc, Mutex};

use heliostat_poison::{Error, Poison};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::drive::Clock;

/// Keeps events as text.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

#[test]
fn poisonings() {
    let events = Events::default();
    tracing::subscriber::with_default(events.clone(), || {
        let clock = Clock::default();
        let mut poison = Poison::with_witness("index", 0, clock.clone());
        poison.change(|_| Ok::<_, Error>(())).unwrap();
        poison.check_and_arm().unwrap().fail("short write");
        poison.check_and_arm().unwrap_err();
        poison.recover(|_, _| ());
        std::mem::forget(poison.check_and_arm());
        poison.check_and_arm().unwrap_err();
    });
    let mut events = events.0.lock().unwrap();
    let here = events[0].find("location=").unwrap()..events[0].find(" note=").unwrap();
    events[0].replace_range(here, "location=HERE");
    assert_eq!(
        *events,
        [
            "WARN message=poisoned what=\"index\" cause=\"failed\" at=1970-01-01T00:00:00.000Z \
             location=HERE note=\"short write\"",
            "WARN message=poisoned what=\"index\" cause=\"leaked\" at=1970-01-01T00:00:00.000Z",
        ]
    );
}
