//! What goes into a statement and what comes out of it.

use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::Error;

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// A text that may be missing.
    pub(crate) fn text(text: Option<&'a str>) -> Value<'a> {
        text.map_or(Value::Null, Value::Text)
    }

    /// A number that may be missing.
    pub(crate) fn int(int: Option<i64>) -> Value<'static> {
        int.map_or(Value::Null, Value::Int)
    }

    /// A measure that may be missing.
    pub(crate) fn real(real: Option<f64>) -> Value<'static> {
        real.map_or(Value::Null, Value::Real)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer(i64::from(value)),
            Value::Int(value) => ValueRef::Integer(value),
            Value::Real(value) => ValueRef::Real(value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        sort: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(value) => value.to_sql_checked(sort, out),
            Value::Int(value) => value.to_sql_checked(sort, out),
            Value::Real(value) => value.to_sql_checked(sort, out),
            Value::Text(value) => value.to_sql_checked(sort, out),
            Value::Bytes(value) => value.to_sql_checked(sort, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Each kind of value looks at the type itself.
        true
    }

    to_sql_checked!();
}

/// What a column may be read as.
pub(crate) trait Cell: rusqlite::types::FromSql + for<'a> FromSql<'a> {}

impl<T: rusqlite::types::FromSql + for<'a> FromSql<'a>> Cell for T {}

/// One row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    /// A column, counted from zero.
    pub(crate) fn cell<T: Cell>(&self, column: usize) -> Result<T, Error> {
        match self {
            Row::Sqlite(row) => row.get(column).map_err(Error::sqlite),
            Row::Postgres(row) => row.try_get(column).map_err(Error::postgres),
        }
    }

    /// Calls with the bytes of a column, without copying them.
    pub(crate) fn bytes<T>(
        &self,
        column: usize,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error> {
        match self {
            Row::Sqlite(row) => {
                let cell = row.get_ref(column).map_err(Error::sqlite)?;
                cell.as_blob().map(read).map_err(|error| Error::sqlite(error.into()))
            }
            Row::Postgres(row) => row.try_get(column).map(read).map_err(Error::postgres),
        }
    }
}
