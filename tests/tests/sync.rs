//! Locks, conditions, semaphores and events under real threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use inkle::threading::{Condition, Event, Lock, Mutex, Semaphore, spawn};
use inkle_tests::{
    PATIENCE, SCALE, SETTLE, eventually, eventually_asleep, panics, thread_number, watchdog,
};

#[test]
fn th033_any_thread_may_release() {
    let _watch = watchdog();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    spawn(|| LOCK.release().unwrap()).unwrap().join().unwrap();
    assert!(LOCK.try_acquire());
    assert!(LOCK.release().is_ok());
    assert!(LOCK.release().is_err(), "nobody holds it");
    assert!(LOCK.release().is_err(), "and the error changes nothing");
    assert!(LOCK.try_acquire());
}

#[test]
fn th033_a_release_wakes_the_one_who_waits() {
    let _watch = watchdog();
    let lock = Lock::new();
    scope(|scope| {
        for _ in 0..50 {
            lock.acquire();
            let waiter = scope.spawn(|| {
                lock.acquire();
                lock.release().unwrap();
            });
            std::thread::yield_now();
            lock.release().unwrap();
            waiter.join().unwrap();
        }
    });
}

#[test]
fn th034_not_reentrant() {
    let lock = Lock::new();
    let guard = lock.guard();
    assert!(lock.is_held());
    assert!(!lock.try_acquire());
    assert!(lock.acquire_timeout(Duration::from_millis(2)).is_err());
    drop(guard);
    assert!(!lock.is_held());
}

#[test]
fn th034_a_guard_releases_when_its_owner_panics() {
    let lock = Lock::new();
    assert!(panics(|| {
        let _guard = lock.guard();
        panic!("with the lock held");
    }));
    assert!(!lock.is_held());
}

#[test]
fn th035_one_at_a_time_whoever_comes() {
    let _watch = watchdog();
    let rounds = 20_000 * SCALE;
    let (lock, counter) = (Lock::new(), AtomicU32::new(0));
    scope(|scope| {
        for thread in 0..4 {
            let (lock, counter) = (&lock, &counter);
            scope.spawn(move || {
                for round in 0..rounds {
                    // Every way in.
                    match (thread + round) % 4 {
                        0 => lock.acquire(),
                        1 => lock.acquire_timeout(PATIENCE).unwrap(),
                        2 => while lock.acquire_timeout(Duration::from_micros(50)).is_err() {},
                        _ => {
                            while !lock.try_acquire() {
                                std::thread::yield_now();
                            }
                        }
                    }
                    // Two steps on purpose: only the lock makes them one.
                    let before = counter.load(Ordering::Relaxed);
                    counter.store(before + 1, Ordering::Relaxed);
                    lock.release().unwrap();
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), 4 * rounds);
    assert!(!lock.is_held());
}

#[test]
fn th041_two_conditions_share_a_lock() {
    let _watch = watchdog();
    // The textbook's bounded buffer.
    let (lock, not_empty, not_full) = (Lock::new(), Condition::new(), Condition::new());
    let (inside, passed) = (AtomicU32::new(0), AtomicU32::new(0));
    let items = 3_000 * SCALE;
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..items {
                    let mut guard = lock.guard();
                    not_full.wait_for(&mut guard, |_| inside.load(Ordering::Relaxed) < 2);
                    inside.store(inside.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    not_empty.notify(1);
                }
            });
            scope.spawn(|| {
                for _ in 0..items {
                    let mut guard = lock.guard();
                    not_empty.wait_for(&mut guard, |_| inside.load(Ordering::Relaxed) > 0);
                    inside.store(inside.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
                    passed.store(passed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    not_full.notify(1);
                }
            });
        }
    });
    assert_eq!((inside.into_inner(), passed.into_inner()), (0, 3 * items));
}

/// Lets a wait time out while another thread holds the lock. Whether the other thread had the lock
/// until the wait returned: it may have come too late to get it.
fn time_out_behind_a_holder(timeout: Duration) -> bool {
    const WAITING: u32 = 1;
    const LET_GO: u32 = 2;
    let (lock, changed, state) = (Lock::new(), Condition::new(), AtomicU32::new(0));
    scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut guard = lock.guard();
            state.store(WAITING, Ordering::Relaxed);
            assert!(changed.wait_timeout(&mut guard, timeout).is_err());
            state.load(Ordering::Relaxed) == LET_GO
        });
        eventually(|| state.load(Ordering::Relaxed) == WAITING);
        let guard = lock.guard();
        std::thread::sleep(timeout + SETTLE);
        state.store(LET_GO, Ordering::Relaxed);
        drop(guard);
        waiter.join().unwrap()
    })
}

/// A notification for somebody else is no reason to say that one came.
#[test]
fn th045_a_time_out_is_told_from_a_notification_of_another() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    let waiting = [const { AtomicI32::new(-1) }; 2];
    let wait = |number: usize, timeout| {
        let mut guard = lock.guard();
        waiting[number].store(thread_number(), Ordering::Relaxed);
        changed.wait_timeout(&mut guard, timeout)
    };
    let waits = |number: usize| {
        eventually(|| waiting[number].load(Ordering::Relaxed) >= 0);
        // Who has the lock now knows that it waits; but it must not be on its way to sleep, as nobody
        // who is misses a notification.
        drop(lock.guard());
        eventually_asleep(&[waiting[number].load(Ordering::Relaxed)]);
    };
    scope(|scope| {
        let first = scope.spawn(|| wait(0, Duration::MAX));
        waits(0);
        let second = scope.spawn(|| wait(1, SETTLE * 4));
        waits(1);
        let guard = lock.guard();
        changed.notify(1);
        drop(guard);
        // Which of the two was first is the scheduler's choice; one was notified, one was not.
        let second = second.join().unwrap();
        if second.is_ok() {
            assert!(!first.is_finished(), "one notification, two who say that it was theirs");
            changed.notify(1);
        }
        assert!(first.join().unwrap().is_ok());
    });
}

#[test]
fn th044_wait_acquires_again_however_late() {
    let _watch = watchdog();
    let mut timeout = Duration::from_millis(5);
    while !time_out_behind_a_holder(timeout) {
        timeout *= 2;
    }
}

/// Ten waiters, then `notify(3)`, `notify(5)`, `notify_all`: at least so many wake each time, and
/// nobody is left behind. Returns how many were awake after each step had time to settle.
fn three_phases() -> [usize; 4] {
    let (lock, changed) = (Lock::new(), Condition::new());
    let (waiting, awake) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let woken = |at_least: usize| {
        eventually(|| awake.load(Ordering::SeqCst) >= at_least);
        std::thread::sleep(SETTLE);
        awake.load(Ordering::SeqCst)
    };
    scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut guard = lock.guard();
                waiting.lock().push(thread_number());
                changed.wait(&mut guard);
                awake.fetch_add(1, Ordering::SeqCst);
            });
        }
        eventually(|| waiting.lock().len() == 10);
        // Whoever has the lock now knows that all of them wait; but more may wake than are called, if they
        // are not quite asleep.
        drop(lock.guard());
        eventually_asleep(&waiting.lock());
        let before = woken(0);
        changed.notify(3);
        let first = woken(3);
        let guard = lock.guard();
        changed.notify(5);
        drop(guard);
        let second = woken(8);
        changed.notify_all();
        [before, first, second, woken(10)]
    })
}

#[test]
fn th046_notify_wakes_as_many_as_it_says() {
    let _watch = watchdog();
    for _ in 0..5 {
        assert_eq!(three_phases(), [0, 3, 8, 10]);
    }
}

#[test]
fn th046_a_notification_is_not_remembered() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    changed.notify(1);
    changed.notify_all();
    let mut guard = lock.guard();
    assert!(changed.wait_timeout(&mut guard, Duration::from_millis(2)).is_err());
}

#[test]
fn th047_notify_all_leaves_nobody_behind() {
    let _watch = watchdog();
    let (lock, changed, round) = (Lock::new(), Condition::new(), AtomicU32::new(0));
    let arrived = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for mine in 1..=200 {
                    let mut guard = lock.guard();
                    arrived.fetch_add(1, Ordering::Relaxed);
                    changed.wait_for(&mut guard, |_| round.load(Ordering::Relaxed) >= mine);
                }
            });
        }
        for next in 1..=200 {
            eventually(|| arrived.load(Ordering::Relaxed) == 6 * next);
            let guard = lock.guard();
            round.store(next, Ordering::Relaxed);
            changed.notify_all();
            drop(guard);
        }
    });
}

#[test]
fn th048_wait_for_looks_before_it_waits() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    let mut guard = lock.guard();
    let mut looks = 0;
    changed.wait_for(&mut guard, |_| {
        looks += 1;
        assert!(lock.is_held());
        true
    });
    assert_eq!(looks, 1);
    let end = inkle::platform::after(Duration::from_millis(2));
    assert!(changed.wait_for_until(&mut guard, end, |_| false).is_err());
}

#[test]
fn th049_a_semaphore_lets_in_as_many_as_it_has() {
    let _watch = watchdog();
    for permits in [1, 2, 3] {
        let semaphore = Semaphore::new(permits);
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    for _ in 0..3_000 * SCALE {
                        semaphore.acquire();
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        semaphore.release(1).unwrap();
                    }
                });
            }
        });
        assert!(most.into_inner() <= permits);
        assert_eq!(semaphore.available(), permits);
    }
}

#[test]
fn th050_a_semaphore_of_none_starts_closed() {
    let semaphore = Semaphore::new(0);
    assert!(!semaphore.try_acquire());
    assert!(semaphore.acquire_timeout(Duration::from_millis(2)).is_err());
    semaphore.release(1).unwrap();
    assert!(semaphore.acquire_timeout(Duration::ZERO).is_ok());
}

#[test]
fn th051_release_wakes_as_many_as_it_gives() {
    let _watch = watchdog();
    let (semaphore, through) = (Semaphore::new(0), AtomicU32::new(0));
    scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                semaphore.acquire();
                through.fetch_add(1, Ordering::SeqCst);
            });
        }
        std::thread::sleep(SETTLE);
        semaphore.release(0).unwrap();
        semaphore.release(4).unwrap();
        eventually(|| through.load(Ordering::SeqCst) == 4);
        std::thread::sleep(SETTLE);
        assert_eq!(through.load(Ordering::SeqCst), 4);
        semaphore.release(2).unwrap();
    });
    assert_eq!((through.into_inner(), semaphore.available()), (6, 0));
}

#[test]
fn th051_too_many_permits_are_an_error() {
    let semaphore = Semaphore::new(u32::MAX - 1);
    assert!(semaphore.release(2).is_err());
    assert_eq!(semaphore.available(), u32::MAX - 1, "nothing has changed");
    semaphore.release(1).unwrap();
    assert!(semaphore.release(1).is_err());
    assert!(semaphore.try_acquire());
}

#[test]
fn th055_set_wakes_all_and_stays() {
    let _watch = watchdog();
    let event = Event::new();
    assert!(!event.is_set());
    scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| event.wait());
        }
        std::thread::sleep(SETTLE);
        event.set();
    });
    assert!(event.is_set());
    event.wait();
    event.clear();
    assert!(!event.is_set());
    assert!(event.wait_timeout(Duration::from_millis(2)).is_err());
}

#[test]
fn th056_set_then_clear_releases_everybody_who_waited() {
    let _watch = watchdog();
    let event = Arc::new(Event::new());
    let (waiting, released) = (Mutex::new(Vec::new()), AtomicU32::new(0));
    scope(|scope| {
        for _ in 0..20 {
            for _ in 0..4 {
                scope.spawn(|| {
                    waiting.lock().push(thread_number());
                    event.wait();
                    released.fetch_add(1, Ordering::SeqCst);
                });
            }
            eventually(|| waiting.lock().len() == 4);
            // Not merely about to be: else `set` would come before their wait.
            eventually_asleep(&waiting.lock());
            event.set();
            event.clear();
            eventually(|| released.load(Ordering::SeqCst) == 4);
            waiting.lock().clear();
            released.store(0, Ordering::SeqCst);
        }
    });
}

#[test]
fn th055_an_event_hands_over_what_came_before() {
    let _watch = watchdog();
    for _ in 0..200 {
        let (event, value) = (Event::new(), AtomicU32::new(0));
        scope(|scope| {
            scope.spawn(|| {
                // Relaxed on purpose: `set` and `wait` order it.
                value.store(7, Ordering::Relaxed);
                event.set();
            });
            event.wait();
            assert_eq!(value.load(Ordering::Relaxed), 7);
        });
    }
}
