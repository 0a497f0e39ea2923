//! One request to a mirror: in its turn, within its limits, once more where it may have been chance.

use std::sync::Arc;
use std::time::Duration;

use heliostat_observe_probe::wire::{Format, Limit, Task};
use heliostat_observe_probe::{FetchError, Fetched, Fetcher, Found, Head, Prober, Validators};
use sha2::{Digest, Sha256};

use crate::pace::Pace;

/// What requests to one host are made with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The client.
    pub fetcher: Fetcher,
    /// The workers that read what comes.
    pub prober: Prober,
    /// The host's pace.
    pub pace: Arc<Pace>,
}

/// What came of a request.
#[derive(Debug)]
pub enum Asked<T> {
    /// What was asked for, and what tells it from another version.
    Got(T, Validators),
    /// It is what it was.
    NotModified,
    /// The server says that there is no such thing.
    Absent,
    /// The server gives something else: a page that lists nothing, or it forbids it.
    NoListing,
    /// The bytes are beyond a limit, or lead where nobody may go.
    Refused(Option<Limit>, String),
    /// The host wants to be left alone for so long, or has been asked enough.
    Enough(Option<Duration>),
    /// No answer, or one of a server in trouble.
    NoAnswer(String),
    /// There is no way there from this machine.
    Unroutable,
}

impl Asker {
    /// The listing of a folder.
    pub async fn listing(&self, url: &str, known: &Validators) -> Asked<Found> {
        let base = url.splitn(4, '/').nth(3).unwrap_or_default();
        let base = base.split('?').next().unwrap_or_default();
        for again in [true, false] {
            let Some(_turn) = self.pace.turn().await else { return Asked::Enough(None) };
            let task = Task { base: format!("/{base}"), ..Task::new(Format::Listing) };
            let fetched = self.fetcher.document(&self.prober, task, url, known).await;
            let asked = match fetched {
                Ok(Fetched::NotModified) => Asked::NotModified,
                Ok(Fetched::Body(document, validators)) => {
                    match self.prober.probe(*document).await {
                        Ok(found) => Asked::Got(found, validators),
                        Err(failure) => match failure.limit() {
                            Some(Limit::Format) => Asked::NoListing,
                            Some(limit) => Asked::Refused(Some(limit), told(&failure)),
                            None => Asked::NoAnswer(told(&failure)),
                        },
                    }
                }
                Err(error) => self.failed(error),
            };
            if let Some(asked) = self.settled(asked, again).await {
                return asked;
            }
        }
        Asked::NoAnswer(String::new())
    }

    /// The first bytes of the SHA-256 of a file, if it is another one than the known one.
    pub async fn proof(&self, url: &str, known: &Validators) -> Asked<(u64, Head)> {
        for again in [true, false] {
            let Some(_turn) = self.pace.turn().await else { return Asked::Enough(None) };
            let (mut hasher, mut bytes) = (Sha256::new(), 0_usize);
            let streamed = self.fetcher.stream(url, known, |part| {
                hasher.update(part);
                bytes += part.len();
                bytes <= INDEX_BYTES_MAX
            });
            let asked = match streamed.await {
                Ok(_) if bytes > INDEX_BYTES_MAX => {
                    let limit = Limit::BodyBytes;
                    self.prober.note(limit);
                    let what = format!("an index of more than {INDEX_BYTES_MAX} bytes");
                    Asked::Refused(Some(limit), what)
                }
                Ok(None) => Asked::NotModified,
                Ok(Some(head)) => {
                    let hash = hasher.finalize();
                    let first = hash.first_chunk().copied().unwrap_or_default();
                    let validators = head.validators.clone();
                    Asked::Got((u64::from_be_bytes(first), head), validators)
                }
                Err(error) => self.failed(error),
            };
            if let Some(asked) = self.settled(asked, again).await {
                return asked;
            }
        }
        Asked::NoAnswer(String::new())
    }

    /// What the server says of a file without sending it.
    pub async fn head(&self, url: &str) -> Asked<Head> {
        for again in [true, false] {
            let Some(_turn) = self.pace.turn().await else { return Asked::Enough(None) };
            let asked = match self.fetcher.head(url).await {
                Ok(head) => {
                    let validators = head.validators.clone();
                    Asked::Got(head, validators)
                }
                Err(error) => self.failed(error),
            };
            if let Some(asked) = self.settled(asked, again).await {
                return asked;
            }
        }
        Asked::NoAnswer(String::new())
    }

    /// An answer that is not asked for again.
    async fn settled<T>(&self, asked: Asked<T>, again: bool) -> Option<Asked<T>> {
        match &asked {
            Asked::Enough(Some(wait)) => {
                self.pace.later(*wait);
                // A short pause is made, a long one is somebody else's turn.
                (!again || *wait > PATIENCE).then_some(asked)
            }
            Asked::NoAnswer(_) if again => {
                tokio::time::sleep(BREATH).await;
                None
            }
            _ => Some(asked),
        }
    }

    /// What an error means; a limit is counted, and told by its name.
    fn failed<T>(&self, error: FetchError) -> Asked<T> {
        let limit = error.limit();
        // What a body is refused for was counted when it was.
        if let (Some(limit), false) = (limit, matches!(error, FetchError::Body(_))) {
            self.prober.note(limit);
        }
        match limit {
            Some(limit) => failed(&error, |told| format!("{limit}: {told}")),
            None => failed(&error, |told| told),
        }
    }
}

fn failed<T>(error: &FetchError, name: impl Fn(String) -> String) -> Asked<T> {
    match error {
        _ if error.is_absent() => Asked::Absent,
        _ if error.is_unroutable() => Asked::Unroutable,
        FetchError::Later { wait, .. } => Asked::Enough(Some(*wait)),
        FetchError::Status(401 | 403 | 405 | 406) => Asked::NoListing,
        FetchError::Url(_) | FetchError::Forbidden(_) => Asked::Refused(error.limit(), told(error)),
        FetchError::Body(failure) if failure.limit().is_some() => {
            Asked::Refused(failure.limit(), told(failure))
        }
        _ => Asked::NoAnswer(name(told(error))),
    }
}

/// An error and what caused it, on one line.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        told = format!("{told}: {inner}");
        cause = inner.source();
    }
    told.chars().filter(|c| !c.is_control()).take(TOLD_MAX).collect()
}

/// The URL of something below a base, without a slash at its end.
pub(crate) fn url(base: &str, path: &str, folder: bool) -> String {
    let mut url = base.trim_end_matches('/').to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        url.push('/');
        escape(part, &mut url);
    }
    if folder {
        url.push('/');
    }
    url
}

/// A name as a part of a URL.
pub(crate) fn escape(part: &str, url: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'+' | b',' | b'=' | b'@' => url.push(char::from(byte)),
            _ => {
                url.push('%');
                let digit = |four: u8| char::from(b"0123456789ABCDEF"[usize::from(four)]);
                url.push(digit(byte >> 4));
                url.push(digit(byte & 15));
            }
        }
    }
}

/// No index is larger.
const INDEX_BYTES_MAX: usize = 64 << 20;

/// Before something is asked for once more.
const BREATH: Duration = Duration::from_millis(500);

/// For so long a host that asks for peace is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

const TOLD_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_are_joined_and_escaped() {
        assert_eq!(url("http://a/b/", "c d/é", true), "http://a/b/c%20d/%C3%A9/");
        assert_eq!(url("http://a", "", true), "http://a/");
        assert_eq!(url("http://a", "x", false), "http://a/x");
    }
}
