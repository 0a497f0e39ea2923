//! States against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use heliostat_model::Scheme;

use crate::looks::{Family, Look, Looks, LooksBuilder};
use crate::states::{MirrorState, States, StatesBuilder};

fn looks(pushed: &BTreeMap<i64, Look>) -> Looks {
    let mut builder = LooksBuilder::default();
    pushed.iter().for_each(|(&at, &look)| builder.push(at, look));
    builder.finish()
}

fn some_look() -> impl Strategy<Value = Look> {
    let scheme =
        prop::sample::select(vec![Scheme::Https, Scheme::Http, Scheme::Ftp, Scheme::Rsync]);
    let family = prop::sample::select(vec![None, Some(Family::V4), Some(Family::V6)]);
    let times = prop_oneof![0..3_u64, Just(u64::MAX >> 1)];
    (times, scheme, family, prop_oneof![Just(0), Just(u32::MAX)])
        .prop_map(|(at_unix_s, scheme, family, behind)| Look { at_unix_s, scheme, family, behind })
}

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

    /// Looks are what was pushed, and newer ones win where they are.
    #[test]
    fn looks_are_what_was_pushed(
        old in prop::collection::btree_map(0..60_i64, some_look(), 0..50),
        new in prop::collection::btree_map(0..60_i64, some_look(), 0..50),
    ) {
        let (first, second) = (looks(&old), looks(&new));
        let both = first.renewed(&second);
        for at in -1..70 {
            prop_assert_eq!(first.look(at), old.get(&at).copied());
            prop_assert_eq!(both.look(at), new.get(&at).or(old.get(&at)).copied());
        }
        for looks in [&first, &both] {
            prop_assert_eq!(&Looks::from_bytes(looks.bytes()).unwrap(), looks);
        }
        let merged: BTreeMap<i64, Look> = old.into_iter().chain(new).collect();
        prop_assert_eq!(both, looks(&merged));
    }

    /// Newer states win where they are known.
    #[test]
    fn states_are_renewed(
        old in prop::collection::btree_map(0..60_i64, 0..5_u8, 0..50),
        new in prop::collection::btree_map(0..60_i64, 0..5_u8, 0..50),
    ) {
        use MirrorState::{Behind, Current, Missing, Reserved, Unknown};
        let state = |n: u8| [Unknown, Current, Behind, Missing, Reserved][usize::from(n)];
        let states = |pushed: &BTreeMap<i64, u8>| {
            let mut builder = StatesBuilder::default();
            pushed.iter().for_each(|(&at, &n)| builder.push(at, state(n)));
            builder.finish()
        };
        let both = states(&old).renewed(&states(&new));
        for at in -1..70 {
            let known = new.get(&at).filter(|&&n| n != 0).or(old.get(&at));
            prop_assert_eq!(both.state(at), known.map_or(Unknown, |&n| state(n)));
        }
        prop_assert_eq!(&States::from_bytes(both.bytes()).unwrap(), &both);
    }

    /// Whatever bytes are stored, reading them ends, and only the canonical ones are accepted.
    #[test]
    fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(states) = States::from_bytes(&bytes) {
            let mut builder = StatesBuilder::default();
            states.runs().for_each(|run| builder.push_run(run));
            let again = builder.finish();
            prop_assert_eq!(again.bytes(), &bytes);
        }
        if let Ok(looks) = Looks::from_bytes(&bytes) {
            let mut builder = LooksBuilder::default();
            looks.runs().for_each(|run| builder.push_run(run));
            let again = builder.finish();
            prop_assert_eq!(again.bytes(), &bytes);
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
