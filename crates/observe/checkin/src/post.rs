//! A document to the director: over HTTPS, with a token, once.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Url};
use serde_json::Value;

/// A director, and how it is reached.
#[derive(Clone)]
pub struct Director {
    /// `https://director.example.org`, with or without a path.
    pub url: String,
    /// The secret of a token.
    pub secret: String,
    /// Certificates that are believed besides those of the system.
    pub ca: Option<PathBuf>,
    /// What the director is told who asks.
    pub agent: String,
}

/// Why it was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The URL is none.
    #[error("it is no URL like https://director.example.org")]
    Url,
    /// The secret would be readable on the way.
    #[error("the token would be sent in clear; say https")]
    Clear,
    /// The secret is none.
    #[error("the token has characters that no token has")]
    Secret,
    /// The certificates cannot be read.
    #[error("cannot read the certificates in {path}")]
    Ca {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No client can be made here.
    #[error("no runtime")]
    Runtime(#[source] io::Error),
    /// No connection, or it broke.
    #[error("no answer: {0}")]
    Broken(String),
    /// The director said no.
    #[error("the director answered {status}: {what}")]
    Refused {
        /// The status.
        status: u16,
        /// Its words.
        what: String,
    },
}

/// Sends a document, and gives the answer.
///
/// # Errors
///
/// When it does not arrive, or is refused.
pub fn post(
    director: &Director,
    path: &str,
    kind: &'static str,
    body: Vec<u8>,
) -> Result<Value, PostError> {
    let url = target(&director.url, path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(PostError::Runtime)?.block_on(async {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", director.secret))
            .map_err(|_| PostError::Secret)?;
        bearer.set_sensitive(true);
        let client = client(director)?.build().map_err(|error| broken(&error))?;
        let request = client.post(url).header(AUTHORIZATION, bearer).header(CONTENT_TYPE, kind);
        let mut answer = request.body(body).send().await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let mut text = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| broken(&error))? {
            let room = ANSWER_BYTES_MAX - text.len();
            text.extend_from_slice(&part[..part.len().min(room)]);
        }
        let value = serde_json::from_slice::<Value>(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let said = value["error"]["what"].as_str().map(str::to_owned);
        let said =
            said.unwrap_or_else(|| String::from_utf8_lossy(&text).chars().take(200).collect());
        let what = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Err(PostError::Refused { status: status.as_u16(), what })
    })
}

fn client(director: &Director) -> Result<ClientBuilder, PostError> {
    // Somebody else in this process may have chosen already, and chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .user_agent(&director.agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .timeout(Duration::from_secs(300));
    if let Some(path) = &director.ca {
        let failed = |source| PostError::Ca { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(failed)?;
        let certs = Certificate::from_pem_bundle(&pem);
        client = client.tls_certs_merge(certs.map_err(|error| failed(io::Error::other(error)))?);
    }
    Ok(client)
}

fn target(base: &str, path: &str) -> Result<Url, PostError> {
    // Alone first: without a host, the path would begin with one.
    Url::parse(base).map_err(|_| PostError::Url)?;
    let url = Url::parse(&format!("{}{path}", base.trim_end_matches('/')));
    let url = url.map_err(|_| PostError::Url)?;
    let host = url.host_str().ok_or(PostError::Url)?.trim_matches(['[', ']']);
    match url.scheme() {
        "https" => Ok(url),
        "http" if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) => Ok(url),
        "http" => Err(PostError::Clear),
        _ => Err(PostError::Url),
    }
}

/// What went wrong, down to its cause, without the URL.
fn broken(error: &reqwest::Error) -> PostError {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let said = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    PostError::Broken(said)
}

impl std::fmt::Debug for Director {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Director").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::{PostError, target};

    #[test]
    fn a_secret_goes_nowhere_in_clear() {
        let at = |base: &str| target(base, "/api/checkin").map(String::from);
        assert_eq!(at("https://d.example/x/").unwrap(), "https://d.example/x/api/checkin");
        assert_eq!(at("http://127.0.0.1:80").unwrap(), "http://127.0.0.1/api/checkin");
        assert!(at("http://[::1]:8081").is_ok());
        assert!(matches!(at("http://director.example"), Err(PostError::Clear)));
        assert!(matches!(at("http://192.0.2.1"), Err(PostError::Clear)));
        for wrong in ["", "director.example", "ftp://director.example", "https://"] {
            assert!(matches!(at(wrong), Err(PostError::Url)), "{wrong}");
        }
    }
}
