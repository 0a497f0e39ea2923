//! Where each column of an image lies.
//!
//! An image begins with a header of 64 bytes. It holds numbers of things, not offsets: every
//! offset follows from them, so there is no offset to get wrong.

use crate::address::Address;
use crate::error::Error;
use crate::map::PrefixMap;
use crate::record::Shape;
use crate::tree::{NODE, Tree};

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
    pub(crate) size: u32,
    pub(crate) v4: Tree<u32>,
    pub(crate) v6: Tree<u128>,
}

/// What the header says of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) count: u32,
    pub(crate) len_min: u8,
    pub(crate) len_max: u8,
    pub(crate) value_bits: u8,
    pub(crate) with_rests: bool,
}

impl Layout {
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
    pub(crate) fn plan(v4: Numbers, v6: Numbers) -> Option<Self> {
        let (v4, end) = plan_tree(v4, HEADER as u64)?;
        let (v6, end) = plan_tree(v6, end)?;
        Some(Self { size: u32::try_from(end).ok()?, v4, v6 })
    }

    /// Reads the header, and no more.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
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
        let v4 = fields.numbers::<u32>()?;
        let v6 = fields.numbers::<u128>()?;
        fields.zeros()?;
        let layout = Self::plan(v4, v6).ok_or(Error::corrupt("numbers", NUMBERS))?;
        if layout.size != size {
            return Err(Error::corrupt("size", MAGIC.len() + 4));
        }
        if layout.size() != bytes.len() {
            return Err(Error::size("image", bytes.len().min(layout.size())));
        }
        Ok(layout)
    }

    /// Writes the header.
    pub(crate) fn write(&self, header: &mut [u8; HEADER]) {
        let words = [self.size.to_le_bytes(), self.v4.count.to_le_bytes(), word(&self.v4)];
        let more = [self.v6.count.to_le_bytes(), word(&self.v6)];
        let fields = words.iter().chain(&more).flatten();
        let all = MAGIC.iter().chain(&VERSION_BYTES).chain(fields);
        for (to, from) in header.iter_mut().zip(all) {
            *to = *from;
        }
    }
}

fn plan_tree<A: Address>(numbers: Numbers, at: u64) -> Option<(Tree<A>, u64)> {
    let Numbers { count, len_min, len_max, value_bits, with_rests } = numbers;
    let shape = Shape::new(len_min, len_max, value_bits, Tree::<A>::link_bits(len_min, len_max));
    Tree::plan(count, shape, with_rests, at)
}

fn word<A>(tree: &Tree<A>) -> [u8; 4] {
    let shape = tree.shape;
    [shape.len_min, shape.len_max, shape.value_bits, u8::from(tree.rests != 0)]
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

    fn numbers<A: Address>(&mut self) -> Result<Numbers, Error> {
        let at = self.at;
        let count = self.u32();
        let [len_min, len_max, value_bits, with_rests] = self.bytes();
        let numbers = Numbers { count, len_min, len_max, value_bits, with_rests: with_rests == 1 };
        let possible = len_min <= len_max && len_max <= A::BITS && value_bits <= 32;
        let unused = count == 0 && numbers != Numbers::default();
        if !possible || with_rests > 1 || unused || (numbers.with_rests && len_max <= 64) {
            return Err(Error::corrupt("numbers", at));
        }
        Ok(numbers)
    }

    fn zeros(&self) -> Result<(), Error> {
        let rest = self.header.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte != 0) {
            Some(place) => Err(Error::corrupt("header", self.at + place)),
            None => Ok(()),
        }
    }
}

/// The size of the header: one node, so that everything after it keeps the image's alignment.
pub(crate) const HEADER: usize = NODE;

const MAGIC: &[u8; 8] = b"\x89pfxmap\n";
const VERSION: u32 = 1;
const VERSION_BYTES: [u8; 4] = VERSION.to_le_bytes();
/// Where the numbers of the first table stand.
const NUMBERS: usize = 16;
