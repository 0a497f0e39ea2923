//! The pieces of answers that are the same for every client, rendered ahead of time.
//!
//! A metalink `url` element is `head`, the preference, `link`, the directory's tail, the file and
//! a closing tag. Everything but the preference and the file is known when compiling. The details
//! of a file are rendered whole.

use heliostat_model::{Country, File, FileDetail, Url};
use heliostat_snapshot::escape;

/// `<url>` up to the value of `preference`.
pub(crate) fn url_head(out: &mut Vec<u8>, url: &Url, country: Option<Country>) {
    let location = country.map_or(String::new(), |country| country.to_string());
    let scheme = url.scheme.as_str();
    out.extend(
        format!(
            "    <url protocol=\"{scheme}\" type=\"{scheme}\" location=\"{location}\" preference=\""
        )
        .bytes(),
    );
}

/// From behind the value of `preference` through the base URL.
pub(crate) fn url_link(out: &mut Vec<u8>, base: &[u8]) {
    out.extend(b"\">");
    escape::xml(out, base);
}

/// A file from its start tag to the start tag of its resources.
pub(crate) fn file_block(out: &mut Vec<u8>, file: &File) {
    out.extend(b"  <file name=\"");
    escape::xml(out, file.name.as_bytes());
    out.extend(b"\">\n");
    let mut details = file.details.iter();
    if let Some(newest) = details.next() {
        detail(out, newest, "   ");
    }
    if details.len() > 0 {
        out.extend(b"   <mm0:alternates>\n");
        for alternate in details {
            out.extend(b"    <mm0:alternate>\n");
            detail(out, alternate, "     ");
            out.extend(b"    </mm0:alternate>\n");
        }
        out.extend(b"   </mm0:alternates>\n");
    }
    out.extend(b"   <resources maxconnections=\"1\">\n");
}

fn detail(out: &mut Vec<u8>, detail: &FileDetail, indent: &str) {
    if let Some(timestamp) = detail.timestamp_unix_s {
        out.extend(format!("{indent}<mm0:timestamp>{timestamp}</mm0:timestamp>\n").bytes());
    }
    if let Some(size) = detail.size_bytes {
        out.extend(format!("{indent}<size>{size}</size>\n").bytes());
    }
    out.extend(format!("{indent}<verification>\n").bytes());
    for (kind, value) in detail.hashes() {
        out.extend(format!("{indent} <hash type=\"{kind}\">").bytes());
        escape::xml(out, value.as_bytes());
        out.extend(b"</hash>\n");
    }
    out.extend(format!("{indent}</verification>\n").bytes());
}
