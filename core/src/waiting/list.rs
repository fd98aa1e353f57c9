//! A doubly linked list of those who wait.
//!
//! # Layout
//!
//! A circle: the list knows its first [`Waiter`], and the last stands before the first. A waiter lies
//! inside the future or the operation that waits, so nothing is allocated and there is no limit.
//!
//! To tell everybody, a notifier takes the whole circle away, with a waiter of its own in it as the mark
//! where it ends: who comes meanwhile begins a new circle, and who leaves meanwhile needs to know only
//! its neighbours.
//!
//! # Invariants
//!
//! 1. The list and the `links` of everybody in it are touched only under the lock around the list.
//! 2. A waiter in the list stays where it is until it has left, and it leaves before it dies.

use core::cell::Cell;
use core::marker::PhantomPinned;
use core::ptr;
use core::task::Waker;

use crate::atomic::{AtomicU32, UnsafeCell};

/// One who waits, or may wait later. Never moved while it is in a list.
pub struct Waiter {
    links: UnsafeCell<Links>,
    /// Whether it may be in the list. Only its owner asks, to save the lock.
    entered: Cell<bool>,
    /// A notification was taken note of and perhaps not used. Only its owner asks.
    pub(super) owes: Cell<bool>,
    /// Whether it has ever been in a list. Only its owner asks.
    waited: Cell<bool>,
    _pinned: PhantomPinned,
}

debug_name!(impl[] Waiter: "Waiter";);

/// What others may see of a waiter.
pub(super) struct Links {
    pub(super) stage: Stage,
    pub(super) whom: Option<Whom>,
    previous: *const Waiter,
    next: *const Waiter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
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

// SAFETY: `links` is touched under the list's lock only (invariant 1), from any thread; the rest by the
// owner, who may move to another thread together with the waiter.
unsafe impl Send for Waiter {}

impl Waiter {
    const_fn! {
        /// Somebody who does not wait yet.
        pub const fn new() -> Self {
            Self {
                links: UnsafeCell::new(Links {
                    stage: Stage::Out,
                    whom: None,
                    previous: ptr::null(),
                    next: ptr::null(),
                }),
                entered: Cell::new(false),
                owes: Cell::new(false),
                waited: Cell::new(false),
                _pinned: PhantomPinned,
            }
        }
    }

    /// Says that it enters a list now.
    pub(super) fn enters(&self) {
        self.entered.set(true);
        self.waited.set(true);
    }

    /// Says that it has left the list; `false` if it was in none.
    pub(super) fn leaves(&self) -> bool {
        self.entered.replace(false)
    }

    /// Whether it may be in a list.
    pub(crate) fn has_entered(&self) -> bool {
        self.entered.get()
    }

    /// Whether it has ever been in a list.
    pub(crate) fn has_waited(&self) -> bool {
        self.waited.get()
    }
}

/// Looks at the links of a waiter.
///
/// # Safety
///
/// The caller holds the lock of the waiter's list, the waiter is alive, and nothing else inside the
/// same section looks at the same links at the same time.
pub(super) unsafe fn at<R>(waiter: *const Waiter, f: impl FnOnce(&mut Links) -> R) -> R {
    // SAFETY: alive, by the caller.
    let links = unsafe { &(*waiter).links };
    // SAFETY: the lock keeps all others out (invariant 1), and the caller does not nest.
    links.with_mut(|links| f(unsafe { &mut *links }))
}

/// Whether nobody is left in a circle.
#[derive(Clone, Copy)]
pub(super) struct Last(pub(super) bool);

/// The list. Whoever has it exclusively holds its lock.
pub(super) struct List {
    first: *const Waiter,
}

// SAFETY: the addresses are followed only under the lock around the list, where the waiters are alive
// (invariant 2), from whichever thread holds it; what they hold is `Send` (a `Waker`, an address).
unsafe impl Send for List {}

impl List {
    pub(super) const EMPTY: Self = Self { first: ptr::null() };

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Adds a waiter that is in no list at the end.
    ///
    /// # Safety
    ///
    /// The waiter stays where it is until it has left (invariant 2).
    pub(super) unsafe fn append(&mut self, waiter: &Waiter, whom: Option<Whom>) {
        let (new, first) = (&raw const *waiter, self.first);
        // SAFETY: here and below: we hold the lock, since we hold the list; everybody in the list is
        // alive (invariant 2), and so is `waiter`; no two looks nest.
        unsafe {
            let (previous, next) = if first.is_null() {
                self.first = new;
                (new, new)
            } else {
                let last = at(first, |links| core::mem::replace(&mut links.previous, new));
                at(last, |links| links.next = new);
                (last, first)
            };
            at(new, |links| *links = Links { stage: Stage::Waiting, whom, previous, next });
        }
    }

    /// Takes the first waiter out, if there is one; it is then notified.
    pub(super) fn take_first(&mut self) -> Option<Whom> {
        let first = self.first;
        if first.is_null() {
            return None;
        }
        // SAFETY: it is in this list.
        unsafe { self.take_out(first, Stage::Notified) }
    }

    /// Takes everybody out, into a circle that ends at `mark`, and the first of them out of that, as
    /// [`take_next`](Self::take_next) does. The list is empty then.
    ///
    /// # Safety
    ///
    /// As of [`append`](Self::append), for `mark`, until it says that this was the last.
    pub(super) unsafe fn take_all(&mut self, mark: &Waiter) -> Option<(Whom, Last)> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: the caller's promise.
        unsafe {
            self.append(mark, None);
            self.first = ptr::null();
            self.take_next(mark)
        }
    }

    /// Takes the first waiter out of the circle that ends at `mark`; it is then notified. If that was
    /// the last one, or there was none left, the mark is out too.
    ///
    /// # Safety
    ///
    /// [`take_all`](Self::take_all) of this list was given this mark, and neither it nor this has said
    /// since that there is no more.
    pub(super) unsafe fn take_next(&mut self, mark: &Waiter) -> Option<(Whom, Last)> {
        // SAFETY: we hold the lock, and the mark is alive; who is next to it stands in the circle.
        unsafe {
            let next = at(mark, |links| links.next);
            // The mark itself has nobody to wake.
            let whom = self.take_out(next, Stage::Notified)?;
            let last = ptr::eq(at(mark, |links| links.next), mark);
            Some((whom, Last(last)))
        }
    }

    /// Takes a waiter out, wherever it stands. It is then at `stage`.
    ///
    /// # Safety
    ///
    /// The waiter is in this list, or in a circle that was taken from it.
    pub(super) unsafe fn take_out(&mut self, waiter: *const Waiter, stage: Stage) -> Option<Whom> {
        // SAFETY: as in `append`.
        unsafe {
            let (previous, next, whom) = at(waiter, |links| {
                links.stage = stage;
                (links.previous, links.next, links.whom.take())
            });
            at(previous, |links| links.next = next);
            at(next, |links| links.previous = previous);
            if self.first == waiter {
                self.first = if next == waiter { ptr::null() } else { next };
            }
            whom
        }
    }
}
