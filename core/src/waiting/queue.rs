//! Threads asleep on an event count, with guests beside them.
//!
//! A notification goes to so many threads *and* to so many guests; whoever finds nothing left waits on.
//! While nobody waits it costs what the event count costs: one load, because a bit in the event count
//! tells of guests.

use super::guests::{Guests, Place};
use crate::event_count::EventCount;
use crate::platform::{Deadline, Platform};

/// Who waits for one thing: see the module.
#[repr(C)]
pub(crate) struct WaitQueue<P> {
    threads: EventCount<P>,
    guests: Guests<P>,
}

impl<P: Platform> WaitQueue<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { threads: EventCount::new(), guests: Guests::new() }
        }
    }

    /// As [`EventCount::block`].
    pub(crate) fn block<R>(
        &self,
        deadline: Deadline,
        attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        self.threads.block(deadline, attempt)
    }

    /// As [`EventCount::sleep`].
    pub(crate) fn sleep<R>(
        &self,
        deadline: Deadline,
        attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        self.threads.sleep(deadline, attempt)
    }

    /// The threads alone, for a waiter with a protocol of its own.
    pub(crate) fn threads(&self) -> &EventCount<P> {
        &self.threads
    }

    /// Where a guest waits.
    pub(crate) fn place(&self) -> Place<'_, P> {
        self.guests.beside(&self.threads)
    }

    /// As [`EventCount::notify`], for `count` threads and `count` guests.
    #[inline]
    pub(crate) fn notify(&self, count: u32) {
        // Pairs with the heavy fence of `EventCount::prepare` and of whoever enters the list.
        P::light_fence();
        self.notify_ordered(count);
    }

    /// As [`EventCount::notify_after_rmw`], for `count` threads and `count` guests.
    #[inline(always)]
    pub(crate) fn notify_after_rmw(&self, count: u32) {
        // Pairs as in `notify`.
        P::fence_after_rmw();
        self.notify_ordered(count);
    }

    /// As [`EventCount::notify_ordered`], for `count` threads and `count` guests.
    #[inline(always)]
    pub(crate) fn notify_ordered(&self, count: u32) {
        let waiting = self.threads.waiting();
        if waiting != 0 {
            self.notify_waiting(waiting, count);
        }
    }

    /// As [`EventCount::rouse`]: for shared memory, where there are no guests.
    #[cfg(any(target_has_atomic = "64", inkle_loom))]
    pub(crate) fn rouse(&self) {
        self.threads.rouse();
    }

    #[cold]
    #[inline(never)]
    fn notify_waiting(&self, waiting: u32, count: u32) {
        // In shared memory nobody enters the list, and somebody hostile may say so all the same.
        if self.threads.signal(waiting, count) && !P::SHARED {
            self.place().notify(count);
        }
    }
}
