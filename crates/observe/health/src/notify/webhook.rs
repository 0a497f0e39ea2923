//! Requests to URLs that the operator names: a body of JSON, its number, and a signature.

use std::time::Duration;

use heliostat_catalog::notice::Notice;
use heliostat_observe_probe::{LookError, Poster};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `sha256=` and the HMAC-SHA-256 of a body, in hexadecimal.
///
/// ```
/// use heliostat_observe_health::notify::signature;
/// assert_eq!(
///     signature(b"Jefe", b"what do ya want for nothing?"),
///     "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
/// );
/// ```
#[must_use]
pub fn signature(secret: &[u8], body: &[u8]) -> String {
    // Any length is a key.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    let hash = mac.finalize().into_bytes();
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// Sends a notice; the status of the answer.
pub(super) async fn send(
    poster: &Poster,
    notice: &Notice,
    secret: Option<&str>,
) -> Result<u16, LookError> {
    let id = notice.id.to_string();
    let mut headers = vec![("x-heliostat-delivery", id)];
    if let Some(secret) = secret {
        let signed = signature(secret.as_bytes(), notice.body.as_bytes());
        headers.push(("x-heliostat-signature-256", signed));
    }
    poster.post(&notice.recipient, &headers, notice.body.clone(), PATIENCE).await
}

const PATIENCE: Duration = Duration::from_secs(15);
