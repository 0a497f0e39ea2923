//! The data section: maps, strings and numbers.
//!
//! Every field begins with a control byte: the type in the upper three bits, the length in the
//! lower five. Types above 7 are told in a second byte.

/// A value of the data section, as far as country databases need them.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// UTF-8.
    Text(String),
    /// Type 5.
    U16(u16),
    /// Type 6.
    U32(u32),
    /// Type 9.
    U64(u64),
    /// Names and values.
    Map(Vec<(&'static str, Value)>),
    /// Values.
    Array(Vec<Value>),
}

impl Value {
    /// A string.
    pub(crate) fn text(text: impl ToString) -> Value {
        Value::Text(text.to_string())
    }

    /// Appends the value.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Text(text) => write_text(text, out),
            Value::U16(n) => write_number(5, &n.to_be_bytes(), out),
            Value::U32(n) => write_number(6, &n.to_be_bytes(), out),
            Value::U64(n) => write_number(9, &n.to_be_bytes(), out),
            Value::Map(fields) => {
                write_control(7, fields.len(), out);
                for (name, value) in fields {
                    write_text(name, out);
                    value.write(out);
                }
            }
            Value::Array(values) => {
                write_control(11, values.len(), out);
                for value in values {
                    value.write(out);
                }
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_control(2, text.len(), out);
    out.extend(text.as_bytes());
}

/// Numbers are written without their leading zero bytes.
fn write_number(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let significant = bytes.iter().skip_while(|&&byte| byte == 0).count();
    write_control(kind, significant, out);
    out.extend(&bytes[bytes.len() - significant..]);
}

/// Lengths up to 284, which is more than any of ours.
fn write_control(kind: u8, length: usize, out: &mut Vec<u8>) {
    debug_assert!(length < 285, "a length of {length} has another form");
    let short = length.min(29) as u8;
    if kind <= 7 {
        out.push((kind << 5) | short);
    } else {
        out.extend([short, kind - 7]);
    }
    if length >= 29 {
        out.push((length - 29) as u8);
    }
}
