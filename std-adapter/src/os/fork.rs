//! Linux: a copy of this process that is not its child but its parent's.
//!
//! `clone` with `CLONE_PARENT`, and without any of the memory in common. The parent waits for the copy and is told
//! how it ends as for this process; so a process whose threads forbid it to fork has one do it that has a single
//! thread.
//!
//! The C library does not know of it: handlers of `pthread_atfork` are not called, and it takes the number of this
//! thread for that of the copy's. It asks the system when it sends a signal; who needs the number otherwise uses
//! threads that the copy starts.

use std::ffi::c_long;
use std::io;

/// Which of the two goes on.
pub(crate) enum Side {
    /// With the number of the copy.
    Original(i32),
    Copy,
}

/// Makes the copy, which goes on as this one does. Descriptors are shared, as after any fork.
///
/// Errors: too many processes, no memory.
///
/// # Safety
///
/// This process has no other thread.
pub(crate) unsafe fn sibling() -> io::Result<Side> {
    let flags = c_long::from(libc::CLONE_PARENT);
    // No stack of its own, and nothing is written anywhere: three zeros.
    //
    // SAFETY: both have all their memory for themselves. What another thread would have left half done there, it has
    // not: there is none, by the caller's promise.
    let pid = unsafe {
        if cfg!(target_arch = "s390x") {
            libc::syscall(libc::SYS_clone, 0, flags, 0, 0, 0)
        } else {
            libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0)
        }
    };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Copy),
        // A number of the system's fits.
        _ => Ok(Side::Original(pid as i32)),
    }
}
