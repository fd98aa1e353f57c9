//! Actions on threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use inkle::sched::{
    CancelError, Crew, Monotonic, NoThreads, Overlap, Runner, Scheduler, Task, Tick, VirtualClock,
};
use inkle::threading::{Panic, get_ident};
use inkle::{thread, threading};
use inkle_tests::{eventually, watchdog};

use super::{HOOK, SECOND, add};

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
    scheduler.enter(Duration::ZERO, 0, move || add(&its)).unwrap();
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
        move |_: &Tick<Duration>| {
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
    let _hook = HOOK.lock();
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
