//! Decoding a query string: `application/x-www-form-urlencoded`, the last duplicate wins.

use std::borrow::Cow;
use std::net::IpAddr;

use heliostat_snapshot::{Code, Scheme};

use super::{Ask, QUERY_BYTES_MAX, Refusal, Schemes, Wish, behind_tunnel};

/// Reads all parameters of a query.
pub(super) fn read<'q>(
    ask: &mut Ask<'q>,
    query: &'q [u8],
    ip_allowed: bool,
) -> Result<(), Refusal> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(Refusal::QueryTooLong);
    }
    let plain = !query.iter().fold(false, |any, &byte| any | (byte == b'%') | (byte == b'+'));
    let (mut country, mut cc, mut version, mut ip) = (None, None, None, None);
    for pair in query.split(|&byte| byte == b'&') {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (key, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or(&[]));
        let (key, value) = if plain {
            (Cow::Borrowed(key), Cow::Borrowed(value))
        } else {
            let key = decode(key, Plus::Space)?;
            let plus = if key.as_ref() == b"path" { Plus::Literal } else { Plus::Space };
            (key, decode(value, plus)?)
        };
        match key.as_ref() {
            b"repo" => ask.repo = Some(value),
            b"arch" => ask.arch = Some(value),
            b"path" => ask.path = Some(value),
            b"country" => country = Some(value),
            b"cc" => cc = Some(value),
            b"version" => version = Some(value),
            b"protocol" => ask.schemes = schemes(&value),
            b"netblock" => ask.netblock = value.as_ref() != b"0",
            b"location" => ask.location = Some(value).filter(|value| !value.is_empty()),
            b"time" => ask.time = true,
            b"redirect" => ask.redirect = true,
            b"list" => ask.list = true,
            b"explain" => ask.explain = true,
            b"avoid" => ask.avoid = value,
            b"ip" => ip = Some(value).filter(|value| !value.is_empty()),
            b"countme" => ask.countme = countme(&value),
            _ => {}
        }
    }
    ask.countries = country.or(cc).map(|list| wishes(&list)).unwrap_or_default();
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        ask.repo = ask.repo.take().map(|repo| [&repo, b"-".as_slice(), &version].concat().into());
    }
    if let Some(ip) = ip.filter(|_| ip_allowed) {
        ask.address = address(&ip).ok_or(Refusal::Address)?;
        ask.claimed = true;
    }
    Ok(())
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Space,
    Literal,
}

/// Percent-decodes a part of a query; borrows it when there is nothing to decode.
fn decode(text: &[u8], plus: Plus) -> Result<Cow<'_, [u8]>, Refusal> {
    let special = |&byte: &u8| byte == b'%' || (byte == b'+' && plus == Plus::Space);
    let Some(first) = text.iter().position(special) else { return Ok(Cow::Borrowed(text)) };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text[..first]);
    let mut rest = text[first..].iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'%' => {
                let (high, low) = rest.next().zip(rest.next()).ok_or(Refusal::Escape)?;
                decoded.push(nibble(*high)? << 4 | nibble(*low)?);
            }
            b'+' if plus == Plus::Space => decoded.push(b' '),
            other => decoded.push(other),
        }
    }
    Ok(Cow::Owned(decoded))
}

fn nibble(digit: u8) -> Result<u8, Refusal> {
    (digit as char).to_digit(16).map(|value| value as u8).ok_or(Refusal::Escape)
}

/// The entries of `country=`: two letters or `global`, each once; others are ignored.
fn wishes(list: &[u8]) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for entry in list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        let wish = if entry.eq_ignore_ascii_case(b"global") {
            Some(Wish::Global)
        } else {
            Code::from_bytes(entry).map(Wish::Country)
        };
        if let Some(wish) = wish.filter(|wish| !wishes.contains(wish)) {
            wishes.push(wish);
        }
    }
    wishes
}

/// The schemes of `protocol=`; none when it names no scheme at all.
fn schemes(list: &[u8]) -> Option<Schemes> {
    let known = list
        .split(|&byte| byte == b',')
        .filter_map(|entry| Scheme::parse(std::str::from_utf8(entry.trim_ascii()).ok()?));
    Some(known.fold(Schemes::NONE, Schemes::with)).filter(|&schemes| schemes != Schemes::NONE)
}

fn countme(value: &[u8]) -> u8 {
    match value {
        &[digit @ b'1'..=b'4'] => digit - b'0',
        _ => 0,
    }
}

/// An address as people write it, with or without brackets.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner.parse().ok().map(behind_tunnel)
}
