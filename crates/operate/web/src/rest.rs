//! The rest of a body that nobody has read, and the count of the refused.
//!
//! A connection that is closed while bytes of its client are unread is reset by the system, and the
//! client may lose an answer that is already on the way. So what a refused request still sends is
//! read and thrown away, within bounds, before it is answered.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::response::Response;
use http::Request;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;
use tower_service::Service;

use crate::refusals::Refusals;
use crate::trouble::Reason;

/// Has a request answered, and reads what is left of its body.
pub(crate) async fn answered(
    mut router: Router,
    refusals: Arc<Refusals>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    // Who asks first whether to send the body does not send it after a refusal.
    let asks_first = request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let mut rest = Shared(Arc::new(Mutex::new(body)));
    let answer = router.call(Request::from_parts(head, rest.clone())).await?;
    if let Some(Reason(reason)) = answer.extensions().get() {
        refusals.add(reason);
    }
    if !asks_first {
        // Whoever sends more, or more slowly, has to live with a reset.
        let _ = timeout(REST_TIME_MAX, read(&mut rest)).await;
    }
    Ok(answer)
}

async fn read(rest: &mut Shared) {
    let mut bytes = 0;
    while bytes < REST_BYTES_MAX
        && let Some(Ok(frame)) = rest.frame().await
    {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A body that is read by one after the other.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

/// What is read of a body that is not looked at.
const REST_BYTES_MAX: usize = 512 * 1024;

/// How long it is read.
const REST_TIME_MAX: Duration = Duration::from_secs(1);
