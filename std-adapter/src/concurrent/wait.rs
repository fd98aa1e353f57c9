//! Waiting for several futures, of whatever executors.

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;

use super::gather::Gather;
use super::{Future, FutureError};
use crate::platform::Deadline;

/// When [`wait`] returns. (CF001, CF020)
///
/// ```
/// use inkle::concurrent::{ReturnWhen, task, wait};
/// use inkle::platform::Deadline;
///
/// let (tasks, futures): (Vec<_>, Vec<_>) = (0..3).map(|n| task(move || 6 / n)).unzip();
/// tasks.into_iter().for_each(|task| assert!(task.run()));
/// let waited = wait(&futures, ReturnWhen::FirstException, Deadline::NEVER);
/// assert_eq!(waited.done.len(), 3, "those that are done already are counted");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnWhen {
    /// When any of them is done or cancelled.
    FirstCompleted,
    /// When any of them gives an error, but for a cancelled one; without errors, when all are done.
    FirstException,
    /// When all are done or cancelled.
    #[default]
    AllCompleted,
}

/// What [`wait`] has found: each future once, in the order in which they were given. (CF018)
///
/// ```
/// use inkle::concurrent::{ReturnWhen, promise, task, wait};
/// use inkle::platform::Deadline;
///
/// let (task, sum) = task(|| 1 + 2);
/// let (promise, open) = promise();
/// task.run();
/// let waited = wait([sum, open], ReturnWhen::FirstCompleted, Deadline::NEVER);
/// assert_eq!((waited.done.len(), waited.not_done.len()), (1, 1));
/// # drop(promise);
/// ```
#[derive(Debug)]
pub struct Waited<F> {
    /// Those that are done or cancelled.
    pub done: Vec<F>,
    /// Those that are not.
    pub not_done: Vec<F>,
}

/// Waits for several futures until `deadline`, which is no error. They come back: owned ones, references,
/// [`Arc`](std::sync::Arc)s, as they were given; one that was given twice comes back once. (CF018 to CF020)
///
/// ```
/// use std::time::Duration;
/// use inkle::concurrent::{ReturnWhen, promise, wait};
/// use inkle::platform::after;
///
/// let (promise, future) = promise::<u32>();
/// let waited = wait([&future, &future], ReturnWhen::AllCompleted, after(Duration::from_millis(1)));
/// assert!(waited.done.is_empty());
/// assert_eq!(waited.not_done.len(), 1);
/// # drop(promise);
/// ```
pub fn wait<T, F>(
    futures: impl IntoIterator<Item = F>,
    return_when: ReturnWhen,
    deadline: impl Into<Deadline>,
) -> Waited<F>
where
    T: Send + 'static,
    F: Borrow<Future<T>>,
{
    let mut gather = Gather::new();
    futures.into_iter().for_each(|future| gather.push(future));
    let deadline = deadline.into();
    let (mut done, mut enough) = (Vec::new(), false);
    // When there is enough, only those that are done by now.
    while let Some(next) = gather.next(if enough { Deadline::PASSED } else { deadline }) {
        enough |= match return_when {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => is_exception(next.1.borrow()),
            ReturnWhen::AllCompleted => false,
        };
        done.push(next);
    }
    done.sort_unstable_by_key(|(number, _)| *number);
    let only = |(_, future)| future;
    Waited {
        done: done.into_iter().map(only).collect(),
        not_done: gather.into_rest().map(only).collect(),
    }
}

fn is_exception<T: Send + 'static>(future: &Future<T>) -> bool {
    let outcome = future.shared.outcome();
    matches!(outcome.try_get(), Ok(Err(error)) if !matches!(error, FutureError::Cancelled))
}

/// The futures as they are done, each once: those that are done already first. Until `deadline`, which
/// counts from this call: then one [`Unfinished`], and no more. (CF021, CF022)
///
/// They come back as they were given. Each is let go of when it is given back. Dropping the iterator
/// changes nothing for the futures.
///
/// ```
/// use inkle::concurrent::{as_completed, task};
/// use inkle::platform::Deadline;
///
/// let (tasks, futures): (Vec<_>, Vec<_>) = (0..3).map(|n| task(move || n)).unzip();
/// tasks.into_iter().rev().for_each(|task| assert!(task.run()));
/// let mut sum = 0;
/// for future in as_completed(futures, Deadline::NEVER) {
///     sum += future.unwrap().join().unwrap();
/// }
/// assert_eq!(sum, 3);
/// ```
pub fn as_completed<T, F>(
    futures: impl IntoIterator<Item = F>,
    deadline: impl Into<Deadline>,
) -> AsCompleted<T, F>
where
    T: Send + 'static,
    F: Borrow<Future<T>>,
{
    let mut gather = Gather::new();
    futures.into_iter().for_each(|future| gather.push(future));
    let total = gather.left();
    AsCompleted { gather: Some(gather), deadline: deadline.into(), total }
}

/// See [`as_completed`].
pub struct AsCompleted<T: 'static, F> {
    /// `None` at the end.
    gather: Option<Gather<T, F>>,
    deadline: Deadline,
    total: usize,
}

impl<T: Send + 'static, F: Borrow<Future<T>>> Iterator for AsCompleted<T, F> {
    type Item = Result<F, Unfinished<F>>;

    fn next(&mut self) -> Option<Self::Item> {
        let gather = self.gather.as_mut()?;
        if let Some((_, future)) = gather.next(self.deadline) {
            return Some(Ok(future));
        }
        let futures: Vec<F> = self.gather.take()?.into_rest().map(|(_, future)| future).collect();
        (!futures.is_empty()).then(|| Err(Unfinished { futures, total: self.total }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.gather.as_ref().map_or(0, Gather::left);
        (usize::from(left > 0), Some(left))
    }
}

impl<T: Send + 'static, F: Borrow<Future<T>>> FusedIterator for AsCompleted<T, F> {}

impl<T: 'static, F> fmt::Debug for AsCompleted<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("total", &self.total).finish_non_exhaustive()
    }
}

/// Some futures were not done until the deadline. (CF022)
///
/// ```
/// use inkle::concurrent::{as_completed, promise};
/// use inkle::platform::Deadline;
///
/// let (promise, future) = promise::<u32>();
/// let error = as_completed([&future], Deadline::PASSED).next().unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "1 of 1 futures unfinished");
/// # drop(promise);
/// ```
pub struct Unfinished<F> {
    /// Those futures, in the order in which they were given.
    pub futures: Vec<F>,
    /// How many there were in all.
    pub total: usize,
}

impl<F> fmt::Debug for Unfinished<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<F> fmt::Display for Unfinished<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} futures unfinished", self.futures.len(), self.total)
    }
}

impl<F> Error for Unfinished<F> {}
