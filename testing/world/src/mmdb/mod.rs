//! A writer of MaxMind DB files.
//!
//! Format 2.0, as the readers of GeoLite2-Country expect it: one IPv6 tree with IPv4 at `::/96`,
//! the mapped and 6to4 networks leading to the same nodes, and for every network a map with
//! `continent.code`, `country.iso_code` and `registered_country.iso_code`. Real databases may not
//! be shipped, and a made-up one can be compared with what was put in.

/// The data section: maps, strings and numbers.
mod data;
/// The search tree.
mod tree;

use std::collections::HashMap;

use heliostat_model::{Continent, Country};
use ipnet::IpNet;

use data::Value;
use tree::Tree;

/// A network and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The network.
    pub network: IpNet,
    /// Its country.
    pub country: Country,
    /// The continent of the country.
    pub continent: Continent,
}

/// Writes a country database. A network inside another one wins over it, and of two entries for
/// one network the last.
///
/// ```
/// use heliostat_model::{Continent, Country};
/// use heliostat_testing_world::mmdb::{Entry, write};
/// let file = write([Entry {
///     network: "198.51.100.0/24".parse().unwrap(),
///     country: Country::parse("SE").unwrap(),
///     continent: Continent::parse("EU").unwrap(),
/// }]);
/// assert!(file.windows(14).any(|w| w == b"\xab\xcd\xefMaxMind.com"));
/// ```
pub fn write(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let (tree, data) = compile(entries);
    let size = RecordSize::of(tree.node_count(), data.len());
    assemble(&tree, &data, size)
}

/// How many bits a record of the tree has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordSize {
    Bits24,
    Bits28,
    Bits32,
}

impl RecordSize {
    /// The smallest that can hold every value.
    fn of(node_count: usize, data_bytes: usize) -> RecordSize {
        match node_count + data_bytes + SEPARATOR.len() {
            ..0x0100_0000 => RecordSize::Bits24,
            0x0100_0000..0x1000_0000 => RecordSize::Bits28,
            _ => RecordSize::Bits32,
        }
    }

    fn bits(self) -> u16 {
        match self {
            RecordSize::Bits24 => 24,
            RecordSize::Bits28 => 28,
            RecordSize::Bits32 => 32,
        }
    }

    fn write(self, [left, right]: [u32; 2], out: &mut Vec<u8>) {
        let (l, r) = (left.to_be_bytes(), right.to_be_bytes());
        match self {
            RecordSize::Bits24 => out.extend([l[1], l[2], l[3], r[1], r[2], r[3]]),
            // The highest four bits of both share the byte in the middle.
            RecordSize::Bits28 => {
                out.extend([l[1], l[2], l[3], (l[0] << 4) | (r[0] & 0x0f), r[1], r[2], r[3]]);
            }
            RecordSize::Bits32 => out.extend([l, r].concat()),
        }
    }
}

/// The tree, and the data section that it points into.
pub(crate) fn compile(entries: impl IntoIterator<Item = Entry>) -> (Tree, Vec<u8>) {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|entry| tree::key(entry.network).1);
    let (mut tree, mut data, mut places) = (Tree::new(), Vec::new(), HashMap::new());
    for entry in entries {
        let place = *places.entry((entry.country, entry.continent)).or_insert_with(|| {
            let place = data.len() as u32;
            country_value(entry).write(&mut data);
            place
        });
        let (bits, length) = tree::key(entry.network);
        tree.insert(bits, length, place);
    }
    tree.shrink();
    for (alias, length) in IPV4_ALIASES {
        tree.alias(alias, length);
    }
    (tree, data)
}

/// The whole file.
pub(crate) fn assemble(tree: &Tree, data: &[u8], size: RecordSize) -> Vec<u8> {
    let records = tree.records(SEPARATOR.len() as u32);
    let mut file = Vec::new();
    for &node in &records {
        size.write(node, &mut file);
    }
    file.extend(SEPARATOR);
    file.extend(data);
    file.extend(MARKER);
    metadata(records.len() as u32, size).write(&mut file);
    file
}

fn country_value(entry: Entry) -> Value {
    let country = || Value::Map(vec![("iso_code", Value::text(entry.country))]);
    Value::Map(vec![
        ("continent", Value::Map(vec![("code", Value::text(entry.continent))])),
        ("country", country()),
        ("registered_country", country()),
    ])
}

fn metadata(node_count: u32, size: RecordSize) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(BUILD_EPOCH)),
        ("database_type", Value::text("Heliostat-Test-Country")),
        ("description", Value::Map(vec![("en", Value::text("Made up, for tests"))])),
        ("ip_version", Value::U16(6)),
        ("languages", Value::Array(vec![Value::text("en")])),
        ("node_count", Value::U32(node_count)),
        ("record_size", Value::U16(size.bits())),
    ])
}

/// Mapped addresses and 6to4.
const IPV4_ALIASES: [(u128, u8); 2] = [(0xffff << 32, 96), (0x2002 << 112, 16)];

const SEPARATOR: [u8; 16] = [0; 16];
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const BUILD_EPOCH: u64 = 1_760_000_000;

#[cfg(test)]
mod tests;
