//! The only system calls and the only machine code of this crate.
//!
//! | module | what it holds |
//! |---|---|
//! | [`os`] | system calls, each returning a typed error; stubs where there is no Linux |
//! | [`area`] | the words a thread shares with the kernel, and who registered them |
//! | [`section`] | the trait of critical sections |
//! | [`native`] | the sections of this machine: `x86_64.rs`, `aarch64.rs`, or the twin |
//! | [`twin`] | the same sections in software, for every other place |

#[cfg_attr(any(not(target_os = "linux"), miri), path = "elsewhere.rs")]
pub(crate) mod os;
pub(crate) mod area;
pub(crate) mod section;
#[cfg_attr(
    all(
        target_os = "linux",
        target_arch = "x86_64",
        target_pointer_width = "64",
        not(miri),
        not(percpu_twin)
    ),
    path = "x86_64.rs"
)]
#[cfg_attr(
    all(
        target_os = "linux",
        target_arch = "aarch64",
        target_endian = "little",
        target_pointer_width = "64",
        not(miri),
        not(percpu_twin)
    ),
    path = "aarch64.rs"
)]
pub(crate) mod native;
pub(crate) mod twin;
