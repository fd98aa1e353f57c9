//! The inside of a scheduler: what is to come, what runs, and who sleeps.
//!
//! # Locks
//!
//! The one lock is held to add, remove or take an entry, never while anybody's code runs: an action, a
//! clock, a runner, a drop. A periodic job has a lock of its own, taken before this one, never after.
//!
//! # No lost wake-up
//!
//! Whoever runs the scheduler makes its [`Nap`] before it looks, so a change after the look ends the
//! nap. Every sleeper sleeps until the first entry of its look at the latest, so only three changes
//! matter: a new first entry, the end of all there is to do, and the stop. They wake all sleepers:
//! the one that takes the first entry may be busy with it when the second is due.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::clock::Ticks;
use super::event::{Once, Status};
use super::job::Recurring;
use super::runner::{Runner, Task};
use super::{Alarm, Nap, Report, RunError};
use crate::agenda::{Agenda, NEVER, Place};
use crate::platform::Deadline;
use crate::threading::{
    CancelToken, Event, Panic, ThreadInfo, current, get_ident, locked, report_panic,
};

pub(super) struct Hub {
    clock: Box<dyn Ticks>,
    runner: Box<dyn Runner>,
    state: Mutex<State>,
    changed: Alarm,
    /// A stop sleeps here until actions have ended.
    quiet: Event,
}

struct State {
    agenda: Agenda<Work>,
    next: u64,
    /// How many were taken from the agenda and have not begun.
    waiting: usize,
    /// Who runs an action, once for each.
    running: Vec<ThreadInfo>,
    stopped: bool,
}

pub(super) enum Work {
    Once(Once),
    /// A run whose time has come, after which the job looks for the next one.
    Turn(Arc<Recurring>),
    /// A run that had to wait for the one before.
    Belated(Arc<Recurring>),
}

impl Work {
    pub(super) fn cancel(self) {
        match self {
            Self::Once(once) => once.cancel(),
            // Over before, if it has been cancelled at the same time.
            Self::Turn(job) | Self::Belated(job) => drop(job.cancel()),
        }
    }
}

/// How long to run.
#[derive(Clone, Copy)]
pub(super) enum Span<'a> {
    /// Until nothing is to come.
    Empty,
    /// As `Empty`, but nothing that is due later.
    Until(u64),
    /// As `Empty`, or until it is cancelled.
    Unless(&'a CancelToken<'a>),
    /// Until the stop.
    Stop,
}

enum Look {
    Due(Place, Work),
    /// The time of the first entry; `None` if actions that run may enter one.
    Later(Option<u64>),
    Over,
    Stopped,
}

impl State {
    /// Whether nothing is to come, not even from an action that runs.
    fn is_over(&self) -> bool {
        self.agenda.is_empty() && self.waiting == 0 && self.running.is_empty()
    }
}

impl Hub {
    pub(super) fn new(clock: Box<dyn Ticks>, runner: Box<dyn Runner>) -> Arc<Self> {
        let state = State {
            agenda: Agenda::new(),
            next: 0,
            waiting: 0,
            running: Vec::new(),
            stopped: false,
        };
        Arc::new(Self {
            clock,
            runner,
            state: Mutex::new(state),
            changed: Alarm::new(),
            quiet: Event::new(),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn len(&self) -> usize {
        locked(&self.state).agenda.len()
    }

    pub(super) fn is_stopped(&self) -> bool {
        locked(&self.state).stopped
    }

    /// What is to come, and for what runs once what has become of it.
    pub(super) fn snapshot(&self) -> Vec<(Place, Option<Arc<Mutex<Status>>>)> {
        let mut state = locked(&self.state);
        let status = |work: &Work| match work {
            Work::Once(once) => Some(Arc::clone(&once.status)),
            Work::Turn(_) | Work::Belated(_) => None,
        };
        state.agenda.snapshot().map(|(place, work)| (place, status(work))).collect()
    }

    /// Adds what `work` makes of its argument; a scheduler that was stopped gives that back.
    pub(super) fn add<F>(
        &self,
        time: u64,
        priority: i32,
        action: F,
        work: impl FnOnce(F) -> Work,
    ) -> Result<Place, F> {
        let mut state = locked(&self.state);
        if state.stopped {
            return Err(action);
        }
        let earliest = state.agenda.earliest();
        let sequence = state.next;
        state.next += 1;
        let place = state.agenda.add(time, priority, sequence, work(action));
        drop(state);
        if earliest.is_none_or(|earliest| time < earliest) {
            self.changed.ring();
        }
        Ok(place)
    }

    pub(super) fn remove(&self, place: Place) -> Option<Work> {
        let mut state = locked(&self.state);
        let work = state.agenda.remove(place);
        let over = state.is_over();
        drop(state);
        // Else who sleeps for it finds out when it wakes for nothing.
        if over {
            self.changed.ring();
        }
        work
    }

    /// Runs what is due, again and again.
    pub(super) fn run(self: &Arc<Self>, span: Span<'_>) -> Result<(), RunError> {
        let (limit, token) = match span {
            Span::Until(limit) => (limit, None),
            Span::Unless(token) => (NEVER, Some(token)),
            Span::Empty | Span::Stop => (NEVER, None),
        };
        let serves = matches!(span, Span::Stop);
        loop {
            let nap = Nap::new(&self.changed, token);
            if let Some(token) = token {
                token.check().map_err(|cancelled| RunError::Cancelled(cancelled.0))?;
            }
            let now = self.now();
            match self.look(now.min(limit), serves) {
                Look::Due(place, work) => match self.hand_over(place, work, now) {
                    Err(panic) if serves => report_panic(&current(), &panic),
                    result => result.map_err(RunError::Panicked)?,
                },
                Look::Later(_) if limit != NEVER && now >= limit => return Err(RunError::TimedOut),
                Look::Later(earliest) => {
                    let until = earliest.unwrap_or(NEVER).min(limit);
                    self.clock.sleep((until != NEVER).then_some(until), nap);
                }
                Look::Over => return Ok(()),
                Look::Stopped => return Err(RunError::Stopped),
            }
        }
    }

    /// Runs what is due, and says how long it is to the next.
    pub(super) fn run_pending(self: &Arc<Self>) -> Result<Option<Duration>, RunError> {
        loop {
            let now = self.now();
            match self.look(now, false) {
                Look::Due(place, work) => {
                    self.hand_over(place, work, now).map_err(RunError::Panicked)?;
                }
                Look::Later(earliest) => {
                    return Ok(earliest.map(|time| Duration::from_nanos(time.saturating_sub(now))));
                }
                Look::Over => return Ok(None),
                Look::Stopped => return Err(RunError::Stopped),
            }
        }
    }

    /// Takes the first entry that is due at `now`, or says how things are. `serves`: nothing to come is
    /// not the end.
    fn look(&self, now: u64, serves: bool) -> Look {
        let mut state = locked(&self.state);
        if state.stopped {
            return Look::Stopped;
        }
        if let Some((place, work)) = state.agenda.take_due(now) {
            state.waiting += 1;
            if let Work::Once(once) = &work {
                *locked(&once.status) = Status::Running;
            }
            return Look::Due(place, work);
        }
        let caller = get_ident();
        let earliest = state.agenda.first();
        // Who runs the scheduler from one of its actions cannot wait for that very action.
        let inside = || state.running.iter().any(|thread| thread.ident() == caller);
        if !serves && earliest.is_none() && (state.is_over() || inside()) {
            return Look::Over;
        }
        Look::Later(earliest)
    }

    /// Gives what was taken to the runner. The error is the panic of an action that has run here.
    fn hand_over(self: &Arc<Self>, place: Place, work: Work, now: u64) -> Result<(), Panic> {
        match Task::new(self, place, work, now) {
            Some(task) => self.runner.run(task),
            None => Ok(()),
        }
    }

    /// A task begins. Whether it may: not after the stop. If not, the caller still has to
    /// [`forgo`](Self::forgo) it.
    pub(super) fn begin(&self) -> bool {
        let thread = current();
        let mut state = locked(&self.state);
        if state.stopped {
            return false;
        }
        state.waiting -= 1;
        state.running.push(thread);
        true
    }

    /// A task ends that has begun on the calling thread.
    pub(super) fn end(&self) {
        let caller = get_ident();
        let mut state = locked(&self.state);
        let mine = |thread: &ThreadInfo| thread.ident() == caller;
        // The newest: one may run within another.
        if let Some(index) = state.running.iter().rposition(mine) {
            state.running.remove(index);
        }
        self.tell(state);
        self.quiet.set();
        self.quiet.clear();
    }

    /// A task was taken and never begins.
    pub(super) fn forgo(&self) {
        let mut state = locked(&self.state);
        state.waiting -= 1;
        self.tell(state);
    }

    /// Wakes who sleeps if that was the last there is to do.
    fn tell(&self, state: std::sync::MutexGuard<'_, State>) {
        let over = state.is_over();
        drop(state);
        if over {
            self.changed.ring();
        }
    }

    pub(super) fn stop(&self, deadline: Deadline) -> Report {
        let caller = get_ident();
        let others = |state: &State| -> Vec<ThreadInfo> {
            let threads = state.running.iter();
            threads.filter(|thread| thread.ident() != caller).cloned().collect()
        };
        let (works, waiting, begun) = {
            let mut state = locked(&self.state);
            let waiting = if state.stopped { 0 } else { state.waiting };
            state.stopped = true;
            (state.agenda.take_all(), waiting, others(&state).len())
        };
        self.changed.ring();
        let mut cancelled = waiting;
        for work in works {
            cancelled += 1;
            work.cancel();
        }
        let running = loop {
            let mut quiet = self.quiet.wait_async();
            let running = others(&locked(&self.state));
            if running.is_empty() || quiet.until(deadline).is_err() {
                break others(&locked(&self.state));
            }
        };
        Report { cancelled, finished: begun.saturating_sub(running.len()), running }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // One by one, so that an action that panics when dropped costs no other its drop.
        let works = locked(&self.state).agenda.take_all();
        works.into_iter().for_each(Work::cancel);
    }
}
