//! Python's `queue`: safe exchange between many producers and consumers.
//!
//! | Python | here |
//! |---|---|
//! | `Queue(maxsize)` | [`Queue::bounded`], [`Queue::unbounded`] |
//! | `LifoQueue(maxsize)` | [`LifoQueue`]: last in, first out |
//! | `PriorityQueue(maxsize)` | [`PriorityQueue`]: lowest first, and first in, first out among equals |
//! | `SimpleQueue()` | [`SimpleQueue`]: no limit, no tasks, nothing that can fail |
//! | a subclass with `_put`, `_get`, `_qsize` | [`CustomQueue`] over a [`Container`] of yours |
//! | `put(item)`, `put(item, timeout=t)`, `put_nowait(item)` | [`put`](BlockingQueue::put), [`put_timeout`](BlockingQueue::put_timeout), [`try_put`](BlockingQueue::try_put) |
//! | `get()`, `get(timeout=t)`, `get_nowait()` | [`get`](BlockingQueue::get), [`get_timeout`](BlockingQueue::get_timeout), [`try_get`](BlockingQueue::try_get) |
//! | `task_done()`, `join()` | [`task_done`](BlockingQueue::task_done), [`join`](BlockingQueue::join), and [`join_timeout`](BlockingQueue::join_timeout) |
//! | `shutdown(immediate)` | [`shutdown`](BlockingQueue::shutdown) |
//! | `qsize()`, `empty()`, `full()` | [`len`](BlockingQueue::len), [`is_empty`](BlockingQueue::is_empty), [`is_full`](BlockingQueue::is_full) |
//! | `queue.Full`, `queue.Empty`, `queue.ShutDown` | [`PutError`], [`GetError`]: a failed put hands the item back |
//!
//! What Python lacks: [`join_timeout`](BlockingQueue::join_timeout), iteration
//! ([`iter`](BlockingQueue::iter), [`drain`](BlockingQueue::drain)), waiting for several queues at once
//! ([`Select`]), and tasks of any async runtime at the same queue as threads
//! ([`get_async`](BlockingQueue::get_async)). (QU030, QU031, QU034)
//!
//! What has no counterpart here: a capacity that is changed while the queue is in use (QU001), and the
//! mutex and conditions as attributes (QU002).
//!
//! The algorithms are the core's: `Queue` is a ring with its slots on the heap in an
//! [`Elastic`](inkle_core::elastic::Elastic) that lets it grow if it may; the ordered ones are a
//! container behind a lock; a [`Channel`] does the waiting for all of them.

mod fifo;
mod ordered;
mod simple;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use inkle_core::channel::Channel;
pub use inkle_core::channel::{Drain, Get, Iter, Join, Put, Shutdown};
pub use inkle_core::error::{Cancelled, GetError, PutError, TimedOut, TooManyDone};
pub use inkle_core::queue::Container;
use inkle_core::queue::{Peek, Queue as Store};
pub use inkle_core::select::{Arm, Select};

pub(crate) use fifo::growing;
pub use fifo::{Boxed, Fifo, List, Queue, Yield};
pub use ordered::{CustomQueue, Lifo, LifoQueue, Pile, Priority, PriorityQueue};
pub use simple::SimpleQueue;

use crate::platform::{Deadline, Private};
use crate::threading::CancelToken;

/// A queue over the store `S`, which decides the order: what [`Queue`], [`LifoQueue`],
/// [`PriorityQueue`] and [`CustomQueue`] have in common.
///
/// A handle: clone it freely, all clones are one queue. Dropping the last one drops what is left.
pub struct BlockingQueue<S> {
    channel: Arc<Channel<S, Private>>,
}

impl<S: Store> BlockingQueue<S> {
    fn from_store(store: S) -> Self {
        Self { channel: Arc::new(Channel::new(store)) }
    }

    /// The store, if this is the last handle.
    fn into_store(self) -> Result<S, Self> {
        Arc::try_unwrap(self.channel).map(Channel::into_inner).map_err(|channel| Self { channel })
    }

    /// Adds an item; waits for room without limit.
    ///
    /// Errors: [`PutError::ShutDown`], with the item. (QU005, QU018)
    #[inline(always)]
    pub fn put(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        self.channel.put(item)
    }

    /// Adds an item if there is room now.
    ///
    /// Errors: [`PutError::Full`], [`PutError::ShutDown`], with the item. (QU009)
    #[inline(always)]
    pub fn try_put(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        self.channel.try_put(item)
    }

    /// Adds an item; waits for room until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`PutError::TimedOut`], [`PutError::ShutDown`], with the item. (QU005, QU006)
    pub fn put_until(
        &self,
        item: S::Item,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PutError<S::Item>> {
        self.channel.put_until(item, deadline)
    }

    /// Adds an item; waits for room for at most `timeout`. Zero polls, and a timeout too long to
    /// count is none. See [`put_until`](Self::put_until).
    pub fn put_timeout(&self, item: S::Item, timeout: Duration) -> Result<(), PutError<S::Item>> {
        self.channel.put_timeout(item, timeout)
    }

    /// Adds an item; waits for room until `token` is cancelled.
    ///
    /// Errors: [`PutError::Cancelled`], [`PutError::ShutDown`], with the item. (TH077)
    pub fn put_unless(
        &self,
        item: S::Item,
        token: &CancelToken<'_>,
    ) -> Result<(), PutError<S::Item>> {
        self.channel.put_unless(item, token)
    }

    /// Takes the next item; waits for one without limit.
    ///
    /// Errors: [`GetError::ShutDown`] once the queue is shut down and drained. (QU007, QU008)
    #[inline(always)]
    pub fn get(&self) -> Result<S::Item, GetError> {
        self.channel.get()
    }

    /// Takes the next item if there is one now.
    ///
    /// Errors: [`GetError::Empty`], [`GetError::ShutDown`]. (QU009)
    #[inline(always)]
    pub fn try_get(&self) -> Result<S::Item, GetError> {
        self.channel.try_get()
    }

    /// Takes the next item; waits for one until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`GetError::TimedOut`], [`GetError::ShutDown`]. (QU007, QU008)
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<S::Item, GetError> {
        self.channel.get_until(deadline)
    }

    /// Takes the next item; waits for one for at most `timeout`. Zero polls, and a timeout too long
    /// to count is none. See [`get_until`](Self::get_until).
    pub fn get_timeout(&self, timeout: Duration) -> Result<S::Item, GetError> {
        self.channel.get_timeout(timeout)
    }

    /// Takes the next item; waits for one until `token` is cancelled.
    ///
    /// Errors: [`GetError::Cancelled`], [`GetError::ShutDown`]. (TH077)
    ///
    /// ```
    /// use inkle::queue::{GetError, Queue};
    /// use inkle::threading::{self, CancelToken, Reason};
    ///
    /// static STOP: CancelToken<'_> = CancelToken::new();
    ///
    /// let queue = Queue::<u32>::unbounded();
    /// let thread = threading::spawn(move || queue.get_unless(&STOP)).unwrap();
    /// STOP.cancel(Reason::REQUESTED);
    /// assert_eq!(thread.join().unwrap(), Err(GetError::Cancelled(Reason::REQUESTED)));
    /// ```
    pub fn get_unless(&self, token: &CancelToken<'_>) -> Result<S::Item, GetError> {
        self.channel.get_unless(token)
    }

    /// [`put`](Self::put) for a task, or for a [`Select`]: waits for room without holding up its thread.
    ///
    /// Dropped before it is ready it has put nothing, and the item is dropped with it.
    #[inline(always)]
    pub fn put_async(&self, item: S::Item) -> Put<'_, S, Private> {
        self.channel.put_async(item)
    }

    /// [`get`](Self::get) for a task, or for a [`Select`]: waits for an item without holding up its
    /// thread.
    ///
    /// Dropped before it is ready it has taken nothing. (QU034)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::queue::{Queue, Select};
    ///
    /// let (jobs, orders) = (Queue::unbounded(), Queue::unbounded());
    /// jobs.put("spin").unwrap();
    /// let _no_orders = orders.put_async("stop");
    ///
    /// let (mut job, mut order) = (jobs.get_async(), orders.get_async());
    /// let first = Select::new().wait(&mut [&mut order, &mut job], inkle::Deadline::NEVER);
    /// assert_eq!(first, Ok(1));
    /// assert_eq!(job.take(), Some(Ok("spin")));
    /// assert!(order.take().is_none());
    /// ```
    #[inline(always)]
    pub fn get_async(&self) -> Get<'_, S, Private> {
        self.channel.get_async()
    }

    /// Gets items until the queue is shut down and drained: waits for each. (QU031)
    ///
    /// ```
    /// use inkle::queue::{Queue, Shutdown};
    ///
    /// let queue = Queue::unbounded();
    /// for number in 1..=4 {
    ///     queue.put(number).unwrap();
    /// }
    /// queue.shutdown(Shutdown::Graceful);
    /// assert_eq!(queue.iter().sum::<i32>(), 10);
    /// ```
    pub fn iter(&self) -> Iter<'_, S, Private> {
        self.channel.iter()
    }

    /// Gets the items that are there now: never waits, ends when there is none. (QU034)
    pub fn drain(&self) -> Drain<'_, S, Private> {
        self.channel.drain()
    }

    /// Says that the work on one item that was got is finished.
    ///
    /// Errors: [`TooManyDone`] if every item ever put is already done; nothing changes then. (QU010)
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        self.channel.task_done()
    }

    /// Waits until every item that was put has been got and called [`task_done`](Self::task_done)
    /// for. (QU011)
    pub fn join(&self) {
        self.channel.join();
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`].
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.channel.join_until(deadline)
    }

    /// As [`join`](Self::join), for at most `timeout`. See [`join_until`](Self::join_until).
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.channel.join_timeout(timeout)
    }

    /// As [`join`](Self::join), until `token` is cancelled.
    ///
    /// Errors: [`Cancelled`]. (TH077)
    pub fn join_unless(&self, token: &CancelToken<'_>) -> Result<(), Cancelled> {
        self.channel.join_unless(token)
    }

    /// [`join`](Self::join) for a task, or for a [`Select`].
    pub fn join_async(&self) -> Join<'_, S, Private> {
        self.channel.join_async()
    }

    /// Takes no more items from now on, for ever, and wakes everybody who waits; see
    /// [`Channel::shutdown`](inkle_core::channel::Channel::shutdown). (QU017 to QU021)
    pub fn shutdown(&self, how: Shutdown) {
        self.channel.shutdown(how);
    }

    /// Whether the queue has been shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.channel.is_shut_down()
    }

    /// How many items are inside: a snapshot. (QU004)
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether nothing is inside: a snapshot. (QU004)
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    /// Whether there is no room: a snapshot, and never true of an unbounded queue. (QU004)
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// How many items fit; `None` if there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// How many items were put and are not yet called done: a snapshot. (QU010)
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.channel.unfinished()
    }
}

impl<S: Peek> BlockingQueue<S> {
    /// A copy of the item that a get would take now. (QU034)
    #[must_use]
    pub fn peek(&self) -> Option<S::Item> {
        self.channel.peek()
    }
}

impl<S> Clone for BlockingQueue<S> {
    fn clone(&self) -> Self {
        Self { channel: Arc::clone(&self.channel) }
    }
}

impl<S: Store> fmt::Debug for BlockingQueue<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

impl<'a, S: Store> IntoIterator for &'a BlockingQueue<S> {
    type Item = S::Item;
    type IntoIter = Iter<'a, S, Private>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<S: Store> IntoIterator for BlockingQueue<S> {
    type Item = S::Item;
    type IntoIter = IntoIter<S>;

    fn into_iter(self) -> IntoIter<S> {
        IntoIter { queue: self }
    }
}

/// Gets items until the queue is shut down and drained: [`BlockingQueue::iter`] with a handle of its
/// own.
pub struct IntoIter<S> {
    queue: BlockingQueue<S>,
}

impl<S: Store> Iterator for IntoIter<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        self.queue.get().ok()
    }
}

impl<S: Store> fmt::Debug for IntoIter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.queue.fmt(f)
    }
}

/// An empty list keeps so many bytes, so that a queue that is a little behind does not allocate all
/// the time.
const KEPT: usize = 64 * 1024;

/// A queue cannot have this capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCapacity {
    capacity: usize,
}

impl fmt::Display for BadCapacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.capacity {
            0 => f.write_str("a bounded queue needs a capacity of at least 1"),
            capacity => write!(f, "a queue of {capacity} slots does not fit into memory"),
        }
    }
}

impl Error for BadCapacity {}
