//! Texts, each stored once: what the `Text` section is made of.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use heliostat_snapshot::records::Text;
use xxhash_rust::xxh3::Xxh3;

/// A pool that gives equal texts the same place.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    places: HashMap<Box<[u8]>, Text, BuildHasherDefault<Xxh3>>,
}

impl Texts {
    /// The place of a text.
    pub(crate) fn add(&mut self, text: &[u8]) -> Text {
        if text.is_empty() {
            return Text::new(0, 0);
        }
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = Text::new(self.bytes.len() as u32, text.len() as u32);
        self.bytes.extend_from_slice(text);
        self.places.insert(text.into(), place);
        place
    }

    /// All texts, one after the other.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
