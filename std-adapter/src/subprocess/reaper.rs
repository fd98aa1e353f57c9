//! The thread that looks after children for which no thread waits: those dropped while they ran, and those
//! that a task waits for.
//!
//! Started when there is something to look after, it goes when there is nothing left. It asks how they ended
//! those it was given, and no others.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::child::ended;
use crate::contextvars::Context;
use crate::os::poll;
use crate::platform::Deadline;
use crate::threading::{Builder, locked};

static CHARGES: Mutex<Charges> = Mutex::new(Charges { new: Vec::new(), bell: None });

struct Charges {
    /// Not seen by the thread yet.
    new: Vec<Charge>,
    /// There while the thread runs: readable when there is something new.
    bell: Option<Arc<OwnedFd>>,
}

enum Charge {
    /// A child that was dropped.
    Orphan(OwnedFd),
    /// What a task waits for: any of the descriptors.
    Awaited(Vec<(OwnedFd, PollFlags)>, Arc<Waiter>),
    /// A child that another module has started.
    #[cfg_attr(any(feature = "portable", not(feature = "multiprocessing")), allow(dead_code))]
    Ward(Arc<dyn Ward>),
}

/// A child of which somebody else keeps the record.
pub(crate) trait Ward: Send + Sync {
    /// What stands for it.
    fn pidfd(&self) -> BorrowedFd<'_>;

    /// Whether it has ended; if so, that is written down. Called whenever it may have.
    fn has_ended(&self) -> bool;
}

/// Whom to wake, unless that was done. The task has it too, while it waits.
type Waiter = Mutex<Option<Waker>>;

/// That a task waits. Without it nobody waits any more, and the descriptors are closed: the other end of a pipe
/// may be waiting for that.
pub(super) struct Watch(Option<Arc<Waiter>>);

impl Drop for Watch {
    fn drop(&mut self) {
        let is_over = self.0.as_ref().is_none_or(|waiter| locked(waiter).is_none());
        // First, so that the thread sees it.
        self.0 = None;
        if !is_over {
            ring(&locked(&CHARGES));
        }
    }
}

fn ring(charges: &Charges) -> bool {
    if let Some(bell) = &charges.bell {
        // It is full only if it was rung already.
        let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
    }
    charges.bell.is_some()
}

/// Sees to it that nothing is left of the process when it has ended. Does not block.
pub(super) fn adopt(pidfd: OwnedFd) {
    // Without a thread it waits for the next that is dropped.
    let _ = charge(Charge::Orphan(pidfd));
}

/// Sees to it that the end of the child is noted soon, whoever waits for it.
///
/// Errors: there is no descriptor or no thread left for it.
#[cfg(all(not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) fn look_after(child: Arc<dyn Ward>) -> io::Result<()> {
    charge(Charge::Ward(child))
}

/// Has `waker` called once one of the descriptors is ready. Until then keep what it gives.
///
/// Errors: there is no descriptor or no thread left for it.
pub(super) fn watch(fds: Vec<(OwnedFd, PollFlags)>, waker: Waker) -> io::Result<Watch> {
    let waiter = Arc::new(Mutex::new(Some(waker)));
    charge(Charge::Awaited(fds, Arc::clone(&waiter)))?;
    Ok(Watch(Some(waiter)))
}

fn charge(charge: Charge) -> io::Result<()> {
    let mut charges = locked(&CHARGES);
    charges.new.push(charge);
    if ring(&charges) {
        return Ok(());
    }
    let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let own = bell.clone();
    let builder = Builder::new().name("subprocess").daemon(true).context(Context::new());
    builder.spawn(move || work(&own)).map_err(io::Error::other)?;
    charges.bell = Some(bell);
    Ok(())
}

fn work(bell: &OwnedFd) {
    let mut charges = Vec::new();
    loop {
        charges.append(&mut locked(&CHARGES).new);
        // Without the lock: who is woken may ask for more at once.
        charges.retain(Charge::goes_on);
        if charges.is_empty() {
            let mut shared = locked(&CHARGES);
            if shared.new.is_empty() {
                shared.bell = None;
                return;
            }
            continue;
        }
        let mut fds = vec![PollFd::new(bell, PollFlags::IN)];
        charges.iter().for_each(|charge| charge.list(&mut fds));
        poll::until(&mut fds, Deadline::NEVER);
        let mut count = [0; 8];
        // Nothing to read is fine.
        let _ = rustix::io::read(bell, &mut count);
    }
}

impl Charge {
    fn list<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        match self {
            Self::Orphan(pidfd) => fds.push(PollFd::new(pidfd, PollFlags::IN)),
            Self::Ward(child) => fds.push(PollFd::from_borrowed_fd(child.pidfd(), PollFlags::IN)),
            Self::Awaited(awaited, _) => {
                fds.extend(awaited.iter().map(|(fd, flags)| PollFd::new(fd, *flags)));
            }
        }
    }

    fn goes_on(&self) -> bool {
        match self {
            Self::Orphan(pidfd) => ended(pidfd.as_fd()).is_none(),
            Self::Ward(child) => !child.has_ended(),
            // The task has lost interest.
            Self::Awaited(_, waiter) if Arc::strong_count(waiter) == 1 => false,
            Self::Awaited(_, waiter) => {
                let mut fds = Vec::new();
                self.list(&mut fds);
                let is_ready = poll::until(&mut fds, Deadline::PASSED);
                if !is_ready {
                    return true;
                }
                let waker = locked(waiter).take();
                // A panic of the task's own is not the others' affair.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.map(Waker::wake)));
                false
            }
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
