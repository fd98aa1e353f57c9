//! Children that nobody waits for: dropped while they ran.
//!
//! One thread, started for the first of them, waits until each has ended and asks how, so that the system
//! forgets it; it goes when there is none left. It asks for those it was given and no others.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::child::ended;
use crate::contextvars::Context;
use crate::os::poll;
use crate::platform::Deadline;
use crate::threading::{Builder, locked};

static ORPHANS: Mutex<Orphans> = Mutex::new(Orphans { new: Vec::new(), bell: None });

struct Orphans {
    /// Not seen by the thread yet.
    new: Vec<OwnedFd>,
    /// There while the thread runs: readable when there are new ones.
    bell: Option<std::sync::Arc<OwnedFd>>,
}

/// Sees to it that nothing is left of the process when it has ended. Does not block.
pub(super) fn adopt(pidfd: OwnedFd) {
    let mut orphans = locked(&ORPHANS);
    orphans.new.push(pidfd);
    if let Some(bell) = &orphans.bell {
        // It is full only if it was rung already.
        let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        return;
    }
    let Ok(bell) = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) else { return };
    let bell = std::sync::Arc::new(bell);
    let own = bell.clone();
    let builder = Builder::new().name("subprocess").daemon(true).context(Context::new());
    // Without a thread they wait for the next that is dropped.
    if builder.spawn(move || work(&own)).is_ok() {
        orphans.bell = Some(bell);
    }
}

fn work(bell: &OwnedFd) {
    let mut children: Vec<OwnedFd> = Vec::new();
    loop {
        {
            let mut orphans = locked(&ORPHANS);
            children.append(&mut orphans.new);
            children.retain(|pidfd| ended(pidfd.as_fd()).is_none());
            if children.is_empty() {
                orphans.bell = None;
                return;
            }
        }
        let mut fds: Vec<_> =
            [bell].into_iter().chain(&children).map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        poll::until(&mut fds, Deadline::NEVER);
        let mut count = [0; 8];
        // Nothing to read is fine.
        let _ = rustix::io::read(bell, &mut count);
    }
}
