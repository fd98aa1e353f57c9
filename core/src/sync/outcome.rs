//! What becomes of a piece of work: the state word of a future.
//!
//! # Layout
//!
//! `state` is `newest hook | TAKEN | TELLING | phase`, beside a queue for those who wait and room for
//! the value.
//!
//! ```text
//! PENDING -> RUNNING     claim
//! PENDING -> CANCELLED   cancel
//! RUNNING -> FINISHED    finish
//! RUNNING -> CANCELLED   a claim dropped
//! ```
//!
//! `TELLING` is on beside `FINISHED` or `CANCELLED` while hooks are told, and `TAKEN` beside `FINISHED`
//! once the value is moved out. An outcome that is done and not `TELLING` is *settled*.
//!
//! # Invariants
//!
//! 1. There is a value exactly in `FINISHED` without `TAKEN`. Only who has claimed touches the room before.
//! 2. The chain in the word belongs to all who enter; who sets `TELLING` owns what was in it, and is the
//!    only one who takes from it until it is settled. When it is settled the chain is empty for ever.
//! 3. Each hook is either in the chain before the outcome is settled, and then it is told by the one who
//!    ended the work, or it finds the outcome settled and is not entered. Hooks are told one after another,
//!    in the order in which they entered.
//!
//! # Linearization points
//!
//! Each transition, and a hook's entry: its exchange. Each answer: the load, or the exchange that failed.
//!
//! # Why no wake-up is lost
//!
//! Whoever ends the work, and whoever settles it, tells the queue after the exchange; by the fences either
//! a waiter is seen by that or sees the new state.
//!
//! # Progress and cost
//!
//! Claim, cancel, finish: lock-free (an exchange that fails means that a hook has entered). Finishing with
//! nobody waiting and no hooks is one read-modify-write, and with hooks one more. Interrupt-off window:
//! none.

use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit, forget};
use core::ptr::NonNull;
use core::time::Duration;

use super::CancelToken;
use super::hook::{ALIGNED, Chain, Hook};
use crate::atomic::{AtomicUsize, Ordering, UnsafeCell};
use crate::error::{Cancelled, OutcomeError, TimedOut};
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::waiting::WaitQueue;

const PENDING: usize = 0;
const RUNNING: usize = 1;
const FINISHED: usize = 2;
const CANCELLED: usize = 3;
/// The bits of the phase.
const PHASE: usize = 3;
const TELLING: usize = 4;
const TAKEN: usize = 8;
/// The bits that are no address.
const TAGS: usize = PHASE | TELLING | TAKEN;

const _: () = assert!(TAGS == ALIGNED);

/// How far the work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has claimed it.
    Pending,
    /// Somebody works on it.
    Running,
    /// There is a value.
    Finished,
    /// There will be none.
    Cancelled,
}

impl Phase {
    const fn of(state: usize) -> Self {
        match state & PHASE {
            PENDING => Self::Pending,
            RUNNING => Self::Running,
            FINISHED => Self::Finished,
            _ => Self::Cancelled,
        }
    }

    /// Whether it has come to its end.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// What becomes of a piece of work that one may do and any may call off before: a value read by all, or
/// nothing.
///
/// Work is *claimed* by the one who does it, who *finishes* it with a value. Until it is claimed it can be
/// cancelled. There is no state in which a waiter hangs: a cancel tells everybody at once, and so does a
/// claim that is dropped. To hand a value over once, to one, take a [`Promise`](super::Promise); to make a
/// value on demand, a [`Once`](super::Once).
///
/// ```
/// use inkle_core::error::OutcomeError;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::{Outcome, Phase};
///
/// static SUM: Outcome<u32, Spin<NoBoard>> = Outcome::new();
/// static LATE: Outcome<u32, Spin<NoBoard>> = Outcome::new();
///
/// let claim = SUM.claim().unwrap();
/// assert!(SUM.claim().is_none() && !SUM.cancel());
/// claim.finish(1 + 2);
/// assert_eq!(SUM.get(), Ok(&3));
///
/// assert!(LATE.cancel());
/// assert!(LATE.claim().is_none());
/// assert_eq!(LATE.get(), Err(OutcomeError::Cancelled));
/// ```
#[repr(C)]
pub struct Outcome<T, P: Platform> {
    changed: WaitQueue<P>,
    state: AtomicUsize,
    room: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: one thread writes the value and another may take or drop it, which takes `Send`; all read it,
// which takes `Sync`. Nobody else touches the room (invariant 1).
unsafe impl<T: Send + Sync, P: Platform> Sync for Outcome<T, P> {}
// SAFETY: as above. Hooks are their owners' business, see `hook`.
unsafe impl<T: Send, P: Platform> Send for Outcome<T, P> {}

impl<T, P: Platform> Outcome<T, P> {
    const_fn! {
        /// Work that nobody has begun.
        #[must_use]
        pub const fn new() -> Self {
            let room = UnsafeCell::new(MaybeUninit::uninit());
            Self { changed: WaitQueue::new(), state: AtomicUsize::new(PENDING), room }
        }
    }

    /// How far the work has come.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of whoever
    /// ended the work. Source: CF004, CF006.
    #[must_use]
    #[inline]
    pub fn phase(&self) -> Phase {
        Phase::of(self.look())
    }

    /// The right to do the work, if nobody has it, had it, or has cancelled the work. One
    /// read-modify-write.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: none. Source: CF014.
    #[must_use]
    #[inline]
    pub fn claim(&self) -> Option<Claim<'_, T, P>> {
        let mut seen = PENDING;
        // Relaxed: it hands nothing over. Being a read-modify-write it continues the release sequence of
        // the hooks that have entered.
        while let Err(now) =
            self.state.compare_exchange(seen, seen | RUNNING, Ordering::Relaxed, Ordering::Relaxed)
        {
            if now & PHASE != PENDING {
                return None;
            }
            seen = now;
        }
        Some(Claim(self))
    }

    /// A claim again that was forgotten ([`core::mem::forget`]), in whatever thread.
    ///
    /// # Safety
    ///
    /// [`claim`](Self::claim) has given one, which was forgotten, and there is no other.
    pub unsafe fn claimed(&self) -> Claim<'_, T, P> {
        Claim(self)
    }

    /// Sees to it that the work is never begun, and tells all who wait for it; says whether this did it:
    /// `false` if it was claimed or cancelled before.
    ///
    /// Progress: lock-free, with tasks waiting a short lock, and then whatever the hooks do.
    /// Interrupt-safe: yes, if the platform's `wake` is, with tasks if its
    /// [`masked`](Platform::masked) keeps handlers out, and if the hooks are. Ordering: release, pairs with
    /// the acquire of [`get`](Self::get). Source: CF005, CF016.
    pub fn cancel(&self) -> bool {
        self.end(PENDING, CANCELLED)
    }

    /// The value; waits without limit until the work is done.
    ///
    /// Errors: [`OutcomeError::Cancelled`]. Progress: blocking. Interrupt-safe: no. Ordering: acquire,
    /// pairs with the release of [`finish`](Claim::finish) and [`cancel`](Self::cancel). Source: CF007.
    pub fn get(&self) -> Result<&T, OutcomeError> {
        self.get_until(Deadline::NEVER)
    }

    /// The value, if there is one now.
    ///
    /// Errors: also [`OutcomeError::NotDone`]. Progress: wait-free. Interrupt-safe: yes. Ordering: as
    /// [`get`](Self::get).
    #[inline]
    pub fn try_get(&self) -> Result<&T, OutcomeError> {
        self.found().unwrap_or(Err(OutcomeError::NotDone))
    }

    /// As [`get`](Self::get), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: also [`OutcomeError::TimedOut`].
    pub fn get_until(&self, deadline: impl Into<Deadline>) -> Result<&T, OutcomeError> {
        let result = self.changed.block(deadline.into(), || self.found());
        result.unwrap_or(Err(OutcomeError::TimedOut))
    }

    /// As [`get`](Self::get), for at most `timeout`. See [`get_until`](Self::get_until).
    pub fn get_timeout(&self, timeout: Duration) -> Result<&T, OutcomeError> {
        self.get_until(Deadline::after::<P>(timeout))
    }

    /// As [`get`](Self::get), until `token` is cancelled.
    ///
    /// Errors: also [`OutcomeError::CalledOff`]. Source: TH077.
    pub fn get_unless(&self, token: &CancelToken<'_, P>) -> Result<&T, OutcomeError> {
        let result = self.get_async().unless(token);
        result.unwrap_or_else(|Cancelled(reason)| Err(OutcomeError::CalledOff(reason)))
    }

    /// [`get`](Self::get) to await or to select.
    ///
    /// Progress: each poll is wait-free, and if the work is not done takes a short lock on the list of
    /// waiters. Interrupt-safe: to be polled in a handler, if the platform's [`masked`](Platform::masked)
    /// keeps handlers out.
    pub fn get_async(&self) -> GetOutcome<'_, T, P> {
        Operation::new(Getting(self), self.changed.place())
    }

    /// Enters one who is to be told when the work is done, by the thread that ends it; `false`, and it is
    /// not entered, if the outcome is [settled](Self::is_settled): then the caller does what was to be done.
    ///
    /// Hooks are told one after another, in the order in which they entered, and after those who wait.
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Ordering: release, pairs with the acquire of who ends the
    /// work; if `false` acquire, as [`get`](Self::get). Source: CF010, CF011, CF013.
    ///
    /// ```
    /// use core::ptr::NonNull;
    /// use inkle_core::atomic::{AtomicU32, Ordering};
    /// use inkle_core::platform::{NoBoard, Spin};
    /// use inkle_core::sync::{Hook, Outcome};
    ///
    /// static SUM: Outcome<u32, Spin<NoBoard>> = Outcome::new();
    /// static TOLD: AtomicU32 = AtomicU32::new(0);
    /// static HOOK: Hook = Hook::new(|_| TOLD.store(1, Ordering::Relaxed));
    ///
    /// // SAFETY: it is a static, entered once.
    /// assert!(unsafe { SUM.hook(NonNull::from(&HOOK)) });
    /// SUM.cancel();
    /// assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    /// ```
    ///
    /// # Safety
    ///
    /// The hook is in no chain, stays where it is and alive until it is told, and nobody else touches it
    /// until then. Its function may be called then, once, in any thread, and if it unwinds the others are
    /// told all the same. If the outcome dies before it is done nobody is told.
    pub unsafe fn hook(&self, hook: NonNull<Hook>) -> bool {
        let mut seen = self.look();
        loop {
            if is_settled(seen) {
                return false;
            }
            // SAFETY: nobody else can see the hook, by the caller.
            unsafe { Hook::link(hook, seen & !TAGS) };
            let next = Hook::address(hook) | seen & TAGS;
            // Release, pairs with the Acquire of `end` and `settle`, without which who takes the chain
            // might read the link, or what the hook's owner wrote, as it was before. Acquire as in `look`.
            match self.state.compare_exchange(seen, next, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether the work is done and all hooks have been told: nobody who came before looks at the value
    /// any more.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of the one who
    /// told them.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        is_settled(self.look())
    }

    /// Waits until [`is_settled`](Self::is_settled), or until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`TimedOut`]. Progress: blocking. Interrupt-safe: no. Ordering: as `is_settled`.
    pub fn settle_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        let result = self.changed.block(deadline.into(), || self.is_settled().then_some(()));
        result.ok_or(TimedOut)
    }

    /// [`settle_until`](Self::settle_until) to await or to select. Progress and interrupt safety: as
    /// [`get_async`](Self::get_async).
    pub fn settle_async(&self) -> SettleOutcome<'_, T, P> {
        Operation::new(Settling(self), self.changed.place())
    }

    /// Moves the value out, if there is one; there is none afterwards.
    ///
    /// # Safety
    ///
    /// The outcome [is settled](Self::is_settled), or this is called by a hook after which no other is
    /// told; no reference to the value is left, and nobody asks for one from now on; and nobody else takes
    /// at the same time.
    pub unsafe fn take(&self) -> Option<T> {
        let seen = self.look();
        if seen & (PHASE | TAKEN) != FINISHED {
            return None;
        }
        // Relaxed: what was done to the value is ordered by the look above. When it is settled nobody else
        // writes any more.
        if is_settled(seen) {
            self.state.store(seen | TAKEN, Ordering::Relaxed);
        } else {
            self.state.fetch_or(TAKEN, Ordering::Relaxed);
        }
        // SAFETY: there was a value (invariant 1), and by the caller nobody else reaches it.
        Some(self.room.with(|room| unsafe { (*room).assume_init_read() }))
    }

    /// The value, if there is one.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        // SAFETY: everything is ours: there are no references, and who told hooks borrowed it.
        unsafe { self.take() }
    }

    /// What there is, if the work is done.
    #[inline]
    fn found(&self) -> Option<Result<&T, OutcomeError>> {
        match self.phase() {
            Phase::Finished => {
                // SAFETY: there is a value (invariant 1), we see it by the Acquire of `look`, and who
                // takes it has promised that we are not here.
                Some(Ok(self.room.with(|room| unsafe { (*room).assume_init_ref() })))
            }
            Phase::Cancelled => Some(Err(OutcomeError::Cancelled)),
            Phase::Pending | Phase::Running => None,
        }
    }

    #[inline]
    fn look(&self) -> usize {
        // Acquire, pairs with the Release of `end`, without which who finds a value might read what was
        // there before, and of `settle`, without which who takes it might be overtaken by a hook that
        // reads it.
        self.state.load(Ordering::Acquire)
    }

    /// From `from`, which is the phase of work that is not done, to the phase `to`, if it is there.
    #[inline]
    fn end(&self, from: usize, to: usize) -> bool {
        let mut seen = from;
        loop {
            let chain = seen & !TAGS;
            let next = if chain == 0 { to } else { to | TELLING };
            // Release, pairs with the Acquire of `look`: the value, or what came before the cancel.
            // Acquire, pairs with the Release of `hook`: the links of the chain. (The fence of the
            // notification below gives that too, on platforms where it is one: the models cannot tell. No
            // memory safety may hang on a platform's fence.) Relaxed: who fails tries again or learns
            // nothing.
            match self.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    self.changed.notify_after_rmw(u32::MAX);
                    if chain != 0 {
                        self.tell(chain);
                    }
                    return true;
                }
                Err(now) if now & PHASE == from => seen = now,
                Err(_) => return false,
            }
        }
    }

    #[cold]
    fn tell(&self, chain: usize) {
        // SAFETY: we have set `TELLING`, so it is ours (invariant 2), and who entered keeps them alive.
        let mut telling = Telling { outcome: self, chain: unsafe { Chain::turned(chain) } };
        telling.tell_all();
        forget(telling);
    }

    /// Ends `TELLING`, unless hooks have entered: gives those.
    fn settle(&self) -> Option<Chain> {
        // Relaxed: the exchange below checks it.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let chain = seen & !TAGS;
            let next = if chain == 0 { seen & !TELLING } else { seen & TAGS };
            // Release, pairs with the Acquire of `look`: what the hooks did with the value. Acquire, pairs
            // with the Release of `hook`: the links.
            match self.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if chain == 0 => {
                    self.changed.notify_after_rmw(u32::MAX);
                    return None;
                }
                // SAFETY: we own the chain while it is `TELLING` (invariant 2).
                Ok(_) => return Some(unsafe { Chain::turned(chain) }),
                Err(now) => seen = now,
            }
        }
    }
}

const fn is_settled(state: usize) -> bool {
    Phase::of(state).is_done() && state & TELLING == 0
}

impl<T, P: Platform> Default for Outcome<T, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform> Drop for Outcome<T, P> {
    fn drop(&mut self) {
        // SAFETY: as in `into_inner`.
        drop(unsafe { self.take() });
    }
}

impl<T, P: Platform> fmt::Debug for Outcome<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

/// Tells all hooks. Dropped before the end, that is when one unwinds, it goes on to the end.
struct Telling<'a, T, P: Platform> {
    outcome: &'a Outcome<T, P>,
    chain: Chain,
}

impl<T, P: Platform> Telling<'_, T, P> {
    fn tell_all(&mut self) {
        loop {
            while self.chain.tell_first() {}
            match self.outcome.settle() {
                Some(chain) => self.chain = chain,
                None => return,
            }
        }
    }
}

impl<T, P: Platform> Drop for Telling<'_, T, P> {
    fn drop(&mut self) {
        self.tell_all();
    }
}

/// The right to do the work of an [`Outcome`], which nobody can cancel any more. Dropped without a value,
/// also by a panic, the work is cancelled.
#[must_use = "dropped, the work is cancelled"]
pub struct Claim<'a, T, P: Platform>(&'a Outcome<T, P>);

impl<T, P: Platform> Claim<'_, T, P> {
    /// The work is done, and this is what came of it. Tells all who wait. One read-modify-write, if nobody
    /// does and there are no hooks.
    ///
    /// Progress, interrupt safety and ordering: as [`Outcome::cancel`]. Source: CF015.
    #[inline]
    pub fn finish(self, value: T) {
        let claim = ManuallyDrop::new(self);
        // SAFETY: we have the claim, so we are the only one to touch the room (invariant 1).
        claim.0.room.with_mut(|room| unsafe { (*room).write(value) });
        claim.0.end(RUNNING, FINISHED);
    }
}

impl<T, P: Platform> Drop for Claim<'_, T, P> {
    fn drop(&mut self) {
        self.0.end(RUNNING, CANCELLED);
    }
}

impl<T, P: Platform> fmt::Debug for Claim<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

/// An outcome being waited for; see [`Outcome::get_async`].
pub type GetOutcome<'a, T, P> = Operation<'a, Getting<'a, T, P>, P>;

/// See [`GetOutcome`].
pub struct Getting<'a, T, P: Platform>(&'a Outcome<T, P>);

debug_name!(impl[T, P: Platform] Getting<'_, T, P>: "Getting";);

impl<'a, T, P: Platform> Attempt for Getting<'a, T, P> {
    type Output = Result<&'a T, OutcomeError>;

    fn attempt(&mut self, _waited: bool) -> Option<Self::Output> {
        self.0.found()
    }
}

/// The end of an outcome's hooks being waited for; see [`Outcome::settle_async`].
pub type SettleOutcome<'a, T, P> = Operation<'a, Settling<'a, T, P>, P>;

/// See [`SettleOutcome`].
pub struct Settling<'a, T, P: Platform>(&'a Outcome<T, P>);

debug_name!(impl[T, P: Platform] Settling<'_, T, P>: "Settling";);

impl<T, P: Platform> Attempt for Settling<'_, T, P> {
    type Output = ();

    fn attempt(&mut self, _waited: bool) -> Option<()> {
        self.0.is_settled().then_some(())
    }
}
