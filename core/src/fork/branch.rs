//! What lies in a nest: work, room for its result, and how far it has come.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::Nest;
use crate::atomic::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};
use crate::platform::Platform;

/// Work that may be done by others: a function, which is told whether it was taken, and the room for its
/// result. For one [nest](Nest); whoever keeps it [forks](Nest::fork) and [settles](Nest::settle) it there.
///
/// Dropped before it was settled, the function is not dropped.
///
/// ```
/// use inkle_core::fork::{Branch, Host, Nest, Settled};
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
/// let lengths = ["warp", "heddle"].map(|word| Branch::new(&NEST, move |_taken| word.len()));
/// for length in &lengths {
///     // SAFETY: this is the only thread that forks here, the nest is a static, nothing here panics, and
///     // each is settled below.
///     assert!(unsafe { NEST.fork(&Busy, length) });
/// }
/// let mut sum = 0;
/// for length in lengths.iter().rev() {
///     // SAFETY: as above.
///     sum += match unsafe { NEST.settle(&Busy, length) } {
///         Settled::Back(work) => work(false),
///         Settled::Done(length) => length,
///         Settled::Unwound => unreachable!("it does not panic"),
///     };
/// }
/// assert_eq!(sum, 10);
/// ```
#[repr(C)]
pub struct Branch<P, const N: usize, F, R> {
    header: Header<P, N>,
    work: UnsafeCell<MaybeUninit<F>>,
    /// `None` if it has panicked.
    result: UnsafeCell<Option<R>>,
}

/// What has become of a branch: see [`Nest::settle`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the work may still have to be done"]
pub enum Settled<F, R> {
    /// Nobody has taken it: this is the work.
    Back(F),
    /// Somebody has done it: this is the result.
    Done(R),
    /// Somebody has begun it, and it panicked. What it panicked with has stayed there.
    Unwound,
}

/// What a thief knows of a branch.
pub(super) struct Header<P, const N: usize> {
    done: AtomicU32,
    /// Where the thief puts what it forks itself; null before it has said so.
    thief: AtomicPtr<Nest<P, N>>,
    owner: NonNull<Nest<P, N>>,
    /// Whether it is in no nest and was not taken. The owner's: nobody else looks at it.
    pub(super) back: Cell<bool>,
    run: unsafe fn(NonNull<Header<P, N>>),
}

/// A branch that was taken out of a nest, to be [done](Self::run): its owner waits for it.
#[must_use = "its owner waits for it"]
pub struct Taken<P, const N: usize>(pub(super) NonNull<Header<P, N>>);

// SAFETY: it is the address of a branch, whose function and result are `Send` (`Nest::fork`), and which
// stays until it is done (invariant 1).
unsafe impl<P, const N: usize> Send for Taken<P, N> {}

impl<P: Platform, const N: usize, F: FnOnce(bool) -> R, R> Branch<P, N, F, R> {
    /// A branch for the nest `owner`, which is not in it yet.
    #[must_use]
    #[inline]
    pub fn new(owner: &Nest<P, N>, work: F) -> Self {
        let header = Header {
            done: AtomicU32::new(0),
            thief: AtomicPtr::new(ptr::null_mut()),
            owner: NonNull::from(owner),
            back: Cell::new(false),
            run: run::<P, N, F, R>,
        };
        let work = UnsafeCell::new(MaybeUninit::new(work));
        Self { header, work, result: UnsafeCell::new(None) }
    }

    #[inline]
    pub(super) fn header(&self) -> &Header<P, N> {
        &self.header
    }

    /// Of the whole branch, which begins with the header (`repr(C)`).
    #[inline]
    pub(super) fn address(&self) -> NonNull<Header<P, N>> {
        NonNull::from(self).cast()
    }

    /// # Safety
    ///
    /// The caller is alone with the branch: it has taken it out of the nest, or it was never in it. Called
    /// once.
    #[inline]
    pub(super) unsafe fn take(&self) -> F {
        // SAFETY: it is there until it is taken.
        self.work.with(|work| unsafe { (*work).assume_init_read() })
    }

    /// # Safety
    ///
    /// It is done.
    pub(super) unsafe fn result(&self) -> Option<R> {
        // SAFETY: the thief has put it there before it said so, and is gone (invariant 1).
        self.result.with_mut(|result| unsafe { (*result).take() })
    }
}

impl<P, const N: usize, F, R> core::fmt::Debug for Branch<P, N, F, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Branch").finish_non_exhaustive()
    }
}

/// Does the work of a branch and keeps the result there.
///
/// # Safety
///
/// The address is a `Branch<P, N, F, R>`'s, and the caller is alone with it.
unsafe fn run<P: Platform, const N: usize, F: FnOnce(bool) -> R, R>(header: NonNull<Header<P, N>>) {
    // SAFETY: the caller's promise; it stays until it is done (invariant 1).
    let branch = unsafe { header.cast::<Branch<P, N, F, R>>().as_ref() };
    // SAFETY: by the caller; called once.
    let result = unsafe { branch.take() }(true);
    // SAFETY: the owner looks at it only when it is done, and nobody else does.
    branch.result.with_mut(|place| unsafe { *place = Some(result) });
}

impl<P: Platform, const N: usize> Header<P, N> {
    #[inline]
    pub(super) fn is_done(&self) -> bool {
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
    pub(super) fn part(&self) -> Option<NonNull<Self>> {
        self.thief()?.steal_if(|| !self.is_done())
    }

    /// Has the thief, if it is known, tell when it forks.
    pub(super) fn follow(&self) {
        if let Some(thief) = self.thief() {
            // Relaxed: see `Nest::fork`.
            thief.followed.store(1, Ordering::Relaxed);
        }
    }
}

impl<P: Platform, const N: usize> Taken<P, N> {
    /// Does it, and tells its owner. The caller forks, if it does, in `thief`.
    ///
    /// Panics: as the function does, when its owner has been told that. Progress: as the function's.
    /// Interrupt-safe: no. Ordering: release, pairs with the acquire of the owner's [`Nest::settle`].
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
