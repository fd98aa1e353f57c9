//! A place that is written once: what [`Once`](super::Once) and [`Promise`](super::Promise) share.
//!
//! # Layout and transitions
//!
//! `state`, a queue for those who wait for it, and room for a value.
//!
//! ```text
//! EMPTY -> BUSY    claim: somebody is about to write
//! BUSY  -> EMPTY   he gave up
//! BUSY  -> FULL    fill
//! FULL  -> TAKEN   take
//! EMPTY -> BROKEN  abandon
//! ```
//!
//! # Invariants
//!
//! 1. There is a value exactly in `FULL`, and while one who has just made it `TAKEN` moves it out.
//! 2. In `BUSY` the one who claimed is the only one to touch the room. In `FULL` all may read, if they see
//!    to it themselves that nobody takes. In `TAKEN` only the taker touches it.
//!
//! # Linearization points
//!
//! Each transition: its exchange. Each answer: the load, or the exchange that failed.
//!
//! # Why no wake-up is lost
//!
//! Whoever ends a state that others wait in tells everybody after the exchange; by the fences either a
//! waiter is seen by that or sees the new state. Nobody waits for the end of `FULL`.

use core::mem::MaybeUninit;

use crate::atomic::{AtomicU32, Ordering, UnsafeCell};
use crate::platform::{Deadline, Platform};
use crate::waiting::{Place, WaitQueue};

const EMPTY: u32 = 0;
const BUSY: u32 = 1;
const FULL: u32 = 2;
const TAKEN: u32 = 3;
const BROKEN: u32 = 4;

/// Why a state could not be left as wished: the state, in words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no value, but perhaps soon.
    Nothing,
    /// There is a value.
    Value,
    /// The value has been taken.
    Taken,
    /// There will be no value.
    Broken,
}

impl Found {
    fn from(state: u32) -> Self {
        match state {
            FULL => Self::Value,
            TAKEN => Self::Taken,
            BROKEN => Self::Broken,
            _ => Self::Nothing,
        }
    }
}

/// See the module.
#[repr(C)]
pub(super) struct WriteOnce<T, P: Platform> {
    changed: WaitQueue<P>,
    state: AtomicU32,
    room: UnsafeCell<MaybeUninit<T>>,
}

impl<T, P: Platform> WriteOnce<T, P> {
    const_fn! {
        pub(super) const fn new() -> Self {
            let room = UnsafeCell::new(MaybeUninit::uninit());
            Self { changed: WaitQueue::new(), state: AtomicU32::new(EMPTY), room }
        }
    }

    const_fn! {
        pub(super) const fn with(value: T) -> Self {
            let room = UnsafeCell::new(MaybeUninit::new(value));
            Self { changed: WaitQueue::new(), state: AtomicU32::new(FULL), room }
        }
    }

    /// What there is.
    #[inline]
    pub(super) fn find(&self) -> Found {
        // Acquire, pairs with the Release of `Claim::fill`, without which who finds a value might read
        // what was there before, and of `abandon`: what came before it.
        Found::from(self.state.load(Ordering::Acquire))
    }

    /// Writes the value, or gives it back if there is one, will be one, or will be none.
    pub(super) fn set(&self, value: T) -> Result<(), T> {
        match self.claim() {
            Ok(claim) => {
                claim.fill(value);
                Ok(())
            }
            Err(_) => Err(value),
        }
    }

    /// The right to write, if nobody has or had it.
    pub(super) fn claim(&self) -> Result<Claim<'_, T, P>, Found> {
        // Acquire, pairs with the Release of the `Claim` that gave up: what that one left behind. On
        // failure as in `find`.
        match self.state.compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => Ok(Claim(self)),
            Err(state) => Err(Found::from(state)),
        }
    }

    /// Says that there will be no value; `false` if there is one, or may be, or this was said before.
    pub(super) fn abandon(&self) -> bool {
        // Release, pairs with the Acquire of `find` and `take`. Relaxed: who fails learns nothing.
        let abandoned = self
            .state
            .compare_exchange(EMPTY, BROKEN, Ordering::Release, Ordering::Relaxed)
            .is_ok();
        if abandoned {
            self.changed.notify_after_rmw(u32::MAX);
        }
        abandoned
    }

    /// Moves the value out, once for all.
    ///
    /// # Safety
    ///
    /// Nobody ever calls [`get`](Self::get) on it.
    pub(super) unsafe fn take(&self) -> Result<T, Found> {
        // Acquire, pairs with the Release of `Claim::fill` and of `abandon`, as in `find`.
        match self.state.compare_exchange(FULL, TAKEN, Ordering::Acquire, Ordering::Acquire) {
            // SAFETY: there was a value (invariant 1) and we are the one who takes it: `TAKEN` is never
            // left by another than `clear`, which has everything for itself. Nobody reads it, by the
            // caller's promise.
            Ok(_) => Ok(self.room.with(|room| unsafe { (*room).assume_init_read() })),
            Err(state) => Err(Found::from(state)),
        }
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// [`find`](Self::find) or [`claim`](Self::claim) has found it, or this thread filled it, and nobody
    /// ever calls [`take`](Self::take).
    #[inline]
    pub(super) unsafe fn get(&self) -> &T {
        // SAFETY: there is a value (invariant 1), it is seen by the caller's Acquire, and it stays until
        // `clear`, which has everything for itself.
        self.room.with(|room| unsafe { (*room).assume_init_ref() })
    }

    /// The value, if there is one.
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        // Relaxed: whatever gave us everything for ourselves orders it.
        let full = self.state.load(Ordering::Relaxed) == FULL;
        // SAFETY: there is a value (invariant 1) and nobody else can reach it.
        full.then(|| self.room.with_mut(|room| unsafe { (*room).assume_init_mut() }))
    }

    /// The value, if there is one; there is none afterwards, as at first.
    pub(super) fn clear(&mut self) -> Option<T> {
        // Relaxed: as in `get_mut`.
        let full = self.state.swap(EMPTY, Ordering::Relaxed) == FULL;
        // SAFETY: there was a value (invariant 1), nobody else can reach it, and now it does not count as
        // there.
        full.then(|| self.room.with(|room| unsafe { (*room).assume_init_read() }))
    }

    /// Waits until `deadline` for `attempt` to give something, which it may whenever the state changes.
    pub(super) fn block<R>(
        &self,
        deadline: Deadline,
        attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        self.changed.block(deadline, attempt)
    }

    /// Where guests wait for the state to change.
    pub(super) fn place(&self) -> Place<'_, P> {
        self.changed.place()
    }
}

impl<T, P: Platform> Drop for WriteOnce<T, P> {
    fn drop(&mut self) {
        drop(self.clear());
    }
}

/// The right to write. Dropped without, that is also by a panic, it gives the right back.
pub(super) struct Claim<'a, T, P: Platform>(&'a WriteOnce<T, P>);

impl<T, P: Platform> Claim<'_, T, P> {
    /// Writes the value.
    pub(super) fn fill(self, value: T) {
        // SAFETY: we have claimed the room and are the only one to touch it (invariant 2).
        self.0.room.with_mut(|room| unsafe { (*room).write(value) });
        self.end(FULL);
        core::mem::forget(self);
    }

    fn end(&self, state: u32) {
        // Release, pairs with the Acquire of `find`, `claim` and `take`.
        self.0.state.swap(state, Ordering::Release);
        self.0.changed.notify_after_rmw(u32::MAX);
    }
}

impl<T, P: Platform> Drop for Claim<'_, T, P> {
    fn drop(&mut self) {
        self.end(EMPTY);
    }
}
