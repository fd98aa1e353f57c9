//! Floor 5: a bounded queue that grows when it must.
//!
//! [`Elastic`] is a queue of fixed capacity and, behind locks, a backlog that somebody with an
//! allocator provides. While the ring has room it is the ring, at the ring's price plus one load.
//! When the ring is full, pushes go to the backlog until the backlog has been emptied again.
//!
//! # Layout
//!
//! The ring; the backlog as two lists, `back` where pushes append and `front` where pops take, each
//! under its own lock, so that the two sides seldom meet (a pop that finds `front` empty exchanges
//! the two); and `era`, even while the backlog is empty and odd while it is in use.
//!
//! # Invariants
//!
//! 1. The backlog has items exactly in odd eras, as seen under both locks.
//! 2. An era turns odd under the lock of `back`, by a push that found the ring full there; it turns
//!    even under both locks.
//! 3. Everything in the ring may be popped before anything in the backlog: a push that reaches the
//!    ring in an odd era began before that era did, so it runs at the same time as every push of the
//!    era.
//! 4. Who takes both locks takes `front` first.
//!
//! # Linearization points
//!
//! Push: the ring's, or the append under the lock. Pop: the ring's, or the removal under the lock.
//! `Empty`: the ring's, inside one even era seen before and after. `Closed`: under both locks, with
//! the ring closed and drained and the backlog empty.
//!
//! # Progress and cost
//!
//! That of the ring while the ring has room; else blocking (a lock around the backlog's own
//! operation). Never use it from an interrupt handler.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering, fence};
use crate::error::{PopError, PushError};
use crate::locked::Locked;
use crate::pad::Pad;
use crate::platform::Platform;
use crate::queue::{Container, Queue};

/// A queue `Q` of fixed capacity that overflows into a backlog of two lists `B` (items in at the end,
/// out at the front), in the order of its pushes.
///
/// ```
/// use inkle_core::elastic::Elastic;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::{Container, Queue, fifo::FastFifo};
/// # use std::collections::VecDeque;
/// # #[derive(Default)]
/// # struct List(VecDeque<u32>);
/// # impl Container for List {
/// #     type Item = u32;
/// #     fn put(&mut self, item: u32) -> Result<(), u32> { self.0.push_back(item); Ok(()) }
/// #     fn take(&mut self) -> Option<u32> { self.0.pop_front() }
/// #     fn len(&self) -> usize { self.0.len() }
/// # }
///
/// let queue: Elastic<_, _, Spin<NoBoard>> =
///     Elastic::new(FastFifo::<u32, 2>::new(), List::default(), List::default());
/// for item in 0..100 {
///     queue.try_push(item).unwrap();
/// }
/// assert_eq!(queue.len(), 100);
/// for item in 0..100 {
///     assert_eq!(queue.try_pop(), Ok(item));
/// }
/// ```
pub struct Elastic<Q, B, P> {
    ring: Q,
    /// Even: the backlog is empty. Odd: it is in use.
    era: AtomicUsize,
    /// Whether there is a backlog at all.
    grows: bool,
    front: Pad<Locked<Option<B>, P>>,
    back: Pad<Back<B, P>>,
}

/// The end where pushes append, and what only they write.
struct Back<B, P> {
    list: Locked<Option<B>, P>,
    /// How many items ever went to the backlog; for tickets.
    spilled: AtomicUsize,
}

impl<Q, B, P: Platform> Elastic<Q, B, P> {
    const_fn! {
        /// An elastic queue over `ring` and the two lists of its backlog, all new and empty.
        #[must_use]
        pub const fn new(ring: Q, front: B, back: B) -> Self {
            Self {
                ring,
                era: AtomicUsize::new(0),
                grows: true,
                front: Pad(Locked::new(Some(front))),
                back: Pad(Back { list: Locked::new(Some(back)), spilled: AtomicUsize::new(0) }),
            }
        }
    }

    const_fn! {
        /// The new and empty `ring` alone, which does not grow: for a type that may be either.
        #[must_use]
        pub const fn fixed(ring: Q) -> Self {
            Self {
                ring,
                era: AtomicUsize::new(0),
                grows: false,
                front: Pad(Locked::new(None)),
                back: Pad(Back { list: Locked::new(None), spilled: AtomicUsize::new(0) }),
            }
        }
    }
}

impl<Q: Queue, B: Container<Item = Q::Item>, P: Platform> Elastic<Q, B, P> {
    /// The ring did not take the item: may the backlog?
    #[cold]
    fn push_beyond_ring(&self, error: PushError<Q::Item>) -> Result<(), PushError<Q::Item>> {
        match error {
            PushError::Full(item) if self.grows => self.push_slowly(item),
            error => Err(error),
        }
    }

    #[cold]
    fn push_slowly(&self, mut item: Q::Item) -> Result<(), PushError<Q::Item>> {
        self.back.list.with(|back| {
            let Some(back) = back else {
                return Err(PushError::Full(item));
            };
            // Relaxed: the era only changes under this lock.
            let era = self.era.load(Ordering::Relaxed);
            if era % 2 == 0 {
                // Once more under the lock: the era may only turn with the ring full.
                match self.ring.try_push(item) {
                    Err(PushError::Full(returned)) => item = returned,
                    result => return result,
                }
            } else if self.ring.is_closed() {
                return Err(PushError::Closed(item));
            }
            back.put(item).map_err(PushError::Full)?;
            // Relaxed, and no read-modify-write: it only changes under this lock, and whoever has got
            // the item reads it, as part of a ticket, through the locks.
            let spilled = self.back.spilled.load(Ordering::Relaxed);
            self.back.spilled.store(spilled.wrapping_add(1), Ordering::Relaxed);
            if era % 2 == 0 {
                // Release, pairs with the Acquire loads of `era`: whoever sees the odd era finds the
                // item under the locks.
                self.era.store(era.wrapping_add(1), Ordering::Release);
            }
            Ok(())
        })
    }

    /// The ring had nothing: is there really nothing?
    #[cold]
    fn pop_beyond_ring(&self) -> Result<Q::Item, PopError> {
        loop {
            // Acquire, pairs with the Release of the era's stores.
            let era = self.era.load(Ordering::Acquire);
            if era % 2 == 1 {
                return self.pop_slowly();
            }
            match self.ring.try_pop() {
                Err(PopError::Empty) => {}
                Err(PopError::Closed) => return self.pop_slowly(),
                Ok(item) => return Ok(item),
            }
            // Pairs with the lock's and the ring's orderings on the side of the push: the second
            // look at the era comes after the look at the ring.
            fence(Ordering::SeqCst);
            // Relaxed: the fence does the work.
            if self.era.load(Ordering::Relaxed) == era {
                return Err(PopError::Empty);
            }
        }
    }

    /// Takes from the ring, which comes first, or from the backlog.
    #[cold]
    fn pop_slowly(&self) -> Result<Q::Item, PopError> {
        self.front.with(|front| {
            let Some(front) = front else {
                return self.ring.try_pop();
            };
            loop {
                // A push to the ring that came before a push of the backlog is visible to whoever
                // holds the lock under which that one's item lies in `front`; so this look, cheaper
                // than a try, is enough while `front` has items.
                if front.is_empty() || !self.ring.is_empty() {
                    match self.ring.try_pop() {
                        Ok(item) => return Ok(item),
                        Err(error) if front.is_empty() && !self.refill(front) => return Err(error),
                        Err(_) => continue,
                    }
                }
                if let Some(item) = front.take() {
                    if front.is_empty() {
                        self.refill(front);
                    }
                    return Ok(item);
                }
            }
        })
    }

    /// Exchanges the empty `front` for `back`; `false` if that is empty too, and then the era ends.
    fn refill(&self, front: &mut B) -> bool {
        self.back.list.with(|back| {
            let Some(back) = back else {
                return false;
            };
            if !back.is_empty() {
                core::mem::swap(front, back);
                return true;
            }
            // Relaxed: the era only changes under this lock.
            let era = self.era.load(Ordering::Relaxed);
            if era % 2 == 1 {
                // Release, pairs with the Acquire loads of `era`: a push of the next era comes after
                // everything in this one.
                self.era.store(era.wrapping_add(1), Ordering::Release);
            }
            false
        })
    }
}

impl<Q: Queue, B: Container<Item = Q::Item>, P: Platform> Queue for Elastic<Q, B, P> {
    type Item = Q::Item;

    // In the backlog, releasing the lock is the read-modify-write: it comes after the change of the
    // era, which decides.
    const BY_RMW: bool = Q::BY_RMW;

    #[inline(always)]
    fn try_push(&self, item: Q::Item) -> Result<(), PushError<Q::Item>> {
        // A queue that does not grow stays in era 0.
        //
        // Acquire, pairs with the Release of the era's stores.
        if self.era.load(Ordering::Acquire) % 2 == 1 {
            return self.push_slowly(item);
        }
        match self.ring.try_push(item) {
            Ok(()) => Ok(()),
            Err(error) => self.push_beyond_ring(error),
        }
    }

    #[inline(always)]
    fn try_pop(&self) -> Result<Q::Item, PopError> {
        // Relaxed: only to save the look at a ring that has nothing while the backlog is in use.
        if self.era.load(Ordering::Relaxed) % 2 == 1 {
            return self.pop_slowly();
        }
        // The error is not kept: without it the usual path is shorter, and the unusual one asks again.
        if let Ok(item) = self.ring.try_pop() {
            return Ok(item);
        }
        if self.grows { self.pop_beyond_ring() } else { self.ring.try_pop() }
    }

    fn close(&self) -> bool {
        // Under the lock, so that no push lands in the backlog after it.
        self.back.list.with(|_| self.ring.close())
    }

    fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    fn capacity(&self) -> Option<usize> {
        if self.grows { None } else { self.ring.capacity() }
    }

    fn len(&self) -> usize {
        let list = |list: &mut Option<B>| list.as_ref().map_or(0, B::len);
        self.front.with(|front| {
            list(front).saturating_add(self.back.list.with(list)).saturating_add(self.ring.len())
        })
    }

    fn is_empty(&self) -> bool {
        // Relaxed: a snapshot.
        self.era.load(Ordering::Relaxed) % 2 == 0 && self.ring.is_empty()
    }

    fn ticket(&self) -> usize {
        // Two loads are enough: both only grow, so the sum lies between the counts at the beginning
        // and at the end.
        let spilled = self.back.spilled.load(Ordering::Relaxed);
        self.ring.ticket_after(self.ring.ticket(), spilled)
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        self.ring.ticket_after(ticket, pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        self.ring.tickets_between(from, to)
    }
}

impl<Q: Queue + fmt::Debug, B: Container<Item = Q::Item>, P: Platform> fmt::Debug
    for Elastic<Q, B, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elastic").field("ring", &self.ring).field("len", &self.len()).finish()
    }
}
