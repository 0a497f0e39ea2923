//! Pages that list a folder: Apache, nginx, lighttpd, Caddy and whoever writes like them, and the
//! XML of S3.
//!
//! No two servers agree, so nothing depends on the shape of a page: every link into the folder is an
//! entry, and what follows it up to the next link is searched for a date and a size. A page that
//! shows no sign of being a listing is refused: a server's greeting is no empty folder.

/// Tags and texts of HTML.
mod html;
/// Where a link leads.
mod link;
/// What stands behind a link.
mod tail;
/// The XML of S3.
mod bucket;

use std::collections::HashMap;

use heliostat_observe_probe_wire::{Entry, Fact, Kind, Limit, Refused, Size, Time};

use crate::date;
use crate::gather::Gather;
use html::{Token, Tokens, attribute};
use link::Link;

/// The entries of the folder that a page lists.
pub(crate) fn parse(page: &[u8], base: &str, gather: &mut Gather) -> Result<(), Refused> {
    let head = page.get(..page.len().min(HEAD_BYTES)).unwrap_or_default();
    if memchr::memmem::find(head, b"<ListBucketResult").is_some() {
        return bucket::parse(page, gather);
    }
    // Whatever is no text becomes a letter that no name may have.
    let page = String::from_utf8_lossy(page);
    let mut rows = Rows { base: link::decoded(base), ..Rows::default() };
    for token in Tokens::new(&page) {
        rows.token(token, gather)?;
    }
    rows.end(gather)?;
    if !rows.is_listing {
        return Err(Refused::new(Limit::Format, "the page lists nothing", page.len() as u64));
    }
    let entries = rows.entries;
    entries.into_iter().try_for_each(|entry| gather.entry(entry, page.len() as u64))
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Rows {
    base: String,
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
    /// The entry whose text is being read.
    current: Option<Row>,
    in_link: bool,
    in_title: bool,
    is_listing: bool,
}

#[derive(Debug)]
struct Row {
    name: String,
    kind: Kind,
    tail: String,
    size: Option<Size>,
    time: Option<Time>,
}

impl Rows {
    fn token(&mut self, token: Token<'_>, gather: &mut Gather) -> Result<(), Refused> {
        match token {
            Token::Open("a", attributes) => {
                self.in_link = true;
                if let Some(href) = attribute(attributes, "href") {
                    self.end(gather)?;
                    self.link(&href, gather);
                }
            }
            Token::Close("a") => self.in_link = false,
            Token::Open("tr", _) => self.end(gather)?,
            Token::Open("title" | "h1" | "h2", _) => self.in_title = true,
            Token::Close("title" | "h1" | "h2") => self.in_title = false,
            Token::Open(name, attributes) => {
                if let Some(row) = &mut self.current {
                    row.tail.push(' ');
                    row.attributes(name, attributes);
                }
                self.style(name, attributes, gather);
            }
            Token::Close(_) => {
                if let Some(row) = &mut self.current {
                    row.tail.push(' ');
                }
            }
            Token::Text(text) => self.text(text, gather),
        }
        Ok(())
    }

    fn link(&mut self, href: &str, gather: &mut Gather) {
        match link::resolve(href, &self.base) {
            Ok(Link::Inside { name, kind }) => {
                let (tail, size, time) = (String::new(), None, None);
                self.current = Some(Row { name, kind, tail, size, time });
            }
            Ok(Link::Parent) => self.is_listing = true,
            Ok(Link::Elsewhere) => {}
            Err(limit) => gather.leave_out(limit),
        }
    }

    fn text(&mut self, text: &str, gather: &mut Gather) {
        if self.in_title && TITLES.iter().any(|title| text.contains(title)) {
            self.is_listing = true;
        }
        if text.contains("Apache/") || text.contains("lighttpd/") {
            let style = if text.contains("Apache/") { "apache" } else { "lighttpd" };
            gather.fact(Fact::Style, style);
        }
        if let (Some(row), false) = (&mut self.current, self.in_link)
            && row.tail.len() < TAIL_BYTES_MAX
        {
            let end = text.floor_char_boundary(TAIL_BYTES_MAX);
            row.tail.push_str(&text[..end]);
        }
    }

    /// Caddy gives itself away in an attribute, for which there is no better sign.
    fn style(&self, name: &str, attributes: &str, gather: &mut Gather) {
        if name == "td" && attributes.contains("data-size") {
            gather.fact(Fact::Style, "caddy");
        }
    }

    /// Notes the entry whose text has been read.
    fn end(&mut self, gather: &mut Gather) -> Result<(), Refused> {
        let Some(row) = self.current.take() else { return Ok(()) };
        if row.name.contains(char::REPLACEMENT_CHARACTER) {
            gather.leave_out(Limit::Utf8);
            return Ok(());
        }
        let (time, size) = tail::parse(&row.tail);
        let (time, size) = (row.time.or(time), row.size.or(size));
        self.is_listing |= time.is_some();
        let size = size.filter(|_| row.kind == Kind::File);
        if let Some(known) = self.places.get(&row.name).and_then(|&at| self.entries.get_mut(at)) {
            // Servers link a picture first, then the name.
            known.time = known.time.or(time);
            known.size = known.size.or(size);
            return Ok(());
        }
        if self.entries.len() >= gather.entries_max() {
            return Err(gather.too_many(0));
        }
        self.places.insert(row.name.clone(), self.entries.len());
        self.entries.push(Entry { path: row.name, kind: row.kind, size, time, ..Entry::default() });
        Ok(())
    }
}

impl Row {
    /// Some servers write for programs what they round for people.
    fn attributes(&mut self, name: &str, attributes: &str) {
        if name == "time" {
            let datetime = attribute(attributes, "datetime");
            let unix_s = datetime.and_then(|text| date::internet(&text));
            self.time = self.time.or(unix_s.map(Time::exact));
        }
        if name == "td" {
            let sizes = ["data-size", "data-order"].into_iter();
            let bytes = sizes
                .filter_map(|name| attribute(attributes, name))
                .find_map(|text| date::number(&text));
            self.size = self.size.or(bytes.map(|bytes| Size::exact(bytes.unsigned_abs())));
        }
    }
}

/// Where the first tag of an S3 listing is looked for.
const HEAD_BYTES: usize = 1024;

/// Names of pages that list.
const TITLES: [&str; 4] = ["Index of", "Directory listing", "Directory Listing", "Listing of"];

/// No line of a listing is longer behind its link.
const TAIL_BYTES_MAX: usize = 512;
