//! A wheel and a plain list of what should be in it, side by side through a sequence of choices: at random
//! for the cases, a fuzzer's for the package `fuzz`.
//!
//! Time is a `u64` here and never wraps around. After each operation it is checked that the wheel says it is
//! needed early enough, and that who sleeps until it was told otherwise would wake early enough.

use heapless::Vec;
use inkle_core::queue::Width;
use inkle_core::timer::{Geometry, Handle, Then, Tick, Turn, Wheel};
use inkle_core::{RescheduleError, ScheduleError, TooLate};

use crate::dice::Choices;

/// Slots of the wheels here.
const SLOTS: usize = 13;

/// The clock begins here, or before: earlier than that is possible too.
pub(super) const START: u64 = 1 << 33;

type Clockwork<G, W> = Wheel<u32, SLOTS, G, W>;

/// What the list knows of a timer.
struct Pending {
    handle: Handle,
    number: u32,
    deadline: u64,
    /// When it has fired, if the driver comes.
    latest: u64,
    /// The driver may have been there before it was scheduled.
    is_past: bool,
    /// An action has scheduled it in the turn that goes on.
    is_new: bool,
}

/// What should be so.
struct Books<C> {
    choices: C,
    list: Vec<Pending, SLOTS>,
    now: u64,
    /// All that was due then has fired.
    settled: u64,
    numbers: u32,
    /// At most so many slots of cancelled timers have not come back.
    cancelled: usize,
    /// An action runs.
    is_firing: bool,
    /// An action has scheduled what is due at once, so that there is another turn.
    is_due_again: bool,
    /// The deadline of the last one that has fired, if their order matters.
    last: u64,
    /// Until then somebody would sleep who looks when he is told.
    alarm: Tick,
    /// The part of its delay that a timer may be late; 0 for none.
    late_by: u64,
    /// Bits of the longest delay.
    reach: usize,
}

impl<C: Choices> Books<C> {
    fn tick(&self) -> Tick {
        Tick::new(self.now as u32)
    }

    /// A delay of any order of magnitude.
    fn delay(&mut self) -> u64 {
        let bits = self.choices.roll(self.reach);
        self.choices.number(bits as u32)
    }

    /// Now or later, sometimes earlier.
    fn deadline(&mut self) -> u64 {
        let past = if self.choices.roll(8) == 7 { 9 } else { 0 };
        self.now + self.delay() - past
    }

    /// A timer, as far as it is known before it is scheduled.
    fn pending(&mut self, handle: Handle, number: u32, deadline: u64) -> Pending {
        let delay = deadline.saturating_sub(self.settled);
        let is_past = deadline <= self.now;
        self.is_due_again |= self.is_firing && is_past;
        Pending {
            handle,
            number,
            deadline,
            latest: deadline + delay.checked_div(self.late_by).unwrap_or(0),
            is_past,
            is_new: self.is_firing,
        }
    }

    /// Whether there can be no free slot.
    fn may_be_full(&self) -> bool {
        self.list.len() + self.cancelled + usize::from(self.is_firing) >= SLOTS
    }

    /// Whether a deadline may be too far for where the wheel stands, which a turn has left behind.
    fn may_be_too_far<G: Geometry, W: Width>(&self, deadline: u64) -> bool {
        let rest = u64::from(Clockwork::<G, W>::REST);
        self.settled < self.now && deadline - self.settled > rest
    }

    fn chosen(&mut self) -> Option<usize> {
        let len = self.list.len();
        (len > 0).then(|| self.choices.roll(len))
    }

    /// Someone has been told to look again, or not.
    fn told<G: Geometry, W: Width>(
        &mut self,
        wheel: &Clockwork<G, W>,
        is_first: bool,
        deadline: u64,
        before: Tick,
    ) {
        assert_eq!(is_first, Tick::new(deadline as u32).is_before(before), "the first or not");
        if is_first {
            self.alarm = wheel.next_deadline();
        }
    }

    fn schedule<G: Geometry, W: Width>(&mut self, wheel: &Clockwork<G, W>) {
        // Maybe so far away that the counter has passed there many times.
        let is_far = self.choices.roll(8) == 7;
        // (On few levels that takes too many steps.)
        let bits = if self.reach < 30 { self.reach as u32 } else { 34 };
        let ahead = if is_far { self.choices.number(bits) } else { 0 };
        let number = self.numbers;
        self.numbers += 1;
        let deadline = self.deadline();
        let deadline = if is_far { deadline.max(self.now) + ahead } else { deadline };
        let before = wheel.next_deadline();
        let result = if is_far {
            wheel.schedule_after(self.tick(), deadline - self.now, number)
        } else {
            wheel.schedule(Tick::new(deadline as u32), number)
        };
        match result {
            Ok(scheduled) => {
                let handle = scheduled.handle;
                let rest = u64::from(Clockwork::<G, W>::REST);
                if deadline.saturating_sub(self.now) <= rest {
                    self.told(wheel, scheduled.is_first, deadline, before);
                } else if scheduled.is_first {
                    self.alarm = wheel.next_deadline();
                }
                assert!(wheel.is_pending(handle));
                let pending = self.pending(handle, number, deadline);
                assert!(self.list.push(pending).is_ok(), "more timers than slots");
            }
            Err(error) => {
                let is_full = error == ScheduleError::Full(number) && self.may_be_full();
                let is_too_far = error == ScheduleError::TooFar(number);
                assert!(
                    is_full || is_too_far && self.may_be_too_far::<G, W>(deadline),
                    "{error:?}"
                );
            }
        }
    }

    fn cancel<G: Geometry, W: Width>(&mut self, wheel: &Clockwork<G, W>) {
        let Some(chosen) = self.chosen() else { return };
        let gone = self.list.swap_remove(chosen);
        assert_eq!(wheel.cancel(gone.handle), Ok(gone.number));
        assert_eq!(wheel.cancel(gone.handle), Err(TooLate));
        assert!(!wheel.is_pending(gone.handle));
        self.cancelled += 1;
    }

    fn reschedule<G: Geometry, W: Width>(&mut self, wheel: &Clockwork<G, W>) {
        let Some(chosen) = self.chosen() else { return };
        let deadline = self.deadline();
        let (old, number) = (self.list[chosen].handle, self.list[chosen].number);
        let before = wheel.next_deadline();
        match wheel.reschedule(old, Tick::new(deadline as u32)) {
            Ok(scheduled) => {
                assert_eq!(wheel.cancel(old), Err(TooLate));
                self.cancelled += 1;
                self.told(wheel, scheduled.is_first, deadline, before);
                self.list[chosen] = self.pending(scheduled.handle, number, deadline);
            }
            Err(error) => {
                let is_full = error == RescheduleError::Full && self.may_be_full();
                let is_too_far = error == RescheduleError::TooFar;
                assert!(
                    is_full || is_too_far && self.may_be_too_far::<G, W>(deadline),
                    "{error:?}"
                );
                assert!(wheel.is_pending(old), "it stays as it is");
            }
        }
    }

    /// What a timer's action does.
    fn fire<G: Geometry, W: Width>(&mut self, wheel: &Clockwork<G, W>, number: u32) -> Then<u32> {
        let place = self.list.iter().position(|pending| pending.number == number);
        let fired = self.list.swap_remove(place.expect("it is pending"));
        assert!(fired.deadline <= self.now, "fired early");
        assert!(!fired.is_new, "what an action has scheduled waits for the next turn");
        assert!(wheel.is_firing(fired.handle) && !wheel.is_pending(fired.handle));
        assert_eq!(wheel.cancel(fired.handle), Err(TooLate));
        assert!(wheel.try_drive().is_none(), "it is being driven");
        if self.late_by == 0 && !fired.is_past {
            assert!(self.last <= fired.deadline, "out of order");
            self.last = fired.deadline;
        }
        self.is_firing = true;
        let then = match self.choices.roll(16) {
            12 => {
                self.schedule(wheel);
                Then::Done
            }
            13 => {
                self.cancel(wheel);
                Then::Done
            }
            14 => {
                self.reschedule(wheel);
                Then::Done
            }
            15 => {
                let deadline = self.deadline();
                self.is_firing = false;
                self.numbers += 1;
                let number = self.numbers - 1;
                let again = self.pending(fired.handle, number, deadline);
                assert!(self.list.push(again).is_ok(), "its own slot");
                Then::Again(Tick::new(deadline as u32), number)
            }
            _ => Then::Done,
        };
        self.is_firing = false;
        then
    }

    /// Behind any turn.
    fn turned<G: Geometry, W: Width>(
        &mut self,
        wheel: &Clockwork<G, W>,
        turn: Turn,
        cancelled: usize,
    ) {
        assert_eq!(turn.next, wheel.next_deadline());
        if turn.is_complete {
            // Not those that an action has cancelled meanwhile.
            self.cancelled -= cancelled;
            assert_eq!(wheel.untidy() as usize, self.cancelled);
        }
        if turn.is_sooner || !self.tick().is_before(self.alarm) {
            self.alarm = turn.next;
        }
    }

    /// What holds at any time.
    fn check<G: Geometry, W: Width>(&self, wheel: &Clockwork<G, W>) {
        let next = wheel.next_deadline();
        assert!(!next.is_before(self.alarm), "who sleeps would miss it");
        let ahead = u64::from(self.tick().until(next));
        for pending in &self.list {
            let is_late = ahead > 0 && pending.latest < self.now + ahead;
            assert!(!is_late, "the wheel would rest too long");
            assert!(wheel.is_pending(pending.handle));
        }
        assert!(wheel.untidy() as usize <= self.cancelled);
    }
}

/// The wheel beside them.
pub(super) struct Pair<G: Geometry, W: Width, C> {
    wheel: Clockwork<G, W>,
    books: Books<C>,
}

impl<G: Geometry, W: Width, C: Choices> Pair<G, W, C> {
    pub(super) fn new(choices: C, start: u64, late_by: u64, reach: usize) -> Self {
        let wheel = Wheel::new(Tick::new(start as u32));
        let books = Books {
            choices,
            list: Vec::new(),
            now: start,
            settled: start,
            numbers: 0,
            cancelled: 0,
            is_firing: false,
            is_due_again: false,
            last: 0,
            alarm: wheel.next_deadline(),
            late_by,
            reach,
        };
        Self { wheel, books }
    }

    /// Lets time pass and the wheel turn, a few steps at a time, and leaves it half-way now and then.
    fn advance(&mut self) {
        let Self { wheel, books } = self;
        let next = wheel.next_deadline();
        let delay = match books.choices.roll(4) {
            0 => u64::from(books.tick().until(next)),
            1 => 0,
            // Who has left a turn must not be late for long.
            _ if books.settled < books.now => books.choices.number(3),
            _ => books.delay(),
        };
        books.now += delay;
        books.last = 0;
        let budget = 9 - books.choices.roll(10) as u32;
        self.turn(budget);
    }

    fn turn(&mut self, budget: u32) {
        let Self { wheel, books } = self;
        loop {
            let cancelled = books.cancelled;
            books.list.iter_mut().for_each(|pending| pending.is_new = false);
            books.is_due_again = false;
            let mut driver = wheel.try_drive().expect("nobody drives");
            let mut count = 0;
            let turn = driver.advance(books.tick(), budget, |number| {
                count += 1;
                books.fire(wheel, number)
            });
            drop(driver);
            assert_eq!(turn.fired, count);
            assert!(count <= budget, "more than the budget");
            books.turned(wheel, turn, cancelled);
            books.check(wheel);
            let now = books.now;
            if turn.is_complete {
                let late = |pending: &&Pending| pending.latest <= now;
                assert!(books.list.iter().filter(late).all(|p| p.is_new), "forgotten");
                if !books.is_due_again {
                    assert!(books.tick().is_before(turn.next), "it was to rest");
                    books.settled = now;
                    return;
                }
            }
            match books.choices.roll(16) {
                // Less than a step gets nowhere.
                _ if budget == 0 => return,
                12 => books.schedule(wheel),
                13 => books.cancel(wheel),
                14 => books.reschedule(wheel),
                15 => return,
                _ => {}
            }
        }
    }

    /// Clears away what is cancelled.
    fn tidy(&mut self) {
        let Self { wheel, books } = self;
        let budget = 9 - books.choices.roll(10) as u32;
        let turn = wheel.try_drive().expect("nobody drives").tidy(budget);
        books.turned(wheel, turn, books.cancelled);
    }

    /// Has the wheel know what time it is; without timers any time.
    fn approach(&mut self) {
        let Self { wheel, books } = self;
        if books.list.is_empty() {
            books.now += books.choices.number(36);
            books.settled = books.now;
            let turn = wheel.try_drive().expect("nobody drives").approach(books.tick(), u32::MAX);
            assert!(turn.is_complete && books.tick().is_before(turn.next));
            books.alarm = turn.next;
            books.turned(wheel, turn, books.cancelled);
            return;
        }
        // Who only approaches must not be late.
        let delay = books.delay().min(books.tick().until(wheel.next_deadline()).into());
        books.now += delay;
        let budget = 9 - books.choices.roll(10) as u32;
        let turn = wheel.try_drive().expect("nobody drives").approach(books.tick(), budget);
        books.turned(wheel, turn, books.cancelled);
    }

    /// The wheel's own list.
    fn compare(&mut self) {
        let Self { wheel, books } = self;
        let mut count = 0;
        for (handle, number) in wheel.timers() {
            let is = |pending: &Pending| pending.handle == handle && pending.number == *number;
            assert!(books.list.iter().any(is), "not on the list");
            count += 1;
        }
        assert_eq!(count, books.list.len());
    }

    /// Plays so many operations, or until there are no more choices.
    pub(super) fn play(mut self, steps: u32) {
        for _ in 0..steps {
            if self.books.choices.are_over() {
                break;
            }
            let Self { wheel, books } = &mut self;
            match books.choices.roll(16) {
                0..6 => books.schedule(wheel),
                6..8 => books.cancel(wheel),
                8..10 => books.reschedule(wheel),
                10 => self.tidy(),
                11 => self.approach(),
                12 => self.compare(),
                _ => self.advance(),
            }
            self.books.check(&self.wheel);
        }
        self.end();
    }

    /// Everything comes to an end: cancelled, or fired when its time has come.
    fn end(mut self) {
        while !self.books.list.is_empty() {
            let Self { wheel, books } = &mut self;
            // As a driver should, and then a little late.
            books.now += u64::from(books.tick().until(wheel.next_deadline()));
            books.last = 0;
            self.turn(u32::MAX);
        }
        let Self { wheel, books } = &self;
        assert!(wheel.try_drive().expect("nobody drives").tidy(u32::MAX).is_complete);
        let all = (0..SLOTS as u32).all(|number| wheel.schedule(books.tick(), number).is_ok());
        assert!(all, "every slot has come back");
        assert_eq!(wheel.schedule(books.tick(), 99), Err(ScheduleError::Full(99)));
    }
}
