//! What a mirror answers.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER,
};
use hyper::http::response::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use crate::body::{Body, Cut};
use crate::date::{self, Date};
use crate::hostile;
use crate::listing::{BASE, Lens, Style, bucket, decoded};
use crate::manner::{Away, Manner};
use crate::mirror::{Shelf, count};
use crate::random::{mix_text, mix2};
use crate::tree::{File, Tree};

/// A request, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Below the tree, without a slash at either end.
    pub(crate) path: String,
    /// Whether a slash stood behind it.
    pub(crate) is_folder: bool,
    pub(crate) query: String,
    pub(crate) is_head: bool,
    /// How many requests came before it.
    pub(crate) number: u64,
    headers: HeaderMap,
}

/// Answers a request, or goes away.
pub(crate) async fn answer(
    shelf: Arc<Shelf>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, _) = request.into_parts();
    let Some(below) = below(head.uri.path()) else {
        shelf.asked(head.uri.path());
        count(&shelf.tally.not_found);
        return Ok(plain(StatusCode::NOT_FOUND));
    };
    let number = shelf.asked(&below);
    let asked = Asked {
        path: below.trim_matches('/').to_owned(),
        is_folder: below.is_empty() || below.ends_with('/'),
        query: head.uri.query().unwrap_or_default().to_owned(),
        is_head: head.method == Method::HEAD,
        number,
        headers: head.headers,
    };
    if asked.is_head {
        count(&shelf.tally.heads);
    }
    let manner = *shelf.manner.borrow();
    let spoiled = match manner {
        Manner::Honest | Manner::Late(_) | Manner::Trickles(_) => None,
        _ => spoil(&shelf, manner, &asked).await?,
    };
    if let Some(response) = spoiled {
        count(&shelf.tally.spoiled);
        return Ok(response);
    }
    let response = honest(&shelf, &Lens::of(manner, number), &asked);
    match manner {
        Manner::Late(pause) => tokio::time::sleep(pause).await,
        Manner::Trickles(bytes_per_s) => return Ok(response.map(|body| body.paced(bytes_per_s))),
        _ => {}
    }
    Ok(response)
}

/// The path below the tree; nothing when it is elsewhere.
fn below(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?.strip_prefix(BASE)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(decoded(rest)),
        None => rest.is_empty().then(String::new),
    }
}

/// What a manner makes of a request; nothing when this one goes well.
async fn spoil(
    shelf: &Shelf,
    manner: Manner,
    asked: &Asked,
) -> Result<Option<Response<Body>>, Cut> {
    match manner {
        Manner::Refuses => Err(Cut),
        Manner::Silent => {
            count(&shelf.tally.spoiled);
            // The sender lives as long as the shelf does.
            let mut manner = shelf.manner.subscribe();
            let _ = manner.wait_for(|manner| *manner != Manner::Silent).await;
            Err(Cut)
        }
        Manner::Redirects(away) => Ok(Some(redirect(away, shelf, asked))),
        Manner::Busy { status, retry_after_s } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let response = Response::builder().status(status).header(RETRY_AFTER, retry_after_s);
            Ok(Some(finish(response, Body::empty())))
        }
        Manner::Fails { permille, seed } => {
            let draw = mix2(mix2(seed, mix_text(&shelf.name)), asked.number);
            if draw % 1000 >= u64::from(permille) {
                return Ok(None);
            }
            match draw / 1000 % 4 {
                0 => Ok(Some(plain(StatusCode::INTERNAL_SERVER_ERROR))),
                1 => Ok(Some(plain(StatusCode::SERVICE_UNAVAILABLE))),
                2 => {
                    count(&shelf.tally.spoiled);
                    Err(Cut)
                }
                _ => Ok(Some(torn(honest(shelf, &Lens::default(), asked)))),
            }
        }
        Manner::Hostile(hostility) => hostile::answer(hostility, shelf, asked),
        _ => Ok(None),
    }
}

/// The same answer, whose body breaks off after its first bytes.
fn torn(response: Response<Body>) -> Response<Body> {
    let mut first = true;
    response.map(|body| match body.length() {
        None | Some(0) => body,
        Some(length) => {
            let pieces = Body::of(move || {
                let first = std::mem::take(&mut first);
                Some(first.then(|| Bytes::from_static(b"<")).ok_or(Cut))
            });
            pieces.told(length)
        }
    })
}

fn redirect(away: Away, shelf: &Shelf, asked: &Asked) -> Response<Body> {
    let slash = if asked.is_folder { "/" } else { "" };
    let path = format!("{BASE}/{}{slash}", asked.path);
    let to = match away {
        Away::Private => format!("http://10.11.12.13/{path}"),
        Away::Metadata => format!("http://169.254.169.254/{path}"),
        Away::Loopback => format!("http://[::1]:{}/{path}", shelf.address.port()),
        Away::Loop => format!("http://{}/{path}", shelf.address),
        Away::Chain => format!("http://{}/{path}?{}", shelf.address, asked.number),
        Away::Scheme => format!("file:///{path}"),
    };
    finish(Response::builder().status(StatusCode::FOUND).header(LOCATION, to), Body::empty())
}

/// What an honest server answers, seen through a lens.
pub(crate) fn honest(shelf: &Shelf, lens: &Lens, asked: &Asked) -> Response<Body> {
    let tree = shelf.tree();
    let is_listing = asked.query.contains("list-type=") || asked.query.contains("prefix=");
    if shelf.style == Style::Bucket && asked.path.is_empty() && (is_listing || asked.is_folder) {
        count(&shelf.tally.pages);
        let text = bucket(&tree, &asked.query, lens);
        let response = Response::builder().header(CONTENT_TYPE, "application/xml");
        return finish(response, Body::full(text.into()));
    }
    if let Some(file) = tree.file(&asked.path).filter(|_| !asked.is_folder) {
        return body_of(shelf, lens, asked, file);
    }
    folder(shelf, lens, asked, &tree).unwrap_or_else(|| {
        count(&shelf.tally.not_found);
        plain(StatusCode::NOT_FOUND)
    })
}

fn folder(shelf: &Shelf, lens: &Lens, asked: &Asked, tree: &Tree) -> Option<Response<Body>> {
    let folder = tree.folder(&asked.path)?;
    if shelf.style == Style::Bucket {
        return None;
    }
    if !asked.is_folder {
        let to = format!("/{BASE}/{}/", asked.path);
        let response = Response::builder().status(StatusCode::MOVED_PERMANENTLY);
        return Some(finish(response.header(LOCATION, to), Body::empty()));
    }
    if shelf.style == Style::None {
        return Some(plain(StatusCode::FORBIDDEN));
    }
    count(&shelf.tally.pages);
    let page = match lens.is_clear() {
        true => folder.page(&asked.path, shelf.style),
        false => shelf.style.page(&asked.path, folder, lens).into(),
    };
    Some(finish(html(), Body::full(page)))
}

/// The head of a page.
pub(crate) fn html() -> Builder {
    Response::builder().header(CONTENT_TYPE, "text/html; charset=utf-8")
}

fn body_of(shelf: &Shelf, lens: &Lens, asked: &Asked, file: &File) -> Response<Body> {
    let modified_unix_s = lens.time(file.modified_unix_s);
    let length = file.length();
    let etag = format!("\"{modified_unix_s:x}-{length:x}\"");
    let response = Response::builder()
        .header(LAST_MODIFIED, Date::of(modified_unix_s).mail("GMT"))
        .header(ETAG, &etag)
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_TYPE, "application/octet-stream");
    let text = |name: HeaderName| asked.headers.get(name).and_then(|value| value.to_str().ok());
    let is_known = match text(IF_NONE_MATCH) {
        Some(known) => known == etag,
        None => text(IF_MODIFIED_SINCE)
            .and_then(date::unix_s)
            .is_some_and(|known| known >= modified_unix_s),
    };
    if is_known {
        count(&shelf.tally.not_modified);
        return finish(response.status(StatusCode::NOT_MODIFIED), Body::of(|| None));
    }
    let range = text(RANGE).and_then(|range| range_of(range, length));
    let (from, end) = range.unwrap_or((0, length));
    let response = match range {
        Some((from, end)) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, format!("bytes {from}-{}/{length}", end.saturating_sub(1))),
        None => response,
    };
    // A head alone may tell what it likes.
    let told = if asked.is_head { lens.bytes(end - from) } else { end - from };
    let (file, mut at) = (lens.file(file), from);
    let body = Body::of(move || {
        let piece = (at < end).then(|| file.piece(at, end))?;
        at += piece.len() as u64;
        Some(Ok(piece))
    });
    finish(response, body.told(told))
}

/// The bytes that a range asks for, if there are any.
fn range_of(range: &str, length: u64) -> Option<(u64, u64)> {
    let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from = from.parse().ok()?;
    let end = match last {
        "" => length,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(length),
    };
    (from < end).then_some((from, end))
}

/// A status and nothing else.
pub(crate) fn plain(status: StatusCode) -> Response<Body> {
    finish(Response::builder().status(status), Body::empty())
}

/// Puts the length, where one is told, and the body behind a head.
pub(crate) fn finish(head: Builder, body: Body) -> Response<Body> {
    let head = match body.length() {
        Some(length) => head.header(CONTENT_LENGTH, length),
        None => head,
    };
    // Only a header that is none could be refused, and all of them are written here.
    head.body(body).unwrap_or_else(|_| Response::new(Body::empty()))
}
