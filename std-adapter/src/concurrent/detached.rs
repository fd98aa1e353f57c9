//! Work whose result nobody wants: a function on the heap, and no future.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use inkle_core::sync::Phase;

use super::cell::Runnable;
use super::executor::Spawn;
use super::label::Label;
use super::task::Task;
use super::{FutureError, SubmitError};
use crate::contextvars::Inherited;
use crate::threading::{Panic, current, drop_quietly, is_exit, report_panic};

/// A function that is called at most once.
struct Detached<F> {
    /// Empty once it is called, given up, or handed back.
    function: UnsafeCell<Option<(Label, F)>>,
    /// Whose copy it is called in.
    context: Inherited,
}

// SAFETY: one `Task` owns it, and whoever has that calls it alone: `run`, `fail` and `cancel` take the
// task, and `start` takes the function out when the task has come back to it. So the function only
// moves from thread to thread, which takes `Send`.
unsafe impl<F: Send> Sync for Detached<F> {}

impl<F> Detached<F> {
    fn take(&self) -> Option<(Label, F)> {
        // SAFETY: as above, nobody else is here.
        unsafe { (*self.function.get()).take() }
    }
}

impl<F: FnOnce() + Send> Runnable for Detached<F> {
    fn run(&self) -> bool {
        let Some((label, function)) = self.take() else { return false };
        let context = self.context.clone();
        let call = || catch_unwind(AssertUnwindSafe(function));
        let panicked = |result: &thread::Result<()>| {
            result.as_ref().is_err_and(|payload| !is_exit(&**payload))
        };
        // Again, for what others do around it.
        let called = AssertUnwindSafe(|| context.run(|| label.run(call, panicked)));
        match catch_unwind(called).and_then(|result| result) {
            Err(payload) if !is_exit(&*payload) => report_panic(&current(), &Panic::new(payload)),
            _ => {}
        }
        true
    }

    fn fail(&self, _: FutureError) {
        drop_quietly(self.take().map(|(_, function)| function));
    }

    fn cancel(&self) -> bool {
        if let Some((label, function)) = self.take() {
            label.revoke();
            drop_quietly(function);
        }
        true
    }

    fn phase(&self) -> Phase {
        // SAFETY: as above.
        match unsafe { &*self.function.get() } {
            Some(_) => Phase::Pending,
            None => Phase::Finished,
        }
    }
}

/// Has `function` called; it comes back if it is not taken.
pub(super) fn start<F>(executor: &(impl Spawn + ?Sized), function: F) -> Result<(), SubmitError<F>>
where
    F: FnOnce() + Send + 'static,
{
    let context = Inherited::from_here();
    let function = UnsafeCell::new(Some((Label::new::<F>(executor.tag()), function)));
    let work = Arc::new(Detached { function, context });
    let address = Arc::as_ptr(&work);
    let Err(error) = executor.execute(Task::of(work)) else { return Ok(()) };
    let (cause, task) = error.into_parts();
    // An executor that is wrong may have handed another task back.
    if !task.is(address.cast()) {
        drop(task);
        return Ok(());
    }
    // SAFETY: the task that owns it is here and alive.
    let function = unsafe { &*address }.take();
    drop(task);
    // Not there: it has been called for all that.
    function.map_or(Ok(()), |(_, function)| Err(SubmitError::new(cause, function)))
}
