//! Writes protobuf fields into a buffer.

use prost::encoding::{WireType, encode_key, encode_varint};

/// A message that grows field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn int(&mut self, number: u32, value: u64) {
        encode_key(number, WireType::Varint, &mut self.bytes);
        encode_varint(value, &mut self.bytes);
    }

    pub(super) fn text(&mut self, number: u32, text: &str) {
        self.block(number, text.as_bytes());
    }

    pub(super) fn message(&mut self, number: u32, message: &Message) {
        self.block(number, &message.bytes);
    }

    /// Texts and messages alike: a length, then the bytes.
    pub(super) fn block(&mut self, number: u32, bytes: &[u8]) {
        encode_key(number, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(bytes.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(bytes);
    }
}
