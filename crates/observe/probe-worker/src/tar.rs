//! Archives of small texts: just enough of tar to read what package indexes are made of.

use heliostat_observe_probe_wire::{Limit, Refused};

use crate::expand::{Expanded, TOKEN_BYTES_MAX};

/// Goes through the files of an archive whose last part of the name is wanted, and passes over the
/// others.
pub(crate) fn files(
    mut text: Expanded<'_>,
    wanted: impl Fn(&str) -> bool,
    mut take: impl FnMut(&str, &[u8], u64) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let (mut head, mut seen) = ([0; BLOCK_BYTES], 0_u64);
    loop {
        // Signed indexes of Alpine are archives one after the other, so zeros are not the end.
        match fill(&mut text, &mut head)? {
            0 if seen > 0 => return Ok(()),
            BLOCK_BYTES if head.iter().all(|&byte| byte == 0) => continue,
            BLOCK_BYTES => seen += 1,
            _ => return Err(text.refused(Limit::Truncated, "the archive ends in the middle")),
        }
        let size = check(&head).ok_or_else(|| text.refused(Limit::Format, "it is no archive"))?;
        let padded = size.next_multiple_of(BLOCK_BYTES as u64);
        let kind = head[156];
        let name = name(&head);
        let last = name.rsplit('/').next().unwrap_or_default();
        if !matches!(kind, 0 | b'0') || !wanted(last) {
            skip(&mut text, padded)?;
            continue;
        }
        // Only an index as a whole is large.
        let Ok(length) = usize::try_from(padded) else {
            return Err(text.refused(Limit::TokenBytes, "a file of the archive is too large"));
        };
        if length > FILE_BYTES_MAX {
            return Err(text.refused(Limit::TokenBytes, "a file of the archive is too large"));
        }
        let mut content = Vec::new();
        while content.len() < length {
            let begin = content.len();
            content.resize(length.min(begin + TOKEN_BYTES_MAX), 0);
            text.exact(&mut content[begin..])?;
        }
        content.truncate(usize::try_from(size).unwrap_or(0));
        take(&name, &content, text.at())?;
    }
}

/// Reads a block; less at the end.
fn fill(text: &mut Expanded<'_>, block: &mut [u8; BLOCK_BYTES]) -> Result<usize, Refused> {
    text.token();
    let mut filled = 0;
    while filled < BLOCK_BYTES {
        let read = std::io::Read::read(text, &mut block[filled..]);
        match read.map_err(|error| crate::expand::refusal(&error, text.at()))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn skip(text: &mut Expanded<'_>, mut bytes: u64) -> Result<(), Refused> {
    let mut block = [0; 4096];
    while bytes > 0 {
        let part = usize::try_from(bytes).unwrap_or(block.len()).min(block.len());
        text.exact(&mut block[..part])?;
        bytes -= part as u64;
    }
    Ok(())
}

/// The size of a file, if its head is one.
fn check(head: &[u8; BLOCK_BYTES]) -> Option<u64> {
    let sum: u64 = (0..).zip(head).fold(0, |sum, (at, &byte)| {
        sum + if (148..156).contains(&at) { 32 } else { u64::from(byte) }
    });
    (octal(&head[148..156])? == sum).then(|| octal(&head[124..136])).flatten()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn name(head: &[u8; BLOCK_BYTES]) -> String {
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let (name, before) = (text(&head[..100]), text(&head[345..500]));
    let prefixed = head[257..262] == *b"ustar" && !before.is_empty();
    if prefixed { format!("{before}/{name}") } else { name }
}

const BLOCK_BYTES: usize = 512;

/// Alpine's index is one file of a few MiB.
const FILE_BYTES_MAX: usize = 128 << 20;
