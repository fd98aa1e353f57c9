//! [`Ring`]: a wait-free ring between one producer and one consumer.
//!
//! Lamport's ring, with the remote position cached in the handles as in the crate `rtrb`.
//!
//! # Layout
//!
//! `head` and `tail` are positions ([`Geometry`]) and are the truth: the items between them are
//! inside. The top bit of `tail` means closed. Beside each is the [`Token`] of its end.
//!
//! # Invariants
//!
//! 1. Only the owner of the consumer's end stores `head`, only the owner of the producer's end stores
//!    `tail`.
//! 2. `head <= tail <= head + N`. An owner knows its own position and a remote one that may be late;
//!    late means fewer items for the consumer and less room for the producer, never more.
//! 3. The cells from `head` to `tail` hold items and are the consumer's; the others are empty and the
//!    producer's.
//! 4. Once closed, `tail` does not change.
//!
//! # Linearization points
//!
//! Push, pop and close at their store. `Closed` of a push is what the owner of the end knows; that of
//! a pop, the load of `tail`. `Full` and `Empty` at the second look at the remote position, behind
//! the fence.
//!
//! Without the fence neither answer would be wrong by itself, but both together could be: with one of
//! two slots full, a producer that pushes and then sees a stale `head` says `Full`, a consumer that
//! pops and then sees a stale `tail` says `Empty` (store buffering), and no order of the four explains
//! both. So the fence stands where an operation fails, and only there.
//!
//! # Progress and cost
//!
//! The handles are wait-free and need loads and stores only: one store a push, pop or chunk, one load
//! when what is known of the other end is used up, one fence more before `Full` or `Empty`. Splitting,
//! and every operation on the ring itself instead of a handle, takes the end's token: one
//! read-modify-write and one store more, blocking among those who use the same end. Two words and two
//! tokens beside the items. Interrupt-off window: none.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use ::spin::relax::{RelaxStrategy, Spin};

use super::{Consumer, Producer};
use crate::atomic::{AtomicUsize, Cells, Ordering};
use crate::error::{PopError, PushError};
use crate::pad::Pad;
use crate::queue::ring::{Geometry, Native, Width, index_bits, is_possible};
use crate::queue::token::Token;
use crate::queue::{Queue, debug, drop_each, no_item};

/// The mark of a closed ring in `tail`.
pub(super) const CLOSED: usize = 1 << (usize::BITS - 1);

/// A queue between one producer and one consumer, any capacity from 1, first in first out.
///
/// [`split`](Self::split) it and use the handles: they are wait-free, and interrupt-safe as either end
/// may be in an interrupt handler. `Full`, `Empty` and `Closed` are exact.
///
/// The ring itself is a [`Queue`], which any number of threads may use through `&self`, alone or in a
/// [`Channel`](crate::channel::Channel). That is **blocking** among the threads that use the same end
/// (they take turns, and wait for one that was stopped in mid-operation; never do it in an interrupt
/// handler). An end that a handle has is not there for anybody else: a push then answers `Full` and a
/// pop `Empty` (or `Closed`, where that is true), and `close` answers `false` and does nothing, as
/// closing is the producer's business.
///
/// `R` is what a thread does while it waits for its turn (a [relax strategy](::spin::relax) of the
/// `spin` crate); `W` limits the lap counter for models and tests.
///
/// ```
/// use inkle_core::queue::spsc::Ring;
/// use inkle_core::{PopError, PushError};
///
/// static SAMPLES: Ring<[i16; 2], 3> = Ring::new();
///
/// let (mut producer, mut consumer) = SAMPLES.split().unwrap();
/// assert!(SAMPLES.split().is_none(), "one of each");
///
/// std::thread::scope(|scope| {
///     scope.spawn(move || {
///         for sample in 0..100 {
///             while let Err(PushError::Full(_)) = producer.try_push([sample, -sample]) {
///                 std::thread::yield_now();
///             }
///         }
///         producer.close();
///     });
///     let mut sum = 0;
///     loop {
///         match consumer.try_pop() {
///             Ok([left, _]) => sum += left,
///             Err(PopError::Empty) => std::thread::yield_now(),
///             Err(PopError::Closed) => break,
///         }
///     }
///     assert_eq!(sum, 4950);
/// });
/// ```
pub struct Ring<T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native> {
    pub(super) head: Pad<End>,
    pub(super) tail: Pad<End>,
    pub(super) cells: Cells<T, N>,
    marker: PhantomData<fn(R, W)>,
}

/// One end of the ring.
pub(super) struct End {
    pub(super) position: AtomicUsize,
    pub(super) token: Token,
}

impl End {
    const_fn! {
        const fn new() -> Self {
            Self { position: AtomicUsize::new(0), token: Token::new() }
        }
    }
}

// SAFETY: an item goes in on one thread and comes out, or is looked at, on one other at a time
// (invariant 3, and a handle is not `Sync`). That needs `T: Send` and no more.
unsafe impl<T: Send, const N: usize, R: RelaxStrategy, W: Width> Sync for Ring<T, N, R, W> {}
// SAFETY: owning the ring is owning its items.
unsafe impl<T: Send, const N: usize, R: RelaxStrategy, W: Width> Send for Ring<T, N, R, W> {}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Ring<T, N, R, W> {
    const_fn! {
        /// An empty ring. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new() -> Self {
            const { assert!(is_possible(N), "a ring needs at least one slot, and laps") };
            Self {
                head: Pad(End::new()),
                tail: Pad(End::new()),
                cells: Cells::new(),
                marker: PhantomData,
            }
        }
    }

    pub(super) const GEOMETRY: Geometry = {
        // One bit is spared for `CLOSED`. Masked even where the word is so wide that it takes
        // centuries to count through it: a chunk of items without a size counts by 2^55.
        let room = usize::BITS - 1 - index_bits(N);
        Geometry::new(N, if W::LAP_BITS < room { W::LAP_BITS } else { room }, 0)
    };

    /// The two handles, if nobody has one: `None` as long as either of the last two is there.
    ///
    /// Items that are inside stay inside. Waits for calls in mid-operation on the ring itself.
    ///
    /// Progress: blocking (see the type), wait-free if only handles are used. Interrupt-safe: no.
    /// Ordering: acquire, pairs with the release of a handle's drop.
    #[must_use]
    #[expect(clippy::type_complexity, reason = "two handles, with the ring's own parameters")]
    pub fn split(&self) -> Option<(Producer<'_, T, N, R, W>, Consumer<'_, T, N, R, W>)> {
        let tail = self.tail.token.lock::<R>()?;
        let head = self.head.token.lock::<R>()?;
        tail.hold();
        head.hold();
        // SAFETY: both ends are now ours alone, until the handles free them.
        Some(unsafe { (Producer::new(self), Consumer::new(self)) })
    }

    /// The producer of somebody who has its end for the time being. Does not free it when dropped.
    ///
    /// # Safety
    ///
    /// As [`Producer::new`].
    #[inline(always)]
    unsafe fn producer(&self) -> ManuallyDrop<Producer<'_, T, N, R, W>> {
        // SAFETY: the caller's promise.
        ManuallyDrop::new(unsafe { Producer::new(self) })
    }

    /// The consumer of somebody who has its end for the time being. Does not free it when dropped.
    ///
    /// # Safety
    ///
    /// As [`Consumer::new`].
    #[inline(always)]
    unsafe fn consumer(&self) -> ManuallyDrop<Consumer<'_, T, N, R, W>> {
        // SAFETY: the caller's promise.
        ManuallyDrop::new(unsafe { Consumer::new(self) })
    }

    /// As the trait's [`try_push`](Queue::try_push); `Full` if there is a [`Producer`].
    ///
    /// Progress: **blocking** (see the type). Interrupt-safe: no. Ordering: release, pairs with
    /// [`try_pop`](Self::try_pop)'s acquire. Source: QU005 without waiting.
    #[inline]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        let Some(_busy) = self.tail.token.lock::<R>() else {
            return Err(if Queue::is_closed(self) {
                PushError::Closed(item)
            } else {
                PushError::Full(item)
            });
        };
        // SAFETY: the end is ours while `_busy` lives, which is longer than this.
        unsafe { self.producer() }.try_push(item)
    }

    /// As the trait's [`try_pop`](Queue::try_pop); `Empty` if there is a [`Consumer`], or `Closed` if
    /// that is true.
    ///
    /// Progress: **blocking** (see the type). Interrupt-safe: no. Ordering: acquire, pairs with
    /// [`try_push`](Self::try_push)'s release. Source: QU007 without waiting.
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        let Some(_busy) = self.head.token.lock::<R>() else {
            // Acquire, pairs with the consumer's Release store, so that `Closed` comes after the
            // last pop. That the two are equal, one of them final, makes it true.
            let head = self.head.position.load(Ordering::Acquire);
            // Acquire, pairs with the Release of `close`: what came before it.
            let drained = self.tail.position.load(Ordering::Acquire) == head | CLOSED;
            return no_item(if drained { PopError::Closed } else { PopError::Empty });
        };
        // SAFETY: the end is ours while `_busy` lives, which is longer than this.
        unsafe { self.consumer() }.try_pop()
    }

    /// As the trait's [`close`](Queue::close); does nothing if there is a [`Producer`].
    ///
    /// Progress: **blocking** (see the type). Interrupt-safe: no. Ordering: release, pairs with the
    /// acquire of the operation that answers `Closed`.
    pub fn close(&self) -> bool {
        match self.tail.token.lock::<R>() {
            // SAFETY: the end is ours while `_busy` lives, which is longer than this.
            Some(_busy) => unsafe { self.producer() }.close(),
            None => false,
        }
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Queue for Ring<T, N, R, W> {
    type Item = T;

    // The words that decide are only stored to, after the token's read-modify-write.
    const BY_RMW: bool = false;

    #[inline]
    fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        self.try_push(item)
    }

    #[inline]
    fn try_pop(&self) -> Result<T, PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.close()
    }

    fn is_closed(&self) -> bool {
        // Acquire, pairs with the Release of `close`.
        self.tail.position.load(Ordering::Acquire) & CLOSED != 0
    }

    fn capacity(&self) -> Option<usize> {
        Some(N)
    }

    fn len(&self) -> usize {
        // Acquire: the tail must not be older than the head.
        let head = self.head.position.load(Ordering::Acquire);
        let len = Self::GEOMETRY.distance(head, self.ticket());
        // Between the two loads both ends may have moved on.
        if len < N { len } else { N }
    }

    fn ticket(&self) -> usize {
        // Relaxed: pushes that happened before are visible by coherence.
        self.tail.position.load(Ordering::Relaxed) & !CLOSED
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        Self::GEOMETRY.advance(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        Self::GEOMETRY.distance(from, to)
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Drop for Ring<T, N, R, W> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody else is there, even if a handle was forgotten.
        let mut consumer = unsafe { self.consumer() };
        drop_each(|| consumer.try_pop().ok());
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> Default for Ring<T, N, R, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> fmt::Debug for Ring<T, N, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Ring", self, f)
    }
}

/// The items of a [`Ring`] that nobody else uses any more, in order.
#[derive(Debug)]
pub struct IntoIter<T, const N: usize, R: RelaxStrategy = Spin, W: Width = Native>(
    Ring<T, N, R, W>,
);

impl<T, const N: usize, R: RelaxStrategy, W: Width> Iterator for IntoIter<T, N, R, W> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        // SAFETY: the ring is owned: nobody else is there, even if a handle was forgotten.
        unsafe { self.0.consumer() }.try_pop().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T, const N: usize, R: RelaxStrategy, W: Width> ExactSizeIterator for IntoIter<T, N, R, W> {}

impl<T, const N: usize, R: RelaxStrategy, W: Width> IntoIterator for Ring<T, N, R, W> {
    type Item = T;
    type IntoIter = IntoIter<T, N, R, W>;

    fn into_iter(self) -> IntoIter<T, N, R, W> {
        IntoIter(self)
    }
}
