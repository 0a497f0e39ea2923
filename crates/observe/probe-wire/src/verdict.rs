//! What came of a task: something found, or a refusal with the name of the limit.

use std::fmt;

use crate::bytes::{Malformed, Take, put_number, put_text};
use crate::entry::{ENTRY_BYTES_MIN, Entry};
use crate::task::VERSION;
use crate::{Limit, Limits};

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The document was understood.
    Found(Found),
    /// It was not, or not to its end.
    Refused(Refused),
}

/// What is in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What it speaks of.
    pub entries: Vec<Entry>,
    /// What it says of itself.
    pub facts: Facts,
    /// What it speaks of and nobody should use, by the limit that it is beyond, in order.
    pub left_out: Vec<LeftOut>,
}

/// Entries that nobody should use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The limit that they are beyond.
    pub limit: Limit,
    /// How many.
    pub count: u64,
}

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The limit that it is beyond.
    pub limit: Limit,
    /// What was found, for people: made of the program's own words, never of the document's.
    pub what: String,
    /// Where, in bytes of the expanded document.
    pub at: u64,
}

impl Refused {
    /// A refusal.
    #[must_use]
    pub fn new(limit: Limit, what: impl Into<String>, at: u64) -> Refused {
        let mut what: String = what.into();
        what.retain(|c| !c.is_control());
        what.truncate(what.floor_char_boundary(WHAT_BYTES_MAX));
        Refused { limit, what, at }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (at byte {})", self.limit, self.what, self.at)
    }
}

impl std::error::Error for Refused {}

macro_rules! facts {
    ($($(#[$doc:meta])* $fact:ident = $number:literal;)*) => {
        /// What a document can say of itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Fact { $($(#[$doc])* $fact,)* }

        impl Fact {
            fn number(self) -> u8 {
                match self { $(Fact::$fact => $number,)* }
            }

            fn of(number: u8) -> Option<Fact> {
                match number { $($number => Some(Fact::$fact),)* _ => None }
            }
        }
    };
}

facts! {
    /// The revision of a `repomd.xml`.
    Revision = 1;
    /// Who makes it: `Origin` of a `Release`.
    Origin = 2;
    /// `Suite` of a `Release`.
    Suite = 3;
    /// `Codename` of a `Release`.
    Codename = 4;
    /// `Version` of a `Release`.
    Version = 5;
    /// `Architectures` of a `Release`, separated by blanks.
    Architectures = 6;
    /// `Components` of a `Release`, separated by blanks.
    Components = 7;
    /// When it was made, seconds since 1970.
    Date = 8;
    /// Until when it may be believed, seconds since 1970.
    ValidUntil = 9;
    /// Where a listing that was cut goes on.
    Continuation = 10;
    /// The site that checks in.
    Site = 11;
    /// What it proves itself with.
    Password = 12;
    /// The host that checks in.
    Host = 13;
    /// Whether the host wants to be used: `true` or `false`.
    HostActive = 14;
    /// The style of a listing: `apache`, `nginx` and so on; for people.
    Style = 15;
}

/// What a document says of itself: at most one text for each [`Fact`], in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<(Fact, String)>);

impl Facts {
    /// The text of a fact.
    #[must_use]
    pub fn text(&self, fact: Fact) -> Option<&str> {
        let at = self.0.binary_search_by_key(&fact, |(known, _)| *known).ok()?;
        Some(&self.0[at].1)
    }

    /// The number of a fact.
    #[must_use]
    pub fn number(&self, fact: Fact) -> Option<i64> {
        self.text(fact)?.parse().ok()
    }

    /// Adds a fact, unless it is known already.
    ///
    /// # Errors
    ///
    /// When the text is too long or has control characters.
    pub fn add(&mut self, fact: Fact, text: &str) -> Result<(), Limit> {
        if text.len() > FACT_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Limit::Facts);
        }
        if let Err(at) = self.0.binary_search_by_key(&fact, |(known, _)| *known) {
            self.0.insert(at, (fact, text.to_owned()));
        }
        Ok(())
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Fact, &str)> {
        self.0.iter().map(|(fact, text)| (*fact, text.as_str()))
    }
}

impl Verdict {
    /// The verdict as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Verdict::Found(found) => found.encode(),
            Verdict::Refused(refused) => {
                let mut out = vec![VERSION, REFUSED, refused.limit.number()];
                put_number(&mut out, refused.at);
                put_text(&mut out, &refused.what);
                out
            }
        }
    }

    /// Reads a verdict that a worker wrote, who may write anything.
    ///
    /// # Errors
    ///
    /// When it breaks any rule, also the limits of its task.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Verdict, Malformed> {
        let mut take = Take::new(bytes);
        if take.byte()? != VERSION {
            return take.refuse("the verdict is of another version");
        }
        match take.byte()? {
            FOUND => found(&mut take, limits).map(Verdict::Found),
            REFUSED => refused(&mut take).map(Verdict::Refused),
            _ => take.refuse("it is no sort of verdict"),
        }
    }
}

impl Found {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.entries.len() * 48);
        out.extend_from_slice(&[VERSION, FOUND]);
        put_number(&mut out, self.facts.0.len() as u64);
        for (fact, text) in self.facts.iter() {
            out.push(fact.number());
            put_text(&mut out, text);
        }
        put_number(&mut out, self.left_out.len() as u64);
        for left_out in &self.left_out {
            out.push(left_out.limit.number());
            put_number(&mut out, left_out.count);
        }
        put_number(&mut out, self.entries.len() as u64);
        self.entries.iter().for_each(|entry| entry.encode(&mut out));
        out
    }

    /// Counts something that nobody should use.
    pub fn leave_out(&mut self, limit: Limit) {
        match self.left_out.binary_search_by_key(&limit.number(), |left| left.limit.number()) {
            Ok(at) => self.left_out[at].count += 1,
            Err(at) => self.left_out.insert(at, LeftOut { limit, count: 1 }),
        }
    }
}

fn found(take: &mut Take<'_>, limits: &Limits) -> Result<Found, Malformed> {
    let mut found = Found::default();
    for _ in 0..take.count(FACTS_MAX, 2)? {
        let Some(fact) = Fact::of(take.byte()?) else { return take.refuse("a fact is unknown") };
        let text = take.text(FACT_BYTES_MAX)?;
        if found.facts.0.last().is_some_and(|(last, _)| *last >= fact) {
            return take.refuse("facts are out of order");
        }
        if found.facts.add(fact, text).is_err() {
            return take.refuse("a fact hides something");
        }
    }
    for _ in 0..take.count(Limit::ALL.len(), 2)? {
        let Some(limit) = Limit::of(take.byte()?) else {
            return take.refuse("a limit is unknown");
        };
        let count = take.number()?;
        let last = found.left_out.last();
        if count == 0 || last.is_some_and(|last| last.limit.number() >= limit.number()) {
            return take.refuse("limits are out of order");
        }
        found.left_out.push(LeftOut { limit, count });
    }
    let count = take.count(limits.entries_max as usize, ENTRY_BYTES_MIN)?;
    found.entries.reserve_exact(count);
    for _ in 0..count {
        found.entries.push(Entry::decode(take)?);
    }
    take.end()?;
    Ok(found)
}

fn refused(take: &mut Take<'_>) -> Result<Refused, Malformed> {
    let Some(limit) = Limit::of(take.byte()?) else { return take.refuse("a limit is unknown") };
    let at = take.number()?;
    let what = take.text(WHAT_BYTES_MAX)?;
    if what.chars().any(char::is_control) {
        return take.refuse("a refusal hides something");
    }
    let what = what.to_owned();
    take.end()?;
    Ok(Refused { limit, what, at })
}

const FOUND: u8 = 1;
const REFUSED: u8 = 2;

/// The longest label of an entry.
pub const LABEL_BYTES_MAX: usize = 255;

/// The longest text of a fact.
pub const FACT_BYTES_MAX: usize = 4096;

/// The most facts of a document.
pub const FACTS_MAX: usize = 32;

/// The longest description of a refusal.
pub const WHAT_BYTES_MAX: usize = 240;
