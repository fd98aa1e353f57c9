//! First in, first out, for items of any type.
//!
//! [`Fifo`] here is lock-free and interrupt-safe; [`FastFifo`] in `fast.rs` trades that for speed
//! between threads.
//!
//! # Layout of `Fifo`
//!
//! `N` cells, of which a pool knows the free ones (`cells.rs`), and a [`WordRing`] `used` of the
//! indices of the full ones in order. Push: claim a cell, write the item, push its index. Pop: pop an
//! index, read the item, release the cell. The invariants are those of the cells.
//!
//! # Linearization points
//!
//! Push, pop, `Empty` and `Closed` are those of `used`. `Full` is "the pool is empty": a cell that
//! another thread's push or pop is just copying into or out of counts as full. A forced push that
//! displaces is a pop and a push, each at its own moment.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs one cell. Two read-modify-writes an
//! operation. Two words a slot beside the item. Interrupt-off window: that of a word ring;
//! items are copied outside.
//!
//! # What else was tried
//!
//! A trial on two cores, nanoseconds an item of 64 bits on one thread; 1p1c; 2p2c; 4p4c: crossbeam's
//! `ArrayQueue` 12.5; 37; 52; 64, two word rings 24; 51; 66; 55. In full runs of the benches the ratio
//! was 1.0 to 1.4 on one thread and, from run to run, 0.6 to 5.6 between threads: each exchange waits
//! until the write to the cell before it is through.
//!
//! - A ring in place, whose claimed slots a consumer may skip once later ones are done: 22; 63; 88; 60.
//!   As exact and as lock-free, and no faster.
//! - A bitmap of free cells in place of the ring of free indices: half the rate between two threads.
//! - Fetching the line of the next cell while the exchange for this one is under way: no difference
//!   beyond the noise.
//! - Staying away for a moment after a lost exchange, as `FastFifo` and `Stack` do: no difference beyond
//!   the noise.
//! - Words of 128 bits, with values of 64 bits inside the slot: not tried. Stable Rust has no atomic of
//!   that width.

use core::error::Error;
use core::fmt;

use super::cells::Cells;
pub use super::fast::{FastFifo, FastFifoIn, FastSlot};
use super::ring::{Native, Width};
use super::word::{Index, WordRing};
use super::{Queue, debug, drop_all, no_item};
use crate::error::{PopError, PushError};

/// A lock-free, interrupt-safe queue of items of any type, any capacity from 1, first in first out.
///
/// The default queue. Its neighbours: [`WordRing`] for items of at most 32 bits (a third of the price
/// and of the memory); [`FastFifo`] if only threads touch it.
///
/// ```
/// use inkle_core::queue::fifo::Fifo;
/// use inkle_core::PushError;
///
/// static FRAMES: Fifo<[u8; 8], 2> = Fifo::new();
///
/// FRAMES.try_push([1; 8]).unwrap();
/// FRAMES.try_push([2; 8]).unwrap();
/// assert_eq!(FRAMES.try_push([3; 8]), Err(PushError::Full([3; 8])));
/// assert_eq!(FRAMES.try_pop(), Ok([1; 8]));
/// ```
///
/// `W` limits the lap counters for models and tests; leave it at [`Native`].
pub struct Fifo<T, const N: usize, W: Width = Native> {
    cells: Cells<T, N, W>,
    used: WordRing<Index<N>, N, W>,
}

impl<T, const N: usize, W: Width> Fifo<T, N, W> {
    const_fn! {
        /// An empty queue. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            Self { cells: Cells::new(), used: WordRing::new() }
        }
    }

    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        let Some(index) = self.cells.claim() else {
            return Err(if self.used.is_closed() {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        // SAFETY: `claim` made us the owner.
        unsafe { self.cells.write(index, item) };
        // SAFETY: the cell is ours and we wrote the item.
        unsafe { self.publish(index) }.map_err(PushError::Closed)
    }

    /// Makes an item visible, or gives it back if the queue is closed.
    ///
    /// # Safety
    ///
    /// The caller owns the cell and has written the item into it.
    #[inline(always)]
    unsafe fn publish(&self, index: usize) -> Result<(), T> {
        match self.used.try_push(Index(index)) {
            Ok(()) => Ok(()),
            // `Full` cannot be (invariant 1).
            Err(PushError::Closed(_) | PushError::Full(_)) => {
                // SAFETY: still ours.
                let owned = unsafe { self.cells.own(index) };
                // SAFETY: the caller wrote the item; the only read.
                Err(unsafe { owned.read() })
            }
        }
    }

    /// Adds an item even to a full queue: the oldest one then makes room and comes back.
    ///
    /// Displacing is a pop and then a push. In between, others may pop, push into cells of their own,
    /// or close the queue; so a close may come after the pop and before the push, and then both items
    /// come back.
    ///
    /// Errors: [`Refused`]. It says `Full` only if there was no free cell, then no item either, and
    /// then again no free cell: all were in the hands of other threads in mid-operation. Progress:
    /// lock-free. Interrupt-safe: yes. Ordering: of both [`try_pop`](Self::try_pop) and
    /// [`try_push`](Self::try_push).
    ///
    /// ```
    /// use inkle_core::queue::fifo::Fifo;
    ///
    /// let latest = Fifo::<&str, 2>::new();
    /// assert_eq!(latest.force_push("warp"), Ok(None));
    /// assert_eq!(latest.force_push("weft"), Ok(None));
    /// assert_eq!(latest.force_push("heddle"), Ok(Some("warp")));
    /// assert_eq!(latest.try_pop(), Ok("weft"));
    /// ```
    pub fn force_push(&self, item: T) -> Result<Option<T>, Refused<T>> {
        let item = match self.try_push(item) {
            Ok(()) => return Ok(None),
            Err(PushError::Full(item)) => item,
            Err(error) => return Err(Refused { error, displaced: None }),
        };
        match self.used.try_pop() {
            Ok(Index(index)) => {
                // SAFETY: the pop made us the owner, and the push that we popped had written the item.
                let oldest = unsafe { self.cells.replace(index, item) };
                // SAFETY: the cell is still ours and we wrote the item.
                match unsafe { self.publish(index) } {
                    Ok(()) => Ok(Some(oldest)),
                    Err(item) => {
                        Err(Refused { error: PushError::Closed(item), displaced: Some(oldest) })
                    }
                }
            }
            // All that was inside is gone, so there is room again, or others have it in their hands.
            Err(PopError::Empty) => match self.try_push(item) {
                Ok(()) => Ok(None),
                Err(error) => Err(Refused { error, displaced: None }),
            },
            Err(PopError::Closed) => {
                Err(Refused { error: PushError::Closed(item), displaced: None })
            }
        }
    }

    /// As the trait's [`try_pop`](Queue::try_pop).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        match self.used.try_pop() {
            Ok(Index(index)) => {
                // SAFETY: who pops an index owns it; the ring orders us after its push.
                let owned = unsafe { self.cells.own(index) };
                // SAFETY: the push wrote the item before it pushed the index; the only read.
                Ok(unsafe { owned.read() })
            }
            Err(error) => no_item(error),
        }
    }
}

/// Why [`Fifo::force_push`] did not add the item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused<T> {
    /// Why, and the item that was not added.
    pub error: PushError<T>,
    /// The oldest item, if the queue was closed after that one had been taken out for the new one.
    pub displaced: Option<T>,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("error", &self.error)
            .field("displaced", &self.displaced.is_some())
            .finish()
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also =
            if self.displaced.is_some() { ", and its oldest item was taken out" } else { "" };
        write!(f, "{}{also}", self.error)
    }
}

impl<T> Error for Refused<T> {}

impl<T, const N: usize, W: Width> Queue for Fifo<T, N, W> {
    type Item = T;

    const BY_RMW: bool = true;

    #[inline]
    fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        self.try_push(item)
    }

    #[inline]
    fn try_pop(&self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.used.close()
    }

    fn is_closed(&self) -> bool {
        self.used.is_closed()
    }

    fn capacity(&self) -> Option<usize> {
        Some(N)
    }

    fn len(&self) -> usize {
        self.used.len()
    }

    fn ticket(&self) -> usize {
        self.used.ticket()
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.used.ticket_after(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.used.tickets_between(from, to)
    }
}

impl<T, const N: usize, W: Width> Drop for Fifo<T, N, W> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

impl<T, const N: usize, W: Width> Default for Fifo<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Fifo<T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Fifo", self, f)
    }
}
