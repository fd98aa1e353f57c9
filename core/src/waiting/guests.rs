//! The list of guests, with its lock.
//!
//! # Why no wake-up is lost
//!
//! A guest enters the list, then looks at the condition behind a heavy fence; a notifier changes the
//! condition, then looks for guests, behind a fence or under the list's lock: one of them sees the
//! other. A guest that was notified and does not use it (it was dropped, or had found something else
//! meanwhile) passes the notification on when it leaves.
//!
//! # Progress and cost
//!
//! Everything takes the lock, for a few instructions a guest, and runs wakers outside of it;
//! interrupt-safe if the platform's [`masked`](Platform::masked) keeps handlers out. Not for memory that
//! processes share: the list holds addresses, so entering it there does not compile
//! ([`Platform::SHARED`]). One address and the lock.

use core::task::{Poll, Waker};

use super::list::{Last, List, Stage, Waiter, Whom, at};
use crate::atomic::Ordering;
use crate::event_count::EventCount;
use crate::locked::Locked;
use crate::platform::Platform;

/// Those who wait for one thing otherwise than asleep on its word.
pub(crate) struct Guests<P> {
    list: Locked<List, P>,
}

impl<P: Platform> Guests<P> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { list: Locked::new(List::EMPTY) }
        }
    }

    /// Where to wait for something whose notifiers always look into this list.
    pub(crate) fn place(&self) -> Place<'_, P> {
        Place { guests: self, threads: None }
    }

    /// Where to wait for something whose notifiers look here only if `threads` says that there are
    /// guests.
    pub(super) fn beside<'a>(&'a self, threads: &'a EventCount<P>) -> Place<'a, P> {
        Place { guests: self, threads: Some(threads) }
    }
}

/// Where a guest waits: a list, and the event count that tells notifiers of it.
///
/// Invariant 3: `GUESTS` is set in the event count exactly while the list is not empty, as seen under
/// the list's lock.
pub struct Place<'a, P> {
    guests: &'a Guests<P>,
    threads: Option<&'a EventCount<P>>,
}

debug_name!(impl[P] Place<'_, P>: "Place";);

impl<P> Clone for Place<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Place<'_, P> {}

impl<P: Platform> Place<'_, P> {
    /// Wakes `count` guests, those first who came first; [`notify_all`](Self::notify_all) if that is
    /// `u32::MAX`.
    pub(crate) fn notify(self, count: u32) {
        if count == u32::MAX {
            return self.notify_all();
        }
        for _ in 0..count {
            let taken = self.guests.list.with(|list| {
                let whom = list.take_first().inspect(Whom::mark);
                self.tell_if_empty(list);
                whom
            });
            match taken {
                Some(whom) => whom.wake::<P>(),
                None => return,
            }
        }
    }

    /// Wakes all guests, but none who comes while we are at it.
    fn notify_all(self) {
        let mark = Waiter::new();
        let taken = self.guests.list.with(|list| {
            // SAFETY: `Circle` goes to the end before the mark dies.
            let taken = unsafe { list.take_all(&mark) }.inspect(|(whom, _)| whom.mark());
            self.tell_if_empty(list);
            taken
        });
        if let Some((first, last)) = taken {
            let mut circle = Circle { place: self, mark: &mark, last };
            first.wake::<P>();
            while let Some(whom) = circle.next() {
                whom.wake::<P>();
            }
        }
    }

    /// Keeps invariant 3 when somebody has been taken out.
    fn tell_if_empty(self, list: &List) {
        if let (Some(threads), true) = (self.threads, list.is_empty()) {
            threads.set_guests(false);
        }
    }

    /// Puts the waiter at the end of the list. The caller looks at the condition afterwards.
    ///
    /// # Safety
    ///
    /// The waiter is not in a list, belongs to this place alone until it has left, and stays where it is
    /// until then; so does the word of a [`Whom::Thread`].
    pub(crate) unsafe fn enter(self, waiter: &Waiter, whom: Whom) {
        const { assert!(!P::SHARED, "a list of tasks cannot lie in memory that processes share") };
        waiter.enters();
        self.guests.list.with(|list| {
            if let (Some(threads), true) = (self.threads, list.is_empty()) {
                threads.set_guests(true);
            }
            // SAFETY: the caller's promise.
            unsafe { list.append(waiter, Some(whom)) };
        });
        // Pairs with the fence of a notifier: either it sees the guest or we see what it made true.
        P::heavy_fence();
    }

    /// Takes the waiter out, wherever it stands. A notification that it got and did not use goes to
    /// the next.
    #[inline(always)]
    pub(crate) fn leave(self, waiter: &Waiter) {
        if waiter.leaves() {
            self.leave_list(waiter);
        }
    }

    #[cold]
    fn leave_list(self, waiter: &Waiter) {
        let (notified, whom) = self.guests.list.with(|list| {
            // SAFETY: we hold the lock, and the waiter is here.
            let stage =
                unsafe { at(waiter, |links| core::mem::replace(&mut links.stage, Stage::Out)) };
            if stage != Stage::Waiting {
                return (stage == Stage::Notified, None);
            }
            // SAFETY: it is waiting, so it is in the list or was just taken from it with all others; and
            // it never entered another one.
            let whom = unsafe { list.take_out(waiter, Stage::Out) };
            self.tell_if_empty(list);
            (false, whom)
        });
        // Not under the lock: to drop a waker is to run somebody's code.
        drop(whom);
        if waiter.owes.replace(false) | notified {
            self.notify(1);
        }
    }

    /// Takes note of a notification: `true` if there was one, and then the waiter has left.
    pub(crate) fn is_notified(self, waiter: &Waiter) -> bool {
        // SAFETY: we hold the lock, and the waiter is here.
        let stage = self.guests.list.with(|_| unsafe { at(waiter, |links| links.stage) });
        if stage != Stage::Waiting {
            waiter.leaves();
        }
        stage == Stage::Notified
    }

    /// [`is_notified`](Self::is_notified), and the waiter will pass the notification on when it leaves
    /// for good, if it does not use it.
    pub(crate) fn owes(self, waiter: &Waiter) -> bool {
        let notified = self.is_notified(waiter);
        if notified {
            waiter.owes.set(true);
        }
        notified
    }

    /// Whether the waiter is still in the list, and then with this waker.
    pub(crate) fn stays(self, waiter: &Waiter, waker: &Waker) -> bool {
        enum Look {
            Gone,
            Same,
            Other,
        }
        if !waiter.has_entered() {
            return false;
        }
        let look = self.guests.list.with(|_| {
            // SAFETY: we hold the lock, and the waiter is here.
            unsafe {
                at(waiter, |links| match &links.whom {
                    _ if links.stage != Stage::Waiting => Look::Gone,
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
                self.guests.list.with(|_| unsafe {
                    at(waiter, |links| {
                        let waits = links.stage == Stage::Waiting;
                        if waits {
                            core::mem::swap(&mut links.whom, &mut other);
                        }
                        waits
                    })
                })
            }
        };
        if !stays {
            // The notification is used: the caller looks at the condition now.
            waiter.leaves();
        }
        stays
    }

    /// One poll of an operation that waits: gives what `attempt` gives, or sees to it that `waker` is
    /// woken when it may give something. A waiter that has not entered has just tried in vain.
    ///
    /// # Safety
    ///
    /// The waiter belongs to this place alone, and stays where it is until it has left.
    #[cold]
    pub(crate) unsafe fn poll<R>(
        self,
        waiter: &Waiter,
        waker: &Waker,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        if !waiter.has_entered() {
            // SAFETY: the caller's promise.
            return unsafe { self.enter_and_look(waiter, waker, attempt) };
        }
        if self.stays(waiter, waker) {
            return match attempt() {
                Some(result) => {
                    self.leave(waiter);
                    Poll::Ready(result)
                }
                None => Poll::Pending,
            };
        }
        // A notification may have been used: if the attempt panics, it goes to the next.
        let pass_on = PassOn(self);
        let result = attempt();
        core::mem::forget(pass_on);
        match result {
            Some(result) => Poll::Ready(result),
            // SAFETY: the caller's promise.
            None => unsafe { self.enter_and_look(waiter, waker, attempt) },
        }
    }

    /// [`poll`](Self::poll) for a waiter that is in no list and has just tried in vain.
    unsafe fn enter_and_look<R>(
        self,
        waiter: &Waiter,
        waker: &Waker,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        // SAFETY: the caller's promise; it is in no list.
        unsafe { self.enter(waiter, Whom::Task(waker.clone())) };
        match attempt() {
            Some(result) => {
                self.leave(waiter);
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

/// Everybody who was in the list, in a circle of their own.
///
/// Dropped before the end, that is when a waker panics, it goes on to the end.
struct Circle<'a, 'm, P: Platform> {
    place: Place<'a, P>,
    mark: &'m Waiter,
    last: Last,
}

impl<P: Platform> Circle<'_, '_, P> {
    /// Takes out the next.
    fn next(&mut self) -> Option<Whom> {
        let Last(false) = self.last else { return None };
        let taken = self.place.guests.list.with(|list| {
            // SAFETY: we were made with the mark in a circle of this list, and there is more of it.
            unsafe { list.take_next(self.mark) }.inspect(|(whom, _)| whom.mark())
        });
        self.last = taken.as_ref().map_or(Last(true), |(_, last)| *last);
        taken.map(|(whom, _)| whom)
    }
}

impl<P: Platform> Drop for Circle<'_, '_, P> {
    fn drop(&mut self) {
        while let Some(whom) = self.next() {
            whom.wake::<P>();
        }
    }
}

impl Whom {
    /// What must be done under the lock, where whoever is to be woken is still alive.
    fn mark(&self) {
        if let Self::Thread(word) = self {
            // SAFETY: we hold the lock, and the thread leaves, under it, before its word dies.
            //
            // Relaxed: the thread asks under the lock whether it was notified before it sleeps again.
            unsafe { &**word }.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The rest, outside of the lock.
    fn wake<P: Platform>(self) {
        match self {
            Self::Task(waker) => waker.wake(),
            // The word may be gone by now: the platform uses its address only.
            Self::Thread(word) => P::wake(word, 1),
        }
    }
}

/// Passes a notification on when dropped, that is when an attempt panics.
struct PassOn<'a, P: Platform>(Place<'a, P>);

impl<P: Platform> Drop for PassOn<'_, P> {
    fn drop(&mut self) {
        self.0.notify(1);
    }
}
