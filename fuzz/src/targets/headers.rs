//! Headers of any bytes that say whose question it is.

use std::net::{IpAddr, Ipv4Addr};

use heliostat_serve::ask::TrustedProxies;

/// There is a client: the peer, or an address that a line names; a stranger's word never counts.
pub(super) fn target(data: &[u8]) {
    let proxies = TrustedProxies::new(["192.0.2.0/24".parse().unwrap_or_else(|_| unreachable!())]);
    let lines = || data.split(|&byte| byte == b'\n');
    let proxy = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let client = proxies.client(proxy, lines());
    if !proxies.trusts(client) {
        // Whatever a proxy appended behind it, what stood to the left of it does not matter.
        let forged: Vec<&[u8]> = std::iter::once(&b"203.0.113.66"[..]).chain(lines()).collect();
        assert_eq!(proxies.client(proxy, forged.into_iter()), client);
    }
    let stranger = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    assert_eq!(proxies.client(stranger, lines()), stranger);
}
