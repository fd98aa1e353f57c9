//! Actions on threads, so that a slow one delays none.
//!
//! Tasks wait in one list, oldest first. A thread is started for a task that finds nobody idle, up to
//! the limit, and leaves when it has had nothing to do for [`LINGER`].

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Runner, Task};
use crate::contextvars::Context;
use crate::platform::after;
use crate::threading::{Builder, EventCount, Panic, current, locked, report_panic};

/// How long a thread without work stays.
const LINGER: Duration = Duration::from_millis(500);

/// A [`Runner`] with threads of its own, as many as there is work for, up to a limit: a slow action
/// delays no other until all threads are busy; then tasks wait in the order of their turns.
///
/// A panic of an action goes to [`set_panic_hook`](crate::threading::set_panic_hook)'s function. The
/// threads are daemons called `sched`; where the system refuses even the first, the task runs in the
/// thread that runs the scheduler. Dropping the crew's last scheduler ends them.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Crew, Monotonic, Scheduler};
/// use inkle::threading::Barrier;
///
/// static MEET: Barrier = Barrier::new(2).unwrap();
///
/// let scheduler = Scheduler::with_runner(Monotonic, Crew::new(2).unwrap());
/// // Each waits for the other: one thread alone would stand still.
/// for _ in 0..2 {
///     scheduler.enter(Duration::ZERO, 0, || drop(MEET.wait())).unwrap();
/// }
/// scheduler.run().unwrap();
/// ```
pub struct Crew {
    inner: Arc<Inner>,
}

struct Inner {
    most: usize,
    state: Mutex<State>,
    /// The idle ones sleep here.
    work: EventCount,
}

struct State {
    tasks: VecDeque<Task>,
    threads: usize,
    /// How many look for a task and have not got one.
    idle: usize,
}

impl Crew {
    /// A crew of at most so many threads. It starts none yet.
    ///
    /// Errors: [`NoThreads`] for 0.
    pub fn new(most: usize) -> Result<Self, NoThreads> {
        let most = NonZeroUsize::new(most).ok_or(NoThreads)?.get();
        let state = State { tasks: VecDeque::new(), threads: 0, idle: 0 };
        let inner = Inner { most, state: Mutex::new(state), work: EventCount::new() };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = locked(&self.inner.state);
        f.debug_struct("Crew")
            .field("most", &self.inner.most)
            .field("threads", &state.threads)
            .field("waiting", &state.tasks.len())
            .finish()
    }
}

impl Runner for Crew {
    fn run(&self, task: Task) -> Result<(), Panic> {
        let mut state = locked(&self.inner.state);
        state.tasks.push_back(task);
        if state.idle >= state.tasks.len() {
            drop(state);
            self.inner.work.notify(1);
            return Ok(());
        }
        if state.threads == self.inner.most {
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let inner = Arc::clone(&self.inner);
        let builder = Builder::new().name("sched").daemon(true).context(Context::new());
        let thread = builder.spawn(move || work(&inner));
        if thread.is_ok() {
            return Ok(());
        }
        let mut state = locked(&self.inner.state);
        state.threads -= 1;
        // With others at work it waits for them.
        let task = if state.threads == 0 { state.tasks.pop_front() } else { None };
        drop(state);
        task.map_or(Ok(()), Task::run)
    }
}

/// What a thread of the crew does.
fn work(inner: &Inner) {
    locked(&inner.state).idle += 1;
    while let Some(task) = next(inner) {
        if let Err(panic) = task.run() {
            report_panic(&current(), &panic);
        }
        locked(&inner.state).idle += 1;
    }
}

/// The next task; `None` if there was none for a while, and the thread is to end.
fn next(inner: &Inner) -> Option<Task> {
    let take = || {
        let mut state = locked(&inner.state);
        let task = state.tasks.pop_front()?;
        state.idle -= 1;
        Some(task)
    };
    let task = inner.work.block(after(LINGER), take);
    if task.is_some() {
        return task;
    }
    let mut state = locked(&inner.state);
    state.idle -= 1;
    // Whoever has relied on this thread has done so under the lock: look once more.
    let task = state.tasks.pop_front();
    if task.is_none() {
        state.threads -= 1;
    }
    task
}

/// A crew needs at least one thread.
///
/// ```
/// use inkle::sched::{Crew, NoThreads};
///
/// assert_eq!(Crew::new(0).unwrap_err(), NoThreads);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoThreads;

impl fmt::Display for NoThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a crew needs at least one thread")
    }
}

impl Error for NoThreads {}
