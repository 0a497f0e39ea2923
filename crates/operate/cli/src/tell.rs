//! What a director is told over HTTPS: what a mirror has.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use heliostat_observe_checkin::{Collected, Director, Tree, collect, post};
use serde_json::Value;

use crate::Error;
use crate::catalog::args::first_line;

/// How a director is reached.
#[derive(Clone, Debug, Args)]
pub struct DirectorArgs {
    /// The director: `https://director.example.org`.
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// A file whose first line is the secret of a token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates in PEM that are believed besides those of the system.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

impl DirectorArgs {
    pub(crate) fn director(&self, section: &'static str) -> Result<Director, Error> {
        let unsaid = |what, option, key| Error::Unsaid { what, option, key, section };
        let url = self.to.clone();
        let url = url.ok_or_else(|| unsaid("which director to tell", "to", "to"))?;
        let file = self.token_file.as_ref();
        let file = file.ok_or_else(|| unsaid("where the token is", "token-file", "token_file"))?;
        let agent = concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Director { url, secret: first_line(file)?, ca: self.ca.clone(), agent })
    }
}

/// Arguments of `checkin`.
#[derive(Debug, Args)]
pub struct CheckinArgs {
    /// How the director is reached.
    #[command(flatten)]
    pub director: DirectorArgs,
    /// What the director calls this host: its name, or its number.
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// A category, and the folder in which its top lies here: `Linux=/srv/mirror/linux`; may be
    /// given often. All of the category counts as missing that is not in it.
    #[arg(long, value_name = "CATEGORY=DIR")]
    pub tree: Vec<TreeArg>,
    /// Send nothing, and print the document that would be sent.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `CATEGORY=DIR`.
#[derive(Clone, Debug)]
pub struct TreeArg(Tree);

impl FromStr for TreeArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<TreeArg, &'static str> {
        let (category, folder) = text.split_once('=').ok_or("it must read CATEGORY=DIR")?;
        if category.is_empty() || folder.is_empty() {
            return Err("neither the category nor its folder may be empty");
        }
        Ok(TreeArg(Tree { category: category.to_owned(), folder: folder.into() }))
    }
}

/// Tells a director what this mirror has.
pub(crate) fn checkin(args: &CheckinArgs, out: &mut impl Write) -> Result<(), Error> {
    let unsaid = |what, option, key| Error::Unsaid { what, option, key, section: "checkin" };
    let host = args.host.as_deref();
    let host = host.ok_or_else(|| unsaid("which host this is", "host", "host"))?;
    if args.tree.is_empty() {
        return Err(unsaid("what this mirror carries, and where", "tree", "tree"));
    }
    let trees: Vec<Tree> = args.tree.iter().map(|tree| tree.0.clone()).collect();
    // What is missing is said before the disk is read for minutes.
    let director = if args.dry_run { None } else { Some(args.director.director("checkin")?) };
    let collected = collect(host, &trees);
    let collected = collected.map_err(|(path, source)| Error::Tree { path, source })?;
    let mut err = std::io::stderr().lock();
    for (why, count) in &collected.left_out {
        writeln!(err, "warning: left out {count} {why}")?;
    }
    let Some(director) = director else {
        out.write_all(&collected.json)?;
        return Ok(writeln!(out)?);
    };
    let body = collected.packed()?;
    let sent = body.len();
    let told = post(&director, "/api/checkin", "application/json", body);
    let receipt = told.map_err(|source| Error::Told { url: director.url, source })?;
    if args.json {
        return Ok(writeln!(out, "{receipt:#}")?);
    }
    print(&collected, sent, &receipt, out)
}

fn print(
    collected: &Collected,
    sent: usize,
    receipt: &Value,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Collected { folders, bytes, indexes, .. } = collected;
    writeln!(out, "{folders} folders with {bytes} bytes, {indexes} indexes: {sent} bytes sent")?;
    for of in receipt["categories"].as_array().into_iter().flatten() {
        let count = |name: &str| of[name].as_u64().unwrap_or(0);
        writeln!(
            out,
            "{}: {} directories as they should be, {} behind, {} missing, {} that nobody can tell; \
             {} folders are none of it",
            of["category"].as_str().unwrap_or_default(),
            count("current"),
            count("behind"),
            count("missing"),
            count("unknown"),
            count("strange"),
        )?;
    }
    for name in receipt["not_carried"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        writeln!(out, "{name}: the director does not know that this host carries it")?;
    }
    Ok(())
}
