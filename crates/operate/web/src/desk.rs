//! What all requests share: the catalog, the workers, the limits.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_catalog::account::Account;
use heliostat_catalog::{Catalog, Place};
use heliostat_observe_probe::Prober;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::rate::Rates;
use crate::refusals::Refusals;
use crate::trouble::Trouble;

/// What all requests share.
pub struct Desk {
    place: Place,
    /// Connections to the catalog that nobody uses just now.
    catalogs: Mutex<Vec<Catalog>>,
    pub(crate) prober: Prober,
    pub(crate) rates: Rates,
    pub(crate) refusals: Arc<Refusals>,
    /// Bodies of those who have proved who they are, and of those who have not yet: strangers
    /// cannot take the places of the others.
    known: Semaphore,
    strangers: Semaphore,
    /// Hashing a password takes 19 MiB and a CPU for a while.
    hashing: Semaphore,
    /// Who looks at what was changed, one after the other.
    pub(crate) notifier: Notifier,
    pub(crate) notifying: Semaphore,
}

/// Looks at paths for somebody: what was found, or why not.
pub type Notifier = Box<
    dyn Fn(&str, &[String]) -> Result<Value, Box<dyn std::error::Error + Send + Sync>>
        + Send
        + Sync,
>;

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Known,
    Stranger,
}

impl Desk {
    /// A desk with a catalog, workers, and somebody who looks at what was changed.
    #[must_use]
    pub fn new(place: Place, prober: Prober, notifier: Notifier) -> Arc<Desk> {
        Arc::new(Desk {
            place,
            catalogs: Mutex::default(),
            prober,
            rates: Rates::default(),
            refusals: Arc::default(),
            known: Semaphore::new(KNOWN_MAX),
            strangers: Semaphore::new(STRANGERS_MAX),
            hashing: Semaphore::new(1),
            notifier,
            notifying: Semaphore::new(1),
        })
    }

    /// What is refused, by reason.
    #[must_use]
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }

    /// Opens the catalog once, so that what is wrong with it is known at the start.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn check(&self) -> Result<(), heliostat_catalog::Error> {
        let catalog = self.catalog_open()?;
        self.catalogs.lock().unwrap_or_else(PoisonError::into_inner).push(catalog);
        Ok(())
    }

    /// Waits for a place among the bodies.
    pub(crate) async fn room(&self, standing: Standing) -> Result<SemaphorePermit<'_>, Trouble> {
        let places = match standing {
            Standing::Known => &self.known,
            Standing::Stranger => &self.strangers,
        };
        within(places, "bodies_max").await
    }

    /// Waits for the one place in which passwords are hashed.
    pub(crate) async fn hashing(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        within(&self.hashing, "hashing").await
    }

    /// Works with the catalog, on a thread that may wait.
    pub(crate) async fn catalog<T: Send + 'static>(
        self: &Arc<Desk>,
        work: impl FnOnce(&mut Catalog) -> Result<T, heliostat_catalog::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let desk = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut catalog = desk.catalog_open()?;
            let done = work(&mut catalog);
            // A connection that has failed may be broken.
            if done.as_ref().err().is_none_or(heliostat_catalog::Error::is_refusal) {
                desk.catalogs.lock().unwrap_or_else(PoisonError::into_inner).push(catalog);
            }
            done
        });
        match done.await {
            Ok(done) => done.map_err(|error| Trouble::catalog(&error)),
            Err(error) => Err(Trouble::ours(&error)),
        }
    }

    /// Opens the catalog, or takes a connection that is there; for work on a thread of its own.
    pub(crate) fn catalog_open(&self) -> Result<Catalog, heliostat_catalog::Error> {
        let kept = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(|| Catalog::open(&self.place, now_unix_s()), Ok)
    }

    /// Counts a request of an address.
    pub(crate) fn rate(&self, from: IpAddr) -> Result<(), Trouble> {
        self.rates.request(from, now_unix_s()).map_or(Ok(()), |wait| Err(Trouble::often(wait)))
    }

    /// Whose token a request has, and what the token is called.
    pub(crate) async fn bearer(
        self: &Arc<Desk>,
        headers: &HeaderMap,
        from: IpAddr,
    ) -> Result<(Account, String), Trouble> {
        let secret = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = secret.and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
        });
        let found = match secret.filter(|secret| secret.len() <= SECRET_BYTES_MAX) {
            Some(secret) => {
                let find = move |catalog: &mut Catalog| {
                    catalog.read(|view| view.token_by_secret(&secret, now_unix_s()))
                };
                self.catalog(find).await?
            }
            None => None,
        };
        let Some((token, account)) = found else {
            self.rates.wrong(from, now_unix_s());
            return Err(Trouble::token());
        };
        Ok((account, token.full_name()))
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("place", &self.place).finish_non_exhaustive()
    }
}

pub(crate) async fn within<'a>(
    places: &'a Semaphore,
    reason: &'static str,
) -> Result<SemaphorePermit<'a>, Trouble> {
    let busy = || Trouble::busy(reason, "too many others are at it; ask again later");
    match timeout(PATIENCE, places.acquire()).await {
        Ok(place) => place.map_err(|_| busy()),
        Err(_) => Err(busy()),
    }
}

/// Seconds since 1970.
pub(crate) fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

/// A request that somebody waits for too long.
pub(crate) fn slow(what: &str) -> Trouble {
    Trouble::new(StatusCode::REQUEST_TIMEOUT, "body_time_s_max", what)
}

/// How long a request waits for others.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Bodies at once.
const KNOWN_MAX: usize = 8;
const STRANGERS_MAX: usize = 4;

/// The longest secret that is looked up.
const SECRET_BYTES_MAX: usize = 1024;
