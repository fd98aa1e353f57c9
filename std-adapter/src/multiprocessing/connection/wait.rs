//! Python's `connection.wait`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::os::poll;
use crate::platform::{Deadline, after};

/// Waits until one of them is ready, and gives the places of all that are, in order. Ready is who has something to
/// receive, whose other end is closed, and a process that has ended: connections, listeners, sentinels, sockets,
/// whatever has a descriptor. Of none, none at once. (MP026)
///
/// Errors: the system's, if it has no memory or these are more than a process may have open.
///
/// Progress: blocking. Cost: one call of the system.
///
/// ```
/// use inkle::multiprocessing::{pipe, wait};
///
/// let (ours, theirs) = pipe()?;
/// let (other, _quiet) = pipe()?;
/// theirs.send(&1)?;
/// assert_eq!(wait(&[&other, &ours])?, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(whom: &[&dyn AsFd]) -> io::Result<Vec<usize>> {
    wait_until(whom, Deadline::NEVER)
}

/// The places of those that are ready now. See [`wait`].
pub fn try_wait(whom: &[&dyn AsFd]) -> io::Result<Vec<usize>> {
    wait_until(whom, Deadline::PASSED)
}

/// As [`wait`], until `deadline`, when there is none.
pub fn wait_until(whom: &[&dyn AsFd], deadline: impl Into<Deadline>) -> io::Result<Vec<usize>> {
    if whom.is_empty() {
        return Ok(Vec::new());
    }
    let borrowed: Vec<BorrowedFd<'_>> = whom.iter().map(|end| end.as_fd()).collect();
    let mut fds: Vec<_> = borrowed.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    poll::try_until(&mut fds, deadline.into())?;
    let ready = fds.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty());
    Ok(ready.map(|(place, _)| place).collect())
}

/// As [`wait`], for at most `timeout`, when there is none.
pub fn wait_timeout(whom: &[&dyn AsFd], timeout: Duration) -> io::Result<Vec<usize>> {
    wait_until(whom, after(timeout))
}
