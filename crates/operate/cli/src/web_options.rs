//! What a director that listens to mirrors is told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use heliostat_catalog::Place;
use heliostat_observe_probe::{ProbeSettings, Reach};

use crate::Error;
use crate::catalog::args::CatalogArgs;
use crate::catalog::probe;

/// Options of `web`.
#[derive(Clone, Debug, clap::Args)]
pub struct WebOptions {
    /// The catalog that is told.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Addresses to listen on; without TLS only loopback, for a proxy on this machine
    /// [default: 127.0.0.1:8443].
    #[arg(long, value_name = "ADDR", num_args = 1..)]
    pub listen: Vec<SocketAddr>,
    /// The server's certificate and those that vouch for it, in PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// After a notification, mirrors may be looked at on this machine itself, for demonstrations and
    /// tests.
    #[arg(long)]
    pub allow_loopback: bool,
    /// A file for the numbers of what is refused, as OpenMetrics text; it is written every ten seconds
    /// when there is something new, and at the end. Totals go on from what it says at the start.
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// The program that parses what comes [default: heliostat-probe, beside this program].
    #[arg(long, value_name = "FILE")]
    pub probe: Option<PathBuf>,
}

/// What such a director does, with every default filled in.
#[derive(Debug)]
pub struct WebPlan {
    /// The catalog.
    pub place: Place,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its key, if there is TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Which addresses mirrors may have.
    pub reach: Reach,
    /// Where the numbers go.
    pub metrics_file: Option<PathBuf>,
    /// The workers.
    pub probe: ProbeSettings,
}

impl WebOptions {
    /// Fills in the defaults.
    ///
    /// # Errors
    ///
    /// Options that make no sense.
    pub fn plan(self) -> Result<WebPlan, Error> {
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => return Err(unsaid("the key of the certificate", "tls-key")),
            (None, Some(_)) => return Err(unsaid("the certificate of the key", "tls-cert")),
        };
        let listen = if self.listen.is_empty() { vec![LISTEN_DEFAULT] } else { self.listen };
        let (place, probe) = (self.catalog.place()?, probe(self.probe.as_deref())?);
        let reach = if self.allow_loopback { Reach::Loopback } else { Reach::Public };
        Ok(WebPlan { place, listen, tls, reach, metrics_file: self.metrics_file, probe })
    }
}

fn unsaid(what: &'static str, option: &'static str) -> Error {
    let key = if option == "tls-key" { "tls_key" } else { "tls_cert" };
    Error::Unsaid { what, option, key, section: "web" }
}

const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
