//! Deadlines, on a good clock and on bad ones.

use core::cell::RefCell;
use core::time::Duration;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::channel::Channel;
use inkle_core::error::{GetError, PutError};
use inkle_core::platform::{Board, Spin, WaitForInterrupt, WideCounter};
use inkle_core::queue::word::WordRing;
use inkle_core::select::Select;
use inkle_core::sync::{Condition, Event, Lock, Semaphore};
use inkle_core::{Deadline, Platform, TimedOut};

use crate::Effort;

/// Long enough to be measured by a slow timer.
const MOMENT: Duration = Duration::from_millis(2);

/// Every blocking operation, with nobody to end it but `wait`'s deadline.
fn every_wait<P: Platform>(wait: impl Fn(&dyn Fn(Deadline))) {
    let (lock, changed) = (Lock::<P>::new(), Condition::<P>::new());
    let (event, permits) = (Event::<P>::new(), Semaphore::<P>::new(0));
    let empty = Channel::<WordRing<u8, 1>, P>::new(WordRing::new());
    let full = Channel::<WordRing<u8, 1>, P>::new(WordRing::new());
    assert_eq!(full.try_put(1), Ok(()));
    let guard = RefCell::new(lock.guard());
    wait(&|deadline| assert_eq!(lock.acquire_until(deadline), Err(TimedOut)));
    wait(&|deadline| {
        assert_eq!(changed.wait_until(&mut *guard.borrow_mut(), deadline), Err(TimedOut))
    });
    wait(&|deadline| assert_eq!(event.wait_until(deadline), Err(TimedOut)));
    wait(&|deadline| assert_eq!(permits.acquire_until(deadline), Err(TimedOut)));
    wait(&|deadline| assert_eq!(empty.get_until(deadline), Err(GetError::TimedOut)));
    wait(&|deadline| assert_eq!(full.put_until(2, deadline), Err(PutError::TimedOut(2))));
    wait(&|deadline| assert_eq!(full.join_until(deadline), Err(TimedOut)));
    wait(&|deadline| {
        let mut get = empty.get_async();
        assert_eq!(Select::new().wait(&mut [&mut get], deadline), Err(TimedOut));
    });
}

/// No wait ends before its deadline. Without a clock it polls.
pub fn a_timeout_takes_its_time<P: Platform>(_: Effort) {
    every_wait::<P>(|wait| {
        let deadline = Deadline::after::<P>(MOMENT);
        wait(deadline);
        match deadline.nanos() {
            Some(nanos) if P::HAS_CLOCK => assert!(P::now() >= nanos, "not a moment too early"),
            _ => assert_eq!(deadline, Deadline::PASSED),
        }
    });
}

/// Tries once, does not sleep.
pub fn a_deadline_that_has_passed_polls<P: Platform>(effort: Effort) {
    for _ in 0..effort.steps / 100 {
        every_wait::<P>(|wait| wait(Deadline::PASSED));
        every_wait::<P>(|wait| wait(Deadline::at(P::now())));
    }
}

/// A timer's counter that wraps, wherever it is when it is first read.
pub fn a_counter_that_wraps<P: Platform>(effort: Effort) {
    for (start, step) in [(0, 0x7FFF_FFFF), (0xFFFF_FFFF, 1), (0x8000_0000, 0x1234_5678)] {
        let (clock, timer) = (WideCounter::new(), AtomicU32::new(start));
        for turn in 0..effort.steps {
            // Relaxed: one thread.
            let reading = clock.read(|| timer.load(Ordering::Relaxed));
            assert_eq!(reading, u64::from(start) + u64::from(turn) * u64::from(step));
            // Nothing moves while the timer stands still.
            assert_eq!(clock.read(|| timer.load(Ordering::Relaxed)), reading);
            timer.fetch_add(step, Ordering::Relaxed);
        }
    }
    // A reading inside another, as by an interrupt handler, just before and after the timer is read.
    let (clock, timer) = (WideCounter::new(), AtomicU32::new(0));
    let next = || timer.fetch_add(0x1000_0000, Ordering::Relaxed);
    let mut last = 0;
    for turn in 0..effort.steps {
        let mut inner = (0, 0);
        let outer = clock.read(|| {
            inner.0 = clock.read(next);
            let reading = next();
            inner.1 = clock.read(next);
            reading
        });
        assert!(turn == 0 || last < inner.0);
        assert!(inner.0 < outer && outer < inner.1);
        last = inner.1;
    }
}

/// A timer of 32 bits that wraps every few readings.
struct Wrapping;

impl Board for Wrapping {
    fn now() -> u64 {
        static CLOCK: WideCounter = WideCounter::new();
        static TIMER: AtomicU32 = AtomicU32::new(1);
        // Relaxed: the hosts' threads only want it to go on.
        CLOCK.read(|| TIMER.fetch_add(0x0123_4567, Ordering::Relaxed))
    }
}

/// Over several wraps: neither early nor never.
pub fn a_clock_that_wraps_during_a_wait<P: Platform>(_: Effort) {
    fn wait<P: Platform>() {
        let start = P::now();
        for timeout in [1, 1 << 31, 1 << 32, 5 << 32] {
            let deadline = Deadline::after::<P>(Duration::from_nanos(timeout));
            assert_eq!(Event::<P>::new().wait_until(deadline), Err(TimedOut));
            assert!(Some(P::now()) > deadline.nanos(), "not a moment too early");
        }
        assert!(P::now() - start > 6 << 32, "it has wrapped");
    }
    wait::<Spin<Wrapping>>();
    wait::<WaitForInterrupt<Wrapping>>();
}

/// A clock that has stopped, and a handler that sets an event when it has been waited for a while.
struct Stopped;

static AT_LAST: Event<WaitForInterrupt<Stopped>> = Event::new();

impl Board for Stopped {
    fn now() -> u64 {
        1_000
    }

    fn wait_for_interrupt(until: Deadline) {
        static RESTS: AtomicU32 = AtomicU32::new(0);
        assert_eq!(until, Deadline::at(2_000));
        if RESTS.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
            AT_LAST.set();
        }
    }
}

/// The wait ends by its wake-up, and not early as if time had passed.
pub fn a_clock_that_stands_still_during_a_wait<P: Platform>(_: Effort) {
    let deadline = Deadline::after::<WaitForInterrupt<Stopped>>(Duration::from_micros(1));
    assert_eq!(AT_LAST.wait_until(deadline), Ok(()));
    assert!(AT_LAST.is_set(), "not before it is set");
    // A time that this clock has reached is over all the same.
    assert_eq!(Event::<Spin<Stopped>>::new().wait_until(Deadline::at(1_000)), Err(TimedOut));
}
