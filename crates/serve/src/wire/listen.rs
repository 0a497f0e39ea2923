//! Listening sockets.
//!
//! Every thread gets a socket of its own for each address; the kernel spreads new connections
//! over the group (`SO_REUSEPORT`). Sockets that were handed over by a service manager are shared
//! between the threads instead.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// Which address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// Opens one listening socket per thread for an address.
///
/// Port 0 is chosen once, by the first socket, and the same for all.
///
/// # Errors
///
/// When the address is taken, not ours, or not allowed.
pub fn listen(address: SocketAddr, threads: usize) -> Result<Vec<TcpListener>, ListenError> {
    // Without this probe a second server of ours would silently share the port of the first.
    let probe = socket(address, false).and_then(|probe| probe.local_addr());
    let mut address = probe.map_err(|source| ListenError { address, source })?;
    let mut sockets = Vec::new();
    for _ in 0..threads.max(1) {
        let socket = socket(address, true).map_err(|source| ListenError { address, source })?;
        address = socket.local_addr().map_err(|source| ListenError { address, source })?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The IPv4 side of the same port belongs to whoever lists it.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Connections that wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
