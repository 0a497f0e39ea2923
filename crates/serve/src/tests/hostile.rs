//! Bytes that nobody would send.

use proptest::prelude::*;

use super::small::{SWEDE, snapshot, world};
use crate::ask::{Ask, Form, TrustedProxies};
use crate::{Outcome, Scratch, answer};

proptest! {
    /// Whatever the query, there is an answer, its lines are lines, and it is always the same.
    #[test]
    fn any_query_has_an_answer(
        query in prop::collection::vec(query_byte(), 0..200),
        metalink: bool,
        seed: u64,
    ) {
        let snapshot = snapshot(&world());
        let form = if metalink { Form::Metalink } else { Form::Mirrorlist };
        let mut ask = Ask::new(form, SWEDE.parse().unwrap());
        if ask.read(&query, true).is_ok() {
            ask.seed = seed;
            let (mut first, mut again) = (Scratch::default(), Scratch::default());
            let found = answer(&snapshot, &ask, &mut first);
            prop_assert_eq!(found, answer(&snapshot, &ask, &mut again));
            prop_assert_eq!(&first.body, &again.body);
            let text = std::str::from_utf8(&first.body).unwrap();
            if found.outcome == Outcome::List && form == Form::Mirrorlist {
                for line in text.lines() {
                    prop_assert!(line.starts_with("# ") || line.contains("://"), "{}", line);
                }
            }
            if found.outcome == Outcome::Redirect {
                prop_assert!(text.bytes().all(|byte| (0x21..0x7f).contains(&byte)), "{}", text);
            }
        }
    }

    /// Whatever the headers say, there is a client.
    #[test]
    fn any_header_has_a_client(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let proxies = TrustedProxies::new(["192.0.2.0/24".parse().unwrap()]);
        let peer = "192.0.2.1".parse().unwrap();
        proxies.client(peer, lines.iter().map(Vec::as_slice));
    }
}

/// Bytes that make queries which mean something more often than chance would.
fn query_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(b"repo=fedora-40&arch=x86_64&path=/pub%2F,country=se&protocol=http".to_vec()),
        1 => any::<u8>(),
    ]
}

#[test]
fn the_client_is_the_rightmost_address_that_is_no_trusted_proxy() {
    let proxies = TrustedProxies::new(["192.0.2.0/24".parse().unwrap()]);
    let check = |peer: &str, lines: &[&str], expected: &str| {
        let found = proxies.client(peer.parse().unwrap(), lines.iter().map(|line| line.as_bytes()));
        assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
    };
    check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
    check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
    check("::1", &["8.8.8.8,198.51.100.1"], "198.51.100.1");
    check("192.0.2.7", &["8.8.8.8, 198.51.100.1,  192.0.2.3 ,127.0.0.1"], "198.51.100.1");
    check("192.0.2.7", &["8.8.8.8", "198.51.100.1", "192.0.2.3"], "198.51.100.1");
    check("192.0.2.7", &["192.0.2.5"], "192.0.2.5");
    // An entry that cannot be read ends the search.
    check("192.0.2.7", &["198.51.100.1, unknown, 192.0.2.3"], "192.0.2.3");
    check("192.0.2.7", &["198.51.100.1, "], "192.0.2.7");
    check("192.0.2.7", &["[2001:db8::1]:4711"], "2001:db8::1");
    check("192.0.2.7", &["2001:db8::1"], "2001:db8::1");
    check("192.0.2.7", &["198.51.100.1:80"], "198.51.100.1");
    check("::ffff:192.0.2.7", &["::ffff:198.51.100.1"], "198.51.100.1");
    check(
        "192.0.2.7",
        &["for=198.51.100.1;proto=https, for=\"[2001:db8::2]:1\";by=192.0.2.1"],
        "2001:db8::2",
    );
    check("192.0.2.7", &["for=unknown"], "192.0.2.7");
}
