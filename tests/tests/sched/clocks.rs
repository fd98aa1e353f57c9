//! Clocks: virtual, of the wall, of the user; steps, standing still and going back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use inkle::platform::Deadline;
use inkle::sched::{Clock, Moment, Nap, RunError, Scheduler, VirtualClock, Wall};
use inkle::threading::CancelToken;
use inkle_tests::{PATIENCE, SETTLE, eventually, watchdog};

use super::{FAR, SECOND, add};

#[test]
fn sc017_a_virtual_clock_moved_by_hand_wakes_who_sleeps_by_it() {
    let _watch = watchdog();
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let ran = Arc::new(AtomicU32::new(0));
    for n in 1..=20 {
        let its = Arc::clone(&ran);
        scheduler.enter(n * SECOND, 0, move || add(&its)).unwrap();
    }
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        for n in 1..=20 {
            clock.advance(SECOND);
            eventually(|| ran.load(Ordering::SeqCst) >= n);
        }
        run.join().unwrap().unwrap();
    });
}

#[test]
fn sc017_a_move_just_before_the_sleep_is_not_missed() {
    let _watch = watchdog();
    struct Moved(VirtualClock);
    impl Clock for Moved {
        type Time = Duration;
        fn now(&self) -> Duration {
            self.0.time()
        }
        fn sleep(&self, until: Option<Duration>, nap: Nap<'_>) {
            self.0.set(until.unwrap());
            self.0.sleep(until, nap);
        }
    }
    let scheduler = Scheduler::with_clock(Moved(VirtualClock::new()));
    scheduler.enter(SECOND, 0, || ()).unwrap();
    scheduler.run().unwrap();
}

#[test]
fn a_clock_may_stand_still_or_go_back() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let count = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&count);
    let job = scheduler.every(SECOND).start(move |_| add(&its));
    let job = job.unwrap();
    clock.set(SECOND);
    for _ in 0..3 {
        assert_eq!(scheduler.run_pending().unwrap(), Some(SECOND));
    }
    clock.set(Duration::ZERO);
    assert_eq!(scheduler.run_pending().unwrap(), Some(2 * SECOND));
    assert_eq!((count.load(Ordering::SeqCst), job.next()), (1, Some(2 * SECOND)));
    clock.set(Duration::from_nanos(u64::MAX));
    assert_eq!(scheduler.run_pending().unwrap(), None);
    assert!(job.is_over(), "no time is left");
}

/// A wall clock that is set by the test.
fn settable() -> (Wall, Arc<Mutex<SystemTime>>) {
    let time = Arc::new(Mutex::new(UNIX_EPOCH + 1000 * FAR));
    let its = Arc::clone(&time);
    (Wall::reading(move || *its.lock().unwrap()), time)
}

#[test]
fn a_step_of_the_wall_clock_forward_is_noticed() {
    let _watch = watchdog();
    let (wall, time) = settable();
    let scheduler = Scheduler::with_clock(wall);
    let tea = *time.lock().unwrap() + FAR;
    scheduler.enter_at(tea, 0, || ()).unwrap();
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        sleep(SETTLE);
        *time.lock().unwrap() += 2 * FAR;
        let start = Instant::now();
        run.join().unwrap().unwrap();
        assert!(start.elapsed() < PATIENCE, "an hour would be the overshoot");
    });
}

#[test]
fn a_step_of_the_wall_clock_back_makes_events_wait() {
    let _watch = watchdog();
    let (wall, time) = settable();
    let scheduler = Scheduler::with_clock(wall);
    let start = *time.lock().unwrap();
    scheduler.enter_at(start + SECOND, 0, || ()).unwrap();
    *time.lock().unwrap() = start - FAR;
    assert_eq!(scheduler.run_pending().unwrap(), Some(FAR + SECOND));
    let token = CancelToken::new();
    let patience = token.child_timeout(2 * Wall::STEP);
    assert!(matches!(scheduler.run_unless(&patience), Err(RunError::Cancelled(_))));
    *time.lock().unwrap() = start + SECOND;
    scheduler.run().unwrap();
}

#[test]
fn wall_times_are_not_early() {
    let _watch = watchdog();
    let scheduler = Scheduler::with_clock(Wall::new());
    let time = SystemTime::now() + Duration::from_millis(20);
    let seen = Arc::new(Mutex::new(None));
    let its = Arc::clone(&seen);
    let action = move || *its.lock().unwrap() = Some(SystemTime::now());
    scheduler.enter_at(time, 0, action).unwrap();
    scheduler.run().unwrap();
    assert!(seen.lock().unwrap().unwrap() >= time);
}

#[test]
fn at_the_end_of_time_what_is_due_then_still_waits() {
    let _watch = watchdog();
    let clock = VirtualClock::jumping();
    let scheduler = Scheduler::with_clock(clock.clone());
    let event = scheduler.enter_at(Duration::MAX, 0, || panic!("ran")).unwrap();
    clock.advance(Duration::MAX);
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        sleep(SETTLE);
        scheduler.cancel(&event).unwrap();
        run.join().unwrap().unwrap();
    });
}

#[test]
fn moments_saturate() {
    assert_eq!((UNIX_EPOCH - SECOND).nanos(), 0);
    assert_eq!(Duration::MAX.nanos(), u64::MAX);
    assert_eq!(Moment::nanos(Deadline::NEVER), u64::MAX);
    assert_eq!((UNIX_EPOCH + Duration::from_secs(u64::MAX / 1_000_000_000 + 1)).nanos(), u64::MAX);
}
