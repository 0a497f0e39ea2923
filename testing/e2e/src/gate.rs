//! A gate before a service: what goes through can be cut, or held up, and let through again.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use anyhow::Result;

use crate::address_unused;

/// A gate.
#[derive(Debug)]
pub struct Gate {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// What a gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything goes through.
    Open,
    /// Nothing goes through, and nobody is told.
    Held,
    /// Every connection ends.
    Cut,
    /// Open until a client sends these bytes; they are held, and so is all that follows.
    Until(&'static str),
}

#[derive(Debug)]
struct Shared {
    way: Mutex<Way>,
    changed: Condvar,
}

impl Gate {
    /// A gate before an address, open.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn before(service: SocketAddr) -> Result<Gate> {
        let address = address_unused();
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared { way: Mutex::new(Way::Open), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&theirs);
                // Whatever fails ends this connection, as it would without a gate.
                thread::spawn(move || {
                    let server =
                        shared.passes().then(|| TcpStream::connect(service).ok()).flatten();
                    server.map(|server| shared.join(&client, &server))
                });
            }
        });
        Ok(Gate { address, shared })
    }

    /// From now on, goes this way.
    pub fn goes(&self, way: Way) {
        *self.shared.way() = way;
        self.shared.changed.notify_all();
    }

    /// Which way it goes now.
    pub fn way(&self) -> Way {
        *self.shared.way()
    }

    /// The URL of the service behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Shared {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Waits while the gate is held; whether it is open then.
    fn passes(&self) -> bool {
        let waited = self.changed.wait_while(self.way(), |way| *way == Way::Held);
        *waited.unwrap_or_else(|poison| poison.into_inner()) != Way::Cut
    }

    /// Looks at what a client sends.
    fn sees(&self, bytes: &[u8]) {
        let mut way = self.way();
        if let Way::Until(text) = *way
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            *way = Way::Held;
        }
    }

    fn join(self: &Arc<Shared>, client: &TcpStream, server: &TcpStream) -> Option<()> {
        let (theirs, back) =
            (Arc::clone(self), (server.try_clone().ok()?, client.try_clone().ok()?));
        let answers = thread::spawn(move || theirs.carry(back.0, back.1, |_| ()));
        self.carry(client.try_clone().ok()?, server.try_clone().ok()?, |bytes| self.sees(bytes));
        answers.join().ok()
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, sees: impl Fn(&[u8])) {
        let mut bytes = [0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            sees(&bytes[..read]);
            if !self.passes() || to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        // Both ways end together.
        for stream in [&from, &to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
