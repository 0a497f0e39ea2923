//! The files of a directory whose content is known.

use heliostat_model::{File, FileDetail};

use crate::random::Random;

/// The metadata index of a repository: the current one, and older ones when it changes.
pub(crate) fn repomd(churning: bool, created_unix_s: u64, random: &mut Random) -> Vec<File> {
    let count = if churning { 2 + random.below(3) } else { 1 };
    let mut timestamp_unix_s = created_unix_s - random.below(DAY_S);
    if !churning {
        timestamp_unix_s -= random.below(3000 * DAY_S);
    }
    let details = (0..count).map(|_| {
        let detail = FileDetail {
            timestamp_unix_s: Some(timestamp_unix_s),
            size_bytes: Some(3_000 + random.below(4_000)),
            md5: Some(hex(16, random)),
            sha1: Some(hex(20, random)),
            sha256: Some(hex(32, random)),
            sha512: Some(hex(64, random)),
        };
        timestamp_unix_s -= 3_600 + random.below(DAY_S);
        detail
    });
    vec![File { name: "repomd.xml".to_owned(), details: details.collect() }]
}

/// An installer's image, and the file with its checksum.
pub(crate) fn images(path: &str, created_unix_s: u64, random: &mut Random) -> Vec<File> {
    let mut parts = path.rsplit('/').skip(1);
    let arch = parts.next().unwrap_or_default();
    let version = parts.nth(1).unwrap_or_default();
    let timestamp_unix_s = Some(created_unix_s - DAY_S - random.below(3000 * DAY_S));
    let image = FileDetail {
        timestamp_unix_s,
        size_bytes: Some(1_900_000_000 + random.below(500_000_000)),
        sha256: Some(hex(32, random)),
        ..FileDetail::default()
    };
    let checksum = FileDetail {
        timestamp_unix_s,
        size_bytes: Some(800 + random.below(400)),
        md5: Some(hex(16, random)),
        sha1: Some(hex(20, random)),
        sha256: Some(hex(32, random)),
        sha512: Some(hex(64, random)),
    };
    vec![
        File {
            name: format!("Fedora-Workstation-{version}-1.1-{arch}-CHECKSUM"),
            details: vec![checksum],
        },
        File {
            name: format!("Fedora-Workstation-Live-{version}-1.1.{arch}.iso"),
            details: vec![image],
        },
    ]
}

fn hex(count: usize, random: &mut Random) -> String {
    let mut text = String::with_capacity(2 * count);
    while text.len() < 2 * count {
        let bits = random.bits();
        text.extend(
            (0..16).map(|i| char::from(b"0123456789abcdef"[(bits >> (4 * i)) as usize & 15])),
        );
    }
    text.truncate(2 * count);
    text
}

const DAY_S: u64 = 86_400;
