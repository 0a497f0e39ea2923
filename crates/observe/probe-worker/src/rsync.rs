//! What `rsync --list-only -r` prints, or any part of it that is whole lines.
//!
//! `drwxr-xr-x          4,096 2024/01/02 03:04:05 pub/linux`. Times are the world's, because the
//! director runs rsync so. What hides in a name rsync writes as `\#012`.

use heliostat_observe_probe_wire::{Entry, Kind, Limit, Refused, Size, Time};

use crate::date;
use crate::expand::Expanded;
use crate::gather::Gather;

/// The entries of a tree, relative to what was listed.
pub(crate) fn parse(mut text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let (mut line, mut lines, mut strange) = (Vec::new(), 0_u64, 0_u64);
    while let Some(read) = text.line_raw(&mut line)? {
        if read.is_empty() {
            continue;
        }
        lines += 1;
        let Ok(read) = str::from_utf8(read) else {
            gather.leave_out(Limit::Utf8);
            continue;
        };
        match entry(read) {
            Some(entry) if entry.path == "." => {}
            Some(entry) => gather.entry(entry, text.at())?,
            None => strange += 1,
        }
    }
    if lines > 0 && lines == strange {
        return Err(Refused::new(Limit::Format, "no line is rsync's", text.at()));
    }
    (0..strange).for_each(|_| gather.leave_out(Limit::Format));
    Ok(())
}

fn entry(line: &str) -> Option<Entry> {
    let (mode, rest) = line.split_at_checked(10)?;
    let kind = match mode.as_bytes().first()? {
        b'-' => Kind::File,
        b'd' => Kind::Directory,
        b'l' => Kind::Link,
        _ => Kind::Other,
    };
    let sound = |c: char| "rwxsStTdlcbp-?".contains(c);
    if !mode.chars().all(sound) {
        return None;
    }
    // After the mode some versions write a mark for lists of rights.
    let rest = rest.trim_start_matches(['.', '+', '@']).trim_start_matches(' ');
    let (size, rest) = rest.split_once(' ')?;
    let (day, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let (clock, name) = rest.split_once(' ')?;
    let size = date::number(&size.replace([',', '.'], ""))?;
    let (time, _) = date::clock(clock)?;
    let unix_s = date::unix_s(date::ymd(day, '/')?, time)?;
    let name = if kind == Kind::Link { name.split(" -> ").next()? } else { name };
    Some(Entry {
        path: shown(name),
        kind,
        size: (kind == Kind::File).then(|| Size::exact(size.unsigned_abs())),
        time: Some(Time::exact(unix_s)),
        ..Entry::default()
    })
}

/// A name as it is: `\#ooo` is a byte. Bytes that are no text become what no path may have.
fn shown(name: &str) -> String {
    if !name.contains("\\#") {
        return name.to_owned();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(name.len()), name.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let byte = match rest {
            [b'\\', b'#', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { rest.get(5..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| "\0".to_owned())
}
