//! The bytes of a file, mapped: the only `unsafe` of the product.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a snapshot, from a file or from memory.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// A file's pages, shared with every process that maps it.
    Mapped(Mmap),
    /// Bytes that never were a file.
    Owned(Vec<u8>),
}

impl Bytes {
    /// Maps a whole file, read only, and asks the kernel to bring its pages in.
    #[expect(unsafe_code, reason = "mapping a file is the one promise the compiler cannot check")]
    pub(crate) fn map(file: &File) -> io::Result<Bytes> {
        // SAFETY: a map is sound as long as nobody changes or shortens the file under it. Snapshot
        // files are never edited: `encode` writes a temporary file and renames it, so a path only
        // ever moves from one finished file to another, and the inode mapped here keeps its
        // bytes. Operators are told to replace by rename, never by copying over.
        let map = unsafe { MmapOptions::new().populate().map(file) }?;
        Ok(Bytes::Mapped(map))
    }
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}
