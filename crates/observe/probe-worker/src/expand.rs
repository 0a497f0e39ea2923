//! Compressed or not: bytes come out one window at a time, and not too many.
//!
//! How a document is compressed shows in its first bytes, not in its name. What comes out is
//! counted, and the window that a stream asks for is checked before there is memory for it, so ten
//! gigabytes of zeros in ten megabytes cost no more than the limit.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use heliostat_observe_probe_wire::{Limit, Refused};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::FrameDecoderError;

/// A document as it comes out of its compression.
pub(crate) struct Expanded<'a> {
    source: BufReader<Box<dyn Read + 'a>>,
    left: u64,
    at: u64,
    /// Bytes since the last [`token`](Expanded::token).
    token_bytes: usize,
}

impl<'a> Expanded<'a> {
    /// Looks how a document is compressed.
    pub(crate) fn new(document: &'a [u8], bytes_max: u64) -> Result<Expanded<'a>, Refused> {
        let source: Box<dyn Read + 'a> = match document {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(document)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
                Box::new(XzReader::new_mem_limit(document, true, WINDOW_KIB_MAX))
            }
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Box::new(MultiBzDecoder::new(document)),
            _ if ZSTD_MAGIC.iter().any(|magic| magic.matches(document)) => {
                Box::new(ZstdFrames { rest: document, frame: None })
            }
            _ => Box::new(document),
        };
        let source = BufReader::with_capacity(WINDOW_BYTES, source);
        Ok(Expanded { source, left: bytes_max, at: 0, token_bytes: 0 })
    }

    /// How many bytes have come out.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// A line, a tag or a text begins.
    pub(crate) fn token(&mut self) {
        self.token_bytes = 0;
    }

    /// A refusal at this place.
    pub(crate) fn refused(&self, limit: Limit, what: &str) -> Refused {
        Refused::new(limit, what, self.at)
    }

    /// The next line without its end, or none; lines that are no text are refused.
    pub(crate) fn line<'b>(&mut self, line: &'b mut Vec<u8>) -> Result<Option<&'b str>, Refused> {
        match self.line_raw(line)? {
            None => Ok(None),
            Some(line) => match str::from_utf8(line) {
                Ok(line) => Ok(Some(line)),
                Err(_) => Err(self.refused(Limit::Utf8, "a line is no UTF-8")),
            },
        }
    }

    /// The next line without its end, or none; of any bytes.
    pub(crate) fn line_raw<'b>(
        &mut self,
        line: &'b mut Vec<u8>,
    ) -> Result<Option<&'b [u8]>, Refused> {
        line.clear();
        self.token();
        let read = self.read_until(b'\n', line).map_err(|error| refusal(&error, self.at))?;
        if read == 0 {
            return Ok(None);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        Ok(Some(text.strip_suffix(b"\r").unwrap_or(text)))
    }

    /// All that is left.
    pub(crate) fn all(&mut self) -> Result<Vec<u8>, Refused> {
        let mut all = Vec::new();
        loop {
            self.token();
            let at = self.at;
            let part = self.fill_buf().map_err(|error| refusal(&error, at))?;
            if part.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(part);
            let read = part.len();
            self.consume(read);
        }
    }

    /// Reads so many bytes or refuses.
    pub(crate) fn exact(&mut self, buffer: &mut [u8]) -> Result<(), Refused> {
        self.token();
        self.read_exact(buffer).map_err(|error| refusal(&error, self.at))
    }
}

impl Read for Expanded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.fill_buf()?;
        let read = part.len().min(buffer.len());
        buffer[..read].copy_from_slice(&part[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Expanded<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token_bytes > TOKEN_BYTES_MAX {
            let what = format!("a line, tag or text is longer than {TOKEN_BYTES_MAX} bytes");
            return Err(io::Error::other(Refused::new(Limit::TokenBytes, what, self.at)));
        }
        let at = self.at;
        let part = match self.source.fill_buf() {
            Ok(part) => part,
            Err(error) => return Err(io::Error::other(refusal(&error, at))),
        };
        if self.left == 0 && !part.is_empty() {
            let what = format!("more than {at} bytes come out");
            return Err(io::Error::other(Refused::new(Limit::ExpandedBytes, what, at)));
        }
        let end = usize::try_from(self.left).unwrap_or(usize::MAX).min(part.len());
        Ok(&part[..end])
    }

    fn consume(&mut self, read: usize) {
        self.source.consume(read);
        self.left -= read as u64;
        self.at += read as u64;
        self.token_bytes += read;
    }
}

/// What an error of reading means: a refusal that was put into it, or what its decoder said.
pub(crate) fn refusal(error: &io::Error, at: u64) -> Refused {
    if let Some(refused) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refused>()) {
        return refused.clone();
    }
    let frame = error.get_ref().and_then(|inner| inner.downcast_ref::<FrameDecoderError>());
    let window = matches!(frame, Some(FrameDecoderError::WindowSizeTooBig { .. }));
    match error.kind() {
        io::ErrorKind::OutOfMemory => Refused::new(Limit::WindowBytes, WINDOW_TOO_LARGE, at),
        _ if window => Refused::new(Limit::WindowBytes, WINDOW_TOO_LARGE, at),
        io::ErrorKind::UnexpectedEof => Refused::new(Limit::Truncated, "it ends in the middle", at),
        _ => Refused::new(Limit::Compression, "the compressed stream is broken", at),
    }
}

/// Frames of Zstandard one after the other, those to be skipped left out.
struct ZstdFrames<'a> {
    rest: &'a [u8],
    frame: Option<StreamingDecoder<&'a [u8], ruzstd::decoding::FrameDecoder>>,
}

impl Read for ZstdFrames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                self.rest = frame.get_ref();
                self.frame = None;
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            if let Some(skipped) = skippable(self.rest) {
                self.rest = self.rest.get(skipped..).ok_or(io::ErrorKind::UnexpectedEof)?;
                continue;
            }
            let window = u64::from(WINDOW_KIB_MAX) << 10;
            let frame = StreamingDecoder::new_with_max_window_size(self.rest, window);
            self.frame = Some(frame.map_err(io::Error::other)?);
        }
    }
}

/// How long a frame is that carries nothing.
fn skippable(rest: &[u8]) -> Option<usize> {
    let (&[kind, 0x2a, 0x4d, 0x18, a, b, c, d], _) = rest.split_first_chunk()? else {
        return None;
    };
    (kind & 0xf0 == 0x50).then(|| 8 + u32::from_le_bytes([a, b, c, d]) as usize)
}

/// The first bytes of a frame.
struct Magic(u8, [u8; 3]);

impl Magic {
    fn matches(&self, document: &[u8]) -> bool {
        match document {
            [first, rest @ ..] => {
                let alike = if self.0 == 0x50 { first & 0xf0 } else { *first };
                alike == self.0 && rest.starts_with(&self.1)
            }
            [] => false,
        }
    }
}

const ZSTD_MAGIC: [Magic; 2] = [Magic(0x28, [0xb5, 0x2f, 0xfd]), Magic(0x50, [0x2a, 0x4d, 0x18])];

const WINDOW_TOO_LARGE: &str = "the compressed stream wants a window of more than 80 MiB";

/// `xz -9` asks for 64 MiB and a little; what repositories use asks for 8.
const WINDOW_KIB_MAX: u32 = 80 << 10;

/// How much comes out at once.
const WINDOW_BYTES: usize = 64 << 10;

/// The longest line, tag or text. One window more may be read before it is noticed.
pub(crate) const TOKEN_BYTES_MAX: usize = 1 << 20;
