//! Numbers and texts as bytes: little-endian base 128, lengths in front, one encoding for each value.

use std::fmt;

/// Bytes that are no task or verdict: which rule they break, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The rule.
    pub rule: &'static str,
    /// Bytes that were left when it was broken.
    pub left: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes before the end)", self.rule, self.left)
    }
}

impl std::error::Error for Malformed {}

/// Appends a number.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number that may be negative: small ones stay short.
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends a text after its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Takes values from the front of bytes that nobody vouches for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Take<'a> {
        Take(bytes)
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn refuse<T>(&self, rule: &'static str) -> Result<T, Malformed> {
        Err(Malformed { rule, left: self.0.len() })
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                Ok(byte)
            }
            None => self.refuse("it ends too early"),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        match self.0.split_first_chunk() {
            Some((array, rest)) => {
                self.0 = rest;
                Ok(*array)
            }
            None => self.refuse("it ends too early"),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return self.refuse("a number has more than 64 bits");
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return self.refuse("a number is longer than it must be");
                }
                return Ok(number);
            }
        }
        self.refuse("a number has more than 64 bits")
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that take at least some bytes each: never more than fit into what is left.
    pub(crate) fn count(&mut self, max: usize, bytes_each: usize) -> Result<usize, Malformed> {
        let count = self.number()?;
        match usize::try_from(count) {
            Ok(count) if count > max => self.refuse("a count is beyond its limit"),
            Ok(count) if count <= self.0.len() / bytes_each => Ok(count),
            _ => self.refuse("a count is larger than what is left"),
        }
    }

    pub(crate) fn text(&mut self, bytes_max: usize) -> Result<&'a str, Malformed> {
        let length = self.number()?;
        let Some(length) = usize::try_from(length).ok().filter(|&length| length <= bytes_max)
        else {
            return self.refuse("a text is beyond its limit");
        };
        let Some((text, rest)) = self.0.split_at_checked(length) else {
            return self.refuse("a text is longer than what is left");
        };
        self.0 = rest;
        match str::from_utf8(text) {
            Ok(text) => Ok(text),
            Err(_) => self.refuse("a text is no UTF-8"),
        }
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { self.refuse("there is more than there should be") }
    }
}
