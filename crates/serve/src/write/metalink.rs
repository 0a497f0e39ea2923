//! Metalink 3.0, as librepo and yum parse it.
//!
//! The prefix `mm0:` is literal, hashes are spelled without a dash, and document order is the
//! order of preference: all three are what clients compare, not what the standards say.

use heliostat_snapshot::Snapshot;
use heliostat_snapshot::records::{FileRow, MirrorRow, UrlRow};

use crate::answer::{self, Target};
use crate::ask::{Ask, Schemes};
use crate::choose::Choice;

/// Writes a metalink of a file.
pub(crate) fn metalink(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    target: &Target<'_>,
    file: &FileRow,
    choice: &Choice,
    tail: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    begin(ask.now_unix_s, out);
    out.extend(b" <files>\n");
    out.extend_from_slice(snapshot.text(file.block));
    answer::tail_escaped(snapshot, target, b"</url>\n", tail);
    let schemes = ask.schemes.unwrap_or(Schemes::ALL);
    let mirrors = snapshot.rows::<MirrorRow>();
    let (urls, texts) = (snapshot.rows::<UrlRow>(), snapshot.texts());
    for (at, pick) in choice.picks.iter().enumerate() {
        let Some(mirror) = mirrors.get(pick.mirror as usize) else { continue };
        let first = mirror.urls.first.get() as usize;
        let Some(urls) = urls.get(first..first + mirror.urls.count.get() as usize) else {
            continue;
        };
        let preference = preference(at);
        let mut last = NO_SCHEME;
        for url in urls.iter().filter(|url| schemes.has(url.scheme)) {
            // Who asks for schemes gets one URL of each.
            if ask.schemes.is_some() && url.scheme == last {
                continue;
            }
            last = url.scheme;
            out.extend_from_slice(texts.get(url.head));
            out.extend_from_slice(preference);
            let link = texts.get(url.link);
            if pick.private {
                out.extend_from_slice(PRIVATE);
                // Its quote stands before the mark already.
                out.extend_from_slice(link.get(1..).unwrap_or_default());
            } else {
                out.extend_from_slice(link);
            }
            out.extend_from_slice(tail);
        }
    }
    out.extend(b"   </resources>\n  </file>\n </files>\n</metalink>\n");
}

/// Writes a metalink that holds nothing but a comment.
pub(crate) fn comment(now_unix_s: u64, text: &[u8], out: &mut Vec<u8>) {
    begin(now_unix_s, out);
    out.extend(b"<!-- ");
    // A comment may not contain two dashes in a row, nor end in one.
    let mut last = b' ';
    for &byte in text {
        if byte == b'-' && last == b'-' {
            out.extend(b" ");
        }
        out.extend(&[byte]);
        last = byte;
    }
    out.extend(b" -->\n</metalink>\n");
}

fn begin(now_unix_s: u64, out: &mut Vec<u8>) {
    out.extend(
        b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
          <metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\" pubdate=\"",
    );
    out.extend(&http_date(now_unix_s));
    out.extend(
        b"\" generator=\"mirrormanager\" \
          xmlns:mm0=\"http://fedorahosted.org/mirrormanager\">\n",
    );
}

/// `Tue, 14 Nov 2023 22:30:00 GMT`.
fn http_date(unix_s: u64) -> [u8; 29] {
    let days = unix_s / 86_400;
    let (year, month, day) = civil(days);
    let of_day = unix_s % 86_400;
    let mut date = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    date[..3].copy_from_slice(&b"ThuFriSatSunMonTueWed"[(days % 7) as usize * 3..][..3]);
    two_digits(&mut date[5..7], day);
    let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    date[8..11].copy_from_slice(&months[month as usize * 3 - 3..][..3]);
    two_digits(&mut date[12..14], year / 100 % 100);
    two_digits(&mut date[14..16], year % 100);
    two_digits(&mut date[17..19], of_day / 3600);
    two_digits(&mut date[20..22], of_day / 60 % 60);
    two_digits(&mut date[23..25], of_day % 60);
    date
}

fn two_digits(to: &mut [u8], number: u64) {
    to.copy_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// Year, month and day of a day since 1970: Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    // Wraps round after more years than a date has digits for.
    let z = days % (146_097 * 24) + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + carry, month, day)
}

/// What stands before the link of a private mirror.
const PRIVATE: &[u8] = b"\" mm0:private=\"True\"";

/// A number that no scheme has.
const NO_SCHEME: u8 = u8::MAX;

/// What is preferred in place `at`: 100, 99, … 1 and no less.
#[inline]
fn preference(at: usize) -> &'static [u8] {
    match at {
        0 => b"100",
        1..=90 => &DIGITS[100 - at],
        _ => &DIGITS[100 - at.min(99)][1..],
    }
}

/// The numbers below 100 in two digits.
static DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        digits[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    digits
};
