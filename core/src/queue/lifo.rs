//! Last in, first out, for items of any type.
//!
//! # Layout
//!
//! A chain: nodes with a cell and a link on two lists, each with one word `tag | CLOSED | top`.
//! Invariants and linearization points are those of `chain.rs`; the bound on a sleeping pop, and why
//! only pushes need to move the tag, are in `tagged.rs`.
//!
//! # Progress and cost
//!
//! Lock-free, interrupt-safe: a thread that stops for ever costs one cell. Two read-modify-writes an
//! operation, both on the one line that all threads want: under contention a stack is slower than a
//! queue. Half a word a slot beside the item (with padding: one). Interrupt-off window: none.

use core::fmt;

use super::chain::Chain;
use super::ring::{Native, Width};
use super::{Queue, debug, drop_all, no_item};
use crate::error::{PopError, PushError};

/// A lock-free, interrupt-safe stack of items of any type, any capacity from 1, last in first out.
///
/// For work whose newest part is still warm in the cache, and for spare objects. Where order of
/// arrival matters, or many threads push and pop at once, take [`Fifo`](super::fifo::Fifo).
///
/// `Empty` and `Closed` are exact. `Full` means that there is no free cell: that counts a cell which
/// another thread's push or pop is just working on. [`len`](Queue::len) counts an item until its pop has
/// given the cell back.
///
/// At most 2047 items fit where the target has only 32-bit compare-and-swap (more do not compile).
/// `W` limits the tag for models and tests; leave it at [`Native`].
///
/// ```
/// use inkle_core::queue::lifo::Stack;
/// use inkle_core::PushError;
///
/// static WARM: Stack<[u8; 64], 2> = Stack::new();
///
/// WARM.try_push([1; 64]).unwrap();
/// WARM.try_push([2; 64]).unwrap();
/// assert_eq!(WARM.try_push([3; 64]), Err(PushError::Full([3; 64])));
/// assert_eq!(WARM.try_pop(), Ok([2; 64]));
/// ```
pub struct Stack<T, const N: usize, W: Width = Native> {
    chain: Chain<T, N, W>,
}

impl<T, const N: usize, W: Width> Stack<T, N, W> {
    const_fn! {
        /// An empty stack. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            Self { chain: Chain::new() }
        }
    }

    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        match self.chain.push(item) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// As the trait's [`try_pop`](Queue::try_pop): the newest item.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        match self.chain.pop() {
            // SAFETY: the push wrote the item before it put the node on the list; the only read.
            Ok(owned) => Ok(unsafe { owned.read() }),
            Err(error) => no_item(error),
        }
    }
}

impl<T, const N: usize, W: Width> Queue for Stack<T, N, W> {
    type Item = T;

    // A push and a close end with one on the head of the items, which decides `Empty` and `Closed`; a
    // pop with one on that of the free nodes, which decides `Full`.
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
        self.chain.close()
    }

    fn is_closed(&self) -> bool {
        self.chain.is_closed()
    }

    fn capacity(&self) -> Option<usize> {
        Some(N)
    }

    fn len(&self) -> usize {
        self.chain.inside()
    }

    fn ticket(&self) -> usize {
        self.chain.ticket()
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.chain.ticket_after(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.chain.tickets_between(from, to)
    }
}

impl<T, const N: usize, W: Width> Drop for Stack<T, N, W> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

impl<T, const N: usize, W: Width> Default for Stack<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Stack<T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Stack", self, f)
    }
}
