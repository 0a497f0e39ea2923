//! Listening sockets.
//!
//! There is a socket per address for each thread that ever served at once; the kernel spreads new
//! connections over the group (`SO_REUSEPORT`). Closing one would reset the connections that wait
//! in its queue, so none is closed before the server ends: when a thread retires, others take its
//! sockets over. Sockets that were handed over by a service manager are shared between the threads
//! instead.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::places;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// Which address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// One socket per address in each.
    sets: Vec<Vec<Arc<TcpListener>>>,
    addresses: Vec<SocketAddr>,
    /// More sets can be opened.
    ours: bool,
}

impl Listeners {
    /// Opens a socket for each address.
    ///
    /// Port 0 is chosen once, by the first socket, and the same for all that come later.
    ///
    /// # Errors
    ///
    /// When an address is taken, not ours, or not allowed.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Listeners, ListenError> {
        let mut listeners = Listeners { sets: Vec::new(), addresses: Vec::new(), ours: true };
        for &address in addresses {
            let failed = |source| ListenError { address, source };
            // Without this probe a second server of ours would silently share the port of the first.
            let probe = socket(address, false).and_then(|probe| probe.local_addr());
            listeners.addresses.push(probe.map_err(failed)?);
        }
        listeners.open_one_more()?;
        let own = listeners.sets[0].iter().zip(&listeners.addresses);
        listeners.addresses =
            own.map(|(socket, &address)| socket.local_addr().unwrap_or(address)).collect();
        Ok(listeners)
    }

    /// Takes sockets that somebody else opened; all threads share them.
    ///
    /// # Errors
    ///
    /// When they cannot be used without waiting.
    pub fn inherited(sockets: Vec<TcpListener>) -> io::Result<Listeners> {
        sockets.iter().try_for_each(|socket| socket.set_nonblocking(true))?;
        let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let set = sockets.into_iter().map(Arc::new).collect();
        Ok(Listeners { sets: vec![set], addresses, ours: false })
    }

    /// Where they listen.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Opens what is missing for so many threads.
    ///
    /// # Errors
    ///
    /// When the system has no more sockets; threads then share those that there are.
    pub(crate) fn open(&mut self, threads: usize) -> Result<(), ListenError> {
        while self.ours && self.sets.len() < threads {
            self.open_one_more()?;
        }
        Ok(())
    }

    fn open_one_more(&mut self) -> Result<(), ListenError> {
        let set = self.addresses.iter().map(|&address| match socket(address, true) {
            Ok(socket) => Ok(Arc::new(socket)),
            Err(source) => Err(ListenError { address, source }),
        });
        self.sets.push(set.collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Which thread accepts from which sockets; together they accept from all.
    pub(crate) fn shares(&self, threads: usize) -> Vec<Vec<Arc<TcpListener>>> {
        let sockets = |sets: Vec<usize>| {
            sets.into_iter().flat_map(|set| self.sets[set].iter().cloned()).collect()
        };
        places::shares(self.sets.len(), threads).into_iter().map(sockets).collect()
    }

    /// Lets go of them: they close when no thread has them any more.
    pub(crate) fn close(&mut self) {
        self.sets.clear();
        self.ours = false;
    }
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
