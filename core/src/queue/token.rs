//! Who has an end of a queue that only one may use at a time: one word.
//!
//! # Layout
//!
//! `FREE`; `BUSY`, a call is at work on the end and will be done soon; `HELD`, a handle has the end
//! for as long as it likes.
//!
//! # Invariant
//!
//! Only who took the word from `FREE` to `BUSY` touches what belongs to the end, until it or the
//! handle that it made stores `FREE`.

use ::spin::relax::RelaxStrategy;

use crate::atomic::{AtomicU32, Ordering};
use crate::queue::fast::relax;

const FREE: u32 = 0;
const BUSY: u32 = 1;
const HELD: u32 = 2;

pub(super) struct Token(AtomicU32);

impl Token {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self(AtomicU32::new(FREE))
        }
    }

    /// Takes the end, or says what it is.
    #[inline]
    fn take(&self) -> Result<Busy<'_>, u32> {
        // Acquire, pairs with the Release of `free`: what the last owner of the end did. Relaxed on
        // failure: nothing of the end is touched then.
        match self.0.compare_exchange(FREE, BUSY, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Busy(self)),
            Err(now) => Err(now),
        }
    }

    /// Takes the end for one call, after the calls of others; `None` if a handle has it.
    #[inline]
    pub(super) fn lock<R: RelaxStrategy>(&self) -> Option<Busy<'_>> {
        let mut looks = 0;
        loop {
            match self.take() {
                Ok(busy) => return Some(busy),
                Err(HELD) => return None,
                Err(_) => relax::<R>(&mut looks),
            }
        }
    }

    /// Takes the end for one call; `None` if anybody has it.
    pub(super) fn try_lock(&self) -> Option<Busy<'_>> {
        self.take().ok()
    }

    /// Gives the end back. Only its owner does.
    #[inline]
    pub(super) fn free(&self) {
        // Release, pairs with the Acquire of `take` and of `is_held`.
        self.0.store(FREE, Ordering::Release);
    }

    pub(super) fn is_held(&self) -> bool {
        // Acquire, pairs with the Release of `free`: who sees that a handle is gone sees all it did.
        self.0.load(Ordering::Acquire) == HELD
    }
}

/// The end is ours until this is dropped.
pub(super) struct Busy<'a>(&'a Token);

impl Busy<'_> {
    /// Keeps the end for a handle, which frees it in the end.
    pub(super) fn hold(self) {
        // Relaxed: still ours, and the next owner pairs with `free`.
        self.0.0.store(HELD, Ordering::Relaxed);
        core::mem::forget(self);
    }
}

impl Drop for Busy<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.free();
    }
}
