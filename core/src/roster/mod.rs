//! Floor 2: who works, who is idle, how much waits to be done: the idle protocol of a pool.
//!
//! A [`Roster`] holds no jobs and no threads. It tells who submits a job whether to start a thread, to
//! wake one or neither, and it tells a worker whether there is a job for it, and lets it sleep.
//!
//! # Layout
//!
//! One word decides all: `CLOSED | seekers | active | idle | queued`.
//!
//! - `queued`: *claims*, one for each job that was submitted and that nobody has set out to take. Who
//!   claims takes one job out of the pool's queue, whichever comes; a job is counted just before it is
//!   pushed, so a claim may have to wait for a push in progress.
//! - `active`: workers, without those that are *away*, waiting for another job.
//! - `idle`: the active ones that have no job: asleep, or about to wake, fall asleep, or look.
//! - `seekers`: those of the idle that are awake, or have been sent a wake-up: nobody else need be woken
//!   for as many jobs. Never more than there are; who finds no room in the count sleeps at once.
//!
//! Apart from it `wakeups`, one for each sleeper that was chosen and has not noticed: the word that
//! sleepers sleep on; and `away`.
//!
//! # Invariants
//!
//! 1. `queued <= idle`, or there are as many active workers as there may be. So jobs that wait for one
//!    another each get a worker while there may be one more: nobody counts on a worker that has set out
//!    for another job, because claiming takes it off `idle` in the same step. (Refused threads are the
//!    exception: then the job waits for the next worker.)
//! 2. While `queued > 0` and `idle > 0` there is a seeker, or a wake-up for one. A seeker that claims a job
//!    and leaves more than there are seekers sends a wake-up for a successor. So a burst wakes sleepers one
//!    by one, each by the one before, and a worker that has just become idle waits for a moment for the next
//!    job before it sleeps, so that a steady stream of jobs wakes nobody.
//!
//! # Work elsewhere
//!
//! What a worker has put aside for others to take is not in the queue and not counted: it takes it back
//! itself if nobody comes. [`rouse`](Roster::rouse) wakes or asks for somebody if nobody is seeking. A
//! seeker looks where the caller of [`next`](Roster::next) says, and leaves `idle` before it takes anything
//! there, and only while no claim waits, so invariant 1 stands. There is no fence between putting aside and
//! looking for a seeker. So who ceases to be a seeker looks a last time a moment after, when what was put
//! aside by somebody who still saw it among them has long arrived. The memory model does not promise that;
//! missing it costs time and loses nothing.
//!
//! # Linearization points
//!
//! The exchanges of the word. All decisions are made by an exchange, so a worker falls asleep, or goes
//! for lack of work, only in a state without claims: no second look, no fence, no lost wake-up.
//!
//! # Progress and cost
//!
//! Submitting and claiming: lock-free, one exchange; two more steps and a system call to wake.
//! [`next`](Roster::next) is blocking when there is nothing to do. Twelve bytes on a 32-bit target, 16
//! else, without padding.

mod state;

use core::convert::Infallible;
use core::error::Error;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use state::{ACTIVE, IDLE, QUEUED, SEEKER, State};
pub use state::{MAX_QUEUED, MAX_WORKERS};

use crate::atomic::{AtomicU32, AtomicWord, Ordering, Word, back_off};
use crate::pad::Pad;
use crate::platform::{Deadline, Platform, Wake};

/// Turns of a spin loop: more than a store needs to arrive, less than falling asleep takes.
const MOMENT: u32 = 32;

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most workers, without those that are away. At least 1.
    pub most: u32,
    /// So many workers stay when there is nothing to do.
    pub least: u32,
    /// So many workers are replaced while they are away. With `most` at most [`MAX_WORKERS`].
    pub spares: u32,
    /// So many jobs may wait, apart from those that an idle worker is about to take.
    pub queue: u32,
}

/// What is to be done with a job that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody counts on it"]
pub enum Placed {
    /// Push it.
    Queued,
    /// Push it, then call [`wake`](Roster::wake).
    Wake,
    /// Start a worker with it; the worker is counted. If that fails: [`Roster::not_started`].
    Start,
}

/// Why a job was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many wait as may.
    Full,
    /// The roster is closed.
    Closed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "as many jobs wait as may",
            Self::Closed => "the roster is closed",
        })
    }
}

impl Error for Refused {}

/// What a roster holds: a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Jobs that wait.
    pub queued: u32,
    /// Workers without a job.
    pub idle: u32,
    /// Workers, without those that are away.
    pub active: u32,
    /// Workers that are away and may be replaced.
    pub away: u32,
    /// Whether it is closed.
    pub closed: bool,
}

/// The idle protocol of a pool; see the head of the module.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::{Queue, fifo::Fifo};
/// use inkle_core::roster::{Limits, Next, Placed, Roster};
///
/// static ROSTER: Roster<Spin<NoBoard>> = Roster::new();
/// static JOBS: Fifo<fn(), 8> = Fifo::new();
/// const ALONE: Limits = Limits { most: 1, least: 0, spares: 0, queue: 8 };
///
/// // The first job is for a new worker.
/// assert_eq!(ROSTER.submit(ALONE), Ok(Placed::Start));
/// assert_eq!(ROSTER.submit(ALONE), Ok(Placed::Queued));
/// JOBS.try_push(|| println!("woven")).unwrap();
/// ROSTER.close();
///
/// // The worker, when it is done with its first job:
/// while ROSTER.next(|| ALONE, Duration::MAX, || false) == Next::Job {
///     JOBS.try_pop().unwrap()();
/// }
/// ```
pub struct Roster<P> {
    state: Pad<AtomicWord>,
    rare: Pad<Rare>,
    platform: PhantomData<fn() -> P>,
}

/// What is not touched while everybody has work.
struct Rare {
    /// Chosen sleepers that have not noticed.
    wakeups: AtomicU32,
    away: AtomicU32,
}

/// What a worker is to do next: see [`Roster::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "somebody counts on it"]
pub enum Next {
    /// Take a job out of the queue: there is one, and if not yet, it is being pushed.
    Job,
    /// Look elsewhere: there was something a moment ago. Then ask again.
    Elsewhere,
    /// End: it is counted no more.
    End,
}

/// Where a worker is that has no job.
enum Rest {
    Seeks,
    Sleeps,
}

/// How a step of a worker ends.
enum Step {
    Is(Next),
    Rests(Rest),
}

impl<P: Platform> Roster<P> {
    const_fn! {
        /// A roster without workers and jobs.
        #[must_use]
        pub const fn new() -> Self {
            Self {
                state: Pad(AtomicWord::new(0)),
                rare: Pad(Rare { wakeups: AtomicU32::new(0), away: AtomicU32::new(0) }),
                platform: PhantomData,
            }
        }
    }

    /// Exchanges the state for what `change` makes of it.
    ///
    /// Also if that is the same: a load may give an old state, and a decision stands only if an exchange
    /// has found what it was made from.
    #[inline(always)]
    fn change<R>(&self, mut change: impl FnMut(State) -> (State, R)) -> R {
        match self.try_change(|state| Ok::<_, Infallible>(change(state))) {
            Ok(result) => result,
            Err(never) => match never {},
        }
    }

    /// As [`change`](Self::change), but leaves the state alone if `change` refuses: for refusals that
    /// were true a moment ago.
    ///
    /// Relaxed throughout: the word carries counts and no message. Jobs are published by the queue they
    /// lie in.
    #[inline(always)]
    fn try_change<R, E>(
        &self,
        mut change: impl FnMut(State) -> Result<(State, R), E>,
    ) -> Result<R, E> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let (next, result) = change(State(state))?;
            match self.state.compare_exchange_weak(
                state,
                next.0,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(result),
                Err(now) => state = now,
            }
        }
    }

    /// Counts a job, and says what to do with it.
    ///
    /// Errors: [`Refused`]. Progress: lock-free. Interrupt-safe: yes. Ordering: none; the queue's.
    /// Source: CF035, CF036.
    #[inline]
    pub fn submit(&self, limits: Limits) -> Result<Placed, Refused> {
        self.try_change(|state| {
            if state.is_closed() {
                Err(Refused::Closed)
            } else if state.queued() >= state.idle() && state.active() < limits.most {
                Ok((state.plus(ACTIVE), Placed::Start))
            } else {
                Self::queue(state, limits.queue)
            }
        })
    }

    #[inline(always)]
    fn queue(state: State, room: u32) -> Result<(State, Placed), Refused> {
        let most = state.idle().saturating_add(room);
        if state.queued() >= most || state.queued() >= MAX_QUEUED {
            return Err(Refused::Full);
        }
        let (state, wake) = state.plus(QUEUED).sought();
        Ok((state, if wake { Placed::Wake } else { Placed::Queued }))
    }

    /// The worker that [`Placed::Start`] asked for could not be started: counts it no more. Says what to
    /// do with the job instead: it is queued if there is another worker to take it, or else
    /// [`Refused::Full`], and the roster has forgotten it.
    ///
    /// Progress and the rest: as [`submit`](Self::submit). Source: CF044.
    pub fn not_started(&self) -> Result<Placed, Refused> {
        // Relaxed: a worker that is away and comes back takes the job, and none other comes from there.
        let away = self.rare.away.load(Ordering::Relaxed);
        self.change(|state| {
            let state = state.minus(ACTIVE);
            if state.active() == 0 && away == 0 {
                return (state, Err(Refused::Full));
            }
            match Self::queue(state, MAX_QUEUED) {
                Ok((state, placed)) => (state, Ok(placed)),
                Err(refused) => (state, Err(refused)),
            }
        })
    }

    /// Wakes the sleeper that is to look for a job: after the push, on [`Placed::Wake`].
    ///
    /// Progress: wait-free, but for the platform's `wake`. Interrupt-safe: as that.
    pub fn wake(&self) {
        self.wake_up(1);
    }

    #[cold]
    fn wake_up(&self, count: u32) {
        // Relaxed: what wakes is the count itself, and the sleeper looks at the state by an exchange.
        self.rare.wakeups.fetch_add(count, Ordering::Relaxed);
        P::wake(&raw const self.rare.wakeups, count);
    }

    /// For a worker that has done its job: waits for the next one, and says what it is. It is
    /// [`Next::End`] if there are too many workers, the roster is closed, or there was nothing to do for as
    /// long as `patience`.
    ///
    /// `elsewhere` says whether there is work to be had that is not counted here: it is asked by a worker that
    /// has nothing to do, now and then before it sleeps, and when [`rouse`](Self::rouse) has woken it.
    ///
    /// Progress: blocking. Interrupt-safe: no. Source: CF035, CF042, CF065.
    #[inline]
    pub fn next(
        &self,
        limits: impl Fn() -> Limits,
        patience: Duration,
        elsewhere: impl Fn() -> bool,
    ) -> Next {
        let most = limits().most;
        let step = self.change(|state| {
            if state.active() > most {
                (state.minus(ACTIVE), Step::Is(Next::End))
            } else if state.queued() > 0 {
                (state.minus(QUEUED), Step::Is(Next::Job))
            } else if state.is_closed() {
                (state.minus(ACTIVE), Step::Is(Next::End))
            } else {
                let (state, seeks) = state.rests();
                (state, Step::Rests(if seeks { Rest::Seeks } else { Rest::Sleeps }))
            }
        });
        match step {
            Step::Is(next) => next,
            Step::Rests(rest) => self.rest(rest, limits, patience, elsewhere),
        }
    }

    #[cold]
    fn rest(
        &self,
        mut rest: Rest,
        limits: impl Fn() -> Limits,
        patience: Duration,
        elsewhere: impl Fn() -> bool,
    ) -> Next {
        loop {
            let step = match rest {
                Rest::Seeks => self.seek(&limits, &elsewhere),
                Rest::Sleeps => self.sleep(&limits, patience, &elsewhere),
            };
            match step {
                Step::Is(next) => return next,
                Step::Rests(other) => rest = other,
            }
        }
    }

    /// What a seeker does: looks for a moment, then claims, goes, or falls asleep.
    fn seek(&self, limits: &impl Fn() -> Limits, elsewhere: &impl Fn() -> bool) -> Step {
        let mut round = 0;
        let mut is_tired = false;
        loop {
            let mut finds = false;
            // Relaxed: only when to stop looking.
            while !is_tired && !finds && self.census().is_quiet() {
                finds = elsewhere();
                is_tired = !finds && !P::relax(round);
                round += 1;
            }
            let most = limits().most;
            let step = self.try_change(|state| {
                let left = state.sought_by_one_less();
                if state.queued() > 0 {
                    let (left, wake) = left.minus(QUEUED).minus(IDLE).sought();
                    Ok((left, (Step::Is(Next::Job), wake)))
                } else if state.is_closed() || state.active() > most {
                    Ok((left.minus(IDLE).minus(ACTIVE), (Step::Is(Next::End), false)))
                } else if finds {
                    Ok((left.minus(IDLE), (Step::Is(Next::Elsewhere), false)))
                } else if is_tired {
                    Ok((left, (Step::Rests(Rest::Sleeps), false)))
                } else {
                    // Somebody else was quicker.
                    Err(())
                }
            });
            if let Ok((step, wake)) = step {
                if wake {
                    self.wake();
                }
                return step;
            }
        }
    }

    /// What everybody else does that has no job. Who is woken is a seeker.
    fn sleep(
        &self,
        limits: &impl Fn() -> Limits,
        patience: Duration,
        elsewhere: &impl Fn() -> bool,
    ) -> Step {
        // For the last time, now that it is not among the seekers any more; see the head of the module.
        back_off(MOMENT);
        if elsewhere() {
            return Step::Rests(Rest::Seeks);
        }
        // Who stays anyway needs no clock; if that changes, it is woken.
        let stays = self.census().active <= limits().least;
        let deadline = if stays { Deadline::NEVER } else { Deadline::after::<P>(patience) };
        let mut wake = Wake::Woken;
        loop {
            if self.take_wakeup() {
                return Step::Rests(Rest::Seeks);
            }
            if wake == Wake::TimedOut {
                break;
            }
            wake = P::wait(&self.rare.wakeups, 0, deadline);
        }
        // Not a seeker: whoever is has a wake-up waiting for it, or is awake.
        self.change(|state| {
            if state.queued() > 0 {
                (state.minus(QUEUED).minus(IDLE), Step::Is(Next::Job))
            } else if state.is_closed() || state.active() > limits().least {
                (state.minus(IDLE).minus(ACTIVE), Step::Is(Next::End))
            } else {
                (state, Step::Rests(Rest::Sleeps))
            }
        })
    }

    /// For a worker that has put work aside for others: wakes a sleeper if there is one and nobody seeks.
    /// `true`: nobody is idle and there may be more workers, so start one, which is counted and begins with
    /// [`next`](Self::next); if that fails: [`not_roused`](Self::not_roused).
    ///
    /// `most` is that of the [`Limits`]. Costs a load while nobody is idle, or somebody seeks.
    ///
    /// Progress: lock-free, but for the platform's `wake`. Interrupt-safe: as that. Ordering: none: it may miss
    /// who is about to fall asleep.
    #[inline]
    #[must_use = "a worker may have to be started"]
    pub fn rouse(&self, most: u32) -> bool {
        // Relaxed: a hint; see the head of the module.
        let state = State(self.state.load(Ordering::Relaxed));
        let in_vain = state.seekers() > 0 || (state.idle() == 0 && state.active() >= most);
        !in_vain && self.rouse_one(most)
    }

    #[cold]
    fn rouse_one(&self, most: u32) -> bool {
        // Relaxed: a count. Who is away comes back.
        let away = self.rare.away.load(Ordering::Relaxed);
        let wakes = self.try_change(|state| {
            if state.seekers() > 0 || state.is_closed() {
                Err(())
            } else if state.idle() > 0 {
                Ok((state.plus(SEEKER), true))
            } else if state.active() + away < most {
                Ok((state.plus(ACTIVE), false))
            } else {
                Err(())
            }
        });
        if wakes == Ok(true) {
            self.wake();
        }
        wakes == Ok(false)
    }

    /// The worker that [`rouse`](Self::rouse) asked for could not be started: counts it no more.
    pub fn not_roused(&self) {
        self.change(|state| (state.minus(ACTIVE), ()));
    }

    /// Takes a wake-up if there is one. Called after each sleep, whatever ended it: a sleeper may time
    /// out although a wake-up has been spent on it, and nobody else would notice that.
    fn take_wakeup(&self) -> bool {
        // Relaxed throughout: see `wake_up`.
        let mut wakeups = self.rare.wakeups.load(Ordering::Relaxed);
        while wakeups > 0 {
            match self.rare.wakeups.compare_exchange_weak(
                wakeups,
                wakeups - 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => wakeups = now,
            }
        }
        false
    }

    /// For a worker that has a job and is about to wait for another one: takes it off the active ones,
    /// so that another may work in its place. `None`: as many as may be are away already; it stays
    /// counted, and there is nothing to undo. Else [`came_back`](Self::came_back) undoes it, and if it is
    /// `Some(true)`, a job waits, so start a worker that takes one out of the queue; it is counted
    /// ([`not_started_for_queue`](Self::not_started_for_queue)).
    ///
    /// Progress: lock-free. Interrupt-safe: yes. Source: CF043.
    pub fn go_away(&self, limits: Limits) -> Option<bool> {
        // Relaxed: a count.
        if self.rare.away.fetch_add(1, Ordering::Relaxed) >= limits.spares {
            self.rare.away.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(self.change(|state| state.replaced(limits.most)))
    }

    /// A worker that was away goes on with its job. There may be one too many now, until one has done
    /// its job. Progress and the rest: as [`go_away`](Self::go_away).
    pub fn came_back(&self) {
        self.change(|state| (state.plus(ACTIVE), ()));
        // Relaxed: a count. Afterwards, so that there never seems to be nobody.
        self.rare.away.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a job waits for which a worker may be started, after the limits have changed. The worker
    /// is counted; it takes a job out of the queue. Progress and the rest: as [`submit`](Self::submit).
    pub fn start_for_queue(&self, limits: Limits) -> bool {
        self.change(|state| {
            if state.queued() > state.idle() && state.active() < limits.most {
                (state.plus(ACTIVE).minus(QUEUED), true)
            } else {
                (state, false)
            }
        })
    }

    /// The worker for a job of the queue could not be started: the job waits for another one. Whether
    /// to call [`wake`](Self::wake).
    #[must_use = "somebody may have to be woken"]
    pub fn not_started_for_queue(&self) -> bool {
        self.change(|state| state.minus(ACTIVE).plus(QUEUED).sought())
    }

    /// Has every sleeper look round, after the limits have changed. They stay for a new `patience` at
    /// most.
    pub fn wake_all(&self) {
        let idle = self.census().idle;
        if idle > 0 {
            // More than one seeker does no harm.
            self.wake_up(idle);
        }
    }

    /// Accepts no more jobs. Workers go when nothing waits any more. `true` for the call that closed it.
    ///
    /// Progress: lock-free, but for the platform's `wake`. Source: CF031, CF042.
    pub fn close(&self) -> bool {
        let first = self.change(|state| (state.closed(), !state.is_closed()));
        if first {
            // Nobody falls asleep any more, so these are all.
            self.wake_all();
        }
        first
    }

    /// Claims up to `count` jobs at once: so many are to be taken out of the queue. Somebody may be
    /// pushing some of them just now.
    ///
    /// Progress: lock-free. Source: CF032.
    pub fn revoke(&self, count: u32) -> u32 {
        self.change(|state| {
            let count = state.queued().min(count);
            (state.minus(Word::from(count)), count)
        })
    }

    /// What is counted now.
    #[must_use]
    pub fn census(&self) -> Census {
        // Relaxed: a snapshot.
        let state = State(self.state.load(Ordering::Relaxed));
        Census {
            queued: state.queued(),
            idle: state.idle(),
            active: state.active(),
            away: self.rare.away.load(Ordering::Relaxed),
            closed: state.is_closed(),
        }
    }
}

impl Census {
    fn is_quiet(self) -> bool {
        self.queued == 0 && !self.closed
    }
}

impl<P: Platform> Default for Roster<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> core::fmt::Debug for Roster<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.census().fmt(f)
    }
}
