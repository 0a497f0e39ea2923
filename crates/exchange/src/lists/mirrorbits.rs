//! What `mirrorbits export` and `mirrorbits list` print.
//!
//! An export is a list for mirmon. A list is a table whose columns depend on what was asked for
//! (`-http`, `-rsync`, `-ftp`, `-score`, `-location`, `-state`), under a heading that names them.

use super::draft::{Base, Draft, Entry};
use super::{List, ListError, mirmon};
use crate::Import;
use crate::problem::{ProblemKind, shown};

/// Reads either.
///
/// # Errors
///
/// When the file is too large, or the name of the tree makes no sense. What is wrong with a line is
/// in [`Import::problems`].
pub fn mirrorbits_read(list: List<'_>) -> Result<Import, ListError> {
    let mut draft = Draft::new(list, "mirrorbits")?;
    let lines = draft.lines();
    let heading = lines.iter().position(|(_, line)| !line.trim().is_empty());
    let heading = heading.filter(|&at| lines[at].1.starts_with("Identifier"));
    match heading {
        Some(at) => table(&mut draft, lines[at].1, &lines[at + 1..]),
        None => mirmon::read(&mut draft, &lines),
    }
    Ok(draft.finish())
}

fn table(draft: &mut Draft<'_>, heading: &str, lines: &[(usize, &str)]) {
    let columns = cells(heading);
    for &(line, text) in lines.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let cells = cells(text);
        if cells.len() != columns.len() {
            draft.wrong(line, "", ProblemKind::BadLine, || {
                format!(
                    "{}: {} columns, but the heading has {}; left out",
                    shown(text.as_bytes()),
                    cells.len(),
                    columns.len()
                )
            });
            continue;
        }
        let mut entry = Entry::new(line, cells[0]);
        for (&column, &cell) in columns.iter().zip(&cells).skip(1) {
            field(draft, &mut entry, column, cell);
        }
        draft.add(entry);
    }
}

fn field(draft: &mut Draft<'_>, entry: &mut Entry, column: &str, cell: &str) {
    let line = entry.line;
    let mut url = |url: String| {
        let (field, top) = (column.to_owned(), draft.top().to_owned());
        entry.urls.push(Base { line, field, top, url });
    };
    match column {
        "HTTP" if !cell.is_empty() && !cell.contains("://") => {
            // It is reached both ways.
            ["https", "http"].into_iter().for_each(|scheme| url(format!("{scheme}://{cell}")));
        }
        "HTTP" | "RSYNC" | "FTP" if !cell.is_empty() => url(cell.to_owned()),
        "LOCATION" => {
            let code = cell.split_whitespace().next().unwrap_or_default();
            entry.host.country = draft.country(line, column, code);
        }
        "STATE" => entry.facts.active_admin = Some(cell != "disabled"),
        // A score is added to a computed weight there: there is no such thing here.
        _ => {}
    }
}

/// The cells of a line: there is a blank in an empty one, so tabs in a row are one border.
fn cells(line: &str) -> Vec<&str> {
    let cells = line.split('\t').filter(|cell| !cell.is_empty());
    cells.map(str::trim).collect()
}
