//! From an image to a layout: nothing in it is believed.
//!
//! An image passes if and only if [`build`](crate::build()) could have written it. What the image
//! says is read, encoded again and compared with the image, byte for byte, in one pass. Encoding
//! does not trust its input either: it looks at the order of the prefixes, and counts them.

use crate::error::Error;
use crate::grid::GridNumbers;
use crate::key::Paged;
use crate::layout::{Layout, NUMBERS};
use crate::sink::Comparer;
use crate::tree::TreeNumbers;
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
    if v4.grid.blocks == 0 {
        // There must be none because it would not be worth it.
        let of_len = |min, max| rest.clone().filter(move |entry| (min..=max).contains(&entry.len));
        let middle = of_len(SHORTER_MAX + 1, GRID_MAX);
        if GridNumbers::of(middle, of_len(GRID_MAX + 1, 32)).is_some() {
            return Err(Error::corrupt("grid", NUMBERS));
        }
    }
    v4.encode(shorter, middle, rest, &mut Comparer(bytes))
}

fn check_v6(v6: &V6, bytes: &[u8]) -> Result<(), Error> {
    let (short, rest) = v6.cursors(bytes);
    if v6.short.count == 0 {
        // There must be none because it would not be worth it.
        let short = rest.clone().filter(|entry| entry.len <= SHORT_MAX);
        let numbers = TreeNumbers::of::<Paged>(short);
        if numbers.is_none_or(|short| short.count > 0 && V6Numbers::narrow_is_worth_it(short)) {
            return Err(Error::corrupt("narrow keys", NUMBERS));
        }
    }
    v6.encode(short, rest, &mut Comparer(bytes))
}
