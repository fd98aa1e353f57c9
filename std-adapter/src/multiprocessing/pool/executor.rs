//! An executor with processes of its own.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Counters;
use super::engine::Engine;
use super::job::{Order, OrderError, many_results, one_result};
use super::mailbox::Received;
use super::settings::{BadProcessPool, Options, Settings};
use super::staff::Worker;
use crate::concurrent::{
    Executor, Future, FutureError, Pending, Settle, Submit, SubmitCause, SubmitError, TimedOut,
    promise,
};
use crate::multiprocessing::{Call, StartMethod};
use crate::platform::Deadline;
use crate::subprocess::Signal;

/// Processes that do jobs. (CF045 to CF059)
///
/// A job is a function without captures, and its arguments. What crosses is whatever `serde` can write and read again,
/// and the handles of this module (queues, locks, shared memory, connections); the context variables that
/// [travel](crate::contextvars::ContextVar::travelling) go with it.
///
/// A process is started for a job that finds nobody idle, up to the limit. Each has a mailbox of its own in shared
/// memory, so that none can hurt another: when a process dies, of a signal or of whatever else, only the job is lost
/// that it had begun, and its future names it ([`WorkerLost`](super::WorkerLost)), unless the job may be
/// [tried again](Self::retries). All others are done, by another process, which takes its place. (CF053, CF067, MP074)
///
/// A job that its process has begun cannot be cancelled, but [stopped](crate::concurrent::Future::stop): its process is
/// killed, another takes its place, and the future is cancelled. The same becomes of a job with a
/// [time limit](Self::time_limit) that has passed, but for the error. No other job suffers. (CF065)
///
/// A handle: clone it freely. When the last one is dropped what was submitted is still done, then the processes end.
/// Dropping never blocks. At the end of this process all that was submitted is done first, unless the executor is a
/// [daemon](ProcessPoolBuilder::daemon). If this process dies the workers die with it.
///
/// ```
/// use inkle::concurrent::Submit;
/// use inkle::multiprocessing::ProcessPoolExecutor;
///
/// fn area(width: u32, height: u32) -> u32 {
///     width * height
/// }
///
/// let executor = ProcessPoolExecutor::new(2)?;
/// let future = executor.submit(area, (6, 7))?;
/// assert_eq!(future.join()?, 42);
///
/// let lengths = executor.map_fn(|word: String| word.len(), ["warp".to_owned(), "weft".to_owned()]);
/// assert_eq!(lengths.into_iter().collect::<Result<Vec<_>, _>>()?, [4, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProcessPoolExecutor {
    pool: Arc<Pool>,
    options: Options,
}

/// Closes it when the last handle is gone.
struct Pool(Arc<Engine>);

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.close(false);
    }
}

/// How to make a [`ProcessPoolExecutor`].
///
/// ```
/// use std::time::Duration;
/// use inkle::multiprocessing::ProcessPoolExecutor;
///
/// fn prepare(seed: u64) {
///     println!("seed {seed}");
/// }
///
/// let executor = ProcessPoolExecutor::builder()
///     .workers(2)
///     .name("loom")
///     .initializer(prepare, (7,))?
///     .max_tasks_per_child(100)
///     .time_limit(Duration::from_secs(60))
///     .build()?;
/// assert_eq!(executor.submit(|a: u32, b: u32| a + b, (1, 2))?.join()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder makes nothing before `build`"]
pub struct ProcessPoolBuilder {
    settings: Settings,
}

impl ProcessPoolBuilder {
    /// The most processes; unless told otherwise as many as there are processors. (CF045)
    pub fn workers(mut self, workers: u32) -> Self {
        self.settings.workers = workers;
        self
    }

    /// What the names of the processes begin with; `_0`, `_1` and so on follow.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// What each process calls before its first job. If it panics, the executor is broken: what was not done fails, and
    /// no more is taken. (CF055, MP062)
    ///
    /// Errors: the arguments cannot be sent.
    pub fn initializer<F, A>(mut self, function: F, arguments: A) -> Result<Self, SubmitCause>
    where
        F: Call<A, Output = ()>,
        A: Serialize + DeserializeOwned + 'static,
    {
        let order = Order::one(function, &arguments).map_err(SubmitCause::from)?;
        self.settings.initializer = Some(order);
        Ok(self)
    }

    pub(super) fn most_workers(&self) -> usize {
        self.settings.workers as usize
    }

    /// A process is replaced after so many jobs. (CF046, MP060)
    pub fn max_tasks_per_child(mut self, jobs: u32) -> Self {
        self.settings.most_jobs = Some(jobs);
        self
    }

    /// A process that uses more memory than this, in bytes, is replaced when it has done its job.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.settings.most_memory = Some(bytes);
        self
    }

    /// So many jobs are with a process at a time, from 1 to 4: the one it does, and those that it finds when that is
    /// done, without a way to this process and back. More is faster for small jobs; but they count as begun, so that
    /// nobody can cancel them, and wait behind a long one though others may be idle. Unless told otherwise 1. (CF048)
    pub fn jobs_at_hand(mut self, jobs: u32) -> Self {
        self.settings.at_hand = jobs;
        self
    }

    /// The end of this process leaves undone what waits then, and kills the workers.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.settings.daemon = daemon;
        self
    }

    /// How the processes come to be; without this as [`set_start_method`](crate::multiprocessing::set_start_method) has
    /// it when each starts. (CF046, MP001)
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.settings.start_method = Some(method);
        self
    }

    /// As [`ProcessPoolExecutor::retries`], of all jobs.
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.options.retries = retries;
        self
    }

    /// As [`ProcessPoolExecutor::time_limit`], of all jobs.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.options.timeout = Some(limit);
        self
    }

    /// The executor. It starts no process yet.
    ///
    /// Errors: [`BadProcessPool`].
    pub fn build(self) -> Result<ProcessPoolExecutor, BadProcessPool> {
        let options = self.settings.options;
        let engine = Engine::new(self.settings)?;
        Ok(ProcessPoolExecutor { pool: Arc::new(Pool(engine)), options })
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolBuilder").finish_non_exhaustive()
    }
}

impl ProcessPoolExecutor {
    /// With at most so many processes. It starts none yet. (CF045, CF047)
    ///
    /// Errors: [`BadProcessPool`].
    pub fn new(workers: u32) -> Result<Self, BadProcessPool> {
        Self::builder().workers(workers).build()
    }

    /// To say more of it.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder { settings: Settings::default() }
    }

    /// Has `function` called with `arguments` in one of the processes, and gives the future of the result. (CF023, CF049)
    ///
    /// Errors: the arguments come back, and why: they cannot be sent ([`SubmitCause::Unsendable`]), or the executor
    /// takes nothing more.
    pub fn submit<F, A, R>(&self, function: F, arguments: A) -> Result<Future<R>, SubmitError<A>>
    where
        F: Call<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let (promise, future) = promise();
        self.send(Order::one(function, &arguments), one_result(promise), arguments)?;
        Ok(future)
    }

    /// The same executor for jobs that are tried again, at most so many times, when a process has died of them. A job
    /// that may be done twice, and half the first time, must be one that does no harm then. (CF065)
    ///
    /// ```
    /// use inkle::multiprocessing::ProcessPoolExecutor;
    ///
    /// let executor = ProcessPoolExecutor::new(1)?;
    /// let future = executor.retries(2).submit(|n: u32| n + 1, (1,))?;
    /// assert_eq!(future.join()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn retries(&self, retries: u32) -> Self {
        Self { options: Options { retries, ..self.options }, ..self.clone() }
    }

    /// The same executor for jobs that are to be done within this time from when a process begins them. Whichever is
    /// not fails with [`FutureError::Expired`], and its process is killed and replaced. (CF065)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::concurrent::FutureError;
    /// use inkle::multiprocessing::ProcessPoolExecutor;
    ///
    /// let executor = ProcessPoolExecutor::new(1)?.time_limit(Duration::from_millis(100));
    /// let future = executor.submit(|| std::thread::sleep(Duration::from_secs(600)), ())?;
    /// assert!(matches!(future.join(), Err(FutureError::Expired)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn time_limit(&self, limit: Duration) -> Self {
        Self { options: Options { timeout: Some(limit), ..self.options }, ..self.clone() }
    }

    /// How it stands: a snapshot. (CF065)
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.pool.0.counters()
    }

    /// The numbers of the processes that there are now.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.pool.0.with(|state| state.staff.iter().map(Worker::pid).collect())
    }

    /// Takes nothing more, cancels what has not begun, and has all processes end now by SIGTERM: what they do is lost.
    /// (CF056, CF057)
    pub fn terminate_workers(&self) {
        self.end_workers(Signal::TERM);
    }

    /// As [`terminate_workers`](Self::terminate_workers), by SIGKILL, which a process cannot catch.
    pub fn kill_workers(&self) {
        self.end_workers(Signal::KILL);
    }

    fn end_workers(&self, signal: Signal) {
        self.pool.0.close(true);
        self.pool.0.with(|state| {
            state.is_terminated = true;
            state.staff.iter().for_each(|worker| worker.signal(signal));
        });
    }

    /// Has the order done; `back` comes back if that cannot be.
    fn send<A>(
        &self,
        order: Result<Order, OrderError>,
        settle: Box<dyn Settle<Received>>,
        back: A,
    ) -> Result<(), SubmitError<A>> {
        let sent = match order {
            Ok(order) => self.pool.0.submit(order, self.options, settle),
            Err(error) => Err(error.into()),
        };
        sent.map_err(|cause| SubmitError::new(cause, back))
    }
}

impl From<OrderError> for SubmitCause {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Encode(error) => Self::Unsendable(Arc::new(error)),
            OrderError::NotInImage => {
                Self::Unsendable(Arc::from(Box::<dyn Error + Send + Sync>::from(
                    "the function is not one of the program itself but of a library",
                )))
            }
            OrderError::System(error) => Self::Refused(Arc::new(error)),
        }
    }
}

/// With as many processes as there are processors. (CF045)
impl Default for ProcessPoolExecutor {
    fn default() -> Self {
        match Self::builder().build() {
            Ok(executor) => executor,
            Err(error) => unreachable!("the default is good: {error}"),
        }
    }
}

impl Executor for ProcessPoolExecutor {
    fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut> {
        self.pool.0.close(pending == Pending::Cancel);
        self.pool.0.ended.wait_until(deadline)
    }
}

impl<A, R> Submit<A, R> for ProcessPoolExecutor
where
    A: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    fn submit_fn(&self, function: fn(A) -> R, argument: A) -> Result<Future<R>, SubmitError<A>> {
        let (promise, future) = promise();
        self.send(Order::one_at(function, &argument), one_result(promise), argument)?;
        Ok(future)
    }

    fn submit_chunk(
        &self,
        function: fn(A) -> R,
        chunk: Vec<A>,
    ) -> Result<Future<Vec<Result<R, FutureError>>>, SubmitError<Vec<A>>> {
        let (promise, future) = promise();
        self.send(Order::many_at(function, &chunk), many_results(promise), chunk)?;
        Ok(future)
    }
}

impl fmt::Debug for ProcessPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolExecutor")
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
