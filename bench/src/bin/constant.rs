//! The yardstick: the same HTTP stack as Heliostat's, with constant bodies.
//!
//! Bare hyper behind hyper-util's `auto` server, one runtime on one thread, its own `SO_REUSEPORT`
//! listener, mimalloc. It does nothing but answer each path with the same bytes and headers, so
//! what Heliostat costs above it is the price of thinking. With `--pieces` it puts each answer
//! together from pieces drawn at random, without a thought about which: the least that answers in
//! a random order cost.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Parser;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use mimalloc::MiMalloc;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::task::{LocalSet, spawn_local};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A server of constant bodies.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// `PATH=BYTES`: how long the body of a path is.
    #[arg(long, value_parser = sized_path)]
    body: Vec<(String, usize)>,
    /// `PATH=NAME: VALUE`: a header of a path's answers.
    #[arg(long, value_parser = header)]
    header: Vec<(String, HeaderName, HeaderValue)>,
    /// `PATH=PIECES/OF`: of how many pieces, out of how many, each body of a path is made.
    #[arg(long, value_parser = drawn_path)]
    pieces: Vec<(String, usize, usize)>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let answers: &'static [Answer] = answers(&options).leak();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(options.listen, answers))
}

/// What a path is answered with.
struct Answer {
    path: String,
    headers: HeaderMap,
    body: Bytes,
    pieces: Option<Pieces>,
}

/// What bodies are put together from.
struct Pieces {
    all: Vec<u8>,
    piece_bytes: usize,
    taken: usize,
    state: Cell<u64>,
}

impl Pieces {
    /// So many pieces of the whole, any of them.
    fn draw(&self) -> Bytes {
        let mut body = Vec::with_capacity(self.taken * self.piece_bytes);
        let mut state = self.state.get();
        for _ in 0..self.taken {
            // Steele, Lea and Flood's SplitMix64 (2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let count = (self.all.len() / self.piece_bytes) as u64;
            let at = ((mixed ^ (mixed >> 31)) % count) as usize * self.piece_bytes;
            body.extend_from_slice(&self.all[at..at + self.piece_bytes]);
        }
        self.state.set(state);
        body.into()
    }
}

fn answers(options: &Options) -> Vec<Answer> {
    let answer = |(path, bytes): &(String, usize)| {
        let drawn = options.pieces.iter().find(|(of, _, _)| of == path);
        let pieces = drawn.map(|&(_, taken, count)| {
            let piece_bytes = (bytes / taken.max(1)).max(1);
            let all = vec![b'x'; piece_bytes * count.max(1)];
            Pieces { all, piece_bytes, taken, state: Cell::default() }
        });
        let own = options.header.iter().filter(|(of, _, _)| of == path);
        Answer {
            path: path.clone(),
            headers: own.map(|(_, name, value)| (name.clone(), value.clone())).collect(),
            body: vec![b'x'; *bytes].into(),
            pieces,
        }
    };
    options.body.iter().map(answer).collect()
}

async fn serve(listen: SocketAddr, answers: &'static [Answer]) -> Result<()> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into()).with_context(|| format!("binding {listen}"))?;
    socket.listen(4096)?;
    let listener = tokio::net::TcpListener::from_std(socket.into())?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn_local(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().half_close(true).header_read_timeout(None);
            let service = service_fn(|request| respond(answers, &request));
            // A client that goes away in the middle is its own business.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn respond(
    answers: &[Answer],
    request: &http::Request<hyper::body::Incoming>,
) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    let path = request.uri().path();
    let mut response = Response::default();
    if let Some(answer) = answers.iter().find(|answer| answer.path == path) {
        let body = answer.pieces.as_ref().map_or_else(|| answer.body.clone(), Pieces::draw);
        *response.body_mut() = body.into();
        *response.headers_mut() = answer.headers.clone();
    } else if path != "/readyz" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    ready(Ok(response))
}

fn sized_path(text: &str) -> Result<(String, usize)> {
    let (path, bytes) = text.split_once('=').context("PATH=BYTES")?;
    Ok((path.to_owned(), bytes.parse()?))
}

fn drawn_path(text: &str) -> Result<(String, usize, usize)> {
    let (path, pieces) = text.split_once('=').context("PATH=PIECES/OF")?;
    let (taken, count) = pieces.split_once('/').context("PIECES/OF")?;
    Ok((path.to_owned(), taken.parse()?, count.parse()?))
}

fn header(text: &str) -> Result<(String, HeaderName, HeaderValue)> {
    let (path, header) = text.split_once('=').context("PATH=NAME: VALUE")?;
    let (name, value) = header.split_once(':').context("NAME: VALUE")?;
    Ok((path.to_owned(), name.trim().parse()?, value.trim().parse()?))
}
