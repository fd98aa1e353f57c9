//! Floor 2: threads and tasks that wait for the same thing.
//!
//! A [`WaitQueue`] is an [event count](crate::event_count) for threads and a list for everybody else:
//! tasks of an async runtime, which leave a [`Waker`], and threads that wait for several things at
//! once ([`Select`](crate::select::Select)), which leave the address of a word of their own. A
//! notification goes to so many threads *and* to so many of the list; whoever finds nothing left waits
//! on. While nobody waits it costs what the event count costs: one load.
//!
//! # Layout
//!
//! The event count; a lock; the first, the last and the number of the [`Waiter`]s in a doubly linked
//! list. A waiter lies inside the future or the operation that waits, so nothing is allocated and there
//! is no limit.
//!
//! # Invariants
//!
//! 1. The list and everything in the `place` of a waiter is touched only under the lock.
//! 2. A waiter in the list stays where it is until it has left, and it leaves before it dies.
//! 3. `GUESTS` is set in the event count exactly while the list is not empty, as seen under the lock.
//!
//! # Why no wake-up is lost
//!
//! A waiter enters the list, then looks at the condition behind a heavy fence; a notifier changes the
//! condition, then looks for guests behind a fence: one of them sees the other, as with threads.
//! A waiter that was notified and does not use it (it was dropped, or had found something else
//! meanwhile) passes the notification on when it leaves.
//!
//! # Progress and cost
//!
//! `notify` is wait-free while nobody waits. With somebody in the list it takes the lock, for a few
//! instructions a waiter, and runs wakers outside of it; interrupt-safe if the platform's
//! [`masked`](Platform::masked) keeps handlers out. Not for memory that processes share: the list holds
//! addresses, so entering it there does not compile ([`Platform::SHARED`]).

use core::cell::Cell;
use core::marker::PhantomPinned;
use core::ptr;
use core::task::{Poll, Waker};

use crate::atomic::{AtomicU32, Ordering, UnsafeCell};
use crate::event_count::EventCount;
use crate::locked::Locked;
use crate::platform::{Deadline, Platform};

/// Who waits for one thing: see the module.
pub struct WaitQueue<P> {
    threads: EventCount<P>,
    list: Locked<List, P>,
}

struct List {
    first: *const Waiter,
    last: *const Waiter,
    len: u32,
}

// SAFETY: the addresses are followed only under the lock around the list, where the waiters are alive
// (invariant 2), from whichever thread holds it; what they hold is `Send` (a `Waker`, an address).
unsafe impl Send for List {}

/// One who waits, or may wait later. Never moved while it is in a list.
pub struct Waiter {
    place: UnsafeCell<Place>,
    /// Whether it may be in the list. Only its owner asks, to save the lock.
    entered: Cell<bool>,
    /// A notification was taken note of and perhaps not used. Only its owner asks.
    owes: Cell<bool>,
    _pinned: PhantomPinned,
}

struct Place {
    stage: Stage,
    previous: *const Waiter,
    next: *const Waiter,
    whom: Option<Whom>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not in the list.
    Out,
    /// In the list.
    Waiting,
    /// Taken from the list by a notifier.
    Notified,
}

/// How to wake somebody.
pub(crate) enum Whom {
    /// A task.
    Task(Waker),
    /// A thread that sleeps on a word of its own, which counts notifications.
    Thread(*const AtomicU32),
}

// SAFETY: the address of a word of a `Thread` is followed only while its waiter is in a list, under the
// lock; that thread keeps the word alive until it has left.
unsafe impl Send for Whom {}

// SAFETY: `place` is touched under the list's lock only (invariant 1), from any thread; the rest by the
// owner, who may move to another thread together with the waiter.
unsafe impl Send for Waiter {}

impl Waiter {
    const_fn! {
        /// Somebody who does not wait yet.
        pub const fn new() -> Self {
            Self {
                place: UnsafeCell::new(Place {
                    stage: Stage::Out,
                    previous: ptr::null(),
                    next: ptr::null(),
                    whom: None,
                }),
                entered: Cell::new(false),
                owes: Cell::new(false),
                _pinned: PhantomPinned,
            }
        }
    }
}

/// Looks into the place of a waiter.
///
/// # Safety
///
/// The caller holds the lock of the waiter's list, the waiter is alive, and nothing else inside the
/// same section looks into the same place at the same time.
unsafe fn at<R>(waiter: *const Waiter, f: impl FnOnce(&mut Place) -> R) -> R {
    // SAFETY: alive, by the caller.
    let place = unsafe { &(*waiter).place };
    // SAFETY: the lock keeps all others out (invariant 1), and the caller does not nest.
    place.with_mut(|place| f(unsafe { &mut *place }))
}

impl List {
    const EMPTY: Self = Self { first: ptr::null(), last: ptr::null(), len: 0 };

    /// Adds a waiter that is in no list at the end.
    ///
    /// # Safety
    ///
    /// The waiter stays where it is until it has left (invariant 2).
    unsafe fn append(&mut self, waiter: &Waiter, whom: Whom) {
        let (new, last) = (&raw const *waiter, self.last);
        // SAFETY: here and below: we hold the lock, since we hold the list; everybody in the list is
        // alive (invariant 2), and so is `waiter`.
        unsafe {
            at(new, |place| {
                place.stage = Stage::Waiting;
                place.previous = last;
                place.next = ptr::null();
                place.whom = Some(whom);
            });
            if last.is_null() {
                self.first = new;
            } else {
                at(last, |place| place.next = new);
            }
        }
        self.last = new;
        self.len = self.len.wrapping_add(1);
    }

    /// Takes a waiter out, wherever it stands. It is then at `stage`.
    ///
    /// # Safety
    ///
    /// The waiter is in this list.
    unsafe fn take_out(&mut self, waiter: *const Waiter, stage: Stage) -> Option<Whom> {
        // SAFETY: as in `append`.
        unsafe {
            let (previous, next, whom) = at(waiter, |place| {
                place.stage = stage;
                (place.previous, place.next, place.whom.take())
            });
            if previous.is_null() {
                self.first = next;
            } else {
                at(previous, |place| place.next = next);
            }
            if next.is_null() {
                self.last = previous;
            } else {
                at(next, |place| place.previous = previous);
            }
            self.len = self.len.wrapping_sub(1);
            whom
        }
    }
}

impl<P: Platform> WaitQueue<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { threads: EventCount::new(), list: Locked::new(List::EMPTY) }
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

    /// As [`EventCount::notify`], for `count` threads and `count` of the list.
    #[inline]
    pub(crate) fn notify(&self, count: u32) {
        // Pairs with the heavy fence of `EventCount::prepare` and of whoever enters the list.
        P::light_fence();
        self.notify_ordered(count);
    }

    /// As [`EventCount::notify_after_rmw`], for `count` threads and `count` of the list.
    #[inline(always)]
    pub(crate) fn notify_after_rmw(&self, count: u32) {
        // Pairs as in `notify`.
        P::fence_after_rmw();
        self.notify_ordered(count);
    }

    #[inline(always)]
    fn notify_ordered(&self, count: u32) {
        let waiting = self.threads.waiting();
        if waiting != 0 {
            self.notify_waiting(waiting, count);
        }
    }

    #[cold]
    #[inline(never)]
    fn notify_waiting(&self, waiting: u32, count: u32) {
        if self.threads.signal(waiting, count) {
            self.notify_list(count);
        }
    }

    /// Wakes the first `count` of the list, but none who comes while we are at it.
    fn notify_list(&self, count: u32) {
        let mut left = count;
        while left > 0 {
            let taken = self.list.with(|list| {
                let (first, len) = (list.first, list.len);
                if first.is_null() {
                    return None;
                }
                // SAFETY: it is in the list.
                let whom = unsafe { list.take_out(first, Stage::Notified) }?;
                self.tell_guests(list);
                if let Whom::Thread(word) = whom {
                    // SAFETY: we hold the lock, and the thread leaves, under it, before its word dies.
                    //
                    // Relaxed: the thread asks under the lock whether it was notified before it sleeps
                    // again.
                    unsafe { &*word }.fetch_add(1, Ordering::Relaxed);
                }
                Some((whom, len))
            });
            let Some((whom, len)) = taken else { return };
            // Newcomers stand at the end: those who were here at the first look come first.
            left = if left < len { left } else { len } - 1;
            match whom {
                Whom::Task(waker) => waker.wake(),
                // The word may be gone by now: the platform uses its address only.
                Whom::Thread(word) => P::wake(word, 1),
            }
        }
    }

    /// Keeps invariant 3.
    fn tell_guests(&self, list: &List) {
        if list.len == 0 {
            self.threads.set_guests(false);
        }
    }

    /// Puts the waiter at the end of the list. The caller looks at the condition afterwards.
    ///
    /// # Safety
    ///
    /// The waiter is not in a list, belongs to this queue alone until it has left, and stays where it
    /// is until then; so does the word of a [`Whom::Thread`].
    pub(crate) unsafe fn enter(&self, waiter: &Waiter, whom: Whom) {
        const { assert!(!P::SHARED, "a list of tasks cannot lie in memory that processes share") };
        waiter.entered.set(true);
        self.list.with(|list| {
            // SAFETY: the caller's promise.
            unsafe { list.append(waiter, whom) };
            if list.len == 1 {
                self.threads.set_guests(true);
            }
        });
        // Pairs with the fence of a notifier: either it sees the guest or we see what it made true.
        P::heavy_fence();
    }

    /// Takes the waiter out, wherever it stands. A notification that it got and did not use goes to
    /// the next.
    pub(crate) fn leave(&self, waiter: &Waiter) {
        if !waiter.entered.replace(false) {
            return;
        }
        let (notified, whom) = self.list.with(|list| {
            // SAFETY: we hold the lock, and the waiter is here.
            let stage =
                unsafe { at(waiter, |place| core::mem::replace(&mut place.stage, Stage::Out)) };
            if stage != Stage::Waiting {
                return (stage == Stage::Notified, None);
            }
            // SAFETY: it is waiting, so it is in the list, and in this one, the only one it entered.
            let whom = unsafe { list.take_out(waiter, Stage::Out) };
            self.tell_guests(list);
            (false, whom)
        });
        // Not under the lock: to drop a waker is to run somebody's code.
        drop(whom);
        if waiter.owes.replace(false) | notified {
            self.notify_list(1);
        }
    }

    /// Takes note of a notification: `true` if there was one, and then the waiter has left.
    pub(crate) fn is_notified(&self, waiter: &Waiter) -> bool {
        // SAFETY: we hold the lock, and the waiter is here.
        let stage = self.list.with(|_| unsafe { at(waiter, |place| place.stage) });
        if stage != Stage::Waiting {
            waiter.entered.set(false);
        }
        stage == Stage::Notified
    }

    /// [`is_notified`](Self::is_notified), and the waiter will pass the notification on when it leaves
    /// for good, if it does not use it.
    pub(crate) fn owes(&self, waiter: &Waiter) -> bool {
        let notified = self.is_notified(waiter);
        if notified {
            waiter.owes.set(true);
        }
        notified
    }

    /// Whether the waiter is still in the list, and then with this waker.
    fn stays(&self, waiter: &Waiter, waker: &Waker) -> bool {
        enum Look {
            Gone,
            Same,
            Other,
        }
        if !waiter.entered.get() {
            return false;
        }
        let look = self.list.with(|_| {
            // SAFETY: we hold the lock, and the waiter is here.
            unsafe {
                at(waiter, |place| match &place.whom {
                    _ if place.stage != Stage::Waiting => Look::Gone,
                    Some(Whom::Task(known)) if known.will_wake(waker) => Look::Same,
                    _ => Look::Other,
                })
            }
        });
        let stays = match look {
            Look::Gone => false,
            Look::Same => true,
            Look::Other => {
                // Not under the lock: to clone or drop a waker is to run somebody's code.
                let mut other = Some(Whom::Task(waker.clone()));
                // SAFETY: as above.
                self.list.with(|_| unsafe {
                    at(waiter, |place| {
                        let waits = place.stage == Stage::Waiting;
                        if waits {
                            core::mem::swap(&mut place.whom, &mut other);
                        }
                        waits
                    })
                })
            }
        };
        if !stays {
            // The notification is used: the caller looks at the condition now.
            waiter.entered.set(false);
        }
        stays
    }

    /// One poll of an operation that waits: gives what `attempt` gives, or sees to it that `waker` is
    /// woken when it may give something.
    ///
    /// # Safety
    ///
    /// The waiter belongs to this queue alone, and stays where it is until it has left.
    pub(crate) unsafe fn poll<R>(
        &self,
        waiter: &Waiter,
        waker: &Waker,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        let stays = self.stays(waiter, waker);
        // If an attempt panics, the notification goes to the next.
        let pass_on = PassOn(self);
        let mut result = attempt();
        if result.is_none() && !stays {
            // SAFETY: the caller's promise; it is in no list, as `stays` has said.
            unsafe { self.enter(waiter, Whom::Task(waker.clone())) };
            result = attempt();
        }
        core::mem::forget(pass_on);
        match result {
            Some(result) => {
                self.leave(waiter);
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

/// Passes a notification on when dropped, that is when an attempt panics.
struct PassOn<'a, P: Platform>(&'a WaitQueue<P>);

impl<P: Platform> Drop for PassOn<'_, P> {
    fn drop(&mut self) {
        self.0.notify_list(1);
    }
}
