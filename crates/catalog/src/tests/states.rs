//! States against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::states::{MirrorState, States, StatesBuilder};

proptest! {
    /// What was pushed is there, in the one form that it has.
    #[test]
    fn states_are_what_was_pushed(
        pushed in prop::collection::btree_map(0..300_i64, 0..5_u8, 0..200),
    ) {
        use MirrorState::{Behind, Current, Missing, Reserved, Unknown};
        let state = |n: u8| [Unknown, Current, Behind, Missing, Reserved][usize::from(n)];
        let pushed: BTreeMap<i64, MirrorState> =
            pushed.into_iter().map(|(at, n)| (at, state(n))).collect();
        let mut builder = StatesBuilder::default();
        pushed.iter().for_each(|(&at, &state)| builder.push(at, state));
        let states = builder.finish();
        for at in -1..310 {
            prop_assert_eq!(states.state(at), pushed.get(&at).copied().unwrap_or(Unknown));
        }
        prop_assert_eq!(&States::from_bytes(states.bytes()).unwrap(), &states);
        let counted: i64 = states.counts().iter().sum();
        prop_assert_eq!(counted, pushed.values().filter(|&&s| s != Unknown).count() as i64);
    }

    /// Whatever bytes are stored, reading them ends, and only the canonical ones are accepted.
    #[test]
    fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(states) = States::from_bytes(&bytes) {
            let mut builder = StatesBuilder::default();
            states.runs().for_each(|run| builder.push_run(run));
            let again = builder.finish();
            prop_assert_eq!(again.bytes(), bytes);
        }
    }
}

#[test]
fn what_comes_out_of_order_is_passed_over() {
    let mut builder = StatesBuilder::default();
    for at in [5, 3, 5, 6] {
        builder.push(at, MirrorState::Current);
    }
    assert_eq!(builder.finish().counts(), [2, 0, 0, 0]);
}

#[test]
fn millions_of_states_are_small() {
    let mut builder = StatesBuilder::default();
    for at in 0..30_000 {
        let state = if at % 100 == 0 { MirrorState::Behind } else { MirrorState::Current };
        builder.push(at, state);
    }
    assert!(builder.finish().bytes().len() < 1_000);
}
