//! Python's `sched`: actions at given times, in a given order.
//!
//! | Python | here |
//! |---|---|
//! | `scheduler(timefunc, delayfunc)` | [`Scheduler::new`], [`Scheduler::with_clock`]: a [`Clock`] is both functions in one |
//! | `enter(delay, priority, action, argument, kwargs)` | [`enter`](Scheduler::enter): arguments are what the closure captures |
//! | `enterabs(time, priority, action, ...)` | [`enter_at`](Scheduler::enter_at) |
//! | the `Event` they give | [`Event`] |
//! | `cancel(event)` | [`cancel`](Scheduler::cancel), at a price that hardly depends on how many there are |
//! | `empty()`, `queue` | [`is_empty`](Scheduler::is_empty), [`snapshot`](Scheduler::snapshot) |
//! | `run()` | [`run`](Scheduler::run), and until a time, or until a token is cancelled |
//! | `run(blocking=False)` | [`run_pending`](Scheduler::run_pending) |
//!
//! What Python lacks: an earlier event, or a cancelled one, ends the sleep of who runs the scheduler,
//! whichever thread it comes from (SC013, SC014, SC017); periodic jobs ([`Every`]); actions on threads
//! ([`Runner`]); a [`stop`](Scheduler::stop) with a deadline; a thread that runs it all the time
//! ([`start`](Scheduler::start)); a clock for tests ([`VirtualClock`]); with the feature `cron`, cron
//! expressions in UTC, local time or any zone. (SC019)
//!
//! A panic in an action is a value here: [`run`](Scheduler::run) returns it where Python's raises the
//! exception, with the event gone and the rest as it was (SC010).
//!
//! # Without counterpart
//!
//! - Times of any number type and unit (SC001): a time is nanoseconds of a [`Clock`] whatever the clock
//!   calls them ([`Moment`]), and never a NaN. A negative delay (SC004) is a time in the past, for
//!   [`enter_at`](Scheduler::enter_at).
//! - `delayfunc(0)` after each event (SC007), which lets other Python threads run: here they run
//!   anyway.
//! - Events that compare by their fields (SC003, SC018): a handle is one event, and that one is cancelled.
//! - The fields `action`, `argument`, `kwargs` of an event (SC003): the closure is the scheduler's.
//! - Versions of Python that differ (SC016).
//! - A deadline for each event, and jobs that outlive the process (SC019): both are the action's to see to.
//! - An async form (SC019): the core has sleeps and timeouts to await, [`Timers`](crate::kernel::timer::Timers).

mod background;
mod clock;
mod crew;
#[cfg(feature = "cron")]
mod cron;
mod error;
mod event;
mod every;
mod hub;
mod job;
mod rule;
mod runner;
mod scheduler;
mod virtual_clock;
mod wall;

pub use clock::{Alarm, Clock, Moment, Monotonic, Nap};
pub use crew::{Crew, NoThreads};
#[cfg(feature = "cron")]
pub use cron::{BadCron, Cron};
pub use error::{CancelError, EnterCause, EnterError, JobOver, Report, RunError};
pub use event::Event;
pub use every::{Every, Missed, OnPanic, Overlap, Tick};
pub use job::Job;
pub use runner::{Inline, Runner, Task};
pub use scheduler::Scheduler;
pub use virtual_clock::VirtualClock;
pub use wall::Wall;
