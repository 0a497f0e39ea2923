//! From an image to a layout: nothing in it is believed.
//!
//! An image passes if and only if [`build`](crate::build()) could have written it. What the image
//! says is read, put to the test, encoded again and compared with the image, byte for byte. That
//! takes a few passes, and no memory that grows with the image.

use crate::address::{Address, Entry};
use crate::error::Error;
use crate::grid::GridNumbers;
use crate::key::{Halves, Order, Paged, Whole};
use crate::layout::Layout;
use crate::sink::Comparer;
use crate::tree::{Tree, TreeNumbers};
use crate::v4::{GRID_MAX, SHORTER_MAX, V4};
use crate::v6::{SHORT_MAX, V6, V6Numbers};

/// Checks the whole image.
pub(crate) fn check(bytes: &[u8]) -> Result<Layout, Error> {
    let layout = Layout::decode(bytes)?;
    check_v4(&layout.v4, bytes)?;
    check_v6(&layout.v6, bytes)?;
    Ok(layout)
}

fn check_v4(v4: &V4, bytes: &[u8]) -> Result<(), Error> {
    let (shorter, middle, rest) = v4.cursors(bytes);
    let with_grid = v4.grid.blocks != 0;
    check_order(shorter.clone(), 0, SHORTER_MAX, v4.shorter.leaf)?;
    check_order(middle.clone(), SHORTER_MAX + 1, GRID_MAX, v4.grid.cell_column)?;
    let rest_min = if with_grid { GRID_MAX + 1 } else { 0 };
    check_order(rest.clone(), rest_min, 32, v4.rest.leaf)?;

    let grid = if with_grid {
        GridNumbers::of(middle.clone(), rest.clone())
    } else {
        // There must be none because it would not be worth it.
        let of_len = |min, max| rest.clone().filter(move |entry| (min..=max).contains(&entry.len));
        let missing = GridNumbers::of(of_len(SHORTER_MAX + 1, GRID_MAX), of_len(GRID_MAX + 1, 32));
        missing.map_or(Some(GridNumbers::default()), |_| None)
    };
    if grid != Some(v4.grid.numbers()) || (!with_grid && v4.shorter.count != 0) {
        return Err(Error::corrupt("numbers of the grid", v4.grid.block_column as usize));
    }
    check_numbers::<Whole>(&v4.shorter, shorter.clone())?;
    check_numbers::<Whole>(&v4.rest, rest.clone())?;
    v4.encode(shorter, middle, rest, &mut Comparer(bytes))
}

fn check_v6(v6: &V6, bytes: &[u8]) -> Result<(), Error> {
    let (short, rest) = v6.cursors(bytes);
    check_order(short.clone(), 0, SHORT_MAX, v6.short.leaf)?;
    let narrow = v6.short.count != 0;
    let of_len = |max| rest.clone().filter(move |entry| entry.len <= max);
    let unpaged = TreeNumbers::of::<Paged>(of_len(SHORT_MAX));
    let worth_it = if narrow { Some(v6.short.numbers()) } else { unpaged };
    let worth_it = worth_it.is_some_and(V6Numbers::narrow_is_worth_it);
    let rest_min = if worth_it { SHORT_MAX + 1 } else { 0 };
    check_order(rest.clone(), rest_min, 128, v6.rest.leaf)?;
    if narrow && !worth_it {
        return Err(Error::corrupt("numbers", v6.short.leaf as usize));
    }
    check_numbers::<Paged>(&v6.short, short.clone())?;
    check_numbers::<Halves>(&v6.rest, rest.clone())?;
    v6.encode(short, rest, &mut Comparer(bytes))
}

/// Every prefix must come after the one before it, be of a length that belongs here, and have no
/// bits below its length.
fn check_order<A: Address>(
    entries: impl Iterator<Item = Entry<A>>,
    len_min: u8,
    len_max: u8,
    column: u32,
) -> Result<(), Error> {
    let mut last = None;
    for entry in entries {
        let fits = (len_min..=len_max).contains(&entry.len);
        let whole = entry.start.start(entry.len) == entry.start;
        let ordered = last.replace(entry.key()).is_none_or(|last| last < entry.key());
        if !fits || !whole || !ordered {
            return Err(Error::corrupt("order of prefixes", column as usize));
        }
    }
    Ok(())
}

/// The numbers in the header must be those of the prefixes.
fn check_numbers<O: Order>(
    tree: &Tree<O>,
    entries: impl Iterator<Item = Entry<O::Address>>,
) -> Result<(), Error> {
    if TreeNumbers::of::<O>(entries) == Some(tree.numbers()) {
        return Ok(());
    }
    Err(Error::corrupt("numbers of a tree", tree.leaf as usize))
}
