//! The handle of a thread: join and its result.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use inkle_core::error::TimedOut;

use super::outcome::Outcome;
use super::panic::drop_quietly;
use super::{CancelToken, Cancelled, JoinError, ThreadInfo, get_ident, locked};
use crate::platform::{Deadline, after};

/// A thread as the system knows it.
pub(super) struct OsThread {
    info: ThreadInfo,
    /// Emptied by the first who sees the thread's end. Held locked while that waits for the system.
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl OsThread {
    pub(super) fn new(info: ThreadInfo, handle: JoinHandle<()>) -> Self {
        Self { info, handle: Mutex::new(Some(handle)) }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.info.is_alive()
    }

    /// Waits for the thread's end, the system's part of it included: after an `Ok` nothing of the
    /// thread is left.
    pub(super) fn reap(&self, deadline: Deadline) -> Result<(), TimedOut> {
        self.info.ended().wait_until(deadline)?;
        self.bury();
        Ok(())
    }

    /// To be called once the thread has ended.
    fn bury(&self) {
        // No code of a user runs in the thread any more, so this is short and needs no deadline.
        let mut handle = locked(&self.handle);
        if let Some(Err(payload)) = handle.take().map(JoinHandle::join) {
            drop_quietly(payload);
        }
    }
}

/// A thread that was started, and the place where its result will be.
///
/// Dropping the handle detaches the thread: it runs on, and its result is dropped at its end.
///
/// ```
/// use std::sync::Arc;
/// use inkle::threading;
///
/// let thread = Arc::new(threading::spawn(|| "cloth").unwrap());
/// assert!(thread.name().starts_with("Thread-"));
///
/// // Any thread may join, any number of them; one gets the result.
/// let other = Arc::clone(&thread);
/// let joined = threading::spawn(move || other.join().is_ok()).unwrap();
/// assert_ne!(thread.join().is_ok(), joined.join().unwrap());
/// assert!(!thread.is_alive());
/// ```
pub struct Thread<T> {
    os: Arc<OsThread>,
    outcome: Arc<Outcome<T>>,
}

impl<T> Thread<T> {
    pub(super) fn new(os: Arc<OsThread>, outcome: Arc<Outcome<T>>) -> Self {
        Self { os, outcome }
    }

    pub(super) fn os(&self) -> &Arc<OsThread> {
        &self.os
    }

    /// Waits without limit for the thread's end and gives its result, to the first who asks.
    /// (TH025 to TH027)
    ///
    /// The end is the end for the operating system: all thread-local values are gone.
    ///
    /// Errors: [`JoinError::Panicked`] or [`JoinError::Exited`], to the first who asks;
    /// [`JoinError::Taken`] to all others, after the same wait; [`JoinError::SelfJoin`] at once.
    ///
    /// Threads that join each other in a circle wait for ever: give one of them a deadline.
    pub fn join(&self) -> Result<T, JoinError> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`join`](Self::join), if the thread has ended.
    ///
    /// Errors: as [`join_until`](Self::join_until).
    ///
    /// ```
    /// use inkle::threading::{self, Event, JoinError};
    ///
    /// static GO: Event = Event::new();
    ///
    /// let thread = threading::spawn(|| GO.wait()).unwrap();
    /// assert!(matches!(thread.try_join(), Err(JoinError::TimedOut)));
    /// GO.set();
    /// assert!(thread.join().is_ok());
    /// ```
    pub fn try_join(&self) -> Result<T, JoinError> {
        self.join_until(Deadline::PASSED)
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls. (TH025)
    ///
    /// Errors: [`JoinError::TimedOut`] beside those of `join`; the result stays for a later call.
    ///
    /// ```
    /// use inkle::platform::Deadline;
    /// use inkle::threading::{self, Event, JoinError};
    ///
    /// static GO: Event = Event::new();
    ///
    /// let thread = threading::spawn(|| { GO.wait(); 1 }).unwrap();
    /// assert!(matches!(thread.join_until(Deadline::PASSED), Err(JoinError::TimedOut)));
    /// GO.set();
    /// assert_eq!(thread.join_until(Deadline::NEVER).unwrap(), 1);
    /// ```
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<T, JoinError> {
        if self.ident() == get_ident() {
            return Err(JoinError::SelfJoin);
        }
        self.os.reap(deadline.into()).map_err(|_| JoinError::TimedOut)?;
        self.outcome.take()
    }

    /// As [`join`](Self::join), for at most `timeout`. Zero polls, and a timeout too long to count
    /// is none. See [`join_until`](Self::join_until).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let thread = inkle::threading::spawn(|| 1).unwrap();
    /// assert_eq!(thread.join_timeout(Duration::MAX).unwrap(), 1);
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(after(timeout))
    }

    /// As [`join`](Self::join), until `token` is cancelled. A token that is cancelled already polls.
    ///
    /// Errors: [`JoinError::Cancelled`] beside those of `join`; the result stays for a later call.
    ///
    /// ```
    /// use inkle::threading::{self, CancelToken, JoinError, Reason};
    ///
    /// static STOP: CancelToken<'_> = CancelToken::new();
    ///
    /// let thread = threading::spawn(|| STOP.wait()).unwrap();
    /// let hurry = CancelToken::new();
    /// hurry.cancel(Reason::REQUESTED);
    /// assert!(matches!(thread.join_unless(&hurry), Err(JoinError::Cancelled(Reason::REQUESTED))));
    /// STOP.cancel(Reason::SHUTDOWN);
    /// assert_eq!(thread.join().unwrap(), Reason::SHUTDOWN);
    /// ```
    pub fn join_unless(&self, token: &CancelToken<'_>) -> Result<T, JoinError> {
        if self.ident() == get_ident() {
            return Err(JoinError::SelfJoin);
        }
        if let Err(Cancelled(reason)) = self.os.info.ended().wait_unless(token) {
            if self.is_alive() {
                return Err(JoinError::Cancelled(reason));
            }
        }
        self.os.bury();
        self.outcome.take()
    }

    /// Whether the thread has not ended: a snapshot. (TH028)
    ///
    /// ```
    /// let thread = inkle::threading::spawn(|| ()).unwrap();
    /// thread.join().unwrap();
    /// assert!(!thread.is_alive());
    /// ```
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.os.is_alive()
    }

    /// Whether the end of the process does not wait for it. (TH021)
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.info().is_daemon()
    }

    /// The name it has now: the one it was given, or `Thread-N`. A copy, see [`ThreadInfo::name`].
    /// (TH020, TH029)
    #[must_use]
    pub fn name(&self) -> String {
        self.info().name()
    }

    /// The thread's number in this process: not 0, and never used again. (TH030)
    #[must_use]
    pub fn ident(&self) -> u64 {
        self.info().ident()
    }

    /// The kernel's number of the thread, on Linux; used again some time after its end. `None` on
    /// other systems. (TH030)
    #[must_use]
    pub fn native_id(&self) -> Option<u64> {
        self.info().native_id()
    }

    /// What can be known of the thread without this handle.
    ///
    /// ```
    /// let thread = inkle::threading::spawn(inkle::threading::current).unwrap();
    /// assert_eq!(thread.info(), &thread.join().unwrap());
    /// ```
    #[must_use]
    pub fn info(&self) -> &ThreadInfo {
        &self.os.info
    }
}

impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Thread").field(self.info()).finish()
    }
}
