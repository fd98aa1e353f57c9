//! Python's `multiprocessing.Pool`.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BadProcessPool, ProcessPoolBuilder, ProcessPoolExecutor};
use crate::concurrent::{
    Executor, Future, FutureError, Map, Pending, Submit, SubmitError, TimedOut,
};
use crate::multiprocessing::call::Call;
use crate::platform::{Deadline, after};

/// Processes that do calls, with Python's names for it. Everything is that of a [`ProcessPoolExecutor`], but for the end:
/// dropped, the processes are [terminated](Self::terminate), and what was not done is lost. (MP060, MP071)
///
/// | Python | here |
/// |---|---|
/// | `Pool(processes, initializer, initargs, maxtasksperchild)` | [`Pool::new`], [`Pool::with`] a [builder](ProcessPoolExecutor::builder) |
/// | `apply(f, args)` | [`apply`](Self::apply) |
/// | `apply_async(f, args, callback=…, error_callback=…)` | [`apply_async`](Self::apply_async), and [`add_done_callback`](Future::add_done_callback) of the future |
/// | `map(f, items, chunksize)`, `starmap` | [`map`](Self::map); an item may be a tuple |
/// | `map_async`, `starmap_async`, `imap` | [`imap`](Self::imap): results in order, as they are asked for |
/// | `imap_unordered` | `imap(…).unordered()` |
/// | `AsyncResult.get`, `wait`, `ready`, `successful` | [`Future`] |
/// | `close`, `terminate`, `join` | the same |
///
/// ```
/// use inkle::multiprocessing::Pool;
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// let pool = Pool::new(2)?;
/// assert_eq!(pool.apply(square, (7,))?, 49);
/// assert_eq!(pool.map(square, 1..=4)?, [1, 4, 9, 16]);
/// pool.close();
/// pool.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    executor: ProcessPoolExecutor,
    workers: usize,
}

impl Pool {
    /// With at most so many processes. (MP060)
    ///
    /// Errors: [`BadProcessPool`].
    pub fn new(processes: u32) -> Result<Self, BadProcessPool> {
        Self::with(ProcessPoolExecutor::builder().workers(processes))
    }

    /// With all that can be said of it.
    ///
    /// Errors: [`BadProcessPool`].
    pub fn with(builder: ProcessPoolBuilder) -> Result<Self, BadProcessPool> {
        let workers = builder.most_workers();
        Ok(Self { executor: builder.build()?, workers })
    }

    /// The executor that does it all: for what has no name of its own here.
    #[must_use]
    pub fn executor(&self) -> &ProcessPoolExecutor {
        &self.executor
    }

    /// Calls the function in one of the processes, and waits for the result. (MP063)
    ///
    /// Errors: [`FutureError`]; of the kind `Failed` also if it was not taken. A process that dies of the call is an
    /// error, not a wait without end. (MP074)
    pub fn apply<F, A, R>(&self, function: F, arguments: A) -> Result<R, FutureError>
    where
        F: Call<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        match self.executor.submit(function, arguments) {
            Ok(future) => future.join(),
            Err(error) => Err(FutureError::failed(error.into_parts().0)),
        }
    }

    /// As [`apply`](Self::apply), without the wait. A callback that panics harms nobody. (MP069, MP073)
    ///
    /// Errors: the arguments come back, and why.
    pub fn apply_async<F, A, R>(
        &self,
        function: F,
        arguments: A,
    ) -> Result<Future<R>, SubmitError<A>>
    where
        F: Call<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        self.executor.submit(function, arguments)
    }

    /// Calls the function with each of the items, and waits for all results, in order. In pieces, four for each process.
    /// (MP064, MP065)
    ///
    /// Errors: that of the first item that has one; what has not begun then is cancelled.
    pub fn map<A, R, I>(&self, function: fn(A) -> R, items: I) -> Result<Vec<R>, FutureError>
    where
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        let items: Vec<A> = items.into_iter().collect();
        let size = items.len().div_ceil(4 * self.workers).max(1);
        let results = self.executor.map_fn(function, items).chunk_size(size);
        // It is not 0.
        results.map_err(FutureError::failed)?.into_iter().collect()
    }

    /// Calls the function with each of the items; the results one by one, each with its own error: see [`Map`] for how
    /// many at a time, in which order, until when. (MP066, MP067)
    pub fn imap<'e, A, R, I>(&'e self, function: fn(A) -> R, items: I) -> Map<'e, I::IntoIter, R>
    where
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        self.executor.map_fn(function, items)
    }

    /// Takes nothing more; what was taken is done. (MP070)
    pub fn close(&self) {
        // It is not waited for: that is what `join` does.
        let _ = self.executor.shutdown(Pending::Run, Deadline::PASSED);
    }

    /// Has the processes end now; what was not done fails. (MP071)
    pub fn terminate(&self) {
        self.executor.terminate_workers();
    }

    /// Waits for all that was taken, and for the end of the processes. Closes the pool first, if that was not done.
    /// (MP070)
    ///
    /// Errors: none, without a deadline.
    pub fn join(&self) -> Result<(), TimedOut> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`join`](Self::join), for at most `timeout`.
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.join_until(after(timeout))
    }

    /// As [`join`](Self::join), until `deadline`.
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.executor.shutdown(Pending::Run, deadline.into())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("executor", &self.executor).finish()
    }
}
