//! The condition with a token and as a task, and predicates that panic. The rest is in `sync.rs` and
//! `rlock.rs`.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::scope;
use std::time::Duration;

use inkle::threading::{CancelToken, Condition, Lock, LockGuard, Mutex, Reason};
use inkle_core::sync::WaitCondition;
use inkle_tests::{PATIENCE, SETTLE, block_on, eventually, panics, watchdog};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn th077_a_wait_ends_when_the_token_is_cancelled() {
    let _watch = watchdog();
    let (lock, changed, stop) = (Lock::new(), Condition::new(), CancelToken::new());
    scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut guard = lock.guard();
            let result = changed.wait_for_unless(&mut guard, &stop, |_| false);
            assert!(lock.is_held(), "acquired again (TH044)");
            result
        });
        eventually(|| lock.try_acquire());
        lock.release().unwrap();
        std::thread::sleep(SETTLE);
        stop.cancel(Reason::SHUTDOWN);
        assert_eq!(waiter.join().unwrap().unwrap_err().0, Reason::SHUTDOWN);
    });
    assert!(!lock.is_held());
}

#[test]
fn th077_a_token_with_a_deadline_and_one_cancelled_before() {
    let (lock, changed, root) = (Lock::new(), Condition::new(), CancelToken::new());
    let mut guard = lock.guard();
    let soon = root.child_timeout(Duration::from_millis(2));
    assert_eq!(changed.wait_unless(&mut guard, &soon).unwrap_err().0, Reason::DEADLINE);
    root.cancel(Reason::FAILED);
    assert_eq!(changed.wait_unless(&mut guard, &root).unwrap_err().0, Reason::FAILED);
    assert!(changed.wait_for_unless(&mut guard, &root, |_| true).is_ok(), "nothing to wait for");
    assert!(lock.is_held());
}

#[test]
fn th046_a_notification_reaches_one_who_waits_with_a_token() {
    let _watch = watchdog();
    let (lock, changed, stop) = (Lock::new(), Condition::new(), CancelToken::new());
    let items = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let mut guard = lock.guard();
                    let some = |_: &mut LockGuard<'_>| items.load(Ordering::Relaxed) > 0;
                    changed.wait_for_unless(&mut guard, &stop, some).unwrap();
                    items.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..1_500 {
            let _guard = lock.guard();
            items.fetch_add(1, Ordering::Relaxed);
            changed.notify(1);
        }
    });
    assert_eq!(items.into_inner(), 0);
}

#[test]
fn th043_tasks_wait_beside_threads() {
    let _watch = watchdog();
    let (lock, changed, turn) = (Lock::new(), Condition::new(), AtomicU32::new(0));
    const ROUNDS: u32 = 300;
    scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for round in 0..ROUNDS {
                    let mut guard = lock.guard_async().await;
                    while turn.load(Ordering::Relaxed) != 2 * round {
                        guard = changed.wait_async(guard).await;
                    }
                    turn.fetch_add(1, Ordering::Relaxed);
                    changed.notify_all();
                    drop(guard);
                }
            });
        });
        for round in 0..ROUNDS {
            let mut guard = lock.guard();
            changed.wait_for(&mut guard, |_| turn.load(Ordering::Relaxed) == 2 * round + 1);
            turn.fetch_add(1, Ordering::Relaxed);
            changed.notify_all();
        }
    });
    assert_eq!(turn.into_inner(), 2 * ROUNDS);
    assert!(!lock.is_held());
}

/// The guard of a mutex gives the value to the predicate, and comes back from a wait as a task.
#[test]
fn th048_the_predicate_sees_the_value_of_a_mutex() {
    let _watch = watchdog();
    let (items, changed) = (Mutex::new(Vec::new()), Condition::new());
    scope(|scope| {
        scope.spawn(|| {
            let mut guard = items.lock();
            changed.wait_for(&mut guard, |items| items.len() == 1);
            guard.push(2);
            changed.notify_all();
        });
        scope.spawn(|| {
            block_on(async {
                let mut guard = items.lock_async().await;
                while guard.len() < 2 {
                    guard = changed.wait_async(guard).await;
                }
                guard.push(3);
            });
        });
        items.lock().push(1);
        changed.notify_all();
    });
    assert_eq!(items.into_inner(), [1, 2, 3]);
}

#[test]
fn a_dropped_wait_holds_nothing_in_any_phase() {
    let (lock, changed) = (Lock::new(), Condition::new());
    // Not polled: the lock is held until it is dropped.
    let wait = changed.wait_async(lock.guard());
    assert!(lock.is_held());
    drop(wait);
    assert!(!lock.is_held());
    // Waiting.
    {
        let mut wait = pin!(changed.wait_async(lock.guard()));
        assert!(poll(wait.as_mut()).is_pending());
        assert!(lock.try_acquire(), "released while it waits");
    }
    assert!(lock.is_held(), "by us");
    lock.release().unwrap();
    // Acquiring again.
    {
        let mut wait = pin!(changed.wait_async(lock.guard()));
        assert!(poll(wait.as_mut()).is_pending());
        let _guard = lock.guard();
        changed.notify(1);
        assert!(poll(wait.as_mut()).is_pending(), "the lock is ours");
    }
    assert!(!lock.is_held());
    // Done.
    let mut wait = pin!(changed.wait_async(lock.guard()));
    assert!(poll(wait.as_mut()).is_pending());
    changed.notify(1);
    let Poll::Ready(guard) = poll(wait.as_mut()) else { panic!("notified, and the lock is free") };
    assert!(lock.is_held());
    drop(guard);
    assert!(poll(wait.as_mut()).is_pending(), "never again");
    assert!(!lock.is_held());
}

#[test]
fn th046_who_is_told_and_dropped_tells_the_next() {
    let (lock, changed) = (Lock::new(), Condition::new());
    let wait = || -> Pin<Box<WaitCondition<'_, LockGuard<'_>>>> {
        let mut wait = Box::pin(changed.wait_async(lock.guard()));
        assert!(poll(wait.as_mut()).is_pending());
        wait
    };
    let (told, mut acquiring, mut last) = (wait(), wait(), wait());
    changed.notify(1);
    drop(told);
    let guard = lock.guard();
    assert!(poll(acquiring.as_mut()).is_pending());
    assert!(poll(last.as_mut()).is_pending());
    drop(guard);
    drop(acquiring);
    assert!(poll(last.as_mut()).is_ready());
}

#[test]
fn th046_oldest_first() {
    let (lock, changed) = (Lock::new(), Condition::new());
    let mut waiting: Vec<_> = (0..4)
        .map(|_| Box::pin(changed.wait_async(lock.guard())))
        .map(|mut wait| {
            assert!(poll(wait.as_mut()).is_pending());
            wait
        })
        .collect();
    for turn in 0..4 {
        changed.notify(1);
        let ready: Vec<_> = waiting.iter_mut().map(|wait| poll(wait.as_mut()).is_ready()).collect();
        assert!(ready[0], "turn {turn}");
        assert!(ready[1..].iter().all(|ready| !ready), "turn {turn}");
        drop(waiting.remove(0));
    }
}

#[test]
fn th048_a_predicate_that_panics_leaves_the_lock_free() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    assert!(panics(|| {
        let mut guard = lock.guard();
        changed.wait_for(&mut guard, |_| panic!("asked at once"));
    }));
    assert!(!lock.is_held());
    let asked = AtomicU32::new(0);
    scope(|scope| {
        let waiter = scope.spawn(|| {
            panics(|| {
                let mut guard = lock.guard();
                changed.wait_for(&mut guard, |_| {
                    assert!(asked.fetch_add(1, Ordering::Relaxed) == 0, "asked again");
                    false
                });
            })
        });
        eventually(|| asked.load(Ordering::Relaxed) == 1);
        lock.acquire_timeout(PATIENCE).unwrap();
        changed.notify_all();
        lock.release().unwrap();
        assert!(waiter.join().unwrap());
    });
    assert!(!lock.is_held());
}
