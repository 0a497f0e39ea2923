//! Images: large, and hashed piece by piece, so that whoever is interrupted goes on.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use heliostat_catalog::directory::FileDetail;
use heliostat_catalog::scan::{HashProgress, SeenFile};
use heliostat_catalog::{Actor, Catalog, Ending};
use tokio::runtime::Runtime;

use crate::content::Unread;
use crate::error::Error;
use crate::folder::joined;
use crate::hash::Hashes;
use crate::history::aged;
use crate::origin::Origin;
use crate::purpose::{Purpose, purpose};
use crate::record::{Recorder, below};
use crate::scan::{Problem, Progress, Summary};
use crate::walk::Walk;

/// An image whose hashes are not known.
#[derive(Debug)]
struct Image {
    directory_id: i64,
    directory: String,
    path: String,
    file: SeenFile,
    size_bytes: u64,
    time_unix_s: i64,
}

/// Hashes every image that has none of its hashes, or not all.
pub(crate) fn images(
    recorder: &mut Recorder<'_>,
    actor: &Actor,
    walk: &Walk,
    runtime: &Runtime,
    watch: &mut dyn FnMut(Progress<'_>),
    summary: &mut Summary,
) -> Result<(), Error> {
    let waiting = waiting(recorder, walk)?;
    let total_bytes = waiting.iter().map(|image| image.size_bytes).sum();
    let mut before_bytes = 0;
    for image in &waiting {
        let mut tell = |bytes: u64| {
            let hashed_bytes = before_bytes + bytes;
            watch(Progress::Images { path: &image.path, hashed_bytes, total_bytes });
        };
        match hash(recorder.catalog, actor, walk, runtime, image, &mut tell)? {
            Ok(version) => {
                keep(recorder.catalog, actor, image, &version, summary)?;
                summary.images += 1;
            }
            Err(error) => summary.problem(Problem { path: image.path.clone(), what: error.told() }),
        }
        before_bytes += image.size_bytes;
    }
    Ok(())
}

fn waiting(recorder: &mut Recorder<'_>, walk: &Walk) -> Result<Vec<Image>, Error> {
    let (id, top) = (recorder.category.id, recorder.category.top.clone());
    let mut waiting = Vec::new();
    recorder.catalog.read(|view| {
        view.scan_files_each(id, |directory_id, directory, files| {
            let path = below(&top, directory).unwrap_or_default();
            let within = walk.extent.covers(path);
            for file in files.iter().filter(|file| within && !file.link) {
                let (Some(size_bytes), Some(time_unix_s)) =
                    (file.size_bytes, file.timestamp_unix_s)
                else {
                    continue;
                };
                if purpose(path, &file.name, &files) == Purpose::Image {
                    let path = joined(path, &file.name);
                    let (directory, file) = (directory.to_owned(), file.clone());
                    let image =
                        Image { directory_id, directory, path, file, size_bytes, time_unix_s };
                    waiting.push(image);
                }
            }
            Ok(())
        })?;
        let mut unknown = Vec::new();
        for image in waiting.drain(..) {
            let history = view.history(image.directory_id)?;
            let newest = history.get(&image.file.name).and_then(|versions| versions.first());
            let is_known = newest.is_some_and(|newest| {
                let size = u64::try_from(newest.size_bytes.unwrap_or(-1)).ok();
                newest.sha512.is_some()
                    && newest.md5.is_some()
                    && size == Some(image.size_bytes)
                    && newest.timestamp_unix_s == Some(image.time_unix_s)
            });
            if !is_known {
                unknown.push(image);
            }
        }
        waiting = unknown;
        Ok(())
    })?;
    Ok(waiting)
}

/// Hashes one image, from where it was left.
fn hash(
    catalog: &mut Catalog,
    actor: &Actor,
    walk: &Walk,
    runtime: &Runtime,
    image: &Image,
    tell: &mut dyn FnMut(u64),
) -> Result<Result<FileDetail, Unread>, Error> {
    let name = &image.file.name;
    let known = catalog.read(|view| view.hash_progress(image.directory_id, name))?;
    let same = known.filter(|known| {
        (known.size_bytes, known.timestamp_unix_s) == (image.size_bytes, image.time_unix_s)
    });
    let mut hashes = same.and_then(|known| Hashes::resume(&known.state)).unwrap_or_default();
    while hashes.bytes() < image.size_bytes {
        let before = hashes.bytes();
        if let Err(error) = piece(walk, runtime, image, &mut hashes) {
            return Ok(Err(error));
        }
        if hashes.bytes() == before || hashes.bytes() > image.size_bytes {
            return Ok(Err(Unread::Io(std::io::ErrorKind::UnexpectedEof.into())));
        }
        tell(hashes.bytes());
        let progress = HashProgress {
            size_bytes: image.size_bytes,
            timestamp_unix_s: image.time_unix_s,
            hashed_bytes: hashes.bytes(),
            state: hashes.state(),
        };
        if hashes.bytes() < image.size_bytes {
            catalog.write(actor, Ending::Commit, |txn| {
                txn.hash_progress_set(image.directory_id, name, Some(&progress))
            })?;
        }
    }
    Ok(Ok(hashes.finish(Some(image.time_unix_s))))
}

/// Hashes the next piece of an image.
fn piece(walk: &Walk, runtime: &Runtime, image: &Image, hashes: &mut Hashes) -> Result<(), Unread> {
    let from = hashes.bytes();
    let to = (from + PIECE_BYTES).min(image.size_bytes);
    match &walk.origin {
        Origin::Folder(root) => {
            let mut file = File::open(root.join(&image.path))?;
            file.seek(SeekFrom::Start(from))?;
            let mut file = file.take(to - from);
            let mut part = vec![0; 256 << 10];
            loop {
                match file.read(&mut part)? {
                    0 => return Ok(()),
                    read => hashes.update(&part[..read]),
                }
            }
        }
        Origin::Http(url) => {
            let url = Origin::url(url, &image.path, false);
            let take = |part: &[u8]| {
                hashes.update(part);
                hashes.bytes() <= image.size_bytes
            };
            runtime.block_on(walk.fetcher.parts(&url, (from, Some(to)), take))?;
            Ok(())
        }
        Origin::Rsync(_) => Err(Unread::Rsync("images are not fetched".to_owned())),
    }
}

/// Notes an image's hashes; what a file beside it says must be the same.
fn keep(
    catalog: &mut Catalog,
    actor: &Actor,
    image: &Image,
    version: &FileDetail,
    summary: &mut Summary,
) -> Result<(), Error> {
    let name = &image.file.name;
    let now = actor.now_unix_s as i64;
    let (wrong, _) = catalog.write(actor, Ending::Commit, |txn| {
        let known = txn.view().history(image.directory_id)?.remove(name).unwrap_or_default();
        let told = known.first().filter(|told| {
            told.sha512.is_none() && told.timestamp_unix_s == version.timestamp_unix_s
        });
        let wrong = told.is_some_and(|told| told.sha256.is_some() && told.sha256 != version.sha256);
        let directory = (image.directory_id, image.directory.as_str());
        txn.history_set(directory, name, &aged(&known, version, now))?;
        txn.hash_progress_set(image.directory_id, name, None)?;
        Ok(wrong)
    })?;
    summary.versions += 1;
    if wrong {
        let what = "its hash is not the one that the file of hashes beside it says".to_owned();
        summary.problem(Problem { path: image.path.clone(), what });
    }
    Ok(())
}

/// How much is hashed before it is noted: a second or less on any disk.
const PIECE_BYTES: u64 = 64 << 20;
