//! Timers on a platform's clock: the driver's sleep, the wait for an action to end, the future that is
//! dropped. The clock stands still at 1000; what is due before that fires.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;

use inkle_core::error::CancelError;
use inkle_core::platform::Deadline;
use inkle_core::timer::{Exact, Then, Timers};
use loom::thread::spawn;

use crate::kit::{Loom, Model, Plain, poll_once};

const LONG: &str = "millions of executions without a bound";
const THREE: &str = "three threads: each more costs about ten times";

pub const MODELS: &[Model] = &[
    Model::bounded("drive_schedule", 4, LONG, || drive(&[])),
    Model::bounded("drive_schedule_far", 4, LONG, || drive(&[FAR])),
    Model::bounded("drive_schedule_2", 1, THREE, || {
        drive_beside(|timers| {
            schedule(timers, Deadline::at(800), 2);
        })
    }),
    Model::bounded("drive_tidy", 2, THREE, || drive_beside(|timers| timers.tidy(u32::MAX))),
    Model::bounded("drive_catch_up", 1, THREE, || drive_beside(Work::catch_up)),
    Model::bounded("cancel_sync", 4, LONG, || cancel_sync(false)),
    Model::bounded("cancel_sync_again", 3, LONG, || cancel_sync(true)),
    Model::bounded("dropped_sleep", 4, LONG, dropped_sleep),
];

type Work = Timers<u32, 3, Loom, Exact<2>>;

/// Due.
const DUE: Deadline = Deadline::at(900);
/// Not due.
const FAR: Deadline = Deadline::at(1_500);

fn timers() -> Arc<Work> {
    Arc::new(Work::new(Duration::from_nanos(1)))
}

fn schedule(timers: &Work, deadline: Deadline, value: u32) {
    assert!(timers.schedule(deadline, value).is_ok());
}

/// Drives until number 1 has fired. A lost wake-up is a deadlock.
fn drive_until_one(timers: &Work) {
    let mut fired = false;
    while !fired {
        let turn = timers.drive_once(Deadline::NEVER, |value| {
            fired |= value == 1;
            Then::Done
        });
        assert!(turn.is_ok());
    }
}

/// One drives and sleeps, another schedules.
fn drive(pending: &[Deadline]) {
    let timers = timers();
    for deadline in pending {
        schedule(&timers, *deadline, 0);
    }
    let other = {
        let timers = timers.clone();
        spawn(move || schedule(&timers, DUE, 1))
    };
    drive_until_one(&timers);
    other.join().unwrap();
}

/// The same, and a third one.
fn drive_beside(third: fn(&Work)) {
    let timers = timers();
    schedule(&timers, FAR, 0);
    let others = [third, |timers| schedule(timers, DUE, 1)].map(|work| {
        let timers = timers.clone();
        spawn(move || work(&timers))
    });
    drive_until_one(&timers);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// Behind a `cancel_sync` the action does not run, so what it writes may be written.
fn cancel_sync(again: bool) {
    let timers = timers();
    let handle = timers.schedule(DUE, 1).unwrap();
    let plain = Arc::new(Plain::new(0));
    let driver = {
        let (timers, plain) = (timers.clone(), plain.clone());
        spawn(move || {
            let turn = timers.turn(u32::MAX, |value| {
                plain.add(1);
                if again && value == 1 { Then::Again(FAR, 2) } else { Then::Done }
            });
            turn.is_some()
        })
    };
    match timers.cancel_sync(handle, Deadline::NEVER) {
        Ok(1) => assert_eq!(plain.add(1), 0, "it will never fire"),
        Ok(value) => assert_eq!((value, plain.add(1)), (2, 1)),
        Err(error) => assert_eq!((error, plain.add(1)), (CancelError::TooLate, 1)),
    }
    assert!(driver.join().unwrap(), "nobody else drives");
}

/// A future that is dropped beside the driver takes its timer along, or that has woken it.
fn dropped_sleep() {
    let timers = Arc::new(Timers::<Waker, 1, Loom, Exact<2>>::new(Duration::from_nanos(1)));
    let woken = Arc::new(AtomicU32::new(0));
    let driver = {
        let (timers, woken) = (timers.clone(), woken.clone());
        spawn(move || {
            let _ = timers.turn(u32::MAX, |waker| {
                woken.fetch_add(1, Relaxed);
                waker.wake();
                Then::Done
            });
        })
    };
    let mut sleep = timers.sleep(FAR);
    assert!(poll_once(&mut sleep).is_none());
    assert!(
        poll_once(&mut timers.sleep(FAR)).is_some_and(|result| result.is_err()),
        "no slot is free"
    );
    drop(sleep);
    driver.join().unwrap();
    timers.tidy(u32::MAX);
    assert_eq!(woken.load(Relaxed), 0, "its time has not come");
    assert!(poll_once(&mut timers.sleep(FAR)).is_none(), "the slot has come back");
}
