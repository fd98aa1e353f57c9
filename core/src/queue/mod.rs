//! Floor 3: queues that answer at once.
//!
//! | want | take |
//! |---|---|
//! | items of at most 32 bits, anywhere, also from interrupt handlers | [`word::WordRing`] |
//! | items of any type, anywhere, also from interrupt handlers | [`fifo::Fifo`] |
//! | items of any type between threads, the last nanosecond | [`fifo::FastFifo`] |
//! | items of any type from one thread or interrupt to one other, wait-free, also in slices | [`spsc::Ring`] |
//! | the same, but where the oldest items give way to the latest | [`spsc::Overwriting`] |
//! | pointers to tasks: the newest first for one thread, the oldest for all others who have nothing to do | [`steal::Deque`] |
//! | the newest item first, anywhere, also from interrupt handlers | [`lifo::Stack`] |
//! | many producers, also interrupt handlers; one consumer that takes all at once | [`inbox::Inbox`] |
//! | the most urgent of a few levels first, anywhere, also from interrupt handlers | [`priority::Levels`] |
//! | the smallest item first, in a total order | [`priority::Heap`] |
//! | an order of your own | [`Guarded`] around a [`Container`] |
//! | to wait for room or for an item | any of them but `Overwriting` in a [`Channel`](crate::channel::Channel) |
//!
//! All but [`spsc::Overwriting`] fulfil one small trait, [`Queue`]. `Full`, `Empty` and `Closed` are
//! exact: each answer was true at one moment between call and return, in one order that all threads
//! agree on (linearizable). Exceptions: `Full` of a [`fifo::Fifo`], a [`lifo::Stack`], an
//! [`inbox::Inbox`] and of [`priority::Levels`] also counts the cells that pushes and pops of other
//! threads are working on at that moment; an end of a [`spsc::Ring`] that a handle has answers everybody
//! else `Full` or `Empty`; and the order in which [`priority::Levels`] gives items is looser than its
//! answers: see there.

mod cells;
mod chain;
mod container;
mod fast;
pub mod fifo;
mod guarded;
pub mod inbox;
mod iter;
pub mod lifo;
pub mod priority;
mod ring;
pub mod spsc;
pub mod steal;
pub(crate) mod tagged;
mod token;
pub mod word;

use core::fmt;

use crate::error::{PopError, PushError};

pub use container::Container;
pub use guarded::Guarded;
pub use iter::{Drain, IntoIter};
#[cfg(any(feature = "narrow", inkle_loom, inkle_steps))]
pub use ring::Narrow;
pub(crate) use ring::index_bits;
pub use ring::{Native, Storage, Width};

/// A queue that answers at once: what [`Channel`](crate::channel::Channel) makes blocking.
///
/// # Tickets
///
/// A queue numbers its successful pushes with *tickets*, cyclic numbers that only this queue can
/// compare. That is how a channel knows how many items are unfinished without a counter on the fast
/// path.
///
/// ```
/// use inkle_core::queue::{Queue, fifo::Fifo};
///
/// fn move_one<Q: Queue>(from: &Q, to: &Q) -> bool {
///     match from.try_pop() {
///         Ok(item) => to.try_push(item).is_ok(),
///         Err(_) => false,
///     }
/// }
///
/// let (a, b) = (Fifo::<&str, 2>::new(), Fifo::<&str, 2>::new());
/// a.try_push("thread").unwrap();
/// assert!(move_one(&a, &b));
/// assert_eq!(b.try_pop(), Ok("thread"));
/// ```
pub trait Queue {
    /// What the queue holds.
    type Item;

    /// Whether pushes, pops and `close` take effect by a read-modify-write, on a word that decides
    /// the other side's `Empty`, `Full` and `Closed`. A channel then needs no fence of its own on
    /// x86.
    const BY_RMW: bool = false;

    /// Adds an item, or hands it back: [`PushError::Full`] or [`PushError::Closed`].
    fn try_push(&self, item: Self::Item) -> Result<(), PushError<Self::Item>>;

    /// Takes the next item. [`PopError::Closed`] means closed and nothing left, and is final.
    fn try_pop(&self) -> Result<Self::Item, PopError>;

    /// Takes no more items from now on; what is inside can still be popped. `true` for the call
    /// that closed it.
    fn close(&self) -> bool;

    /// Whether the queue has been closed.
    fn is_closed(&self) -> bool;

    /// How many items fit; `None` if there is no limit.
    fn capacity(&self) -> Option<usize>;

    /// How many items are inside: a snapshot, exact while nobody pushes or pops.
    fn len(&self) -> usize;

    /// Whether nothing is inside: a snapshot, as [`len`](Queue::len).
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pops until the queue is empty: an iterator over what is inside now, and over what is pushed
    /// meanwhile.
    ///
    /// ```
    /// use inkle_core::queue::{Queue, word::WordRing};
    ///
    /// static KEYS: WordRing<char, 8> = WordRing::new();
    /// "warp".chars().for_each(|key| KEYS.try_push(key).unwrap());
    /// assert!(KEYS.drain().eq("warp".chars()));
    /// ```
    fn drain(&self) -> Drain<'_, Self>
    where
        Self: Sized,
    {
        Drain(self)
    }

    /// The ticket of the next push. Counts every push that happened before the call.
    fn ticket(&self) -> usize;

    /// The ticket that many `pushes` after `ticket`.
    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize;

    /// How many pushes lie between two tickets of this queue.
    fn tickets_between(&self, from: usize, to: usize) -> usize;
}

/// A queue that can take an item although it is full, by giving the oldest one up in the same step.
pub trait ForcePush: Queue {
    /// Adds an item. `Ok(Some(oldest))` if the queue was full and the oldest item had to go.
    ///
    /// Errors: [`PushError::Closed`]; never `Full`.
    fn force_push(&self, item: Self::Item) -> Result<Option<Self::Item>, PushError<Self::Item>>;
}

/// A queue that can show its next item without giving it.
pub trait Peek: Queue {
    /// A copy of the item that a pop would take at this moment.
    fn peek(&self) -> Option<Self::Item>;
}

/// `Err(error)`, from a function of its own so that the compiler keeps the caller's result in memory.
/// Where the result's error shares a byte with the item it would otherwise copy an item of bytes
/// piecewise, that byte apart, at twice the price.
#[cold]
#[inline(never)]
fn no_item<T>(error: PopError) -> Result<T, PopError> {
    Err(error)
}

/// What `Debug` shows of a queue.
fn debug<Q: Queue>(name: &str, queue: &Q, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("len", &queue.len())
        .field("capacity", &queue.capacity())
        .field("closed", &queue.is_closed())
        .finish()
}

/// Pops and drops everything that is left, and goes on if an item's own `Drop` panics.
fn drop_all<Q: Queue>(queue: &Q) {
    drop_each(|| queue.try_pop().ok());
}

/// Drops whatever `next` gives until that is nothing, and goes on if an item's own `Drop` panics.
pub(crate) fn drop_each<T>(next: impl FnMut() -> Option<T>) {
    struct GoOn<T, F: FnMut() -> Option<T>>(F);
    impl<T, F: FnMut() -> Option<T>> Drop for GoOn<T, F> {
        fn drop(&mut self) {
            while let Some(item) = (self.0)() {
                drop(item);
            }
        }
    }
    // Goes on when it goes out of scope: once normally, and once more from the unwinding of a
    // panicking item.
    let mut rest = GoOn(next);
    while let Some(item) = (rest.0)() {
        drop(item);
    }
}
