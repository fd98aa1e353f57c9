//! What all executors have in common.

use std::fmt;
use std::sync::Arc;

use inkle_core::error::TimedOut;
use inkle_core::sync::Reason;

use super::cell::{Body, Call, Cell, InContext, Settled, Work};
use super::label::{Label, Tag};
use super::map::{Map, Stop};
use super::{Future, SubmitCause, SubmitError, Task};
use crate::platform::Deadline;
use crate::threading::CancelToken;

/// Somebody who does work that is submitted.
///
/// See [`Inline`] for an example, and [`Spawn`] for how to write one.
pub trait Executor: Send + Sync {
    /// Takes no more work, and waits until `deadline` for what it has: work that runs, and what has not
    /// begun, unless that is to be cancelled. Shut down twice, it waits again, and cancels if one of the
    /// calls says so. (CF031, CF032)
    ///
    /// Errors: [`TimedOut`]; then the work goes on.
    fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut>;
}

/// What becomes of work that has not begun when an executor is [shut down](Executor::shutdown).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pending {
    /// It is done.
    #[default]
    Run,
    /// It is cancelled.
    Cancel,
}

/// An executor in this process: takes closures.
///
/// To write one, say where a task is run. All else is there:
///
/// ```
/// use inkle::concurrent::{Executor, Pending, Spawn, SubmitCause, SubmitError, Task, TimedOut};
/// use inkle::platform::Deadline;
/// use inkle::threading;
///
/// /// A thread for each task. Its threads are waited for at the end of the process, not before.
/// struct Threads;
///
/// impl Executor for Threads {
///     fn shutdown(&self, _: Pending, _: Deadline) -> Result<(), TimedOut> {
///         Ok(())
///     }
/// }
///
/// impl Spawn for Threads {
///     fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
///         let slot = std::sync::Arc::new(std::sync::Mutex::new(Some(task)));
///         let own = slot.clone();
///         match threading::spawn(move || own.lock().unwrap().take().map(Task::run)) {
///             Ok(_) => Ok(()),
///             Err(_) => match slot.lock().unwrap().take() {
///                 Some(task) => Err(SubmitError::new(SubmitCause::Exiting, task)),
///                 None => Ok(()),
///             },
///         }
///     }
/// }
///
/// let future = Threads.submit(|| threading::get_ident()).unwrap();
/// assert_ne!(future.join().unwrap(), threading::get_ident());
/// ```
pub trait Spawn: Executor {
    /// Sees to it that the task is run, by and by. Dropped instead, it is cancelled.
    ///
    /// Errors: the task comes back, and why.
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>>;

    /// Whose workers may do a task early when they wait for it.
    #[doc(hidden)]
    fn home(&self) -> usize {
        0
    }

    /// What it calls its tasks.
    #[doc(hidden)]
    fn tag(&self) -> Tag<'_> {
        Tag::default()
    }

    /// Has `function` called, and gives the future of its result. (CF023)
    ///
    /// Errors: the function comes back, and why.
    fn submit<T, F>(&self, function: F) -> Result<Future<T>, SubmitError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        Self: Sized,
    {
        submit::<F, _, _>(self, Work(function))
            .map_err(|error| error.map(|Work(function)| function))
    }

    /// Has `function` called, and gives no future: less to carry, if nobody wants to know. A panic goes to
    /// the [panic hook](crate::threading::set_panic_hook). (CF023)
    ///
    /// Errors: the function comes back, and why.
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    /// use inkle::threading::Event;
    ///
    /// static DONE: Event = Event::new();
    ///
    /// Inline::new().start(|| DONE.set()).unwrap();
    /// assert!(DONE.is_set());
    /// ```
    fn start<F>(&self, function: F) -> Result<(), SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
        Self: Sized,
    {
        super::detached::start(self, function)
    }

    /// Has `function` called with each of the items, and gives the results: see [`Map`] for how. (CF024)
    ///
    /// ```
    /// use inkle::concurrent::{Inline, Spawn};
    ///
    /// let lengths: Result<Vec<_>, _> =
    ///     Inline::new().map(|word: &str| word.len(), ["warp", "weft", "loom"]).into_iter().collect();
    /// assert_eq!(lengths.unwrap(), [4, 4, 4]);
    /// ```
    fn map<'e, A, R, F, I>(&'e self, function: F, items: I) -> Map<'e, I::IntoIter, R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Send + 'static,
        R: Send + 'static,
        Self: Sized,
    {
        let function = Arc::new(function);
        Map::new(items.into_iter(), move |chunk: Vec<A>, stop: &Stop| {
            let (function, stop) = (function.clone(), stop.clone());
            let work = Work(move || stop.run(chunk, &*function));
            submit::<F, _, _>(self, work).map_err(|error| error.into_parts().0)
        })
    }
}

/// An executor that can carry arguments `A` to wherever it works, and results `R` back; see
/// [the forms of work](crate::concurrent#two-forms-of-work).
///
/// ```
/// use inkle::concurrent::{Inline, Submit};
///
/// fn area((width, height): (u32, u32)) -> u32 {
///     width * height
/// }
///
/// let future = Inline::new().submit_fn(area, (6, 7)).unwrap();
/// assert_eq!(future.join().unwrap(), 42);
/// ```
pub trait Submit<A, R>: Executor
where
    A: Send + 'static,
    R: Send + 'static,
{
    /// Has `function` called with `argument`, and gives the future of the result. (CF023)
    ///
    /// Errors: the argument comes back, and why.
    fn submit_fn(&self, function: fn(A) -> R, argument: A) -> Result<Future<R>, SubmitError<A>>;

    /// Has `function` called with each of the items in turn, as one piece of work: less to carry for each.
    /// A panic is the result of its item alone. (CF030)
    ///
    /// Errors: the items come back, and why.
    fn submit_chunk(
        &self,
        function: fn(A) -> R,
        chunk: Vec<A>,
    ) -> Result<Future<Vec<Settled<R>>>, SubmitError<Vec<A>>>;

    /// Has `function` called with each of the items, and gives the results: see [`Map`] for how. (CF024)
    fn map_fn<'e, I>(&'e self, function: fn(A) -> R, items: I) -> Map<'e, I::IntoIter, R>
    where
        I: IntoIterator<Item = A>,
        Self: Sized,
    {
        Map::new(items.into_iter(), move |chunk, _: &Stop| {
            self.submit_chunk(function, chunk).map_err(|error| error.into_parts().0)
        })
    }
}

impl<E: Spawn, A: Send + 'static, R: Send + 'static> Submit<A, R> for E {
    fn submit_fn(&self, function: fn(A) -> R, argument: A) -> Result<Future<R>, SubmitError<A>> {
        let call = Call(function, argument);
        submit::<fn(A) -> R, _, _>(self, call).map_err(|error| error.map(|call| call.1))
    }

    fn submit_chunk(
        &self,
        function: fn(A) -> R,
        chunk: Vec<A>,
    ) -> Result<Future<Vec<Settled<R>>>, SubmitError<Vec<A>>> {
        let each = move |chunk| Stop::new().run(chunk, &function);
        let call = Call(each, chunk);
        submit::<fn(A) -> R, _, _>(self, call).map_err(|error| error.map(|call| call.1))
    }
}

/// Has a body, which calls function `F`, run by the executor; it comes back if it is not taken.
fn submit<F, T, B>(executor: &impl Spawn, body: B) -> Result<Future<T>, SubmitError<B>>
where
    B: Body<T> + 'static,
    T: Send + 'static,
{
    let body = InContext::new(Label::new::<F>(executor.tag()), body);
    let cell = Arc::new(Cell::new(executor.home(), body));
    let (place, future) = (Arc::as_ptr(&cell), Future::new(cell.clone()));
    let Err(error) = executor.execute(Task::of(cell)) else { return Ok(future) };
    let (cause, task) = error.into_parts();
    // Before the task is dropped, which cancels it.
    //
    // SAFETY: the future has a share of it.
    let body = unsafe { &*place }.take_back();
    drop(task);
    match body {
        Some(InContext { body, .. }) => Err(SubmitError::new(cause, body)),
        // It was run or cancelled for all that: the future knows.
        None => Ok(future),
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<E: Executor + ?Sized> Executor for $pointer {
            fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut> {
                (**self).shutdown(pending, deadline)
            }
        }

        impl<E: Spawn + ?Sized> Spawn for $pointer {
            fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
                (**self).execute(task)
            }

            fn home(&self) -> usize {
                (**self).home()
            }

            fn tag(&self) -> Tag<'_> {
                (**self).tag()
            }
        }
    )*};
}

forward!(&E, Arc<E>, Box<E>);

/// Does all work at once, in the thread that submits it: for tests, for debugging, and where there is
/// nothing to be gained by threads.
///
/// ```
/// use inkle::concurrent::{Executor, Inline, Pending, Spawn};
/// use inkle::platform::Deadline;
///
/// let executor = Inline::new();
/// let future = executor.submit(|| 6 * 7).unwrap();
/// assert!(future.is_done());
/// executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
/// assert!(executor.submit(|| 7).is_err());
/// ```
#[derive(Default)]
pub struct Inline {
    /// Cancelled when it is shut down.
    closed: CancelToken<'static>,
}

impl Inline {
    /// An executor that takes work.
    #[must_use]
    pub const fn new() -> Self {
        Self { closed: CancelToken::new() }
    }
}

impl Executor for Inline {
    /// Does not wait: work that runs elsewhere is waited for by whoever submitted it.
    fn shutdown(&self, _: Pending, _: Deadline) -> Result<(), TimedOut> {
        self.closed.cancel(Reason::SHUTDOWN);
        Ok(())
    }
}

impl Spawn for Inline {
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
        if self.closed.is_cancelled() {
            return Err(SubmitError::new(SubmitCause::ShutDown, task));
        }
        task.run();
        Ok(())
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").field("closed", &self.closed.is_cancelled()).finish()
    }
}
