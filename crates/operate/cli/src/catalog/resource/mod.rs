//! `site`, `host`, `category`, `repo`, `netblock`, `country`, `user`, `token`: what the catalog holds,
//! with one set of commands for every sort of thing.
//!
//! A thing is a document. `show` prints it, `edit` opens it, `--set` changes a field of it, and the
//! catalog says what is wrong with it. What a sort has of its own is in [`kinds`], one table.

/// The sorts of things: their columns, names, and calls.
mod kinds;
/// What only people have: passwords and tokens.
mod people;
/// Documents as text, and text as documents.
mod document;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use heliostat_catalog::account::Account;
use heliostat_catalog::category::Category;
use heliostat_catalog::country::Country;
use heliostat_catalog::host::Host;
use heliostat_catalog::location::Location;
use heliostat_catalog::netblock::NetblockCountry;
use heliostat_catalog::product::{Product, Version};
use heliostat_catalog::repository::{Disabled, Redirect, Repository};
use heliostat_catalog::site::Site;
use heliostat_catalog::{Catalog, Change, Ending, Error as CatalogError, Txn};

use super::args::CatalogArgs;
use super::{actor, difference, open};
use crate::{Error, table};
use kinds::{DirectoryDocument, Kind};
pub use people::{SiteArgs, TokenArgs, UserArgs};

/// The sorts of things.
#[derive(Debug, Subcommand)]
pub enum Resource {
    /// Organisations that run hosts.
    Site(SiteArgs),
    /// Machines that carry content: by name, or by number where several share a name.
    Host(ResourceArgs),
    /// Parts of the tree that hosts carry as a whole.
    Category(ResourceArgs),
    /// Directories of the master tree, and the files in them whose content is known.
    Directory(ResourceArgs),
    /// What is released, and what repositories and categories are of.
    Product(ResourceArgs),
    /// Releases of products, as PRODUCT/VERSION: `Fedora/40`.
    Version(ResourceArgs),
    /// Repositories, as PREFIX/ARCH: `fedora-40/x86_64`.
    Repo(ResourceArgs),
    /// Other names of repositories, as `repo=` says them.
    Redirect(ResourceArgs),
    /// Repositories that are switched off for every architecture, by prefix.
    Disabled(ResourceArgs),
    /// Named lists of hosts, given first to clients that ask with `location=`.
    Location(ResourceArgs),
    /// Networks whose country is known better than a GeoIP database knows it.
    Netblock(ResourceArgs),
    /// Countries by their two letters: which continent they lie on, and which they are served as.
    Country(ResourceArgs),
    /// People who may do something.
    User(UserArgs),
    /// What people's programs show instead of a password, as PERSON/TOKEN: `operator/laptop`.
    Token(TokenArgs),
}

/// What to do with things of one sort.
#[derive(Debug, Args)]
pub struct ResourceArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(subcommand)]
    action: ResourceAction,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum ResourceAction {
    /// Print all of them.
    List {
        /// Print JSON, with everything that is known.
        #[arg(long)]
        json: bool,
    },
    /// Print everything that is known about one.
    Show {
        /// Which one.
        name: String,
        /// Print JSON instead of TOML.
        #[arg(long)]
        json: bool,
    },
    /// Add one.
    Add {
        /// What it is called.
        name: String,
        /// A field and its value, in TOML: `country=SE`, `asns=[64500]`; may be given often.
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// A TOML file with the other fields; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Change one: the fields that are given, or all of it in `$EDITOR`.
    Edit {
        /// Which one.
        name: String,
        /// A field and its value, in TOML; without a value it is as if it had never been set.
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// A TOML file that replaces all of it; `-` is the standard input.
        #[arg(long, value_name = "FILE", conflicts_with = "set")]
        file: Option<PathBuf>,
    },
    /// Remove one, with what hangs on it.
    Remove {
        /// Which one.
        name: String,
    },
}

/// Does it.
pub(crate) fn run(resource: &Resource, out: &mut impl Write) -> Result<(), Error> {
    match resource {
        Resource::Site(args) => people::site(args, out),
        Resource::Host(args) => act::<Host>(args, out),
        Resource::Category(args) => act::<Category>(args, out),
        Resource::Directory(args) => act::<DirectoryDocument>(args, out),
        Resource::Product(args) => act::<Product>(args, out),
        Resource::Version(args) => act::<Version>(args, out),
        Resource::Repo(args) => act::<Repository>(args, out),
        Resource::Redirect(args) => act::<Redirect>(args, out),
        Resource::Disabled(args) => act::<Disabled>(args, out),
        Resource::Location(args) => act::<Location>(args, out),
        Resource::Netblock(args) => act::<NetblockCountry>(args, out),
        Resource::Country(args) => act::<Country>(args, out),
        Resource::User(args) => people::user(args, out),
        Resource::Token(args) => people::token(args, out),
    }
}

/// The fields of what a command is about, as `--set` has them.
pub(crate) fn fields(command: &str) -> &'static [&'static str] {
    match command {
        "site" => document::names::<Site>(),
        "host" => document::names::<Host>(),
        "category" => document::names::<Category>(),
        "directory" => document::names::<DirectoryDocument>(),
        "product" => document::names::<Product>(),
        "version" => document::names::<Version>(),
        "repo" => document::names::<Repository>(),
        "redirect" => document::names::<Redirect>(),
        "disabled" => document::names::<Disabled>(),
        "location" => document::names::<Location>(),
        "netblock" => document::names::<NetblockCountry>(),
        "country" => document::names::<Country>(),
        "user" => document::names::<Account>(),
        _ => &[],
    }
}

fn act<K: Kind>(args: &ResourceArgs, out: &mut impl Write) -> Result<(), Error> {
    act_in::<K>(&mut open(&args.catalog)?, &args.action, out)
}

fn act_in<K: Kind>(
    catalog: &mut Catalog,
    action: &ResourceAction,
    out: &mut impl Write,
) -> Result<(), Error> {
    match action {
        ResourceAction::List { json } => list::<K>(catalog, *json, out),
        ResourceAction::Show { name, json } => {
            let found = catalog.read(|view| K::find(view, name))?;
            let text = if *json { document::json(&found)? } else { document::toml(&found)? };
            Ok(out.write_all(text.as_bytes())?)
        }
        ResourceAction::Add { name, set, file } => {
            let base = match file {
                Some(file) => document::read(file)?,
                None => serde_json::Map::new(),
            };
            let named = K::named(name)?.into_iter().chain(base).collect();
            let new: K = document::with(named, set)?;
            change(catalog, out, |txn| new.insert(txn))
        }
        ResourceAction::Edit { name, set, file } => {
            let before = catalog.read(|view| K::find(view, name))?;
            let after: K = match (file, set.as_slice()) {
                (Some(file), _) => document::with(document::read(file)?, &[])?,
                (None, []) => document::edited(&before)?,
                (None, set) => document::with(document::fields(&before)?, set)?,
            };
            change(catalog, out, |txn| {
                // What was shown is changed, not what somebody made of it meanwhile.
                let now = K::find(txn.view(), name)?;
                if now != before {
                    return Err(K::refused(name, "somebody else changed it meanwhile"));
                }
                after.update(&before, txn)
            })
        }
        ResourceAction::Remove { name } => change(catalog, out, |txn| {
            let before = K::find(txn.view(), name)?;
            before.remove(txn)
        }),
    }
}

fn list<K: Kind>(catalog: &mut Catalog, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let all = catalog.read(|view| K::list(view))?;
    if json {
        return Ok(out.write_all(document::json(&all)?.as_bytes())?);
    }
    let rows: Vec<Vec<String>> = all.iter().map(Kind::row).collect();
    Ok(table::print(out, K::HEADING, &rows)?)
}

/// Changes the catalog and prints what changed.
fn change(
    catalog: &mut Catalog,
    out: &mut impl Write,
    write: impl FnOnce(&mut Txn<'_>) -> Result<(), CatalogError>,
) -> Result<(), Error> {
    let (_, changes): (_, Vec<Change>) = catalog.write(&actor("cli"), Ending::Commit, write)?;
    if changes.is_empty() {
        writeln!(out, "nothing changed")?;
    }
    difference::lines(&changes, usize::MAX, out)
}
