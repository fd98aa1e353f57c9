//! What a future and those who do its work share, in one allocation.
//!
//! # Invariants
//!
//! 1. The body is there while the outcome is pending. Who claims it, and who cancels it, takes the body:
//!    there is only ever one of them.
//! 2. The value is seen by reference through the future and in callbacks, which take `T: Sync` to be used
//!    by two threads at once, and moved out by the future's one owner.

use std::cell::UnsafeCell;
use std::mem::{MaybeUninit, forget};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use inkle_core::sync::Phase;

use super::FutureError;
use super::here;
use super::label::Label;
use super::stop::{Bell, CallOff};
use crate::contextvars::Inherited;
use crate::platform::Private;
use crate::threading::drop_quietly;

/// What becomes of work: its value, or why there is none.
pub(super) type Settled<T> = Result<T, FutureError>;
pub(super) type Outcome<T> = inkle_core::sync::Outcome<Settled<T>, Private>;

/// What the work is.
pub(super) trait Body<T>: Send {
    /// Does it here.
    fn run(self) -> Settled<T>;
    /// Whether anybody can do it by [`run`](Self::run).
    const RUNS: bool;
    /// It is never begun.
    fn revoke(self, how: CallOff);
}

/// A function to be called.
pub(super) struct Work<F>(pub(super) F);

impl<T, F: FnOnce() -> T + Send> Body<T> for Work<F> {
    const RUNS: bool = true;

    fn run(self) -> Settled<T> {
        catch_unwind(AssertUnwindSafe(self.0)).map_err(FutureError::unwound)
    }

    fn revoke(self, _: CallOff) {
        drop_quietly(self);
    }
}

/// A function to be called with an argument.
pub(super) struct Call<F, A>(pub(super) F, pub(super) A);

impl<T, A: Send, F: FnOnce(A) -> T + Send> Body<T> for Call<F, A> {
    const RUNS: bool = true;

    fn run(self) -> Settled<T> {
        let Self(function, argument) = self;
        Work(|| function(argument)).run()
    }

    fn revoke(self, _: CallOff) {
        drop_quietly(self);
    }
}

/// A body, and the context that it is to be done in.
pub(super) struct InContext<B> {
    context: Inherited,
    label: Label,
    pub(super) body: B,
}

impl<B> InContext<B> {
    /// In a copy of the caller's.
    pub(super) fn new(label: Label, body: B) -> Self {
        Self { context: Inherited::from_here(), label, body }
    }
}

impl<T, B: Body<T>> Body<T> for InContext<B> {
    const RUNS: bool = B::RUNS;

    fn run(self) -> Settled<T> {
        let Self { context, label, body } = self;
        let panicked = |result: &Settled<T>| matches!(result, Err(FutureError::Panicked(_)));
        context.run(|| label.run(|| body.run(), panicked))
    }

    fn revoke(self, how: CallOff) {
        let Self { context, label, body } = self;
        label.revoke();
        body.revoke(how);
        drop_quietly(context);
    }
}

/// Work that is done elsewhere, and what of it can be cancelled.
pub(super) struct Link(pub(super) Option<Arc<dyn Revoke>>);

impl<T> Body<T> for Link {
    const RUNS: bool = false;

    fn run(self) -> Settled<T> {
        Err(FutureError::Broken)
    }

    fn revoke(self, how: CallOff) {
        if let Some(upstream) = self.0 {
            here::in_turn(move || upstream.revoke(how));
        }
    }
}

/// Something that can be called off.
pub(super) trait Revoke: Send + Sync {
    fn revoke(&self, how: CallOff);
}

/// What a worker may do itself so that it need not wait.
pub(super) trait Root: Send + Sync {
    /// Does some of it, if it is of the pool with this number and nobody has begun it; whether it did.
    fn run_here(&self, home: usize) -> bool;

    /// The one that stands for this one now, if it does nothing itself.
    fn delegate(&self) -> Option<Arc<dyn Root>> {
        None
    }
}

/// What a future needs to know of its cell.
pub(super) trait Shared<T>: Root {
    fn outcome(&self) -> &Outcome<T>;
    /// Whether it is cancelled, now or before, or, if that is enough, asked to stop.
    fn call_off(&self, how: CallOff) -> bool;
    fn revoker(self: Arc<Self>) -> Arc<dyn Revoke>;
    fn root(self: Arc<Self>) -> Arc<dyn Root>;
}

/// What those who do the work need to know of it.
pub(super) trait Runnable: Send + Sync {
    /// Claims and does the work, unless somebody has, or it is cancelled; says whether it did.
    fn run(&self) -> bool;
    /// Claims the work and says that it cannot be done.
    fn fail(&self, error: FutureError);
    fn cancel(&self) -> bool;
    fn phase(&self) -> Phase;
}

pub(super) struct Cell<B: Body<T>, T> {
    outcome: Outcome<T>,
    /// Whose workers may do the work early, when they wait for it; 0: nobody's.
    home: usize,
    /// Asks work that runs to stop.
    bell: Bell,
    body: UnsafeCell<MaybeUninit<B>>,
}

// SAFETY: the body goes to the one who takes it (invariant 1), which takes `Send`. The value goes from
// the one who did the work to the future's owner, which takes `Send`; it is seen by two threads only where
// `T: Sync` (invariant 2).
unsafe impl<B: Body<T>, T: Send> Sync for Cell<B, T> {}
// SAFETY: as above.
unsafe impl<B: Body<T>, T: Send> Send for Cell<B, T> {}

impl<B: Body<T>, T> Cell<B, T> {
    pub(super) fn new(home: usize, body: B) -> Self {
        let body = UnsafeCell::new(MaybeUninit::new(body));
        Self { outcome: Outcome::new(), home, bell: Bell::new(), body }
    }

    /// # Safety
    ///
    /// The caller has claimed the outcome, or cancelled it, and calls this once.
    pub(super) unsafe fn take_body(&self) -> B {
        // SAFETY: it is there, and the caller is the one who takes it (invariant 1).
        unsafe { (*self.body.get()).assume_init_read() }
    }

    /// Whether it is cancelled, now or before, or, if that is enough, asked to stop.
    fn try_call_off(&self, how: CallOff) -> bool {
        if self.outcome.cancel() {
            // SAFETY: we have cancelled it.
            unsafe { self.take_body() }.revoke(how);
            return true;
        }
        match self.outcome.phase() {
            Phase::Cancelled => true,
            Phase::Running if how == CallOff::Running => {
                self.bell.ring();
                true
            }
            _ => false,
        }
    }

    /// Whether somebody wants it to stop, and it has not looked.
    pub(super) fn is_asked_to_stop(&self) -> bool {
        self.bell.is_rung()
    }
}

impl<B: Body<T>, T: Send> Cell<B, T> {
    /// Takes the body of work that nobody else has a handle of yet.
    pub(super) fn take_back(&self) -> Option<B> {
        let claim = self.outcome.claim()?;
        // SAFETY: we have claimed it.
        let body = unsafe { self.take_body() };
        claim.finish(Err(FutureError::Broken));
        Some(body)
    }

    /// Claims the work, for [`finish`](Self::finish) to end it; `false` if it was cancelled.
    pub(super) fn begin(&self) -> bool {
        match self.outcome.claim() {
            Some(claim) => {
                forget(claim);
                // SAFETY: we have claimed it.
                drop_quietly(unsafe { self.take_body() });
                true
            }
            None => false,
        }
    }

    /// # Safety
    ///
    /// [`begin`](Self::begin) said `true`, and this is called once.
    pub(super) unsafe fn finish(&self, result: Settled<T>) {
        // SAFETY: it was forgotten there.
        unsafe { self.outcome.claimed() }.finish(result);
    }
}

impl<B: Body<T> + 'static, T: Send + 'static> Shared<T> for Cell<B, T> {
    fn outcome(&self) -> &Outcome<T> {
        &self.outcome
    }

    fn call_off(&self, how: CallOff) -> bool {
        self.try_call_off(how)
    }

    fn revoker(self: Arc<Self>) -> Arc<dyn Revoke> {
        self
    }

    fn root(self: Arc<Self>) -> Arc<dyn Root> {
        self
    }
}

impl<B: Body<T>, T: Send> Root for Cell<B, T> {
    fn run_here(&self, home: usize) -> bool {
        self.home == home && self.outcome.phase() == Phase::Pending && self.run()
    }
}

impl<B: Body<T>, T: Send> Revoke for Cell<B, T> {
    fn revoke(&self, how: CallOff) {
        self.try_call_off(how);
    }
}

impl<B: Body<T>, T: Send> Runnable for Cell<B, T> {
    fn run(&self) -> bool {
        if !B::RUNS {
            return false;
        }
        let Some(claim) = self.outcome.claim() else { return false };
        // SAFETY: we have claimed it.
        let body = unsafe { self.take_body() };
        here::doing(&raw const self.outcome as usize, &self.bell, || claim.finish(body.run()));
        true
    }

    fn fail(&self, error: FutureError) {
        let Some(claim) = self.outcome.claim() else { return };
        // SAFETY: we have claimed it.
        let body = unsafe { self.take_body() };
        claim.finish(Err(error));
        drop_quietly(body);
    }

    fn cancel(&self) -> bool {
        self.try_call_off(CallOff::Pending)
    }

    fn phase(&self) -> Phase {
        self.outcome.phase()
    }
}

impl<B: Body<T>, T> Drop for Cell<B, T> {
    fn drop(&mut self) {
        if self.outcome.phase() == Phase::Pending {
            // SAFETY: nobody has claimed or cancelled it (invariant 1), and nobody else is left.
            unsafe { self.body.get_mut().assume_init_drop() };
        }
    }
}
