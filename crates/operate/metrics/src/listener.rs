//! The address that answers `GET /metrics` and `/totals`, on a thread of its own.
//!
//! It is meant for those who run the server: it speaks HTTP/1.1 without TLS and knows two pages. Each
//! connection carries one answer and ends within half a minute, and only a few are heard at once.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use heliostat_serve::wire::AnswerKey;
use http::header::{ALLOW, CONTENT_TYPE as CONTENT_TYPE_HEADER, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::books::{Books, Shared};
use crate::text::{self, CONTENT_TYPE, Subject};

/// An address that answers; it stops when this is dropped.
#[derive(Debug)]
pub struct Metrics {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An address that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot answer for metrics on {address}")]
pub struct StartError {
    /// Which address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl Metrics {
    /// Answers from now on.
    ///
    /// # Errors
    ///
    /// When the address is taken, not ours, or not allowed, or no thread can be started.
    pub fn start(
        address: SocketAddr,
        subject: Subject,
        books: &Books,
    ) -> Result<Metrics, StartError> {
        let started = Metrics::try_start(address, subject, books.shared());
        started.map_err(|source| StartError { address, source })
    }

    fn try_start(address: SocketAddr, subject: Subject, books: Arc<Shared>) -> io::Result<Metrics> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    _ = stopped => {}
                    ended = accept(listener, Desk { subject, books, keys: RefCell::default() }) => if let Err(error) = ended {
                        tracing::error!(%error, "metrics are answered no more");
                    },
                }
            });
        })?;
        Ok(Metrics { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        // Nobody to hear it means that the thread has ended by itself.
        self.stop.take().map(|stop| stop.send(()));
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// What all connections share: the numbers, and the combinations that were read already.
struct Desk {
    subject: Subject,
    books: Arc<Shared>,
    keys: RefCell<Vec<AnswerKey>>,
}

async fn accept(listener: StdListener, desk: Desk) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let desk = Rc::new(desk);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for metrics");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let desk = Rc::clone(&desk);
        spawn_local(async move {
            let service = service_fn(|request| std::future::ready(desk.answer(&request)));
            let connection = http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(HEADER_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service);
            // What goes wrong on one connection is its own business.
            let _ = timeout(CONNECTION_TIMEOUT, connection).await;
            drop(place);
        });
    }
}

impl Desk {
    fn answer(&self, request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (status, kind, body) = match (request.method(), request.uri().path()) {
            (&(Method::GET | Method::HEAD), "/metrics") => {
                let text = text::write(&self.subject, &mut self.keys.borrow_mut());
                (StatusCode::OK, CONTENT_TYPE, text.into())
            }
            (&(Method::GET | Method::HEAD), "/totals") => {
                (StatusCode::OK, JSON, self.books.document().into())
            }
            (_, "/metrics" | "/totals") => {
                (StatusCode::METHOD_NOT_ALLOWED, TEXT, Bytes::from_static(b"GET or HEAD\n"))
            }
            _ => (
                StatusCode::NOT_FOUND,
                TEXT,
                Bytes::from_static(b"only /metrics and /totals are here\n"),
            ),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(kind));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        Ok(response)
    }
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Connections that are heard at once; others wait.
const CONNECTIONS_MAX: usize = 16;

/// How long one question and its answer may take.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a request's head.
const HEADER_BYTES_MAX: usize = 8 * 1024;
