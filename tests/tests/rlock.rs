//! The re-entrant lock under real threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::scope;
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::threading::{CancelToken, Condition, RLock, RLockError, Reason, ReleaseError};
use inkle_tests::{PATIENCE, SCALE, eventually, panics, watchdog};

#[test]
fn th038_only_the_owner_releases() {
    let lock = RLock::new();
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
    lock.acquire().unwrap();
    scope(|scope| {
        scope.spawn(|| assert_eq!(lock.release(), Err(ReleaseError::NotOwner)));
    });
    assert!(lock.is_held(), "the error changes nothing");
    assert_eq!(lock.release(), Ok(()));
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
}

#[test]
fn th038_the_owner_acquires_again_by_every_form() {
    let (lock, stop) = (RLock::new(), CancelToken::new());
    lock.acquire().unwrap();
    lock.try_acquire().unwrap();
    lock.acquire_until(Deadline::PASSED).unwrap();
    lock.acquire_timeout(Duration::ZERO).unwrap();
    lock.acquire_unless(&stop).unwrap();
    drop(lock.guard().unwrap());
    drop(lock.try_guard().unwrap());
    drop(lock.guard_timeout(Duration::ZERO).unwrap());
    drop(lock.guard_unless(&stop).unwrap());
    stop.cancel(Reason::SHUTDOWN);
    assert_eq!(lock.acquire_unless(&stop), Err(RLockError::Cancelled(Reason::SHUTDOWN)));
    (0..5).for_each(|_| lock.release().unwrap());
    assert!(!lock.is_held());
}

#[test]
fn th038_others_give_up_by_every_form() {
    let _watch = watchdog();
    let (lock, stop) = (RLock::new(), CancelToken::new());
    let _guard = lock.guard().unwrap();
    scope(|scope| {
        scope.spawn(|| {
            assert_eq!(lock.try_acquire(), Err(RLockError::Held));
            assert_eq!(lock.acquire_until(Deadline::PASSED), Err(RLockError::TimedOut));
            assert_eq!(lock.acquire_timeout(Duration::from_millis(2)), Err(RLockError::TimedOut));
            assert!(lock.guard_until(Deadline::PASSED).is_err());
            assert_eq!(lock.try_guard().err(), Some(RLockError::Held));
            let late = lock.guard_timeout(Duration::from_millis(2));
            assert_eq!(late.err(), Some(RLockError::TimedOut));
            let cancelled = Err(RLockError::Cancelled(Reason::REQUESTED));
            assert_eq!(lock.acquire_unless(&stop), cancelled);
            assert_eq!(lock.guard_unless(&stop).map(drop), cancelled);
        });
        stop.cancel(Reason::REQUESTED);
    });
}

#[test]
fn th039_free_only_at_depth_zero() {
    let _watch = watchdog();
    let lock = RLock::new();
    let levels: Vec<_> = (0..1_000).map(|_| lock.guard().unwrap()).collect();
    scope(|scope| {
        let other = scope.spawn(|| lock.acquire_timeout(PATIENCE));
        for guard in levels {
            assert!(!other.is_finished());
            drop(guard);
        }
        other.join().unwrap().unwrap();
    });
}

#[test]
fn th039_one_at_a_time_whoever_comes_and_however_deep() {
    let _watch = watchdog();
    let rounds = 10_000 * SCALE;
    let (lock, counter) = (RLock::new(), AtomicU32::new(0));
    scope(|scope| {
        for thread in 0..4 {
            let (lock, counter) = (&lock, &counter);
            scope.spawn(move || {
                for round in 0..rounds {
                    let guards: Vec<_> =
                        (0..=(thread + round) % 3).map(|_| lock.guard().unwrap()).collect();
                    // Two steps on purpose: only the lock makes them one.
                    let before = counter.load(Ordering::Relaxed);
                    counter.store(before + 1, Ordering::Relaxed);
                    drop(guards);
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), 4 * rounds);
    assert!(!lock.is_held());
}

#[test]
fn th038_a_panic_releases_its_levels_and_no_more() {
    let lock = RLock::new();
    let outer = lock.guard().unwrap();
    assert!(panics(|| {
        let _inner = lock.guard().unwrap();
        panic!("two levels deep");
    }));
    assert!(lock.is_held());
    drop(outer);
    assert!(!lock.is_held());
}

#[test]
fn th043_wait_releases_all_levels_and_restores_them() {
    let _watch = watchdog();
    let (lock, changed, ready) = (RLock::new(), Condition::new(), AtomicU32::new(0));
    scope(|scope| {
        scope.spawn(|| {
            lock.acquire().unwrap();
            lock.acquire().unwrap();
            let mut guard = lock.guard().unwrap();
            ready.store(1, Ordering::Relaxed);
            changed.wait_for(&mut guard, |_| ready.load(Ordering::Relaxed) == 2);
            drop(guard);
            assert_eq!(lock.release(), Ok(()));
            assert_eq!(lock.release(), Ok(()));
            assert!(lock.release().is_err());
        });
        eventually(|| ready.load(Ordering::Relaxed) == 1);
        let _guard = lock.guard_until(inkle::platform::after(PATIENCE)).unwrap();
        ready.store(2, Ordering::Relaxed);
        changed.notify(1);
    });
    assert!(!lock.is_held());
}

#[test]
fn th044_a_time_out_restores_the_levels_too() {
    let (lock, changed) = (RLock::new(), Condition::new());
    lock.acquire().unwrap();
    let mut guard = lock.guard().unwrap();
    assert!(changed.wait_timeout(&mut guard, Duration::from_millis(2)).is_err());
    drop(guard);
    assert_eq!(lock.release(), Ok(()));
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
}

/// Who has released behind the back of its guard gets what the guard stands for.
#[test]
fn bad_input_a_wait_with_a_guard_that_holds_nothing() {
    let (lock, changed) = (RLock::new(), Condition::new());
    let mut guard = lock.guard().unwrap();
    lock.release().unwrap();
    assert!(changed.wait_until(&mut guard, Deadline::PASSED).is_err());
    assert!(lock.is_held());
    drop(guard);
    assert!(!lock.is_held());
}
