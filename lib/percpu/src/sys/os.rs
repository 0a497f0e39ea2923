//! The system calls this crate makes, each with a typed error.
//!
//! All go through the raw call where the C library's wrapper would add a limit (glibc's `cpu_set_t`
//! ends at 1024 CPUs) or does not exist (`rseq`, `membarrier`).

use std::ffi::{CStr, c_void};
use std::io;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::area::Area;
use crate::{CpuId, CpuSet, Error};

/// The mask of a thread; 0 is the calling one.
pub(crate) fn affinity(thread: i32) -> Result<CpuSet, Error> {
    let mut words = [0u64; 16];
    match affinity_into(thread, &mut words) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
        answer => return answer,
    }
    // The kernel is built for more CPUs than 16 words hold.
    let mut words = vec![0u64; CpuId::MAX as usize / 64 + 1];
    affinity_into(thread, &mut words)
}

fn affinity_into(thread: i32, words: &mut [u64]) -> Result<CpuSet, Error> {
    let size = size_of_val(words);
    // SAFETY: the kernel writes at most `size` bytes, which is what `words` has.
    let written =
        unsafe { libc::syscall(libc::SYS_sched_getaffinity, thread, size, words.as_mut_ptr()) };
    match usize::try_from(written) {
        Ok(bytes) => Ok(CpuSet::from_words(&words[..bytes.div_ceil(8)])),
        Err(_) => Err(Error::last_os("sched_getaffinity")),
    }
}

/// Sets the mask of the calling thread.
pub(crate) fn set_affinity(words: &[u64]) -> Result<(), Error> {
    let size = size_of_val(words);
    // SAFETY: the kernel reads at most `size` bytes, which is what `words` has.
    let done = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size, words.as_ptr()) };
    match done {
        0 => Ok(()),
        _ => match Error::last_os("sched_setaffinity") {
            error if error.raw_os_error() == Some(libc::EINVAL) => Err(Error::not_allowed()),
            error => Err(error),
        },
    }
}

/// The CPU this thread runs on, without restartable sequences.
pub(crate) fn current_cpu() -> Option<u32> {
    // SAFETY: the call has no arguments and no preconditions.
    let cpu = unsafe { libc::sched_getcpu() };
    u32::try_from(cpu).ok()
}

/// The NUMA node this thread runs on, without restartable sequences.
pub(crate) fn current_node() -> Option<u32> {
    let (mut cpu, mut node) = (0u32, 0u32);
    let none = std::ptr::null_mut::<c_void>();
    // SAFETY: the kernel writes one word through each of the two pointers, both of live variables.
    let done = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut cpu, &raw mut node, none) };
    (done == 0).then_some(node)
}

/// What the C library says about the areas it registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LibcRseq {
    /// The area's distance from the thread pointer.
    pub(crate) offset: isize,
    /// The bytes in use of it; 0 when registration is switched off or was refused.
    pub(crate) length: u32,
}

/// The C library's registration; `None` when it knows nothing of restartable sequences.
///
/// Looked up by name, because linking to the names would demand a C library that has them.
pub(crate) fn libc_rseq() -> Option<LibcRseq> {
    static LIBC: OnceLock<Option<LibcRseq>> = OnceLock::new();
    *LIBC.get_or_init(|| {
        let offset = symbol(c"__rseq_offset")?.cast::<isize>();
        let length = symbol(c"__rseq_size")?.cast::<u32>();
        // SAFETY: the C library defines `__rseq_offset` as a constant of type `ptrdiff_t`.
        let offset = unsafe { offset.read() };
        // SAFETY: the C library defines `__rseq_size` as a constant of type `unsigned int`.
        let length = unsafe { length.read() };
        Some(LibcRseq { offset, length })
    })
}

#[cfg(not(target_feature = "crt-static"))]
fn symbol(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the name is a C string; searching the default scope changes nothing.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// A static program has no table of names to search.
#[cfg(target_feature = "crt-static")]
fn symbol(_name: &CStr) -> Option<NonNull<c_void>> {
    None
}

/// How many bytes of the area the kernel fills in.
pub(crate) fn rseq_features() -> u32 {
    const AT_RSEQ_FEATURE_SIZE: libc::c_ulong = 27;
    // SAFETY: the call reads this process's auxiliary vector and has no preconditions.
    let size = unsafe { libc::getauxval(AT_RSEQ_FEATURE_SIZE) };
    u32::try_from(size).unwrap_or(0)
}

/// Registers the calling thread's area.
pub(crate) fn rseq_register(area: NonNull<Area>, length: u32, sign: u32) -> Result<(), Error> {
    rseq(area, length, 0, sign)
}

/// Takes the calling thread's registration back.
pub(crate) fn rseq_unregister(area: NonNull<Area>, length: u32, sign: u32) -> Result<(), Error> {
    const UNREGISTER: i32 = 1;
    rseq(area, length, UNREGISTER, sign)
}

fn rseq(area: NonNull<Area>, length: u32, flags: i32, sign: u32) -> Result<(), Error> {
    // SAFETY: the area is aligned and stays mapped until the thread unregisters it or for good
    // (kept by `area::own_area` and `area::Leave`).
    let done = unsafe { libc::syscall(libc::SYS_rseq, area.as_ptr(), length, flags, sign) };
    if done == 0 { Ok(()) } else { Err(Error::last_os("rseq")) }
}

const MEMBARRIER_QUERY: i32 = 0;
const MEMBARRIER_RSEQ: i32 = 1 << 7;
const MEMBARRIER_REGISTER_RSEQ: i32 = 1 << 8;
const MEMBARRIER_FLAG_CPU: u32 = 1;

/// Whether the kernel offers a fence of critical sections.
pub(crate) fn fence_offered() -> bool {
    const BOTH: i32 = MEMBARRIER_RSEQ | MEMBARRIER_REGISTER_RSEQ;
    membarrier(MEMBARRIER_QUERY, 0, 0).is_ok_and(|commands| commands & BOTH == BOTH)
}

/// Ends every section of this process on one CPU, or on all.
pub(crate) fn fence(cpu: Option<u32>) -> Result<(), Error> {
    let attempt = || match cpu {
        Some(cpu) => membarrier(MEMBARRIER_RSEQ, MEMBARRIER_FLAG_CPU, cpu),
        None => membarrier(MEMBARRIER_RSEQ, 0, 0),
    };
    match attempt() {
        // The first fence of this process: it has to announce itself. Asking the kernel each time
        // instead of remembering keeps the answer right after an exec or a fork.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            membarrier(MEMBARRIER_REGISTER_RSEQ, 0, 0)?;
            attempt().map(drop)
        }
        answer => answer.map(drop),
    }
}

fn membarrier(command: i32, flags: u32, cpu: u32) -> Result<i32, Error> {
    // SAFETY: the call takes three numbers and touches no memory of ours.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, command, flags, cpu) };
    match i32::try_from(answer) {
        Ok(answer) if answer >= 0 => Ok(answer),
        _ => Err(Error::last_os("membarrier")),
    }
}

/// One more than the highest CPU number this machine can ever have.
pub(crate) fn possible() -> u32 {
    static POSSIBLE: OnceLock<u32> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let listed = std::fs::read("/sys/devices/system/cpu/possible").ok();
        let listed = listed.and_then(|bytes| CpuSet::from_list(&bytes).ok());
        let highest = listed.and_then(|set| set.last()).map(u32::from);
        highest.unwrap_or_else(highest_known).saturating_add(1)
    })
}

/// The highest CPU number that shows without the file system of the kernel. It may be too low; then
/// rows beyond it do not exist and the atomic lane serves them.
fn highest_known() -> u32 {
    // SAFETY: the call takes a number and touches no memory of ours.
    let configured = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
    let configured = u32::try_from(configured).unwrap_or(1).saturating_sub(1);
    let allowed = affinity(0).ok().and_then(|set| set.last()).map_or(0, u32::from);
    configured.max(allowed)
}

/// The first two numbers of the kernel's version.
pub(crate) fn release() -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Maps `length` zeroed bytes that take no memory until they are written.
pub(crate) fn map(length: usize, shared: bool) -> Option<NonNull<u8>> {
    let sharing = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let flags = sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice disturbs no other memory.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    // A huge page would commit many rows for one word. If the kernel knows no huge pages, it
    // refuses, and nothing is lost.
    // SAFETY: the range is the mapping just made.
    let _refused = unsafe { libc::madvise(start, length, libc::MADV_NOHUGEPAGE) };
    NonNull::new(start.cast())
}

/// Gives back what [`map`] gave.
pub(crate) fn unmap(start: NonNull<u8>, length: usize) {
    // SAFETY: `start` and `length` are those of a mapping made by `map`, whose owner is gone (kept
    // by `rows::Memory`, the only caller).
    let done = unsafe { libc::munmap(start.as_ptr().cast(), length) };
    debug_assert_eq!(done, 0, "unmapping rows: {}", io::Error::last_os_error());
}
