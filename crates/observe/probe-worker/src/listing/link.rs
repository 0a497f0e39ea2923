//! Where a link leads: into the folder, to its parent, or elsewhere.

use heliostat_observe_probe_wire::{Kind, Limit};

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// To something in the folder.
    Inside {
        /// Its name.
        name: String,
        /// A folder, when a slash follows.
        kind: Kind,
    },
    /// To the folder above.
    Parent,
    /// To something that this page does not list.
    Elsewhere,
}

/// Where a link leads, of a page whose own path is `base`.
pub(super) fn resolve(href: &str, base: &str) -> Result<Link, Limit> {
    let href = href.trim().split(['?', '#']).next().unwrap_or_default();
    let lower = href.get(..href.floor_char_boundary(12)).unwrap_or_default().to_ascii_lowercase();
    if href.is_empty() || SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
        return Ok(Link::Elsewhere);
    }
    let path = decoded(href);
    let parent = |path: &str| base.starts_with(path) && path.ends_with('/') && path != base;
    let inside = match path.strip_prefix('/') {
        None => path.as_str(),
        Some(_) if parent(&path) => return Ok(Link::Parent),
        Some(_) => match path.strip_prefix(base) {
            Some(inside) if base.ends_with('/') => inside,
            _ => return Ok(Link::Elsewhere),
        },
    };
    let inside = inside.strip_prefix("./").unwrap_or(inside);
    match inside {
        "" | "." => return Ok(Link::Elsewhere),
        ".." | "../" => return Ok(Link::Parent),
        _ => {}
    }
    let (name, kind) = match inside.strip_suffix('/') {
        Some(name) => (name, Kind::Directory),
        None => (inside, Kind::File),
    };
    if name.split('/').any(|part| part == "..") {
        return Err(Limit::PathEscape);
    }
    if name.contains('/') {
        return Ok(Link::Elsewhere);
    }
    Ok(Link::Inside { name: name.to_owned(), kind })
}

/// A path with its `%` escapes resolved; bytes that are no text become what no name may have.
pub(super) fn decoded(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let escaped = (first == b'%').then(|| Some((digit(0)? << 4 | digit(1)?) as u8)).flatten();
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What leads away from this server, or nowhere.
const SCHEMES: [&str; 8] =
    ["http:", "https:", "ftp:", "rsync:", "mailto:", "javascript:", "data:", "//"];

#[cfg(test)]
mod tests {
    use heliostat_observe_probe_wire::{Kind, Limit};

    use super::{Link, resolve};

    #[test]
    fn links_lead_where_they_say() {
        let inside = |name: &str, kind| Ok(Link::Inside { name: name.into(), kind });
        for (href, leads) in [
            ("a.rpm", inside("a.rpm", Kind::File)),
            ("./a.rpm", inside("a.rpm", Kind::File)),
            ("a%20b+c/", inside("a b+c", Kind::Directory)),
            ("/pub/x/a", inside("a", Kind::File)),
            ("a:1.deb", inside("a:1.deb", Kind::File)),
            ("/pub/", Ok(Link::Parent)),
            ("../", Ok(Link::Parent)),
            ("/", Ok(Link::Parent)),
            ("/icons/x.png", Ok(Link::Elsewhere)),
            ("?C=M;O=A", Ok(Link::Elsewhere)),
            ("https://a.example/", Ok(Link::Elsewhere)),
            ("//a.example/", Ok(Link::Elsewhere)),
            ("deep/er", Ok(Link::Elsewhere)),
            ("../../etc/passwd", Err(Limit::PathEscape)),
            ("%2e%2e%2fetc", Err(Limit::PathEscape)),
            ("a%00b", inside("a\0b", Kind::File)),
            ("%", inside("%", Kind::File)),
        ] {
            assert_eq!(resolve(href, "/pub/x/"), leads, "{href}");
        }
    }
}
