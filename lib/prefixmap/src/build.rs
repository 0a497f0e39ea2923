//! From prefixes to an image.

use ipnet::IpNet;

use crate::address::{Address, Entry};
use crate::error::Error;
use crate::grid::GridNumbers;
use crate::layout::{Layout, Numbers};
use crate::sink::Writer;
use crate::tree::TreeNumbers;
use crate::v4::{GRID_MAX, SHORTER_MAX, V4Numbers};
use crate::v6::{SHORT_MAX, V6Numbers};

/// Builds an image from prefixes and their values.
///
/// The order of the prefixes does not matter. Bits below a prefix's length are ignored, so that
/// `192.0.2.77/24` means `192.0.2.0/24`. Where a prefix occurs more than once, the last one wins.
/// The same set of prefixes and values always gives the same bytes.
///
/// # Errors
///
/// [`Error::is_too_large`], if the image would not fit into 4 GiB.
///
/// # Examples
///
/// ```
/// use heliostat_prefixmap::{PrefixMap, build};
///
/// let image = build([
///     ("198.51.100.0/24".parse()?, 1),
///     ("2001:db8::/32".parse()?, 2),
///     ("198.51.100.9/24".parse()?, 3),
/// ])?;
/// let map = PrefixMap::open(&image)?;
/// assert_eq!(map.len(), 2);
/// assert_eq!(map.value("198.51.100.1".parse::<std::net::IpAddr>()?), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn build(prefixes: impl IntoIterator<Item = (IpNet, u32)>) -> Result<Vec<u8>, Error> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (prefix, value) in prefixes {
        let len = prefix.prefix_len();
        match prefix {
            IpNet::V4(net) => {
                v4.push(Entry { start: net.addr().to_bits().start(len), len, value });
            }
            IpNet::V6(net) => {
                v6.push(Entry { start: net.addr().to_bits().start(len), len, value });
            }
        }
    }
    sort(&mut v4);
    sort(&mut v6);

    let (v4_tiers, v6_tiers) = (V4Tiers::of(&v4), V6Tiers::of(&v6));
    let numbers = v4_tiers
        .as_ref()
        .zip(v6_tiers.as_ref())
        .map(|(v4, v6)| Numbers { v4: v4.numbers, v6: v6.numbers });
    let layout = numbers.and_then(Layout::plan).ok_or(Error::too_large("prefixes"))?;
    let mut image = vec![0; layout.size()];
    let sink = &mut Writer(&mut image);
    layout.encode(sink)?;
    if let Some(tiers) = v4_tiers {
        tiers.encode(&layout, sink)?;
    }
    if let Some(tiers) = v6_tiers {
        tiers.encode(&layout, sink)?;
    }
    Ok(image)
}

fn sort<A: Address>(entries: &mut Vec<Entry<A>>) {
    // Stable, so that among equal prefixes the last one given stays last.
    entries.sort_by_key(Entry::key);
    entries.dedup_by(|later, kept| {
        let same = later.key() == kept.key();
        if same {
            kept.value = later.value;
        }
        same
    });
}

/// All IPv4 prefixes in order, and which lengths go where.
struct V4Tiers<'a> {
    entries: &'a [Entry<u32>],
    with_grid: bool,
    numbers: V4Numbers,
}

impl<'a> V4Tiers<'a> {
    /// `None` if there are too many.
    fn of(entries: &'a [Entry<u32>]) -> Option<Self> {
        let middle = of_len(entries, SHORTER_MAX + 1, GRID_MAX);
        let grid = GridNumbers::of(middle, of_len(entries, GRID_MAX + 1, 32));
        let with_grid = grid.is_some();
        let mut tiers = Self { entries, with_grid, numbers: V4Numbers::default() };
        tiers.numbers = V4Numbers {
            shorter: TreeNumbers::of::<crate::key::Whole>(tiers.shorter())?,
            grid: grid.unwrap_or_default(),
            rest: TreeNumbers::of::<crate::key::Whole>(tiers.rest())?,
        };
        Some(tiers)
    }

    fn shorter(&self) -> impl Iterator<Item = Entry<u32>> + Clone + 'a {
        let entries = if self.with_grid { self.entries } else { &[] };
        of_len(entries, 0, SHORTER_MAX)
    }

    fn middle(&self) -> impl Iterator<Item = Entry<u32>> + Clone + 'a {
        let entries = if self.with_grid { self.entries } else { &[] };
        of_len(entries, SHORTER_MAX + 1, GRID_MAX)
    }

    fn rest(&self) -> impl Iterator<Item = Entry<u32>> + Clone + 'a {
        of_len(self.entries, if self.with_grid { GRID_MAX + 1 } else { 0 }, 32)
    }

    fn encode(&self, layout: &Layout, sink: &mut Writer<'_>) -> Result<(), Error> {
        layout.v4.encode(self.shorter(), self.middle(), self.rest(), sink)
    }
}

/// All IPv6 prefixes in order, and which lengths go where.
struct V6Tiers<'a> {
    entries: &'a [Entry<u128>],
    narrow: bool,
    numbers: V6Numbers,
}

impl<'a> V6Tiers<'a> {
    /// `None` if there are too many.
    fn of(entries: &'a [Entry<u128>]) -> Option<Self> {
        let short = TreeNumbers::of::<crate::key::Paged>(of_len(entries, 0, SHORT_MAX))?;
        let narrow = V6Numbers::narrow_is_worth_it(short);
        let mut tiers = Self { entries, narrow, numbers: V6Numbers::default() };
        tiers.numbers = V6Numbers {
            short: TreeNumbers::of::<crate::key::Paged>(tiers.short())?,
            rest: TreeNumbers::of::<crate::key::Halves>(tiers.rest())?,
        };
        Some(tiers)
    }

    fn short(&self) -> impl Iterator<Item = Entry<u128>> + Clone + 'a {
        of_len(if self.narrow { self.entries } else { &[] }, 0, SHORT_MAX)
    }

    fn rest(&self) -> impl Iterator<Item = Entry<u128>> + Clone + 'a {
        of_len(self.entries, if self.narrow { SHORT_MAX + 1 } else { 0 }, 128)
    }

    fn encode(&self, layout: &Layout, sink: &mut Writer<'_>) -> Result<(), Error> {
        layout.v6.encode(self.short(), self.rest(), sink)
    }
}

/// The entries of these lengths.
fn of_len<A: Address>(
    entries: &[Entry<A>],
    min: u8,
    max: u8,
) -> impl Iterator<Item = Entry<A>> + Clone {
    entries.iter().copied().filter(move |entry| (min..=max).contains(&entry.len))
}
