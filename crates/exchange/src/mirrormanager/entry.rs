//! Keys and values of the messages that stand for maps.
//!
//! Writers put the key first, but nobody must: the key is looked for, and the last one counts, as
//! protobuf has it.

use super::schema::{Field, map};
use super::wire::{Fields, Value, id, signed, text};
use crate::problem::{Fault, ProblemKind, shown};

/// One entry of one table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) field: Field,
    pub(super) index: u64,
    pub(super) message: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        let key = match self.find(map::KEY) {
            Ok(Some(Value::Bytes(text))) => shown(text),
            Ok(Some(Value::Int(value))) => signed(value).to_string(),
            _ => return format!("{}[{}]", self.field.name(), self.index),
        };
        format!("{}[{}] {key}", self.field.name(), self.index)
    }

    pub(super) fn key_text(&self) -> Result<&'a str, Fault> {
        text(self.required(map::KEY, "key")?.bytes()?)
    }

    pub(super) fn key_bytes(&self) -> Result<&'a [u8], Fault> {
        self.required(map::KEY, "key")?.bytes()
    }

    pub(super) fn key_id(&self) -> Result<u64, Fault> {
        id(signed(self.required(map::KEY, "key")?.int()?))
    }

    pub(super) fn value_text(&self) -> Result<&'a str, Fault> {
        text(self.required(map::VALUE, "value")?.bytes()?)
    }

    pub(super) fn value_bytes(&self) -> Result<&'a [u8], Fault> {
        self.required(map::VALUE, "value")?.bytes()
    }

    pub(super) fn value_int(&self) -> Result<i64, Fault> {
        self.required(map::VALUE, "value")?.int().map(signed)
    }

    /// Calls for each value of a repeated integer.
    pub(super) fn each_int(&self, mut each: impl FnMut(i64)) -> Result<(), Fault> {
        self.values().try_for_each(|value| value?.each_int(&mut each))
    }

    /// The values, each as it stands.
    pub(super) fn values(&self) -> impl Iterator<Item = Result<Value<'a>, Fault>> {
        Fields::new(self.message).filter_map(|field| match field {
            Ok((map::VALUE, value)) => Some(Ok(value)),
            Ok(_) => None,
            Err(fault) => Some(Err(fault)),
        })
    }

    fn required(&self, number: u32, name: &str) -> Result<Value<'a>, Fault> {
        self.find(number)?
            .ok_or_else(|| Fault::new(ProblemKind::MissingField, format!("it has no {name}")))
    }

    fn find(&self, number: u32) -> Result<Option<Value<'a>>, Fault> {
        let mut found = None;
        for field in Fields::new(self.message) {
            match field {
                Ok((n, value)) if n == number => found = Some(value),
                Ok(_) => {}
                // What was found stands; without it the break is the reason.
                Err(_) if found.is_some() => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }
}
