//! Order, the queue, and cancels.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use inkle::platform::Deadline;
use inkle::sched::{CancelError, Clock, Event, Nap, RunError, Scheduler, VirtualClock, Wall};
use inkle_tests::Ledger;

use super::{SECOND, diary};

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
    let ledger = Ledger::new(7);
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
    for value in [ledger.bomb(5), ledger.bomb(6), ledger.value(3)] {
        left.enter(SECOND, 0, move || drop(value)).unwrap();
    }
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
