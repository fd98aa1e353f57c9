//! Floor 5: fork and join: one half of a piece of work is done here, the other by whoever comes first.
//!
//! # Layout
//!
//! Each worker has a [`Nest`]: a [work-stealing deque](crate::queue::steal) of branches, and a bell on
//! which its owner sleeps while it waits for a branch that was taken. A [`Branch`] lies on the stack of who has
//! [joined](Nest::join) it, or wherever who [forks](Nest::fork) it keeps it: the function, room for its
//! result, whether it is done, and where its thief forks in turn. A fork that nobody takes is a push, a pop,
//! and one fence.
//!
//! # Invariants
//!
//! 1. A branch stays where it is until its owner has taken it back itself, or seen that it is done. A thief does
//!    not touch a branch after it has said so.
//! 2. A worker settles its youngest branch first, and takes its own back youngest first. So when a branch
//!    was taken, all older ones of its owner were, and the nest holds only what was forked since. (Who settles
//!    in another order finds each branch all the same, but may do foreign work while it waits.)
//! 3. Therefore, while a worker does a branch that it has taken, its nest holds nothing but what has come out
//!    of that branch. So who waits for the branch, finds something in that nest, and sees then that the branch
//!    is not done, has found a part of what it waits for. It takes that, and nothing else, while it waits
//!    (leapfrogging: Wagner and Calder, PPoPP 1993), so nobody ever comes upon its own locks.
//!
//! # Why no end of a branch is missed
//!
//! Who waits sleeps on its own bell, which the thief rings after `done`: an [`EventCount`]'s promise. That
//! the thief has forked is told without a fence; who is just about to fall asleep may miss it. It is woken
//! by the next fork, or at the end of the branch: that costs time and loses nothing.
//!
//! # Progress and cost
//!
//! Forking: wait-free. Taking: lock-free. Joining is blocking if the branch was taken. A nest is a deque
//! of `N` words and three more, without padding; a branch five words beside the function and its result.

mod branch;

use core::cell::Cell;
use core::error::Error;
use core::fmt;
use core::mem::forget;
use core::ptr::NonNull;

use branch::Header;
pub use branch::{Branch, Settled, Taken};

use crate::atomic::{AtomicU32, Ordering};
use crate::event_count::EventCount;
use crate::platform::{Deadline, Platform};
use crate::queue::steal::{Deque, Steal};

/// What the pool, or whoever keeps the nests, does for those who fork.
pub trait Host {
    /// The caller has put a branch into its nest: if somebody has nothing to do, wake it. `is_followed`:
    /// somebody may sleep that waits for this very work: [`ring`](Nest::ring) all nests.
    fn forked(&self, is_followed: bool);

    /// Calls `sleep`, which blocks, once; somebody else may work in the caller's place meanwhile.
    fn block(&self, sleep: &mut dyn FnMut());
}

/// The other half of a fork panicked in the thread that had taken it. What it panicked with has stayed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwound;

impl fmt::Display for Unwound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other half panicked")
    }
}

impl Error for Unwound {}

/// Where one worker puts what it has forked, for others to take: up to `N` branches, a power of two. Who
/// has more does them at once.
///
/// ```
/// use inkle_core::fork::{Host, Nest};
/// use inkle_core::platform::{NoBoard, Spin};
///
/// static NEST: Nest<Spin<NoBoard>, 8> = Nest::new();
///
/// /// Two cores that look into each other's nests all the time.
/// struct Busy;
///
/// impl Host for Busy {
///     fn forked(&self, _: bool) {}
///     fn block(&self, sleep: &mut dyn FnMut()) {
///         sleep();
///     }
/// }
///
/// let numbers = [1, 2, 3, 4];
/// let (left, right) = numbers.split_at(2);
/// let sum = |numbers: &[u32]| numbers.iter().sum::<u32>();
/// // SAFETY: this is the only thread that forks here, and the nest is a static.
/// let sums = unsafe { NEST.join(&Busy, || sum(left), |_taken| sum(right)) };
/// assert_eq!(sums, (3, Ok(7)));
/// assert!(NEST.steal().is_none(), "nobody else was here, so both were done by this thread");
/// ```
pub struct Nest<P, const N: usize> {
    branches: Deque<Header<P, N>, N>,
    bell: EventCount<P>,
    /// 1 if somebody sleeps who would take what the owner forks; else 0.
    followed: AtomicU32,
}

impl<P: Platform, const N: usize> Nest<P, N> {
    const_fn! {
        /// An empty nest.
        #[must_use]
        pub const fn new() -> Self {
            Self { branches: Deque::new(), bell: EventCount::new(), followed: AtomicU32::new(0) }
        }
    }

    /// Calls `a` here, and `b` here or wherever it is taken; the results of both. `b` is told whether it
    /// was taken.
    ///
    /// Waits for `b` if it was taken, and does parts of it meanwhile.
    ///
    /// Errors: [`Unwound`]. Panics: as `a` does, when `b`, if it has begun, has returned; if it has not, it
    /// is dropped; and as `b` does, or a part of it that is done here. Progress: blocking. Interrupt-safe: no. Ordering:
    /// what is done before the call is seen by both, and what they have done afterwards.
    ///
    /// # Safety
    ///
    /// All calls for this nest come from one thread, and the nest stays as long as any thread that
    /// [takes](Self::steal) from it or [follows](Taken::run) it.
    #[inline]
    pub unsafe fn join<H, A, B, RA, RB>(&self, host: &H, a: A, b: B) -> (RA, Result<RB, Unwound>)
    where
        H: Host + ?Sized,
        A: FnOnce() -> RA,
        B: FnOnce(bool) -> RB + Send,
        RB: Send,
    {
        let branch = Branch::new(self, b);
        // If `a` panics: nobody begins the branch any more, and if somebody has, its end is waited for.
        let open = Open { nest: self, host, branch: &branch };
        // SAFETY: the branch stays here until it is settled, also if something panics, and the rest is the
        // caller's promise.
        unsafe { self.fork(host, &branch) };
        let a = a();
        forget(open);
        // SAFETY: it was forked, and is settled here.
        let b = match unsafe { self.settle(host, &branch) } {
            Settled::Back(b) => Ok(b(false)),
            Settled::Done(b) => Ok(b),
            Settled::Unwound => Err(Unwound),
        };
        (a, b)
    }

    /// Puts a branch into the nest, where others may take it; `false` if there is no room, and then it comes
    /// back at once when it is [settled](Self::settle). For branches that are not joined in the frame that
    /// forks them: one frame may have many.
    ///
    /// Panics: as the host does. Progress: wait-free, but for the host. Interrupt-safe: no. Ordering: what is done
    /// before the call is seen by the branch.
    ///
    /// # Safety
    ///
    /// - All calls of this and of [`join`](Self::join) and [`settle`](Self::settle) for this nest come from
    ///   one thread, and the nest stays as long as any thread that [takes](Self::steal) from it or
    ///   [follows](Taken::run) it.
    /// - The branch was made for this nest, and is forked once. Even if something panics it is settled before
    ///   it is moved or dropped, and before anything ends that its function or its result borrow.
    #[inline]
    pub unsafe fn fork<H, F, R>(&self, host: &H, branch: &Branch<P, N, F, R>) -> bool
    where
        H: Host + ?Sized,
        F: FnOnce(bool) -> R + Send,
        R: Send,
    {
        // SAFETY: the caller is the owner.
        if unsafe { self.branches.push(branch.address()) }.is_err() {
            // There is enough for everybody to take.
            branch.header().back.set(true);
            return false;
        }
        // Relaxed: who is just about to follow is told by the next fork, or at the end.
        host.forked(self.followed.load(Ordering::Relaxed) != 0);
        true
    }

    /// Takes a branch back, or, if somebody has taken it, waits for its end and does parts of it meanwhile.
    ///
    /// The youngest comes first. If it is not the youngest, those that are younger come back now, and wait to be
    /// settled.
    ///
    /// Panics: as a part of it that is done here, when the branch has ended; then it is settled. Progress:
    /// blocking. Interrupt-safe: no. Ordering: what the branch has done is seen afterwards.
    ///
    /// # Safety
    ///
    /// As for [`fork`](Self::fork), to which it was given; called once.
    #[inline]
    pub unsafe fn settle<H, F, R>(&self, host: &H, branch: &Branch<P, N, F, R>) -> Settled<F, R>
    where
        H: Host + ?Sized,
        F: FnOnce(bool) -> R + Send,
        R: Send,
    {
        // SAFETY: the caller is the owner, and the branch has been forked.
        if unsafe { self.take_back(branch.address()) } {
            // SAFETY: nobody else has it; settled once.
            return Settled::Back(unsafe { branch.take() });
        }
        self.wait(host, branch.header());
        // SAFETY: it is done (invariant 1).
        match unsafe { branch.result() } {
            Some(result) => Settled::Done(result),
            None => Settled::Unwound,
        }
    }

    /// Takes branches back, the youngest first, as far as this one; `false` if it was taken.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and the branch was forked and not settled.
    #[inline]
    unsafe fn take_back(&self, branch: NonNull<Header<P, N>>) -> bool {
        loop {
            // SAFETY: it is there until it is settled.
            if unsafe { branch.as_ref() }.back.get() {
                return true;
            }
            // SAFETY: by the owner.
            match unsafe { self.branches.pop() } {
                None => return false,
                Some(youngest) if youngest == branch => return true,
                // SAFETY: as above: its owner settles it later.
                Some(younger) => unsafe { younger.as_ref() }.back.set(true),
            }
        }
    }

    /// Takes the oldest branch. Anybody may, to [do](Taken::run) it.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of
    /// [`join`](Self::join).
    pub fn steal(&self) -> Option<Taken<P, N>> {
        self.steal_if(|| true).map(Taken)
    }

    fn steal_if(&self, condition: impl Fn() -> bool) -> Option<NonNull<Header<P, N>>> {
        loop {
            match self.branches.steal_if(&condition) {
                Steal::Taken(branch) => return Some(branch),
                Steal::Empty => return None,
                // Somebody else has taken one.
                Steal::Retry => {}
            }
        }
    }

    /// Whether there is nothing to be taken: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Has the owner, if it waits for a branch, look for parts of it.
    ///
    /// Progress: lock-free, but for the platform's `wake`. Interrupt-safe: as that.
    pub fn ring(&self) {
        self.bell.notify(u32::MAX);
    }

    /// Nobody follows the owner any more, for all have been [rung](Self::ring).
    pub fn unfollow(&self) {
        // Relaxed: see `join`.
        self.followed.store(0, Ordering::Relaxed);
    }

    /// Waits until a branch of ours is done that somebody has taken, and does parts of it meanwhile.
    #[cold]
    fn wait<H: Host + ?Sized>(&self, host: &H, branch: &Header<P, N>) {
        let mut round = 0;
        while !branch.is_done() {
            let part = match branch.part() {
                None if P::relax(round) => {
                    round += 1;
                    continue;
                }
                None => self.sleep(host, branch),
                part => part,
            };
            if let Some(part) = part {
                // If the part panics: the branch may still be in somebody's hands.
                let still = Still { nest: self, host, branch };
                // SAFETY: the nest is ours, and stays; we have just taken the branch.
                unsafe { Taken(part).run(self) };
                forget(still);
            }
            round = 0;
        }
    }

    /// Sleeps until there is a part of the branch, or all is done.
    fn sleep<H: Host + ?Sized>(
        &self,
        host: &H,
        branch: &Header<P, N>,
    ) -> Option<NonNull<Header<P, N>>> {
        let found = Cell::new(None);
        host.block(&mut || {
            self.bell.block(Deadline::NEVER, || {
                // Before the look: who forks after it rings.
                branch.follow();
                found.set(branch.part());
                (found.get().is_some() || branch.is_done()).then_some(())
            });
        });
        found.get()
    }
}

impl<P: Platform, const N: usize> Default for Nest<P, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform, const N: usize> core::fmt::Debug for Nest<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nest").field("branches", &self.branches.len()).finish()
    }
}

/// A branch of ours that somebody has taken. Dropped, it waits for its end.
struct Still<'w, P: Platform, const N: usize, H: Host + ?Sized> {
    nest: &'w Nest<P, N>,
    host: &'w H,
    branch: &'w Header<P, N>,
}

impl<P: Platform, const N: usize, H: Host + ?Sized> Drop for Still<'_, P, N, H> {
    fn drop(&mut self) {
        self.nest.wait(self.host, self.branch);
    }
}

/// A branch that is to be settled if the other half panics.
struct Open<'j, P: Platform, const N: usize, H: Host + ?Sized, F: FnOnce(bool) -> R + Send, R: Send>
{
    nest: &'j Nest<P, N>,
    host: &'j H,
    branch: &'j Branch<P, N, F, R>,
}

impl<P: Platform, const N: usize, H: Host + ?Sized, F: FnOnce(bool) -> R + Send, R: Send> Drop
    for Open<'_, P, N, H, F, R>
{
    fn drop(&mut self) {
        // SAFETY: `Nest::join` has forked it, and does not settle it any more.
        drop(unsafe { self.nest.settle(self.host, self.branch) });
    }
}
