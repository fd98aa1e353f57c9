//! The [nests](inkle_core::fork) of a pool's workers.
//!
//! A worker that forks or takes a branch for the first time gets one. They hang together in a list that only
//! grows, so who looks for work takes no lock. When its worker ends, a nest goes to the next one that wants
//! one; all are dropped with the pool: any thread of the pool may use any nest that it has ever seen.

use std::cell::Cell;
use std::iter::successors;
use std::ptr::{self, NonNull};
use std::sync::Mutex;

use inkle_core::atomic::{AtomicPtr, Ordering};
use inkle_core::fork;

use crate::platform::Private;
use crate::threading::locked;

/// Branches of one worker that wait to be taken.
pub(super) const ROOM: usize = 256;

pub(super) type Taken = fork::Taken<Private, ROOM>;

/// A worker's.
pub(super) struct Nest {
    /// The number of its pool.
    home: usize,
    pub(super) branches: fork::Nest<Private, ROOM>,
    /// The one that was made before it, or null.
    next: *const Nest,
}

thread_local! {
    /// The calling worker's; null if it is none, or has none yet.
    static OWN: Cell<*const Nest> = const { Cell::new(ptr::null()) };
}

pub(super) struct Nests {
    /// The one that was made last, or null.
    first: AtomicPtr<Nest>,
    /// Those whose worker has ended. Its lock is held while one is made.
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free(Vec<NonNull<Nest>>);

// SAFETY: they are the pool's, and each goes to one worker.
unsafe impl Send for Free {}

impl Nest {
    /// The calling worker's, if it is one of pool `home` that has one.
    ///
    /// # Safety
    ///
    /// It is used no longer than the caller is that worker.
    #[inline]
    pub(super) unsafe fn own<'n>(home: usize) -> Option<&'n Self> {
        // SAFETY: it is the thread's own until `Nests::take_away`, by the worker itself; and the pool keeps it.
        unsafe { OWN.get().as_ref() }.filter(|nest| nest.home == home)
    }

    /// From this one on to the one that was made first.
    ///
    /// # Safety
    ///
    /// It is null, or of a pool that stays as long as `'n`.
    unsafe fn list<'n>(first: *const Self) -> impl Iterator<Item = &'n Self> {
        // SAFETY: the caller's promise; `next` is of the same pool and never changed.
        successors(unsafe { first.as_ref() }, |nest| unsafe { nest.next.as_ref() })
    }
}

impl Nests {
    pub(super) const fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()), free: Mutex::new(Free(Vec::new())) }
    }

    /// Gives the calling worker of pool `home`, which has none, a nest until [`take_away`](Self::take_away).
    #[cold]
    pub(super) fn lend(&self, home: usize) -> &Nest {
        let mut free = locked(&self.free);
        let nest = free.0.pop().unwrap_or_else(|| {
            // Relaxed: only changed under the lock.
            let next = self.first.load(Ordering::Relaxed);
            let nest = Nest { home, branches: fork::Nest::new(), next };
            let nest = NonNull::from(Box::leak(Box::new(nest)));
            // Release, pairs with the Acquire of `list`: the nest.
            self.first.store(nest.as_ptr(), Ordering::Release);
            nest
        });
        OWN.set(nest.as_ptr());
        // SAFETY: it stays as long as `self`.
        unsafe { nest.as_ref() }
    }

    /// Takes the calling worker's nest, in which there is nothing, if it has one.
    pub(super) fn take_away(&self) {
        if let Some(nest) = NonNull::new(OWN.replace(ptr::null()).cast_mut()) {
            // The lock orders us before its next owner.
            locked(&self.free).0.push(nest);
        }
    }

    fn list(&self) -> impl Iterator<Item = &Nest> {
        // Acquire, pairs with the Release of `lend`.
        let first = self.first.load(Ordering::Acquire);
        // SAFETY: they stay as long as `self`.
        unsafe { Nest::list(first) }
    }

    /// All but the calling worker's, from the one behind that on: so not everybody begins with the same one.
    fn others(&self) -> impl Iterator<Item = &Nest> {
        let own = OWN.get();
        // SAFETY: null, or of this pool, whose workers alone come here.
        let behind = unsafe { Nest::list(own) }.skip(1);
        behind.chain(self.list().take_while(move |nest| !ptr::eq(*nest, own)))
    }

    /// Whether somebody else has something to be taken: a snapshot.
    pub(super) fn has_any(&self) -> bool {
        self.others().any(|nest| !nest.branches.is_empty())
    }

    /// The oldest branch of somebody else.
    pub(super) fn steal(&self) -> Option<Taken> {
        self.others().find_map(|nest| nest.branches.steal())
    }

    /// For the owner of `nest`, whose work somebody waits for, when it has forked: has those who wait look for
    /// parts of it.
    #[cold]
    pub(super) fn ring(&self, nest: &Nest) {
        nest.branches.unfollow();
        // Who it is was not written down: all look, of whom few sleep.
        self.list().for_each(|nest| nest.branches.ring());
    }
}

impl Drop for Nests {
    fn drop(&mut self) {
        // Relaxed: nobody else is left.
        let mut first = self.first.load(Ordering::Relaxed);
        while !first.is_null() {
            // SAFETY: it was leaked in `lend`, and whoever used it had a share of the pool.
            let nest = unsafe { Box::from_raw(first) };
            first = nest.next.cast_mut();
        }
    }
}
