//! Networks as people type them: prefixes in any form, and names of machines, which are looked up.
//!
//! MirrorManager looks names up whenever it makes its cache, one after the other and for as long as it
//! takes. Here a name that nobody answers for costs seconds, and all of them together half a minute.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use heliostat_catalog::mirrormanager::Networks;
use heliostat_exchange::{Typed, network_read};
use heliostat_model::IpNet;

/// Reads networks, and looks names up.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// How long may be spent on names that are still to come.
    left: Duration,
}

impl Lookup {
    pub(crate) fn new() -> Lookup {
        Lookup { left: ALL_TIMEOUT }
    }

    fn addresses(&mut self, name: &str) -> Result<BTreeSet<IpAddr>, String> {
        let wrong = |why: &str| format!("{name}: {why}");
        if self.left.is_zero() {
            return Err(wrong("other names took too long to look this one up too"));
        }
        let begun = Instant::now();
        let (tell, told) = mpsc::channel();
        let asked = name.to_owned();
        // A lookup cannot be stopped: one that is given up ends by itself, and nobody listens.
        thread::spawn(move || {
            let found = (asked.as_str(), 0).to_socket_addrs();
            let _ = tell.send(found.map(|found| found.map(|address| address.ip()).collect()));
        });
        let found = told.recv_timeout(NAME_TIMEOUT.min(self.left));
        self.left = self.left.saturating_sub(begun.elapsed());
        match found {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(wrong(&error.to_string())),
            Err(_) => Err(wrong("nobody answered for this name")),
        }
    }
}

impl Networks for Lookup {
    fn prefix(&mut self, text: &str) -> Result<IpNet, String> {
        match network_read(text) {
            Typed::Prefix(prefix) => Ok(prefix),
            Typed::Name => Err(format!("{text} is a name, not a prefix")),
            Typed::Wrong(why) => Err(why),
        }
    }

    fn networks(&mut self, text: &str) -> Result<Vec<IpNet>, String> {
        match network_read(text) {
            Typed::Prefix(prefix) => Ok(vec![prefix]),
            Typed::Name => Ok(self.addresses(text.trim())?.into_iter().map(IpNet::from).collect()),
            Typed::Wrong(why) => Err(why),
        }
    }
}

/// How long one name may take.
const NAME_TIMEOUT: Duration = Duration::from_secs(5);

/// How long all of them may take.
const ALL_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_every_form() {
        let mut lookup = Lookup::new();
        let mut read = |text: &str| {
            let shown = |nets: Vec<IpNet>| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
            lookup.networks(text).map(shown)
        };
        assert_eq!(read("192.0.2.7/24"), Ok(vec!["192.0.2.0/24".to_owned()]));
        assert_eq!(read("192.0.2.0/255.255.255.128"), Ok(vec!["192.0.2.0/25".to_owned()]));
        assert_eq!(read(" 2001:db8::1 "), Ok(vec!["2001:db8::1/128".to_owned()]));
        assert!(read("localhost").unwrap().contains(&"127.0.0.1/32".to_owned()));
        assert!(read("nobody.invalid").unwrap_err().starts_with("nobody.invalid: "));
        assert!(read("192.0.2.0/33").unwrap_err().contains("too large"));
        lookup.left = Duration::ZERO;
        assert!(lookup.networks("localhost").unwrap_err().contains("other names took too long"));
        assert!(lookup.prefix("localhost").unwrap_err().contains("not a prefix"));
    }
}
