//! From an image to a layout: nothing in it is believed.
//!
//! An image passes if and only if [`build`](crate::build()) could have written it: every byte is
//! compared with what it must be, given the bytes before it. One pass, no allocation that grows
//! with the image.

use crate::address::Address;
use crate::build::Ancestors;
use crate::error::Error;
use crate::layout::Layout;
use crate::record::bits_for;
use crate::tree::{Key, Tree};

/// Checks the whole image.
pub(crate) fn check(bytes: &[u8]) -> Result<Layout, Error> {
    let layout = Layout::read(bytes)?;
    check_tree(&layout.v4, bytes)?;
    check_tree(&layout.v6, bytes)?;
    Ok(layout)
}

fn check_tree<A: Address>(tree: &Tree<A>, bytes: &[u8]) -> Result<(), Error> {
    check_levels(tree, bytes)?;
    check_records(tree, bytes)
}

/// Every level must repeat the first key of each node below it.
fn check_levels<A: Address>(tree: &Tree<A>, bytes: &[u8]) -> Result<(), Error> {
    let levels = tree.levels.get(..usize::from(tree.height)).unwrap_or_default();
    let mut keys = tree.count as usize;
    let mut below = None;
    for level in levels.iter().rev() {
        for index in 0..keys.next_multiple_of(A::Key::PER_NODE) {
            let expected = match below {
                _ if index >= keys => Some(A::Key::PADDING),
                Some(below) => A::Key::read(bytes, below, index * A::Key::PER_NODE),
                None => continue,
            };
            if A::Key::read(bytes, *level, index) != expected {
                let at = *level as usize + index * A::Key::SIZE;
                return Err(Error::corrupt("search key", at));
            }
        }
        keys = keys.div_ceil(A::Key::PER_NODE);
        below = Some(*level);
    }
    Ok(())
}

/// Every prefix must follow the one before it, and link to its true parent.
fn check_records<A: Address>(tree: &Tree<A>, bytes: &[u8]) -> Result<(), Error> {
    let shape = tree.shape;
    let mut ancestors = Ancestors::default();
    let mut last = None;
    let (mut len_min, mut len_max, mut value_max, mut rest_max) = (u8::MAX, 0, 0, 0);
    for index in 0..tree.count as usize {
        let at = tree.records as usize + index * usize::from(shape.size);
        let wrong = |what| Error::corrupt(what, at);
        let start = tree.start(bytes, index).ok_or(wrong("start"))?;
        let record = shape.read(bytes, tree.records, index).ok_or(wrong("record"))?;
        let (len, value) = (shape.len(record), shape.value(record));
        if len > shape.len_max || start.start(len) != start {
            return Err(wrong("prefix length"));
        }
        if last.replace((start, len)).is_some_and(|last| last >= (start, len)) {
            return Err(wrong("prefix order"));
        }
        let link = match ancestors.push(start, len, index) {
            Some((len, parent)) => Tree::<A>::link_to(shape, len, index - parent),
            None => 0,
        };
        if shape.own_bits(record) != shape.pack(len, value, link) {
            return Err(wrong("link"));
        }
        len_min = len_min.min(len);
        len_max = len_max.max(len);
        value_max = value_max.max(value);
        rest_max = rest_max.max(start.rest());
    }
    let wrong = Err(Error::corrupt("numbers", tree.records as usize));
    if tree.count > 0 {
        if (len_min, len_max) != (shape.len_min, shape.len_max) {
            return wrong;
        }
        if bits_for(value_max.into()) != shape.value_bits || (rest_max != 0) != (tree.rests != 0) {
            return wrong;
        }
    }
    check_gaps(tree, bytes)
}

/// Between the columns there must be nothing.
fn check_gaps<A: Address>(tree: &Tree<A>, bytes: &[u8]) -> Result<(), Error> {
    let count = tree.count as usize;
    let rests = (tree.rests as usize + count * 8)..tree.records as usize;
    let records = tree.records as usize + count * usize::from(tree.shape.size);
    let tail = tree.shape.column_size(count as u64) as usize;
    let end = (tree.records as usize + tail).next_multiple_of(crate::tree::NODE);
    let gaps = [if tree.rests == 0 { 0..0 } else { rests }, records..end];
    for gap in gaps {
        let start = gap.start;
        let gap = bytes.get(gap).unwrap_or_default();
        if let Some(place) = gap.iter().position(|byte| *byte != 0) {
            return Err(Error::corrupt("padding", start + place));
        }
    }
    Ok(())
}
