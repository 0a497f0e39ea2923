//! The sections of a machine this crate has no machine code for: the software twin's.

pub(crate) use super::twin::Twin as Native;

/// Whether this build holds machine code for critical sections at all.
pub(crate) const RESTARTABLE: bool = false;

/// What the kernel looks for in front of an abort handler; no handler exists here.
pub(crate) const SIGNATURE: u32 = 0;

/// The address that thread-local words are counted from; never asked for here.
pub(crate) fn thread_pointer() -> *const u8 {
    std::ptr::null()
}
