//! Caches as text, so that a test's input is data.
//!
//! `HCUrlCache { 1: 7 2: "http://a.example/x" }` is a field of the file with a message in it; inner
//! fields go by their numbers. A value is a number, a string (with `\xNN`), `[1 2 3]` for packed
//! numbers, or a message in braces.

use crate::mirrormanager::encode::Message;
use crate::mirrormanager::schema::Field;

/// The bytes that the text stands for.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut rest = text.trim();
    let mut message = Message::default();
    while !rest.is_empty() {
        rest = field(rest, &mut message);
    }
    message.bytes().to_vec()
}

fn field<'a>(text: &'a str, message: &mut Message) -> &'a str {
    let end = text.find([':', '{', ' ']).expect("a field has a value");
    let number = number(&text[..end]);
    let value = text[end..].trim_start().trim_start_matches(':').trim_start();
    let rest = match value.as_bytes()[0] {
        b'{' => {
            let mut inner = Message::default();
            let mut rest = value[1..].trim_start();
            while !rest.starts_with('}') {
                rest = field(rest, &mut inner);
            }
            message.message(number, &inner);
            &rest[1..]
        }
        b'"' => {
            let end = value[1..].find('"').expect("a string ends") + 1;
            message.block(number, &unescape(&value[1..end]));
            &value[end + 1..]
        }
        b'[' => {
            let end = value.find(']').expect("a list ends");
            let mut packed = Vec::new();
            for value in value[1..end].split_whitespace() {
                prost::encoding::encode_varint(integer(value), &mut packed);
            }
            message.block(number, &packed);
            &value[end + 1..]
        }
        _ => {
            let end = value.find(|c: char| c.is_whitespace()).unwrap_or(value.len());
            message.int(number, integer(&value[..end]));
            &value[end..]
        }
    };
    rest.trim_start()
}

fn number(name: &str) -> u32 {
    name.parse().unwrap_or_else(|_| {
        let mut fields = (1..).map_while(Field::of);
        fields.find(|field| field.name() == name).expect("a field of the schema").number()
    })
}

fn integer(text: &str) -> u64 {
    text.parse::<i64>().map(i64::cast_unsigned).or_else(|_| text.parse()).expect("an integer")
}

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}
