//! What hostile mirrors send.

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Response;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::{Asked, finish, honest, html};
use crate::body::{Body, Cut};
use crate::listing::{Lens, Row, Style};
use crate::manner::Hostility;
use crate::mirror::Shelf;
use crate::random::mix2;

/// What a hostile mirror answers; nothing when it answers this as anybody would.
pub(crate) fn answer(
    hostility: Hostility,
    shelf: &Shelf,
    asked: &Asked,
) -> Result<Option<Response<Body>>, Cut> {
    let is_page = asked.is_folder;
    let as_anybody = || honest(shelf, &Lens::default(), asked);
    Ok(Some(match hostility {
        Hostility::EndlessBody if !is_page && !asked.is_head => {
            finish(Response::builder(), endless(Bytes::from_static(&[b' '; 64 << 10])))
        }
        Hostility::EndlessListing if is_page => finish(html(), endless_rows(shelf.style)),
        Hostility::GzipZeros if !is_page => finish(Response::builder(), zeros()),
        Hostility::XmlEntities => finish(html(), Body::full(entities(is_page).into())),
        Hostility::XmlDepth => finish(html(), Body::full(depth(is_page).into())),
        Hostility::MillionNames if is_page => finish(html(), Body::full(million())),
        Hostility::NamesUp
        | Hostility::NamesNul
        | Hostility::NamesLine
        | Hostility::NamesUtf8
        | Hostility::NamesLong
            if is_page =>
        {
            finish(html(), Body::full(names(hostility, shelf, asked).into()))
        }
        Hostility::LengthTooLong => told(as_anybody(), |length| length + 1000).map(Body::cut),
        Hostility::LengthTooShort => told(as_anybody(), |length| length / 2),
        // Chosen when the connection came; this one is older than the choice.
        Hostility::BrokenTls | Hostility::EndlessHead | Hostility::Garbage => return Err(Cut),
        // What it changes, it changes through a lens.
        _ => return Ok(None),
    }))
}

/// The same answer, with another length in its head.
fn told(response: Response<Body>, length: impl Fn(u64) -> u64) -> Response<Body> {
    let (head, body) = response.into_parts();
    let status = head.status;
    let Some(told) = body.length().map(length) else {
        return Response::from_parts(head, body);
    };
    finish(Response::builder().status(status), body.told(told))
}

fn endless(piece: Bytes) -> Body {
    Body::of(move || Some(Ok(piece.clone())))
}

fn endless_rows(style: Style) -> Body {
    let style = shown(style);
    let mut number = 0_u64;
    Body::of(move || {
        let mut rows = if number == 0 { style.head("") } else { String::new() };
        for _ in 0..500 {
            let name = format!("package-{number}.rpm");
            rows += &style.row(Row { name: &name, bytes: Some(number), modified_unix_s: 0 });
            number += 1;
        }
        Some(Ok(rows.into()))
    })
}

/// The style in which a mirror shows pages that should have none.
fn shown(style: Style) -> Style {
    if matches!(style, Style::Bucket | Style::None) { Style::Nginx } else { style }
}

/// 10 GiB of zeros in some 10 MB: the same member of a gzip stream, again and again.
fn zeros() -> Body {
    static MEMBER: OnceLock<Bytes> = OnceLock::new();
    let member = MEMBER.get_or_init(|| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory cannot fail.
        let _ = gzip.write_all(&vec![0; MEMBER_BYTES]);
        gzip.finish().unwrap_or_default().into()
    });
    let sixteen = Bytes::from(member.repeat(MEMBERS_AT_ONCE));
    let pieces = ZEROS_BYTES / (MEMBER_BYTES * MEMBERS_AT_ONCE);
    let length = (sixteen.len() * pieces) as u64;
    let mut left = pieces;
    let body = Body::of(move || {
        left = left.checked_sub(1)?;
        Some(Ok(sixteen.clone()))
    });
    body.told(length)
}

/// A thousand million texts, if anybody expands them.
fn entities(is_page: bool) -> String {
    let root = root(is_page);
    let mut text = format!("<?xml version=\"1.0\"?>\n<!DOCTYPE {root} [\n<!ENTITY a0 \"text\">\n");
    for level in 1..10 {
        let inner = format!("&a{};", level - 1).repeat(10);
        text += &format!("<!ENTITY a{level} \"{inner}\">\n");
    }
    text + &format!("]>\n<{root}><revision>&a9;</revision></{root}>\n")
}

fn depth(is_page: bool) -> String {
    format!("<?xml version=\"1.0\"?>\n<{}>{}", root(is_page), "<a>".repeat(1_000_000))
}

fn root(is_page: bool) -> &'static str {
    if is_page { "ListBucketResult" } else { "repomd" }
}

/// So short that all of them fit into what may be fetched.
fn million() -> Bytes {
    static PAGE: OnceLock<Bytes> = OnceLock::new();
    let make = || {
        let mut page = "<title>Index of /</title>\n".to_owned();
        (0..1_000_000).for_each(|number| page += &format!("<a href=x{number:06}>"));
        page.into()
    };
    PAGE.get_or_init(make).clone()
}

/// An honest page with a few names in it that nobody should use.
fn names(hostility: Hostility, shelf: &Shelf, asked: &Asked) -> Vec<u8> {
    let style = shown(shelf.style);
    let long = vec![b'a'; 1 << 20];
    let hrefs: &[&[u8]] = match hostility {
        Hostility::NamesUp => {
            &[b"../../etc/passwd", b"%2e%2e%2f%2e%2e%2fetc%2fshadow", b"a/../../b"]
        }
        Hostility::NamesNul => &[b"a%00b.rpm", b"a\0b.rpm"],
        Hostility::NamesLine => &[b"a%0Ab.rpm", b"a%0D%0AHost:%20x", b"a\nb.rpm"],
        Hostility::NamesUtf8 => &[b"a%FF%FEb.rpm", b"a\xff\xfeb.rpm"],
        _ => &[&long],
    };
    let tree = shelf.tree();
    let folder = tree.folder(&asked.path).cloned().unwrap_or_default();
    let page = folder.page(&asked.path, style);
    let tail = style.tail().as_bytes();
    let mut out = page.strip_suffix(tail).unwrap_or(&page).to_vec();
    for href in hrefs {
        out.extend_from_slice(b"<a href=\"");
        out.extend_from_slice(href);
        out.extend_from_slice(b"\">a</a>  09-Nov-2024 10:11  1\n");
    }
    out.extend_from_slice(tail);
    out
}

/// What is said where HTTP should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw {
    /// Plain text, to whoever speaks of TLS.
    Plain,
    /// A head without an end.
    Head,
    /// Bytes that are nothing.
    Garbage,
}

/// Whether a connection is one of no HTTP.
pub(crate) fn raw(hostility: Hostility) -> Option<Raw> {
    match hostility {
        Hostility::BrokenTls => Some(Raw::Plain),
        Hostility::EndlessHead => Some(Raw::Head),
        Hostility::Garbage => Some(Raw::Garbage),
        _ => None,
    }
}

impl Raw {
    /// Hears a word and speaks until nobody listens.
    pub(crate) async fn speak(self, stream: &mut TcpStream) -> io::Result<()> {
        let mut heard = [0; 4096];
        if stream.read(&mut heard).await? == 0 {
            return Ok(());
        }
        match self {
            Raw::Plain => {
                stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nThis is no TLS.\n").await
            }
            Raw::Head => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                loop {
                    stream.write_all(b"x-more: and more, and more, and more of it\r\n").await?;
                }
            }
            Raw::Garbage => {
                let bytes: Vec<u8> = (0..100_000).map(|at| mix2(7, at) as u8).collect();
                stream.write_all(&bytes).await
            }
        }
    }
}

const MEMBER_BYTES: usize = 1 << 20;
const MEMBERS_AT_ONCE: usize = 16;
const ZEROS_BYTES: usize = 10 << 30;
