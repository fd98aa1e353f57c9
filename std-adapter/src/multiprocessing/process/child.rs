//! A child: what is known of it, whatever it returns.

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inkle_core::error::TimedOut;

use super::super::bulk::LIMIT;
use super::super::error::RecvError;
use super::super::frame;
use super::super::memory::graves;
use super::super::parcel::Parcel;
use super::error::ProcessError;
use super::family;
use super::order::Report;
use super::slot::Slot;
use crate::os::poll;
use crate::platform::{Deadline, after};
use crate::subprocess::{Signal, Status, Ward, ended};
use crate::threading::{Event, drop_quietly, locked};

/// A process that this one has started, whatever it calls: what [`active_children`](super::active_children) lists
/// and what every [`Process`](super::Process) is.
///
/// A handle: clones mean the same process, and dropping it has no effect on that. A signal never reaches another
/// process that was given the same number later.
///
/// ```
/// use inkle::multiprocessing::{ChildProcess, Process, active_children};
/// use inkle::subprocess::Signal;
///
/// fn idle() {
///     std::thread::sleep(std::time::Duration::from_secs(600));
/// }
///
/// let process = Process::spawn(idle, ()).unwrap();
/// let child: &ChildProcess = &process;
/// assert!(child.is_alive() && active_children().contains(child));
/// child.terminate().unwrap();
/// assert_eq!(child.wait().signal(), Some(Signal::TERM));
/// assert!(!active_children().contains(child));
/// ```
#[derive(Clone)]
pub struct ChildProcess(pub(super) Arc<Record>);

/// It outlives the process for as long as somebody holds it.
pub(super) struct Record {
    /// Counts this process's children, and no other has it.
    pub(super) serial: u64,
    pub(super) name: String,
    pub(super) pid: i32,
    pub(super) daemon: bool,
    pub(super) pidfd: OwnedFd,
    pub(super) state: Mutex<State>,
    /// Set when all is known.
    pub(super) ended: Event,
}

pub(super) enum State {
    /// What the child reports it does here and there.
    Running {
        socket: OwnedFd,
        slot: Slot,
        hooks: Vec<Hook>,
    },
    Ended {
        status: Status,
        outcome: Outcome,
    },
}

type Hook = Box<dyn FnOnce() + Send>;

pub(super) enum Outcome {
    /// Light.
    Returned(Parcel),
    Taken,
    Failed(ProcessError),
}

impl Ward for Record {
    fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    fn has_ended(&self) -> bool {
        self.status().is_some()
    }
}

impl Record {
    /// How it ended, if it has. Whoever sees that first does what is to be done then.
    fn status(&self) -> Option<Status> {
        let mut state = locked(&self.state);
        let (socket, slot) = match &*state {
            State::Ended { status, .. } => return Some(*status),
            State::Running { socket, slot, .. } => (socket, slot),
        };
        if !poll::is_ready(self.pidfd.as_fd()) {
            return None;
        }
        // Before it is asked how, so that its number is still its own.
        graves::bury_everywhere(self.pid);
        let status = ended(self.pidfd.as_fd())?.status;
        let outcome = outcome(status, socket, slot);
        let before = mem::replace(&mut *state, State::Ended { status, outcome });
        drop(state);
        family::forget(self.serial);
        self.ended.set();
        if let State::Running { hooks, .. } = before {
            for hook in hooks {
                // A panic of one is not the others' affair.
                let _ = catch_unwind(AssertUnwindSafe(hook)).map_err(drop_quietly);
            }
        }
        Some(status)
    }

    pub(super) fn take(&self) -> Outcome {
        match &mut *locked(&self.state) {
            State::Running { .. } => Outcome::Failed(ProcessError::TimedOut),
            State::Ended { outcome, .. } => match outcome {
                // What failed is told to all who ask.
                Outcome::Failed(error) => Outcome::Failed(error.clone()),
                _ => mem::replace(outcome, Outcome::Taken),
            },
        }
    }
}

/// What there is to be said of a child that has ended.
fn outcome(status: Status, socket: &OwnedFd, slot: &Slot) -> Outcome {
    // All it could send has been sent.
    let report = frame::receive(socket.as_fd(), LIMIT, Deadline::PASSED);
    let report = match report {
        Ok(parcel) => match parcel.unfold().map(Report::unpack) {
            Ok(Ok(report)) => Some(report),
            Ok(Err(error)) => return Outcome::Failed(ProcessError::Decode(error)),
            Err(error) => return Outcome::Failed(ProcessError::Os(Arc::new(error))),
        },
        Err(RecvError::Os(error)) => return Outcome::Failed(ProcessError::Os(Arc::new(error))),
        Err(_) => None,
    };
    Outcome::Failed(match (report, status) {
        (Some(Report::Returned(parcel)), Status::Exited(0)) => return Outcome::Returned(parcel),
        (Some(Report::Panicked(panic)), Status::Exited(PANICKED)) => ProcessError::Panicked(panic),
        (Some(Report::Unsendable(error)), Status::Exited(UNSENDABLE)) => {
            ProcessError::Unsendable(error)
        }
        (_, Status::Killed { signal: Signal::ABRT, .. }) => {
            slot.last().map_or(ProcessError::of(status), ProcessError::Panicked)
        }
        _ => ProcessError::of(status),
    })
}

/// The code of a program that has panicked.
pub(in super::super) const PANICKED: i32 = 101;
pub(in super::super) const UNSENDABLE: i32 = 1;

impl ChildProcess {
    /// Its name: the one it was given, or one like `Process-1:2`, the second child of this process's first child.
    /// (MP008)
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its number. When it has ended another process may get it. (MP010)
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid.unsigned_abs()
    }

    /// Whether it is ended when this process ends. (MP015)
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.0.daemon
    }

    /// The descriptor that stands for it: readable when it has ended, to be waited for beside others. (MP010)
    #[must_use]
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.0.pidfd.as_fd()
    }

    /// Whether it has not ended: a snapshot. Does not block. (MP010)
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.status().is_none()
    }

    /// How it ended, if it has. Does not block. What the function returned is
    /// [`join`](super::Process::join)'s to give. (MP011)
    pub fn status(&self) -> Option<Status> {
        self.0.status()
    }

    /// Waits without limit until it has ended.
    pub fn wait(&self) -> Status {
        self.wait_until(Deadline::NEVER).unwrap_or(Status::Unknown)
    }

    /// As [`wait`](Self::wait), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Result<Status, TimedOut> {
        let waited = self.0.ended.wait_until(deadline);
        // By then it may have ended all the same.
        self.status().ok_or_else(|| waited.err().unwrap_or(TimedOut))
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Status, TimedOut> {
        self.wait_until(after(timeout))
    }

    /// As [`wait`](Self::wait), for a task: dropped before it is ready it has no effect.
    pub async fn wait_async(&self) -> Status {
        self.0.ended.wait_async().await;
        self.wait()
    }

    /// Set when it has ended, for this crate's own services.
    pub(in super::super) fn ended(&self) -> &Event {
        &self.0.ended
    }

    /// Has `hook` called when it has ended and all is known of it: at once if it has, otherwise by the thread that
    /// looks after children, or by one that asks. It must not wait for anything.
    #[allow(dead_code, reason = "the pool's")]
    pub(in super::super) fn when_ended(&self, hook: impl FnOnce() + Send + 'static) {
        if let State::Running { hooks, .. } = &mut *locked(&self.0.state) {
            hooks.push(Box::new(hook));
            return;
        }
        hook();
    }

    /// Sends a signal; does nothing if the process has ended.
    ///
    /// Errors: the system's, if it is not allowed: the process has become another user.
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        match poll::send_signal(self.sentinel(), signal.number()) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// Asks it to end: SIGTERM, which ends a process that does not handle it, with nothing cleaned up. (MP013)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(Signal::TERM)
    }

    /// Ends it: SIGKILL. (MP013)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Interrupts it: SIGINT, as Ctrl-C does. (MP013)
    ///
    /// Errors: as [`send_signal`](Self::send_signal).
    pub fn interrupt(&self) -> io::Result<()> {
        self.send_signal(Signal::INT)
    }
}

impl AsFd for ChildProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sentinel()
    }
}

impl PartialEq for ChildProcess {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ChildProcess {}

impl fmt::Debug for ChildProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildProcess")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("daemon", &self.is_daemon())
            .field("status", &self.status())
            .finish()
    }
}
