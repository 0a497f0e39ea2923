//! A light look at a URL over one family of addresses: whether it is there, how long it is and what
//! its bytes hash to. Nothing of the body is kept, and nobody tries to understand it.
//!
//! Names are resolved once and remembered until [`Looker::forget`], so that all looks of a round see
//! the same addresses, each of which the guard has let through.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url};
use sha2::{Digest, Sha256};

use crate::fetch::redirects;
use crate::post::choose_crypto;
use crate::reach::{Family, Forbidden, NoSuchFamily, Reach, addresses};

/// How far to go for a look.
#[derive(Clone, Copy, Debug)]
pub struct LookLimits {
    /// Which addresses may be reached.
    pub reach: Reach,
    /// Redirects that are followed.
    pub redirects_max: usize,
    /// Until a connection stands.
    pub connect: Duration,
    /// Of a body; what is longer is cut off, and told by its length alone.
    pub bytes_max: u64,
}

impl LookLimits {
    /// For a small file of a mirror.
    #[must_use]
    pub fn new(reach: Reach) -> LookLimits {
        let connect = Duration::from_secs(4);
        LookLimits { reach, redirects_max: 5, connect, bytes_max: 64 << 10 }
    }
}

/// What there is to be seen of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The head of the answer only.
    Head,
    /// All of it.
    Whole,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What the server answered, after redirects.
    pub status: u16,
    /// How long it is, if that is known; of what was cut off, at least so long.
    pub size_bytes: Option<u64>,
    /// Of all of it.
    pub sha256: Option<[u8; 32]>,
    /// How long the server wants to be left alone.
    pub retry_after_s: Option<u64>,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The URL is none.
    #[error("{0} is no URL of http or https")]
    Url(String),
    /// It leads where nobody may go.
    #[error("it leads to {0}, which is no address of the public network")]
    Forbidden(IpAddr),
    /// Its name leads nowhere.
    #[error("its name does not resolve")]
    Name(#[source] io::Error),
    /// Nobody takes the connection.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// The connection is not to be trusted.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// It leads in circles, or out of HTTP.
    #[error("too many redirects, or to another scheme")]
    Redirect(#[source] reqwest::Error),
    /// The connection broke, or what came over it is no HTTP.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// It took too long.
    #[error("no answer in {} s", .0.as_secs())]
    Time(Duration),
    /// Nothing can be said about the server: this machine could not even ask.
    #[error("this machine cannot ask: {0}")]
    Here(io::Error),
}

impl LookError {
    /// Whether nothing on this host and port could be reached, whatever is asked for.
    #[must_use]
    pub fn is_of_host(&self) -> bool {
        use LookError::{Connect, Forbidden, Here, Name, Time, Tls};
        matches!(self, Connect(_) | Tls(_) | Name(_) | Here(_) | Forbidden(_) | Time(_))
    }
}

/// A client that only looks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Looker {
    clients: [Client; 2],
    names: Arc<Names>,
    limits: LookLimits,
}

impl Looker {
    /// A client that says who it is.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be read.
    pub fn new(agent: &str, limits: LookLimits) -> Result<Looker, LookError> {
        choose_crypto();
        let names = Arc::new(Names { reach: limits.reach, known: Mutex::default() });
        let client = |family| {
            Client::builder()
                .user_agent(agent)
                .redirect(redirects(limits.reach, limits.redirects_max))
                .dns_resolver(Arc::new(Of(names.clone(), family)))
                .connect_timeout(limits.connect)
                // Looks at one host follow each other; the next round finds out anew.
                .pool_idle_timeout(Duration::from_secs(5))
                .pool_max_idle_per_host(1)
                .referer(false)
                .build()
                .map_err(LookError::Broken)
        };
        let clients = [client(Family::V4)?, client(Family::V6)?];
        Ok(Looker { clients, names, limits })
    }

    /// The families of addresses that a URL has.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub async fn families(&self, url: &str, patience: Duration) -> Result<Vec<Family>, LookError> {
        let url = self.checked(url)?;
        let host = url.host_str().unwrap_or_default();
        if let Some(address) = literal(host) {
            return Ok(vec![Family::of(address)]);
        }
        let found = tokio::time::timeout(patience, self.names.addresses(host)).await;
        let found = found.map_err(|_| LookError::Time(patience))?.map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<Forbidden>()) {
                Some(Forbidden(address)) => LookError::Forbidden(*address),
                None => LookError::Name(error),
            }
        })?;
        let mut families: Vec<Family> = found.iter().map(|at| Family::of(at.ip())).collect();
        families.sort_unstable();
        families.dedup();
        Ok(families)
    }

    /// Looks at a URL over one family of addresses.
    ///
    /// # Errors
    ///
    /// Why nothing was seen.
    pub async fn look(
        &self,
        url: &str,
        family: Family,
        part: Part,
        patience: Duration,
    ) -> Result<Looked, LookError> {
        let url = self.checked(url)?;
        let looked = tokio::time::timeout(patience, self.see(url, family, part));
        looked.await.unwrap_or(Err(LookError::Time(patience)))
    }

    /// Forgets which addresses names have: the next look asks again.
    pub fn forget(&self) {
        self.names.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn see(&self, url: Url, family: Family, part: Part) -> Result<Looked, LookError> {
        let (client, method) = match part {
            Part::Head => (&self.clients[family as usize], Method::HEAD),
            Part::Whole => (&self.clients[family as usize], Method::GET),
        };
        let failed = |error| told(error, self.limits.connect);
        let mut response = client.request(method, url).send().await.map_err(failed)?;
        let mut looked = Looked {
            status: response.status().as_u16(),
            size_bytes: length(&response),
            sha256: None,
            retry_after_s: retry_after(&response),
        };
        if part == Part::Head || !response.status().is_success() {
            return Ok(looked);
        }
        let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            bytes += piece.len() as u64;
            if bytes > self.limits.bytes_max {
                looked.size_bytes = looked.size_bytes.max(Some(bytes));
                return Ok(looked);
            }
            hash.update(&piece);
        }
        looked.size_bytes = Some(bytes);
        looked.sha256 = Some(hash.finalize().into());
        Ok(looked)
    }

    fn checked(&self, url: &str) -> Result<Url, LookError> {
        let wrong = || LookError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let host = self.limits.reach.check_host(parsed.host_str());
        host.map_err(|Forbidden(address)| LookError::Forbidden(address))?;
        Ok(parsed)
    }
}

/// The length that the head tells; of an answer to HEAD there is nothing else.
fn length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn retry_after(response: &Response) -> Option<u64> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default().as_secs())
}

/// What a client's error means for whoever asked.
pub(crate) fn told(error: reqwest::Error, connect: Duration) -> LookError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(&Forbidden(address)) = inner.downcast_ref() {
            return LookError::Forbidden(address);
        }
        if let Some(found) = inner.downcast_ref::<io::Error>() {
            if let Some(tls) = tls(found) {
                return LookError::Tls(tls.clone());
            }
            if is_here(found) {
                return LookError::Here(io::Error::new(found.kind(), found.to_string()));
            }
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return LookError::Tls(tls.clone());
        }
        cause = inner.source();
    }
    if error.is_redirect() {
        LookError::Redirect(error)
    } else if error.is_timeout() && error.is_connect() {
        LookError::Time(connect)
    } else if error.is_connect() {
        LookError::Connect(error)
    } else {
        LookError::Broken(error)
    }
}

/// What TLS said, however deep it is wrapped.
fn tls(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.downcast_ref().and_then(tls))
}

/// The fault is on our side of the cable: no such network, no descriptor, no memory.
fn is_here(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkDown, NetworkUnreachable, OutOfMemory};
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    matches!(error.kind(), AddrNotAvailable | NetworkDown | NetworkUnreachable | OutOfMemory)
        || matches!(error.raw_os_error(), Some(ENFILE | EMFILE | ENOBUFS))
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Names, and the addresses that they were found to have.
#[derive(Debug)]
struct Names {
    reach: Reach,
    known: Mutex<HashMap<String, Arc<[SocketAddr]>>>,
}

impl Names {
    async fn addresses(&self, name: &str) -> io::Result<Arc<[SocketAddr]>> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(name) {
            return Ok(found.clone());
        }
        let found = addresses(name, self.reach).await?.into_iter();
        let found: Arc<[SocketAddr]> = found.map(|address| (address, 0).into()).collect();
        known().insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

/// The addresses of one family.
#[derive(Debug)]
struct Of(Arc<Names>, Family);

impl Resolve for Of {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, wanted) = (self.0.clone(), self.1);
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let found = found.iter().copied().filter(|at| Family::of(at.ip()) == wanted);
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err(NoSuchFamily.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
