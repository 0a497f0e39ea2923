//! Why there is no list, in words: tiny, because clients repeat such questions many times.

use heliostat_snapshot::Snapshot;
use heliostat_snapshot::escape;

use super::metalink;
use crate::answer::{Outcome, Subject};
use crate::ask::{Ask, Form};

/// Writes the text of an outcome that is no list.
pub(crate) fn message(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    subject: &Subject<'_>,
    outcome: Outcome,
    out: &mut Vec<u8>,
) {
    let mut text = Vec::new();
    match outcome {
        Outcome::NothingAsked => {
            text.extend(b"# either path=, or repo= and arch= must be specified");
        }
        Outcome::NoSuchPath => {
            subject.put(&mut text);
            text.extend(b"error: invalid path");
        }
        Outcome::NoSuchRepository => {
            subject.put(&mut text);
            text.extend(b"error: invalid repo or arch");
            if ask.list {
                text.extend(b"\n# following repositories are available:\n");
                let list = snapshot.about().map_or(&[][..], |a| snapshot.text(a.repository_list));
                text.extend(list.trim_ascii_end());
            }
        }
        Outcome::RepositoryDisabled => {
            subject.put(&mut text);
            text.extend(b"repo disabled");
        }
        Outcome::NoDetails => {
            subject.put_file(snapshot, &mut text);
            text.extend(b" not found or has no metalink");
        }
        // A redirect that leads nowhere has no body; lists write themselves.
        Outcome::NoRedirect | Outcome::Redirect | Outcome::List | Outcome::Explanation => return,
    }
    match ask.form {
        Form::Mirrorlist => {
            out.extend(&text);
            out.push(b'\n');
        }
        Form::Metalink => {
            let mut escaped = Vec::with_capacity(text.len());
            for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
                if at > 0 {
                    escaped.push(b'\n');
                }
                escape::xml(&mut escaped, line);
            }
            metalink::comment(ask.now_unix_s, &escaped, out);
        }
    }
}
