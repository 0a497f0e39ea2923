//! From prefixes to an image.

use ipnet::IpNet;

use crate::address::Address;
use crate::error::Error;
use crate::layout::{Layout, Numbers};
use crate::record::bits_for;
use crate::tree::{Key, Tree};

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
    let layout = numbers(&v4)
        .zip(numbers(&v6))
        .and_then(|(v4, v6)| Layout::plan(v4, v6))
        .ok_or(Error::too_large("prefixes"))?;
    let mut image = vec![0; layout.size()];
    fill(&layout, &v4, &v6, &mut image).ok_or(Error::too_large("prefixes"))?;
    Ok(image)
}

/// One prefix and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<A> {
    pub(crate) start: A,
    pub(crate) len: u8,
    pub(crate) value: u32,
}

fn sort<A: Address>(entries: &mut Vec<Entry<A>>) {
    // Stable, so that among equal prefixes the last one given stays last.
    entries.sort_by_key(|entry| (entry.start, entry.len));
    entries.dedup_by(|later, kept| {
        let same = (later.start, later.len) == (kept.start, kept.len);
        if same {
            kept.value = later.value;
        }
        same
    });
}

fn numbers<A: Address>(entries: &[Entry<A>]) -> Option<Numbers> {
    let lens = entries.iter().map(|entry| entry.len);
    Some(Numbers {
        count: u32::try_from(entries.len()).ok()?,
        len_min: lens.clone().min().unwrap_or(0),
        len_max: lens.max().unwrap_or(0),
        value_bits: bits_for(entries.iter().map(|entry| entry.value).max().unwrap_or(0).into()),
        with_rests: entries.iter().any(|entry| entry.start.rest() != 0),
    })
}

fn fill(layout: &Layout, v4: &[Entry<u32>], v6: &[Entry<u128>], image: &mut [u8]) -> Option<()> {
    layout.write(image.first_chunk_mut()?);
    fill_tree(&layout.v4, v4, image)?;
    fill_tree(&layout.v6, v6, image)
}

fn fill_tree<A: Address>(tree: &Tree<A>, entries: &[Entry<A>], image: &mut [u8]) -> Option<()> {
    let levels = tree.levels.get(..usize::from(tree.height))?;
    let mut step = 1_usize;
    for level in levels.iter().rev() {
        let mut slots = 0;
        for (index, entry) in entries.iter().step_by(step).enumerate() {
            entry.start.key().write(image, *level, index)?;
            slots = index + 1;
        }
        for index in slots..slots.next_multiple_of(A::Key::PER_NODE) {
            A::Key::PADDING.write(image, *level, index)?;
        }
        step = step.saturating_mul(A::Key::PER_NODE);
    }
    if tree.rests != 0 {
        for (index, entry) in entries.iter().enumerate() {
            entry.start.rest().write(image, tree.rests, index)?;
        }
    }
    let mut ancestors = Ancestors::default();
    for (index, entry) in entries.iter().enumerate() {
        let link = match ancestors.push(entry.start, entry.len, index) {
            Some((len, parent)) => Tree::<A>::link_to(tree.shape, len, index - parent),
            None => 0,
        };
        let record = tree.shape.pack(entry.len, entry.value, link);
        let size = usize::from(tree.shape.size);
        let to = image.get_mut(tree.records as usize + index * size..)?.get_mut(..size)?;
        to.copy_from_slice(record.to_le_bytes().get(..size)?);
    }
    Some(())
}

/// The prefixes that contain the one last seen, that one included.
#[derive(Debug)]
pub(crate) struct Ancestors<A>(Vec<(A, u8, usize)>);

impl<A> Default for Ancestors<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Address> Ancestors<A> {
    /// Goes on to the next prefix in order, and returns its parent's length and index.
    pub(crate) fn push(&mut self, start: A, len: u8, index: usize) -> Option<(u8, usize)> {
        while self.0.pop_if(|(first, len, _)| start.start(*len) != *first).is_some() {}
        let parent = self.0.last().map(|(_, len, index)| (*len, *index));
        self.0.push((start, len, index));
        parent
    }
}
