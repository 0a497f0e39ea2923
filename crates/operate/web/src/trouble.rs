//! Why a request is not done, as an answer: a status, a reason with a name, and words.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use heliostat_observe_checkin::{Refused, Unsaid};
use heliostat_observe_probe::Failure;
use heliostat_observe_probe::wire::Limit;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) status: StatusCode,
    /// The name of the limit, or of the rule.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) what: String,
    pub(crate) retry_after_s: Option<u64>,
}

impl Trouble {
    pub(crate) fn new(
        status: StatusCode,
        reason: &'static str,
        what: impl Into<String>,
    ) -> Trouble {
        Trouble { status, reason, what: what.into(), retry_after_s: None }
    }

    /// There is too much to do.
    pub(crate) fn busy(reason: &'static str, what: impl Into<String>) -> Trouble {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Trouble { retry_after_s: Some(BUSY_S), ..Trouble::new(status, reason, what) }
    }

    /// An address asks too often.
    pub(crate) fn often(retry_after_s: u64) -> Trouble {
        let what = "too many requests, or wrong secrets, from this address";
        let trouble = Trouble::new(StatusCode::TOO_MANY_REQUESTS, "requests_per_minute_max", what);
        Trouble { retry_after_s: Some(retry_after_s), ..trouble }
    }

    /// A token that is none.
    pub(crate) fn token() -> Trouble {
        let what = "no token that counts: send `Authorization: Bearer SECRET`; \
                    `heliostat token add` makes one";
        Trouble::new(StatusCode::UNAUTHORIZED, "token", what)
    }

    /// Our own fault: the log knows more.
    pub(crate) fn ours(error: &dyn std::error::Error) -> Trouble {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let said = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        tracing::error!(error = said, "a request could not be done");
        let what = "it could not be done here; the director's log says why";
        Trouble::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", what)
    }

    /// What the catalog said.
    pub(crate) fn catalog(error: &heliostat_catalog::Error) -> Trouble {
        if error.is_refusal() {
            return Trouble::new(StatusCode::CONFLICT, "catalog", error.to_string());
        }
        Trouble::ours(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        match &failure {
            Failure::Refused(refused) => {
                let status = match refused.limit {
                    Limit::BodyBytes
                    | Limit::ExpandedBytes
                    | Limit::WindowBytes
                    | Limit::Entries
                    | Limit::ReplyBytes => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_REQUEST,
                };
                tracing::warn!(limit = refused.limit.name(), what = refused.what, "refused");
                Trouble::new(status, refused.limit.name(), refused.what.clone())
            }
            Failure::Overload(_) => Trouble::busy("workers", "all workers are busy"),
            _ => Trouble::ours(&failure),
        }
    }
}

impl From<Unsaid> for Trouble {
    fn from(unsaid: Unsaid) -> Trouble {
        Trouble::new(StatusCode::BAD_REQUEST, "host", unsaid.to_string())
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Trouble {
        let (status, reason) = match &refused {
            Refused::NotYours { .. } => (StatusCode::FORBIDDEN, "not_yours"),
            Refused::Public { .. } => (StatusCode::FORBIDDEN, "public"),
            Refused::Several { .. } => (StatusCode::CONFLICT, "several"),
            Refused::Nothing { .. } => (StatusCode::CONFLICT, "not_carried"),
        };
        Trouble::new(status, reason, refused.to_string())
    }
}

/// Goes with an answer to a request that is not done, so that it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let value = serde_json::json!({ "error": { "reason": self.reason, "what": self.what } });
        let mut response = json(self.status, &value);
        response.extensions_mut().insert(Reason(self.reason));
        let headers: &mut HeaderMap = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer as JSON.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    text(status, "application/json", format!("{value}\n"))
}

/// An answer as text of some kind.
pub(crate) fn text(status: StatusCode, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// After how long to ask again.
const BUSY_S: u64 = 10;
