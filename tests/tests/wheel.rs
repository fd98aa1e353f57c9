//! The timer wheel between threads, and timers on the system's clock: each timer ends once, none fires
//! early, sleepers wake.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::task::Waker;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use inkle::Deadline;
use inkle::platform::{Private, after};
use inkle_core::Platform;
use inkle_core::error::{CancelError, SleepError, WheelFull};
use inkle_core::timer::{Coarse, Exact, Geometry, Then, Tick, Timers, Wheel};
use inkle_tests::{PATIENCE, SCALE, SETTLE, block_on, eventually, panics, timed, watchdog};

/// Threads schedule, cancel and reschedule while two others take turns in driving.
fn each_ends_once<G: Geometry + 'static>() {
    const THREADS: u32 = 3;
    const SLOTS: usize = 64;
    let _watchdog = watchdog();
    let timers_each = 4_000 * SCALE;
    let start = Tick::new(u32::MAX - 5_000);
    let wheel = Box::new(Wheel::<u32, SLOTS, G>::new(start));
    let ends: Vec<AtomicU32> = (0..THREADS * timers_each).map(|_| AtomicU32::new(0)).collect();
    let (ticks, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    let end = |value: u32| {
        assert_eq!(ends[value as usize].fetch_add(1, SeqCst), 0, "{value} has ended before");
    };
    let drive = || {
        while !stop.load(SeqCst) {
            if let Some(mut driver) = wheel.try_drive() {
                let now = start.after(ticks.fetch_add(1, SeqCst));
                let turn = driver.advance(now, 40, |value| {
                    end(value);
                    Then::Done
                });
                assert!(turn.fired <= 40);
            }
        }
    };
    scope(|scope| {
        scope.spawn(drive);
        scope.spawn(drive);
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (wheel, ticks, end) = (&wheel, &ticks, &end);
                scope.spawn(move || {
                    let mut mine = None;
                    for value in thread * timers_each..(thread + 1) * timers_each {
                        let at = |delay| start.after(ticks.load(SeqCst)).after(delay);
                        let handle = loop {
                            match wheel.schedule(at(value % 100), value) {
                                Ok(scheduled) => break scheduled.handle,
                                Err(_) => std::thread::yield_now(),
                            }
                        };
                        // Every third one is cancelled, the one before it moved.
                        if value % 3 == 0 {
                            if let Ok(value) = wheel.cancel(handle) {
                                end(value);
                            }
                        } else if let Some(Ok(moved)) =
                            mine.replace(handle).map(|old| wheel.reschedule(old, at(value % 7)))
                        {
                            mine = Some(moved.handle);
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(true, SeqCst);
    });
    let mut driver = wheel.try_drive().expect("nobody drives");
    let turn = driver.advance(start.after(ticks.load(SeqCst) + 1_000), u32::MAX, |value| {
        end(value);
        Then::Done
    });
    assert!(turn.is_complete);
    assert!(ends.iter().all(|ends| ends.load(SeqCst) == 1), "each timer ends once");
    drop(driver);
    assert!((0..SLOTS).all(|_| wheel.schedule(start, 0).is_ok()), "every slot comes back");
}

#[test]
fn each_ends_once_exactly() {
    each_ends_once::<Exact>();
}

#[test]
fn each_ends_once_coarsely() {
    each_ends_once::<Coarse>();
}

/// Room for all timers of a test.
const ROOM: usize = 32;

type Clockwork<T> = Timers<T, ROOM, Private>;

fn clockwork<T>() -> Clockwork<T> {
    let timers = Timers::new(Duration::from_micros(100));
    timers.catch_up();
    timers
}

/// An earlier timer wakes the driver that sleeps for a later one, and nothing fires early.
#[test]
fn an_earlier_timer_wakes_the_driver() {
    let _watchdog = watchdog();
    let timers = clockwork::<Deadline>();
    let far = after(Duration::from_secs(3600));
    timers.schedule(far, far).unwrap();
    scope(|scope| {
        let driver = scope.spawn(|| {
            let mut fired = 0;
            while fired < 20 {
                let turn = timers.drive_once(Deadline::NEVER, |deadline| {
                    assert!(deadline.has_passed::<Private>(), "fired early");
                    fired += 1;
                    Then::Done
                });
                assert!(turn.is_ok());
            }
        });
        sleep(SETTLE);
        for number in 0..20 {
            let deadline = after(Duration::from_millis(20 - number));
            timers.schedule(deadline, deadline).unwrap();
        }
        driver.join().unwrap();
    });
    // Who was late to lower it has done so in vain; the next turn knows.
    timers.catch_up();
    assert!(timers.next_deadline() > after(Duration::from_secs(1000)));
}

/// `drive` ends at its deadline, with or without timers, and polls if that has passed.
#[test]
fn driving_ends_in_time() {
    let _watchdog = watchdog();
    let timers = clockwork::<u8>();
    let (took, ()) = timed(|| timers.drive(after(SETTLE), |_| Then::Done));
    assert!(took >= SETTLE, "{took:?}");
    timers.schedule(Deadline::PASSED, 1).unwrap();
    let mut fired = 0;
    timers.drive(Deadline::PASSED, |_| {
        fired += 1;
        Then::Done
    });
    assert_eq!(fired, 1);
    assert!(timers.drive_once(Deadline::PASSED, |_| Then::Done).is_err());
}

/// A period is counted from the last deadline, so it does not drift.
#[test]
fn a_period_without_drift() {
    let timers = clockwork::<u64>();
    let start = Private::now();
    let period = 1_000_000;
    timers.schedule(Deadline::at(start + period), start + period).unwrap();
    let mut beats = 0;
    while beats < 20 {
        let turn = timers.drive_once(Deadline::NEVER, |due| {
            beats += 1;
            // A slow action does not move the next beat.
            sleep(Duration::from_micros(300));
            Then::Again(Deadline::at(due + period), due + period)
        });
        assert!(turn.is_ok());
    }
    let next = timers.next_deadline().nanos().unwrap();
    // In ticks of at most a tenth of the period.
    assert!(next <= start + 21 * period + period / 10, "{next} is after {start}");
}

/// Who cancels and waits finds the action over; from inside the action it does not wait.
#[test]
fn cancel_sync_waits_for_the_action() {
    let _watchdog = watchdog();
    let timers = clockwork::<u8>();
    let [running, asked, over] = [const { AtomicBool::new(false) }; 3];
    let handle = timers.schedule(Deadline::PASSED, 7).unwrap();
    scope(|scope| {
        scope.spawn(|| {
            timers.turn(u32::MAX, |_| {
                assert_eq!(timers.cancel_sync(handle, Deadline::NEVER), Err(CancelError::TooLate));
                running.store(true, SeqCst);
                eventually(|| asked.load(SeqCst));
                sleep(SETTLE);
                over.store(true, SeqCst);
                Then::Done
            })
        });
        eventually(|| running.load(SeqCst));
        assert_eq!(timers.cancel_sync(handle, Deadline::PASSED), Err(CancelError::TimedOut));
        asked.store(true, SeqCst);
        assert_eq!(timers.cancel_sync(handle, Deadline::NEVER), Err(CancelError::TooLate));
        assert!(over.load(SeqCst), "the action still ran");
    });
    let handle = timers.schedule(Deadline::NEVER, 8).unwrap();
    assert_eq!(timers.cancel_sync(handle, Deadline::PASSED), Ok(8));
}

/// A panic ends its own timer, goes through, and leaves the rest as it was.
#[test]
fn an_action_that_panics() {
    let timers = clockwork::<u8>();
    let handles = [1, 2].map(|n| timers.schedule(Deadline::PASSED, n).unwrap());
    let mut fired = 0;
    assert!(panics(|| assert!(timers.turn(u32::MAX, |_| panic!("on purpose")).is_none())));
    let turn = timers.turn(u32::MAX, |_| {
        fired += 1;
        Then::Done
    });
    assert_eq!((turn.map(|turn| turn.fired), fired), (Some(1), 1));
    assert!(handles.iter().all(|handle| !timers.is_pending(*handle)));
    assert!(
        (0..ROOM as u8).all(|n| timers.schedule(Deadline::NEVER, n).is_ok()),
        "no slot is lost"
    );
}

/// Futures: ready in time, woken once, silent when dropped, a clear error without a slot.
#[test]
fn futures_and_time() {
    let _watchdog = watchdog();
    let timers = clockwork::<Waker>();
    let stop = AtomicBool::new(false);
    scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                timers.drive(after(SETTLE), |waker| {
                    waker.wake();
                    Then::Done
                });
            }
        });
        let start = Instant::now();
        assert_eq!(block_on(timers.sleep(after(SETTLE))), Ok(()));
        assert!(start.elapsed() >= SETTLE);
        assert_eq!(block_on(timers.sleep(Deadline::PASSED)), Ok(()));
        let late = timers.timeout(pending::<u8>(), after(SETTLE));
        assert_eq!(block_on(late), Err(SleepError::TimedOut));
        assert_eq!(block_on(timers.timeout(async { 7 }, Deadline::PASSED)), Ok(7));
        stop.store(true, SeqCst);
    });
    // Two futures of one task, and slots that come back when they are dropped.
    for _ in 0..100 {
        let mut sleeps: Vec<_> =
            (0..ROOM).map(|_| timers.sleep(Deadline::at(u64::MAX - 1))).collect();
        for sleep in &mut sleeps {
            assert!(inkle_tests::poll_once(&mut *sleep).is_none());
            assert!(inkle_tests::poll_once(&mut *sleep).is_none(), "the same waker, the same slot");
        }
        // At once: with a short time the sleep might be over before it is begun.
        assert_eq!(block_on(timers.sleep(after(PATIENCE))), Err(WheelFull));
        let late = timers.timeout(pending::<()>(), after(PATIENCE));
        assert_eq!(block_on(late), Err(SleepError::Full));
        drop(sleeps);
    }
}

/// Deadlines beyond the wheel's horizon: with ticks of a nanosecond that is half a second.
#[test]
fn beyond_the_horizon() {
    let timers = Timers::<u64, 4, Private>::new(Duration::ZERO);
    timers.catch_up();
    let due = Private::now() + 700_000_000;
    timers.schedule(Deadline::at(due), due).unwrap();
    let never = timers.schedule(Deadline::NEVER, 0).unwrap();
    let mut fired = false;
    while !fired {
        let turn = timers.drive_once(Deadline::NEVER, |due| {
            assert!(due > 0 && Private::now() >= due, "fired early");
            fired = true;
            Then::Done
        });
        assert!(turn.is_ok());
    }
    assert!(timers.is_pending(never));
    assert_eq!(timers.cancel(never), Ok(0));
}
