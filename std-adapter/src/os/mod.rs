//! Everything this crate asks of the operating system, and nothing else does.
//!
//! `linux` speaks futex; `portable` parks threads by address, for every other system
//! (and on Linux with the feature `portable`, so that its tests run somewhere).

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use linux::*;

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub(crate) use portable::*;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) mod life;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) mod memory;
#[cfg(target_os = "linux")]
pub(crate) mod poll;
#[cfg(target_os = "linux")]
pub(crate) mod process;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) mod segment;
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) mod socket;

use std::sync::OnceLock;

/// Whether this process may run on one processor only, asked once.
pub(crate) fn is_single_processor() -> bool {
    static SINGLE: OnceLock<bool> = OnceLock::new();
    *SINGLE.get_or_init(|| processors() == 1)
}

/// Has `handler` called when the process ends by a return from `main` or by `exit`; not when it is
/// killed or aborts. Whether that could be arranged: where there is no such list, it cannot.
pub(crate) fn at_exit(handler: extern "C" fn()) -> bool {
    #[cfg(any(unix, windows))]
    // SAFETY: the handler is a function of this image, takes nothing and never unwinds: the compiler
    // makes a panic that would leave an `extern "C"` function end the process.
    return unsafe { libc::atexit(handler) } == 0;
    #[cfg(not(any(unix, windows)))]
    return {
        let _ = handler;
        false
    };
}
