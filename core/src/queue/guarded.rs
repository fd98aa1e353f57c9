//! A queue with an order of its own, behind a lock.
//!
//! # Layout
//!
//! A [`Container`] and `closed` under one lock, and `pushes`, a word that only the holder of the lock
//! writes and anybody reads.
//!
//! # Invariants
//!
//! 1. `pushes` grows in the section of the lock in which the item goes in. So who has got an item has
//!    had the lock after that, and sees it counted.
//! 2. A container that panics leaves `closed` and `pushes` as they were.
//!
//! # Linearization points
//!
//! All operations under the lock, but [`ticket`](Queue::ticket): the load of `pushes`.
//!
//! # Progress and cost
//!
//! Blocking: a thread that stops inside holds up the others. Interrupt-safe only if the platform's
//! `masked` keeps handlers out. Two read-modify-writes an operation, those of the lock. Two words and
//! a flag beside the container. Interrupt-off window: one operation of the container.

use core::fmt;

use super::{Container, Queue, debug};
use crate::atomic::{AtomicUsize, Ordering};
use crate::error::{PopError, PushError};
use crate::locked::Locked;
use crate::platform::Platform;

/// A [`Container`] made a [`Queue`] by a lock: for an order that no lock-free queue has.
///
/// `Full`, `Empty`, `Closed`, `len` and tickets are exact. The container's operations, and with them
/// whatever code of the items they call, run under the lock: they must be short, and must not use the
/// same queue. If one panics, the lock is released and the queue goes on with the container as the
/// panic left it.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::{Container, Guarded, Queue};
///
/// /// Last in, first out.
/// struct Pile<T>(Vec<T>);
///
/// impl<T> Container for Pile<T> {
///     type Item = T;
///     fn put(&mut self, item: T) -> Result<(), T> {
///         self.0.push(item);
///         Ok(())
///     }
///     fn take(&mut self) -> Option<T> {
///         self.0.pop()
///     }
///     fn len(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// static PLATES: Guarded<Pile<u32>, Spin<NoBoard>> = Guarded::new(Pile(Vec::new()));
///
/// PLATES.try_push(1).unwrap();
/// PLATES.try_push(2).unwrap();
/// assert_eq!(PLATES.try_pop(), Ok(2));
/// ```
pub struct Guarded<C, P> {
    state: Locked<State<C>, P>,
    /// How many pushes there were.
    pushes: AtomicUsize,
}

struct State<C> {
    container: C,
    closed: bool,
}

impl<C, P: Platform> Guarded<C, P> {
    const_fn! {
        /// A queue over `container`. What is in it already can be popped, but counts as no push.
        #[must_use]
        pub const fn new(container: C) -> Self {
            Self {
                state: Locked::new(State { container, closed: false }),
                pushes: AtomicUsize::new(0),
            }
        }
    }

    /// The container, with what is left in it.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.state.into_inner().container
    }

    /// Runs `f` on the container, under the lock.
    pub(super) fn with<R>(&self, f: impl FnOnce(&C) -> R) -> R {
        self.state.with(|state| f(&state.container))
    }
}

impl<C: Container, P: Platform> Guarded<C, P> {
    /// As the trait's [`try_push`](Queue::try_push).
    ///
    /// Progress: blocking. Interrupt-safe: if the platform's `masked` keeps handlers out. Ordering:
    /// that of the lock. Source: QU005 without waiting.
    pub fn try_push(&self, item: C::Item) -> Result<(), PushError<C::Item>> {
        self.state.with(|state| {
            if state.closed {
                return Err(PushError::Closed(item));
            }
            state.container.put(item).map_err(PushError::Full)?;
            // Relaxed, and no read-modify-write: it only changes under this lock, and whoever has got
            // the item has had the lock since.
            let pushes = self.pushes.load(Ordering::Relaxed);
            self.pushes.store(pushes.wrapping_add(1), Ordering::Relaxed);
            Ok(())
        })
    }

    /// As the trait's [`try_pop`](Queue::try_pop).
    ///
    /// Progress: blocking. Interrupt-safe: if the platform's `masked` keeps handlers out. Ordering:
    /// that of the lock. Source: QU007 without waiting.
    pub fn try_pop(&self) -> Result<C::Item, PopError> {
        self.state.with(|state| match state.container.take() {
            Some(item) => Ok(item),
            None if state.closed => Err(PopError::Closed),
            None => Err(PopError::Empty),
        })
    }
}

impl<C: Container, P: Platform> Queue for Guarded<C, P> {
    type Item = C::Item;

    // Two operations have the lock one after the other. If the push is first, the pop sees it. If the
    // pop is first, its release, a swap of the lock's word, comes before the push's acquire: then what
    // the popper wrote before the pop is visible to the pusher after the push, with any fence or none.
    const BY_RMW: bool = true;

    fn try_push(&self, item: C::Item) -> Result<(), PushError<C::Item>> {
        self.try_push(item)
    }

    fn try_pop(&self) -> Result<C::Item, PopError> {
        self.try_pop()
    }

    fn close(&self) -> bool {
        self.state.with(|state| !core::mem::replace(&mut state.closed, true))
    }

    fn is_closed(&self) -> bool {
        self.state.with(|state| state.closed)
    }

    fn capacity(&self) -> Option<usize> {
        self.with(C::capacity)
    }

    fn len(&self) -> usize {
        self.with(C::len)
    }

    fn ticket(&self) -> usize {
        // Relaxed: a push that happened before this call stored before it.
        self.pushes.load(Ordering::Relaxed)
    }

    fn ticket_after(&self, ticket: usize, pushes: usize) -> usize {
        ticket.wrapping_add(pushes)
    }

    fn tickets_between(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from)
    }
}

impl<C: Default, P: Platform> Default for Guarded<C, P> {
    fn default() -> Self {
        Self::new(C::default())
    }
}

impl<C: Container, P: Platform> fmt::Debug for Guarded<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Guarded", self, f)
    }
}
