//! A queue whose items are tasks to be finished, and one that can do less.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::time::Duration;

use inkle_core::error::{TimedOut, TooManyDone};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{GetError, PutError, Queue};
use crate::multiprocessing::travel::travels_as_its_field;
use crate::platform::Deadline;

/// A [`Queue`] that knows how many of its items are still being worked on. (MP036)
///
/// Work that a process had taken when it was killed stays unfinished: join with a limit where that may happen.
///
/// ```
/// use inkle::multiprocessing::JoinableQueue;
///
/// let tasks = JoinableQueue::new()?;
/// tasks.put("wind".to_owned())?;
/// tasks.get()?;
/// tasks.task_done()?;
/// tasks.join();
/// assert!(tasks.task_done().is_err(), "there was one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JoinableQueue<T: 'static>(pub(in crate::multiprocessing) Queue<T>);

impl<T> JoinableQueue<T> {
    /// As [`Queue::new`].
    pub fn new() -> io::Result<Self> {
        Queue::new().map(Self)
    }

    /// As [`Queue::bounded`].
    pub fn bounded(capacity: u32) -> io::Result<Self> {
        Queue::bounded(capacity).map(Self)
    }

    /// As [`Queue::with_bytes`].
    pub fn with_bytes(capacity: u32, bytes: usize) -> io::Result<Self> {
        Queue::with_bytes(capacity, bytes).map(Self)
    }

    /// Says that the work on one item that was got is finished.
    ///
    /// Errors: [`TooManyDone`] if every item ever put is already done; nothing changes then. Progress: lock-free. (MP036)
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        self.0.records().ok_or(TooManyDone)?.task_done()
    }

    /// Waits until every item that was put has been got and called [`task_done`](Self::task_done) for. Items that an
    /// immediate shutdown drops count as done. (MP036)
    pub fn join(&self) {
        // Without a deadline it cannot time out.
        let _ = self.join_until(Deadline::NEVER);
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. (MP088)
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.0.records().map_or(Ok(()), |records| records.join_until(deadline))
    }

    /// As [`join`](Self::join), for at most `timeout`. See [`join_until`](Self::join_until).
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.join_until(crate::platform::after(timeout))
    }

    /// How many items were put and are not yet called done: a snapshot.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.0.records().map_or(0, |records| records.unfinished())
    }
}

impl<T> Deref for JoinableQueue<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinableQueue")
            .field("len", &self.len())
            .field("unfinished", &self.unfinished())
            .finish_non_exhaustive()
    }
}

travels_as_its_field!(JoinableQueue<T>, T: 'static);

/// A [`Queue`] with nothing but items: no limit on their number, no shutdown, no tasks. (MP037)
///
/// ```
/// use inkle::multiprocessing::SimpleQueue;
///
/// let queue = SimpleQueue::new()?;
/// queue.put(7)?;
/// assert!(!queue.is_empty());
/// assert_eq!(queue.get()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SimpleQueue<T: 'static>(Queue<T>);

impl<T> SimpleQueue<T> {
    /// As [`Queue::new`].
    pub fn new() -> io::Result<Self> {
        Queue::new().map(Self)
    }

    /// Whether nothing is inside: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> SimpleQueue<T> {
    /// Adds an item; waits while the bytes inside leave no room for it. See [`Queue::put`].
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.0.put(item)
    }
}

impl<T: DeserializeOwned> SimpleQueue<T> {
    /// Takes the next item; waits for one without limit. See [`Queue::get`].
    pub fn get(&self) -> Result<T, GetError> {
        self.0.get()
    }

    /// Takes the next item if there is one now. See [`Queue::try_get`].
    pub fn try_get(&self) -> Result<T, GetError> {
        self.0.try_get()
    }

    /// Takes the next item; waits for one until `deadline`. See [`Queue::get_until`].
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<T, GetError> {
        self.0.get_until(deadline)
    }

    /// Takes the next item; waits for one for at most `timeout`. See [`Queue::get_until`].
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.0.get_timeout(timeout)
    }
}

impl<T> Clone for SimpleQueue<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for SimpleQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleQueue").finish_non_exhaustive()
    }
}

travels_as_its_field!(SimpleQueue<T>, T: 'static);
