//! Plain text, a URL per line, below a header line that says how they were chosen.

use heliostat_snapshot::escape;
use heliostat_snapshot::records::{MirrorRow, Text, UrlRow};
use heliostat_snapshot::{Snapshot, Texts};

use crate::answer::{self, Subject, Target};
use crate::ask::{Ask, Schemes};
use crate::choose::{Choice, Pick};

/// Writes a mirrorlist.
pub(crate) fn mirrorlist(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    target: &Target<'_>,
    choice: &Choice,
    tail: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    header(ask, &target.subject, choice, out);
    if ask.time {
        out.extend(b"# database creation time: ");
        out.extend(snapshot.header().created_unix_s.get().to_string().bytes());
        out.push(b'\n');
    }
    answer::tail(snapshot, target, b"\n", tail);
    let (mirrors, texts) = (snapshot.rows::<MirrorRow>(), snapshot.texts());
    for pick in &choice.picks {
        let Some(mirror) = mirrors.get(pick.mirror as usize) else { continue };
        match ask.schemes {
            None => line(texts, mirror.base, tail, out),
            Some(schemes) => {
                for url in best_urls(snapshot, mirror, schemes) {
                    line(texts, url.base, tail, out);
                }
            }
        }
    }
}

/// Writes the URL that a redirect leads to; false when no mirror can be redirected to.
pub(crate) fn redirect(
    snapshot: &Snapshot,
    target: &Target<'_>,
    picks: &[Pick],
    schemes: Schemes,
    tail: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> bool {
    let mirror = picks.first().and_then(|pick| snapshot.row::<MirrorRow>(pick.mirror));
    let url = mirror.and_then(|mirror| best_urls(snapshot, mirror, schemes).next());
    let Some(url) = url else { return false };
    answer::tail(snapshot, target, b"", tail);
    line(snapshot.texts(), url.base, tail, out);
    true
}

#[inline]
fn line(texts: Texts<'_>, base: Text, tail: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(texts.get(base));
    out.extend_from_slice(tail);
}

/// The first URL of each scheme, best scheme first.
fn best_urls<'s>(
    snapshot: &'s Snapshot,
    mirror: &MirrorRow,
    schemes: Schemes,
) -> impl Iterator<Item = &'s UrlRow> {
    let urls = snapshot.span::<UrlRow>(mirror.urls);
    let runs = urls.chunk_by(|a, b| a.scheme == b.scheme);
    runs.filter_map(|run| run.first()).filter(move |url| schemes.has(url.scheme))
}

/// `# repo = R arch = A country = SE country = global `, as scripts have parsed it for years.
fn header(ask: &Ask<'_>, subject: &Subject<'_>, choice: &Choice, out: &mut Vec<u8>) {
    subject.put(out);
    if choice.location {
        out.extend(b"Using location ");
        escape::line(out, ask.location.as_deref().unwrap_or_default());
        out.push(b' ');
    }
    if choice.netblock {
        out.extend(b"Using preferred netblock ");
    }
    if let Some(asn) = choice.asn {
        out.extend(b"Using ASN ");
        out.extend(asn.to_string().bytes());
        out.push(b' ');
    }
    for country in &choice.countries {
        out.extend(b"country = ");
        out.extend(country.to_bytes());
        out.push(b' ');
    }
    if choice.global {
        out.extend(b"country = global ");
    }
    for scheme in ask.schemes.into_iter().flat_map(Schemes::iter) {
        out.extend(b"protocol = ");
        out.extend(scheme.as_str().bytes());
        out.push(b' ');
    }
    out.push(b'\n');
}
