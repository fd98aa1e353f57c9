//! Functions that are called when a future is done: hooks of its outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use inkle_core::sync::Hook;

use super::FutureError;
use super::cell::{Outcome, Settled, Shared};
use super::here;
use crate::contextvars::Inherited;
use crate::threading::{Panic, current, drop_quietly, is_exit, report_panic};

/// A hook in a box, with what it calls.
#[repr(C)]
struct Callback<T, G> {
    hook: Hook,
    outcome: *const Outcome<T>,
    function: G,
}

impl<T, G: FnOnce(&Outcome<T>)> Callback<T, G> {
    /// # Safety
    ///
    /// It is the hook of a boxed `Callback<T, G>`, which is not used any more, and its outcome is alive.
    unsafe fn tell(hook: NonNull<Hook>) {
        // SAFETY: the hook is the first field, and the box is ours now.
        let callback = unsafe { Box::from_raw(hook.as_ptr().cast::<Self>()) };
        // SAFETY: alive, by the caller.
        call(unsafe { &*callback.outcome }, callback.function);
    }
}

/// Calls `function` here, now; of a panic the hook hears. (CF012)
fn call<T>(outcome: &Outcome<T>, function: impl FnOnce(&Outcome<T>)) {
    let called = AssertUnwindSafe(|| function(outcome));
    let result = here::inside(&raw const *outcome as usize, || catch_unwind(called));
    match result {
        Err(payload) if is_exit(&*payload) => drop_quietly(payload),
        Err(payload) => report_panic(&current(), &Panic::new(payload)),
        Ok(()) => {}
    }
}

/// Has `function` called when the outcome is there: by the one who ends the work, or, if it is settled
/// already, here and now.
fn enter<T, G>(outcome: &Outcome<T>, function: G)
where
    G: FnOnce(&Outcome<T>) + Send,
{
    let hook = Hook::new(|hook| {
        // SAFETY: this is the function of such hooks only; who tells it borrows the outcome.
        unsafe { Callback::<T, G>::tell(hook) }
    });
    let callback = Box::into_raw(Box::new(Callback { hook, outcome, function }));
    // SAFETY: just made, so not null; the hook is the first field, and the box holds still and is let go
    // of here until it is told. Whoever tells it borrows the outcome, and what is called is `Send`.
    if !unsafe { outcome.hook(NonNull::new_unchecked(callback).cast()) } {
        // SAFETY: it was not entered, so it is still ours.
        let callback = unsafe { Box::from_raw(callback) };
        call(outcome, callback.function);
    }
}

/// Shows the result to `function`, once.
pub(super) fn show<T, G>(shared: &dyn Shared<T>, function: G)
where
    T: Sync,
    G: FnOnce(Result<&T, FutureError>) + Send,
{
    let context = Inherited::from_here();
    enter(shared.outcome(), |outcome| context.run(|| function(look(outcome))));
}

/// Gives the result to `function`, once.
///
/// # Safety
///
/// The caller is the future's owner, and asks it for nothing more; nor does anybody else.
pub(super) unsafe fn give<T, G>(shared: Arc<dyn Shared<T>>, function: G)
where
    T: Send + 'static,
    G: FnOnce(Settled<T>) + Send + 'static,
{
    let own = shared.clone();
    let context = Inherited::from_here();
    enter(shared.outcome(), move |_| {
        here::in_turn(move || {
            // SAFETY: settled, or this is the last hook: the owner enters no more. Nobody asks, by the
            // caller.
            let result = unsafe { own.outcome().take() };
            let result = result.unwrap_or(Err(FutureError::Cancelled));
            call(own.outcome(), |_| context.run(|| function(result)));
        });
    });
}

/// What there is of the value.
pub(super) fn look<T>(outcome: &Outcome<T>) -> Result<&T, FutureError> {
    match outcome.try_get() {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.clone()),
        Err(error) => Err(error.into()),
    }
}
