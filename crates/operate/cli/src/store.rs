//! Stores of snapshots, as people name them.

use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use heliostat_store::{Access, Location, Store};

use crate::inspect::age;
use crate::table::{self, thousands};
use crate::{Error, clock};

/// How a bucket is reached, beyond what the usual variables (`AWS_ACCESS_KEY_ID`, …) say.
#[derive(Clone, Debug, Default, Args)]
pub struct StoreArgs {
    /// The URL of the S3 service, where it is not Amazon's [or: AWS_ENDPOINT].
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// A file with lines `AWS_ACCESS_KEY_ID=…`, `AWS_SECRET_ACCESS_KEY=…`, `AWS_REGION=…`.
    #[arg(long, value_name = "FILE")]
    pub s3_credentials: Option<PathBuf>,
}

impl StoreArgs {
    pub(crate) fn open(&self, location: &str) -> Result<Store, Error> {
        self.open_as(location, false)
    }

    /// The store, to write it; `unconditional` as in [`Access`].
    pub(crate) fn open_as(&self, location: &str, unconditional: bool) -> Result<Store, Error> {
        let (endpoint, credentials) = (self.s3_endpoint.clone(), self.s3_credentials.clone());
        let access = Access { endpoint, credentials, unconditional };
        Ok(Store::new(&self::location(location), &access)?)
    }
}

/// Prints what a store holds, and fetches and checks every generation when asked to.
pub(crate) fn inspect(
    store: &Store,
    verify: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Some((pointer, _)) = store.pointer()? else {
        return Err(Error::Nothing(format!("nothing is published in {}", store.location())));
    };
    if verify {
        let folder = tempfile::tempdir()?;
        for generation in &pointer.generations {
            store.fetch(generation, &folder.path().join(&generation.file))?;
        }
    }
    if json {
        serde_json::to_writer_pretty(&mut *out, &pointer).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "store    {}", store.location())?;
    writeln!(out, "fence    {}", pointer.fence)?;
    writeln!(out, "catalog  {}", pointer.catalog.as_deref().unwrap_or("unknown"))?;
    if let (Some(newest), Some(again)) = (pointer.newest(), pointer.again) {
        writeln!(out, "generation {} is generation {again} again", newest.generation)?;
    }
    writeln!(out)?;
    let since = |unix_s: u64| age(clock::now_unix_s().saturating_sub(unix_s));
    let rows: Vec<Vec<String>> = pointer
        .generations
        .iter()
        .map(|one| {
            vec![
                one.generation.to_string(),
                since(one.published_unix_s),
                since(one.created_unix_s),
                thousands(one.file_bytes),
                one.file.clone(),
            ]
        })
        .collect();
    table::print(out, &[">generation", ">published ago", ">data age", ">bytes", "file"], &rows)?;
    if verify {
        writeln!(out, "\nevery file was fetched and checked")?;
    }
    Ok(())
}

pub(crate) fn location(text: &str) -> Location {
    text.parse().unwrap_or_else(|never: Infallible| match never {})
}
