//! Floor 4: a wheel on a platform's clock.
//!
//! # Layout
//!
//! A [`WheelOver`] whose ticks are the platform's nanoseconds divided by a power of two. Two event counts: on `changed` the driver
//! sleeps until the first deadline, on `over` sleeps who waits for an action to end.
//!
//! # Who wakes the driver
//!
//! A schedule whose timer is the first; and whoever tidies up and thereby meets such a timer before its
//! schedule has looked ([`Turn::is_sooner`]). The driver counts itself as a waiter before its turn, so
//! that what comes between the turn and the sleep wakes it.
//!
//! A driver that finds the wheel taken (by somebody who tidies up) says so in `wanted`, looks once more,
//! and sleeps; who gives the wheel up looks at `wanted` behind a fence.

use core::fmt;
use core::task::Waker;
use core::time::Duration;

use super::driver::{Driver, Then, Turn};
use super::geometry::{Exact, Geometry};
use super::handle::Handle;
use super::sleep::{Sleep, Timeout};
use super::slot::{Due, Slot, Slots};
use super::tick::Tick;
use super::wheel::WheelOver;
use crate::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use crate::error::{CancelError, RescheduleError, ScheduleError, TimedOut, TooLate};
use crate::event_count::EventCount;
use crate::platform::{Deadline, Platform};

/// Timers with room for `N` of them inside, on the clock of `P`, each carrying a `T`.
pub type Timers<T, const N: usize, P, G = Exact> = TimersOver<[Slot<T>; N], P, G>;

/// Timers on a platform's clock: deadlines instead of ticks, futures, and a driver that sleeps until it
/// is needed.
///
/// [`Timers`] has its memory inside; `S` is where its slots are. All that is said of the
/// [wheel](WheelOver) holds: any thread schedules and cancels without a lock, exactly one of fired and
/// cancelled becomes of each timer, none fires early. How late one may be, besides the driver's own
/// delay, is the `resolution`; one that is far away may cost the driver a few turns before.
///
/// Interrupt handlers may schedule and cancel if the platform's `wake` may be called there. Deadlines beyond
/// the wheel's horizon (2^29 times the resolution) need no care. But [`drive`](Self::drive) or
/// [`turn`](Self::turn) must be called within any such time, or [`catch_up`](Self::catch_up) after it.
///
/// ```
/// use core::time::Duration;
/// use inkle_core::Deadline;
/// use inkle_core::platform::{Board, Spin};
/// use inkle_core::timer::{Then, Timers};
/// # struct Clock;
/// # use inkle_core::atomic::{AtomicUsize, Ordering};
/// # static NOW: AtomicUsize = AtomicUsize::new(1);
/// # impl Board for Clock {
/// #     fn now() -> u64 { NOW.fetch_add(1000, Ordering::Relaxed) as u64 }
/// # }
///
/// static TIMERS: Timers<&str, 8, Spin<Clock>> = Timers::new(Duration::from_micros(100));
///
/// let lamp = TIMERS.schedule(Deadline::at(900_000), "lamp off").unwrap();
/// TIMERS.schedule(Deadline::at(500_000), "beep").unwrap();
/// assert_eq!(TIMERS.cancel(lamp), Ok("lamp off"));
///
/// let mut heard = None;
/// TIMERS.drive(Deadline::at(800_000), |name| {
///     heard = Some(name);
///     Then::Done
/// });
/// assert_eq!(heard, Some("beep"));
/// ```
pub struct TimersOver<S: Slots, P, G: Geometry = Exact> {
    wheel: WheelOver<S, G>,
    /// Nanoseconds of a tick, as a power of two.
    shift: u32,
    /// 1 if a driver could not get hold of the wheel and sleeps.
    wanted: AtomicU32,
    /// Who runs actions, as the platform's `current`; 0 if nobody.
    driving: AtomicUsize,
    changed: EventCount<P>,
    over: EventCount<P>,
}

/// Cancelled timers that are left to the driver before somebody else tidies up.
const UNTIDY: u32 = 16;

/// The budget for that: more than what comes in meanwhile, and not more than an interrupt handler can bear.
const TIDY: u32 = 3 * UNTIDY;

impl<T, const N: usize, P: Platform, G: Geometry> TimersOver<[Slot<T>; N], P, G> {
    const_fn! {
        /// Timers that fire at most `resolution` late, or the next smaller power of two in nanoseconds; a
        /// nanosecond if it is zero, and at most two seconds.
        ///
        /// For a clock that has begun near zero, as that of a board does. For others, or later on:
        /// [`catch_up`](Self::catch_up) once before the first timer.
        pub const fn new(resolution: Duration) -> Self {
            Self::over(WheelOver::new(Tick::new(0)), resolution)
        }
    }
}

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> TimersOver<S, P, G> {
    const_fn! {
        /// As [`new`](Self::new), over a wheel with any memory, at tick 0.
        #[must_use]
        pub const fn over(wheel: WheelOver<S, G>, resolution: Duration) -> Self {
            let nanos = resolution.as_nanos();
            let nanos = if nanos == 0 { 1 } else { nanos };
            let shift = u128::BITS - 1 - nanos.leading_zeros();
            Self {
                wheel,
                shift: if shift < 31 { shift } else { 31 },
                wanted: AtomicU32::new(0),
                driving: AtomicUsize::new(0),
                changed: EventCount::new(),
                over: EventCount::new(),
            }
        }
    }

    /// The wheel under it.
    pub fn wheel(&self) -> &WheelOver<S, G> {
        &self.wheel
    }

    /// Now, in ticks.
    fn now(&self) -> u64 {
        P::now() >> self.shift
    }

    /// When a deadline is due: at the tick at or behind it.
    fn due(&self, deadline: Deadline) -> Due {
        let now = self.now();
        let ahead = deadline.nanos().map_or(u64::MAX, |nanos| {
            let whole = nanos >> self.shift;
            let ticks = if whole << self.shift == nanos { whole } else { whole.saturating_add(1) };
            ticks.saturating_sub(now)
        });
        Due::after(Tick::new(now as u32), ahead, WheelOver::<S, G>::REST)
    }

    /// Has `value` fired at `deadline`, or as soon as the driver comes if that has passed.
    /// [`Deadline::NEVER`] keeps its slot until it is cancelled.
    ///
    /// If no slot is free it tidies up first, unless somebody drives just now: one step for each timer that
    /// was scheduled or cancelled since the last turn.
    ///
    /// Errors: [`ScheduleError`], with the value; `TooFar` only if the wheel was not driven for too long (see
    /// the type). Progress: lock-free. Interrupt-safe: if the platform's `wake` is. Ordering: release, pairs
    /// with the acquire of who gets the value.
    pub fn schedule(
        &self,
        deadline: impl Into<Deadline>,
        value: T,
    ) -> Result<Handle, ScheduleError<T>> {
        let due = self.due(deadline.into());
        let scheduled = match self.wheel.schedule_due(due, value) {
            Err(ScheduleError::Full(value)) if self.wheel.untidy() > 0 => {
                self.tidy(u32::MAX);
                self.wheel.schedule_due(due, value)?
            }
            result => result?,
        };
        if scheduled.is_first {
            self.changed.notify(1);
        }
        Ok(scheduled.handle)
    }

    /// Takes a timer back: it will never fire. Now and then this tidies up what other cancels have left.
    ///
    /// Errors: [`TooLate`] if it has fired or fires just now, or was cancelled before. Progress: lock-free.
    /// Interrupt-safe: if the platform's `wake` is.
    pub fn cancel(&self, handle: Handle) -> Result<T, TooLate> {
        let value = self.wheel.cancel(handle)?;
        if self.wheel.untidy() >= UNTIDY {
            self.tidy(TIDY);
        }
        Ok(value)
    }

    /// Takes a timer back, and if its action runs just now, waits until that is over: behind this call,
    /// whatever it says but [`TimedOut`](CancelError::TimedOut), the action does not run.
    ///
    /// Errors: [`CancelError`]; in the action itself it does not wait. Progress: blocking. Interrupt-safe: no.
    pub fn cancel_sync(
        &self,
        handle: Handle,
        deadline: impl Into<Deadline>,
    ) -> Result<T, CancelError> {
        if let Ok(value) = self.cancel(handle) {
            return Ok(value);
        }
        // Relaxed: only the caller itself can have stored its own number, or a 0 over it.
        if self.driving.load(Ordering::Relaxed) == P::current() {
            return Err(CancelError::TooLate);
        }
        // An action may have its timer fire again: then it can be cancelled after all.
        let attempt = || match self.cancel(handle) {
            Ok(value) => Some(Ok(value)),
            Err(TooLate) => (!self.wheel.is_firing(handle)).then_some(Err(CancelError::TooLate)),
        };
        self.over.block(deadline.into(), attempt).unwrap_or(Err(CancelError::TimedOut))
    }

    /// Moves a timer to another time, earlier or later. The old handle is void after it.
    ///
    /// Errors, and the slot that it needs: as [`WheelOver::reschedule`]. Progress: lock-free. Interrupt-safe:
    /// if the platform's `wake` is.
    pub fn reschedule(
        &self,
        handle: Handle,
        deadline: impl Into<Deadline>,
    ) -> Result<Handle, RescheduleError> {
        let scheduled = self.wheel.reschedule_due(handle, self.due(deadline.into()))?;
        if scheduled.is_first {
            self.changed.notify(1);
        }
        if self.wheel.untidy() >= UNTIDY {
            self.tidy(TIDY);
        }
        Ok(scheduled.handle)
    }

    /// Whether the timer has neither fired nor been cancelled: a snapshot.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn is_pending(&self, handle: Handle) -> bool {
        self.wheel.is_pending(handle)
    }

    /// Gives slots of cancelled timers back, if nobody drives just now. `budget` as that of
    /// [`Driver::advance`].
    ///
    /// Progress: lock-free. Interrupt-safe: if the platform's `wake` is.
    pub fn tidy(&self, budget: u32) {
        self.hold(true, |driver| driver.tidy(budget));
    }

    /// Has the wheel know what time it is, if nobody drives just now: to be called before the first timer
    /// after a long time without a driver, or if the clock did not begin near zero. Fires nothing.
    ///
    /// Progress: lock-free. Interrupt-safe: if the platform's `wake` is.
    pub fn catch_up(&self) {
        self.hold(true, |driver| driver.approach(Tick::new(self.now() as u32), u32::MAX));
    }

    /// When the driver is needed: see [`WheelOver::next_deadline`].
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn next_deadline(&self) -> Deadline {
        let (next, now) = (self.wheel.next_deadline(), self.now());
        let ahead = Tick::new(now as u32).until(next);
        match ahead {
            0 => Deadline::PASSED,
            _ => Deadline::at(now.saturating_add(u64::from(ahead)) << self.shift),
        }
    }

    /// Fires what is due, in the order of the deadlines' ticks, unless somebody else drives. `budget` as
    /// that of [`Driver::advance`]; a timer that is filed anew costs one more.
    ///
    /// `action` may use the timers, but not drive them; while it runs, other timers wait.
    ///
    /// Progress: wait-free but for lost exchanges, and for what `action` does. Interrupt-safe: if the
    /// platform's `wake` is.
    pub fn turn(&self, budget: u32, action: impl FnMut(T) -> Then<T, Deadline>) -> Option<Turn> {
        self.fire(true, budget, action)
    }

    fn fire(
        &self,
        tells: bool,
        budget: u32,
        mut action: impl FnMut(T) -> Then<T, Deadline>,
    ) -> Option<Turn> {
        let now = Tick::new(self.now() as u32);
        self.hold(tells, |driver| {
            // Relaxed: see `cancel_sync`.
            self.driving.store(P::current(), Ordering::Relaxed);
            // Dropped after the turn, also by a panic: the last action is over then.
            let _over = Over(self);
            driver.advance_far(now, budget, |value| {
                // The action before this one is over.
                self.over.notify(u32::MAX);
                match action(value) {
                    Then::Done => Then::Done,
                    Then::Again(deadline, value) => Then::Again(self.due(deadline), value),
                }
            })
        })
    }

    /// Drives, unless somebody else does; behind that wakes a driver that has to know. `tells`: also of a
    /// sooner deadline, which the driver that sleeps need not tell itself.
    fn hold(&self, tells: bool, work: impl FnOnce(&mut Driver<'_, S, G>) -> Turn) -> Option<Turn> {
        let driver = self.wheel.try_drive()?;
        let mut hold = Hold { timers: self, driver: Some(driver), is_sooner: false };
        let turn = hold.driver.as_mut().map(work)?;
        hold.is_sooner = tells && turn.is_sooner;
        Some(turn)
    }

    /// Drives until `until`: fires what is due, and sleeps in between. While somebody else drives, it
    /// waits for its turn.
    ///
    /// What `action` may do: as in [`turn`](Self::turn). To stop it earlier, schedule something whose action
    /// says so to a [`turn`](Self::turn) loop of your own.
    ///
    /// Progress: blocking. Interrupt-safe: no.
    pub fn drive(
        &self,
        until: impl Into<Deadline>,
        mut action: impl FnMut(T) -> Then<T, Deadline>,
    ) {
        let until = until.into();
        while self.drive_once(until, &mut action).is_ok() {}
    }

    /// One turn, and then a sleep until the next one is due or may have changed.
    ///
    /// Errors: [`TimedOut`] if `until` has passed. Progress: blocking. Interrupt-safe: no.
    pub fn drive_once(
        &self,
        until: impl Into<Deadline>,
        action: impl FnMut(T) -> Then<T, Deadline>,
    ) -> Result<(), TimedOut> {
        let until = until.into();
        // Before the turn, so that what changes behind it wakes us.
        let key = self.changed.prepare();
        let leave = Leave { events: &self.changed, key: Some(key) };
        let sleep_until = match self.fire(false, u32::MAX, action) {
            Some(turn) if turn.fired > 0 => Deadline::PASSED,
            Some(_) => self.next_deadline(),
            None => {
                // Relaxed: the fence orders it.
                self.wanted.store(1, Ordering::Relaxed);
                // Pairs with the fence in `give_up`.
                fence(Ordering::SeqCst);
                if self.wheel.is_driven() { Deadline::NEVER } else { Deadline::PASSED }
            }
        };
        let deadline = if sleep_until < until { sleep_until } else { until };
        leave.wait(deadline);
        if until.has_passed::<P>() {
            // What we know of sooner deadlines somebody else has to find out.
            self.changed.notify(1);
            return Err(TimedOut);
        }
        Ok(())
    }

    /// A future that is ready at `deadline`. It needs a driver whose action wakes: `T` is made of a
    /// [`Waker`].
    ///
    /// Progress: lock-free. Interrupt-safe: no, as no waker is.
    pub fn sleep(&self, deadline: impl Into<Deadline>) -> Sleep<'_, T, S, P, G>
    where
        T: From<Waker>,
    {
        Sleep::new(self, deadline.into())
    }

    /// A future that is ready when `future` is, or at `deadline`.
    pub fn timeout<F>(&self, future: F, deadline: impl Into<Deadline>) -> Timeout<'_, F, T, S, P, G>
    where
        T: From<Waker>,
    {
        Timeout::new(self.sleep(deadline), future)
    }
}

/// A counted waiter, who leaves when this is dropped, that is when an action panics.
struct Leave<'a, P: Platform> {
    events: &'a EventCount<P>,
    key: Option<crate::event_count::Key>,
}

impl<P: Platform> Leave<'_, P> {
    /// Waits, unless the deadline has passed.
    fn wait(mut self, deadline: Deadline) {
        match self.key.take() {
            Some(key) if deadline.has_passed::<P>() => self.events.cancel(key),
            Some(key) => drop(self.events.wait(key, deadline)),
            None => {}
        }
    }
}

impl<P: Platform> Drop for Leave<'_, P> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            // An action has panicked. What was told to us somebody else has to find out.
            self.events.cancel(key);
            self.events.notify(1);
        }
    }
}

/// The wheel in the hands of somebody, who gives it up when this is dropped, also by a panic.
struct Hold<'a, T, S: Slots<Value = T>, P: Platform, G: Geometry> {
    timers: &'a TimersOver<S, P, G>,
    driver: Option<Driver<'a, S, G>>,
    is_sooner: bool,
}

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> Drop for Hold<'_, T, S, P, G> {
    fn drop(&mut self) {
        self.driver = None;
        // Pairs with the fence in `drive_once`: either that driver finds the wheel free, or we see what it
        // wants.
        fence(Ordering::SeqCst);
        let wanted = &self.timers.wanted;
        // Relaxed, twice: the fence does the work; who misses that it was set back wakes once too often.
        let is_wanted = wanted.load(Ordering::Relaxed) == 1;
        if is_wanted {
            wanted.store(0, Ordering::Relaxed);
        }
        if is_wanted || self.is_sooner {
            self.timers.changed.notify(1);
        }
    }
}

/// Says, when dropped, that no action runs.
struct Over<'a, T, S: Slots<Value = T>, P: Platform, G: Geometry>(&'a TimersOver<S, P, G>);

impl<T, S: Slots<Value = T>, P: Platform, G: Geometry> Drop for Over<'_, T, S, P, G> {
    fn drop(&mut self) {
        // Relaxed: see `cancel_sync`.
        self.0.driving.store(0, Ordering::Relaxed);
        self.0.over.notify(u32::MAX);
    }
}

impl<S: Slots, P: Platform, G: Geometry> fmt::Debug for TimersOver<S, P, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("wheel", &self.wheel).finish_non_exhaustive()
    }
}
