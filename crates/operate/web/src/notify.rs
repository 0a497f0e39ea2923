//! What publishers say that they have changed: it is looked at before the answer goes out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use heliostat_catalog::account::Role;
use heliostat_observe_probe::wire::Format;
use http::{HeaderMap, StatusCode};

use crate::body::look;
use crate::desk::{Desk, Standing, within};
use crate::routes::Client;
use crate::trouble::{Trouble, json as answer};

/// `POST /api/notify`.
pub(crate) async fn json(
    State(desk): State<Arc<Desk>>,
    Client(from): Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Trouble> {
    desk.rate(from)?;
    let (account, token) = desk.bearer(&headers, from).await?;
    if account.role == Role::Viewer {
        let what = "only who may change the catalog may have the primary copy looked at";
        return Err(Trouble::new(StatusCode::FORBIDDEN, "role", what));
    }
    let room = desk.room(Standing::Known).await?;
    let found = look(&desk.prober, Format::Paths, &headers, body).await?;
    drop(room);
    let left_out: u64 = found.left_out.iter().map(|left| left.count).sum();
    let paths: Vec<String> = found.entries.into_iter().map(|entry| entry.path).collect();
    if paths.is_empty() {
        return Err(Trouble::new(StatusCode::BAD_REQUEST, "paths", "it names no path"));
    }
    let _turn = within(&desk.notifying, "notifications_max").await?;
    let (work, who) = (Arc::clone(&desk), format!("token:{token}"));
    let count = paths.len();
    tracing::info!(who, paths = count, "notified");
    let done = tokio::task::spawn_blocking(move || (work.notifier)(&who, &paths)).await;
    match done {
        Ok(Ok(mut said)) => {
            said["left_out"] = left_out.into();
            Ok(answer(StatusCode::OK, &said))
        }
        Ok(Err(error)) => {
            let causes =
                std::iter::successors(Some(&*error as &dyn std::error::Error), |e| e.source());
            let what = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            tracing::warn!(what, "what was changed could not be looked at");
            Err(Trouble::busy("scan", what))
        }
        Err(error) => Err(Trouble::ours(&error)),
    }
}
