//! A function that is called later, once, unless cancelled.
//!
//! The crate's `agenda`, a timer wheel, holds what is to come; `crew` the threads.

mod crew;
mod job;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use self::job::Job;
use super::outcome::Outcome;
use super::panic::drop_quietly;
use super::{
    CancelToken, Cancelled, Event, JoinError, SpawnError, current, get_ident, locked, registry,
};
use crate::agenda::Place;
use crate::contextvars::Inherited;
use crate::platform::{Deadline, after};

/// A function that was to be called at a certain time, and the place where its result will be.
///
/// All timers of the process share one thread that sleeps until the first of them is due; a function
/// that takes its time delays none of the others: while it runs, another thread waits. The threads are
/// called `Timer`, are daemons, and leave when there has been nothing to do for half a second.
/// Thread-local values may stay from one function to the next.
///
/// Dropping the handle changes nothing: the function is called all the same, and its result dropped.
///
/// At the end of the process ([`shutdown`](super::shutdown)) timers that are not yet due are cancelled,
/// where Python waits for them; functions that run are waited for, unless a daemon started the timer
/// (TH057).
///
/// ```
/// use std::time::Duration;
/// use inkle::threading::{JoinError, Timer};
///
/// let soon = Timer::start(Duration::from_millis(5), || "ding").unwrap();
/// let never = Timer::start(Duration::from_secs(3600), || "dong").unwrap();
/// assert_eq!(soon.join().unwrap(), "ding");
/// assert!(never.cancel());
/// assert!(matches!(never.join(), Err(JoinError::TimerCancelled)));
/// ```
pub struct Timer<T> {
    state: Arc<State<T>>,
    place: Place,
}

struct State<T> {
    outcome: Outcome<T>,
    /// Who runs the function, from its start on.
    runner: OnceLock<u64>,
    done: Event,
}

struct Task<T, F> {
    /// Shared with the starter, who takes the function back if there is no timer.
    body: Arc<Mutex<Option<F>>>,
    state: Arc<State<T>>,
    daemon: bool,
    context: Inherited,
}

impl<T> Timer<T> {
    /// Has `body` called after `interval`; zero is at once. Does not block, except for the start of a
    /// thread when there is none. (TH057, TH058)
    ///
    /// `body` runs in a copy of the caller's [context](crate::contextvars).
    ///
    /// A panic of `body` is treated as a thread's: [`set_panic_hook`](super::set_panic_hook) and
    /// [`join`](Self::join) have it (TH059).
    ///
    /// Errors: [`SpawnError`], with the function, if the system refuses the thread or the process has
    /// begun to end.
    pub fn start<F>(interval: Duration, body: F) -> Result<Self, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Self::start_at(after(interval), body)
    }

    /// As [`start`](Self::start), at `deadline`: at once if it has passed, never if it is
    /// [`Deadline::NEVER`].
    ///
    /// ```
    /// use inkle::platform::Deadline;
    /// use inkle::threading::Timer;
    ///
    /// let timer = Timer::start_at(Deadline::PASSED, || 7).unwrap();
    /// assert_eq!(timer.join().unwrap(), 7);
    /// ```
    pub fn start_at<F>(deadline: impl Into<Deadline>, body: F) -> Result<Self, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let body = Arc::new(Mutex::new(Some(body)));
        let state = Arc::new(State {
            outcome: Outcome::new(),
            runner: OnceLock::new(),
            done: Event::new(),
        });
        let daemon = registry::is_daemon_here();
        let context = Inherited::from_here();
        let task = Task { body: Arc::clone(&body), state: Arc::clone(&state), daemon, context };
        match crew::add(deadline.into(), Box::new(task)) {
            Ok(place) => Ok(Self { state, place }),
            Err(cause) => match locked(&body).take() {
                Some(body) => Err(SpawnError { cause, body }),
                None => unreachable!("a task that was refused is not run"),
            },
        }
    }

    /// Sees to it that the function is never called, and drops it. Whether this call did that: `false`
    /// if it has been called or is about to be, or was cancelled before. Does not block. (TH058)
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::threading::Timer;
    ///
    /// let timer = Timer::start(Duration::from_secs(3600), || ()).unwrap();
    /// assert!(timer.cancel());
    /// assert!(!timer.cancel(), "not twice");
    /// ```
    pub fn cancel(&self) -> bool {
        let job = crew::remove(self.place);
        // Not under the crew's lock: it drops what the function owns.
        job.map(Job::cancel).is_some()
    }

    /// Waits without limit until the function has returned, and gives its result to the first who
    /// asks. (TH057)
    ///
    /// Errors: [`JoinError::TimerCancelled`], [`JoinError::Panicked`] or [`JoinError::Exited`] to the first
    /// who asks, [`JoinError::Taken`] to all others; [`JoinError::SelfJoin`] in the function itself.
    pub fn join(&self) -> Result<T, JoinError> {
        self.join_until(Deadline::NEVER)
    }

    /// As [`join`](Self::join), if the timer is over.
    ///
    /// Errors: as [`join_until`](Self::join_until).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::threading::{JoinError, Timer};
    ///
    /// let timer = Timer::start(Duration::from_secs(3600), || ()).unwrap();
    /// assert!(matches!(timer.try_join(), Err(JoinError::TimedOut)));
    /// timer.cancel();
    /// assert!(matches!(timer.try_join(), Err(JoinError::TimerCancelled)));
    /// ```
    pub fn try_join(&self) -> Result<T, JoinError> {
        self.join_until(Deadline::PASSED)
    }

    /// As [`join`](Self::join), until `deadline`. A deadline that has passed polls.
    ///
    /// Errors: [`JoinError::TimedOut`] beside those of `join`; the result stays for a later call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::platform::Deadline;
    /// use inkle::threading::{JoinError, Timer};
    ///
    /// let timer = Timer::start(Duration::from_secs(3600), || ()).unwrap();
    /// assert!(matches!(timer.join_until(Deadline::PASSED), Err(JoinError::TimedOut)));
    /// timer.cancel();
    /// ```
    pub fn join_until(&self, deadline: impl Into<Deadline>) -> Result<T, JoinError> {
        if self.is_own() {
            return Err(JoinError::SelfJoin);
        }
        self.state.done.wait_until(deadline).map_err(|_| JoinError::TimedOut)?;
        self.state.outcome.take()
    }

    /// As [`join`](Self::join), for at most `timeout`. Zero polls, and a timeout too long to count is
    /// none. See [`join_until`](Self::join_until).
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::threading::Timer;
    ///
    /// let timer = Timer::start(Duration::ZERO, || 7).unwrap();
    /// assert_eq!(timer.join_timeout(Duration::MAX).unwrap(), 7);
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(after(timeout))
    }

    /// As [`join`](Self::join), until `token` is cancelled. A token that is cancelled already polls.
    ///
    /// Errors: [`JoinError::Cancelled`] beside those of `join`; the result stays for a later call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::threading::{CancelToken, JoinError, Timer};
    ///
    /// let timer = Timer::start(Duration::from_secs(3600), || ()).unwrap();
    /// let patience = CancelToken::new();
    /// let patience = patience.child_timeout(Duration::from_millis(1));
    /// assert!(matches!(timer.join_unless(&patience), Err(JoinError::Cancelled(_))));
    /// timer.cancel();
    /// ```
    pub fn join_unless(&self, token: &CancelToken<'_>) -> Result<T, JoinError> {
        if self.is_own() {
            return Err(JoinError::SelfJoin);
        }
        if let Err(Cancelled(reason)) = self.state.done.wait_unless(token) {
            if !self.is_done() {
                return Err(JoinError::Cancelled(reason));
            }
        }
        self.state.outcome.take()
    }

    /// Whether the caller is this timer's function.
    fn is_own(&self) -> bool {
        self.state.runner.get() == Some(&get_ident()) && !self.is_done()
    }

    /// Whether the function has returned or never will be called: a snapshot. Does not block.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::threading::Timer;
    ///
    /// let timer = Timer::start(Duration::from_secs(3600), || ()).unwrap();
    /// assert!(!timer.is_done());
    /// timer.cancel();
    /// assert!(timer.is_done());
    /// ```
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state.done.is_set()
    }
}

impl<T, F> Job for Task<T, F>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn is_waited_for(&self) -> bool {
        !self.daemon
    }

    fn run(self: Box<Self>) {
        let Self { body, state, context, .. } = *self;
        state.runner.get_or_init(get_ident);
        let function = locked(&body).take();
        if let Some(function) = function {
            state
                .outcome
                .fill(&current(), catch_unwind(AssertUnwindSafe(|| context.run(function))));
        }
        state.done.set();
        // If the handle is gone, the result goes here.
        drop_quietly(state);
    }

    fn cancel(self: Box<Self>) {
        let Self { body, state, .. } = *self;
        state.outcome.cancel();
        let function = locked(&body).take();
        drop_quietly(function);
        state.done.set();
    }
}

impl<T> fmt::Debug for Timer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("done", &self.is_done()).finish_non_exhaustive()
    }
}
