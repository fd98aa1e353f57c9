//! Where actions run.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::event::{Once, Status};
use super::hub::{Hub, Work};
use super::job::Run;
use crate::agenda::Place;
use crate::threading::{Panic, is_exit, locked};

/// Runs the actions of a scheduler: at once, or on threads, or on whatever an executor has.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{Monotonic, Runner, Scheduler, Task};
/// use inkle::threading::{self, Panic};
///
/// /// A new thread each time.
/// struct Spawning;
///
/// impl Runner for Spawning {
///     fn run(&self, task: Task) -> Result<(), Panic> {
///         match threading::spawn(|| task.run()) {
///             Ok(_) => Ok(()),
///             // The task comes back with the function.
///             Err(error) => error.into_inner()(),
///         }
///     }
/// }
///
/// let scheduler = Scheduler::with_runner(Monotonic, Spawning);
/// let here = threading::get_ident();
/// scheduler.enter(Duration::ZERO, 0, move || assert_ne!(threading::get_ident(), here)).unwrap();
/// scheduler.run().unwrap();
/// ```
pub trait Runner: Send + Sync + 'static {
    /// Runs `task` or sees to it that it is run. A task that is dropped instead is an event that was
    /// cancelled.
    ///
    /// Errors: what [`Task::run`] gave, if the task has run in this call.
    fn run(&self, task: Task) -> Result<(), Panic>;
}

/// Runs each action in the thread that runs the scheduler, as Python does: one that takes long delays
/// the others. What a [`Scheduler`](super::Scheduler) has unless told otherwise.
///
/// ```
/// use inkle::sched::{Inline, Scheduler, VirtualClock};
///
/// let scheduler = Scheduler::with_runner(VirtualClock::new(), Inline);
/// # assert!(scheduler.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

impl Runner for Inline {
    fn run(&self, task: Task) -> Result<(), Panic> {
        task.run()
    }
}

/// An action whose time has come; see [`Runner`] for an example.
pub struct Task {
    hub: Arc<Hub>,
    begun: bool,
    /// `None` once it has begun, or before it is known.
    ready: Option<Ready>,
}

enum Ready {
    Once(Once),
    Run(Run),
}

impl Task {
    /// What was taken out of the agenda; nothing if a job has something against it.
    pub(super) fn new(hub: &Arc<Hub>, place: Place, work: Work, now: u64) -> Option<Self> {
        // First the task, which stands for what was taken whatever happens.
        let mut task = Self { hub: Arc::clone(hub), begun: false, ready: None };
        task.ready = Some(match work {
            Work::Once(once) => Ready::Once(once),
            Work::Turn(job) => Ready::Run(job.turn(hub, place, now)?),
            Work::Belated(job) => Ready::Run(job.belated(place)?),
        });
        Some(task)
    }

    /// Runs the action here; does nothing if the scheduler was stopped meanwhile.
    /// [`thread::exit`](crate::thread::exit) leaves the action.
    ///
    /// Errors: what the action panicked with. Whoever runs it elsewhere than in [`Runner::run`] should
    /// tell somebody.
    pub fn run(mut self) -> Result<(), Panic> {
        if self.ready.is_none() || !self.hub.begin() {
            return Ok(());
        }
        self.begun = true;
        let ready = self.ready.take();
        let ending = Ending(&self.hub);
        let result = match ready {
            Some(Ready::Once(once)) => {
                let result = catch_unwind(AssertUnwindSafe(once.action));
                *locked(&once.status) = Status::Done;
                result
            }
            Some(Ready::Run(run)) => run.call(ending.0),
            None => Ok(()),
        };
        match result {
            Err(payload) if is_exit(&*payload) => Ok(()),
            result => result.map_err(Panic::new),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.begun {
            return;
        }
        match self.ready.take() {
            Some(Ready::Once(once)) => once.cancel(),
            Some(Ready::Run(run)) => run.forgo(&self.hub),
            None => {}
        }
        self.hub.forgo();
    }
}

/// Takes the caller off the list of those who run something.
struct Ending<'a>(&'a Arc<Hub>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}
