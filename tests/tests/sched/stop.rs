//! The background form and the stop.

use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::sched::{CancelError, Crew, Monotonic, RunError, Scheduler};
use inkle::threading::get_ident;
use inkle::{thread, threading};
use inkle_tests::{PATIENCE, SETTLE, eventually, watchdog};

use super::FAR;

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
fn th007_an_action_that_exits_leaves_itself_only() {
    let _watch = watchdog();
    let scheduler = Scheduler::new();
    let ran = Arc::new(threading::Event::new());
    let its = Arc::clone(&ran);
    scheduler.enter(Duration::ZERO, 0, || thread::exit()).unwrap();
    scheduler.enter(Duration::ZERO, 1, move || its.set()).unwrap();
    let job = scheduler.every(Duration::from_millis(1)).times(3).start(|_| thread::exit());
    scheduler.run().unwrap();
    assert!(ran.is_set());
    assert_eq!(job.unwrap().runs(), 3);
}
