//! First in, first out, for items of any type.
//!
//! [`Fifo`] here is lock-free and interrupt-safe; [`FastFifo`] in `fast.rs` trades that for speed
//! between threads.
//!
//! # Layout of `Fifo`
//!
//! `N` cells, of which a pool knows the free ones ([`Cells`]), and a [`WordRing`] `used` of the
//! indices of the full ones in order. Push: claim a cell, write the item, push its index. Pop: pop an
//! index, read the item, release the cell.
//!
//! The invariants are those of [`Cells`].
//!
//! # Linearization points
//!
//! Push, pop, `Empty` and `Closed` are those of `used`. `Full` is "the pool is empty": a cell that
//! another thread's push or pop is just copying into or out of counts as full.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs one cell. Two read-modify-writes an
//! operation. Two words a slot beside the item. Interrupt-off window: none.

use core::fmt;

use super::cells::Cells;
pub use super::fast::{FastFifo, FastFifoIn, FastSlot};
use super::word::{Index, WordRing};
use super::{Queue, drop_all, no_item};
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
pub struct Fifo<T, const N: usize> {
    cells: Cells<T, N>,
    used: WordRing<Index<N>, N>,
}

impl<T, const N: usize> Fifo<T, N> {
    const_fn! {
        /// An empty queue. `N` is at least 1, or this does not compile.
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
        match self.used.try_push(Index(index)) {
            Ok(()) => Ok(()),
            // `Full` cannot be (invariant 1).
            Err(PushError::Closed(_) | PushError::Full(_)) => {
                // SAFETY: still ours.
                let owned = unsafe { self.cells.own(index) };
                // SAFETY: we wrote the item above; the only read.
                Err(PushError::Closed(unsafe { owned.read() }))
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

impl<T, const N: usize> Queue for Fifo<T, N> {
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

impl<T, const N: usize> Drop for Fifo<T, N> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

impl<T, const N: usize> Default for Fifo<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Fifo<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fifo")
            .field("len", &self.len())
            .field("capacity", &N)
            .field("closed", &self.is_closed())
            .finish()
    }
}
