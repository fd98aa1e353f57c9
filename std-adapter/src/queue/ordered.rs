//! Queues with an order of their own, each a container behind a lock: last in first out, by priority,
//! yours.

use std::fmt;

use inkle_core::queue::priority::{Entry, Items, MinHeap};
use inkle_core::queue::{Container, Guarded};

use super::{BadCapacity, BlockingQueue, KEPT};
use crate::platform::Private;

/// Last in, first out: Python's `queue.LifoQueue`. (QU012)
///
/// Progress: blocking, one lock around a list. Memory: that of the items; an unbounded queue gives it
/// back as it empties, but for at most 64 KiB.
///
/// ```
/// use inkle::queue::LifoQueue;
///
/// let undo = LifoQueue::unbounded();
/// undo.put("insert").unwrap();
/// undo.put("delete").unwrap();
/// assert_eq!(undo.get(), Ok("delete"));
/// assert_eq!(undo.get(), Ok("insert"));
/// ```
pub type LifoQueue<T> = BlockingQueue<Lifo<T>>;

/// Lowest first, and first in, first out among equals: Python's `queue.PriorityQueue`, made stable.
/// (QU012, QU013)
///
/// Wrap the items in [`std::cmp::Reverse`] for the highest first. A comparison runs under the lock and
/// must not use the same queue; if it panics, nothing has changed but that the item which was to be put
/// is dropped (QU014). Progress: blocking, one lock around a heap. Memory: eight bytes an item beside
/// it; else as a [`LifoQueue`].
///
/// ```
/// use inkle::queue::PriorityQueue;
///
/// let jobs = PriorityQueue::unbounded();
/// jobs.put((2, "sweep")).unwrap();
/// jobs.put((1, "warp")).unwrap();
/// jobs.put((1, "weft")).unwrap();
/// assert_eq!(jobs.peek(), Some((1, "warp")));
/// assert_eq!(jobs.drain().map(|(_, name)| name).collect::<Vec<_>>(), ["warp", "weft", "sweep"]);
/// ```
pub type PriorityQueue<T> = BlockingQueue<Priority<T>>;

/// In an order of yours: what a subclass with `_put`, `_get` and `_qsize` is in Python. (QU015)
///
/// The container's operations run under the lock: they must be short, and must not use the same queue.
/// If one panics, the lock is released and the queue goes on with the container as the panic left it.
///
/// ```
/// use inkle::queue::{Container, CustomQueue};
/// use std::collections::BTreeSet;
///
/// /// Each item once, the smallest first.
/// struct Distinct(BTreeSet<u32>);
///
/// impl Container for Distinct {
///     type Item = u32;
///     fn put(&mut self, item: u32) -> Result<(), u32> {
///         if self.0.insert(item) { Ok(()) } else { Err(item) }
///     }
///     fn take(&mut self) -> Option<u32> {
///         self.0.pop_first()
///     }
///     fn len(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// let queue = CustomQueue::over(Distinct(BTreeSet::new()));
/// queue.try_put(2).unwrap();
/// queue.try_put(1).unwrap();
/// assert!(queue.try_put(2).is_err(), "to the queue, what the container refuses is full");
/// assert_eq!(queue.get(), Ok(1));
/// ```
pub type CustomQueue<C> = BlockingQueue<Guarded<C, Private>>;

/// What a [`LifoQueue`] keeps its items in.
pub type Lifo<T> = Guarded<Pile<T>, Private>;

/// What a [`PriorityQueue`] keeps its items in.
pub type Priority<T> = Guarded<MinHeap<Pile<Entry<T>>>, Private>;

impl<C: Container> CustomQueue<C> {
    /// A queue over `container`. What is in it already can be got, and is no task.
    pub fn over(container: C) -> Self {
        Self::from_store(Guarded::new(container))
    }

    /// The container with what is left in it, if this is the last handle; else the handle again.
    pub fn into_container(self) -> Result<C, Self> {
        self.into_store().map(Guarded::into_inner)
    }
}

impl<T> LifoQueue<T> {
    /// A queue of at most `capacity` items.
    ///
    /// Errors: [`BadCapacity`] for 0. (QU001)
    pub fn bounded(capacity: usize) -> Result<Self, BadCapacity> {
        Ok(Self::over(Pile::bounded(capacity)?))
    }

    /// A queue that takes as many items as there is memory for.
    ///
    /// `put` panics, as every collection, if there is no memory.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::over(Pile::unbounded())
    }
}

impl<T: Ord> PriorityQueue<T> {
    /// A queue of at most `capacity` items.
    ///
    /// Errors: [`BadCapacity`] for 0. (QU001)
    pub fn bounded(capacity: usize) -> Result<Self, BadCapacity> {
        Ok(Self::over(MinHeap::new(Pile::bounded(capacity)?)))
    }

    /// A queue that takes as many items as there is memory for.
    ///
    /// `put` panics, as every collection, if there is no memory.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::over(MinHeap::new(Pile::unbounded()))
    }
}

/// A list on the heap that may have a limit, and gives memory back as it empties.
pub struct Pile<T> {
    items: Vec<T>,
    capacity: Option<usize>,
}

impl<T> Pile<T> {
    fn bounded(capacity: usize) -> Result<Self, BadCapacity> {
        match capacity {
            0 => Err(BadCapacity { capacity }),
            _ => Ok(Self { items: Vec::new(), capacity: Some(capacity) }),
        }
    }

    fn unbounded() -> Self {
        Self { items: Vec::new(), capacity: None }
    }
}

impl<T> Items for Pile<T> {
    type Item = T;

    fn push(&mut self, item: T) -> Result<(), T> {
        if self.capacity.is_some_and(|capacity| self.items.len() >= capacity) {
            return Err(item);
        }
        self.items.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        let item = self.items.pop();
        let room = self.items.capacity();
        if self.items.len() < room / 4 && room.saturating_mul(size_of::<T>()) > KEPT {
            self.items.shrink_to(room / 2);
        }
        item
    }

    fn as_slice(&self) -> &[T] {
        &self.items
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items
    }

    fn capacity(&self) -> Option<usize> {
        self.capacity
    }
}

impl<T> Container for Pile<T> {
    type Item = T;

    fn put(&mut self, item: T) -> Result<(), T> {
        self.push(item)
    }

    fn take(&mut self) -> Option<T> {
        self.pop()
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.capacity
    }
}

impl<T> fmt::Debug for Pile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pile").field("len", &self.items.len()).finish_non_exhaustive()
    }
}
