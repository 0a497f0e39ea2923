//! Which autonomous system announces which prefix: a million facts in a few rows.
//!
//! The table comes whole, from a dump of the routing table, and is replaced whole. It is stored
//! sorted, in chunks of bytes: a byte of length (64 more for IPv6), the address, the number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heliostat_model::{Asn, IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;

use crate::engine::Value;
use crate::{Error, Txn, View};

/// What the audit trail keeps of a table.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Summary {
    routes: u64,
    hash: String,
}

impl View<'_> {
    /// The whole table, sorted by prefix.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn route_list(&mut self) -> Result<Vec<(IpNet, Asn)>, Error> {
        let mut routes = Vec::new();
        self.each("SELECT routes FROM route_chunk ORDER BY id", &[], |row| {
            row.bytes(0, |bytes| decode(bytes, &mut routes))?
        })?;
        Ok(routes)
    }

    fn route_chunks(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        self.query("SELECT routes FROM route_chunk ORDER BY id", &[], |row| row.cell(0))
    }
}

impl Txn<'_> {
    /// Replaces the table; of two statements about one prefix the last one counts.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn routes_replace(&mut self, routes: &[(IpNet, Asn)]) -> Result<(), Error> {
        let after = encode(routes);
        let before = self.view().route_chunks()?;
        if before == after {
            return Ok(());
        }
        self.execute("DELETE FROM route_chunk", &[])?;
        for (id, chunk) in (1..).zip(&after) {
            // One by one: each is large, and a statement of several would be kept in memory whole.
            self.insert_rows(
                "route_chunk",
                "id, routes",
                &[vec![Value::Int(id), Value::Bytes(chunk)]],
            )?;
        }
        let summary = |chunks: &[Vec<u8>]| (!chunks.is_empty()).then(|| summary(chunks));
        self.note("routes", "all", summary(&before).as_ref(), summary(&after).as_ref())
    }
}

fn encode(routes: &[(IpNet, Asn)]) -> Vec<Vec<u8>> {
    let mut sorted: Vec<(IpNet, u32, Asn)> =
        (0..).zip(routes).map(|(at, &(prefix, asn))| (prefix.trunc(), at, asn)).collect();
    // The later statement comes first and is the one that stays.
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    sorted.dedup_by_key(|route| route.0);
    sorted.chunks(ROUTES_PER_CHUNK).map(chunk).collect()
}

fn chunk(routes: &[(IpNet, u32, Asn)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(routes.len() * 12);
    for (prefix, _, asn) in routes {
        match prefix.addr() {
            IpAddr::V4(address) => {
                bytes.push(prefix.prefix_len());
                bytes.extend(address.octets());
            }
            IpAddr::V6(address) => {
                bytes.push(prefix.prefix_len() + V6);
                bytes.extend(address.octets());
            }
        }
        bytes.extend(asn.0.to_be_bytes());
    }
    bytes
}

fn decode(mut bytes: &[u8], routes: &mut Vec<(IpNet, Asn)>) -> Result<(), Error> {
    while !bytes.is_empty() {
        let route = route(&mut bytes);
        routes.push(route.ok_or_else(|| Error::damaged("a route cannot be read"))?);
    }
    Ok(())
}

fn route(bytes: &mut &[u8]) -> Option<(IpNet, Asn)> {
    let [length] = take(bytes)?;
    let prefix = if length < V6 {
        Ipv4Net::new(Ipv4Addr::from(take::<4>(bytes)?), length).ok()?.into()
    } else {
        Ipv6Net::new(Ipv6Addr::from(take::<16>(bytes)?), length - V6).ok()?.into()
    };
    Some((prefix, Asn(u32::from_be_bytes(take(bytes)?))))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn summary(chunks: &[Vec<u8>]) -> Summary {
    let mut hasher = blake3::Hasher::new();
    let mut routes = Vec::new();
    let mut count = 0;
    for chunk in chunks {
        hasher.update(chunk);
        routes.clear();
        count += decode(chunk, &mut routes).map_or(0, |()| routes.len() as u64);
    }
    Summary { routes: count, hash: hasher.finalize().to_hex().to_string() }
}

/// What is added to the length of an IPv6 prefix, to tell it from the others.
const V6: u8 = 64;

/// About half a megabyte.
const ROUTES_PER_CHUNK: usize = 50_000;
