//! Walks the fields of one protobuf message over borrowed bytes.
//!
//! Nothing is copied and nothing is trusted: a message that breaks off yields what came before, then
//! one fault, then nothing.

use prost::encoding::{WireType, decode_key, decode_varint};

use crate::problem::{Fault, ProblemKind, shown};

/// The content of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Integers and booleans.
    Int(u64),
    /// Strings, messages, and packed integers.
    Bytes(&'a [u8]),
    /// What no field of the schema is: fixed-width numbers and groups.
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn int(self) -> Result<u64, Fault> {
        match self {
            Value::Int(value) => Ok(value),
            _ => Err(Fault::new(ProblemKind::WrongType, "no number where one belongs")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Value::Bytes(value) => Ok(value),
            _ => Err(Fault::new(ProblemKind::WrongType, "a number where text or a list belongs")),
        }
    }

    /// Calls for each integer of a repeated field, packed or not.
    pub(super) fn each_int(self, mut each: impl FnMut(i64)) -> Result<(), Fault> {
        let mut packed = match self {
            Value::Int(value) => {
                each(signed(value));
                return Ok(());
            }
            value => value.bytes()?,
        };
        while !packed.is_empty() {
            each(signed(decode_varint(&mut packed).map_err(|_| broken())?));
        }
        Ok(())
    }
}

/// The fields of a message, in the order in which they were written.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    /// How many bytes have not been walked yet.
    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), Fault> {
        let (number, wire_type) = decode_key(&mut self.rest).map_err(|_| broken())?;
        let value = match wire_type {
            WireType::Varint => Value::Int(decode_varint(&mut self.rest).map_err(|_| broken())?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.rest).map_err(|_| broken())?;
                Value::Bytes(self.take(length)?)
            }
            WireType::ThirtyTwoBit => self.take(4).map(|_| Value::Other)?,
            WireType::SixtyFourBit => self.take(8).map(|_| Value::Other)?,
            // Groups are older than this schema. What stands in one reads as unknown fields.
            WireType::StartGroup | WireType::EndGroup => Value::Other,
        };
        Ok((number, value))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let split =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(broken)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// A text that may become part of an answer: UTF-8, not empty, without control characters.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Fault> {
    let bad = |why| Fault::new(ProblemKind::BadText, format!("{}: {why}", shown(bytes)));
    let text = std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8"))?;
    if text.is_empty() {
        return Err(bad("empty text"));
    }
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err(bad("control characters"));
    }
    Ok(text)
}

/// The name of a directory, without slashes at its ends.
pub(super) fn path(bytes: &[u8]) -> Result<&str, Fault> {
    let path = text(bytes)?.trim_matches('/');
    if path.is_empty() {
        return Err(Fault::new(ProblemKind::BadText, format!("{}: no directory", shown(bytes))));
    }
    Ok(path)
}

/// A number that names something: not negative.
pub(super) fn id(value: i64) -> Result<u64, Fault> {
    u64::try_from(value)
        .map_err(|_| Fault::new(ProblemKind::OutOfRange, format!("{value} is no id")))
}

/// Protobuf writes `int64` as the two's complement of its bits.
pub(super) const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

fn broken() -> Fault {
    Fault::new(ProblemKind::Truncated, "breaks off; the rest of it is lost")
}
