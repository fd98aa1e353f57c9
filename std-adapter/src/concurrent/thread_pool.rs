//! An executor with threads of its own.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use inkle_core::error::TimedOut;

use super::label::Tag;
use super::pool::{
    BadPool, Cause, Counters, Forking, Halt, Halted, Job, Pool, Rejected, Settings, WhenFull,
};
use super::{Executor, FutureError, Pending, Spawn, SubmitCause, SubmitError, Task};
use crate::platform::Deadline;
use crate::threading::{Panic, SpawnCause};

/// Threads that do tasks. (CF034 to CF044)
///
/// A thread is started for a task that finds nobody idle, up to the limit, so tasks that wait for one
/// another each have a thread as long as the limit allows. A thread without work goes after a while. Tasks
/// begin in the order in which they were submitted, but for [priorities](Self::priority).
///
/// A task may wait for the future of another task of the same executor, however few threads there are: what
/// has not begun is done by the thread that waits, and while it waits for what runs, another thread may
/// take its place. It never does other work while it waits, so no lock is ever taken twice.
///
/// If the system refuses a thread, other threads of the executor do the task, or if there are none, the
/// task comes back from `submit`. Tasks that were taken are never stranded: if there is nobody left to do
/// them, the system is asked again until it gives a thread, and if it refuses even the
/// [timers'](crate::threading::Timer) thread, which sees to that, they [fail](FutureError::Failed) with
/// [`SubmitCause::Refused`]. (CF044)
///
/// A handle: clone it freely, also into tasks. When the last handle is dropped, what was submitted is still
/// done, then the threads end; dropping never blocks. (CF042) At the end of the process all work that was
/// submitted is done first, unless the executor is a [daemon](PoolBuilder::daemon).
///
/// ```
/// use inkle::concurrent::{Spawn, ThreadPoolExecutor};
///
/// let executor = ThreadPoolExecutor::new(1)?;
/// let inner = executor.clone();
/// let sum = executor.submit(move || {
///     let two = inner.submit(|| 2).unwrap();
///     1 + two.join().unwrap()
/// })?;
/// assert_eq!(sum.join()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ThreadPoolExecutor {
    pool: Arc<Pool<Task>>,
    full: WhenFull,
}

/// How to make a [`ThreadPoolExecutor`].
///
/// ```
/// use std::time::Duration;
/// use inkle::concurrent::{Spawn, ThreadPoolExecutor};
/// use inkle::threading;
///
/// let executor = ThreadPoolExecutor::builder()
///     .workers(4)
///     .keep_alive(Duration::from_secs(1))
///     .name("loom")
///     .build()?;
/// let name = executor.submit(|| threading::current().name())?;
/// assert_eq!(name.join()?, "loom_0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder makes nothing before `build`"]
pub struct PoolBuilder {
    settings: Settings,
    full: WhenFull,
}

impl ThreadPoolExecutor {
    /// With at most so many threads. It starts none yet. (CF034)
    ///
    /// Errors: [`BadPool`].
    pub fn new(workers: u32) -> Result<Self, BadPool> {
        Self::builder().workers(workers).build()
    }

    /// To say more of it.
    pub fn builder() -> PoolBuilder {
        PoolBuilder { settings: Settings::default(), full: WhenFull::Wait(Deadline::NEVER) }
    }

    /// The same executor for tasks that are more urgent than others, or less: a waiting task of a higher
    /// priority is begun first, those of the same in the order in which they came. Others have priority 0.
    /// (CF065)
    ///
    /// ```
    /// use inkle::concurrent::{Spawn, ThreadPoolExecutor};
    ///
    /// let executor = ThreadPoolExecutor::new(1)?;
    /// let urgent = executor.priority(10).submit(|| "now")?;
    /// assert_eq!(urgent.join()?, "now");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(&self, priority: i32) -> Ranked<'_> {
        Ranked { priority, ..self.ranked() }
    }

    /// The same executor for tasks of this name: on the timeline (feature `timeline`), and in the spans of the
    /// crate `tracing` (feature `tracing`). Others are called as their function, or as the function that their
    /// closure is in; without those features the name is of no use.
    ///
    /// ```
    /// use inkle::concurrent::{Spawn, ThreadPoolExecutor};
    ///
    /// let executor = ThreadPoolExecutor::new(1)?;
    /// let hash = executor.named("hash").submit(|| 7)?;
    /// # hash.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn named(&self, name: &'static str) -> Ranked<'_> {
        Ranked { name: Some(name), ..self.ranked() }
    }

    fn ranked(&self) -> Ranked<'_> {
        Ranked { executor: self, priority: 0, full: self.full, name: None }
    }

    /// The same executor, with another way to deal with a full queue. (CF063)
    ///
    /// ```
    /// use inkle::concurrent::{Spawn, SubmitCause, ThreadPoolExecutor, WhenFull};
    /// use inkle::threading::Event;
    ///
    /// static GO: Event = Event::new();
    ///
    /// let executor = ThreadPoolExecutor::builder().workers(1).queue(1).build()?;
    /// let first = executor.submit(|| GO.wait())?;
    /// let second = executor.submit(|| ())?;
    /// let third = executor.when_full(WhenFull::FAIL).submit(|| ());
    /// assert!(matches!(third.unwrap_err().cause(), SubmitCause::Full));
    /// GO.set();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn when_full(&self, full: WhenFull) -> Ranked<'_> {
        Ranked { full, ..self.ranked() }
    }

    /// Changes the limit of threads. A thread too many ends when it has done its task. (CF065)
    ///
    /// Errors: [`BadPool`], and nothing has changed.
    pub fn resize(&self, workers: u32) -> Result<(), BadPool> {
        self.pool.resize(workers)
    }

    /// The results of both functions, which are called in parallel if there is a thread for the second one: a
    /// task forks, and joins the two halves again. In a task of this executor the fork costs a fence and no
    /// allocation; so halve again, and again, down to pieces of a microsecond.
    ///
    /// The functions may borrow, for `join` returns when both have. A task that waits for its other half, which
    /// somebody has taken, does parts of that half meanwhile, and nothing else. Outside of the
    /// executor's tasks it is a task of its own, which is waited for; if that is not accepted, or is
    /// cancelled, both are called here.
    ///
    /// Each function is called in a copy of the caller's context, and finds the [token](super::with_token) of the
    /// task that the caller does.
    ///
    /// Panics: as one of the functions does, when the other has returned. If the first one panics before the
    /// second has begun, that is not called. Progress: blocking.
    ///
    /// ```
    /// use inkle::concurrent::ThreadPoolExecutor;
    ///
    /// fn sum(executor: &ThreadPoolExecutor, numbers: &[u64]) -> u64 {
    ///     if numbers.len() <= 1000 {
    ///         return numbers.iter().sum();
    ///     }
    ///     let (left, right) = numbers.split_at(numbers.len() / 2);
    ///     let (left, right) = executor.join(|| sum(executor, left), || sum(executor, right));
    ///     left + right
    /// }
    ///
    /// let executor = ThreadPoolExecutor::new(4)?;
    /// let numbers: Vec<u64> = (1..=100_000).collect();
    /// assert_eq!(sum(&executor, &numbers), 5_000_050_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        match self.pool.join(a, b) {
            Ok(results) => results,
            Err((a, b)) => self.as_task(|| match self.pool.join(a, b) {
                Ok(results) => results,
                Err((a, b)) => (a(), b()),
            }),
        }
    }

    /// Has `f` called as a task, and waits for it; if it cannot be one, it is called here.
    #[cold]
    pub(super) fn as_task<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        let (mut work, mut result) = (Some(f), None);
        let task = || {
            if let Some(f) = work.take() {
                result = Some(catch_unwind(AssertUnwindSafe(f)));
            }
        };
        let task: Box<dyn FnOnce() + Send + '_> = Box::new(task);
        // SAFETY: only the lifetime is changed. What is borrowed stays until the future below is done, and
        // then the task is over, or is never called; dropped it does nothing with what it borrows.
        let task: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(task) };
        if let Ok(future) = self.submit(task) {
            // Its result goes by `result`; that it was cancelled shows there too.
            let _ = future.join();
        }
        match (result, work) {
            (Some(Ok(result)), _) => result,
            (Some(Err(payload)), _) => resume_unwind(payload),
            (None, Some(f)) => f(),
            (None, None) => unreachable!("it was called"),
        }
    }

    /// The calling thread, if it is a worker of this executor.
    #[inline]
    pub(super) fn forking(&self) -> Option<Forking<'_, Task>> {
        self.pool.forking()
    }

    /// How many workers there may be.
    pub(super) fn workers(&self) -> usize {
        self.pool.workers()
    }

    /// How it stands: a snapshot. (CF065)
    ///
    /// ```
    /// use inkle::concurrent::{Halt, Spawn, ThreadPoolExecutor};
    ///
    /// let executor = ThreadPoolExecutor::new(2)?;
    /// executor.submit(|| ())?.join()?;
    /// executor.shutdown_with(Halt::WAIT);
    /// let counters = executor.counters();
    /// assert_eq!((counters.completed, counters.threads, counters.peak), (1, 0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.pool.counters()
    }

    /// What the names of its threads begin with; `_0`, `_1` and so on follow. (CF039)
    #[must_use]
    pub fn name(&self) -> &str {
        self.pool.name()
    }

    /// Takes no more tasks, and waits for the threads to end; in a task of its own, for the others. What was
    /// submitted is done, unless it is cancelled. Waiting callers of `submit` get their task back. May be
    /// called again. (CF031, CF032)
    pub fn shutdown_with(&self, how: Halt) -> Halted {
        self.pool.shutdown(how)
    }

    fn submit_task(
        &self,
        task: Task,
        priority: i32,
        full: WhenFull,
    ) -> Result<(), SubmitError<Task>> {
        self.pool.submit(task, priority, full).map_err(|Rejected { cause, job }| {
            let cause = match cause {
                Cause::Full if full == WhenFull::FAIL => SubmitCause::Full,
                Cause::Full => SubmitCause::TimedOut,
                Cause::ShutDown => SubmitCause::ShutDown,
                Cause::Broken(panic) => SubmitCause::Broken(Arc::new(BrokenPool(panic))),
                Cause::Spawn(cause) => no_thread(cause),
            };
            SubmitError::new(cause, job)
        })
    }
}

/// With the default limit: 4 threads more than processors, and at most 32. (CF034)
impl Default for ThreadPoolExecutor {
    fn default() -> Self {
        match Self::builder().build() {
            Ok(executor) => executor,
            Err(error) => unreachable!("the default is good: {error}"),
        }
    }
}

impl Executor for ThreadPoolExecutor {
    fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut> {
        let halt = Halt {
            wait: deadline,
            cancel_pending: pending == Pending::Cancel,
            cancel_running: false,
        };
        if self.shutdown_with(halt).stragglers.is_empty() { Ok(()) } else { Err(TimedOut) }
    }
}

impl Spawn for ThreadPoolExecutor {
    #[inline]
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
        self.submit_task(task, 0, self.full)
    }

    fn home(&self) -> usize {
        self.pool.home()
    }

    fn tag(&self) -> Tag<'_> {
        Tag { name: None, pool: Some(self.pool.name()) }
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolExecutor")
            .field("name", &self.name())
            .field("counters", &self.counters())
            .finish()
    }
}

/// A [`ThreadPoolExecutor`] with a [priority](ThreadPoolExecutor::priority), with another
/// [way](ThreadPoolExecutor::when_full) to deal with a full queue, or with a
/// [name](ThreadPoolExecutor::named) for its tasks.
///
/// ```
/// use inkle::concurrent::{Spawn, ThreadPoolExecutor, WhenFull};
///
/// let executor = ThreadPoolExecutor::new(1).unwrap();
/// let last = executor.priority(-1).when_full(WhenFull::DropOldest);
/// let lengths: Vec<_> = last.map(str::len, ["warp", "weft"]).into_iter().flatten().collect();
/// assert_eq!(lengths, [4, 4]);
/// ```
#[derive(Clone, Copy)]
#[must_use = "it is an executor, which does nothing by itself"]
pub struct Ranked<'e> {
    executor: &'e ThreadPoolExecutor,
    priority: i32,
    full: WhenFull,
    name: Option<&'static str>,
}

impl Ranked<'_> {
    /// As [`ThreadPoolExecutor::named`].
    pub fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// As [`ThreadPoolExecutor::priority`].
    pub fn priority(self, priority: i32) -> Self {
        Self { priority, ..self }
    }

    /// As [`ThreadPoolExecutor::when_full`].
    pub fn when_full(self, full: WhenFull) -> Self {
        Self { full, ..self }
    }
}

impl Executor for Ranked<'_> {
    /// Of the whole executor.
    fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut> {
        self.executor.shutdown(pending, deadline)
    }
}

impl Spawn for Ranked<'_> {
    fn execute(&self, task: Task) -> Result<(), SubmitError<Task>> {
        self.executor.submit_task(task, self.priority, self.full)
    }

    fn home(&self) -> usize {
        self.executor.home()
    }

    fn tag(&self) -> Tag<'_> {
        Tag { name: self.name, ..self.executor.tag() }
    }
}

impl fmt::Debug for Ranked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranked")
            .field("priority", &self.priority)
            .field("full", &self.full)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PoolBuilder {
    /// At most so many threads, without those that wait for other tasks. (CF034)
    pub fn workers(mut self, most: u32) -> Self {
        self.settings.workers = most;
        self
    }

    /// So many threads stay when there is nothing to do. Unless told otherwise none. (CF065)
    pub fn keep(mut self, least: u32) -> Self {
        self.settings.keep = least;
        self
    }

    /// How long a thread without work stays; unless told otherwise 10 seconds. (CF065)
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.settings.keep_alive = time;
        self
    }

    /// In place of so many threads that wait for tasks that run, others may work meanwhile. Unless told
    /// otherwise 256. No task is ever stuck for want of one that has not begun: see
    /// [`ThreadPoolExecutor`]. (CF043)
    pub fn spares(mut self, most: u32) -> Self {
        self.settings.spares = most;
        self
    }

    /// So many tasks may wait; unless told otherwise as many as there is memory for. (CF063)
    ///
    /// A submit that finds the queue full waits, or does as
    /// [`when_full`](PoolBuilder::when_full) says.
    pub fn queue(mut self, room: u32) -> Self {
        self.settings.queue = Some(room);
        self
    }

    /// What a submit does that finds the queue full; unless told otherwise it waits. (CF063)
    pub fn when_full(mut self, full: WhenFull) -> Self {
        self.full = full;
        self
    }

    /// What the names of the threads begin with; `_0`, `_1` and so on follow. Without one, or with an empty
    /// one, it is `ThreadPoolExecutor-0`, and so on. (CF039)
    pub fn name(mut self, prefix: impl Into<String>) -> Self {
        self.settings.name = Some(prefix.into());
        self
    }

    /// Whether the end of the process leaves the threads alone. Then what has not begun by then is
    /// cancelled. Unless told otherwise it waits for all work. (CF038, CF064)
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.settings.daemon = daemon;
        self
    }

    /// The least size of a thread's stack; see
    /// [`Builder::stack_size`](crate::threading::Builder::stack_size).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = bytes;
        self
    }

    /// What each thread calls before its first task. If it panics, the executor is broken: tasks that have
    /// not begun fail, and no more are taken. (CF040)
    ///
    /// ```
    /// use inkle::concurrent::{FutureError, Spawn, ThreadPoolExecutor};
    ///
    /// let executor = ThreadPoolExecutor::builder().initializer(|| panic!("no yarn")).build()?;
    /// let error = executor.submit(|| ())?.join().unwrap_err();
    /// assert!(error.to_string().contains("no yarn"));
    /// assert!(executor.submit(|| ()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> Self {
        self.settings.initializer = Some(Arc::new(initializer));
        self
    }

    /// The executor.
    ///
    /// Errors: [`BadPool`].
    pub fn build(self) -> Result<ThreadPoolExecutor, BadPool> {
        Ok(ThreadPoolExecutor { pool: Arc::new(Pool::new(self.settings)?), full: self.full })
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder").finish_non_exhaustive()
    }
}

impl Job for Task {
    #[inline]
    fn run(self) -> bool {
        self.run()
    }

    fn fail(self, why: Cause) {
        self.fail(match why {
            Cause::Broken(panic) => FutureError::failed(BrokenPool(panic)),
            Cause::Spawn(cause) => FutureError::failed(no_thread(cause)),
            // Only of work that is not taken in the first place.
            Cause::Full | Cause::ShutDown => FutureError::Cancelled,
        });
    }
}

/// Why the work is not done.
fn no_thread(cause: SpawnCause) -> SubmitCause {
    match cause {
        SpawnCause::Refused(error) => SubmitCause::Refused(Arc::new(error)),
        // The name has been looked at before.
        SpawnCause::Exiting | SpawnCause::NulInName { .. } => SubmitCause::Exiting,
    }
}

/// The initializer of an executor's threads has panicked: nothing is done any more. (CF003, CF040)
///
/// ```
/// use inkle::concurrent::{BrokenPool, FutureError, Spawn, ThreadPoolExecutor};
///
/// let executor = ThreadPoolExecutor::builder().initializer(|| panic!("no yarn")).build()?;
/// match executor.submit(|| ())?.join() {
///     Err(FutureError::Failed(error)) => {
///         let broken: &BrokenPool = error.downcast_ref().unwrap();
///         assert_eq!(broken.panic().message(), Some("no yarn"));
///     }
///     _ => unreachable!(),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BrokenPool(Arc<Panic>);

impl BrokenPool {
    /// What it has panicked with.
    #[must_use]
    pub fn panic(&self) -> &Panic {
        &self.0
    }
}

impl fmt::Display for BrokenPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the initializer of a worker panicked: {}", self.0)
    }
}

impl Error for BrokenPool {}
