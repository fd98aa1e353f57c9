//! Timers as bags: an item goes in as a timer, and comes out when that fires or is cancelled.
//!
//! Every context schedules, reschedules, cancels and drives. Who takes while another operation is under way
//! does the opposite of the other one: where the main loop drives, a handler cancels, and the other way
//! round.

use core::time::Duration;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::queue::fifo::Fifo;
use inkle_core::timer::{Exact, Handle, Then, Tick, Timers, Wheel};
use inkle_core::{Deadline, Platform, RescheduleError, ScheduleError};

use crate::bag::{Bag, Item, Put, Wide};

/// Timers that fit inside.
const SLOTS: usize = 3;

/// The longest delay in ticks: more than the one level of the wheels here reaches.
const LONGEST: u32 = 60;

/// What a bag needs of timers.
pub(crate) trait Clockwork: Sync {
    /// Schedules an item; `None` if there is no room.
    fn schedule(&self, item: Wide) -> Option<Handle>;
    fn cancel(&self, handle: Handle) -> Option<Wide>;
    /// Moves a timer to a later time.
    fn reschedule(&self, handle: Handle) -> Result<Handle, RescheduleError>;
    /// Drives, unless somebody else does, until one fires or nothing is due.
    fn fire(&self) -> Option<Wide>;
    /// Gives the slots of cancelled timers back, unless somebody drives.
    fn tidy(&self);
}

/// A timer's value on a wheel.
struct Alarm {
    item: Wide,
    /// It fires not before. (The first deadline: who reschedules may have looked at the clock long ago, but
    /// not before that one was chosen.)
    deadline: Tick,
    has_fired: bool,
}

/// A wheel and its clock, which only the driver moves: to whatever is due next.
pub(crate) struct Ticking {
    wheel: Wheel<Alarm, SLOTS, Exact<1>>,
    now: AtomicU32,
}

impl Ticking {
    pub(crate) const fn new() -> Self {
        // Wraps around soon.
        let now = u32::MAX - 200;
        Self { wheel: Wheel::new(Tick::new(now)), now: AtomicU32::new(now) }
    }

    fn now(&self) -> Tick {
        // Relaxed: a number and no message.
        Tick::new(self.now.load(Ordering::Relaxed))
    }
}

impl Clockwork for Ticking {
    fn schedule(&self, item: Wide) -> Option<Handle> {
        let deadline = self.now().after(item.number() % LONGEST);
        match self.wheel.schedule(deadline, Alarm { item, deadline, has_fired: false }) {
            Ok(scheduled) => Some(scheduled.handle),
            Err(error) => {
                assert!(matches!(error, ScheduleError::Full(alarm) if alarm.item == item));
                None
            }
        }
    }

    fn cancel(&self, handle: Handle) -> Option<Wide> {
        let alarm = self.wheel.cancel(handle).ok()?;
        assert!(self.wheel.cancel(handle).is_err() && !self.wheel.is_pending(handle));
        Some(alarm.item)
    }

    fn reschedule(&self, handle: Handle) -> Result<Handle, RescheduleError> {
        let scheduled = self.wheel.reschedule(handle, self.now().after(LONGEST))?;
        assert!(!self.wheel.is_pending(handle), "the old handle is void");
        Ok(scheduled.handle)
    }

    fn fire(&self) -> Option<Wide> {
        let mut driver = self.wheel.try_drive()?;
        let mut fired = None;
        loop {
            let now = self.now();
            // A step at a time, so that no second one fires.
            let turn = driver.advance(now, 1, |alarm| {
                let Alarm { item, deadline, has_fired } = alarm;
                assert!(!now.is_before(deadline), "fired early");
                if !has_fired && item.number() % 4 == 0 {
                    return Then::Again(now.after(3), Alarm { item, deadline, has_fired: true });
                }
                assert!(fired.replace(item).is_none(), "two at once");
                Then::Done
            });
            if fired.is_some() {
                return fired;
            }
            if turn.is_complete {
                // 0 if somebody has just scheduled what is due by now: the clock never goes back.
                let ahead = now.until(turn.next);
                if ahead > LONGEST {
                    return None;
                }
                self.now.store(now.after(ahead).get(), Ordering::Relaxed);
            }
        }
    }

    fn tidy(&self) {
        if let Some(mut driver) = self.wheel.try_drive() {
            // What is left over, the next one does.
            let _ = driver.tidy(2 * SLOTS as u32);
        }
    }
}

/// Timers on the platform's clock, which may stand still: some are due at once, others never.
pub(crate) type Clocked<P> = Timers<Wide, SLOTS, P, Exact<1>>;

pub(crate) const fn clocked<P: Platform>() -> Clocked<P> {
    Timers::new(Duration::from_millis(1))
}

/// An hour from now.
fn far<P: Platform>() -> Deadline {
    Deadline::at(P::now().saturating_add(3_600_000_000_000))
}

impl<P: Platform> Clockwork for Clocked<P>
where
    Self: Sync,
{
    fn schedule(&self, item: Wide) -> Option<Handle> {
        let deadline = if item.number() % 3 == 0 { far::<P>() } else { Deadline::PASSED };
        match Timers::schedule(self, deadline, item) {
            Ok(handle) => Some(handle),
            Err(error) => {
                assert!(error == ScheduleError::Full(item));
                None
            }
        }
    }

    fn cancel(&self, handle: Handle) -> Option<Wide> {
        let item = Timers::cancel(self, handle).ok()?;
        assert!(!self.is_pending(handle));
        Some(item)
    }

    fn reschedule(&self, handle: Handle) -> Result<Handle, RescheduleError> {
        Timers::reschedule(self, handle, far::<P>())
    }

    fn fire(&self) -> Option<Wide> {
        let mut fired = None;
        loop {
            let turn = self.turn(1, |item| {
                assert!(fired.replace(item).is_none(), "two at once");
                Then::Done
            })?;
            if fired.is_some() || turn.is_complete {
                return fired;
            }
        }
    }

    fn tidy(&self) {
        Timers::tidy(self, 2 * SLOTS as u32);
    }
}

/// Timers and the handles of those that may be pending.
pub(crate) struct Alarms<C> {
    pub(crate) clockwork: C,
    handles: Fifo<Handle, { 2 * SLOTS }>,
    /// Operations that are under way.
    under_way: AtomicU32,
    /// Who takes while no other operation is under way drives first, and cancels only if that does not help.
    drives: bool,
}

impl<C: Clockwork> Alarms<C> {
    pub(crate) const fn new(clockwork: C, drives: bool) -> Self {
        Self { clockwork, handles: Fifo::new(), under_way: AtomicU32::new(0), drives }
    }

    /// Runs `f`, and tells it whether another operation was under way.
    fn with<R>(&self, f: impl FnOnce(bool) -> R) -> R {
        // Relaxed, twice: only a hint.
        let is_nested = self.under_way.fetch_add(1, Ordering::Relaxed) != 0;
        let result = f(is_nested);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn schedule(&self, item: Wide) -> Option<Handle> {
        self.clockwork.schedule(item).or_else(|| {
            self.clockwork.tidy();
            self.clockwork.schedule(item)
        })
    }

    /// Remembers a timer, or cancels it if there is no room for its handle.
    fn keep(&self, handle: Handle) -> Option<Wide> {
        self.handles.try_push(handle).err().and_then(|_| self.clockwork.cancel(handle))
    }

    /// Reschedules the oldest; what had to be cancelled.
    fn reschedule(&self) -> Option<Wide> {
        let old = self.handles.try_pop().ok()?;
        match self.clockwork.reschedule(old) {
            Ok(new) => self.keep(new),
            Err(RescheduleError::TooLate) => None,
            Err(error) => {
                assert_eq!(error, RescheduleError::Full);
                self.keep(old)
            }
        }
    }

    /// Cancels the oldest that is pending.
    fn cancel(&self) -> Option<Wide> {
        loop {
            let cancelled = self.clockwork.cancel(self.handles.try_pop().ok()?);
            if cancelled.is_some() {
                return cancelled;
            }
        }
    }
}

impl<C: Clockwork> Bag for Alarms<C> {
    fn put(&'static self, item: u32) -> Put {
        self.with(|_| {
            let Some(handle) = self.schedule(Wide::of(item)) else {
                return Put::Refused;
            };
            let gone = self.reschedule().map(Item::number);
            match (self.keep(handle), gone) {
                (None, None) => Put::In,
                (None, Some(other)) => Put::For(other),
                (Some(_), None) => Put::Refused,
                (Some(_), Some(other)) => Put::RefusedFor(other),
            }
        })
    }

    fn take(&'static self) -> Option<u32> {
        self.with(|is_nested| {
            let item = if self.drives == is_nested {
                self.cancel().or_else(|| self.clockwork.fire())
            } else {
                self.clockwork.fire().or_else(|| self.cancel())
            };
            item.map(Item::number)
        })
    }

    /// Every slot has come back.
    fn settled(&'static self) {
        self.clockwork.tidy();
        let handles = [1, 2, 3].map(|number| self.clockwork.schedule(Wide::of(number)));
        assert!(self.clockwork.schedule(Wide::of(4)).is_none(), "more timers than slots");
        for handle in handles {
            let handle = handle.expect("a slot is lost");
            assert!(self.clockwork.cancel(handle).is_some());
        }
        self.clockwork.tidy();
    }
}
