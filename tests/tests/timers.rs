//! `threading::Timer`: when it fires, when not, and what becomes of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread::scope;
use std::time::{Duration, Instant};

use inkle::platform::{Deadline, after, until};
use inkle::thread;
use inkle::threading::{
    CancelToken, Event, JoinError, Reason, TIMEOUT_MAX, Timer, current, get_ident, spawn,
};
use inkle_tests::{Ledger, PATIENCE, eventually, panics, timed, watchdog};

/// Never comes in a test.
const FAR: Duration = Duration::from_secs(3600);

#[test]
fn th057_fires_once_after_its_interval() {
    let _watch = watchdog();
    let interval = Duration::from_millis(10);
    let count = Arc::new(AtomicU32::new(0));
    let its = Arc::clone(&count);
    let start = Instant::now();
    let timer = Timer::start(interval, move || {
        its.fetch_add(1, Ordering::SeqCst);
        Instant::now()
    });
    let timer = timer.unwrap();
    let at = timer.join().unwrap();
    assert!(at - start >= interval, "{:?}", at - start);
    assert!(timer.is_done());
    assert!(matches!(timer.join(), Err(JoinError::Taken)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn th058_zero_and_past_fire_at_once() {
    let _watch = watchdog();
    let past = until(Instant::now() - Duration::from_millis(1));
    for deadline in [after(Duration::ZERO), Deadline::PASSED, Deadline::at(1), past] {
        let timer = Timer::start_at(deadline, || 7).unwrap();
        assert_eq!(timer.join_timeout(PATIENCE).unwrap(), 7);
    }
}

#[test]
fn th012_huge_intervals_never_fire() {
    let _watch = watchdog();
    let timers = [
        Timer::start(Duration::MAX, || ()).unwrap(),
        Timer::start(TIMEOUT_MAX, || ()).unwrap(),
        Timer::start_at(Deadline::NEVER, || ()).unwrap(),
        Timer::start_at(Deadline::at(u64::MAX - 1), || ()).unwrap(),
    ];
    // One that does comes through between them.
    assert_eq!(Timer::start(Duration::from_millis(1), || 7).unwrap().join().unwrap(), 7);
    for timer in timers {
        assert!(!timer.is_done());
        assert!(timer.cancel());
    }
}

#[test]
fn th058_a_cancelled_function_never_runs() {
    let _watch = watchdog();
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    let timer = Timer::start(FAR, move || value.id()).unwrap();
    assert_eq!(ledger.total(), 0);
    assert!(timer.cancel());
    ledger.assert_each_once();
    assert!(!timer.cancel(), "only the first call did it");
    assert!(matches!(timer.join(), Err(JoinError::TimerCancelled)));
    assert!(matches!(timer.join(), Err(JoinError::Taken)));
}

#[test]
fn th058_cancelling_too_late_is_no_harm() {
    let _watch = watchdog();
    let (running, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (its_running, its_go) = (Arc::clone(&running), Arc::clone(&go));
    let timer = Timer::start(Duration::ZERO, move || {
        its_running.set();
        its_go.wait();
        7
    });
    let timer = timer.unwrap();
    running.wait();
    assert!(!timer.cancel());
    go.set();
    assert_eq!(timer.join().unwrap(), 7);
    assert!(!timer.cancel());
}

#[test]
fn th058_cancelled_or_fired_never_both() {
    let _watch = watchdog();
    for round in 0..500 {
        let fired = Arc::new(AtomicU32::new(0));
        let its = Arc::clone(&fired);
        let timer = Timer::start(Duration::from_micros(round % 100), move || {
            its.fetch_add(1, Ordering::SeqCst);
        });
        let timer = timer.unwrap();
        // From two threads: at most one of them is in time.
        let in_time = scope(|scope| {
            let other = scope.spawn(|| timer.cancel());
            u32::from(timer.cancel()) + u32::from(other.join().unwrap())
        });
        match timer.join() {
            Ok(()) => assert_eq!((in_time, fired.load(Ordering::SeqCst)), (0, 1)),
            Err(JoinError::TimerCancelled) => {
                assert_eq!((in_time, fired.load(Ordering::SeqCst)), (1, 0));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_slow_function_delays_no_other_timer() {
    let _watch = watchdog();
    let go = Arc::new(Event::new());
    let slow: Vec<_> = (0..5)
        .map(|_| {
            let its = Arc::clone(&go);
            Timer::start(Duration::ZERO, move || its.wait()).unwrap()
        })
        .collect();
    for interval in [Duration::ZERO, Duration::from_millis(2)] {
        assert_eq!(Timer::start(interval, || 7).unwrap().join_timeout(PATIENCE).unwrap(), 7);
    }
    assert!(slow.iter().all(|timer| !timer.is_done()));
    go.set();
    for timer in slow {
        timer.join().unwrap();
    }
}

#[test]
fn none_fires_twice_or_before_its_time() {
    let _watch = watchdog();
    let (sender, receiver) = channel();
    let base = after(Duration::from_millis(5)).nanos().unwrap();
    for number in (0..20_u64).rev() {
        let sender = sender.clone();
        let deadline = Deadline::at(base + number * 2_000_000);
        Timer::start_at(deadline, move || {
            let early = deadline > after(Duration::from_nanos(1));
            sender.send((number, early)).unwrap();
        })
        .unwrap();
    }
    drop(sender);
    let mut seen: Vec<_> = receiver.iter().collect();
    seen.sort_unstable();
    assert!(seen.iter().copied().eq((0..20).map(|number| (number, false))), "{seen:?}");
}

#[test]
fn an_earlier_timer_overtakes() {
    let _watch = watchdog();
    let late = Timer::start(FAR, || ()).unwrap();
    let (took, result) = timed(|| Timer::start(Duration::from_millis(1), || 7).unwrap().join());
    assert_eq!(result.unwrap(), 7);
    assert!(took < PATIENCE, "the sleeper was told");
    assert!(late.cancel());
}

#[test]
fn many_timers_at_once() {
    let _watch = watchdog();
    let count = Arc::new(AtomicU32::new(0));
    let timers: Vec<_> = (0..2000_u64)
        .map(|number| {
            let its = Arc::clone(&count);
            let interval = Duration::from_micros(number * 7919 % 20_000);
            Timer::start(interval, move || its.fetch_add(1, Ordering::SeqCst)).unwrap()
        })
        .collect();
    let cancelled = timers.iter().step_by(3).filter(|timer| timer.cancel()).count() as u32;
    let fired = timers.iter().filter(|timer| timer.join().is_ok()).count() as u32;
    assert_eq!(fired + cancelled, 2000);
    assert_eq!(count.load(Ordering::SeqCst), fired);
}

#[test]
fn dropping_the_handle_changes_nothing() {
    let _watch = watchdog();
    let ledger = Ledger::new(1);
    let value = ledger.value(0);
    drop(Timer::start(Duration::from_millis(1), move || value).unwrap());
    eventually(|| ledger.total() == 1);
}

#[test]
fn th059_a_panic_is_in_the_join_and_costs_no_other_timer() {
    let _watch = watchdog();
    for _ in 0..3 {
        let timer = Timer::start(Duration::ZERO, || panic!("out of yarn")).unwrap();
        match timer.join() {
            Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), Some("out of yarn")),
            other => panic!("{other:?}"),
        }
        assert_eq!(Timer::start(Duration::ZERO, || 7).unwrap().join().unwrap(), 7);
    }
    // A result that panics when dropped, and nobody has the handle.
    let ledger = Ledger::new(2);
    let bomb = ledger.bomb(0);
    let timer = Timer::start(Duration::ZERO, move || bomb).unwrap();
    // It is dropped by the crew or, if the function has returned, with the handle.
    panics(|| drop(timer));
    eventually(|| ledger.drops(0) == 1);
    let bomb = ledger.bomb(1);
    let timer = Timer::start(FAR, move || drop(bomb)).unwrap();
    assert!(!panics(|| assert!(timer.cancel())), "reported, and no more");
    ledger.assert_each_once();
}

#[test]
fn lt009_exit_leaves_the_function_only() {
    let _watch = watchdog();
    let timer = Timer::start(Duration::ZERO, || thread::exit()).unwrap();
    let result: Result<(), _> = timer.join();
    assert!(matches!(result, Err(JoinError::Exited)));
    assert_eq!(Timer::start(Duration::ZERO, || 7).unwrap().join().unwrap(), 7);
}

#[test]
fn th026_a_function_cannot_join_its_own_timer() {
    let _watch = watchdog();
    let own: Arc<OnceLock<Timer<bool>>> = Arc::default();
    let told = Arc::new(Event::new());
    let (its, its_own) = (Arc::clone(&told), Arc::clone(&own));
    let timer = Timer::start(Duration::ZERO, move || {
        its.wait();
        let own = its_own.get().unwrap();
        matches!(own.join(), Err(JoinError::SelfJoin))
            && matches!(own.join_until(Deadline::PASSED), Err(JoinError::SelfJoin))
            && matches!(own.join_unless(&CancelToken::new()), Err(JoinError::SelfJoin))
    });
    own.set(timer.unwrap()).unwrap();
    told.set();
    assert!(own.get().unwrap().join().unwrap());
}

#[test]
fn a_function_may_start_cancel_and_join_timers() {
    let _watch = watchdog();
    let timer = Timer::start(Duration::ZERO, || {
        let far = Timer::start(FAR, || ()).unwrap();
        let near = Timer::start(Duration::from_millis(1), || 7).unwrap();
        (far.cancel(), near.join().unwrap())
    });
    assert_eq!(timer.unwrap().join().unwrap(), (true, 7));
}

#[test]
fn functions_run_in_daemons_called_timer() {
    let _watch = watchdog();
    let info = Timer::start(Duration::ZERO, || (current(), get_ident())).unwrap().join().unwrap();
    assert_eq!((info.0.name().as_str(), info.0.ident()), ("Timer", info.1));
    assert!(info.0.is_daemon() && !info.0.is_dummy());
}

#[test]
fn joins_can_be_limited_and_called_off() {
    let _watch = watchdog();
    let timer = Timer::start(FAR, || ()).unwrap();
    assert!(matches!(timer.join_timeout(Duration::ZERO), Err(JoinError::TimedOut)));
    assert!(matches!(timer.join_timeout(Duration::from_millis(2)), Err(JoinError::TimedOut)));
    let stop = CancelToken::new();
    scope(|scope| {
        let joiner = scope.spawn(|| timer.join_unless(&stop));
        stop.cancel(Reason::custom(3));
        let result = joiner.join().unwrap();
        assert!(matches!(result, Err(JoinError::Cancelled(reason)) if reason.number() == Some(3)));
    });
    scope(|scope| {
        let joiner = scope.spawn(|| timer.join());
        assert!(timer.cancel(), "cancelling wakes who joins");
        assert!(matches!(joiner.join().unwrap(), Err(JoinError::TimerCancelled)));
    });
}

#[test]
fn th021_daemons_start_timers_too() {
    let _watch = watchdog();
    let thread = spawn(|| Timer::start(Duration::ZERO, get_ident).unwrap().join().unwrap());
    let thread = thread.unwrap();
    assert_ne!(thread.join().unwrap(), thread.ident());
}
