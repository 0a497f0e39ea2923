//! XML without what makes it dangerous: no document types, no entities but the five of XML itself,
//! no deep nests, no endless tags.

use heliostat_observe_probe_wire::{Limit, Refused};
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::expand::{Expanded, TOKEN_BYTES_MAX, refusal};

/// What comes next in a document.
pub(crate) enum Step<'a> {
    /// An element begins.
    Open(&'a str, &'a BytesStart<'a>),
    /// An element ends; its name, and the text since the last tag.
    Close(&'a str, &'a str),
}

/// Where in a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Elements that are open; one, for the first tag of all.
    pub(crate) depth: usize,
    /// Bytes before it.
    pub(crate) at: u64,
}

impl Place {
    pub(crate) fn refused(self, limit: Limit, what: &str) -> Refused {
        Refused::new(limit, what, self.at)
    }
}

/// Goes through a document whose first element has a name.
pub(crate) fn walk(
    text: Expanded<'_>,
    root: &str,
    mut take: impl FnMut(Step<'_>, Place) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut reader = Reader::from_reader(text);
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut text) = (Vec::new(), String::new());
    let (mut place, mut begun) = (Place { depth: 0, at: 0 }, false);
    loop {
        buffer.clear();
        reader.get_mut().token();
        let event = reader.read_event_into(&mut buffer);
        place.at = reader.get_ref().at();
        match event.map_err(|error| reason(&error, place))? {
            Event::Start(tag) => {
                let name = tag.local_name();
                if !begun && name.as_ref() != root {
                    return Err(place.refused(Limit::Format, "the first element is another one"));
                }
                begun = true;
                place.depth += 1;
                if place.depth > DEPTH_MAX {
                    return Err(place.refused(Limit::Depth, "elements are nested too deeply"));
                }
                text.clear();
                take(Step::Open(name.as_ref(), &tag), place)?;
            }
            Event::End(tag) => {
                take(Step::Close(tag.local_name().as_ref(), &text), place)?;
                place.depth = place.depth.saturating_sub(1);
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(name) => match letter(&name) {
                Some(part) => text.push_str(&part),
                None => return Err(place.refused(Limit::Entities, "an entity of its own")),
            },
            Event::DocType(_) => return Err(place.refused(Limit::Entities, "a document type")),
            Event::Eof if place.depth > 0 => {
                return Err(place.refused(Limit::Truncated, "elements are left open"));
            }
            Event::Eof if !begun => {
                return Err(place.refused(Limit::Format, "there is no element"));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
        if text.len() > TOKEN_BYTES_MAX {
            return Err(place.refused(Limit::TokenBytes, "a text is too long"));
        }
    }
}

/// The value of an attribute, if there is one.
pub(crate) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    // Looking for doubles takes the square of their number.
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

fn letter(name: &BytesRef<'_>) -> Option<String> {
    if let Some(letter) = name.resolve_char_ref().ok()? {
        return Some(letter.to_string());
    }
    resolve_xml_entity(name).map(str::to_owned)
}

fn reason(error: &Error, place: Place) -> Refused {
    match error {
        Error::Io(error) => refusal(error, place.at),
        Error::Encoding(_) => place.refused(Limit::Utf8, "a text is no UTF-8"),
        Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
            place.refused(Limit::Truncated, "elements are left open")
        }
        Error::Syntax(error) if *error != SyntaxError::InvalidBangMarkup => {
            place.refused(Limit::Truncated, "it ends within a tag")
        }
        _ => place.refused(Limit::Format, "it is no XML"),
    }
}

/// The documents that we know have six levels.
const DEPTH_MAX: usize = 32;
