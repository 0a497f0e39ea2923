//! The sorts of things: their columns, names, and calls.

/// Who carries content, and for whom.
mod network;
/// What they carry.
mod tree;

use heliostat_catalog::{Error, Txn, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(super) use tree::DirectoryDocument;

/// A sort of thing.
pub(super) trait Kind: Serialize + DeserializeOwned + PartialEq {
    /// What it is called.
    const NAME: &'static str;

    /// The columns of its table.
    const HEADING: &'static [&'static str];

    /// Its cells.
    fn row(&self) -> Vec<String>;

    /// The fields that a name says.
    fn named(name: &str) -> Result<Map<String, Value>, Error>;

    /// All of them.
    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error>;

    /// The one of a name.
    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error>;

    /// Adds it.
    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// Puts it in the place of another.
    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// Removes it.
    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// A reason against it.
    fn refused(name: &str, why: &str) -> Error {
        Error::Refused { resource: Self::NAME, name: name.to_owned(), why: why.to_owned() }
    }
}

fn one(field: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(field.to_owned(), Value::from(value))])
}
