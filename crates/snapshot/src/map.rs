//! The bytes of a file, mapped: the only `unsafe` of the product.

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap, MmapMut, MmapOptions};

/// The bytes of a snapshot, from a file or from memory.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// A file's pages, shared with every process that maps it.
    Mapped(Mmap),
    /// Bytes that never were a file.
    Owned(Vec<u8>),
    /// The first so many bytes of memory of our own.
    Huge(Mmap, usize),
}

impl Bytes {
    /// Maps a whole file, read only, and asks the kernel to bring its pages in: as huge pages
    /// where it can, which saves an answer most of its walks through page tables.
    #[expect(unsafe_code, reason = "mapping a file is the one promise the compiler cannot check")]
    pub(crate) fn map(file: &File) -> io::Result<Bytes> {
        // SAFETY: a map is sound as long as nobody changes or shortens the file under it. Snapshot
        // files are never edited: `encode` writes a temporary file and renames it, so a path only
        // ever moves from one finished file to another, and the inode mapped here keeps its
        // bytes. Operators are told to replace by rename, never by copying over.
        let map = unsafe { MmapOptions::new().map(file) }?;
        // Hints. A kernel that does not know them brings the pages in as they are read.
        let _ = map.advise(Advice::HugePage);
        let _ = map.advise(Advice::PopulateRead);
        Ok(Bytes::Mapped(map))
    }

    /// The same bytes in huge pages of memory, where the kernel has them.
    pub(crate) fn huge(bytes: Vec<u8>) -> Bytes {
        let copied = MmapMut::map_anon(bytes.len().next_multiple_of(HUGE_PAGE_BYTES));
        let copied = copied.and_then(|mut map| {
            map.advise(Advice::HugePage)?;
            map[..bytes.len()].copy_from_slice(&bytes);
            Ok(Bytes::Huge(map.make_read_only()?, bytes.len()))
        });
        copied.unwrap_or(Bytes::Owned(bytes))
    }
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
            Bytes::Huge(map, bytes) => &map[..*bytes],
        }
    }
}

/// What a huge page takes on x86-64 and most of aarch64; elsewhere some memory stays unused.
const HUGE_PAGE_BYTES: usize = 2 << 20;
