//! Many producers, one consumer that takes everything at once.
//!
//! # Layout
//!
//! A chain, as in `chain.rs`: what has arrived, the newest on top, on one word `tag | CLOSED | top`.
//! And `rest`, one word for the consumer's side: the link number of the oldest item of a list that was
//! taken and turned round, 0 if there is none, or `HELD` while a consumer is at work.
//!
//! # Invariants
//!
//! Those of `chain.rs`, and:
//!
//! 1. Who has exchanged `rest` for `HELD` owns that list and is the only one who takes from the
//!    chain, until it stores `rest` again. No code of the user runs in between.
//! 2. Everything in `rest` arrived before everything in the chain.
//!
//! # Linearization points
//!
//! Push and close are those of the chain, and so is "nothing more" (`Empty`, `Closed`, the end of a
//! batch): nobody else changes `rest` meanwhile. Taking: at the store of `rest`. `Full` is "no cell is
//! free": a cell whose item lies in a batch counts as full until the batch has given it back.
//!
//! # Progress and cost
//!
//! Pushes: lock-free, interrupt-safe. Taking, whether one or all: lock-free for a single consumer;
//! of several, one waits until the other has stored `rest`, which is *blocking*. Taking all is two
//! read-modify-writes for a batch, and one for each 32 cells (or each eighth of the inbox, if that is
//! less) that it gives back; popping is two an item. Half a word a slot beside the item (with padding:
//! one). Interrupt-off window: none.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use ::spin::relax::{RelaxStrategy, Spin};

use super::chain::{Chain, Kept, error};
use super::fast::relax;
use super::ring::{Native, Width};
use super::{Queue, debug, drop_each, no_item};
use crate::atomic::{AtomicU32, Ordering};
use crate::error::{PopError, PushError};
use crate::pad::Pad;

/// In `rest`: a consumer is at work.
const HELD: u32 = u32::MAX;

/// Where an item arrived: whether the consumer has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first since the consumer last looked for new ones: it may be asleep, so wake it.
    First,
    /// Behind others that the consumer has not seen yet: whoever put the first one wakes it.
    Later,
}

/// A queue from many producers to one consumer, which takes all at once or one by one, in the order
/// of arrival. Any capacity from 1.
///
/// A push is lock-free and interrupt-safe, and says whether the consumer needs a wake-up. Taking all
/// costs two exchanges for a whole batch, and one for each 32 cells that it gives back. Taking is
/// **blocking** between two consumers: one waits while another is in mid-operation (not while it works
/// through its batch). So let only one thread, or one interrupt handler, consume; for many consumers
/// take [`Fifo`](super::fifo::Fifo).
///
/// `Empty` and `Closed` are exact. `Full` means that there is no free cell: that counts the cells of
/// pushes in mid-operation and of batches. [`len`](Queue::len) counts an item until its cell has been
/// given back, so also what a batch holds.
///
/// `R` is what a consumer does while it waits for another one (a [relax strategy](::spin::relax) of
/// the `spin` crate). `W` limits the tag for models and tests; leave it at [`Native`]. At most 2047
/// items fit where the target has only 32-bit compare-and-swap (more do not compile).
///
/// ```
/// use inkle_core::queue::Queue;
/// use inkle_core::queue::inbox::{Arrival, Inbox};
///
/// static MAIL: Inbox<&str, 4> = Inbox::new();
///
/// assert_eq!(MAIL.try_push("weld"), Ok(Arrival::First)); // wake the consumer
/// assert_eq!(MAIL.try_push("woad"), Ok(Arrival::Later));
///
/// let batch = MAIL.take_all();
/// assert_eq!(MAIL.try_push("madder"), Ok(Arrival::First));
/// assert!(batch.eq(["weld", "woad"]));
///
/// MAIL.close();
/// let batch = MAIL.take_all();
/// assert!(batch.is_last());
/// assert!(batch.eq(["madder"]));
/// ```
pub struct Inbox<T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    chain: Chain<T, N, W>,
    rest: Pad<AtomicU32>,
    marker: PhantomData<fn(R)>,
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Inbox<T, N, R, W> {
    const_fn! {
        /// An empty inbox. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            Self { chain: Chain::new(), rest: Pad(AtomicU32::new(0)), marker: PhantomData }
        }
    }

    /// Adds an item, or hands it back. Who is told [`Arrival::First`] wakes the consumer.
    ///
    /// Exactly the wake condition: a consumer that has found nothing is followed by a `First`.
    ///
    /// Errors: as the trait's [`try_push`](Queue::try_push). Progress: lock-free. Interrupt-safe: yes.
    /// Ordering: release, pairs with the acquire of [`take_all`](Self::take_all) and
    /// [`try_pop`](Self::try_pop). Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, item: T) -> Result<Arrival, PushError<T>> {
        match self.chain.push(item) {
            Ok(true) => Ok(Arrival::First),
            Ok(false) => Ok(Arrival::Later),
            Err(error) => Err(error),
        }
    }

    /// Takes everything that is inside, in one step; what [`try_pop`](Self::try_pop) has left comes
    /// first. The batch is empty if there was nothing.
    ///
    /// Progress: lock-free for one consumer, **blocking** between several (see the type).
    /// Interrupt-safe: only if no other consumer can be interrupted. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release.
    pub fn take_all(&self) -> Batch<'_, T, N, W> {
        let older = self.hold();
        let (newest, is_last) = self.chain.take();
        // Release, pairs with the Acquire of `hold`: our take from the chain comes before theirs.
        self.rest.store(0, Ordering::Release);
        let newer = self.chain.turn_round(newest);
        Batch { chain: &self.chain, kept: Kept::new(&self.chain), older, newer, is_last }
    }

    /// As the trait's [`try_pop`](Queue::try_pop): the oldest item.
    ///
    /// Progress, interrupt safety and ordering: as [`take_all`](Self::take_all); turns a batch of new
    /// arrivals round once, one step for each. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        let (mut rest, mut closed) = (self.hold(), false);
        if rest == 0 {
            let (newest, is_last) = self.chain.take();
            (rest, closed) = (self.chain.turn_round(newest), is_last);
        }
        let first = self.chain.split(rest);
        let rest = first.as_ref().map_or(0, |(_, rest)| *rest);
        // Release, pairs with the Acquire of `hold`: the links of the rest.
        self.rest.store(rest, Ordering::Release);
        match first {
            // SAFETY: the push wrote the item before it put the node on the list; the only read.
            Some((owned, _)) => Ok(unsafe { owned.read() }),
            None => no_item(error(closed)),
        }
    }

    /// Makes the caller the only consumer until it stores `rest`, and gives the list in it.
    #[inline]
    fn hold(&self) -> u32 {
        let mut looks = 0;
        loop {
            // Relaxed: the exchange checks it.
            let rest = self.rest.load(Ordering::Relaxed);
            // Acquire, pairs with the Release store of the consumer before us: the links, and what it
            // has taken from the chain. That the same list may have been put back meanwhile does no
            // harm: it is there now.
            if rest != HELD
                && self
                    .rest
                    .compare_exchange_weak(rest, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return rest;
            }
            relax::<R>(&mut looks);
        }
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Queue for Inbox<T, N, R, W> {
    type Item = T;

    // A push and a close end with one on the head of the items, which decides `Empty` and `Closed`; a
    // pop with one on that of the free cells, which decides `Full`.
    const BY_RMW: bool = true;

    #[inline]
    fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        match self.chain.push(item) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
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

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Inbox<T, N, R, W> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Default for Inbox<T, N, R, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for Inbox<T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Inbox", self, f)
    }
}

/// What [`Inbox::take_all`] took: an iterator over the items in the order of their arrival. Their cells
/// go back a few at a time, the last ones when the batch is dropped, and what is left in it is dropped
/// with it. (A batch that is forgotten keeps its cells for ever.)
#[must_use = "what is in it is dropped with it"]
pub struct Batch<'a, T, const N: usize, W: Width = Native> {
    chain: &'a Chain<T, N, W>,
    /// The cells of items that have come out.
    kept: Kept<'a, T, N, W>,
    /// What pops had left: comes before `newer`.
    older: u32,
    newer: u32,
    is_last: bool,
}

impl<T, const N: usize, W: Width> Batch<'_, T, N, W> {
    /// Whether the inbox was closed when the batch was taken: nothing comes after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

impl<T, const N: usize, W: Width> Iterator for Batch<'_, T, N, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.older == 0 {
            self.older = core::mem::take(&mut self.newer);
        }
        let (owned, rest) = self.chain.split(self.older)?;
        self.older = rest;
        // SAFETY: a node in a list holds an item; the only read.
        Some(unsafe { owned.kept_in(&mut self.kept).read() })
    }
}

impl<T, const N: usize, W: Width> FusedIterator for Batch<'_, T, N, W> {}

impl<T, const N: usize, W: Width> Drop for Batch<'_, T, N, W> {
    fn drop(&mut self) {
        drop_each(|| self.next());
    }
}

impl<T, const N: usize, W: Width> fmt::Debug for Batch<'_, T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("is_last", &self.is_last).finish_non_exhaustive()
    }
}
