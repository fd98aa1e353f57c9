//! A periodic job: when it is due, whether it then runs, and the handle.
//!
//! # Invariants
//!
//! A job has one entry in the agenda at most for its next time (`next`) and one for a run that had to
//! wait (`belated`). Who takes an entry out of the agenda asks the job whether it is still its own: a
//! cancel in between has made it another's, and nothing runs.
//!
//! `time` is the time by the rule, without jitter, and the next one is made from it alone: nothing
//! drifts.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::Moment;
use super::error::JobOver;
use super::every::{Missed, OnPanic, Overlap};
use super::hub::{Hub, Work};
use super::rule::Rule;
use crate::agenda::{NEVER, Place};
use crate::threading::{Panic, current, drop_quietly, is_exit, locked, report_panic};

/// A periodic job that was started; see [`Every`](super::Every).
///
/// A handle: clone it freely. Dropping it changes nothing.
///
/// ```
/// use std::time::Duration;
/// use inkle::sched::{RunError, Scheduler, VirtualClock};
///
/// let scheduler = Scheduler::with_clock(VirtualClock::jumping());
/// let job = scheduler.every(Duration::from_secs(10)).start(|_| ()).unwrap();
/// assert!(matches!(scheduler.run_timeout(Duration::from_secs(25)), Err(RunError::TimedOut)));
/// assert_eq!((job.runs(), job.next()), (2, Some(Duration::from_secs(30))));
/// job.pause().unwrap();
/// scheduler.enter(Duration::from_secs(60), 0, || ()).unwrap();
/// scheduler.run().unwrap();
/// assert_eq!(job.runs(), 2);
/// // At second 85.
/// job.resume().unwrap();
/// assert_eq!(job.next(), Some(Duration::from_secs(90)));
/// job.cancel().unwrap();
/// ```
pub struct Job<T> {
    inner: Arc<Recurring>,
    time: PhantomData<fn() -> T>,
}

impl<T: Moment> Job<T> {
    pub(super) fn new(inner: Arc<Recurring>) -> Self {
        Self { inner, time: PhantomData }
    }

    /// Sees to it that the job never begins again; a run that has begun goes on. Does not block.
    ///
    /// Errors: [`JobOver`], also if its last run has begun; nothing changes then.
    pub fn cancel(&self) -> Result<(), JobOver> {
        self.inner.cancel()
    }

    /// Sees to it that the job does not begin until [`resume`](Self::resume). It is not among what is
    /// to come then: [`run`](super::Scheduler::run) may find nothing and return. Does not block.
    ///
    /// Errors: [`JobOver`].
    pub fn pause(&self) -> Result<(), JobOver> {
        self.inner.pause()
    }

    /// Ends a [`pause`](Self::pause): the job goes on with its first time to come. What lies in the
    /// pause was not missed. Does not block.
    ///
    /// Errors: [`JobOver`].
    pub fn resume(&self) -> Result<(), JobOver> {
        self.inner.resume()
    }

    /// How many runs have begun, or wait for one before them to end.
    #[must_use]
    pub fn runs(&self) -> u64 {
        locked(&self.inner.state).runs
    }

    /// How many times it should have run and did not: by [`Missed::Skip`], by [`Overlap::Skip`], or
    /// because a run that waited was called off.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        locked(&self.inner.state).skipped
    }

    /// When it runs next, without jitter; `None` while it is paused, over, or waits for the end of a
    /// run to count from there.
    #[must_use]
    pub fn next(&self) -> Option<T> {
        let state = locked(&self.inner.state);
        state.next.map(|_| T::at(state.time))
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        locked(&self.inner.state).paused
    }

    /// Whether it never begins again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let state = locked(&self.inner.state);
        state.over && state.queued.is_none() && state.belated.is_none()
    }
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), time: PhantomData }
    }
}

impl<T: Moment> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("next", &self.next())
            .field("runs", &self.runs())
            .field("over", &self.is_over())
            .finish_non_exhaustive()
    }
}

/// What an [`Every`](super::Every) says of the job.
pub(super) struct Plan {
    pub(super) rule: Rule,
    pub(super) priority: i32,
    pub(super) missed: Missed,
    pub(super) overlap: Overlap,
    pub(super) on_panic: OnPanic,
    pub(super) jitter: u64,
    /// No time after this one.
    pub(super) until: u64,
}

pub(super) struct Recurring {
    hub: Weak<Hub>,
    plan: Plan,
    state: Mutex<State>,
}

struct State {
    /// `None` while it runs, if it is for one run at a time, and when all is over.
    body: Option<Body>,
    next: Option<Place>,
    /// The time of `next`, or of the last one.
    time: u64,
    /// How much later `next` is than `time`.
    jitter: u64,
    dice: u64,
    /// A run that waits for the one that runs.
    queued: Option<Beat>,
    /// The same, once that has ended.
    belated: Option<(Place, Beat)>,
    active: u32,
    /// How many runs it may have yet.
    left: u64,
    runs: u64,
    skipped: u64,
    paused: bool,
    /// Nothing is due any more.
    over: bool,
}

/// One run, as its action is told.
#[derive(Clone, Copy)]
pub(super) struct Beat {
    pub(super) time: u64,
    pub(super) number: u64,
    pub(super) missed: u64,
}

pub(super) enum Body {
    Alone(Box<dyn FnMut(Beat) + Send>),
    Overlapping(Arc<dyn Fn(Beat) + Send + Sync>),
}

/// A run that is to begin.
pub(super) struct Run {
    job: Arc<Recurring>,
    body: Body,
    beat: Beat,
}

impl Run {
    /// The error is what the action panicked with and the job does not take on itself.
    pub(super) fn call(self, hub: &Arc<Hub>) -> Result<(), Box<dyn Any + Send>> {
        let Self { job, mut body, beat } = self;
        let result = catch_unwind(AssertUnwindSafe(|| match &mut body {
            Body::Alone(action) => action(beat),
            Body::Overlapping(action) => action(beat),
        }));
        let panicked = result.as_ref().is_err_and(|payload| !is_exit(&**payload));
        job.ended(hub, body, panicked);
        match result {
            Err(payload) if panicked && job.plan.on_panic == OnPanic::GoOn => {
                report_panic(&current(), &Panic::new(payload));
                Ok(())
            }
            result => result,
        }
    }

    /// It never begins: the scheduler was stopped, or its runner has lost it.
    pub(super) fn forgo(self, hub: &Arc<Hub>) {
        let Self { job, body, .. } = self;
        locked(&job.state).skipped += 1;
        job.ended(hub, body, false);
    }
}

impl Recurring {
    /// A job whose first time is `time`.
    pub(super) fn start(
        hub: &Arc<Hub>,
        plan: Plan,
        body: Body,
        time: u64,
        times: u64,
        seed: u64,
    ) -> Arc<Self> {
        let state = State {
            body: Some(body),
            next: None,
            time,
            jitter: 0,
            dice: seed,
            queued: None,
            belated: None,
            active: 0,
            left: times,
            runs: 0,
            skipped: 0,
            paused: false,
            over: false,
        };
        let job = Arc::new(Self { hub: Arc::downgrade(hub), plan, state: Mutex::new(state) });
        let mut state = locked(&job.state);
        job.enter(hub, &mut state, time);
        release(state);
        job
    }

    /// Its entry was taken out of the agenda. The run that is to begin, if any; enters the next one.
    pub(super) fn turn(self: &Arc<Self>, hub: &Arc<Hub>, place: Place, now: u64) -> Option<Run> {
        let mut state = locked(&self.state);
        if state.next != Some(place) {
            return None;
        }
        state.next = None;
        let time = state.time;
        let (mut next, mut missed, mut runs) = (self.plan.rule.after(time), 0, true);
        // Lateness counts from when it was to begin.
        let seen = now.saturating_sub(state.jitter).min(self.plan.until);
        if next.is_some_and(|next| next <= seen) && self.plan.missed != Missed::CatchUp {
            let (first, gone) = self.plan.rule.past(time, seen);
            next = Some(first);
            if self.plan.missed == Missed::Coalesce {
                missed = gone;
            } else {
                state.skipped += gone + 1;
                runs = false;
            }
        }
        let run = if runs { self.choose(&mut state, time, missed) } else { None };
        match next {
            Some(next) => self.enter(hub, &mut state, next),
            // Its end enters the next one, unless there is none.
            None => state.over = state.left == 0,
        }
        release(state);
        run
    }

    /// The run of `time`: now, later, or not at all.
    fn choose(self: &Arc<Self>, state: &mut State, time: u64, missed: u64) -> Option<Run> {
        let beat = Beat { time, number: state.runs + 1, missed };
        let waits = state.belated.is_some();
        let body = match &mut state.body {
            Some(Body::Overlapping(action)) => Some(Body::Overlapping(Arc::clone(action))),
            body if !waits => body.take(),
            _ => None,
        };
        if body.is_none() && (self.plan.overlap == Overlap::Skip || waits || state.queued.is_some())
        {
            state.skipped += 1;
            return None;
        }
        state.runs += 1;
        state.left -= 1;
        let Some(body) = body else {
            state.queued = Some(beat);
            return None;
        };
        state.active += 1;
        Some(Run { job: Arc::clone(self), body, beat })
    }

    /// A run that had to wait was taken out of the agenda, and is to begin unless it was cancelled.
    pub(super) fn belated(self: &Arc<Self>, place: Place) -> Option<Run> {
        let mut state = locked(&self.state);
        let (_, beat) = state.belated.take_if(|(own, _)| *own == place)?;
        let body = state.body.take()?;
        state.active += 1;
        Some(Run { job: Arc::clone(self), body, beat })
    }

    fn ended(self: &Arc<Self>, hub: &Arc<Hub>, body: Body, panicked: bool) {
        let resting = match self.plan.rule {
            Rule::Spaced(period) => Some(hub.now().saturating_add(period)),
            _ => None,
        };
        let mut state = locked(&self.state);
        state.active -= 1;
        // One that may overlap is there already, unless all is over.
        let spare = match body {
            Body::Alone(_) => state.body.replace(body),
            Body::Overlapping(_) => Some(body),
        };
        if panicked && self.plan.on_panic == OnPanic::Stop {
            self.take_back(hub, &mut state);
            state.over = true;
        }
        if let Some(beat) = state.queued.take() {
            let work = |job| Work::Belated(job);
            match hub.add(beat.time, self.plan.priority, Arc::clone(self), work) {
                Ok(place) => state.belated = Some((place, beat)),
                Err(_) => state.skipped += 1,
            }
        }
        match resting {
            Some(next) if state.paused => state.time = next,
            Some(next) if !state.over => self.enter(hub, &mut state, next),
            _ => {}
        }
        release(state);
        drop_quietly(spare);
    }

    /// Enters `time` as the next one, or finds that the job is over.
    fn enter(self: &Arc<Self>, hub: &Hub, state: &mut State, time: u64) {
        if time == NEVER || time > self.plan.until || state.left == 0 {
            state.over = true;
            return;
        }
        state.time = time;
        state.jitter = match self.plan.jitter {
            0 => 0,
            most => roll(&mut state.dice) % most.saturating_add(1),
        };
        let due = time.saturating_add(state.jitter);
        match hub.add(due, self.plan.priority, Arc::clone(self), Work::Turn) {
            Ok(place) => state.next = Some(place),
            Err(_) => state.over = true,
        }
    }

    /// Takes all that is to come out of the agenda.
    fn take_back(&self, hub: &Hub, state: &mut State) {
        let belated = state.belated.take().map(|(place, _)| place);
        let queued = state.queued.take().is_some();
        state.skipped += u64::from(queued || belated.is_some());
        for place in [state.next.take(), belated].into_iter().flatten() {
            // Gone if somebody has just taken it, who then finds that it is not the job's any more.
            // What is dropped is a counted reference to the job itself, not the last one.
            drop(hub.remove(place));
        }
    }

    pub(super) fn cancel(&self) -> Result<(), JobOver> {
        self.change(|hub, state| {
            self.take_back(hub, state);
            state.over = true;
        })
    }

    fn pause(&self) -> Result<(), JobOver> {
        self.change(|hub, state| {
            self.take_back(hub, state);
            state.paused = true;
        })
    }

    fn resume(self: &Arc<Self>) -> Result<(), JobOver> {
        let now = self.hub.upgrade().map(|hub| hub.now());
        self.change(|hub, state| {
            // Counts from the end of a run: that enters it.
            let rests = matches!(self.plan.rule, Rule::Spaced(_)) && state.active > 0;
            if !std::mem::replace(&mut state.paused, false) || rests {
                return;
            }
            let (time, now) = (state.time, now.unwrap_or(NEVER));
            let next = if time > now { time } else { self.plan.rule.past(time, now).0 };
            self.enter(hub, state, next);
        })
    }

    fn change(&self, change: impl FnOnce(&Hub, &mut State)) -> Result<(), JobOver> {
        let hub = self.hub.upgrade().ok_or(JobOver)?;
        let mut state = locked(&self.state);
        let waits = state.queued.is_some() || state.belated.is_some();
        if state.over && !waits {
            return Err(JobOver);
        }
        let stopped = hub.is_stopped();
        if stopped {
            self.take_back(&hub, &mut state);
            state.over = true;
        } else {
            change(&hub, &mut state);
        }
        release(state);
        if stopped { Err(JobOver) } else { Ok(()) }
    }
}

impl Drop for Recurring {
    fn drop(&mut self) {
        let body = locked(&self.state).body.take();
        drop_quietly(body);
    }
}

/// Unlocks, and drops the action if it never runs again.
fn release(mut state: MutexGuard<'_, State>) {
    let idle = state.active == 0 && state.queued.is_none() && state.belated.is_none();
    let body = if state.over && idle { state.body.take() } else { None };
    drop(state);
    drop_quietly(body);
}

/// The next number of the sequence (splitmix64).
fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
