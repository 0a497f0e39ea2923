//! Bodies over HTTP: within their room, their time and the addresses that may be reached.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_observe_probe_wire::{Limit, Refused, Task};
use reqwest::header::{
    CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::document::{Document, body_bytes_max};
use crate::failure::Failure;
use crate::post::choose_crypto;
use crate::prober::Prober;
use crate::reach::{Family, Forbidden, NoSuchFamily, Reach, Resolver};

/// How long and how far to go for a body.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Which addresses may be reached.
    pub reach: Reach,
    /// Redirects that are followed.
    pub redirects_max: usize,
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two parts of a body.
    pub silence: Duration,
    /// All in all.
    pub total: Duration,
    /// Idle connections kept per host.
    pub idle_per_host: usize,
    /// The only family of addresses to reach, where it is to be one.
    pub family: Option<Family>,
}

impl FetchLimits {
    /// Patience for honest servers.
    #[must_use]
    pub fn new(reach: Reach) -> FetchLimits {
        FetchLimits {
            reach,
            redirects_max: 5,
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(20),
            total: Duration::from_secs(600),
            idle_per_host: 4,
            family: None,
        }
    }
}

/// What tells a version of a body from another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What a server answered.
#[derive(Debug)]
pub enum Fetched {
    /// A body, and what tells it from another one.
    Body(Box<Document>, Validators),
    /// The body that we have already.
    NotModified,
}

/// What a server says of a file without sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How long it is.
    pub size_bytes: Option<u64>,
    /// When it was changed.
    pub modified_unix_s: Option<i64>,
    /// What tells it from another one.
    pub validators: Validators,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is none.
    #[error("{0} is no URL of http or https")]
    Url(String),
    /// It leads where nobody may go.
    #[error("not reached")]
    Forbidden(#[source] Forbidden),
    /// The server said no.
    #[error("the server answered {0}")]
    Status(u16),
    /// The server has too much to do, and says for how long.
    #[error("the server answered {status}, and asks for {wait:?} of peace")]
    Later {
        /// 429 or 503.
        status: u16,
        /// Its `Retry-After`.
        wait: Duration,
    },
    /// No connection, or it broke.
    #[error("no answer")]
    Broken(#[source] reqwest::Error),
    /// It took too long.
    #[error("it took longer than {0:?}")]
    Time(Duration),
    /// There is no room for the body.
    #[error("no room for the body")]
    Body(#[source] Failure),
}

impl FetchError {
    /// Whether the server says that there is no such thing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, FetchError::Status(404 | 410))
    }

    /// Whether the server said so itself, and would say it again.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self, FetchError::Status(400..=407 | 410..=428 | 430..=499))
    }

    /// Whether this machine has no way there at all, so that it tells nothing of the server.
    #[must_use]
    pub fn is_unroutable(&self) -> bool {
        let FetchError::Broken(error) = self else { return false };
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.downcast_ref::<NoSuchFamily>().is_some() {
                return true;
            }
            if let Some(error) = inner.downcast_ref::<std::io::Error>() {
                use std::io::ErrorKind::{AddrNotAvailable, NetworkUnreachable};
                if matches!(error.kind(), NetworkUnreachable | AddrNotAvailable) {
                    return true;
                }
            }
            cause = inner.source();
        }
        false
    }
}

/// A client for strangers' servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    limits: FetchLimits,
}

impl Fetcher {
    /// A client that says who it is.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be read.
    pub fn new(agent: &str, limits: FetchLimits) -> Result<Fetcher, FetchError> {
        choose_crypto();
        let resolver = Resolver { reach: limits.reach, family: limits.family };
        let client = Client::builder()
            .user_agent(agent)
            .redirect(redirects(limits.reach, limits.redirects_max))
            .dns_resolver(std::sync::Arc::new(resolver))
            .connect_timeout(limits.connect)
            .read_timeout(limits.silence)
            .pool_max_idle_per_host(limits.idle_per_host)
            .referer(false)
            .build()
            .map_err(FetchError::Broken)?;
        Ok(Fetcher { client, limits })
    }

    /// Fetches a body for a task, within the room that it may take.
    ///
    /// # Errors
    ///
    /// What went wrong, and whose fault it is.
    pub async fn document(
        &self,
        prober: &Prober,
        task: Task,
        url: &str,
        known: &Validators,
    ) -> Result<Fetched, FetchError> {
        let fetched = self.timely(self.fill(prober, task, url, known));
        fetched.await.map_err(|error| match error {
            FetchError::Body(failure) => FetchError::Body(prober.count(failure)),
            other => other,
        })
    }

    async fn fill(
        &self,
        prober: &Prober,
        task: Task,
        url: &str,
        known: &Validators,
    ) -> Result<Fetched, FetchError> {
        let mut response = self.ask(url, known).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::NotModified);
        }
        // The head tells how much room to wait for, before a byte of the body is asked for.
        let most = body_bytes_max(task.format);
        let told = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
        if let Some(bytes) = told.filter(|&bytes| bytes > most) {
            let what = format!("the body has {bytes} bytes, more than {most}");
            let refused = Refused::new(Limit::BodyBytes, what, 0);
            return Err(FetchError::Body(Failure::Refused(refused)));
        }
        let document = prober.document(task, told.unwrap_or(most)).await;
        let mut document = document.map_err(FetchError::Body)?;
        let Head { validators, .. } = head(&response);
        while let Some(part) = response.chunk().await.map_err(broken)? {
            document.push(&part).map_err(FetchError::Body)?;
        }
        Ok(Fetched::Body(Box::new(document), validators))
    }

    /// Gives a range of a body part by part, for as long as it is wanted; how many bytes came.
    ///
    /// A server that knows no ranges gives all of it, which is fine from the beginning on.
    ///
    /// # Errors
    ///
    /// As [`document`](Fetcher::document), or that the server begins elsewhere.
    pub async fn parts(
        &self,
        url: &str,
        (from, to): (u64, Option<u64>),
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<u64, FetchError> {
        let mut request = self.client.get(checked(url, &self.limits)?);
        if from > 0 || to.is_some() {
            // The last byte is named, not the one behind it.
            let last = to.map(|to| to.saturating_sub(1).to_string()).unwrap_or_default();
            request = request.header("range", format!("bytes={from}-{last}"));
        }
        let mut response = request.send().await.map_err(broken)?;
        let sound = match response.status() {
            StatusCode::PARTIAL_CONTENT => true,
            StatusCode::OK => from == 0,
            _ => false,
        };
        if !sound {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut bytes = 0;
        while let Some(part) = response.chunk().await.map_err(broken)? {
            bytes += part.len() as u64;
            if !take(&part) {
                break;
            }
        }
        Ok(bytes)
    }

    /// Gives a body part by part for as long as it is wanted, if it is another one than the known
    /// one; what the server says of it.
    ///
    /// Nothing of it is kept, so there is no room to wait for.
    ///
    /// # Errors
    ///
    /// As [`document`](Fetcher::document).
    pub async fn stream(
        &self,
        url: &str,
        known: &Validators,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Option<Head>, FetchError> {
        self.timely(async {
            let mut response = self.ask(url, known).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            let head = head(&response);
            while let Some(part) = response.chunk().await.map_err(broken)? {
                if !take(&part) {
                    break;
                }
            }
            Ok(Some(head))
        })
        .await
    }

    /// What a server says of a file, without its bytes.
    ///
    /// # Errors
    ///
    /// As [`document`](Fetcher::document).
    pub async fn head(&self, url: &str) -> Result<Head, FetchError> {
        let request = self.client.head(checked(url, &self.limits)?);
        let answered = async { sound(request.send().await.map_err(broken)?) };
        self.timely(answered).await.map(|response| head(&response))
    }

    async fn ask(&self, url: &str, known: &Validators) -> Result<Response, FetchError> {
        let url = checked(url, &self.limits)?;
        let mut headers = HeaderMap::new();
        let sent = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)];
        for (name, value) in sent {
            let value = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        sound(self.client.get(url).headers(headers).send().await.map_err(broken)?)
    }

    async fn timely<T>(
        &self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let total = self.limits.total;
        tokio::time::timeout(total, work).await.unwrap_or(Err(FetchError::Time(total)))
    }
}

/// Redirects stay within HTTP and the addresses that may be reached.
pub(crate) fn redirects(reach: Reach, redirects_max: usize) -> Policy {
    Policy::custom(move |attempt| {
        if attempt.previous().len() > redirects_max {
            return attempt.error("too many redirects");
        }
        if !matches!(attempt.url().scheme(), "http" | "https") {
            return attempt.error("a redirect to another scheme");
        }
        match reach.check_host(attempt.url().host_str()) {
            Ok(()) => attempt.follow(),
            Err(forbidden) => attempt.error(forbidden),
        }
    })
}

/// An answer that is good for something.
fn sound(response: Response) -> Result<Response, FetchError> {
    let status = response.status();
    if matches!(status, StatusCode::OK | StatusCode::NOT_MODIFIED) {
        return Ok(response);
    }
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let wait = header(&response, &RETRY_AFTER).filter(|_| busy).and_then(|text| wait(&text));
    Err(match (status.as_u16(), wait) {
        (status, Some(wait)) => FetchError::Later { status, wait },
        (status, None) => FetchError::Status(status),
    })
}

/// `Retry-After`: seconds, or a date.
fn wait(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().map(Duration::from_secs).ok();
    let until = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    seconds.or_else(until).map(|wait| wait.min(RETRY_AFTER_MAX))
}

fn head(response: &Response) -> Head {
    let validators = Validators {
        etag: header(response, &ETAG),
        last_modified: header(response, &LAST_MODIFIED),
    };
    let modified = validators.last_modified.as_deref();
    let modified = modified.and_then(|text| httpdate::parse_http_date(text).ok());
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    // The client says nothing of the length of a body that is not there.
    let size_bytes = header(response, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let modified_unix_s = modified.and_then(|time| i64::try_from(time.as_secs()).ok());
    Head { size_bytes, modified_unix_s, validators }
}

fn header(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.filter(|value| value.len() <= VALIDATOR_BYTES_MAX).map(str::to_owned)
}

fn checked(url: &str, limits: &FetchLimits) -> Result<Url, FetchError> {
    let parsed = Url::parse(url).map_err(|_| FetchError::Url(url.to_owned()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(FetchError::Url(url.to_owned()));
    }
    limits.reach.check_host(parsed.host_str()).map_err(FetchError::Forbidden)?;
    Ok(parsed)
}

/// Finds the guard's word among what the client says.
fn broken(error: reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
            return FetchError::Forbidden(*forbidden);
        }
        cause = inner.source();
    }
    FetchError::Broken(error)
}

impl FetchError {
    /// The limit that the server or its answer is beyond, if that is what went wrong.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            FetchError::Body(failure) => failure.limit(),
            FetchError::Forbidden(_) => Some(Limit::Reach),
            FetchError::Time(_) => Some(Limit::FetchTime),
            FetchError::Broken(error) => limit(error),
            // A redirect that nobody may follow is an answer like others.
            FetchError::Status(300..=399) => Some(Limit::Redirects),
            FetchError::Url(_) | FetchError::Status(_) | FetchError::Later { .. } => None,
        }
    }
}

/// Whether an error is one of TLS, however often it was wrapped.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || within.is_some_and(|within| is_tls(within))
}

/// The limit that a client's error stands for; an answer that is only missing is beyond none.
fn limit(error: &reqwest::Error) -> Option<Limit> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if is_tls(inner) {
            return Some(Limit::Tls);
        }
        if inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return Some(Limit::Http);
        }
        cause = inner.source();
    }
    match error {
        error if error.is_redirect() => Some(Limit::Redirects),
        // Who cannot be connected to is away, not slow.
        error if error.is_connect() => None,
        error if error.is_timeout() => Some(Limit::FetchTime),
        error if error.is_body() || error.is_decode() => Some(Limit::BodyLength),
        _ => None,
    }
}

/// Longer validators are not kept.
const VALIDATOR_BYTES_MAX: usize = 512;

/// Nobody is left alone for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);
