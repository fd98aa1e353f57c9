//! Values that threads and tasks share under real threads: behind a lock, set once, taken once; and the
//! latch.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::thread::scope;
use std::time::Duration;

use inkle::Deadline;
use inkle::platform::after;
use inkle::threading::{
    CancelToken, Latch, Mutex, Once, Promise, Reason, RwLock, TakeError, WriteGuard,
};
use inkle_tests::{
    Ledger, PATIENCE, SCALE, SETTLE, block_on, eventually, panics, poll_once, watchdog,
};

const SHORT: Duration = Duration::from_millis(2);

/// A token that another thread cancels a little later.
fn soon_cancelled(test: impl FnOnce(&CancelToken<'_>)) {
    let token = CancelToken::new();
    scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(SETTLE);
            token.cancel(Reason::REQUESTED);
        });
        test(&token);
    });
}

#[test]
fn th035_a_mutex_lets_in_one_at_a_time_by_every_door() {
    let _watch = watchdog();
    let rounds = 5_000 * SCALE;
    let (mutex, token) = (Mutex::new(0_u32), CancelToken::new());
    scope(|scope| {
        for thread in 0..4 {
            let (mutex, token) = (&mutex, &token);
            scope.spawn(move || {
                for round in 0..rounds {
                    let mut guard = match (thread + round) % 5 {
                        0 => mutex.lock(),
                        1 => mutex.lock_timeout(PATIENCE).unwrap(),
                        2 => block_on(mutex.lock_async()),
                        3 => mutex.lock_unless(token).unwrap(),
                        _ => loop {
                            match mutex.try_lock() {
                                Some(guard) => break guard,
                                None => std::thread::yield_now(),
                            }
                        },
                    };
                    *guard += 1;
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 4 * rounds);
}

#[test]
fn th034_a_mutex_that_is_held_is_not_had() {
    let _watch = watchdog();
    let mut mutex = Mutex::new(1);
    let guard = mutex.lock();
    assert!(mutex.is_locked());
    assert!(mutex.try_lock().is_none());
    assert!(mutex.lock_until(Deadline::PASSED).is_err());
    assert!(mutex.lock_timeout(SHORT).is_err());
    assert!(poll_once(mutex.lock_async()).is_none());
    assert!(mutex.is_locked(), "a try that fails releases nothing");
    soon_cancelled(|token| {
        assert_eq!(mutex.lock_unless(token).unwrap_err().0, Reason::REQUESTED);
    });
    assert!(mutex.is_locked(), "and neither does a wait that is called off");
    assert_eq!(format!("{mutex:?}"), "Mutex { .. }");
    drop(guard);
    assert!(mutex.lock_timeout(Duration::MAX).is_ok());
    *mutex.get_mut() += 1;
    assert_eq!(format!("{mutex:?}"), "Mutex { value: 2 }");
}

#[test]
fn th034_a_mutex_survives_a_panic_with_its_value_as_it_was() {
    let mutex = Mutex::new(vec![1]);
    assert!(panics(|| {
        let mut guard = mutex.lock();
        guard.push(2);
        panic!("with the guard held");
    }));
    assert_eq!(*mutex.try_lock().unwrap(), [1, 2]);
}

#[test]
fn th033_a_guard_may_be_dropped_by_another_thread() {
    let _watch = watchdog();
    let mutex = Mutex::new(0);
    scope(|scope| {
        for _ in 0..100 {
            let mut guard = mutex.lock();
            scope.spawn(move || *guard += 1);
        }
    });
    assert_eq!(mutex.into_inner(), 100);
}

#[test]
fn th079_readers_together_writers_alone() {
    let _watch = watchdog();
    let rounds = 2_000 * SCALE;
    let (lock, token) = (RwLock::new([0_u32; 2]), CancelToken::new());
    let written = AtomicU32::new(0);
    scope(|scope| {
        for thread in 0..4 {
            let (lock, token, written) = (&lock, &token, &written);
            scope.spawn(move || {
                for round in 0..rounds {
                    let write = |mut guard: WriteGuard<'_, [u32; 2]>| {
                        written.fetch_add(1, Ordering::Relaxed);
                        guard[0] += 1;
                        guard[1] += 1;
                        let both = *guard;
                        assert_eq!(*guard.downgrade(), both);
                    };
                    let guard = match (thread * 3 + round) % 10 {
                        0 => return write(lock.write()),
                        1 => lock.read(),
                        2 => block_on(lock.read_async()),
                        3 => lock.read_unless(token).unwrap(),
                        4 => lock.read_timeout(PATIENCE).unwrap(),
                        5 => {
                            write(block_on(lock.write_async()));
                            continue;
                        }
                        6 => {
                            write(lock.write_unless(token).unwrap());
                            continue;
                        }
                        7 => {
                            // Gives up now and then.
                            let _ = lock.write_timeout(Duration::from_micros(20)).map(write);
                            continue;
                        }
                        8 => {
                            let _ = poll_once(lock.write_async()).map(write);
                            continue;
                        }
                        _ => match lock.try_read() {
                            Some(guard) => guard,
                            None => continue,
                        },
                    };
                    assert_eq!(guard[0], guard[1]);
                }
            });
        }
    });
    let written = written.into_inner();
    assert_eq!(lock.into_inner(), [written; 2]);
}

#[test]
fn th079_a_writer_that_waits_goes_before_new_readers_and_not_when_it_has_gone() {
    let _watch = watchdog();
    let lock = RwLock::new(0);
    let first = lock.read();
    assert!(lock.try_read().is_some(), "two may read");
    assert!(lock.try_write().is_none());
    assert!(lock.write_until(Deadline::PASSED).is_err());
    assert!(lock.try_read().is_some(), "a poll keeps nobody out");
    scope(|scope| {
        let lock = &lock;
        // Until it was seen waiting before it gave up.
        for times in (0..).map(|doublings| 1 << doublings) {
            let writer = scope.spawn(move || lock.write_timeout(SETTLE * times).map(drop));
            eventually(|| lock.try_read().is_none() || writer.is_finished());
            let waits = lock.try_read().is_none();
            // Waits behind the writer, which gives up; then it reads beside the first.
            assert!(lock.read_timeout(PATIENCE).is_ok());
            assert!(writer.join().unwrap().is_err());
            if waits {
                break;
            }
        }
    });
    soon_cancelled(|token| assert!(lock.write_unless(token).is_err()));
    assert!(lock.try_read().is_some());
    // A future waits from its first poll until it is dropped; one that was blocked on, while it was.
    let mut context = Context::from_waker(Waker::noop());
    let mut writing = Box::pin(lock.write_async());
    assert!(lock.try_read().is_some());
    assert!(writing.as_mut().poll(&mut context).is_pending());
    assert!(lock.try_read().is_none());
    drop(writing);
    assert!(lock.try_read().is_some());
    let mut writing = lock.write_async();
    assert!(writing.until(after(SHORT)).is_err());
    assert!(writing.until(Deadline::PASSED).is_err());
    assert!(lock.try_read().is_some());
    drop(first);
    assert!(writing.until(Deadline::PASSED).is_ok());
}

#[test]
fn th079_a_reader_that_has_waited_for_a_writer_does_not_wait_for_one_that_waits() {
    let lock = RwLock::new(0);
    let mut context = Context::from_waker(Waker::noop());
    let writer = lock.write();
    let (mut reading, mut writing) = (pin!(lock.read_async()), pin!(lock.write_async()));
    assert!(reading.as_mut().poll(&mut context).is_pending());
    assert!(writing.as_mut().poll(&mut context).is_pending());
    drop(writer);
    assert!(lock.try_read().is_none(), "it has not waited");
    assert!(reading.as_mut().poll(&mut context).is_ready());
    assert!(writing.as_mut().poll(&mut context).is_ready());
}

#[test]
fn th079_a_writer_becomes_a_reader_and_no_writer_comes_between() {
    let _watch = watchdog();
    let lock = RwLock::new(0);
    scope(|scope| {
        let mut guard = lock.write();
        let reader = scope.spawn(|| *lock.read());
        let writer = scope.spawn(|| *lock.write() += 10);
        std::thread::sleep(SETTLE);
        *guard = 1;
        let guard = guard.downgrade();
        assert_eq!(*guard, 1);
        std::thread::sleep(SETTLE);
        assert_eq!(*guard, 1);
        drop(guard);
        assert!([1, 11].contains(&reader.join().unwrap()));
        writer.join().unwrap();
    });
    assert_eq!(lock.into_inner(), 11);
}

#[test]
fn th079_one_reader_too_many_waits() {
    let _watch = watchdog();
    let lock = Arc::new(RwLock::new(7));
    let most = (0..70_000).take_while(|_| lock.try_read().map(std::mem::forget).is_some()).count();
    assert_eq!(most, 65_535);
    assert!(lock.read_timeout(SHORT).is_err());
    assert!(lock.try_write().is_none());
    // All of those were leaked; one more is not there to leave. With one that is:
    let lock = RwLock::new(7);
    let last = lock.read();
    (1..65_535).for_each(|_| std::mem::forget(lock.try_read().unwrap()));
    scope(|scope| {
        let reader = scope.spawn(|| *lock.read_timeout(PATIENCE).unwrap());
        std::thread::sleep(SETTLE);
        drop(last);
        assert_eq!(reader.join().unwrap(), 7);
    });
}

#[test]
fn th079_a_panic_leaves_the_lock_free() {
    let lock = RwLock::new(1);
    assert!(panics(|| {
        let mut guard = lock.write();
        *guard = 2;
        panic!("writing");
    }));
    assert!(panics(|| {
        let _guard = lock.read();
        panic!("reading");
    }));
    assert_eq!(*lock.try_write().unwrap(), 2);
}

#[test]
fn th084_a_latch_opens_once_for_all() {
    let _watch = watchdog();
    let rounds = 20;
    for _ in 0..rounds {
        let (latch, work, token) = (Latch::new(7), AtomicU32::new(0), CancelToken::new());
        let check = || assert_eq!(work.load(Ordering::Relaxed), 7);
        scope(|scope| {
            scope.spawn(|| {
                latch.wait();
                check();
            });
            scope.spawn(|| {
                block_on(latch.wait_async());
                check();
            });
            scope.spawn(|| {
                latch.wait_unless(&token).unwrap();
                check();
            });
            scope.spawn(|| {
                work.fetch_add(5, Ordering::Relaxed);
                latch.count_down(5).unwrap();
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    work.fetch_add(1, Ordering::Relaxed);
                    latch.arrive_and_wait().unwrap();
                    check();
                });
            }
            latch.wait_timeout(PATIENCE).unwrap();
            check();
        });
        assert_eq!(latch.remaining(), 0);
    }
}

#[test]
fn th084_a_latch_does_not_go_below_zero() {
    let latch = Latch::new(2);
    assert!(latch.count_down(3).is_err());
    assert!(latch.count_down(u32::MAX).is_err());
    assert_eq!(latch.remaining(), 2, "nothing has changed");
    assert!(latch.count_down(0).is_ok());
    assert!(!latch.try_wait());
    assert!(latch.wait_timeout(SHORT).is_err());
    assert!(latch.wait_until(Deadline::PASSED).is_err());
    assert!(poll_once(latch.wait_async()).is_none());
    soon_cancelled(|token| assert!(latch.wait_unless(token).is_err()));
    latch.count_down(2).unwrap();
    assert!(latch.arrive_and_wait().is_err());
    assert!(latch.count_down(0).is_ok());
    latch.wait();
    assert!(latch.wait_until(Deadline::PASSED).is_ok());
    assert!(Latch::new(0).try_wait());
    assert!(Latch::new(u32::MAX).count_down(u32::MAX).is_ok());
}

#[test]
fn th084_once_is_made_by_one_and_seen_by_all() {
    let _watch = watchdog();
    for _ in 0..100 {
        let (once, makers) = (Once::new(), AtomicU32::new(0));
        scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let value = once.get_or_init(|| {
                        makers.fetch_add(1, Ordering::Relaxed);
                        vec![1, 2]
                    });
                    assert_eq!(*value, [1, 2]);
                });
            }
            scope.spawn(|| assert_eq!(block_on(once.wait_async()).len(), 2));
            assert_eq!(once.wait_timeout(PATIENCE).unwrap().len(), 2);
        });
        assert_eq!(makers.into_inner(), 1);
        assert_eq!(once.into_inner(), Some(vec![1, 2]));
    }
}

#[test]
fn th084_a_value_that_could_not_be_made_is_made_by_the_next() {
    let _watch = watchdog();
    let once = Once::<u32>::new();
    assert!(panics(|| {
        once.get_or_init(|| panic!("no value"));
    }));
    assert_eq!(once.get(), None);
    assert_eq!(once.get_or_try_init(|| Err("nor now")), Err("nor now"));
    let begun = Latch::new(1);
    scope(|scope| {
        let panicking = scope.spawn(|| {
            panics(|| {
                once.get_or_init(|| {
                    begun.wait();
                    std::thread::sleep(SETTLE);
                    panic!("while another one waits");
                });
            })
        });
        // Either comes first and the other waits for it, or the other way round.
        begun.count_down(1).unwrap();
        std::thread::sleep(SHORT);
        assert_eq!(*once.get_or_init(|| 7), 7);
        panicking.join().unwrap();
    });
    assert_eq!(once.set(8), Err(8));
    assert_eq!(*once.wait(), 7);
}

#[test]
fn th084_once_that_is_not_set_is_not_had() {
    let _watch = watchdog();
    let mut once = Once::<u32>::default();
    assert_eq!(once.get_mut(), None);
    assert!(once.wait_until(Deadline::PASSED).is_err());
    assert!(once.wait_timeout(SHORT).is_err());
    assert!(poll_once(once.wait_async()).is_none());
    soon_cancelled(|token| assert!(once.wait_unless(token).is_err()));
    // While one is being made another cannot be set.
    assert_eq!(*once.get_or_init(|| once.set(1).unwrap_err() + 1), 2);
    *once.get_mut().unwrap() += 1;
    assert_eq!(once.take(), Some(3));
    assert_eq!(once.set(4), Ok(()));
    assert_eq!(format!("{once:?}"), "Once(Some(4))");
    assert_eq!(Once::from(5).into_inner(), Some(5));
}

#[test]
fn th084_once_and_promise_drop_their_value_once() {
    let ledger = Ledger::new(5);
    drop(Once::from(ledger.value(0)));
    let once = Once::new();
    assert!(once.set(ledger.value(1)).is_ok());
    let value = once.into_inner();
    assert_eq!(ledger.drops(1), 0);
    drop(value);
    let promise = Promise::new();
    assert!(promise.set(ledger.value(2)).is_ok());
    drop(promise);
    let promise = Promise::new();
    assert!(promise.set(ledger.value(3)).is_ok());
    drop(promise.take().unwrap());
    drop(promise);
    let promise = Promise::new();
    assert!(promise.set(ledger.value(4)).is_ok());
    drop(promise.into_inner());
    (0..5).for_each(|id| assert_eq!(ledger.drops(id), 1));
}

#[test]
fn th076_a_promise_is_kept_once_and_taken_once() {
    let _watch = watchdog();
    for round in 0..200 {
        let (promise, token) = (Promise::new(), CancelToken::new());
        let (kept, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        let take = |result: Result<u32, TakeError>| match result {
            Ok(value) => {
                assert_eq!(value, round);
                taken.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => assert_eq!(error, TakeError::Taken),
        };
        scope(|scope| {
            scope.spawn(|| take(promise.take()));
            scope.spawn(|| take(block_on(promise.take_async())));
            scope.spawn(|| take(promise.take_unless(&token)));
            for _ in 0..2 {
                scope.spawn(|| {
                    if promise.set(round).is_ok() {
                        kept.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            take(promise.take_timeout(PATIENCE));
        });
        assert_eq!((kept.into_inner(), taken.into_inner()), (1, 1));
        assert!(promise.is_set());
        assert!(!promise.abandon());
    }
}

#[test]
fn th076_a_promise_that_is_not_kept_is_not_had() {
    let _watch = watchdog();
    let promise = Promise::<u32>::new();
    assert_eq!(promise.try_take(), Err(TakeError::Empty));
    assert_eq!(promise.take_until(Deadline::PASSED), Err(TakeError::TimedOut));
    assert_eq!(promise.take_timeout(SHORT), Err(TakeError::TimedOut));
    assert!(poll_once(promise.take_async()).is_none());
    soon_cancelled(|token| {
        let error = TakeError::Cancelled(Reason::REQUESTED);
        assert_eq!(promise.take_unless(token), Err(error));
    });
    scope(|scope| {
        let waiters = [
            scope.spawn(|| promise.take()),
            scope.spawn(|| block_on(promise.take_async())),
            scope.spawn(|| promise.take_unless(&CancelToken::new())),
        ];
        std::thread::sleep(SETTLE);
        assert!(promise.abandon());
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(TakeError::Broken));
        }
    });
    assert!(!promise.abandon());
    assert!(!promise.is_set());
    assert_eq!(promise.set(1), Err(1));
    assert_eq!(promise.try_take(), Err(TakeError::Broken));
    assert_eq!(promise.into_inner(), None);
}
