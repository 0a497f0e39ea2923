//! Nodes, and how they are asked: over HTTP where they answer for metrics, or by the folder in which
//! they keep their totals.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use heliostat_observe_probe::{FetchError, FetchLimits, Fetcher, Reach};

use crate::totals::{Malformed, NodeTotals, TOTALS_BYTES_MAX};

/// Where a node tells what it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `http://node1.example.org:9100`: what `serve --metrics-listen` answers on.
    Http(String),
    /// What `serve --totals-dir` writes into.
    Folder(PathBuf),
}

/// A node that could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It did not answer.
    #[error("no totals")]
    Fetch(#[source] FetchError),
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it answered is not what was asked for.
    #[error("its totals cannot be used")]
    Malformed(#[source] Malformed),
}

impl FromStr for Node {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Node, &'static str> {
        if text.starts_with("http://") || text.starts_with("https://") {
            let base = text.trim_end_matches('/');
            return Ok(Node::Http(base.strip_suffix("/totals").unwrap_or(base).to_owned()));
        }
        match text.as_bytes().first() {
            Some(b'/' | b'.') => Ok(Node::Folder(text.into())),
            _ => Err("it must be a URL like http://node1.example.org:9100, or a folder"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Http(url) => f.write_str(url),
            Node::Folder(path) => path.display().fmt(f),
        }
    }
}

impl Node {
    /// What it has counted.
    ///
    /// # Errors
    ///
    /// When it does not say, or says nothing that can be used.
    pub fn totals(&self, agent: &str) -> Result<NodeTotals, NodeError> {
        match self {
            Node::Folder(folder) => in_folder(folder),
            Node::Http(url) => {
                let bytes = fetched(url, agent)?;
                NodeTotals::parse(&bytes).map_err(NodeError::Malformed)
            }
        }
    }
}

fn fetched(url: &str, agent: &str) -> Result<Vec<u8>, NodeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |source| NodeError::Read { path: url.into(), source };
    runtime.map_err(failed)?.block_on(async {
        // The operator names the node, and it is a neighbour.
        let limits = FetchLimits::new(Reach::Anywhere);
        let fetcher = Fetcher::new(agent, limits).map_err(NodeError::Fetch)?;
        let mut bytes = Vec::new();
        let take = |part: &[u8]| {
            bytes.extend_from_slice(part);
            bytes.len() <= TOTALS_BYTES_MAX
        };
        let url = format!("{url}/totals");
        let parts = fetcher.parts(&url, (0, None), take);
        match tokio::time::timeout(limits.total, parts).await {
            Ok(done) => done.map_err(NodeError::Fetch)?,
            Err(_) => return Err(NodeError::Fetch(FetchError::Time(limits.total))),
        };
        Ok(bytes)
    })
}

/// The runs of a folder, a file for each.
fn in_folder(folder: &Path) -> Result<NodeTotals, NodeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| NodeError::Read { path, source }
    };
    let mut all: Option<NodeTotals> = None;
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|end| end != "totals") {
            continue;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(TOTALS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed(&path))?;
        let mut read = NodeTotals::parse(&bytes).map_err(NodeError::Malformed)?;
        match &mut all {
            Some(all) => all.runs.append(&mut read.runs),
            None => all = Some(read),
        }
    }
    let empty = || NodeTotals { version: 1, node: folder.display().to_string(), runs: Vec::new() };
    Ok(all.unwrap_or_else(empty))
}
