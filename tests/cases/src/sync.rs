//! Locks and what waits, as far as one thread sees it. Sleep and wake: `tests` on the host, the
//! images' `interrupts` and `steps` on bare metal.

use inkle_core::error::{
    BarrierError, BelowZero, Cancelled, NotHeld, ReleaseError, TakeError, TooManyPermits,
};
use inkle_core::event_count::EventCount;
use inkle_core::platform::Wake;
use inkle_core::sync::{
    Barrier, BoundedSemaphore, CancelToken, Condition, Event, Latch, Lock, Mutex, MutexGuard, Once,
    Promise, RLock, Reason, RwLock, Semaphore,
};
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
    let (value, tree, changed) =
        (Mutex::<u32, P>::new(7), RLock::<P>::new(), Condition::<P>::new());
    let mut guard = value.lock();
    changed.wait_for(&mut guard, |value| **value == 7);
    let mut calls = 0;
    let never = |guard: &mut MutexGuard<'_, u32, P>| {
        calls += 1;
        assert!(value.is_locked(), "the predicate runs with the lock held");
        **guard == 0
    };
    assert_eq!(changed.wait_for_until(&mut guard, Deadline::PASSED, never), Err(TimedOut));
    assert_eq!(calls, 2, "once more after the time-out");
    changed.notify(1);
    changed.notify_all();
    assert_eq!(changed.wait_until(&mut guard, Deadline::PASSED), Err(TimedOut), "not remembered");
    assert!(value.is_locked());
    drop(guard);
    assert!(!value.is_locked());
    // All levels of a lock that has some.
    let (outer, inner) = (tree.guard(), tree.guard());
    let mut inner = inner.expect("the owner again");
    assert_eq!(changed.wait_until(&mut inner, Deadline::PASSED), Err(TimedOut));
    drop(inner);
    assert!(tree.is_held());
    drop(outer);
    assert!(!tree.is_held());
}

/// Its owner may acquire it again, and has to release it as often.
pub fn rlock<P: Platform>(effort: Effort) {
    let lock = RLock::<P>::new();
    for _ in 0..effort.steps {
        assert_eq!((lock.acquire(), lock.try_acquire()), (Ok(()), Ok(())));
        assert_eq!(lock.acquire_until(Deadline::PASSED), Ok(()));
        for _ in 0..3 {
            assert!(lock.is_held());
            assert_eq!(lock.release(), Ok(()));
        }
        assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
    }
}

/// Rounds of one, and what breaks a barrier.
pub fn barrier<P: Platform>(effort: Effort) {
    let one = Barrier::<P>::new(1).expect("at least one");
    let mut rounds = 0;
    for round in 1..=effort.steps {
        assert_eq!(one.wait_with(|| rounds += 1), Ok(0));
        assert_eq!(rounds, round);
    }
    assert!(Barrier::<P>::new(0).is_none());
    let two = Barrier::<P>::new(2).expect("at least one");
    for _ in 0..effort.steps {
        assert_eq!(two.wait_until(Deadline::PASSED), Err(BarrierError::TimedOut));
        assert!(two.is_broken());
        assert_eq!(two.wait(), Err(BarrierError::Broken));
        two.reset();
        assert_eq!((two.is_broken(), two.waiting()), (false, 0));
        two.abort();
        assert_eq!(two.wait(), Err(BarrierError::Broken));
        two.reset();
    }
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

/// Never more permits than at first: all or none.
pub fn bounded_semaphore<P: Platform>(effort: Effort) {
    let permits = BoundedSemaphore::<P>::new(2);
    for _ in 0..effort.steps {
        assert_eq!(permits.release(1), Err(TooManyPermits));
        assert!(permits.try_acquire());
        assert_eq!((permits.release(2), permits.available()), (Err(TooManyPermits), 1));
        assert_eq!((permits.release(1), permits.available()), (Ok(()), 2));
    }
}

/// A cancelled token wins over what could be done, also when it is the parent's.
pub fn cancel_token<P: Platform>(_: Effort) {
    let (permits, event) = (Semaphore::<P>::new(1), Event::<P>::new());
    let token = CancelToken::<P>::new();
    assert_eq!((permits.acquire_unless(&token), permits.release(1)), (Ok(()), Ok(())));
    let child = token.child();
    assert_eq!(
        event.wait_unless(&child.child_until(Deadline::PASSED)),
        Err(Cancelled(Reason::DEADLINE))
    );
    assert!(token.cancel(Reason::custom(3)) && !token.cancel(Reason::FAILED));
    assert_eq!(permits.acquire_unless(&child), Err(Cancelled(Reason::custom(3))));
    assert_eq!((permits.available(), child.wait()), (1, Reason::custom(3)));
}

/// Down to zero, once, and not below.
pub fn latch<P: Platform>(effort: Effort) {
    for _ in 0..effort.steps {
        let latch = Latch::<P>::new(3);
        assert_eq!(latch.wait_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!((latch.count_down(2), latch.remaining()), (Ok(()), 1));
        assert_eq!((latch.count_down(2), latch.remaining()), (Err(BelowZero), 1));
        assert_eq!(latch.arrive_and_wait(), Ok(()));
        latch.wait();
    }
}

/// Locked by one, and read by many.
pub fn values_behind_locks<P: Platform>(effort: Effort) {
    let (alone, shared) = (Mutex::<u32, P>::new(0), RwLock::<u32, P>::new(0));
    for step in 1..=effort.steps {
        let mut guard = alone.lock();
        assert!(alone.try_lock().is_none());
        *guard += 1;
        drop(guard);
        let mut guard = shared.write();
        assert!(shared.try_read().is_none() && shared.try_write().is_none());
        *guard += 1;
        let first = guard.downgrade();
        let second = shared.read();
        assert!(shared.write_until(Deadline::PASSED).is_err());
        assert_eq!((*first, *second, *alone.lock()), (step, step, step));
    }
}

/// Set once; read for ever, or taken once.
pub fn values_set_once<P: Platform>(effort: Effort) {
    for step in 0..effort.steps {
        let (once, promise) = (Once::<u32, P>::new(), Promise::<u32, P>::new());
        assert_eq!((once.get(), promise.try_take()), (None, Err(TakeError::Empty)));
        assert_eq!(once.wait_until(Deadline::PASSED), Err(TimedOut));
        assert_eq!(once.get_or_init(|| step), &step);
        assert_eq!((once.set(7), once.wait()), (Err(7), &step));
        assert_eq!((promise.set(step), promise.set(7)), (Ok(()), Err(7)));
        assert_eq!((promise.take(), promise.take()), (Ok(step), Err(TakeError::Taken)));
        let broken = Promise::<u32, P>::new();
        assert!(broken.abandon());
        assert_eq!((broken.set(step), broken.take()), (Err(step), Err(TakeError::Broken)));
    }
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
