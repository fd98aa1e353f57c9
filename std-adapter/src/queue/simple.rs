//! A queue without a limit, without tasks, without an end: nothing of it can fail.

use std::fmt;
use std::time::Duration;

use super::{Cancelled, GetError, Queue};
use crate::platform::Deadline;
use crate::threading::CancelToken;

/// First in, first out, unbounded, no tasks, no shutdown: Python's `SimpleQueue`. (QU026 to QU028)
///
/// Putting never waits and never fails, so there are no errors to handle. No code of yours runs inside
/// an operation: a destructor that runs because of a `get` may `put`, a waker may `get`. (But a signal
/// handler must use none of it: it may have interrupted the allocator.)
///
/// A handle: clone it freely. Progress and memory: as an unbounded [`Queue`].
///
/// ```
/// use inkle::queue::SimpleQueue;
///
/// let log = SimpleQueue::new();
/// let writer = log.clone();
/// let thread = std::thread::spawn(move || writer.put("woven"));
/// assert_eq!(log.get(), "woven");
/// assert_eq!(log.try_get(), None);
/// thread.join().unwrap();
/// ```
pub struct SimpleQueue<T> {
    queue: Queue<T>,
}

impl<T> SimpleQueue<T> {
    /// An empty queue.
    ///
    /// Panics, as every collection, if there is no memory.
    #[must_use]
    pub fn new() -> Self {
        Self { queue: Queue::unbounded() }
    }

    /// Adds an item. Never waits.
    ///
    /// Panics, as every collection, if there is no memory.
    #[inline]
    pub fn put(&self, item: T) {
        // It has no limit and is never shut down.
        let put = self.queue.try_put(item);
        debug_assert!(put.is_ok());
    }

    /// Takes the next item; waits for one without limit.
    #[inline]
    #[must_use]
    pub fn get(&self) -> T {
        loop {
            // Nobody can shut it down, and without a deadline it does not time out.
            if let Ok(item) = self.queue.get() {
                return item;
            }
        }
    }

    /// Takes the next item if there is one now.
    #[inline]
    #[must_use]
    pub fn try_get(&self) -> Option<T> {
        self.queue.try_get().ok()
    }

    /// Takes the next item; waits for one until `deadline`, and then gives `None`. A deadline that has
    /// passed polls.
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Option<T> {
        self.queue.get_until(deadline).ok()
    }

    /// Takes the next item; waits for one for at most `timeout`. See [`get_until`](Self::get_until).
    #[must_use]
    pub fn get_timeout(&self, timeout: Duration) -> Option<T> {
        self.queue.get_timeout(timeout).ok()
    }

    /// Takes the next item; waits for one until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. (TH077)
    pub fn get_unless(&self, token: &CancelToken<'_>) -> Result<T, Cancelled> {
        loop {
            match self.queue.get_unless(token) {
                Ok(item) => return Ok(item),
                Err(GetError::Cancelled(reason)) => return Err(Cancelled(reason)),
                // Nobody can shut it down, and there is no other limit.
                Err(_) => {}
            }
        }
    }

    /// Takes the next item, for a task: waits without holding up its thread. Dropped before it is
    /// ready it has taken nothing.
    pub async fn get_async(&self) -> T {
        loop {
            // Nobody can shut it down, and a future does not time out.
            if let Ok(item) = self.queue.get_async().await {
                return item;
            }
        }
    }

    /// Takes the items that are there now: never waits, ends when there is none.
    pub fn drain(&self) -> impl Iterator<Item = T> + '_ {
        self.queue.drain()
    }

    /// How many items are inside: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is inside: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> Clone for SimpleQueue<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> Default for SimpleQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for SimpleQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleQueue").field("len", &self.len()).finish()
    }
}
