//! Arch Linux's `*.db` and Alpine's `APKINDEX`: archives of descriptions, relative to themselves.

use heliostat_observe_probe_wire::{Entry, Hash, Limit, Refused, Size, Time};

use crate::date;
use crate::expand::Expanded;
use crate::gather::Gather;
use crate::tar;

/// A folder for each package, and in it `desc`: `%NAME%`, values, an empty line.
pub(crate) fn arch(text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let desc = |last: &str| last == "desc";
    tar::files(text, desc, |_, content, at| {
        let Ok(content) = str::from_utf8(content) else {
            gather.leave_out(Limit::Utf8);
            return Ok(());
        };
        let mut entry = Entry::default();
        let mut lines = content.lines();
        while let Some(line) = lines.next() {
            let mut value = || lines.next().unwrap_or_default();
            match line {
                "%FILENAME%" => value().clone_into(&mut entry.path),
                "%CSIZE%" => {
                    let bytes = date::number(value()).ok_or_else(|| number(at))?;
                    entry.size = Some(Size::exact(bytes.unsigned_abs()));
                }
                "%MD5SUM%" | "%SHA256SUM%" => {
                    entry.hash_add(Hash::parse(value()).ok_or_else(|| number(at))?);
                }
                "%BUILDDATE%" => {
                    let unix_s = date::number(value()).ok_or_else(|| number(at))?;
                    entry.time = Some(Time::exact(unix_s));
                }
                _ => {}
            }
        }
        gather.entry(entry, at)
    })
}

/// One file `APKINDEX`: `P:name`, `V:version`, `S:size` and so on, an empty line.
pub(crate) fn alpine(text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut found = false;
    let index = |last: &str| last == "APKINDEX";
    tar::files(text, index, |_, content, at| {
        found = true;
        let Ok(content) = str::from_utf8(content) else {
            return Err(Refused::new(Limit::Utf8, "the index is no UTF-8", at));
        };
        let (mut name, mut version, mut entry) = ("", "", Entry::default());
        for line in content.lines().chain([""]) {
            match line.split_once(':') {
                Some(("P", value)) => name = value,
                Some(("V", value)) => version = value,
                Some(("S", value)) => {
                    let bytes = date::number(value).ok_or_else(|| number(at))?;
                    entry.size = Some(Size::exact(bytes.unsigned_abs()));
                }
                Some(("t", value)) => {
                    let unix_s = date::number(value).ok_or_else(|| number(at))?;
                    entry.time = Some(Time::exact(unix_s));
                }
                None if line.is_empty() && !name.is_empty() => {
                    entry.path = format!("{name}-{version}.apk");
                    gather.entry(std::mem::take(&mut entry), at)?;
                    (name, version) = ("", "");
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    if found { Ok(()) } else { Err(Refused::new(Limit::Format, "there is no APKINDEX", 0)) }
}

fn number(at: u64) -> Refused {
    Refused::new(Limit::Number, "a size, a time or a hash is none", at)
}
