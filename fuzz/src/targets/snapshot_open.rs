//! A snapshot of any bytes: opening, and answers from what opens.
//!
//! The first input byte says how the rest is used: as a file, or as changes to a good file, so
//! that the checks behind the header and the hash are reached.

use std::sync::LazyLock;

use heliostat_publish::{Stamp, compile};
use heliostat_serve::{Ask, Form, Scratch, Snapshot, answer, explanation};
use heliostat_snapshot::format::{HASHED_HEADER_BYTES, HEADER_BYTES};
use heliostat_testing_world::{Scale, generate};

/// Opening ends with a snapshot or an error; a snapshot answers whatever it holds.
pub(super) fn target(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let mut bytes = if how & 1 == 0 { rest.to_vec() } else { changed(rest) };
    if how & 2 == 0 && bytes.len() >= HEADER_BYTES {
        rehash(&mut bytes);
    }
    let Ok(snapshot) = Snapshot::from_bytes(bytes) else { return };
    let mut scratch = Scratch::default();
    for form in [Form::Mirrorlist, Form::Metalink] {
        for client in ["192.0.2.1", "10.0.0.1", "2001:db8::1"] {
            for query in QUERIES {
                let Ok(client) = client.parse() else { continue };
                let mut ask = Ask::new(form, client);
                if ask.read(query.as_bytes(), true).is_ok() {
                    answer(&snapshot, &ask, &mut scratch);
                    let _ = explanation(&snapshot, &ask);
                }
            }
        }
    }
}

/// A good file with bytes overwritten: offset (two bytes), value.
fn changed(changes: &[u8]) -> Vec<u8> {
    let mut bytes = GOOD.clone();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) * 3 % bytes.len();
        bytes[at] = change[2];
    }
    bytes
}

fn rehash(bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASHED_HEADER_BYTES]).update(&bytes[HEADER_BYTES..]);
    let hash = *hasher.finalize().as_bytes();
    bytes[HASHED_HEADER_BYTES..HEADER_BYTES].copy_from_slice(&hash);
}

const QUERIES: [&str; 3] = [
    "repo=fedora-40&arch=x86_64",
    "repo=fedora-40&arch=x86_64&country=se,global&protocol=http,rsync&location=x",
    "path=pub/fedora/linux/releases/40/Everything/x86_64/os/repodata/repomd.xml",
];

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let stamp = Stamp { generation: 1, created_unix_s: 1, compiled_unix_s: 1 };
    let mut world = generate(Scale::Small, 1);
    world.netblock_asns.truncate(40);
    let mut bytes = Vec::new();
    compile(&world, stamp, &mut bytes, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    bytes
});
