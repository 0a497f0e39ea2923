//! What only people and sites have: passwords and tokens.
//!
//! Secrets come in through a pipe or a file and never as arguments, which everybody on the machine
//! can read; they go out once, when they are made.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use heliostat_catalog::account::{Account, PASSWORD_BYTES_MAX, SALT_BYTES};
use heliostat_catalog::site::Site;
use heliostat_catalog::token::SECRET_BYTES;
use heliostat_catalog::{Catalog, Ending, Txn};

use super::{ResourceAction, act_in, change, document};
use crate::catalog::args::CatalogArgs;
use crate::catalog::{actor, difference, open};
use crate::{Error, clock, table};

/// What to do with people.
#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    #[command(flatten)]
    Resource(ResourceAction),
    /// Set a password, which comes on the standard input or in a file; its line's end is no part of it.
    Password {
        /// Whose.
        name: String,
        /// The file; `-` is the standard input.
        #[arg(long, value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// Change nothing, and say whether it is the right one.
        #[arg(long)]
        check: bool,
    },
}

/// What to do with sites.
#[derive(Debug, Args)]
pub struct SiteArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(subcommand)]
    action: SiteAction,
}

#[derive(Debug, Subcommand)]
enum SiteAction {
    #[command(flatten)]
    Resource(ResourceAction),
    /// Set the password with which old clients (`report_mirror`) check in the site's private hosts;
    /// it comes on the standard input or in a file, and its line's end is no part of it.
    Password {
        /// Whose.
        name: String,
        /// The file; `-` is the standard input.
        #[arg(long, value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// Change nothing, and say whether it is the right one.
        #[arg(long)]
        check: bool,
        /// Take the password away: old clients of the site cannot check in any more.
        #[arg(long, conflicts_with_all = ["file", "check"])]
        remove: bool,
    },
}

/// What to do with tokens.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Make one and print its secret, which cannot be printed again.
    Add {
        /// Whose, and what it is called: `operator/laptop`.
        name: String,
        /// After how many days it ends; never by default.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
    },
    /// Print all of them, without their secrets.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print whose secret it is that comes on the standard input or in a file.
    Whose {
        /// The file; `-` is the standard input.
        #[arg(long, value_name = "FILE", default_value = "-")]
        file: PathBuf,
    },
    /// Remove one: its secret counts no more.
    Remove {
        /// Which one: `operator/laptop`.
        name: String,
    },
}

/// Does it.
pub(super) fn user(args: &UserArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    match &args.action {
        UserAction::Resource(action) => act_in::<Account>(&mut catalog, action, out),
        UserAction::Password { name, file, check: true } => {
            let password = secret_read(file)?;
            let known = catalog.read(|view| view.account_by_password(name, &password))?;
            known.ok_or(Error::Wrong)?;
            Ok(writeln!(out, "yes, it is {name}'s")?)
        }
        UserAction::Password { name, file, check: false } => {
            let password = secret_read(file)?;
            let salt: [u8; SALT_BYTES] = random()?;
            change(&mut catalog, out, |txn| txn.account_password_set(name, &password, &salt))
        }
    }
}

/// Does it.
pub(super) fn site(args: &SiteArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    match &args.action {
        SiteAction::Resource(action) => act_in::<Site>(&mut catalog, action, out),
        SiteAction::Password { name, file, check: true, .. } => {
            let password = secret_read(file)?;
            let known = catalog.read(|view| view.site_by_password(name, &password))?;
            known.ok_or(Error::Wrong)?;
            Ok(writeln!(out, "yes, it is {name}'s")?)
        }
        SiteAction::Password { name, file, remove, .. } => {
            let password = if *remove { None } else { Some(secret_read(file)?) };
            let salt: [u8; SALT_BYTES] = random()?;
            let password = password.as_deref();
            change(&mut catalog, out, |txn| txn.site_password_set(name, password, &salt))
        }
    }
}

/// Does it.
pub(super) fn token(args: &TokenArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    match &args.action {
        TokenAction::Add { name, days } => {
            let end = days.map(|days| clock::now_unix_s() + u64::from(days) * DAY_S);
            let bytes: [u8; SECRET_BYTES] = random()?;
            let actor = actor("cli");
            let add = |txn: &mut Txn<'_>| txn.token_insert(name, end, &bytes);
            let ((_, secret), changes) = catalog.write(&actor, Ending::Commit, add)?;
            // Only the secret goes to the output, so that a script can keep it where it belongs.
            difference::lines(&changes, usize::MAX, &mut std::io::stderr().lock())?;
            Ok(writeln!(out, "{secret}")?)
        }
        TokenAction::List { json } => list(&mut catalog, *json, out),
        TokenAction::Whose { file } => {
            let secret = secret_read(file)?;
            let now_unix_s = clock::now_unix_s();
            let known = catalog.read(|view| view.token_by_secret(&secret, now_unix_s))?;
            let (token, account) = known.ok_or(Error::Wrong)?;
            Ok(writeln!(out, "{}, {}", token.full_name(), account.role.as_str())?)
        }
        TokenAction::Remove { name } => change(&mut catalog, out, |txn| {
            let before = txn.view().token_find(name)?;
            txn.token_remove(&before)
        }),
    }
}

fn list(catalog: &mut Catalog, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let all = catalog.read(|view| view.token_list())?;
    if json {
        return Ok(out.write_all(document::json(&all)?.as_bytes())?);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|token| {
            let end = token.expires_unix_s.map_or_else(|| "never".to_owned(), clock::utc);
            vec![token.id.to_string(), token.full_name(), clock::utc(token.created_unix_s), end]
        })
        .collect();
    Ok(table::print(out, &[">id", "name", "made (UTC)", "ends (UTC)"], &rows)?)
}

/// One line, from a pipe or a file: not from a terminal, which would show it.
fn secret_read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    // A little more than the longest, so that too long is not taken for long.
    let limit = PASSWORD_BYTES_MAX as u64 + 2;
    if path == Path::new("-") {
        let input = std::io::stdin();
        if input.is_terminal() {
            let why = "a terminal would show it; give it through a pipe, or as --file FILE";
            return Err(Error::Document(why.to_owned()));
        }
        input.lock().take(limit).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(limit).read_to_string(&mut text).map_err(failed)?;
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

const DAY_S: u64 = 86_400;
