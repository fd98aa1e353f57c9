//! Two halves of one piece of work, of which another worker may take one.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use inkle_core::atomic::Ordering;
use inkle_core::fork::{self, Host, Settled};

use super::super::here;
use super::nests::{Nest, ROOM};
use super::{Job, Pool, Shared, worker};
use crate::contextvars::{Afresh, Inherited, is_empty_here};
use crate::platform::Private;

impl<J: Job> Pool<J> {
    /// The results of both, if the caller is a worker of this pool; else they come back.
    #[inline]
    pub(in crate::concurrent) fn join<A, B, RA, RB>(&self, a: A, b: B) -> Result<(RA, RB), (A, B)>
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        match self.forking() {
            Some(forking) => Ok(forking.join(a, b)),
            None => Err((a, b)),
        }
    }

    /// The calling worker, if it is one of this pool.
    #[inline]
    pub(in crate::concurrent) fn forking(&self) -> Option<Forking<'_, J>> {
        self.shared.nest().map(|nest| Forking { shared: &self.shared, nest })
    }
}

impl<J: Job> Shared<J> {
    /// The calling worker's; `None` if it is none of this pool.
    #[inline]
    fn nest(&self) -> Option<&Nest> {
        // SAFETY: not longer than `self` is borrowed, of which a worker has a share all its life.
        match unsafe { Nest::own(self.home) } {
            None if here::home() == self.home => Some(self.nests.lend(self.home)),
            nest => nest,
        }
    }

    /// For a worker that has nothing to do: does a branch of somebody's, if there still is one.
    pub(super) fn do_branch(self: &Arc<Self>) {
        let (Some(branch), Some(nest)) = (self.nests.steal(), self.nest()) else { return };
        if self.nests.has_any() {
            // For the next one.
            self.rouse();
        }
        // SAFETY: the nest is the caller's, and empty, as it has nothing to do. All nests stay as long as
        // the pool.
        unsafe { branch.run(&nest.branches) };
    }

    /// Something lies in a nest: somebody who has nothing to do is woken, or there is one more.
    #[inline]
    fn rouse(self: &Arc<Self>) {
        // Relaxed: see `resize`.
        if self.roster.rouse(self.most.load(Ordering::Relaxed)) {
            self.start_for_branch();
        }
    }

    #[cold]
    fn start_for_branch(self: &Arc<Self>) {
        if let Err((cause, _)) = worker::start(self, worker::First::Look) {
            self.roster.not_roused();
            self.refused(&cause);
        }
    }
}

/// A worker that forks.
pub(in crate::concurrent) struct Forking<'w, J> {
    shared: &'w Arc<Shared<J>>,
    nest: &'w Nest,
}

/// What a worker has forked, with room for its result, which is its panic if it has one.
pub(in crate::concurrent) type Branch<F, R> = fork::Branch<Private, ROOM, F, thread::Result<R>>;

impl<J: Job> Host for Forking<'_, J> {
    #[inline]
    fn forked(&self, is_followed: bool) {
        if is_followed {
            self.shared.nests.ring(self.nest);
        }
        self.shared.rouse();
    }

    fn block(&self, sleep: &mut dyn FnMut()) {
        here::block(sleep);
    }
}

impl<J: Job> Forking<'_, J> {
    /// For this worker.
    #[inline]
    pub(in crate::concurrent) fn branch<F: FnOnce(bool) -> thread::Result<R>, R>(
        &self,
        work: F,
    ) -> Branch<F, R> {
        Branch::new(&self.nest.branches, work)
    }

    /// Puts it where others can take it; `false` if there are enough, and it is to be settled now.
    ///
    /// # Safety
    ///
    /// As [`fork::Nest::fork`] has it of the branch. The caller is the worker.
    #[inline]
    pub(in crate::concurrent) unsafe fn fork<F, R>(&self, branch: &Branch<F, R>) -> bool
    where
        F: FnOnce(bool) -> thread::Result<R> + Send,
        R: Send,
    {
        // SAFETY: the nest is this thread's, and stays as long as the pool, of which all that use it have a
        // share; the rest is the caller's promise.
        unsafe { self.nest.branches.fork(self, branch) }
    }

    /// The work, if nobody has begun it, or what it has come to.
    ///
    /// # Safety
    ///
    /// As [`fork::Nest::settle`] has it. The caller is the worker.
    #[inline]
    pub(in crate::concurrent) unsafe fn settle<F, R>(
        &self,
        branch: &Branch<F, R>,
    ) -> Result<F, thread::Result<R>>
    where
        F: FnOnce(bool) -> thread::Result<R> + Send,
        R: Send,
    {
        // SAFETY: as above.
        match unsafe { self.nest.branches.settle(self, branch) } {
            Settled::Back(work) => Ok(work),
            Settled::Done(result) => Err(result),
            Settled::Unwound => unreachable!("it catches what it panics with"),
        }
    }

    #[inline]
    fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        if is_empty_here() {
            self.join_in::<true, _, _, _, _>(a, b)
        } else {
            self.join_in_copies(a, b)
        }
    }

    /// With a copy of the caller's context for each.
    #[inline(never)]
    fn join_in_copies<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        let one = Inherited::from_here();
        let other = one.clone();
        self.join_in::<false, _, _, _, _>(|| one.run(a), || other.run(b))
    }

    /// `EMPTY`: the caller's context is empty, and is to be so for both, and afterwards.
    #[inline]
    fn join_in<const EMPTY: bool, A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        let place = here::place();
        let b = move |taken: bool| {
            if !taken {
                return Ok(undoing::<EMPTY, _>(b));
            }
            // A context of its own, whatever its thief waits for.
            let b = || Inherited::NONE.run(b);
            // SAFETY: the place's thread stays in `join` until this has returned.
            catch_unwind(AssertUnwindSafe(|| unsafe { here::in_place_of(place, b) }))
        };
        // SAFETY: the nest is this thread's, and stays as long as the pool, of which all that use it have a
        // share.
        let (a, b) = unsafe { self.nest.branches.join(self, || undoing::<EMPTY, _>(a), b) };
        match b {
            Ok(Ok(b)) => (a, b),
            Ok(Err(payload)) => resume_unwind(payload),
            Err(_) => unreachable!("it catches what it panics with"),
        }
    }
}

/// Calls `f`, and then if `EMPTY` makes the caller's context empty again, which it was.
#[inline(always)]
pub(in crate::concurrent) fn undoing<const EMPTY: bool, R>(f: impl FnOnce() -> R) -> R {
    struct Undo;
    impl Drop for Undo {
        fn drop(&mut self) {
            Afresh::NONE.again();
        }
    }

    if !EMPTY {
        return f();
    }
    // For a panic.
    let undo = Undo;
    let result = f();
    forget(undo);
    if !is_empty_here() {
        Afresh::NONE.again();
    }
    result
}
