//! Running: until it is empty, for a time, by several threads, past panics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::sched::{CancelError, Clock, Moment, Nap, RunError, Scheduler, VirtualClock};
use inkle::threading::{self, CancelToken, Reason};
use inkle_tests::{PATIENCE, SCALE, SETTLE, eventually, panics, watchdog};

use super::{FAR, SECOND, add, diary, message};

#[test]
fn sc007_run_goes_on_until_nothing_is_left() {
    let (scheduler, clock, diary) = diary();
    scheduler.run().unwrap();
    (1..=3).for_each(|n| drop(scheduler.enter(n * SECOND, 0, diary.note(n)).unwrap()));
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!((scheduler.is_empty(), clock.time()), (true, 3 * SECOND));
}

#[test]
fn sc008_run_pending_gives_the_time_to_the_next() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let count = Arc::new(AtomicU32::new(0));
    assert_eq!(scheduler.run_pending().unwrap(), None);
    for delay in [1, 2, 5] {
        let count = Arc::clone(&count);
        scheduler.enter(delay * SECOND, 0, move || add(&count)).unwrap();
    }
    assert_eq!(scheduler.run_pending().unwrap(), Some(SECOND));
    clock.set(2 * SECOND);
    assert_eq!(scheduler.run_pending().unwrap(), Some(3 * SECOND));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    clock.set(9 * SECOND);
    assert_eq!(scheduler.run_pending().unwrap(), None);
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[test]
fn run_until_runs_what_is_due_by_then_and_nothing_later() {
    let (scheduler, clock, diary) = diary();
    for n in [1, 2, 3] {
        scheduler.enter(n * SECOND, 0, diary.note(n)).unwrap();
    }
    assert!(matches!(scheduler.run_until(2 * SECOND), Err(RunError::TimedOut)));
    assert_eq!((diary.numbers(), clock.time()), (vec![1, 2], 2 * SECOND));
    // The time between two events is a time too.
    assert!(matches!(scheduler.run_timeout(SECOND / 2), Err(RunError::TimedOut)));
    assert_eq!(clock.time(), 5 * SECOND / 2);
    // Past: what should have run by then.
    clock.set(10 * SECOND);
    scheduler.enter_at(8 * SECOND, 0, diary.note(8)).unwrap();
    assert!(matches!(scheduler.run_until(5 * SECOND), Err(RunError::TimedOut)));
    assert_eq!(diary.numbers(), [3]);
    assert!(matches!(scheduler.run_until(Duration::ZERO), Err(RunError::TimedOut)));
    assert!(scheduler.run_until(Duration::MAX).is_ok(), "empty before the end of time");
    assert_eq!(diary.numbers(), [8]);
    // One that enters itself at once, for ever, ends too, on a clock that moves.
    let scheduler = Scheduler::new();
    fn again(scheduler: Scheduler) {
        let its = scheduler.clone();
        scheduler.enter(Duration::ZERO, 0, move || again(its)).unwrap();
    }
    again(scheduler.clone());
    assert!(matches!(scheduler.run_timeout(Duration::from_millis(5)), Err(RunError::TimedOut)));
    scheduler.stop(Deadline::NEVER);
}

#[test]
fn run_unless_ends_with_its_token() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    scheduler.enter(FAR, 0, || ()).unwrap();
    let token = CancelToken::new();
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run_unless(&token));
        sleep(SETTLE);
        token.cancel(Reason::FAILED);
        assert!(matches!(run.join().unwrap(), Err(RunError::Cancelled(Reason::FAILED))));
    });
    // A cancelled token wins over what is due.
    scheduler.enter(Duration::ZERO, 0, || panic!("ran")).unwrap();
    assert!(matches!(scheduler.run_unless(&token), Err(RunError::Cancelled(_))));
    let patience = CancelToken::new();
    let patience = patience.child_timeout(Duration::from_millis(5));
    let idle = Scheduler::new();
    idle.enter(FAR, 0, || ()).unwrap();
    assert!(matches!(idle.run_unless(&patience), Err(RunError::Cancelled(Reason::DEADLINE))));
    assert!(Scheduler::new().run_unless(&CancelToken::new()).is_ok());
}

#[test]
fn sc009_a_sleep_that_ends_early_is_begun_again() {
    struct Restless(AtomicU64);
    impl Clock for Restless {
        type Time = Duration;
        fn now(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::SeqCst))
        }
        fn sleep(&self, until: Option<Duration>, _nap: Nap<'_>) {
            let rest = until.unwrap() - self.now();
            self.0.fetch_add(rest.nanos().div_ceil(2), Ordering::SeqCst);
        }
    }
    let scheduler = Scheduler::with_clock(Restless(AtomicU64::new(0)));
    let ran = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&ran);
    scheduler.enter(SECOND, 0, move || its.store(1, Ordering::SeqCst)).unwrap();
    scheduler.run().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[test]
fn sc010_a_panic_costs_its_own_event_only() {
    let (scheduler, _, diary) = diary();
    scheduler.enter(SECOND, 0, diary.note(1)).unwrap();
    let bad = scheduler.enter(2 * SECOND, 0, || panic!("out of yarn")).unwrap();
    scheduler.enter(3 * SECOND, 0, diary.note(3)).unwrap();
    assert_eq!(message(scheduler.run()), "out of yarn");
    assert_eq!((scheduler.len(), diary.numbers()), (1, vec![1]));
    assert_eq!(scheduler.cancel(&bad), Err(CancelError::Done));
    scheduler.run().unwrap();
    assert_eq!(diary.numbers(), [3]);
    scheduler.enter(Duration::ZERO, 0, || panic!("again")).unwrap();
    assert!(matches!(scheduler.run_pending(), Err(RunError::Panicked(_))));
}

#[test]
fn sc010_a_panic_of_the_clock_loses_nothing() {
    struct Fragile(AtomicU32);
    impl Clock for Fragile {
        type Time = Duration;
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst).into())
        }
        fn sleep(&self, _until: Option<Duration>, _nap: Nap<'_>) {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) != 0, "no sleep");
        }
    }
    let scheduler = Scheduler::with_clock(Fragile(AtomicU32::new(0)));
    scheduler.enter(2 * SECOND, 0, || ()).unwrap();
    assert!(panics(|| drop(scheduler.run())));
    assert_eq!(scheduler.len(), 1);
    scheduler.run().unwrap();
    assert!(scheduler.is_empty());
}

#[test]
fn sc011_actions_enter_and_cancel() {
    let (scheduler, clock, diary) = diary();
    // One that enters itself three times more.
    fn again(
        scheduler: Scheduler<VirtualClock>,
        mut note: impl FnMut() + Send + 'static,
        left: u32,
    ) {
        note();
        if left > 0 {
            let its = scheduler.clone();
            scheduler.enter(SECOND, 0, move || again(its, note, left - 1)).unwrap();
        }
    }
    let (its, note) = (scheduler.clone(), diary.note(7));
    scheduler.enter(SECOND, 0, move || again(its, note, 3)).unwrap();
    let victim = scheduler.enter(9 * SECOND, 0, diary.note(9)).unwrap();
    let its = scheduler.clone();
    scheduler.enter(2 * SECOND, 0, move || its.cancel(&victim).unwrap()).unwrap();
    // And runs from within see the rest.
    let its = scheduler.clone();
    scheduler.enter(3 * SECOND, -1, move || its.run().unwrap()).unwrap();
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(1, 7), (2, 7), (3, 7), (4, 7)]);
    assert_eq!(clock.time(), 4 * SECOND);
}

#[test]
fn sc012_others_use_the_scheduler_while_an_action_runs() {
    let _watch = watchdog();
    let (begun, go) = (Arc::new(threading::Event::new()), Arc::new(threading::Event::new()));
    let (its_begun, its_go) = (Arc::clone(&begun), Arc::clone(&go));
    let scheduler = Scheduler::new();
    let running = scheduler.enter(Duration::ZERO, 0, move || {
        its_begun.set();
        its_go.wait();
    });
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        begun.wait();
        assert_eq!(scheduler.cancel(running.as_ref().unwrap()), Err(CancelError::Running));
        let event = scheduler.enter(FAR, 0, || ()).unwrap();
        assert_eq!(scheduler.snapshot().len(), 1);
        scheduler.cancel(&event).unwrap();
        go.set();
        run.join().unwrap().unwrap();
    });
}

#[test]
fn sc013_an_earlier_event_wakes_the_sleeper() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let late = scheduler.enter(FAR, 0, || ()).unwrap();
    let ran = Arc::new(threading::Event::new());
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        sleep(SETTLE);
        let its = Arc::clone(&ran);
        scheduler.enter(Duration::from_millis(1), 0, move || its.set()).unwrap();
        assert!(ran.wait_timeout(PATIENCE).is_ok());
        scheduler.cancel(&late).unwrap();
        run.join().unwrap().unwrap();
    });
}

#[test]
fn sc014_a_cancel_ends_the_wait_for_nothing() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let event = scheduler.enter(FAR, 0, || ()).unwrap();
    let job = scheduler.every(FAR).start(|_| ()).unwrap();
    scope(|scope| {
        let run = scope.spawn(|| scheduler.run());
        sleep(SETTLE);
        scheduler.cancel(&event).unwrap();
        job.cancel().unwrap();
        run.join().unwrap().unwrap();
    });
}

#[test]
fn sc015_several_threads_run_each_event_once() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let events = 500 * SCALE;
    let counts: Arc<Vec<AtomicU32>> = Arc::new((0..events).map(|_| AtomicU32::new(0)).collect());
    for index in 0..events as usize {
        let counts = Arc::clone(&counts);
        let delay = Duration::from_micros(10 * (index as u64 % 400));
        scheduler.enter(delay, 0, move || add(&counts[index])).unwrap();
    }
    scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| scheduler.run())).collect();
        runs.into_iter().for_each(|run| run.join().unwrap().unwrap());
    });
    assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 1));
}

#[test]
fn sc018_a_cancel_and_a_run_never_both_have_it() {
    let _watch = watchdog();
    let ran = Arc::new(AtomicU32::new(0));
    let scheduler = Scheduler::new();
    let rounds = 300 * SCALE;
    let mut cancelled = 0;
    let token = CancelToken::new();
    scheduler.enter(FAR, 0, || ()).unwrap();
    scope(|scope| {
        scope.spawn(|| scheduler.run_unless(&token));
        for round in 0..rounds {
            let its = Arc::clone(&ran);
            let delay = Duration::from_micros(u64::from(round % 50));
            let action = move || add(&its);
            let event = scheduler.enter(delay, 0, action).unwrap();
            if round % 3 == 0 {
                sleep(delay);
            }
            cancelled += u32::from(scheduler.cancel(&event).is_ok());
        }
        eventually(|| scheduler.len() == 1);
        token.cancel(Reason::REQUESTED);
    });
    assert_eq!(ran.load(Ordering::SeqCst) + cancelled, rounds);
}

/// Random operations on a scheduler and on a plain sorted list.
#[test]
fn random_operations_agree_with_a_sorted_list() {
    for seed in 1..=u64::from(8 * SCALE) {
        let mut dice = seed;
        let mut roll = move |sides: u64| {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        let clock = VirtualClock::new();
        let scheduler = Scheduler::with_clock(clock.clone());
        let ran = Arc::new(Mutex::new(Vec::new()));
        let (mut model, mut handles, mut expected) = (BTreeMap::new(), Vec::new(), Vec::new());
        for number in 0..400_u64 {
            match roll(10) {
                0..=4 => {
                    let (time, priority) = (roll(60), roll(4) as i32 - 2);
                    let its = Arc::clone(&ran);
                    let action = move || its.lock().unwrap().push(number);
                    let time = Duration::from_nanos(time);
                    let event = scheduler.enter_at(time, priority, action).unwrap();
                    model.insert((time, priority, event.sequence()), number);
                    handles.push(event);
                }
                5..=6 if !handles.is_empty() => {
                    let event = &handles[roll(handles.len() as u64) as usize];
                    let place = (event.time(), event.priority(), event.sequence());
                    assert_eq!(scheduler.cancel(event).is_ok(), model.remove(&place).is_some());
                }
                7 => clock.set(Duration::from_nanos(roll(70))),
                _ => {
                    clock.advance(Duration::from_nanos(roll(9)));
                    let now = clock.time();
                    let next = scheduler.run_pending().unwrap();
                    while let Some(entry) = model.first_entry().filter(|entry| entry.key().0 <= now)
                    {
                        expected.push(entry.remove());
                    }
                    let first = model.first_key_value().map(|(place, _)| place.0 - now);
                    assert_eq!(next, first, "seed {seed}");
                }
            }
            let places = scheduler.snapshot().into_iter();
            let places = places.map(|event| (event.time(), event.priority(), event.sequence()));
            assert!(places.eq(model.keys().copied()), "seed {seed}");
        }
        assert_eq!(*ran.lock().unwrap(), expected, "seed {seed}");
        assert!(!expected.is_empty());
    }
}
