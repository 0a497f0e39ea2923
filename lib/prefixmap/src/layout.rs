//! Where each column of an image lies.
//!
//! An image begins with a header of 128 bytes. It holds numbers of things, not offsets: every
//! offset follows from them, so there is no offset to get wrong.

use crate::error::Error;
use crate::grid::GridNumbers;
use crate::key::NODE;
use crate::map::PrefixMap;
use crate::sink::Sink;
use crate::tree::TreeNumbers;
use crate::v4::{V4, V4Numbers};
use crate::v6::{V6, V6Numbers};

/// Where each column of an image lies.
///
/// [`PrefixMap::open`] checks an image from end to end and learns its layout. Who holds the bytes
/// somewhere else, in a mapped file for example, keeps the layout beside them and gets a map over
/// them again with [`Layout::view`], which costs no more than a copy of this struct.
///
/// ```
/// use heliostat_prefixmap::{Layout, PrefixMap};
///
/// struct Snapshot {
///     file: Vec<u8>,
///     layout: Layout,
/// }
///
/// impl Snapshot {
///     fn prefixes(&self) -> PrefixMap<&[u8]> {
///         self.layout.view(&self.file[16..])
///     }
/// }
///
/// let image = heliostat_prefixmap::build([("192.0.2.0/24".parse()?, 7)])?;
/// let layout = PrefixMap::open(&image)?.layout();
/// let snapshot = Snapshot { file: [vec![0; 16], image].concat(), layout };
/// assert_eq!(snapshot.prefixes().value("192.0.2.1".parse::<std::net::IpAddr>()?), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    size: u32,
    pub(crate) v4: V4,
    pub(crate) v6: V6,
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) v4: V4Numbers,
    pub(crate) v6: V6Numbers,
}

impl Layout {
    /// Learns the layout from an image's header and reads no more of it.
    ///
    /// For who knows by other means that the image is whole, by a hash for example. Offsets follow
    /// from the header, so lookups stay inside the image whatever else is in it; only
    /// [`PrefixMap::open`] makes sure that their answers mean something.
    ///
    /// # Errors
    ///
    /// When the header is not one of an image of this size.
    ///
    /// ```
    /// use heliostat_prefixmap::{Layout, PrefixMap};
    ///
    /// let image = heliostat_prefixmap::build([("192.0.2.0/24".parse()?, 7)])?;
    /// assert_eq!(Layout::read(&image)?, PrefixMap::open(&image)?.layout());
    /// assert!(Layout::read(&image[1..]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(image: &[u8]) -> Result<Self, Error> {
        Layout::decode(image)
    }

    /// A map over `bytes`, which must be the ones this layout was learnt from.
    ///
    /// Nothing is checked again. With other bytes the answers mean nothing, but every lookup still
    /// ends, stays inside `bytes` and does not panic.
    #[inline]
    pub fn view<B: AsRef<[u8]>>(self, bytes: B) -> PrefixMap<B> {
        PrefixMap::from_parts(bytes, self)
    }

    /// The size of the image.
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// The layout of an image with these numbers.
    pub(crate) fn plan(numbers: Numbers) -> Option<Self> {
        let (v4, end) = V4::plan(numbers.v4, HEADER as u64)?;
        let (v6, end) = V6::plan(numbers.v6, end)?;
        Some(Self { size: u32::try_from(end).ok()?, v4, v6 })
    }

    /// Reads the header, and no more.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let magic = bytes.get(..MAGIC.len()).ok_or(Error::foreign("magic"))?;
        if magic != MAGIC {
            return Err(Error::foreign("magic"));
        }
        let header: &[u8; HEADER] =
            bytes.first_chunk().ok_or(Error::size("header", bytes.len()))?;
        let mut fields = Fields { header, at: MAGIC.len() };
        if fields.u32() != VERSION {
            return Err(Error::version(MAGIC.len()));
        }
        let size = fields.u32();
        let v4 = V4Numbers { shorter: fields.tree()?, grid: fields.grid()?, rest: fields.tree()? };
        let v6 = V6Numbers { short: fields.tree()?, rest: fields.tree()? };
        fields.zeros()?;
        let layout = Self::plan(Numbers { v4, v6 }).ok_or(Error::corrupt("numbers", NUMBERS))?;
        if layout.size != size {
            return Err(Error::corrupt("size", NUMBERS - 4));
        }
        if layout.size() != bytes.len() {
            return Err(Error::size("image", bytes.len().min(layout.size())));
        }
        Ok(layout)
    }

    /// Writes the header.
    pub(crate) fn encode(&self, sink: &mut impl Sink) -> Result<(), Error> {
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend(self.size.to_le_bytes());
        let (v4, v6) = (self.v4.numbers(), self.v6.numbers());
        put_tree(&mut header, v4.shorter);
        put_grid(&mut header, v4.grid);
        put_tree(&mut header, v4.rest);
        put_tree(&mut header, v6.short);
        put_tree(&mut header, v6.rest);
        header.resize(HEADER, 0);
        sink.put(0, &header, "header")
    }
}

fn put_tree(header: &mut Vec<u8>, numbers: TreeNumbers) {
    let TreeNumbers { count, leaves, len_min, len_max, value_bits, with_rests } = numbers;
    header.extend(count.to_le_bytes());
    header.extend(leaves.to_le_bytes());
    header.extend([len_min, len_max, value_bits, with_rests.into()]);
}

fn put_grid(header: &mut Vec<u8>, numbers: GridNumbers) {
    let GridNumbers { first, blocks, count, size, value_bits, with_longer } = numbers;
    for number in [first, blocks, count, size] {
        header.extend(number.to_le_bytes());
    }
    header.extend([value_bits, with_longer.into(), 0, 0]);
}

/// Reads one field of the header after the other.
struct Fields<'a> {
    header: &'a [u8; HEADER],
    at: usize,
}

impl Fields<'_> {
    fn bytes(&mut self) -> [u8; 4] {
        let bytes = self.header.get(self.at..).and_then(|rest| rest.first_chunk());
        self.at += 4;
        bytes.copied().unwrap_or_default()
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    fn tree(&mut self) -> Result<TreeNumbers, Error> {
        let at = self.at;
        let (count, leaves) = (self.u32(), self.u32());
        let [len_min, len_max, value_bits, with_rests] = self.bytes();
        let possible = len_min <= len_max && len_max <= 128 && value_bits <= 32 && with_rests <= 1;
        let with_rests = with_rests == 1;
        let numbers = TreeNumbers { count, leaves, len_min, len_max, value_bits, with_rests };
        if possible { Ok(numbers) } else { Err(Error::corrupt("numbers of a tree", at)) }
    }

    fn grid(&mut self) -> Result<GridNumbers, Error> {
        let at = self.at;
        let [first, blocks] = [self.u32(), self.u32()];
        let [count, size] = [self.u32(), self.u32()];
        let [value_bits, with_longer, zero, nought] = self.bytes();
        let blocks_fit = first <= 0xffff && blocks <= 0x1_0000 - first;
        let possible = blocks_fit && value_bits <= 32 && with_longer <= 1;
        if !possible || zero != 0 || nought != 0 {
            return Err(Error::corrupt("numbers of the grid", at));
        }
        let with_longer = with_longer == 1;
        Ok(GridNumbers { first, blocks, count, size, value_bits, with_longer })
    }

    fn zeros(&self) -> Result<(), Error> {
        let rest = self.header.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte != 0) {
            Some(place) => Err(Error::corrupt("header", self.at + place)),
            None => Ok(()),
        }
    }
}

/// The size of the header: whole nodes, so that everything after it keeps the image's alignment.
const HEADER: usize = 2 * NODE;
const MAGIC: &[u8; 8] = b"\x89pfxmap\n";
const VERSION: u32 = 1;
/// Where the numbers begin.
pub(crate) const NUMBERS: usize = 16;
