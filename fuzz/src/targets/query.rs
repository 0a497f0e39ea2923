//! A query string of any bytes, asked of a small world.

use std::sync::LazyLock;

use heliostat_publish::{Stamp, compile};
use heliostat_serve::{Ask, Form, Outcome, Scratch, Snapshot, answer};
use heliostat_testing_world::{Scale, generate};

/// There is an answer; its lines are lines; asked again it is the same.
pub(super) fn target(data: &[u8]) {
    let Some((&first, query)) = data.split_first() else { return };
    let form = if first & 1 == 0 { Form::Mirrorlist } else { Form::Metalink };
    let client = std::net::Ipv4Addr::new(first, 16, first, 1).into();
    let mut ask = Ask::new(form, client);
    if ask.read(query, first & 2 == 0).is_err() {
        return;
    }
    ask.seed = u64::from(first);
    let (mut body, mut again) = (Scratch::default(), Scratch::default());
    let given = answer(&SNAPSHOT, &ask, &mut body);
    assert_eq!(given, answer(&SNAPSHOT, &ask, &mut again));
    assert_eq!(body.body, again.body);
    let text = std::str::from_utf8(&body.body);
    let text = text.unwrap_or_else(|error| panic!("not UTF-8: {error}"));
    match given.outcome {
        Outcome::Redirect => assert!(text.bytes().all(|byte| (0x21..0x7f).contains(&byte))),
        Outcome::List if form == Form::Mirrorlist => {
            assert!(text.lines().all(|line| line.starts_with("# ") || line.contains("://")));
        }
        Outcome::Explanation => {}
        _ if form == Form::Metalink => assert!(text.ends_with("</metalink>\n")),
        _ => {}
    }
}

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let stamp = Stamp { generation: 1, created_unix_s: 1, compiled_unix_s: 1 };
    let mut bytes = Vec::new();
    compile(&generate(Scale::Small, 1), stamp, &mut bytes, |_| {})
        .unwrap_or_else(|error| panic!("{error}"));
    Snapshot::from_bytes(bytes).unwrap_or_else(|error| panic!("{error}"))
});
