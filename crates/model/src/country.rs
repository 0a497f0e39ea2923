//! Two-letter codes of countries and continents.
//!
//! Both are two ASCII letters or digits, kept in upper case: GeoIP tables know pseudo-countries
//! such as `A1` and `O1`, so digits are legal. The two are different types, because `AF` is
//! Afghanistan as a country and Africa as a continent.

use std::fmt;

/// Two upper-case ASCII letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; 2]);

impl Code {
    /// Reads a code in either case; surrounding blanks are not forgiven.
    ///
    /// ```
    /// use heliostat_model::Code;
    /// assert_eq!(Code::parse("se").unwrap().as_str(), "SE");
    /// assert_eq!(Code::parse("global"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Code> {
        Code::from_bytes(text.as_bytes())
    }

    /// As [`Code::parse`], from raw bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Code> {
        let &[a, b] = bytes else { return None };
        (a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
            .then(|| Code([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
    }

    /// The two characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The two bytes.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A country, by its ISO 3166 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(pub Code);

/// A continent, by the two-letter code that GeoIP tables use (`EU`, `NA`, `AS`, …).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Continent(pub Code);

impl Country {
    /// Reads a country code in either case.
    pub fn parse(text: &str) -> Option<Country> {
        Code::parse(text).map(Country)
    }
}

impl Continent {
    /// Reads a continent code in either case.
    pub fn parse(text: &str) -> Option<Continent> {
        Code::parse(text).map(Continent)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
