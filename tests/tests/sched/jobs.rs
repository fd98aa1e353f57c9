//! Periodic jobs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::sched::{
    Clock, EnterCause, EnterError, Every, Job, JobOver, Missed, Moment, Monotonic, OnPanic,
    RunError, Scheduler, Tick, VirtualClock,
};
use inkle::threading::{self, get_ident};
use inkle_tests::{Ledger, SCALE, Tracked, watchdog};

use super::{FAR, HOOK, SECOND, diary, message};

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
fn sc019_jitter_is_not_lateness() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(clock.clone());
    let job = scheduler.every(10 * SECOND).jitter(9 * SECOND, 1).missed(Missed::Skip);
    let job = job.start(|_| ()).unwrap();
    for run in 1..=20 {
        let due = scheduler.snapshot()[0].time();
        clock.set(due + 10 * SECOND - Duration::from_nanos(1));
        // The next one may be due by then; one at a time.
        let before = job.runs();
        assert!(matches!(scheduler.run_until(due), Ok(()) | Err(RunError::TimedOut)));
        assert_eq!((before, job.runs(), job.skipped()), (run - 1, run, 0));
    }
}

#[test]
fn sc019_cancels_and_pauses_at_any_moment() {
    let _watch = watchdog();
    for round in 0..100 * SCALE {
        let scheduler = Scheduler::new();
        let job = scheduler.every(Duration::from_micros(1)).start(|_| ()).unwrap();
        scope(|scope| {
            let run = scope.spawn(|| scheduler.run());
            for _ in 0..round % 4 {
                job.pause().unwrap();
                job.resume().unwrap();
            }
            if round % 8 == 0 {
                sleep(Duration::from_micros(50));
            }
            job.cancel().unwrap();
            let runs = job.runs();
            run.join().unwrap().unwrap();
            assert_eq!((job.runs(), job.next(), scheduler.len()), (runs, None, 0));
        });
    }
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
    let cause = |error: EnterError<_>| {
        let cause = error.cause();
        let _action = error.into_inner();
        cause
    };
    let nothing = |_: &Tick<Duration>| ();
    let start = |job: Every<VirtualClock>| cause(job.start(nothing).unwrap_err());
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
        let own = Arc::new(Mutex::new(None::<Job<Duration>>));
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
    let ledger = Ledger::new(7);
    let (scheduler, ..) = diary();
    let start = |id: usize, times| {
        let value = ledger.value(id);
        scheduler.every(SECOND).times(times).start(move |_| owned(&value)).unwrap()
    };
    start(0, 3);
    let bomb = ledger.bomb(1);
    scheduler.every(SECOND).times(1).start_overlapping(move |_| owned(&bomb)).unwrap();
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
    for value in [ledger.bomb(5), ledger.bomb(6)] {
        left.every(SECOND).start(move |_| owned(&value)).unwrap();
    }
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
    let _hook = HOOK.lock();
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

/// On the real clock: all times are on one grid, however long the runs take, and each is a run or missed.
#[test]
fn sc019_no_drift_in_real_time() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let period = Duration::from_millis(10);
    let start = after(Duration::from_millis(1));
    let times = Arc::new(Mutex::new(Vec::new()));
    let its = Arc::clone(&times);
    let job = scheduler.every(period).first_at(start).times(30).start(move |tick| {
        its.lock().unwrap().push((tick.time(), tick.missed(), Monotonic.now()));
        sleep(Duration::from_millis(7));
    });
    scheduler.run().unwrap();
    assert_eq!(job.unwrap().runs(), 30);
    let times = times.lock().unwrap();
    let mut due = Moment::nanos(start);
    for (time, missed, ran) in times.iter() {
        assert_eq!(Moment::nanos(*time), due);
        assert!(ran >= time, "early");
        due += period.nanos() * (1 + missed);
    }
}

/// What an action does with a value that it only owns.
fn owned(_: &Tracked) {}
