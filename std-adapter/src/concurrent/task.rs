//! Work to be done by whoever has it in hands, and the future of what comes of it.

use std::fmt;
use std::sync::Arc;

use inkle_core::sync::Phase;

use super::cell::{Cell, InContext, Runnable, Work};
use super::label::{Label, Tag};
use super::{Future, FutureError};
use crate::threading::drop_quietly;

/// A function to be called once by an executor, without its type: the other end of a [`Future`].
///
/// Task, function and future are one allocation. A task that is dropped instead of run is cancelled, so
/// nobody waits in vain for a queue that was thrown away.
///
/// ```
/// use inkle::concurrent::{Task, task};
///
/// let (sum, future) = task(|| 1 + 2);
/// let mut queue: Vec<Task> = vec![sum];
/// let lost = task(|| 0).1;
/// assert!(queue.pop().unwrap().run());
/// assert_eq!(future.join().unwrap(), 3);
/// assert!(lost.is_cancelled());
/// ```
#[must_use = "dropped, it is cancelled"]
pub struct Task {
    /// `None` once it was run or has failed.
    cell: Option<Arc<dyn Runnable>>,
}

/// A task that calls `function`, and the future of its result.
pub fn task<T, F>(function: F) -> (Task, Future<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    task_of(0, function)
}

/// As [`task`], of the pool with this number, whose workers may do it early.
pub(crate) fn task_of<T, F>(home: usize, function: F) -> (Task, Future<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let cell =
        Arc::new(Cell::new(home, InContext::new(Label::new::<F>(Tag::default()), Work(function))));
    (Task::of(cell.clone()), Future::new(cell))
}

impl Task {
    /// To do this work.
    pub(super) fn of(cell: Arc<dyn Runnable>) -> Self {
        Self { cell: Some(cell) }
    }

    /// Whether it is of the work at this address.
    pub(super) fn is(&self, address: *const ()) -> bool {
        self.cell.as_ref().is_some_and(|cell| Arc::as_ptr(cell).cast() == address)
    }

    /// Calls the function here, unless the task was cancelled or a worker that waits for it has called it
    /// already; says whether it did. A panic of the function is caught and goes to the future.
    pub fn run(mut self) -> bool {
        let Some(cell) = self.cell.take() else { return false };
        let ran = cell.run();
        // If the future is gone, the result goes here.
        drop_quietly(cell);
        ran
    }

    /// Says that the work cannot be done, and why, to all who wait for it.
    ///
    /// ```
    /// use inkle::concurrent::{FutureError, task};
    ///
    /// let (task, future) = task(|| ());
    /// task.fail(FutureError::failed("no such place"));
    /// assert_eq!(future.join().unwrap_err().to_string(), "the work could not be done: no such place");
    /// ```
    pub fn fail(mut self, error: FutureError) {
        if let Some(cell) = self.cell.take() {
            cell.fail(error);
            drop_quietly(cell);
        }
    }

    /// Whether it need not be run any more: it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.phase() == Phase::Cancelled
    }

    /// Whether there is still something to be run: it was neither cancelled nor begun.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.phase() == Phase::Pending
    }

    fn phase(&self) -> Phase {
        // It is there until the task is gone.
        self.cell.as_ref().map_or(Phase::Finished, |cell| cell.phase())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.cancel();
            drop_quietly(cell);
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("phase", &self.phase()).finish()
    }
}
