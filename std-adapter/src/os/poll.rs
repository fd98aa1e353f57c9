//! Linux: waiting for descriptors.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::now;
use crate::platform::Deadline;

/// Waits until one of the descriptors is ready, or until `deadline`; whether one is. It may also return for
/// no reason, without one.
pub(crate) fn until(fds: &mut [PollFd<'_>], deadline: Deadline) -> bool {
    // An error is that there is no memory for a moment: the caller looks again.
    try_until(fds, deadline).unwrap_or(true)
}

/// Waits until one of the descriptors is ready, or until `deadline`; whether one is.
///
/// Errors: no memory for a moment, or more descriptors than a process may have.
pub(crate) fn try_until(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<bool> {
    loop {
        let left = deadline.nanos().map(|nanos| {
            let left = nanos.saturating_sub(now());
            Timespec { tv_sec: (left / 1_000_000_000) as _, tv_nsec: (left % 1_000_000_000) as _ }
        });
        match poll(fds, left.as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the descriptor is readable, now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>) -> bool {
    until(&mut [PollFd::new(&fd, PollFlags::IN)], Deadline::PASSED)
}

/// Sends a signal to the process that the descriptor stands for.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a descriptor that is open, a number, nothing and no flags.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, none, 0) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
