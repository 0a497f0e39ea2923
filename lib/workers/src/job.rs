//! What a caller hands in and gets back.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{SealFlags, fcntl_add_seals, fstat};

use crate::region::memory;
use crate::stage::Permit;

/// Something to be done by a worker.
///
/// ```
/// use std::time::Duration;
///
/// use heliostat_workers::Job;
///
/// let job = Job::new("bytes of a stranger").kind(3).limit(Duration::from_millis(50)).tenant(7);
/// # drop(job);
/// ```
#[derive(Debug)]
pub struct Job {
    pub(crate) kind: u32,
    pub(crate) body: Body,
    pub(crate) max_reply: Option<usize>,
    pub(crate) limit: Option<Duration>,
    pub(crate) tenant: u64,
    pub(crate) permit: Option<Permit>,
}

impl Job {
    /// A job of kind zero, with the pool's limits, for tenant zero.
    pub fn new(body: impl Into<Body>) -> Job {
        let body = body.into();
        Job { kind: 0, body, max_reply: None, limit: None, tenant: 0, permit: None }
    }

    /// What the worker is to do with the body, if it knows several things.
    #[must_use]
    pub fn kind(mut self, kind: u32) -> Job {
        self.kind = kind;
        self
    }

    /// How long the reply may be. Up to [`Settings::inline_bytes`](crate::Settings::inline_bytes),
    /// the default, it costs nothing.
    #[must_use]
    pub fn max_reply(mut self, bytes: usize) -> Job {
        self.max_reply = Some(bytes);
        self
    }

    /// How long the job may run, waiting not counted. When it is over, the worker is killed.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Job {
        self.limit = Some(limit);
        self
    }

    /// To whose account the CPU time goes; see [`Pool::tenants`](crate::Pool::tenants).
    #[must_use]
    pub fn tenant(mut self, tenant: u64) -> Job {
        self.tenant = tenant;
        self
    }

    /// A permit that is given back when the job's body is no longer held: the first stage, for
    /// data that waits. The second is [`Settings::stage`](crate::Settings::stage).
    #[must_use]
    pub fn holding(mut self, permit: Permit) -> Job {
        self.permit = Some(permit);
        self
    }
}

/// The bytes of a job: in memory, or behind a descriptor.
#[derive(Debug, Clone)]
pub struct Body(pub(crate) Kept);

#[derive(Debug, Clone)]
pub(crate) enum Kept {
    Bytes(Bytes),
    File { fd: Arc<OwnedFd>, len: usize, weight: usize },
}

impl Body {
    /// A file that the worker maps: nothing is copied. It must not shrink meanwhile, or the
    /// worker dies of it (the parent does not).
    ///
    /// # Errors
    ///
    /// When the file cannot be asked for its size, or is larger than 4 GiB.
    pub fn from_file(file: File) -> io::Result<Body> {
        let size = fstat(&file)?.st_size;
        let len = u32::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)? as usize;
        let weight = FILE_WEIGHT.min(len);
        Ok(Body(Kept::File { fd: Arc::new(file.into()), len, weight }))
    }

    /// Its length.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Bytes(bytes) => bytes.len(),
            Kept::File { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of it is in memory; a file may have to be read.
    pub(crate) fn is_memory(&self) -> bool {
        self.weight() == self.len()
    }

    /// How much memory it holds while it waits.
    pub(crate) fn weight(&self) -> usize {
        match &self.0 {
            Kept::Bytes(bytes) => bytes.len(),
            Kept::File { weight, .. } => *weight,
        }
    }
}

/// A waiting file on disk costs a descriptor and little memory.
const FILE_WEIGHT: usize = 4096;

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Body {
        Body(Kept::Bytes(bytes.into()))
    }
}

/// Collects a large body where the worker will map it, so that it is never copied again.
///
/// ```
/// use std::io::Write;
///
/// use heliostat_workers::{BodyWriter, Job};
///
/// let mut body = BodyWriter::new()?;
/// for chunk in ["of a download ", "as it comes"] {
///     body.write_all(chunk.as_bytes())?;
/// }
/// let job = Job::new(body.finish()?);
/// # drop(job);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct BodyWriter {
    file: File,
    len: usize,
}

impl BodyWriter {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// When the kernel has no anonymous memory files, or no descriptor left.
    pub fn new() -> io::Result<BodyWriter> {
        Ok(BodyWriter { file: memory(c"heliostat-workers-body", 0)?.into(), len: 0 })
    }

    /// Seals what was written: from now on nobody can change it, not even its worker.
    ///
    /// # Errors
    ///
    /// When it is larger than 4 GiB, or cannot be sealed.
    pub fn finish(self) -> io::Result<Body> {
        let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&self.file, seals)?;
        let len = u32::try_from(self.len).map_err(|_| io::ErrorKind::FileTooLarge)? as usize;
        Ok(Body(Kept::File { fd: Arc::new(self.file.into()), len, weight: len }))
    }
}

impl Write for BodyWriter {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let written = self.file.write(part)?;
        self.len += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came back. It was computed by a process that may have been taken over by its input:
/// whoever uses it checks it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) run: Duration,
}

impl Reply {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }

    /// How long the worker says that it worked; all its jobs together no longer than we saw it work.
    #[must_use]
    pub fn run_time(&self) -> Duration {
        self.run
    }
}

/// A descriptor's bytes from an offset on; fewer if it ends.
pub(crate) fn read_at(fd: impl AsFd, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(&fd, rest, at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}
