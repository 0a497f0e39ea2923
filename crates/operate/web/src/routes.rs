//! What is where.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;

use crate::desk::Desk;
use crate::trouble::{Trouble, text};
use crate::{checkin, notify};

/// Everything that is answered.
pub(crate) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/healthz", get(healthy))
        .route("/api/checkin", post(checkin::json))
        .route("/api/notify", post(notify::json))
        .route("/xmlrpc", post(checkin::xmlrpc))
        // Where MirrorManager has it.
        .route("/mirrormanager/xmlrpc", post(checkin::xmlrpc))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(desk)
}

async fn healthy(State(_): State<Arc<Desk>>) -> Response {
    text(StatusCode::OK, "text/plain", "ok\n".to_owned())
}

async fn nowhere() -> Trouble {
    Trouble::new(StatusCode::NOT_FOUND, "path", "there is no such thing here")
}

async fn not_so() -> Trouble {
    Trouble::new(StatusCode::METHOD_NOT_ALLOWED, "method", "it is not asked for like this")
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who asks: the peer, or whom a proxy on this machine names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) IpAddr);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Client, Trouble> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        if !peer.is_loopback() {
            return Ok(Client(peer));
        }
        let told = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let told = told.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        Ok(Client(told.and_then(|text| text.trim().parse().ok()).unwrap_or(peer)))
    }
}
