//! All mirrors, on one small server.
//!
//! Each mirror has a socket on an address of its own, so that clients that count connections or
//! choose by host see different hosts. All are served by one thread. A mirror that refuses
//! connections keeps its address without listening on it, so nobody else gets it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::answer::answer;
use crate::hostile;
use crate::listing::Style;
use crate::manner::Manner;
use crate::mirror::{Mirror, Shelf, count};
use crate::tree::Tree;

/// A mirror that is to be: what it holds and how it behaves.
#[derive(Clone, Debug)]
pub struct Post {
    name: String,
    tree: Arc<Tree>,
    style: Style,
    manner: Manner,
    count_paths: bool,
}

impl Post {
    /// An honest mirror with Apache's pages.
    pub fn new(name: impl Into<String>, tree: Arc<Tree>) -> Post {
        let (style, manner) = Default::default();
        Post { name: name.into(), tree, style, manner, count_paths: true }
    }

    /// With other pages.
    #[must_use]
    pub fn style(self, style: Style) -> Post {
        Post { style, ..self }
    }

    /// With other manners.
    #[must_use]
    pub fn manner(self, manner: Manner) -> Post {
        Post { manner, ..self }
    }

    /// Without a count for each path, which takes more memory than all else in a large crawl.
    #[must_use]
    pub fn without_paths(self) -> Post {
        Post { count_paths: false, ..self }
    }
}

/// Mirrors that run until this is dropped.
#[derive(Debug)]
pub struct Fleet {
    mirrors: Vec<Mirror>,
    runtime: Option<Runtime>,
}

impl Fleet {
    /// Starts mirrors on `127.0.1.1`, `127.0.1.2`, …, all on one port if it is free on all of them.
    ///
    /// # Errors
    ///
    /// When there is no socket for one of them.
    pub fn start(posts: impl IntoIterator<Item = Post>) -> io::Result<Fleet> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fleet")
            .enable_all()
            .build()?;
        let mut mirrors = Vec::new();
        let mut port = 0;
        for (at, post) in posts.into_iter().enumerate() {
            let number = (at as u32 + 256 + 1).to_be_bytes();
            let ip = [127, number[1], number[2], number[3]];
            let socket = bound(SocketAddr::from((ip, port)));
            let socket = socket.or_else(|_| bound(SocketAddr::from((ip, 0))))?;
            let address = socket.local_addr()?;
            port = address.port();
            let Post { name, tree, style, manner, count_paths } = post;
            let shelf = Shelf::new(name, address, style, manner, tree, count_paths);
            let mirror = Mirror { shelf: Arc::new(shelf) };
            // From here on it listens, so whoever has its address can call it.
            let entered = runtime.enter();
            let door = match manner {
                Manner::Refuses => Door::Closed(socket),
                _ => Door::Open(socket.listen(BACKLOG)?),
            };
            drop(entered);
            runtime.spawn(stand(Arc::clone(&mirror.shelf), door));
            mirrors.push(mirror);
        }
        Ok(Fleet { mirrors, runtime: Some(runtime) })
    }

    /// All of them, in the order in which they were started.
    #[must_use]
    pub fn mirrors(&self) -> &[Mirror] {
        &self.mirrors
    }

    /// One of them, by its name.
    #[must_use]
    pub fn mirror(&self, name: &str) -> Option<&Mirror> {
        self.mirrors.iter().find(|mirror| mirror.name() == name)
    }
}

impl Drop for Fleet {
    /// Ends all connections as they are; also within another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A mirror's socket.
enum Door {
    Open(TcpListener),
    /// Its address, kept.
    Closed(TcpSocket),
}

/// A socket that has an address and does not listen.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the time before must not keep the address from it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes connections for as long as its manner says so.
async fn stand(shelf: Arc<Shelf>, mut door: Door) -> io::Result<()> {
    let mut manner = shelf.manner.subscribe();
    loop {
        door = match door {
            Door::Closed(socket) => {
                // The sender lives as long as the shelf does.
                let _ = manner.wait_for(|manner| *manner != Manner::Refuses).await;
                Door::Open(socket.listen(BACKLOG)?)
            }
            Door::Open(listener) => {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _)) = accepted {
                            count(&shelf.tally.connections);
                            tokio::spawn(connection(Arc::clone(&shelf), stream));
                        }
                        Door::Open(listener)
                    }
                    _ = manner.wait_for(|manner| *manner == Manner::Refuses) => {
                        drop(listener);
                        Door::Closed(bound(shelf.address)?)
                    }
                }
            }
        };
    }
}

/// Serves a connection until its end, or until the mirror goes away.
async fn connection(shelf: Arc<Shelf>, stream: TcpStream) {
    let mut manner = shelf.manner.subscribe();
    let refuses = async {
        // The sender lives as long as the shelf does.
        let _ = manner.wait_for(|manner| *manner == Manner::Refuses).await;
    };
    tokio::select! {
        () = serve(Arc::clone(&shelf), stream) => {}
        () = refuses => {}
    }
}

async fn serve(shelf: Arc<Shelf>, mut stream: TcpStream) {
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let manner = *shelf.manner.borrow();
    if let Manner::Hostile(hostility) = manner
        && let Some(raw) = hostile::raw(hostility)
    {
        count(&shelf.tally.requests);
        count(&shelf.tally.spoiled);
        // Whoever has heard enough closes; that is how it ends.
        let _ = raw.speak(&mut stream).await;
        let _ = stream.shutdown().await;
        return;
    }
    let service = service_fn(move |request| answer(Arc::clone(&shelf), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // An error is the end of this connection, and was often meant.
    let _ = connection.await;
}

const BACKLOG: u32 = 1024;
