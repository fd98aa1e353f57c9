//! `inkle::sched`: every fact of the specification's section 4, and what goes beyond it. Nearly all on
//! a virtual clock: a day takes no time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use inkle::platform::{Deadline, after};
use inkle::sched::{
    CancelError, Clock, Crew, EnterCause, Event, JobOver, Missed, Moment, Monotonic, Nap,
    NoThreads, OnPanic, Overlap, RunError, Runner, Scheduler, Task, VirtualClock, Wall,
};
use inkle::thread;
use inkle::threading::{self, CancelToken, Panic, Reason, get_ident};
use inkle_tests::{Ledger, PATIENCE, SCALE, SETTLE, eventually, panics, watchdog};

const SECOND: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(3600);

/// A scheduler on a clock that jumps, and what its actions have written, each with its time.
fn diary() -> (Scheduler<VirtualClock>, VirtualClock, Diary) {
    let clock = VirtualClock::jumping();
    let diary = Diary { clock: clock.clone(), lines: Arc::default() };
    (Scheduler::with_clock(clock.clone()), clock, diary)
}

#[derive(Clone)]
struct Diary {
    clock: VirtualClock,
    lines: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Diary {
    /// An action that writes a number.
    fn note(&self, number: u32) -> impl FnMut() + Send + use<> {
        let Self { clock, lines } = self.clone();
        move || lines.lock().unwrap().push((clock.time().as_secs(), number))
    }

    fn take(&self) -> Vec<(u64, u32)> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }

    fn numbers(&self) -> Vec<u32> {
        self.take().into_iter().map(|line| line.1).collect()
    }
}

fn message(result: Result<(), RunError>) -> String {
    match result {
        Err(RunError::Panicked(panic)) => panic.message().unwrap_or("").to_owned(),
        other => panic!("{other:?}"),
    }
}

// Order and the queue.

#[test]
fn sc001_clock_and_sleep_are_injected() {
    /// Counts in eighths of a second, and sleeps by a step of its own.
    struct Metronome(Arc<AtomicU64>);
    impl Clock for Metronome {
        type Time = Duration;
        fn now(&self) -> Duration {
            Duration::from_millis(125 * self.0.load(Ordering::SeqCst))
        }
        fn sleep(&self, until: Option<Duration>, _nap: Nap<'_>) {
            assert!(until.unwrap() > self.now());
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let beats = Arc::new(AtomicU64::new(0));
    let scheduler = Scheduler::with_clock(Metronome(Arc::clone(&beats)));
    scheduler.enter(SECOND, 0, || ()).unwrap();
    scheduler.run().unwrap();
    assert_eq!(beats.load(Ordering::SeqCst), 8);
}

#[test]
fn sc002_a_delay_counts_from_the_call() {
    let (scheduler, clock, diary) = diary();
    clock.advance(5 * SECOND);
    let relative = scheduler.enter(2 * SECOND, 1, diary.note(1)).unwrap();
    let absolute = scheduler.enter_at(6 * SECOND, 1, diary.note(2)).unwrap();
    assert_eq!((relative.time(), absolute.time()), (7 * SECOND, 6 * SECOND));
    clock.advance(SECOND / 2);
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(6, 2), (7, 1)]);
}

#[test]
fn sc003_time_then_priority_then_arrival() {
    let (scheduler, _, diary) = diary();
    for (number, (time, priority)) in
        (0..).zip([(2, 1), (1, 5), (1, -5), (2, 1), (1, 5), (2, 0), (3, i32::MIN), (2, i32::MAX)])
    {
        scheduler.enter_at(time * SECOND, priority, diary.note(number)).unwrap();
    }
    let queue = scheduler.snapshot();
    assert_eq!(queue.iter().map(Event::sequence).collect::<Vec<_>>(), [2, 1, 4, 5, 0, 3, 7, 6]);
    scheduler.run().unwrap();
    assert_eq!(diary.numbers(), [2, 1, 4, 5, 0, 3, 7, 6]);
    // Within one nanosecond's difference too.
    scheduler.enter_at(Duration::from_nanos(10_000_000_002), 0, diary.note(2)).unwrap();
    scheduler.enter_at(Duration::from_nanos(10_000_000_001), 9, diary.note(1)).unwrap();
    scheduler.run().unwrap();
    assert_eq!(diary.numbers(), [1, 2]);
}

#[test]
fn sc004_the_past_runs_at_the_next_check() {
    let (scheduler, clock, diary) = diary();
    clock.set(100 * SECOND);
    scheduler.enter_at(50 * SECOND, 0, diary.note(2)).unwrap();
    scheduler.enter_at(Duration::ZERO, 0, diary.note(1)).unwrap();
    scheduler.enter(Duration::ZERO, 0, diary.note(3)).unwrap();
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(100, 1), (100, 2), (100, 3)]);
    let scheduler = Scheduler::new();
    scheduler.enter_at(Deadline::PASSED, 0, || ()).unwrap();
    scheduler.run().unwrap();
    let scheduler = Scheduler::with_clock(Wall::new());
    scheduler.enter_at(UNIX_EPOCH - SECOND, 0, || ()).unwrap();
    scheduler.run().unwrap();
}

#[test]
fn sc004_the_end_of_time_never_comes() {
    let (scheduler, clock, diary) = diary();
    scheduler.enter(Duration::MAX, 0, diary.note(1)).unwrap();
    scheduler.enter_at(Duration::MAX, 0, diary.note(2)).unwrap();
    let last = scheduler.enter_at(Duration::from_nanos(u64::MAX - 1), 0, diary.note(3)).unwrap();
    assert!(matches!(
        scheduler.run_until(Duration::from_nanos(u64::MAX - 2)),
        Err(RunError::TimedOut)
    ));
    scheduler.cancel(&last).unwrap();
    clock.advance(Duration::MAX);
    assert!(scheduler.run_pending().unwrap().is_some());
    assert_eq!((scheduler.len(), diary.numbers()), (2, vec![]));
}

#[test]
fn sc005_cancel_is_exact_and_once() {
    let (scheduler, _, diary) = diary();
    let events: Vec<_> =
        (0..5).map(|number| scheduler.enter_at(SECOND, 7, diary.note(number)).unwrap()).collect();
    assert_eq!(scheduler.cancel(&events[3]), Ok(()));
    assert_eq!(scheduler.cancel(&events[3]), Err(CancelError::Cancelled));
    assert_eq!(scheduler.cancel(&events[1].clone()), Ok(()));
    scheduler.run().unwrap();
    assert_eq!(diary.numbers(), [0, 2, 4]);
    assert_eq!(scheduler.cancel(&events[0]), Err(CancelError::Done));
    assert_eq!(scheduler.cancel(&events[1]), Err(CancelError::Cancelled));
}

#[test]
fn sc005_an_action_cannot_cancel_itself() {
    let (scheduler, ..) = diary();
    let own = Arc::new(Mutex::new(None::<Event<Duration>>));
    let (its, its_own) = (scheduler.clone(), Arc::clone(&own));
    let event = scheduler.enter(SECOND, 0, move || {
        let own = its_own.lock().unwrap();
        assert_eq!(its.cancel(own.as_ref().unwrap()), Err(CancelError::Running));
    });
    *own.lock().unwrap() = Some(event.unwrap());
    scheduler.run().unwrap();
}

#[test]
fn sc005_an_event_of_another_scheduler_is_refused() {
    let (one, _, diary) = diary();
    let other = Scheduler::with_clock(VirtualClock::jumping());
    let event = one.enter(SECOND, 0, diary.note(1)).unwrap();
    let same = other.enter(SECOND, 0, diary.note(2)).unwrap();
    assert_eq!(other.cancel(&event), Err(CancelError::Elsewhere));
    assert_eq!(one.cancel(&same), Err(CancelError::Elsewhere));
    assert_eq!((one.len(), other.len()), (1, 1));
    drop(one);
    assert_eq!(other.cancel(&event), Err(CancelError::Elsewhere));
}

#[test]
fn sc005_what_an_action_owns_is_dropped_once() {
    let ledger = Ledger::new(5);
    let (scheduler, ..) = diary();
    let enter = |id| {
        let value = ledger.value(id);
        scheduler.enter(SECOND, 0, move || drop(value)).unwrap()
    };
    let bomb = ledger.bomb(4);
    let event = scheduler.enter(SECOND, 0, move || drop(bomb)).unwrap();
    scheduler.cancel(&event).unwrap();
    scheduler.cancel(&enter(0)).unwrap();
    assert_eq!((ledger.drops(0), ledger.drops(4)), (1, 1));
    enter(1);
    scheduler.run().unwrap();
    enter(2);
    scheduler.stop(Deadline::NEVER);
    let left = Scheduler::with_clock(VirtualClock::new());
    let value = ledger.value(3);
    left.enter(SECOND, 0, move || drop(value)).unwrap();
    drop(left);
    ledger.assert_each_once();
}

#[test]
fn sc006_empty_and_the_snapshot() {
    let (scheduler, _, diary) = diary();
    assert!(scheduler.is_empty() && scheduler.snapshot().is_empty());
    scheduler.enter(2 * SECOND, 1, diary.note(1)).unwrap();
    let first = scheduler.enter(SECOND, 2, diary.note(2)).unwrap();
    let queue = scheduler.snapshot();
    let fields = |event: &Event<Duration>| (event.time().as_secs(), event.priority());
    assert_eq!(queue.iter().map(fields).collect::<Vec<_>>(), [(1, 2), (2, 1)]);
    scheduler.cancel(&queue[1]).unwrap();
    assert_eq!((scheduler.len(), queue.len()), (1, 2), "a snapshot stays as it was");
    assert_eq!(scheduler.snapshot()[0].sequence(), first.sequence());
    let job = scheduler.every(SECOND).start(|_| ()).unwrap();
    let run = scheduler.snapshot().into_iter().find(Event::is_periodic).unwrap();
    assert_eq!(scheduler.cancel(&run), Err(CancelError::Periodic));
    assert_eq!((job.is_over(), scheduler.len()), (false, 2));
}

// Running.

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
        scheduler
            .enter(delay * SECOND, 0, move || drop(count.fetch_add(1, Ordering::SeqCst)))
            .unwrap();
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
        scheduler
            .enter(delay, 0, move || drop(counts[index].fetch_add(1, Ordering::SeqCst)))
            .unwrap();
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
            let action = move || drop(its.fetch_add(1, Ordering::SeqCst));
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

// Clocks.

#[test]
fn sc017_a_virtual_clock_moved_by_hand_wakes_who_sleeps_by_it() {
    let _watch = watchdog();
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let ran = Arc::new(AtomicU32::new(0));
    for n in 1..=20 {
        let its = Arc::clone(&ran);
        scheduler.enter(n * SECOND, 0, move || drop(its.fetch_add(1, Ordering::SeqCst))).unwrap();
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
fn a_clock_may_stand_still_or_go_back() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let count = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&count);
    let job = scheduler.every(SECOND).start(move |_| drop(its.fetch_add(1, Ordering::SeqCst)));
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
fn moments_saturate() {
    assert_eq!((UNIX_EPOCH - SECOND).nanos(), 0);
    assert_eq!(Duration::MAX.nanos(), u64::MAX);
    assert_eq!(Moment::nanos(Deadline::NEVER), u64::MAX);
    assert_eq!((UNIX_EPOCH + Duration::from_secs(u64::MAX / 1_000_000_000 + 1)).nanos(), u64::MAX);
}

// Periodic jobs.

#[test]
fn sc019_a_fixed_rate_does_not_drift() {
    let (scheduler, clock, diary) = diary();
    let (slow, mut note) = (clock.clone(), diary.note(0));
    let job = scheduler.every(10 * SECOND).times(4).start(move |tick| {
        note();
        assert_eq!((tick.time(), tick.missed()), (10 * SECOND * tick.number() as u32, 0));
        slow.advance(7 * SECOND);
    });
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(10, 0), (20, 0), (30, 0), (40, 0)]);
    assert!(job.unwrap().is_over());
}

#[test]
fn sc019_a_fixed_delay_counts_from_the_end() {
    let (scheduler, clock, diary) = diary();
    let (slow, mut note) = (clock.clone(), diary.note(0));
    let job = scheduler.spaced(10 * SECOND).first_in(SECOND).times(3).start(move |_| {
        note();
        slow.advance(7 * SECOND);
    });
    scheduler.run().unwrap();
    assert_eq!(diary.take(), [(1, 0), (18, 0), (35, 0)]);
    assert!(job.unwrap().is_over());
}

#[test]
fn sc019_missed_runs() {
    // The run at 10 takes until 45: those of 20, 30 and 40 come too late.
    let seen = |policy| {
        let (scheduler, clock, _) = diary();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (its, its_clock) = (Arc::clone(&seen), clock.clone());
        let job =
            scheduler.every(10 * SECOND).missed(policy).until(60 * SECOND).start(move |tick| {
                let seconds = |time: Duration| time.as_secs();
                its.lock().unwrap().push((
                    seconds(tick.time()),
                    seconds(its_clock.time()),
                    tick.missed(),
                ));
                if tick.number() == 1 {
                    its_clock.advance(35 * SECOND);
                }
            });
        scheduler.run().unwrap();
        assert!(scheduler.is_empty() && job.as_ref().unwrap().is_over());
        let seen = seen.lock().unwrap();
        (seen.clone(), job.unwrap().skipped())
    };
    let caught_up = [(10, 10, 0), (20, 45, 0), (30, 45, 0), (40, 45, 0), (50, 50, 0), (60, 60, 0)];
    assert_eq!(seen(Missed::CatchUp), (caught_up.to_vec(), 0));
    let coalesced = [(10, 10, 0), (20, 45, 2), (50, 50, 0), (60, 60, 0)];
    assert_eq!(seen(Missed::Coalesce), (coalesced.to_vec(), 0));
    assert_eq!(seen(Missed::Skip), (vec![(10, 10, 0), (50, 50, 0), (60, 60, 0)], 3));
}

#[test]
fn sc019_a_run_less_than_a_period_late_is_not_missed() {
    for policy in [Missed::CatchUp, Missed::Coalesce, Missed::Skip] {
        let clock = VirtualClock::new();
        let scheduler = Scheduler::with_clock(clock.clone());
        let job = scheduler.every(10 * SECOND).missed(policy).start(|_| ()).unwrap();
        clock.set(20 * SECOND - Duration::from_nanos(1));
        scheduler.run_pending().unwrap();
        assert_eq!((job.runs(), job.skipped(), job.next()), (1, 0, Some(20 * SECOND)));
    }
}

#[test]
fn sc019_a_long_gap_costs_no_time() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let job = scheduler.every(Duration::from_nanos(1)).start(|_| ()).unwrap();
    clock.set(1_000_000 * FAR);
    // One run for them all, and then the clock must move on.
    assert_eq!(scheduler.run_pending().unwrap(), Some(Duration::from_nanos(1)));
    assert_eq!(job.runs(), 1);
}

#[test]
fn sc019_jitter_is_bounded_reproducible_and_does_not_add_up() {
    let late = |seed| {
        let (scheduler, clock, _) = diary();
        let late = Arc::new(Mutex::new(Vec::new()));
        let (its, its_clock) = (Arc::clone(&late), clock.clone());
        let job = scheduler.every(60 * SECOND).times(200).jitter(50 * SECOND, seed);
        let job = job.start(move |tick| {
            assert_eq!(tick.time(), 60 * SECOND * tick.number() as u32);
            its.lock().unwrap().push(its_clock.time() - tick.time());
        });
        scheduler.run().unwrap();
        assert_eq!(job.unwrap().skipped(), 0);
        let late = late.lock().unwrap();
        late.clone()
    };
    let first = late(1);
    assert!(first.iter().all(|late| *late <= 50 * SECOND));
    assert!(
        first.iter().any(|late| *late < 10 * SECOND)
            && first.iter().any(|late| *late > 40 * SECOND)
    );
    assert_eq!(first, late(1));
    assert_ne!(first, late(2));
}

#[test]
fn sc019_limits() {
    let (scheduler, ..) = diary();
    let job =
        scheduler.every(SECOND).first_in(Duration::ZERO).until(5 * SECOND).start(|_| ()).unwrap();
    scheduler.run().unwrap();
    assert_eq!((job.runs(), job.next(), job.is_over()), (6, None, true));
    let clock = VirtualClock::jumping();
    let scheduler = Scheduler::with_clock(clock);
    let once = scheduler.every(SECOND).first_at(3 * SECOND).times(1).start(|_| ()).unwrap();
    assert_eq!(once.next(), Some(3 * SECOND));
    scheduler.run().unwrap();
    assert_eq!(once.runs(), 1);
}

#[test]
fn sc019_bad_jobs_are_refused_with_their_action() {
    let (scheduler, clock, _) = diary();
    clock.set(10 * SECOND);
    let cause = |error: inkle::sched::EnterError<_>| {
        let cause = error.cause();
        let _action = error.into_inner();
        cause
    };
    let nothing = |_: &inkle::sched::Tick<Duration>| ();
    let start = |job: inkle::sched::Every<VirtualClock>| cause(job.start(nothing).unwrap_err());
    assert_eq!(start(scheduler.every(Duration::ZERO)), EnterCause::ZeroPeriod);
    assert_eq!(start(scheduler.spaced(Duration::ZERO)), EnterCause::ZeroPeriod);
    assert_eq!(start(scheduler.every(SECOND).times(0)), EnterCause::NeverDue);
    assert_eq!(start(scheduler.every(SECOND).until(5 * SECOND)), EnterCause::NeverDue);
    assert_eq!(start(scheduler.every(Duration::MAX)), EnterCause::NeverDue);
    let overlapping = scheduler.every(Duration::ZERO).start_overlapping(nothing);
    assert_eq!(cause(overlapping.unwrap_err()), EnterCause::ZeroPeriod);
    assert!(scheduler.is_empty());
    scheduler.stop(Deadline::PASSED);
    assert_eq!(start(scheduler.every(SECOND)), EnterCause::Stopped);
    let given_back = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&given_back);
    let action = move || its.store(7, Ordering::SeqCst);
    scheduler.enter(SECOND, 0, action).unwrap_err().into_inner()();
    assert_eq!(given_back.load(Ordering::SeqCst), 7);
}

#[test]
fn sc019_pause_resume_cancel() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let job = scheduler.every(10 * SECOND).start(|_| ()).unwrap();
    job.pause().unwrap();
    job.pause().unwrap();
    assert!(job.is_paused() && job.next().is_none() && scheduler.is_empty());
    clock.set(35 * SECOND);
    assert_eq!(scheduler.run_pending().unwrap(), None);
    job.resume().unwrap();
    job.resume().unwrap();
    assert_eq!((job.next(), job.skipped(), scheduler.len()), (Some(40 * SECOND), 0, 1));
    clock.set(40 * SECOND);
    scheduler.run_pending().unwrap();
    assert_eq!(job.runs(), 1);
    // A pause that ends before its time changes nothing.
    job.pause().unwrap();
    job.resume().unwrap();
    assert_eq!(job.next(), Some(50 * SECOND));
    job.cancel().unwrap();
    assert!(job.is_over() && scheduler.is_empty());
    for answer in [job.cancel(), job.pause(), job.resume()] {
        assert_eq!(answer, Err(JobOver));
    }
    let spaced = scheduler.spaced(10 * SECOND).start(|_| ()).unwrap();
    spaced.pause().unwrap();
    clock.advance(FAR);
    spaced.resume().unwrap();
    assert_eq!(spaced.next(), Some(clock.time() + 10 * SECOND));
    spaced.pause().unwrap();
    scheduler.stop(Deadline::PASSED);
    assert_eq!(spaced.resume(), Err(JobOver));
}

#[test]
fn sc019_a_job_may_pause_and_cancel_itself() {
    for spaced in [false, true] {
        let (scheduler, clock, _) = diary();
        let own = Arc::new(Mutex::new(None::<inkle::sched::Job<Duration>>));
        let its = Arc::clone(&own);
        let job = if spaced { scheduler.spaced(SECOND) } else { scheduler.every(SECOND) };
        let job = job.start(move |tick| {
            let own = its.lock().unwrap();
            match tick.number() {
                2 => own.as_ref().unwrap().pause().unwrap(),
                4 => own.as_ref().unwrap().cancel().unwrap(),
                _ => {}
            }
        });
        let job = job.unwrap();
        *own.lock().unwrap() = Some(job.clone());
        scheduler.run().unwrap();
        assert_eq!((job.runs(), job.is_paused()), (2, true));
        clock.advance(10 * SECOND);
        job.resume().unwrap();
        scheduler.run().unwrap();
        assert_eq!((job.runs(), job.is_over()), (4, true));
        *own.lock().unwrap() = None;
    }
}

#[test]
fn sc019_an_action_is_dropped_when_its_job_is_over() {
    let ledger = Ledger::new(6);
    let (scheduler, ..) = diary();
    let start = |id: usize, times| {
        let value = ledger.value(id);
        scheduler.every(SECOND).times(times).start(move |_| drop(value.id())).unwrap()
    };
    start(0, 3);
    let bomb = ledger.bomb(1);
    scheduler.every(SECOND).times(1).start_overlapping(move |_| drop(bomb.id())).unwrap();
    scheduler.run().unwrap();
    assert_eq!((ledger.drops(0), ledger.drops(1)), (1, 1));
    start(2, 9).cancel().unwrap();
    assert_eq!(ledger.drops(2), 1);
    let paused = start(3, 9);
    paused.pause().unwrap();
    start(4, 9);
    scheduler.stop(Deadline::NEVER);
    assert_eq!(ledger.drops(4), 1);
    assert_eq!(paused.cancel(), Err(JobOver));
    drop(paused);
    let left = Scheduler::with_clock(VirtualClock::new());
    let value = ledger.value(5);
    left.every(SECOND).start(move |_| drop(value.id())).unwrap();
    drop(left);
    ledger.assert_each_once();
}

#[test]
fn sc019_a_job_that_panics() {
    let (scheduler, ..) = diary();
    let job = |policy| {
        let job = scheduler.every(SECOND).times(3).on_panic(policy);
        job.start(|tick| assert!(tick.number() != 2, "a bad day")).unwrap()
    };
    let stops = job(OnPanic::Stop);
    assert_eq!(message(scheduler.run()), "a bad day");
    assert_eq!((stops.runs(), stops.is_over(), scheduler.len()), (2, true, 0));
    let told = Arc::new(Mutex::new(Vec::new()));
    let its = Arc::clone(&told);
    threading::set_panic_hook(move |thread, panic| {
        let message = panic.message().unwrap_or_default().to_owned();
        its.lock().unwrap().push((thread.ident(), message));
    });
    let goes_on = job(OnPanic::GoOn);
    scheduler.run().unwrap();
    threading::reset_panic_hook();
    assert_eq!((goes_on.runs(), goes_on.is_over()), (3, true));
    let told = told.lock().unwrap();
    let mine: Vec<_> = told.iter().filter(|(ident, _)| *ident == get_ident()).collect();
    assert_eq!(mine, [&(get_ident(), "a bad day".to_owned())]);
}

/// On the real clock: the last run is as late as the first, whatever lies between.
#[test]
fn sc019_no_drift_in_real_time() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let period = Duration::from_millis(2);
    let start = after(Duration::from_millis(1));
    let times = Arc::new(Mutex::new(Vec::new()));
    let its = Arc::clone(&times);
    let job = scheduler.every(period).first_at(start).times(100).missed(Missed::CatchUp);
    let job = job.start(move |tick| {
        sleep(Duration::from_micros(300));
        its.lock().unwrap().push((tick.time(), Clock::now(&Monotonic)));
    });
    scheduler.run().unwrap();
    assert_eq!(job.unwrap().runs(), 100);
    for (number, (due, ran)) in (0..).zip(times.lock().unwrap().iter()) {
        assert_eq!(due.nanos().unwrap(), start.nanos().unwrap() + number * period.nanos());
        assert!(ran >= due, "early");
    }
    // A drift of the sleep alone would be 30 milliseconds.
    let times = times.lock().unwrap();
    let late = |(due, ran): (Deadline, Deadline)| Moment::nanos(ran) - Moment::nanos(due);
    let least = times[90..].iter().map(|pair| late(*pair)).min().unwrap();
    assert!(least < Duration::from_millis(20).nanos(), "{least} ns");
}

// Runners.

#[test]
fn sc019_on_a_crew_a_slow_action_delays_none() {
    let _watch = watchdog();
    let scheduler = Scheduler::with_runner(Monotonic, Crew::new(2).unwrap());
    let done = Arc::new(threading::Event::new());
    let (its, here) = (Arc::clone(&done), get_ident());
    scheduler.enter(Duration::ZERO, 0, move || its.wait()).unwrap();
    let its = Arc::clone(&done);
    scheduler
        .enter(Duration::ZERO, 1, move || {
            assert_ne!(get_ident(), here);
            its.set();
        })
        .unwrap();
    scheduler.run().unwrap();
    assert!(done.is_set());
}

#[test]
fn sc019_a_crew_keeps_to_its_size() {
    let _watch = watchdog();
    assert_eq!(Crew::new(0).unwrap_err(), NoThreads);
    let scheduler = Scheduler::with_runner(Monotonic, Crew::new(3).unwrap());
    let (inside, most, ran) =
        (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    for _ in 0..60 {
        let (inside, most, ran) = (Arc::clone(&inside), Arc::clone(&most), Arc::clone(&ran));
        scheduler
            .enter(Duration::ZERO, 0, move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_micros(200));
                inside.fetch_sub(1, Ordering::SeqCst);
                ran.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
    scheduler.run().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 60, "run waits for what runs elsewhere");
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    // The threads leave, and come back.
    sleep(Duration::from_millis(600));
    let its = Arc::clone(&ran);
    scheduler.enter(Duration::ZERO, 0, move || drop(its.fetch_add(1, Ordering::SeqCst))).unwrap();
    scheduler.run().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 61);
}

#[test]
fn sc011_actions_on_a_crew_enter_more_and_run_waits_for_it() {
    let _watch = watchdog();
    let scheduler = Scheduler::with_runner(Monotonic, Crew::new(2).unwrap());
    let ran = Arc::new(AtomicU32::new(0));
    fn chain(scheduler: Scheduler, ran: Arc<AtomicU32>, left: u32) {
        ran.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_micros(100));
        if left > 0 {
            let its = scheduler.clone();
            scheduler.enter(Duration::ZERO, 0, move || chain(its, ran, left - 1)).unwrap();
        }
        // Does not wait for itself.
        if left == 5 {
            scheduler.run().unwrap();
        }
    }
    let (its, its_ran) = (scheduler.clone(), Arc::clone(&ran));
    scheduler.enter(Duration::ZERO, 0, move || chain(its, its_ran, 9)).unwrap();
    scheduler.run().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 10);
}

#[test]
fn sc019_overlap_on_a_crew() {
    let _watch = watchdog();
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_runner(clock.clone(), Crew::new(4).unwrap());
    let go = Arc::new(threading::Event::new());
    let begun = Arc::new(AtomicU32::new(0));
    let action = || {
        let (go, begun) = (Arc::clone(&go), Arc::clone(&begun));
        move |_: &inkle::sched::Tick<Duration>| {
            begun.fetch_add(1, Ordering::SeqCst);
            go.wait();
        }
    };
    let waits_for = |number| eventually(|| begun.load(Ordering::SeqCst) == number);
    let seconds = |from: u32, to: u32| {
        for second in from..=to {
            clock.set(second * SECOND);
            scheduler.run_pending().unwrap();
        }
    };
    let skips = scheduler.every(SECOND).start(action()).unwrap();
    seconds(1, 3);
    waits_for(1);
    assert_eq!((skips.runs(), skips.skipped()), (1, 2));
    skips.cancel().unwrap();
    go.set();
    scheduler.run().unwrap();

    go.clear();
    let queues = scheduler.every(SECOND).overlap(Overlap::Queue).start(action()).unwrap();
    seconds(4, 7);
    waits_for(2);
    assert_eq!((queues.runs(), queues.skipped()), (2, 2));
    go.set();
    // The one that waited begins at once.
    eventually(|| {
        scheduler.run_pending().unwrap();
        begun.load(Ordering::SeqCst) == 3
    });
    queues.cancel().unwrap();
    scheduler.run().unwrap();

    go.clear();
    let overlaps = scheduler.every(SECOND).start_overlapping(action()).unwrap();
    seconds(8, 11);
    waits_for(7);
    assert_eq!((overlaps.runs(), overlaps.skipped()), (4, 0));
    overlaps.cancel().unwrap();
    go.set();
    scheduler.run().unwrap();
}

#[test]
fn sc019_a_queued_run_is_called_off_by_a_cancel() {
    let _watch = watchdog();
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_runner(clock.clone(), Crew::new(2).unwrap());
    let go = Arc::new(threading::Event::new());
    let its = Arc::clone(&go);
    let job = scheduler.every(SECOND).times(2).overlap(Overlap::Queue).start(move |_| its.wait());
    let job = job.unwrap();
    for second in 1..=2 {
        clock.set(second * SECOND);
        scheduler.run_pending().unwrap();
    }
    assert!(!job.is_over(), "its last run waits");
    job.cancel().unwrap();
    assert!(job.is_over());
    go.set();
    scheduler.run().unwrap();
    assert_eq!((job.runs(), job.skipped()), (2, 1));
}

#[test]
fn sc010_panics_on_a_crew_go_to_the_hook() {
    let _watch = watchdog();
    let told = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&told);
    threading::set_panic_hook(move |_, panic| {
        its.fetch_add(u32::from(panic.message() == Some("on a crew")), Ordering::SeqCst);
    });
    let scheduler = Scheduler::with_runner(Monotonic, Crew::new(2).unwrap());
    scheduler.enter(Duration::ZERO, 0, || panic!("on a crew")).unwrap();
    scheduler.enter(Duration::ZERO, 0, || thread::exit()).unwrap();
    scheduler.run().unwrap();
    eventually(|| told.load(Ordering::SeqCst) == 1);
    threading::reset_panic_hook();
}

#[test]
fn a_runner_that_loses_tasks_cancels_them() {
    struct Loses;
    impl Runner for Loses {
        fn run(&self, task: Task) -> Result<(), Panic> {
            drop(task);
            Ok(())
        }
    }
    let clock = VirtualClock::jumping();
    let scheduler = Scheduler::with_runner(clock, Loses);
    let event = scheduler.enter(SECOND, 0, || panic!("ran")).unwrap();
    let job = scheduler.every(SECOND).times(3).start(|_| panic!("ran")).unwrap();
    let spaced = scheduler.spaced(SECOND).times(3).start(|_| panic!("ran")).unwrap();
    scheduler.run().unwrap();
    assert_eq!(scheduler.cancel(&event), Err(CancelError::Cancelled));
    assert!(job.is_over() && spaced.is_over());
    assert_eq!((job.skipped(), spaced.skipped()), (3, 3));
}

// The background form and the stop.

#[test]
fn sc019_a_background_thread_runs_it_until_the_stop() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let thread = scheduler.start().unwrap();
    assert!(thread.is_daemon() && thread.name() == "sched");
    let (first, second) = (Arc::new(threading::Event::new()), Arc::new(threading::Event::new()));
    for event in [&first, &second] {
        let (its, me) = (Arc::clone(event), thread.ident());
        scheduler
            .enter(Duration::from_millis(2), 0, move || {
                assert_eq!(get_ident(), me);
                its.set();
            })
            .unwrap();
        // It does not end when it is empty.
        assert!(event.wait_timeout(PATIENCE).is_ok());
        sleep(SETTLE);
    }
    // Nor by a panic.
    scheduler.enter(Duration::ZERO, 0, || panic!("on the way")).unwrap();
    second.clear();
    let its = Arc::clone(&second);
    scheduler.enter(Duration::ZERO, 1, move || its.set()).unwrap();
    assert!(second.wait_timeout(PATIENCE).is_ok());
    scheduler.stop(Deadline::NEVER);
    thread.join().unwrap();
}

#[test]
fn sc019_stop_waits_for_what_runs_and_reports() {
    let _watch = watchdog();
    let scheduler = Scheduler::with_runner(Monotonic, Crew::new(1).unwrap());
    let (begun, go) = (Arc::new(threading::Event::new()), Arc::new(threading::Event::new()));
    let (its_begun, its_go) = (Arc::clone(&begun), Arc::clone(&go));
    scheduler
        .enter(Duration::ZERO, 0, move || {
            its_begun.set();
            its_go.wait();
        })
        .unwrap();
    // Waits for the one thread, and never gets it.
    let waits = scheduler.enter(Duration::ZERO, 1, || panic!("ran")).unwrap();
    scheduler.enter(FAR, 0, || panic!("ran")).unwrap();
    let job = scheduler.every(FAR).start(|_| panic!("ran")).unwrap();
    let thread = scheduler.start().unwrap();
    begun.wait();
    eventually(|| scheduler.len() == 2);
    let report = scheduler.stop(after(Duration::from_millis(5)));
    assert_eq!((report.cancelled, report.finished, report.running.len()), (3, 0, 1));
    assert_eq!(report.running[0].name(), "sched");
    assert!(scheduler.is_stopped() && scheduler.is_empty() && job.is_over());
    thread.join().unwrap();
    go.set();
    let report = scheduler.stop(Deadline::NEVER);
    assert!(report.running.is_empty() && report.cancelled == 0);
    eventually(|| scheduler.cancel(&waits) == Err(CancelError::Cancelled));
    assert!(matches!(scheduler.run(), Err(RunError::Stopped)));
    assert!(matches!(scheduler.run_pending(), Err(RunError::Stopped)));
}

#[test]
fn sc019_stop_from_an_action_does_not_wait_for_itself() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let its = scheduler.clone();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let its_reports = Arc::clone(&reports);
    scheduler
        .enter(Duration::ZERO, 0, move || {
            its_reports.lock().unwrap().push(its.stop(Deadline::NEVER))
        })
        .unwrap();
    scheduler.enter(Duration::ZERO, 1, || panic!("ran")).unwrap();
    assert!(matches!(scheduler.run(), Err(RunError::Stopped)));
    let reports = reports.lock().unwrap();
    assert_eq!((reports[0].cancelled, reports[0].running.len()), (1, 0));
}

#[test]
fn sc019_stop_ends_every_sleeping_run() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    scheduler.enter(FAR, 0, || ()).unwrap();
    scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| scheduler.run())).collect();
        sleep(SETTLE);
        let report = scheduler.stop(Deadline::NEVER);
        assert_eq!((report.cancelled, report.finished), (1, 0));
        for run in runs {
            assert!(matches!(run.join().unwrap(), Err(RunError::Stopped)));
        }
    });
}

#[test]
fn th007_an_action_that_exits_leaves_the_thread_that_runs_it() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    scheduler.enter(Duration::ZERO, 0, || thread::exit()).unwrap();
    scheduler.enter(Duration::ZERO, 1, || ()).unwrap();
    let its = scheduler.clone();
    let thread = threading::spawn(move || drop(its.run())).unwrap();
    assert!(matches!(thread.join(), Err(threading::JoinError::Exited)));
    scheduler.run().unwrap();
    assert!(scheduler.stop(Deadline::NEVER).running.is_empty());
}

#[cfg(feature = "cron")]
mod cron {
    use super::*;
    use inkle::sched::Cron;

    /// A wall clock that jumps from event to event.
    #[derive(Clone)]
    struct Jumping(VirtualClock);
    impl Clock for Jumping {
        type Time = SystemTime;
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + self.0.time()
        }
        fn sleep(&self, until: Option<SystemTime>, nap: Nap<'_>) {
            self.0.sleep(until.map(|time| time.duration_since(UNIX_EPOCH).unwrap()), nap);
        }
    }

    const DAY: u64 = 86_400;

    fn times(cron: Cron, start: u64, end: u64) -> Vec<u64> {
        let clock = VirtualClock::jumping();
        clock.set(Duration::from_secs(start));
        let scheduler = Scheduler::with_clock(Jumping(clock));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let its = Arc::clone(&seen);
        let end = UNIX_EPOCH + Duration::from_secs(end);
        let job = scheduler.cron(cron).until(end).start(move |tick| {
            its.lock().unwrap().push(tick.time().duration_since(UNIX_EPOCH).unwrap().as_secs());
        });
        job.unwrap();
        scheduler.run().unwrap();
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn sc019_cron_times_in_utc() {
        let quarter = Cron::utc("*/15 * * * *").unwrap();
        assert_eq!(times(quarter, 1, 3600), [900, 1800, 2700, 3600]);
        let leap = Cron::utc("0 0 29 2 *").unwrap();
        assert_eq!(times(leap, 0, 1000 * DAY), [789 * DAY]);
        assert_eq!(times(Cron::utc("*/20 * * * * *").unwrap(), 0, 59), [20, 40]);
    }

    #[test]
    fn sc019_cron_missed_runs_and_the_first_time() {
        let clock = VirtualClock::new();
        let scheduler = Scheduler::with_clock(Jumping(clock.clone()));
        let missed = Arc::new(AtomicU64::new(0));
        let its = Arc::clone(&missed);
        let hourly = scheduler.cron(Cron::utc("0 * * * *").unwrap()).first_at(UNIX_EPOCH + FAR);
        let job = hourly.start(move |tick| its.store(tick.missed(), Ordering::SeqCst)).unwrap();
        assert_eq!(job.next(), Some(UNIX_EPOCH + FAR), "not before is at");
        clock.set(5 * FAR + SECOND);
        scheduler.run_pending().unwrap();
        assert_eq!((job.runs(), missed.load(Ordering::SeqCst)), (1, 4));
        assert_eq!(job.next(), Some(UNIX_EPOCH + 6 * FAR));
        // Too many to count.
        clock.set(5000 * FAR);
        scheduler.run_pending().unwrap();
        assert_eq!((job.runs(), missed.load(Ordering::SeqCst)), (2, 1000));
        assert_eq!(job.next(), Some(UNIX_EPOCH + 5001 * FAR));
    }

    #[test]
    fn sc019_cron_that_never_comes_or_makes_no_sense() {
        for bad in ["", "* * * *", "60 * * * *", "a b c d e", "* * * * * * * *", "\0"] {
            assert!(Cron::utc(bad).is_err(), "{bad}");
        }
        assert!(Cron::in_zone("@daily", "No/Where").is_err());
        let scheduler = Scheduler::with_clock(Wall::new());
        let never = scheduler.cron(Cron::utc("0 0 30 2 *").unwrap()).start(|_| ());
        assert_eq!(never.unwrap_err().cause(), EnterCause::NeverDue);
    }

    /// Berlin, 2024: clocks go from 2:00 to 3:00 on March 31st (01:00 UTC), and from 3:00 back to 2:00
    /// on October 27th (01:00 UTC).
    #[test]
    fn sc019_cron_and_daylight_saving() {
        let Ok(fixed) = Cron::in_zone("30 2 * * *", "Europe/Berlin") else {
            println!("not tested: this system has no list of zones");
            return;
        };
        let stepping = Cron::in_zone("*/30 * * * *", "Europe/Berlin").unwrap();
        let spring = 1_711_846_800;
        assert_eq!(times(fixed.clone(), spring - 7200, spring + 7200), [spring]);
        let around: Vec<u64> = (0..=4).map(|half| spring - 3600 + half * 1800).collect();
        assert_eq!(times(stepping.clone(), spring - 3601, spring + 3600), around);
        let autumn = 1_729_990_800;
        assert_eq!(times(fixed, autumn - 7200, autumn + 7200), [autumn - 1800]);
        let around: Vec<u64> = (0..=4).map(|half| autumn - 3600 + half * 1800).collect();
        assert_eq!(times(stepping, autumn - 3601, autumn + 3600), around);
    }
}
