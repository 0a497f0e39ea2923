//! A body, from the network to a worker: its room is asked for before a byte of it is read.

use std::time::Duration;

use axum::body::Body;
use heliostat_observe_probe::wire::{Format, Found, Task};
use heliostat_observe_probe::{Prober, body_bytes_max};
use http::HeaderMap;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::desk::{PATIENCE, slow};
use crate::trouble::Trouble;

/// Reads a body, and has a worker look at it.
pub(crate) async fn look(
    prober: &Prober,
    format: Format,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<Found, Trouble> {
    let most = body_bytes_max(format);
    let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let told = told.and_then(|text| text.parse::<usize>().ok());
    if let Some(bytes) = told.filter(|&bytes| bytes > most) {
        let what = format!("the body has {bytes} bytes, more than {most}");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Trouble::new(status, "body_bytes_max", what));
    }
    let room = prober.document(Task::new(format), told.unwrap_or(most));
    let room = timeout(PATIENCE, room).await;
    let busy = || Trouble::busy("memory", "there is no room for the body just now");
    let mut document = room.map_err(|_| busy())??;
    let end = Instant::now() + BODY_TIME_MAX;
    loop {
        let silence = timeout(SILENCE_MAX, body.frame());
        let Ok(Ok(frame)) = timeout_at(end, silence).await else {
            return Err(slow("the body came too slowly"));
        };
        match frame {
            None => break,
            Some(Ok(frame)) => {
                if let Ok(part) = frame.into_data() {
                    document.push(&part)?;
                }
            }
            Some(Err(_)) => {
                let what = "the body broke off";
                return Err(Trouble::new(StatusCode::BAD_REQUEST, "truncated", what));
            }
        }
    }
    if document.length() == 0 {
        return Err(Trouble::new(StatusCode::BAD_REQUEST, "format", "there is no body"));
    }
    Ok(prober.probe(document).await?)
}

/// Until the end of a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(120);

/// Between two parts of it.
const SILENCE_MAX: Duration = Duration::from_secs(20);
