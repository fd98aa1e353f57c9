//! Locks and what waits, as far as one thread sees it. Sleep and wake: `tests` on the host, the
//! images' `interrupts` and `steps` on bare metal.

use core::cell::Cell;

use inkle_core::error::{NotHeld, TooManyPermits};
use inkle_core::event_count::EventCount;
use inkle_core::platform::Wake;
use inkle_core::sync::{Condition, Event, Lock, Semaphore};
use inkle_core::{Deadline, Platform, TimedOut};

use crate::Effort;

/// Held by one, released by anybody, not twice.
pub fn lock<P: Platform>(effort: Effort) {
    let lock = Lock::<P>::new();
    for _ in 0..effort.steps {
        assert!(lock.try_acquire() && lock.is_held());
        assert!(!lock.try_acquire());
        assert_eq!(lock.acquire_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!((lock.release(), lock.release()), (Ok(()), Err(NotHeld)));
        lock.acquire();
        assert_eq!(lock.release(), Ok(()));
        let guard = lock.guard();
        assert!(lock.is_held() && guard.lock().is_held());
        drop(guard);
        assert!(!lock.is_held());
    }
}

/// A predicate that is true is not waited for, one that stays false times out, and the lock is held
/// either way.
pub fn condition<P: Platform>(_: Effort) {
    let (lock, changed) = (Lock::<P>::new(), Condition::<P>::new());
    let calls = Cell::new(0);
    let mut guard = lock.guard();
    changed.wait_for(&mut guard, |_| true);
    let never = |_: &mut _| {
        calls.set(calls.get() + 1);
        assert!(lock.is_held(), "the predicate runs with the lock held");
        false
    };
    assert_eq!(changed.wait_for_until(&mut guard, Deadline::PASSED, never), Err(TimedOut));
    assert_eq!(calls.get(), 2, "once more after the time-out");
    changed.notify(1);
    changed.notify_all();
    assert_eq!(changed.wait_until(&mut guard, Deadline::PASSED), Err(TimedOut), "not remembered");
    assert!(lock.is_held());
    drop(guard);
    assert!(!lock.is_held());
}

/// Set once, set for all and until cleared.
pub fn event<P: Platform>(effort: Effort) {
    let event = Event::<P>::new();
    for _ in 0..effort.steps {
        assert!(!event.is_set());
        assert_eq!(event.wait_until(Deadline::PASSED), Err(TimedOut));
        event.set();
        event.set();
        event.wait();
        event.wait();
        assert_eq!(event.wait_until(Deadline::PASSED), Ok(()));
        event.clear();
        event.clear();
    }
}

/// As many permits as were released, and not more than can be counted.
pub fn semaphore<P: Platform>(effort: Effort) {
    let permits = Semaphore::<P>::new(2);
    for _ in 0..effort.steps {
        permits.acquire();
        assert!(permits.try_acquire());
        assert!(!permits.try_acquire());
        assert_eq!(permits.acquire_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!(permits.release(0), Ok(()));
        assert_eq!(permits.available(), 0);
        assert_eq!(permits.release(2), Ok(()));
        assert_eq!(permits.available(), 2);
    }
    assert_eq!(permits.release(u32::MAX), Err(TooManyPermits));
    assert_eq!(permits.available(), 2);
    assert_eq!(permits.release(u32::MAX - 2), Ok(()));
    assert_eq!(permits.available(), u32::MAX);
}

/// A notification between the key and the wait is seen; one before the key is not waited for.
pub fn event_count<P: Platform>(effort: Effort) {
    let count = EventCount::<P>::new();
    for step in 0..effort.steps {
        count.notify(1);
        let key = count.prepare();
        count.cancel(key);
        let key = count.prepare();
        count.notify(1);
        count.notify(1);
        assert_eq!(count.wait(key, Deadline::NEVER), Wake::Woken);
        let key = count.prepare();
        assert_eq!(count.wait(key, Deadline::PASSED), Wake::TimedOut);
        assert_eq!(count.block(Deadline::NEVER, || Some(step)), Some(step));
        let mut calls = 0;
        let third = || {
            calls += 1;
            count.notify(1);
            (calls == 3).then_some(step)
        };
        assert_eq!(count.block(Deadline::NEVER, third), Some(step));
        assert_eq!(count.block(Deadline::PASSED, || None::<()>), None);
    }
}
