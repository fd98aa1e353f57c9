//! Floor 5: fork and join: one half of a piece of work is done here, the other by whoever comes first.
//!
//! # Layout
//!
//! Each worker has a [`Nest`]: a [work-stealing deque](crate::queue::steal) of branches, and a bell on
//! which its owner sleeps while it waits for a branch that was taken. A branch lies on the stack of who has
//! forked it: the function, room for its result, whether it is done, and where its thief forks in turn. A
//! fork that nobody takes is a push, a pop, and one fence.
//!
//! # Invariants
//!
//! 1. The owner leaves the frame that a branch lies in only when it has taken it back itself, or seen that it is
//!    done. A thief does not touch a branch after it has said so.
//! 2. A worker waits for its youngest branch first, and takes its own back youngest first. So when a branch
//!    was taken, all older ones of its owner were, and the nest holds only what was forked since.
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
//! of `N` words and three more, without padding; a branch four words beside the function and its result.

use core::cell::Cell;
use core::mem::{MaybeUninit, forget};
use core::ptr::{self, NonNull};

use crate::atomic::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};
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

/// What a thief knows of a branch.
struct Header<P, const N: usize> {
    done: AtomicU32,
    /// Where the thief puts what it forks itself; null before it has said so.
    thief: AtomicPtr<Nest<P, N>>,
    owner: NonNull<Nest<P, N>>,
    run: unsafe fn(NonNull<Header<P, N>>),
}

/// A function and the room for its result.
#[repr(C)]
struct Branch<P, const N: usize, F, R> {
    header: Header<P, N>,
    work: UnsafeCell<MaybeUninit<F>>,
    /// `None` if it has panicked.
    result: UnsafeCell<Option<R>>,
}

/// A branch that was taken out of a nest, to be [done](Self::run): its owner waits for it.
#[must_use = "its owner waits for it"]
pub struct Taken<P, const N: usize>(NonNull<Header<P, N>>);

// SAFETY: it is the address of a branch, whose function and result are `Send` (`Nest::join`), and which
// stays until it is done (invariant 1).
unsafe impl<P, const N: usize> Send for Taken<P, N> {}

impl<P: Platform, const N: usize> Nest<P, N> {
    const_fn! {
        /// An empty nest.
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
        let open = Open { nest: self, host, branch: &branch };
        // SAFETY: the caller's promise.
        if unsafe { self.branches.push(open.address()) }.is_err() {
            // There is enough for everybody to take.
            forget(open);
            // SAFETY: nobody else has heard of it.
            let b = unsafe { branch.take() };
            let a = a();
            return (a, Ok(b(false)));
        }
        // Relaxed: who is just about to follow is told by the next fork, or at the end.
        host.forked(self.followed.load(Ordering::Relaxed) != 0);
        let a = a();
        let is_back = open.is_back();
        forget(open);
        if is_back {
            // SAFETY: taken back.
            return (a, Ok(unsafe { branch.take() }(false)));
        }
        self.wait(host, &branch.header);
        // SAFETY: it is done (invariant 1).
        (a, unsafe { branch.result() }.ok_or(Unwound))
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

impl<P: Platform, const N: usize, F: FnOnce(bool) -> R, R> Branch<P, N, F, R> {
    #[inline]
    fn new(owner: &Nest<P, N>, work: F) -> Self {
        let header = Header {
            done: AtomicU32::new(0),
            thief: AtomicPtr::new(ptr::null_mut()),
            owner: NonNull::from(owner),
            run: run::<P, N, F, R>,
        };
        let work = UnsafeCell::new(MaybeUninit::new(work));
        Self { header, work, result: UnsafeCell::new(None) }
    }

    /// # Safety
    ///
    /// The caller is alone with the branch: it has taken it out of the nest, or nobody has heard of it.
    /// Called once.
    #[inline]
    unsafe fn take(&self) -> F {
        // SAFETY: it is there until it is taken.
        self.work.with(|work| unsafe { (*work).assume_init_read() })
    }

    /// # Safety
    ///
    /// It is done.
    unsafe fn result(&self) -> Option<R> {
        // SAFETY: the thief has put it there before it said so, and is gone (invariant 1).
        self.result.with_mut(|result| unsafe { (*result).take() })
    }
}

/// Does the work of a branch and keeps the result there.
///
/// # Safety
///
/// The address is a `Branch<P, N, F, R>`'s, and the caller is alone with it.
unsafe fn run<P: Platform, const N: usize, F: FnOnce(bool) -> R, R>(header: NonNull<Header<P, N>>) {
    // SAFETY: the caller's promise; the owner stays in its frame (invariant 1).
    let branch = unsafe { header.cast::<Branch<P, N, F, R>>().as_ref() };
    // SAFETY: by the caller; called once.
    let result = unsafe { branch.take() }(true);
    // SAFETY: the owner looks at it only when it is done, and nobody else does.
    branch.result.with_mut(|place| unsafe { *place = Some(result) });
}

impl<P: Platform, const N: usize> Header<P, N> {
    #[inline]
    fn is_done(&self) -> bool {
        // Acquire, pairs with the Release of `Done::drop`: the result.
        self.done.load(Ordering::Acquire) != 0
    }

    fn thief(&self) -> Option<&Nest<P, N>> {
        // Acquire, pairs with the Release of `Taken::run`: the nest's contents.
        let thief = self.thief.load(Ordering::Acquire);
        // SAFETY: nests stay as long as those who follow them (`Taken::run`).
        unsafe { thief.as_ref() }
    }

    /// A part of the work that its thief has forked and nobody has begun; see invariant 3.
    fn part(&self) -> Option<NonNull<Self>> {
        self.thief()?.steal_if(|| !self.is_done())
    }

    /// Has the thief, if it is known, tell when it forks.
    fn follow(&self) {
        if let Some(thief) = self.thief() {
            // Relaxed: see `Nest::join`.
            thief.followed.store(1, Ordering::Relaxed);
        }
    }
}

impl<P: Platform, const N: usize> Taken<P, N> {
    /// Does it, and tells its owner. The caller forks, if it does, in `thief`.
    ///
    /// Panics: as the function does, when its owner has been told that. Progress: as the function's.
    /// Interrupt-safe: no. Ordering: release, pairs with the acquire of the owner's [`Nest::join`].
    ///
    /// # Safety
    ///
    /// `thief` is the caller's, see [`Nest::join`], and there is nothing in it. It and the nest that this
    /// was taken from stay as long as any thread that uses one of them.
    pub unsafe fn run(self, thief: &Nest<P, N>) {
        // SAFETY: the branch is there until it is done (invariant 1).
        let header = unsafe { self.0.as_ref() };
        let run = header.run;
        // Release, pairs with the Acquire of `Header::thief`.
        header.thief.store(ptr::from_ref(thief).cast_mut(), Ordering::Release);
        let _done = Done(self.0);
        // SAFETY: the address is that of the branch that `run` was made for, and we have taken it.
        unsafe { run(self.0) };
    }
}

impl<P, const N: usize> core::fmt::Debug for Taken<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Taken").finish_non_exhaustive()
    }
}

/// Tells the owner of a branch when it is dropped, also by a panic, that it is done.
struct Done<P: Platform, const N: usize>(NonNull<Header<P, N>>);

impl<P: Platform, const N: usize> Drop for Done<P, N> {
    fn drop(&mut self) {
        // SAFETY: it is not done yet (invariant 1).
        let header = unsafe { self.0.as_ref() };
        let owner = header.owner;
        // Release, pairs with the Acquire of `is_done`. The branch is not ours any more.
        header.done.store(1, Ordering::Release);
        // SAFETY: the nest stays as long as we (`Taken::run`).
        unsafe { owner.as_ref() }.ring();
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

/// A branch that is in its nest while the other half runs. If that panics, nobody begins the branch any
/// more, and if somebody has, its end is waited for.
struct Open<'j, P: Platform, const N: usize, H: Host + ?Sized, F: FnOnce(bool) -> R, R> {
    nest: &'j Nest<P, N>,
    host: &'j H,
    branch: &'j Branch<P, N, F, R>,
}

impl<P: Platform, const N: usize, H: Host + ?Sized, F: FnOnce(bool) -> R, R>
    Open<'_, P, N, H, F, R>
{
    #[inline]
    fn address(&self) -> NonNull<Header<P, N>> {
        // The whole branch's, which begins with the header (`repr(C)`).
        NonNull::from(self.branch).cast()
    }

    /// Takes the youngest branch back, which is this one, unless it was taken.
    #[inline]
    fn is_back(&self) -> bool {
        // SAFETY: by the promise of `Nest::join`.
        let back = unsafe { self.nest.branches.pop() };
        debug_assert!(back.is_none_or(|back| back == self.address()), "younger ones are gone");
        back.is_some()
    }
}

impl<P: Platform, const N: usize, H: Host + ?Sized, F: FnOnce(bool) -> R, R> Drop
    for Open<'_, P, N, H, F, R>
{
    fn drop(&mut self) {
        if self.is_back() {
            // SAFETY: taken back.
            drop(unsafe { self.branch.take() });
        } else {
            self.nest.wait(self.host, &self.branch.header);
            // SAFETY: it is done.
            drop(unsafe { self.branch.result() });
        }
    }
}
