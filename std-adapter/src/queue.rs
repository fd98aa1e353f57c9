//! Python's `queue`: safe exchange between many producers and consumers.
//!
//! | Python | here |
//! |---|---|
//! | `Queue(maxsize)` | [`Queue::bounded`], [`Queue::unbounded`] |
//! | `put(item)`, `put(item, timeout=t)`, `put_nowait(item)` | [`put`](Queue::put), [`put_timeout`](Queue::put_timeout), [`try_put`](Queue::try_put) |
//! | `get()`, `get(timeout=t)`, `get_nowait()` | [`get`](Queue::get), [`get_timeout`](Queue::get_timeout), [`try_get`](Queue::try_get) |
//! | `task_done()`, `join()` | [`task_done`](Queue::task_done), [`join`](Queue::join), and [`join_timeout`](Queue::join_timeout), which Python lacks |
//! | `shutdown(immediate)` | [`shutdown`](Queue::shutdown) |
//! | `qsize()`, `empty()`, `full()` | [`len`](Queue::len), [`is_empty`](Queue::is_empty), [`is_full`](Queue::is_full) |
//! | `queue.Full`, `queue.Empty`, `queue.ShutDown` | [`PutError`], [`GetError`]: a failed put hands the item back |
//!
//! The algorithms are the core's: a [`FastFifoIn`] ring with its slots on the heap, in an
//! [`Elastic`] that lets it grow if it may, in a [`Channel`] that
//! does the waiting.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use inkle_core::channel::Channel;
pub use inkle_core::channel::Shutdown;
use inkle_core::elastic::Elastic;
pub use inkle_core::error::{GetError, PutError, TimedOut, TooManyDone};
use inkle_core::queue::fifo::{FastFifoIn, FastSlot};
use inkle_core::queue::{Container, Storage};

use crate::platform::{Deadline, Private};

/// Slots of the ring inside an unbounded queue.
const UNBOUNDED_RING: usize = 256;

/// First in, first out, for any number of producers and consumers.
///
/// A handle: clone it freely, all clones are one queue. Dropping the last one drops what is left.
///
/// Progress: `put` and `get` cost one exchange and no system call while nobody sleeps. Two threads
/// that meet in one slot wait for each other for the few instructions of the other's operation, so
/// do not use a queue from a signal handler. Memory: 16 bytes a slot beside the item for a bounded
/// queue; an unbounded one starts with 256 slots, takes more when they are full and gives them back
/// when it has caught up, but for the memory of a thousand items or two.
///
/// ```
/// use inkle::queue::{GetError, Queue, Shutdown};
///
/// let queue = Queue::bounded(2).unwrap();
/// let producer = queue.clone();
/// let thread = std::thread::spawn(move || {
///     for line in ["warp", "weft", "heddle"] {
///         producer.put(line).unwrap();
///     }
///     producer.shutdown(Shutdown::Graceful);
/// });
/// assert_eq!(queue.get(), Ok("warp"));
/// assert_eq!(queue.get(), Ok("weft"));
/// assert_eq!(queue.get(), Ok("heddle"));
/// assert_eq!(queue.get(), Err(GetError::ShutDown));
/// thread.join().unwrap();
/// ```
pub struct Queue<T> {
    channel: Arc<Channel<Store<T>, Private>>,
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` items.
    ///
    /// Errors: [`BadCapacity`] for 0 (Python's "no limit" is [`unbounded`](Self::unbounded)) and for
    /// more slots than there is memory for. (QU001)
    pub fn bounded(capacity: usize) -> Result<Self, BadCapacity> {
        let slots = Boxed::new(capacity).ok_or(BadCapacity { capacity })?;
        let ring = Ring::with_storage(slots).ok_or(BadCapacity { capacity })?;
        Ok(Self::over(Elastic::fixed(ring)))
    }

    /// A queue that takes as many items as there is memory for.
    ///
    /// Panics, as every collection, if there is no memory.
    pub fn unbounded() -> Self {
        match Boxed::new(UNBOUNDED_RING).and_then(Ring::with_storage) {
            Some(ring) => Self::over(Elastic::new(ring, List::new(), List::new())),
            None => panic!("no memory for a queue"),
        }
    }

    fn over(store: Store<T>) -> Self {
        Self { channel: Arc::new(Channel::new(store)) }
    }

    /// Adds an item; waits for room without limit.
    ///
    /// Errors: [`PutError::ShutDown`], with the item. (QU005, QU018)
    #[inline(always)]
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.channel.put(item)
    }

    /// Adds an item if there is room now.
    ///
    /// Errors: [`PutError::Full`], [`PutError::ShutDown`], with the item. (QU009)
    #[inline(always)]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.channel.try_put(item)
    }

    /// Adds an item; waits for room until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`PutError::TimedOut`], [`PutError::ShutDown`], with the item. (QU005, QU006)
    pub fn put_until(&self, item: T, deadline: impl Into<Deadline>) -> Result<(), PutError<T>> {
        self.channel.put_until(item, deadline)
    }

    /// Adds an item; waits for room for at most `timeout`. Zero polls, and a timeout too long to
    /// count is none. See [`put_until`](Self::put_until).
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.channel.put_timeout(item, timeout)
    }

    /// Takes the next item; waits for one without limit.
    ///
    /// Errors: [`GetError::ShutDown`] once the queue is shut down and drained. (QU007, QU008)
    #[inline(always)]
    pub fn get(&self) -> Result<T, GetError> {
        self.channel.get()
    }

    /// Takes the next item if there is one now.
    ///
    /// Errors: [`GetError::Empty`], [`GetError::ShutDown`]. (QU009)
    #[inline(always)]
    pub fn try_get(&self) -> Result<T, GetError> {
        self.channel.try_get()
    }

    /// Takes the next item; waits for one until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`GetError::TimedOut`], [`GetError::ShutDown`]. (QU007, QU008)
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<T, GetError> {
        self.channel.get_until(deadline)
    }

    /// Takes the next item; waits for one for at most `timeout`. Zero polls, and a timeout too long
    /// to count is none. See [`get_until`](Self::get_until).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.channel.get_timeout(timeout)
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

    /// Takes no more items from now on, for ever, and wakes everybody who waits; see
    /// [`Channel::shutdown`](inkle_core::channel::Channel::shutdown). (QU017 to QU021)
    pub fn shutdown(&self, how: Shutdown) {
        self.channel.shutdown(how);
    }

    /// Whether the queue has been shut down.
    pub fn is_shut_down(&self) -> bool {
        self.channel.is_shut_down()
    }

    /// How many items are inside: a snapshot. (QU004)
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether nothing is inside: a snapshot. (QU004)
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    /// Whether there is no room: a snapshot, and never true of an unbounded queue. (QU004)
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// How many items fit; `None` if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// How many items were put and are not yet called done: a snapshot. (QU010)
    pub fn unfinished(&self) -> usize {
        self.channel.unfinished()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { channel: Arc::clone(&self.channel) }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("unfinished", &self.unfinished())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

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

/// Slots on the heap.
struct Boxed<S>(Box<[S]>);

impl<T> Boxed<FastSlot<T>> {
    /// `None` if there is no memory.
    fn new(count: usize) -> Option<Self> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(count).ok()?;
        slots.extend((0..count).map(|_| FastSlot::new()));
        Some(Self(slots.into_boxed_slice()))
    }
}

// SAFETY: a box keeps its slots, their number and, relative to the pointer in it, their place; and
// it owns them alone.
unsafe impl<S> Storage for Boxed<S> {
    type Slot = S;

    #[inline(always)]
    fn slots(&self) -> &[S] {
        &self.0
    }
}

/// While two threads meet in one slot: let the other one run.
struct Yield;

impl spin::relax::RelaxStrategy for Yield {
    fn relax() {
        std::thread::yield_now();
    }
}

type Ring<T> = FastFifoIn<T, Boxed<FastSlot<T>>, Yield>;

/// What an unbounded queue grows into.
struct List<T>(VecDeque<T>);

/// An empty list keeps its memory for so many items, so that a queue that is a little behind does
/// not allocate all the time.
const KEPT: usize = 1024;

impl<T> List<T> {
    fn new() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Container for List<T> {
    type Item = T;

    fn put(&mut self, item: T) -> Result<(), T> {
        self.0.push_back(item);
        Ok(())
    }

    fn take(&mut self) -> Option<T> {
        let item = self.0.pop_front();
        if self.0.is_empty() && self.0.capacity() > KEPT {
            // The burst is over: give its memory back.
            *self = Self::new();
        }
        item
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The ring, alone or with a list to grow into.
type Store<T> = Elastic<Ring<T>, List<T>, Private>;
