//! The barrier under real threads.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::thread::scope;
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::threading::BarrierError::{Broken, Cancelled, TimedOut};
use inkle::threading::{Barrier, CancelToken, Reason};
use inkle_tests::{PATIENCE, SETTLE, block_on, eventually, panics, poll_once, watchdog};

fn of(parties: u32) -> Barrier {
    Barrier::new(parties).unwrap()
}

#[test]
fn th060_parties() {
    assert!(Barrier::new(0).is_none());
    assert!(Barrier::new(Barrier::MAX_PARTIES + 1).is_none());
    assert!(Barrier::new(u32::MAX).is_none());
    assert_eq!(of(Barrier::MAX_PARTIES).parties(), Barrier::MAX_PARTIES);
    let one = of(1);
    assert!((0..10).all(|_| one.wait() == Ok(0)));
}

/// 1,000 rounds of two: nobody is ever a round ahead, and each number comes once a round.
#[test]
fn th061_a_thousand_rounds() {
    rounds(2, 1_000);
}

/// As above; four, on few processors, take turns to sleep.
#[test]
fn th061_rounds_of_four() {
    rounds(4, 200);
}

fn rounds(parties: u32, rounds: u32) {
    let _watch = watchdog();
    let barrier = of(parties);
    let zeros = || (0..rounds).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
    let (acted, numbers) = (zeros(), zeros());
    scope(|scope| {
        for thread in 0..parties {
            let (barrier, acted, numbers) = (&barrier, &acted, &numbers);
            scope.spawn(move || {
                for round in 0..rounds {
                    // Relaxed on purpose, and in two steps: the barrier orders it.
                    let count = &acted[round as usize];
                    let act = || count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    let index = match (thread + round) % 3 {
                        0 => barrier.wait_with(act),
                        1 => barrier.wait_with_until(after(PATIENCE), act),
                        _ => block_on(barrier.wait_with_async(act)),
                    };
                    numbers[round as usize].fetch_or(1 << index.unwrap(), Ordering::Relaxed);
                    assert_eq!(count.load(Ordering::Relaxed), 1, "once, and before we go on");
                    if let Some(next) = acted.get(round as usize + 1) {
                        // The next round cannot be over while we are not in it.
                        assert_eq!(next.load(Ordering::Relaxed), 0);
                    }
                }
            });
        }
    });
    let all = (1 << parties) - 1;
    assert!(numbers.iter().all(|numbers| numbers.load(Ordering::Relaxed) == all));
    assert!(!barrier.is_broken());
}

/// More threads than parties: rounds are made up by whoever comes.
#[test]
fn th061_more_threads_than_parties() {
    let _watch = watchdog();
    let (barrier, passed) = (of(2), AtomicU32::new(0));
    scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while barrier.wait().is_ok() {
                    passed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        eventually(|| passed.load(Ordering::Relaxed) > 500);
        barrier.abort();
    });
    assert_eq!(passed.into_inner() % 2, 0);
}

#[test]
fn th062_the_action_runs_once_in_the_last_before_anybody_goes_on() {
    let _watch = watchdog();
    let (barrier, log) = (of(3), Mutex::new(Vec::new()));
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let index = barrier.wait_with(|| log.lock().unwrap().push(99)).unwrap();
                log.lock().unwrap().push(index);
            });
        }
    });
    let mut log = log.into_inner().unwrap();
    assert_eq!(log[0], 99);
    log.sort_unstable();
    assert_eq!(log, [0, 1, 2, 99]);
}

#[test]
fn th063_an_action_that_panics_breaks_the_barrier() {
    let _watch = watchdog();
    let barrier = of(2);
    scope(|scope| {
        let first = scope.spawn(|| barrier.wait());
        eventually(|| barrier.waiting() == 1);
        assert!(panics(|| {
            let _ = barrier.wait_with(|| panic!("by the last one"));
        }));
        assert_eq!(first.join().unwrap(), Err(Broken));
    });
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait(), Err(Broken));
    barrier.reset();
    assert_eq!(poll_twice(&barrier), [Ok(0), Ok(1)]);
    // The same as a task.
    let mut first = pin!(barrier.wait_async());
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(panics(|| {
        let _ = block_on(barrier.wait_with_async(|| panic!("by a task")));
    }));
    assert_eq!(block_on(first), Err(Broken));
}

/// One round of two, by one thread.
fn poll_twice(barrier: &Barrier) -> [Result<u32, inkle::threading::BarrierError>; 2] {
    let mut first = pin!(barrier.wait_async());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let second = barrier.wait();
    [block_on(first), second]
}

#[test]
fn th064_a_time_out_breaks_it_for_all() {
    let _watch = watchdog();
    let barrier = of(3);
    scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        eventually(|| barrier.waiting() == 1);
        assert_eq!(barrier.wait_timeout(Duration::from_millis(2)), Err(TimedOut));
        assert_eq!(other.join().unwrap(), Err(Broken));
    });
    assert!(barrier.is_broken());
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn th064_a_poll_breaks_it_unless_it_is_the_last() {
    let _watch = watchdog();
    let barrier = of(2);
    assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(TimedOut));
    assert!(barrier.is_broken());
    barrier.reset();
    scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        eventually(|| barrier.waiting() == 1);
        assert_eq!(barrier.wait_until(Deadline::PASSED), Ok(1));
        assert_eq!(other.join().unwrap(), Ok(0));
    });
}

#[test]
fn th064_a_time_out_during_the_action_breaks_it_too() {
    let _watch = watchdog();
    let barrier = of(2);
    let mut timeout = SETTLE;
    let mut acted = false;
    // The last may come too late to act.
    while !acted {
        barrier.reset();
        scope(|scope| {
            let other = scope.spawn(|| barrier.wait_timeout(timeout));
            eventually(|| barrier.waiting() == 1 || barrier.is_broken());
            let last = barrier.wait_with(|| {
                eventually(|| barrier.is_broken());
                acted = true;
            });
            assert_eq!(last, Err(Broken));
            assert_eq!(other.join().unwrap(), Err(TimedOut));
        });
        timeout *= 2;
    }
}

#[test]
fn th077_cancellation_breaks_it_for_all() {
    let _watch = watchdog();
    let (barrier, stop) = (of(3), CancelToken::new());
    scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        let cancelled = scope.spawn(|| barrier.wait_unless(&stop));
        eventually(|| barrier.waiting() == 2);
        stop.cancel(Reason::REQUESTED);
        assert_eq!(cancelled.join().unwrap(), Err(Cancelled(Reason::REQUESTED)));
        assert_eq!(other.join().unwrap(), Err(Broken));
    });
    barrier.reset();
    assert_eq!(barrier.wait_with_unless(&stop, || ()), Err(Cancelled(Reason::REQUESTED)));
    assert!(!barrier.is_broken(), "it never came");
}

#[test]
fn a_dropped_future_breaks_it_once_it_has_come() {
    let _watch = watchdog();
    let barrier = of(2);
    drop(barrier.wait_async());
    assert!(!barrier.is_broken(), "it never came");
    assert_eq!(poll_once(barrier.wait_async()), None);
    assert!(barrier.is_broken());
    barrier.reset();
    assert_eq!(poll_twice(&barrier), [Ok(0), Ok(1)]);
    // Dropped when its round has passed, it breaks nothing.
    {
        let mut first = pin!(barrier.wait_async());
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(barrier.wait(), Ok(1));
    }
    assert!(!barrier.is_broken());
}

#[test]
fn th065_abort_reaches_those_who_wait_and_those_who_come() {
    let _watch = watchdog();
    let barrier = of(4);
    scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| barrier.wait())).collect();
        eventually(|| barrier.waiting() == 3);
        barrier.abort();
        for waiter in waiting {
            assert_eq!(waiter.join().unwrap(), Err(Broken));
        }
    });
    assert_eq!(barrier.wait(), Err(Broken));
    assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(Broken));
    assert_eq!(block_on(barrier.wait_async()), Err(Broken));
    assert!(barrier.is_broken());
}

#[test]
fn th066_reset_sends_those_who_wait_away_and_begins_anew() {
    let _watch = watchdog();
    let barrier = of(2);
    barrier.reset();
    for _ in 0..50 {
        scope(|scope| {
            let late = scope.spawn(|| barrier.wait());
            eventually(|| barrier.waiting() == 1);
            barrier.reset();
            // It may not have left yet: the next rounds do not care.
            assert_eq!(poll_twice(&barrier), [Ok(0), Ok(1)]);
            assert_eq!(late.join().unwrap(), Err(Broken));
            assert!(!barrier.is_broken());
        });
    }
}

#[test]
fn th066_who_is_two_rounds_behind_holds_up_a_round_and_no_more() {
    let _watch = watchdog();
    let barrier = of(2);
    let mut context = Context::from_waker(Waker::noop());
    // Arrives, and does not leave as long as it is not polled.
    let mut late = Box::pin(barrier.wait_async());
    assert!(late.as_mut().poll(&mut context).is_pending());
    barrier.reset();
    assert_eq!(poll_twice(&barrier), [Ok(0), Ok(1)]);
    // The next round needs the place of the one that has not been left.
    let mut next = Box::pin(barrier.wait_async());
    assert!(next.as_mut().poll(&mut context).is_pending());
    assert_eq!(barrier.waiting(), 0);
    assert_eq!(barrier.wait_timeout(Duration::from_millis(2)), Err(TimedOut));
    assert!(!barrier.is_broken(), "it never came");
    scope(|scope| {
        let thread = scope.spawn(|| barrier.wait());
        assert_eq!(block_on(late), Err(Broken), "its own round failed");
        let mut numbers = [block_on(next).unwrap(), thread.join().unwrap().unwrap()];
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
    });
}

#[test]
fn th067_what_can_be_asked() {
    let _watch = watchdog();
    let barrier = of(3);
    assert_eq!((barrier.parties(), barrier.waiting(), barrier.is_broken()), (3, 0, false));
    scope(|scope| {
        for expected in 1..=2 {
            scope.spawn(|| barrier.wait());
            eventually(|| barrier.waiting() == expected);
        }
        barrier.wait().unwrap();
        assert_eq!(barrier.waiting(), 0, "nobody waits for anybody, whoever has left");
    });
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 3, waiting: 0, broken: false }");
}

/// Breaks, resets and rounds at random: nobody hangs, and a round passes for all of its parties.
#[test]
fn th066_resets_and_aborts_among_rounds() {
    let _watch = watchdog();
    let (barrier, passed, left) = (of(3), AtomicU32::new(0), AtomicU32::new(3));
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..100 {
                    // Broken rounds are tried again, so all three pass 100 of them.
                    while barrier.wait().is_err() {
                        std::thread::yield_now();
                    }
                    passed.fetch_add(1, Ordering::Relaxed);
                }
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let mut breaks = 0;
        while left.load(Ordering::Relaxed) > 0 {
            match breaks % 3 {
                0 => barrier.reset(),
                1 => barrier.abort(),
                _ => std::thread::yield_now(),
            }
            barrier.reset();
            breaks += 1;
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    assert_eq!(passed.into_inner(), 300);
}
