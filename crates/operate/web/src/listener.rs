//! The addresses, and the connections to them: so many at once, each for so long.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::desk::Desk;
use crate::refusals::Refusals;
use crate::rest::answered;
use crate::routes::{Peer, router};
use crate::tls::{Tls, TlsError};

/// Addresses that are listened on.
#[derive(Debug)]
pub struct Web {
    listeners: Vec<TcpListener>,
    tls: Option<Arc<ServerConfig>>,
}

/// Addresses that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, not ours, or not allowed.
    #[error("cannot listen on {address}")]
    Address {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Secrets would be readable on the way.
    #[error(
        "{0} can be reached from other machines, and secrets would be sent in clear: give \
         --tls-cert and --tls-key, or listen on loopback behind a proxy that has them"
    )]
    Clear(SocketAddr),
    /// The certificate cannot be used.
    #[error("no TLS")]
    Tls(#[from] TlsError),
}

impl Web {
    /// Listens; without TLS only on this machine's own addresses.
    ///
    /// # Errors
    ///
    /// When an address cannot be used, or without TLS must not be.
    pub async fn bind(listen: &[SocketAddr], tls: Option<&Tls>) -> Result<Web, StartError> {
        let mut listeners = Vec::new();
        for &address in listen {
            if tls.is_none() && !address.ip().to_canonical().is_loopback() {
                return Err(StartError::Clear(address));
            }
            let listener = TcpListener::bind(address).await;
            listeners.push(listener.map_err(|source| StartError::Address { address, source })?);
        }
        let config = tls.map(Tls::config).transpose()?;
        Ok(Web { listeners, tls: config.map(Arc::new) })
    }

    /// The addresses that are listened on.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Answers until it is told to stop; then what is under way is ended.
    pub async fn serve(self, desk: Arc<Desk>, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(());
        let shared = Shared {
            refusals: Arc::clone(&desk.refusals),
            router: router(desk),
            acceptor: self.tls.map(TlsAcceptor::from),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            stopped,
        };
        let mut listening = JoinSet::new();
        for listener in self.listeners {
            listening.spawn(accept(listener, shared.clone()));
        }
        stop.await;
        listening.shutdown().await;
        let places = Arc::clone(&shared.places);
        drop((stopping, shared));
        // All places are free when every connection has ended.
        let ended = places.acquire_many(CONNECTIONS_MAX as u32);
        if timeout(DRAIN_TIME_MAX, ended).await.is_err() {
            tracing::warn!("some requests were not ended in time");
        }
    }
}

/// What all connections share.
#[derive(Clone)]
struct Shared {
    router: Router,
    refusals: Arc<Refusals>,
    acceptor: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    /// Closed when it is time to stop.
    stopped: watch::Receiver<()>,
}

async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    // What goes wrong on one connection is its own business.
                    let _ = timeout(CONNECTION_TIME_MAX, connection(stream, from, shared)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, from: SocketAddr, shared: Shared) {
    match &shared.acceptor {
        None => talk(stream, from, shared).await,
        Some(acceptor) => {
            let hands = timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = hands {
                talk(stream, from, shared).await;
            }
        }
    }
}

async fn talk<S>(stream: S, from: SocketAddr, mut shared: Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (router, refusals) = (shared.router, shared.refusals);
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(from));
        answered(router.clone(), Arc::clone(&refusals), request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // Who has sent everything may say so, and still waits for the answer.
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(Some(HEAD_TIME_MAX))
        .keep_alive_timeout(HEAD_TIME_MAX);
    let talking = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(talking);
    tokio::select! {
        _ = talking.as_mut() => return,
        _ = shared.stopped.changed() => talking.as_mut().graceful_shutdown(),
    }
    let _ = talking.await;
}

/// Connections at once, over all addresses; others wait.
const CONNECTIONS_MAX: usize = 256;

/// Streams at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 8;

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Until a request's head is there, and between requests.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// Until TLS stands.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// A connection altogether.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(600);

/// How long requests under way have when it is told to stop.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(15);
