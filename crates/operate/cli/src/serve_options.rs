//! What a server is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heliostat_serve::CountryTable;
use heliostat_serve::Policy;
use heliostat_serve::ask::TrustedProxies;
use heliostat_serve::wire::{Limits, Settings};
use heliostat_store::{Access, LINK, Location};
use ipnet::IpNet;

use crate::store::location;
use crate::{Error, countries_open};

/// Options of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeOptions {
    /// The snapshot to answer from; while there is none, answers are 503.
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// A store to follow instead: a folder or `s3://bucket/prefix` that `publish` writes to.
    #[arg(long, value_name = "STORE")]
    pub follow: Option<String>,
    /// Where the last good copy of what is followed lies [default: /var/cache/heliostat].
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// How often the store is asked for something newer [default: 5].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub follow_interval_s: Option<u64>,
    /// The URL of the S3 service, where it is not Amazon's [or: AWS_ENDPOINT].
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// A file with lines `AWS_ACCESS_KEY_ID=…`, `AWS_SECRET_ACCESS_KEY=…`, `AWS_REGION=…`.
    #[arg(long, value_name = "FILE")]
    pub s3_credentials: Option<PathBuf>,
    /// Addresses to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", num_args = 1..)]
    pub listen: Vec<SocketAddr>,
    /// A GeoIP2 or GeoLite2 country database, read once at start.
    #[arg(long, value_name = "FILE.mmdb")]
    pub geoip_country: Option<PathBuf>,
    /// Networks of proxies whose X-Forwarded-For or Forwarded counts; loopback always does.
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<IpNet>,
    /// A file to which a line is appended for every answer about a repository.
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// An address that answers /metrics in OpenMetrics text, and /totals; off unless given.
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// A folder in which each run keeps what it has answered on which day, so that a restart loses
    /// none of it; `heliostat report merge` adds it up.
    #[arg(long, value_name = "DIR")]
    pub totals_dir: Option<PathBuf>,
    /// Serving threads [default: one for each CPU that the process may use, as that changes].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// While fewer hosts than this are found near a client, the whole world is added [default: 5].
    #[arg(long, value_name = "N")]
    pub hosts_min: Option<u32>,
    /// Give no more hosts than this [default: all].
    #[arg(long, value_name = "N")]
    pub hosts_max: Option<u32>,
    /// Whether a client may ask on behalf of another address with ip= [default: true].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub ip_parameter: Option<bool>,
    /// Answer unknown repositories and paths with 200, as the Python server did [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub legacy_status: Option<bool>,
    /// Open connections; beyond it the longest idle ones are closed [default: 65536].
    #[arg(long, value_name = "N")]
    pub connections_max: Option<usize>,
    /// Bytes of a request's head, at least 8192 [default: 16384].
    #[arg(long, value_name = "N")]
    pub header_bytes_max: Option<usize>,
    /// Header lines of a request [default: 64].
    #[arg(long, value_name = "N")]
    pub headers_max: Option<usize>,
    /// Seconds that a connection may lie idle between requests [default: 60].
    #[arg(long, value_name = "SECONDS")]
    pub idle_timeout_s: Option<u64>,
    /// Seconds from the first byte of a request to the last byte of its answer [default: 20].
    #[arg(long, value_name = "SECONDS")]
    pub request_timeout_s: Option<u64>,
    /// Streams at once on one HTTP/2 connection [default: 100].
    #[arg(long, value_name = "N")]
    pub streams_max: Option<u32>,
    /// Seconds that SIGTERM waits for requests under way [default: 10].
    #[arg(long, value_name = "SECONDS")]
    pub drain_timeout_s: Option<u64>,
    /// Draw equal mirrors in an order that repeats [default: another one each time].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// What a server does, with every default filled in.
#[derive(Debug)]
pub struct ServePlan {
    /// The snapshot; when a store is followed, the copy.
    pub snapshot: PathBuf,
    /// The store to follow, if one is.
    pub follow: Option<FollowPlan>,
    /// Countries by address, for every snapshot.
    pub countries: Option<Arc<CountryTable>>,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The access log, if there is one.
    pub access_log: Option<PathBuf>,
    /// Where `/metrics` is answered, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where totals are kept, if anywhere.
    pub totals_dir: Option<PathBuf>,
    /// Serving threads; none means one per CPU.
    pub threads: Option<usize>,
    /// How to answer.
    pub settings: Settings,
}

/// What is followed.
#[derive(Clone, Debug)]
pub struct FollowPlan {
    /// The store.
    pub location: Location,
    /// How it is reached.
    pub access: Access,
    /// Where the copy lies.
    pub cache_dir: PathBuf,
    /// How often the store is asked.
    pub interval: Duration,
}

impl ServeOptions {
    /// What to serve: a file, or the copy of what is followed.
    fn source(&self) -> Result<(PathBuf, Option<FollowPlan>), Error> {
        match (&self.snapshot, &self.follow) {
            (Some(_), Some(_)) => Err(Error::TwoSources),
            (Some(snapshot), None) => Ok((snapshot.clone(), None)),
            (None, None) => Err(Error::NoSnapshot),
            (None, Some(follow)) => {
                let cache_dir = self.cache_dir.clone().unwrap_or_else(|| CACHE_DIR_DEFAULT.into());
                let (endpoint, credentials) =
                    (self.s3_endpoint.clone(), self.s3_credentials.clone());
                let plan = FollowPlan {
                    location: location(follow),
                    access: Access { endpoint, credentials, unconditional: false },
                    cache_dir: cache_dir.clone(),
                    interval: self
                        .follow_interval_s
                        .map_or(FOLLOW_INTERVAL_DEFAULT, |s| Duration::from_secs(s.max(1))),
                };
                Ok((cache_dir.join(LINK), Some(plan)))
            }
        }
    }

    /// Fills in the defaults, and opens the country database.
    ///
    /// `seed` is where randomness comes from when no option says it.
    ///
    /// # Errors
    ///
    /// An option that makes no sense, or a country database that is none.
    pub fn plan(self, seed: u64) -> Result<ServePlan, Error> {
        let options = self;
        let (snapshot, follow) = options.source()?;
        let listen = match options.listen.as_slice() {
            [] => vec![LISTEN_DEFAULT],
            listen => listen.to_vec(),
        };
        let countries = options.geoip_country.as_deref().map(countries_open).transpose()?;
        let policy = Policy::default();
        let limits = Limits::default();
        let header_bytes_max = options.header_bytes_max.unwrap_or(limits.header_bytes_max);
        if header_bytes_max < HEADER_BYTES_MAX_MIN {
            return Err(Error::HeaderBytes { found: header_bytes_max });
        }
        let seconds =
            |option: Option<u64>, default: Duration| option.map_or(default, Duration::from_secs);
        Ok(ServePlan {
            snapshot,
            follow,
            countries: countries.map(Arc::new),
            listen,
            access_log: options.access_log,
            metrics_listen: options.metrics_listen,
            totals_dir: options.totals_dir,
            threads: options.threads.map(|threads| threads.max(1) as usize),
            settings: Settings {
                policy: Policy {
                    hosts_min: options.hosts_min.unwrap_or(policy.hosts_min),
                    hosts_max: options.hosts_max.unwrap_or(policy.hosts_max),
                },
                trusted_proxies: TrustedProxies::new(options.trusted_proxy),
                ip_allowed: options.ip_parameter.unwrap_or(true),
                legacy_status: options.legacy_status.unwrap_or(false),
                limits: Limits {
                    connections_max: options.connections_max.unwrap_or(limits.connections_max),
                    header_bytes_max,
                    headers_max: options.headers_max.unwrap_or(limits.headers_max),
                    idle_timeout: seconds(options.idle_timeout_s, limits.idle_timeout),
                    request_timeout: seconds(options.request_timeout_s, limits.request_timeout),
                    streams_max: options.streams_max.unwrap_or(limits.streams_max),
                    drain_timeout: seconds(options.drain_timeout_s, limits.drain_timeout),
                },
                seed: options.seed.unwrap_or(seed),
            },
        })
    }
}

/// Where a server listens that was not told.
const LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Where a copy lies that was not told where.
const CACHE_DIR_DEFAULT: &str = "/var/cache/heliostat";

/// How often a store is asked when nobody said it.
const FOLLOW_INTERVAL_DEFAULT: Duration = Duration::from_secs(5);

/// What hyper needs at least.
const HEADER_BYTES_MAX_MIN: usize = 8192;
