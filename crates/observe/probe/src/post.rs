//! Telling a server something that the operator named: a small body, and only the status counts.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::look::{LookError, told};

/// A client that posts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Poster {
    client: Client,
}

impl Poster {
    /// A client that says who it is.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be read.
    pub fn new(agent: &str) -> Result<Poster, LookError> {
        choose_crypto();
        let client = Client::builder()
            .user_agent(agent)
            // What was signed for one is not for another.
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .referer(false)
            .build()
            .map_err(LookError::Broken)?;
        Ok(Poster { client })
    }

    /// Posts JSON, and gives the status of the answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
        patience: Duration,
    ) -> Result<u16, LookError> {
        let wrong = || LookError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let mut request = self.client.post(parsed).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = tokio::time::timeout(patience, request.body(body).send()).await;
        let answer = answer.map_err(|_| LookError::Time(patience))?;
        Ok(answer.map_err(|error| told(error, CONNECT))?.status().as_u16())
    }
}

/// Makes ring compute for every TLS connection of this process.
pub fn choose_crypto() {
    // Somebody else in this process may have chosen already, and chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

const CONNECT: Duration = Duration::from_secs(10);
