//! What a publisher says that it has changed: `{"paths": ["…", …]}`, or a path on each line.

use heliostat_observe_probe_wire::{Entry, Limit, Refused};

use crate::expand::Expanded;
use crate::gather::Gather;

/// The paths, without slashes around.
pub(crate) fn parse(mut text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let all = text.all()?;
    if all.trim_ascii_start().first() == Some(&b'{') {
        let paths = serde_json::from_slice::<Paths>(&all);
        let what = "it is no {\"paths\": [\"…\"]}";
        let paths = paths.map_err(|_| Refused::new(Limit::Format, what, 0))?;
        return paths.paths.iter().try_for_each(|path| take(path, gather));
    }
    let Ok(text) = str::from_utf8(&all) else {
        return Err(Refused::new(Limit::Utf8, "a path is no UTF-8", 0));
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).try_for_each(|l| take(l, gather))
}

fn take(path: &str, gather: &mut Gather) -> Result<(), Refused> {
    let path = path.trim_matches('/').to_owned();
    gather.entry(Entry { path, ..Entry::default() }, 0)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    paths: Vec<String>,
}
