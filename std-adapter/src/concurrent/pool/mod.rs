//! The engine of a thread pool, for whatever it is to run.
//!
//! Three parts: the core's [`Roster`] decides who starts, sleeps and goes; `store.rs` keeps the jobs;
//! `worker.rs` is what a thread does. Beside that, a job may fork (`join.rs`, `nests.rs`, and the core's
//! [`fork`](inkle_core::fork)): what it puts aside is taken by who has nothing else to do. Everything else
//! is around them: who is alive (`staff.rs`), the end (`shutdown.rs`, `exit.rs`).
//!
//! A submit on its usual way is an exchange of the roster's word and a push; a worker that has work is
//! an exchange and a pop. A thread is started with its first job in hand, so a refusal can give the job
//! back.
//!
//! Context propagation: `worker.rs`, `run`, is where every job goes through.

pub(crate) mod exit;
mod join;
mod nests;
mod refusal;
mod settings;
mod shutdown;
mod staff;
mod store;
mod worker;

use std::io;
use std::sync::{Arc, OnceLock};

use inkle_core::atomic::{AtomicU32, AtomicUsize, Ordering};
use inkle_core::roster::{Limits, MAX_QUEUED, Placed, Refused, Roster};

use super::here;
use crate::platform::{Deadline, Private};
use crate::threading::{CancelToken, EventCount, Panic, SpawnCause, drop_quietly};

pub(super) use join::{Branch, Forking, undoing};
pub use settings::BadPool;
pub(super) use settings::Settings;
pub use shutdown::{Halt, Halted};
pub use staff::Counters;

use nests::Nests;
use staff::Staff;
use store::Store;
use worker::First;

/// What a pool runs.
///
/// A job that is dropped unrun was cancelled: its own `Drop` tells whoever waits for it.
pub(super) trait Job: Send + Sized + 'static {
    /// Runs it, and says whether there was anything to run: not, if it was cancelled meanwhile.
    fn run(self) -> bool;

    /// Instead of running it: the pool is broken, or no thread is to be had.
    fn fail(self, why: Cause);
}

/// Threads that run jobs. Dropping it is [`shutdown`](Self::shutdown) without waiting.
pub(super) struct Pool<J: Job> {
    shared: Arc<Shared<J>>,
}

/// What to do with a task when as many wait as may; see [`PoolBuilder::queue`](super::PoolBuilder::queue).
/// (CF063)
///
/// ```
/// use std::time::Duration;
/// use inkle::concurrent::{Spawn, ThreadPoolExecutor, WhenFull};
/// use inkle::platform::after;
///
/// let executor = ThreadPoolExecutor::builder().queue(100).when_full(WhenFull::RunHere).build()?;
/// let patient = WhenFull::Wait(after(Duration::from_secs(1)));
/// assert_eq!(executor.when_full(patient).submit(|| 7)?.join()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Wait for room until then. A worker of the pool itself does not wait, it does the task: it may be
    /// the only one that could make room.
    Wait(Deadline),
    /// Give up the task that would have been next: it is cancelled.
    DropOldest,
    /// Do the task in the calling thread.
    RunHere,
}

impl WhenFull {
    /// Hand the task back at once.
    pub const FAIL: Self = Self::Wait(Deadline::PASSED);
}

/// Why a job was not accepted.
pub(super) enum Cause {
    /// As many wait as may, and none was taken in time.
    Full,
    /// The pool has been shut down, or the process is ending.
    ShutDown,
    /// The initializer of a worker has panicked with that.
    Broken(Arc<Panic>),
    /// The system refuses the first thread.
    Spawn(SpawnCause),
}

/// A job that was not accepted.
pub(super) struct Rejected<J> {
    /// Why.
    pub(super) cause: Cause,
    /// The job.
    pub(super) job: J,
}

/// What the handle and the workers share.
struct Shared<J> {
    roster: Roster<Private>,
    store: Store<J>,
    /// Whoever waits for room.
    room: EventCount,
    settings: Settings,
    home: usize,
    /// The most workers: changes.
    most: AtomicU32,
    staff: Staff,
    nests: Nests,
    /// The parent of the tokens of all running jobs.
    stop: CancelToken<'static>,
    /// What an initializer has panicked with.
    broken: OnceLock<Arc<Panic>>,
    /// 1 while a timer is to ask the system again for a thread; else 0.
    retries: AtomicU32,
}

impl<J: Job> Pool<J> {
    /// A pool. It starts no thread yet.
    ///
    /// Errors: [`BadPool`].
    pub(super) fn new(settings: Settings) -> Result<Self, BadPool> {
        static HOMES: AtomicUsize = AtomicUsize::new(1);
        settings.check()?;
        let shared = Arc::new(Shared {
            roster: Roster::new(),
            store: Store::new(),
            room: EventCount::new(),
            most: AtomicU32::new(settings.workers),
            staff: Staff::new(settings.name.clone()),
            settings,
            nests: Nests::new(),
            // Relaxed: a number.
            home: HOMES.fetch_add(1, Ordering::Relaxed),
            stop: CancelToken::new(),
            broken: OnceLock::new(),
            retries: AtomicU32::new(0),
        });
        let weak = Arc::downgrade(&shared);
        if !exit::add(weak) {
            shared.close();
        }
        Ok(Self { shared })
    }

    /// Has `job` run as soon as a worker is free for it, those of a higher `rank` first. If as many
    /// jobs wait as may, then as `full` says.
    ///
    /// Errors: [`Rejected`], with the job.
    #[inline]
    pub(super) fn submit(&self, job: J, rank: i32, full: WhenFull) -> Result<(), Rejected<J>> {
        match self.shared.submit(job, rank) {
            Err(Rejected { cause: Cause::Full, job }) => self.shared.submit_slowly(job, rank, full),
            result => result,
        }
    }

    /// Changes how many workers there may be. A worker too many goes when it has done its job.
    ///
    /// Errors: [`BadPool`], and nothing has changed.
    pub(super) fn resize(&self, workers: u32) -> Result<(), BadPool> {
        let shared = &self.shared;
        Settings { workers, ..shared.settings.clone() }.check()?;
        // Relaxed: a number; whoever decides by an older one decides as if it came before.
        shared.most.store(workers, Ordering::Relaxed);
        shared.start_for_queue();
        shared.roster.wake_all();
        // A new thread is room too.
        shared.room.notify(u32::MAX);
        Ok(())
    }

    /// How many workers there may be; at least 1.
    pub(super) fn workers(&self) -> usize {
        // Relaxed: see `resize`.
        self.shared.most.load(Ordering::Relaxed) as usize
    }

    /// How it stands: a snapshot.
    pub(super) fn counters(&self) -> Counters {
        self.shared.staff.counters(self.shared.roster.census())
    }

    /// What the names of the pool's threads begin with.
    pub(super) fn name(&self) -> &str {
        self.shared.staff.prefix()
    }

    /// The number that tells it from all other pools; not 0.
    pub(super) fn home(&self) -> usize {
        self.shared.home
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        // What waits is still run, by the workers, who keep the rest alive. (CF042)
        self.shared.close();
    }
}

impl<J: Job> Shared<J> {
    #[inline]
    fn limits(&self) -> Limits {
        Limits {
            // Relaxed: see `resize`.
            most: self.most.load(Ordering::Relaxed),
            least: self.settings.keep,
            spares: self.settings.spares,
            queue: self.settings.queue.unwrap_or(MAX_QUEUED),
        }
    }

    #[inline]
    fn submit(self: &Arc<Self>, job: J, rank: i32) -> Result<(), Rejected<J>> {
        match self.roster.submit(self.limits()) {
            Ok(placed) => self.place(placed, job, rank),
            Err(Refused::Full) => Err(Rejected { cause: Cause::Full, job }),
            Err(Refused::Closed) => Err(Rejected { cause: self.why_closed(), job }),
        }
    }

    #[inline]
    fn place(self: &Arc<Self>, placed: Placed, job: J, rank: i32) -> Result<(), Rejected<J>> {
        match placed {
            Placed::Queued => self.store.push(job, rank),
            Placed::Wake => {
                self.store.push(job, rank);
                self.roster.wake();
            }
            Placed::Start => return self.start_with(job, rank),
        }
        Ok(())
    }

    #[cold]
    fn start_with(self: &Arc<Self>, job: J, rank: i32) -> Result<(), Rejected<J>> {
        let (cause, job) = match worker::start(self, First::Job(job)) {
            Err((cause, Some(First::Job(job)))) => (cause, job),
            // A thread that was not started gives back what it was to begin with.
            Ok(()) | Err(_) => return Ok(()),
        };
        let placed = match self.roster.not_started() {
            Ok(placed) => self.place(placed, job, rank),
            Err(_) => Err(Rejected { cause: Cause::of(&cause), job }),
        };
        self.refused(&cause);
        placed
    }

    #[cold]
    fn why_closed(&self) -> Cause {
        self.broken.get().map_or(Cause::ShutDown, |panic| Cause::Broken(Arc::clone(panic)))
    }

    /// There was no room.
    #[cold]
    fn submit_slowly(
        self: &Arc<Self>,
        job: J,
        rank: i32,
        full: WhenFull,
    ) -> Result<(), Rejected<J>> {
        let mut rejected = Some(Rejected { cause: Cause::Full, job });
        let mut attempt = || {
            let Rejected { job, .. } = rejected.take()?;
            match self.submit(job, rank) {
                Err(still @ Rejected { cause: Cause::Full, .. }) => {
                    rejected = Some(still);
                    None
                }
                result => Some(result),
            }
        };
        let result = match full {
            WhenFull::Wait(deadline) => {
                let is_worker = here::home() == self.home;
                let deadline = if is_worker { Deadline::PASSED } else { deadline };
                self.room.block(deadline, attempt)
            }
            WhenFull::DropOldest => loop {
                if let Some(result) = attempt() {
                    break Some(result);
                }
                self.cancel(1);
            },
            WhenFull::RunHere => None,
        };
        let rejected = match (result, rejected) {
            (Some(result), _) => return result,
            (None, Some(rejected)) => rejected,
            // An attempt that gives nothing has put the job back.
            (None, None) => return Ok(()),
        };
        match full {
            WhenFull::Wait(deadline)
                if deadline == Deadline::PASSED || here::home() != self.home =>
            {
                Err(rejected)
            }
            _ => {
                worker::run(self, rejected.job);
                Ok(())
            }
        }
    }

    /// Starts workers for what waits, while there may be more.
    fn start_for_queue(self: &Arc<Self>) {
        while self.roster.start_for_queue(self.limits()) && self.start_spare() {}
    }

    /// Starts a worker that takes a job from the queue; it is counted already.
    fn start_spare(self: &Arc<Self>) -> bool {
        let Err((cause, _)) = worker::start(self, First::Claim) else { return true };
        // The job waits for somebody else.
        if self.roster.not_started_for_queue() {
            self.roster.wake();
        }
        self.refused(&cause);
        false
    }

    /// A claim has been made: one more job may wait.
    #[inline]
    fn claimed(&self) {
        if self.settings.queue.is_some() {
            self.room.notify(1);
        }
    }

    /// Drops up to so many of the jobs that wait, and says how many.
    fn cancel(&self, count: u32) -> usize {
        let count = self.roster.revoke(count) as usize;
        for _ in 0..count {
            self.claimed();
            drop_quietly(self.store.take());
        }
        self.staff.cancelled(count);
        count
    }

    fn close(&self) {
        self.roster.close();
        self.room.notify(u32::MAX);
    }

    /// No job can be run any more.
    fn break_with(&self, panic: Panic) -> Arc<Panic> {
        let panic = Arc::clone(self.broken.get_or_init(|| Arc::new(panic)));
        self.close();
        self.fail_all(|| Cause::Broken(Arc::clone(&panic)));
        panic
    }
}

impl Cause {
    /// That no thread could be started.
    fn of(cause: &SpawnCause) -> Self {
        Self::Spawn(match cause {
            SpawnCause::NulInName { position } => SpawnCause::NulInName { position: *position },
            SpawnCause::Exiting => SpawnCause::Exiting,
            SpawnCause::Refused(error) => SpawnCause::Refused(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => error.kind().into(),
            }),
        })
    }
}

impl<J> std::fmt::Debug for Rejected<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejected").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("as many jobs wait as may"),
            Self::ShutDown => f.write_str("the pool has been shut down"),
            Self::Broken(panic) => {
                write!(f, "the pool is broken: its initializer panicked: {panic}")
            }
            Self::Spawn(cause) => write!(f, "no thread could be started: {cause}"),
        }
    }
}
