//! Bodies over HTTP: within their room, their time and the addresses that may be reached.

use std::error::Error as _;
use std::time::Duration;

use heliostat_observe_probe_wire::{Limit, Refused, Task};
use reqwest::header::{
    ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::document::{Document, body_bytes_max};
use crate::failure::Failure;
use crate::post::choose_crypto;
use crate::prober::Prober;
use crate::reach::{Forbidden, Reach, Resolver};

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
        let client = Client::builder()
            .user_agent(agent)
            .redirect(redirects(limits.reach, limits.redirects_max))
            .dns_resolver(std::sync::Arc::new(Resolver(limits.reach)))
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
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| value.len() <= VALIDATOR_BYTES_MAX).map(str::to_owned)
        };
        let validators = Validators { etag: header(ETAG), last_modified: header(LAST_MODIFIED) };
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
        let mut request = self.client.get(checked(url, self.limits.reach)?);
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

    async fn ask(&self, url: &str, known: &Validators) -> Result<Response, FetchError> {
        let url = checked(url, self.limits.reach)?;
        let mut headers = HeaderMap::new();
        let sent = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)];
        for (name, value) in sent {
            let value = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        let response = self.client.get(url).headers(headers).send().await.map_err(broken)?;
        match response.status() {
            StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
            status => Err(FetchError::Status(status.as_u16())),
        }
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

fn checked(url: &str, reach: Reach) -> Result<Url, FetchError> {
    let parsed = Url::parse(url).map_err(|_| FetchError::Url(url.to_owned()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(FetchError::Url(url.to_owned()));
    }
    reach.check_host(parsed.host_str()).map_err(FetchError::Forbidden)?;
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
    /// The limit, when it was the body's fault.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            FetchError::Body(failure) => failure.limit(),
            _ => None,
        }
    }
}

/// Longer validators are not kept.
const VALIDATOR_BYTES_MAX: usize = 512;
