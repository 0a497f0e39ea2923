//! Finding a row by its name: open addressing with linear probing over a power of two of slots.
//!
//! At most half of the slots are taken, so a probe ends after one or two steps, for names that do
//! not exist as well. The hash is XXH3 (64 bits) with its default seed, part of the format.

use xxhash_rust::xxh3::xxh3_64;

use crate::records::NONE;

/// The number of slots for a number of names: at least twice as many, at least two.
pub fn slot_count(names: usize) -> usize {
    (names * 2).next_power_of_two().max(2)
}

/// The slots of a section, from its names in the order of their rows.
///
/// Of equal names the first is found.
pub fn build<'a>(names: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u32> {
    let mut slots = vec![NONE; slot_count(names.len())];
    for (row, name) in names.enumerate() {
        let mut slot = first(name, slots.len());
        while slots[slot] != NONE {
            slot = next(slot, slots.len());
        }
        slots[slot] = row as u32;
    }
    slots
}

/// The row whose name `matches`, among the slots that `hash_of` leads to.
///
/// `slot` reads one slot. Gives `None` after one round at the latest, whatever the slots hold.
pub fn find(
    name: &[u8],
    slot_count: usize,
    slot: impl Fn(usize) -> u32,
    matches: impl Fn(u32) -> bool,
) -> Option<u32> {
    let mut at = if slot_count.is_power_of_two() { first(name, slot_count) } else { return None };
    for _ in 0..slot_count {
        match slot(at) {
            NONE => return None,
            row if matches(row) => return Some(row),
            _ => at = next(at, slot_count),
        }
    }
    None
}

fn first(name: &[u8], slot_count: usize) -> usize {
    xxh3_64(name) as usize & (slot_count - 1)
}

fn next(slot: usize, slot_count: usize) -> usize {
    (slot + 1) & (slot_count - 1)
}
