//! Pages that list a folder, as Apache, nginx, lighttpd, Caddy and S3 write them.

/// The XML of S3, which lists keys, not folders.
mod bucket;
/// What a mirror's manner makes of sizes and times.
mod lens;

use std::fmt::Write;

pub(crate) use bucket::{bucket, decoded};
pub(crate) use lens::Lens;

use crate::date::Date;
use crate::tree::Folder;

/// Whose pages a mirror shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// Apache's fancy index: minutes, and sizes rounded for people.
    #[default]
    Apache,
    /// nginx: minutes, and exact sizes.
    Nginx,
    /// lighttpd: a table, seconds, and rounded sizes.
    Lighttpd,
    /// Caddy: rounded for people, exact in attributes.
    Caddy,
    /// A bucket of S3: XML on demand, no pages.
    Bucket,
    /// No pages at all: a folder is forbidden.
    None,
}

/// A line of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    /// Nothing for folders.
    pub(crate) bytes: Option<u64>,
    pub(crate) modified_unix_s: i64,
}

impl Style {
    /// All of them.
    pub const ALL: [Style; 6] =
        [Style::Apache, Style::Nginx, Style::Lighttpd, Style::Caddy, Style::Bucket, Style::None];

    /// The page of a folder, seen through a lens.
    pub(crate) fn page(self, path: &str, folder: &Folder, lens: &Lens) -> String {
        let mut page = self.head(path);
        rows(folder).for_each(|row| page += &self.row(lens.row(row)));
        page + self.tail()
    }

    /// What stands before the first line.
    pub(crate) fn head(self, path: &str) -> String {
        let path = escaped(&if path.is_empty() {
            format!("/{BASE}/")
        } else {
            format!("/{BASE}/{path}/")
        });
        let above = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
        match self {
            Style::Apache => format!(
                "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  \
                 <title>Index of {path}</title>\n </head>\n <body>\n<h1>Index of {path}</h1>\n<pre>\
                 <img src=\"/icons/blank.gif\" alt=\"Icon \"> <a href=\"?C=N;O=D\">Name</a> \
                 <a href=\"?C=M;O=A\">Last modified</a> <a href=\"?C=S;O=A\">Size</a><hr>\
                 <img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"> \
                 <a href=\"{above}/\">Parent Directory</a>   -   \n"
            ),
            Style::Nginx => format!(
                "<html>\r\n<head><title>Index of {path}</title></head>\r\n<body>\r\n\
                 <h1>Index of {path}</h1><hr><pre><a href=\"../\">../</a>\r\n"
            ),
            Style::Lighttpd => format!(
                "<!DOCTYPE html>\n<html>\n<head>\n<title>Index of {path}</title>\n</head>\n<body>\n\
                 <h2>Index of {path}</h2>\n<div class=\"list\">\n<table summary=\"Directory Listing\">\n\
                 <tbody>\n<tr class=\"d\"><td class=\"n\"><a href=\"../\">..</a>/</td>\
                 <td class=\"m\">&nbsp;</td><td class=\"s\">- &nbsp;</td></tr>\n"
            ),
            _ => format!(
                "<!DOCTYPE html>\n<html>\n<head>\n<title>{path}</title>\n</head>\n<body>\n\
                 <h1>Index of {path}</h1>\n<table>\n<tbody>\n\
                 <tr><td></td><td><a href=\"..\"><span class=\"goup\">..</span></a></td></tr>\n"
            ),
        }
    }

    /// A line.
    pub(crate) fn row(self, row: Row<'_>) -> String {
        let Row { name, bytes, modified_unix_s } = row;
        let date = Date::of(modified_unix_s);
        let mark = if bytes.is_some() { "" } else { "/" };
        let (href, shown) = (percent(name), escaped(name));
        let pad = " ".repeat(50_usize.saturating_sub(name.len()));
        match self {
            Style::Apache => format!(
                "<img src=\"/icons/unknown.gif\" alt=\"[   ]\"> \
                 <a href=\"{href}{mark}\">{shown}{mark}</a>{pad} {} {}  \n",
                date.apache(),
                bytes.map_or("  - ".to_owned(), rounded)
            ),
            Style::Nginx => format!(
                "<a href=\"{href}{mark}\">{shown}{mark}</a>{pad} {} {:>19}\r\n",
                date.nginx(),
                bytes.map_or("-".to_owned(), |bytes| bytes.to_string())
            ),
            Style::Lighttpd => format!(
                "<tr><td class=\"n\"><a href=\"{href}{mark}\">{shown}</a>{mark}</td>\
                 <td class=\"m\">{}</td><td class=\"s\">{}</td></tr>\n",
                date.lighttpd(),
                bytes.map_or("- &nbsp;".to_owned(), rounded)
            ),
            _ => format!(
                "<tr class=\"file\"><td></td><td><a href=\"./{href}{mark}\">\
                 <span class=\"name\">{shown}{mark}</span></a></td>{}\
                 <td class=\"timestamp\"><time datetime=\"{}\">{}</time></td></tr>\n",
                bytes.map_or("<td data-order=\"-1\">&mdash;</td>".to_owned(), |bytes| {
                    format!("<td class=\"size\" data-size=\"{bytes}\">{}</td>", rounded(bytes))
                }),
                date.internet(),
                date.apache()
            ),
        }
    }

    /// What stands behind the last line.
    pub(crate) fn tail(self) -> &'static str {
        match self {
            Style::Apache => {
                "<hr></pre>\n<address>Apache/2.4.62 (Unix) Server at localhost</address>\n\
                 </body></html>\n"
            }
            Style::Nginx => "</pre><hr></body>\r\n</html>\r\n",
            Style::Lighttpd => {
                "</tbody>\n</table>\n</div>\n<div class=\"foot\">lighttpd/1.4.76</div>\n\
                 </body>\n</html>\n"
            }
            _ => "</tbody>\n</table>\n</body>\n</html>\n",
        }
    }
}

/// What is in a folder, folders first.
pub(crate) fn rows(folder: &Folder) -> impl Iterator<Item = Row<'_>> {
    let folders = folder.folders.iter();
    let folders =
        folders.map(|(name, &modified_unix_s)| Row { name, bytes: None, modified_unix_s });
    let files = folder.files.iter().map(|(name, file)| Row {
        name,
        bytes: Some(file.length()),
        modified_unix_s: file.modified_unix_s,
    });
    folders.chain(files)
}

/// A name as a part of a URL.
pub(crate) fn percent(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+:@!$(),;=*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A text in HTML or XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A size for people: `17`, `1.2K`, `12M`, rounded as Apache does it.
fn rounded(bytes: u64) -> String {
    let mut units = ["", "K", "M", "G", "T"].into_iter();
    let (mut value, mut unit) = (bytes as f64, units.next());
    while value >= 973.0 {
        value /= 1024.0;
        unit = units.next();
    }
    let unit = unit.unwrap_or("P");
    if unit.is_empty() || value >= 9.95 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

/// Where every mirror has its tree.
pub(crate) const BASE: &str = "linux";
