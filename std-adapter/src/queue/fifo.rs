//! First in, first out: a ring with its slots on the heap, and lists that it may grow into.

use std::collections::VecDeque;
use std::fmt;

use inkle_core::elastic::Elastic;
use inkle_core::queue::fifo::{FastFifoIn, FastSlot};
use inkle_core::queue::{Container, Storage};
use spin::relax::RelaxStrategy;

use super::{BadCapacity, BlockingQueue, KEPT};
use crate::platform::Private;

/// First in, first out, for any number of producers and consumers: Python's `queue.Queue`.
///
/// Progress: `put` and `get` cost one exchange and no system call while nobody sleeps. Two threads
/// that meet in one slot wait for each other for the few instructions of the other's operation, so
/// do not use a queue from a signal handler. Memory: 16 bytes a slot beside the item for a bounded
/// queue; an unbounded one starts with 256 slots, takes more when they are full and gives them back
/// when it has caught up, but for at most 128 KiB.
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
pub type Queue<T> = BlockingQueue<Fifo<T>>;

/// What a [`Queue`] keeps its items in: a ring, alone or with lists to grow into.
pub type Fifo<T> = Elastic<FastFifoIn<T, Boxed<FastSlot<T>>, Yield>, List<T>, Private>;

/// Slots of the ring inside an unbounded queue.
const UNBOUNDED_RING: usize = 256;

impl<T> BlockingQueue<Fifo<T>> {
    /// A queue of at most `capacity` items.
    ///
    /// Errors: [`BadCapacity`] for 0 (Python's "no limit" is [`unbounded`](Self::unbounded)) and for
    /// more slots than there is memory for. (QU001)
    pub fn bounded(capacity: usize) -> Result<Self, BadCapacity> {
        let ring = Boxed::new(capacity).and_then(FastFifoIn::with_storage);
        ring.map(|ring| Self::from_store(Elastic::fixed(ring))).ok_or(BadCapacity { capacity })
    }

    /// A queue that takes as many items as there is memory for.
    ///
    /// Panics, as every collection, if there is no memory.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::from_store(growing())
    }
}

/// What is inside an unbounded queue, by itself.
pub(crate) fn growing<T>() -> Fifo<T> {
    match Boxed::new(UNBOUNDED_RING).and_then(FastFifoIn::with_storage) {
        Some(ring) => Elastic::new(ring, List::new(), List::new()),
        None => panic!("no memory for a queue"),
    }
}

/// Slots on the heap.
pub struct Boxed<S>(Box<[S]>);

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

impl<S> fmt::Debug for Boxed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Boxed({})", self.0.len())
    }
}

/// While two threads meet in one slot: let the other one run.
#[derive(Debug)]
pub struct Yield;

impl RelaxStrategy for Yield {
    fn relax() {
        std::thread::yield_now();
    }
}

/// What an unbounded queue grows into.
pub struct List<T>(VecDeque<T>);

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
        if self.0.is_empty() && self.0.capacity().saturating_mul(size_of::<T>()) > KEPT {
            // The burst is over: give its memory back.
            *self = Self::new();
        }
        item
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({})", self.0.len())
    }
}
