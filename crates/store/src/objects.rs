//! An object store, through S3.
//!
//! The pointer is replaced by a conditional write (`If-Match`, `If-None-Match: *`), so the service
//! itself says who was first. Some services take such a write and overwrite all the same: one is tried
//! before the first pointer is written. All of it happens on the thread that calls, in a runtime of
//! its own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path as FilePath;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, PutResult, RetryConfig, UpdateVersion, WriteMultipart,
};
use tokio::runtime::Runtime;

use crate::pointer::{POINTER, POINTER_BYTES_MAX, Pointer, number};
use crate::store::{Seen, Version};
use crate::{Access, Error};

#[derive(Debug)]
pub(crate) struct Objects {
    /// For people.
    name: String,
    prefix: Path,
    /// Requests about the pointer, which end soon.
    small: AmazonS3,
    /// Requests about files, which may take their time as long as something moves.
    large: AmazonS3,
    runtime: Runtime,
    /// There is one publisher at a time, whatever the service does with conditional writes.
    unconditional: bool,
    /// Set once the service has shown that it heeds them.
    heeds: OnceLock<()>,
}

impl Objects {
    pub(crate) fn new(
        name: String,
        bucket: &str,
        prefix: &str,
        access: &Access,
    ) -> Result<Objects, Error> {
        let unusable = |why: String| Error::Access { store: name.clone(), why };
        // Another part of the program may have chosen already; any choice will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        for (key, value) in secrets(access).map_err(unusable)? {
            builder = builder.with_config(key, value);
        }
        if let Some(endpoint) = &access.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..Default::default() },
            max_retries: RETRIES,
            retry_timeout: SMALL_TIMEOUT,
        };
        let builder = builder.with_retry(retry);
        let build = |timeout: Duration| {
            let options = ClientOptions::new()
                .with_allow_http(plain)
                .with_connect_timeout(CONNECT_TIMEOUT)
                .with_read_timeout(SMALL_TIMEOUT)
                .with_timeout(timeout);
            builder.clone().with_client_options(options).build()
        };
        let both = build(SMALL_TIMEOUT).and_then(|small| Ok((small, build(LARGE_TIMEOUT)?)));
        let (small, large) = both.map_err(|error| unusable(error.to_string()))?;
        let prefix = Path::parse(prefix).map_err(|error| unusable(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
        let (unconditional, heeds) = (access.unconditional, OnceLock::new());
        Ok(Objects { name, prefix, small, large, runtime, unconditional, heeds })
    }

    pub(crate) fn look(&self, known: Option<&Version>) -> Result<Seen, Error> {
        let options = GetOptions {
            if_none_match: known.map(|version| version.0.clone()),
            ..GetOptions::default()
        };
        let read = self.runtime.block_on(async {
            let found = self.small.get_opts(&self.path(POINTER), options).await?;
            let tag = found.meta.e_tag.clone();
            if found.meta.size > POINTER_BYTES_MAX as u64 {
                return Ok((Bytes::from(vec![b' '; POINTER_BYTES_MAX + 1]), tag));
            }
            Ok((found.bytes().await?, tag))
        });
        match read {
            Ok((bytes, tag)) => Ok(Seen::New(Pointer::read(&bytes)?, self.version(tag)?)),
            Err(object_store::Error::NotModified { .. }) => Ok(Seen::Same),
            Err(object_store::Error::NotFound { .. }) => Ok(Seen::Missing),
            Err(error) => Err(self.wrong(error)),
        }
    }

    pub(crate) fn replace(
        &self,
        seen: Option<&Version>,
        pointer: &Pointer,
    ) -> Result<Version, Error> {
        if self.unconditional {
            let now = match self.look(None)? {
                Seen::New(_, version) => Some(version),
                Seen::Same | Seen::Missing => None,
            };
            if now.as_ref() != seen {
                return self.ours(pointer);
            }
        } else {
            self.prove()?;
        }
        let mode = match seen {
            _ if self.unconditional => PutMode::Overwrite,
            None => PutMode::Create,
            Some(version) => if_still(version),
        };
        match self.write(POINTER, pointer.bytes(), mode) {
            Ok(done) => self.version(done.e_tag),
            Err(error) if is_unmet(&error) => self.ours(pointer),
            Err(error) => Err(self.wrong(error)),
        }
    }

    /// Makes sure that the service refuses a write whose condition is not met.
    fn prove(&self) -> Result<(), Error> {
        if self.heeds.get().is_some() {
            return Ok(());
        }
        let bytes = || PROBE.as_bytes().to_vec();
        let made = self.write(PROBE, bytes(), PutMode::Overwrite);
        self.version(made.map_err(|error| self.wrong(error))?.e_tag)?;
        let strange = Version("\"0\"".to_owned());
        let tried =
            [PutMode::Create, if_still(&strange)].map(|mode| self.write(PROBE, bytes(), mode));
        self.remove(&[PROBE.to_owned()])?;
        for tried in tried {
            let said = match tried {
                Err(error) if is_unmet(&error) => continue,
                Err(error) => format!("it does not take conditional writes: {error}"),
                Ok(_) => "it overwrites whatever a conditional write says".to_owned(),
            };
            let why = format!(
                "{said}; without If-Match and If-None-Match two publishers can undo each other's \
                 work (--s3-unconditional trusts that there is one)"
            );
            return Err(Error::Access { store: self.name.clone(), why });
        }
        self.heeds.get_or_init(|| ());
        Ok(())
    }

    fn write(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> object_store::Result<PutResult> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let (path, payload) = (self.path(name), PutPayload::from(bytes));
        self.runtime.block_on(self.small.put_opts(&path, payload, options))
    }

    /// After a conflict: a request whose answer was lost is sent again, and then finds itself.
    fn ours(&self, pointer: &Pointer) -> Result<Version, Error> {
        match self.look(None)? {
            Seen::New(found, version) if found == *pointer => Ok(version),
            _ => Err(Error::Overtaken),
        }
    }

    pub(crate) fn put(&self, file: &FilePath, name: &str) -> Result<(), Error> {
        let unread = |source| Error::Folder { path: file.to_owned(), source };
        let mut from = File::open(file).map_err(unread)?;
        let mut piece = vec![0; PIECE_BYTES];
        self.runtime.block_on(async {
            let upload = self.large.put_multipart(&self.path(name)).await;
            let upload = upload.map_err(|error| self.wrong(error))?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
            loop {
                let read = fill(&mut from, &mut piece).map_err(unread)?;
                if read == 0 {
                    break;
                }
                upload.wait_for_capacity(PIECES_MAX).await.map_err(|error| self.wrong(error))?;
                upload.write(&piece[..read]);
            }
            upload.finish().await.map(|_| ()).map_err(|error| self.wrong(error))
        })
    }

    pub(crate) fn get(&self, name: &str, bytes_max: u64, to: &mut File) -> Result<(), Error> {
        let unwritten = |source| Error::Folder { path: name.into(), source };
        self.runtime.block_on(async {
            let found = self.large.get(&self.path(name)).await;
            let mut pieces = found.map_err(|error| self.wrong(error))?.into_stream();
            let mut left = bytes_max;
            while let Some(piece) = next(&mut pieces).await {
                let piece = piece.map_err(|error| self.wrong(error))?;
                let taken = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                left -= taken as u64;
                to.write_all(&piece[..taken]).map_err(unwritten)?;
            }
            Ok(())
        })
    }

    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        self.runtime.block_on(async {
            let mut found = self.small.list(Some(&self.prefix));
            let mut names = Vec::new();
            while let Some(object) = next(&mut found).await {
                let object = object.map_err(|error| self.wrong(error))?;
                let name = object.location.filename().unwrap_or_default();
                // Only what lies right under the prefix and has a name that we give.
                if self.path(name) == object.location && number(name).is_some() {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        })
    }

    pub(crate) fn remove(&self, names: &[String]) -> Result<(), Error> {
        self.runtime.block_on(async {
            for name in names {
                match self.small.delete(&self.path(name)).await {
                    Err(object_store::Error::NotFound { .. }) => {}
                    done => done.map_err(|error| self.wrong(error))?,
                }
            }
            Ok(())
        })
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    fn version(&self, tag: Option<String>) -> Result<Version, Error> {
        tag.map(Version).ok_or_else(|| Error::Access {
            store: self.name.clone(),
            why: "it gives no ETag, without which two publishers cannot be told apart".to_owned(),
        })
    }

    fn wrong(&self, error: object_store::Error) -> Error {
        Error::Objects { store: self.name.clone(), source: Box::new(error) }
    }
}

/// Only if it is still the one that was seen.
fn if_still(Version(tag): &Version) -> PutMode {
    PutMode::Update(UpdateVersion { e_tag: Some(tag.clone()), version: None })
}

/// Whether the condition of a write was not met.
fn is_unmet(error: &object_store::Error) -> bool {
    use object_store::Error::{AlreadyExists, NotFound, Precondition};
    // The service may say of a strange tag that there is no such object.
    matches!(error, AlreadyExists { .. } | NotFound { .. } | Precondition { .. })
}

/// What stands in the file of credentials.
fn secrets(access: &Access) -> Result<Vec<(AmazonS3ConfigKey, String)>, String> {
    let Some(path) = &access.credentials else { return Ok(Vec::new()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            // What stands there is secret, so an error names the line only.
            let wrong = || format!("{shown}, line {number}: not AWS_NAME=value");
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            let key = name.trim().to_ascii_lowercase();
            let key = key.starts_with("aws_").then(|| key.parse().ok()).flatten();
            Ok((key.ok_or_else(wrong)?, value.trim().to_owned()))
        })
        .collect()
}

/// Reads as much as there is room for, or all that is left.
fn fill(from: &mut File, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while read < piece.len() {
        match from.read(&mut piece[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The next item of a stream.
async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)).await
}

/// A service that does not answer is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a request about the pointer, with everything; for a file, between two pieces of it.
const SMALL_TIMEOUT: Duration = Duration::from_secs(15);

/// For a whole file.
const LARGE_TIMEOUT: Duration = Duration::from_secs(900);

/// What a service is tried with.
const PROBE: &str = "heliostat.probe";

/// How often a request is sent again before whoever wanted it hears of it.
const RETRIES: usize = 2;

/// What an upload holds in memory, and how often; S3 wants at least 5 MiB.
const PIECE_BYTES: usize = 8 << 20;
const PIECES_MAX: usize = 2;
