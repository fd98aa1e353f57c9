//! The timer wheel, and timers on a clock.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;

use inkle_core::platform::Deadline;
use inkle_core::timer::{Handle, Then, Tick, Timers, Wheel};

use crate::beside::once;
use crate::ground::Steps;
use crate::items::{Counted, Item, Lender};
use crate::subject::{Answer, Operation, Subject, op, say};

/// What fires: an item, or somebody to wake.
#[derive(Debug)]
pub enum Alarm {
    Item(#[expect(dead_code, reason = "it is counted")] Item),
    Wake,
}

impl From<Waker> for Alarm {
    fn from(_: Waker) -> Self {
        Self::Wake
    }
}

/// Timers, and the handles of those who were scheduled and perhaps are gone.
pub struct Scheduled<T: 'static> {
    timers: Counted<Lender<T>>,
    handles: RefCell<Vec<Handle>>,
    fired: Cell<u32>,
}

impl<T> Scheduled<T> {
    fn new(timers: T) -> Self {
        let timers = Counted::new(Lender::new(timers));
        Self { timers, handles: RefCell::default(), fired: Cell::new(0) }
    }

    fn get(&self) -> &'static T {
        self.timers.queue.get()
    }

    fn alarm(&self, number: u8) -> Alarm {
        Alarm::Item(self.timers.item(number))
    }

    /// The same one for all who ask.
    fn handle(&self) -> Option<Handle> {
        self.handles.borrow().first().copied()
    }

    fn fire<D>(&self, _: Alarm) -> Then<Alarm, D> {
        self.fired.set(self.fired.get() + 1);
        Then::Done
    }

    /// Nothing is kept that was not fired or cancelled.
    fn end(self) -> Answer {
        let timers = self.timers.map(|timers| {
            // SAFETY: nothing of the run is left.
            unsafe { timers.take() }
        });
        timers.all_dropped();
        String::new()
    }
}

type OneWheel = Scheduled<Wheel<Alarm, 3>>;

/// A driver comes to this tick.
const NOW: Tick = Tick::new(6);

fn wheel(pending: u8, cancelled: bool) -> OneWheel {
    let wheel = Scheduled::new(Wheel::new(Tick::new(0)));
    for number in 0..pending {
        let scheduled = wheel.get().schedule(Tick::new(5), wheel.alarm(number)).expect("room");
        wheel.handles.borrow_mut().push(scheduled.handle);
    }
    if cancelled {
        let extra = wheel.get().schedule(Tick::new(9), wheel.alarm(9)).expect("room");
        assert!(wheel.get().cancel(extra.handle).is_ok());
    }
    wheel
}

fn scheduled(wheel: &OneWheel, at: u32, number: u8) -> Answer {
    match wheel.get().schedule(Tick::new(at), wheel.alarm(number)) {
        Ok(scheduled) => {
            wheel.handles.borrow_mut().push(scheduled.handle);
            "Ok".into()
        }
        Err(_) => "Full".into(),
    }
}

fn wheel_operations() -> Vec<Operation<OneWheel>> {
    vec![
        // Another has the slot just now, or only a driver can give it back.
        op("schedule", |w: &OneWheel, n| scheduled(w, 5, n)).weak("Full"),
        op("schedule later", |w: &OneWheel, n| scheduled(w, 900, n)).weak("Full"),
        op("cancel", |w: &OneWheel, _| {
            say(w.handle().is_some_and(|handle| w.get().cancel(handle).is_ok()))
        }),
        op("reschedule", |w: &OneWheel, _| {
            let moved = w.handle().map(|handle| w.get().reschedule(handle, Tick::new(3)));
            if let Some(Ok(scheduled)) = &moved {
                w.handles.borrow_mut().push(scheduled.handle);
            }
            say(moved.map(|moved| moved.is_ok()))
        })
        .loose(),
        op("is_pending", |w: &OneWheel, _| {
            say(w.handle().is_some_and(|handle| w.get().is_pending(handle)))
        })
        .wait_free(1),
        op("is_firing", |w: &OneWheel, _| {
            say(w.handle().is_some_and(|handle| w.get().is_firing(handle)))
        })
        .loose()
        .wait_free(1),
        op("next_deadline", |w: &OneWheel, _| say(w.get().next_deadline())).loose().wait_free(2),
        op("untidy", |w: &OneWheel, _| say(w.get().untidy())).loose().wait_free(1),
        op("is_driven", |w: &OneWheel, _| say(w.get().is_driven())).loose().wait_free(1),
        op("try_drive", |w: &OneWheel, _| say(w.get().try_drive().is_some())).loose().wait_free(4),
        op("advance", |w: &OneWheel, _| {
            let driver = w.get().try_drive();
            say(driver.map(|mut driver| driver.advance(NOW, u32::MAX, |alarm| w.fire(alarm))))
        })
        .loose(),
        op("tidy", |w: &OneWheel, _| {
            say(w.get().try_drive().map(|mut driver| driver.tidy(u32::MAX)))
        })
        .loose(),
        op("approach", |w: &OneWheel, _| {
            say(w.get().try_drive().map(|mut driver| driver.approach(NOW, u32::MAX)))
        })
        .loose(),
    ]
}

/// Everything fires in the end, once, and every slot is free again.
fn wheel_end(wheel: OneWheel) -> Answer {
    let inside = wheel.get();
    assert!(!inside.is_driven());
    let mut driver = inside.try_drive().expect("nobody drives");
    for at in [6, 1_000] {
        while !driver.advance(Tick::new(at), u32::MAX, |alarm| wheel.fire(alarm)).is_complete {}
    }
    drop(driver);
    assert_eq!(wheel.timers.alive(), 0, "a timer is lost");
    for number in 0..3 {
        assert!(inside.schedule(Tick::new(2_000), wheel.alarm(number)).is_ok(), "a slot is lost");
    }
    wheel.end()
}

pub fn timer_wheel() -> Subject<OneWheel> {
    Subject::new(
        "Wheel",
        &["timer/wheel.rs", "timer/driver.rs"],
        vec![
            ("empty", || wheel(0, false)),
            ("one is pending", || wheel(1, false)),
            ("two are, and one cancelled", || wheel(2, true)),
        ],
        wheel_operations(),
        wheel_end,
    )
    .limit(80)
    .then(1)
}

type OneClock = Scheduled<Timers<Alarm, 3, Steps>>;

/// Due.
const DUE: Deadline = Deadline::at(900);
/// Not due.
const FAR: Deadline = Deadline::at(1_500);

fn clock(due: u8, far: u8) -> OneClock {
    let timers = Scheduled::new(Timers::new(Duration::from_nanos(1)));
    let deadlines =
        std::iter::repeat_n(DUE, due.into()).chain(std::iter::repeat_n(FAR, far.into()));
    for deadline in deadlines {
        let handle = timers.get().schedule(deadline, timers.alarm(0)).expect("room");
        timers.handles.borrow_mut().push(handle);
    }
    timers
}

pub fn timers() -> Subject<OneClock> {
    Subject::new(
        "Timers",
        &["timer/timers.rs"],
        vec![
            ("empty", || clock(0, 0)),
            ("one is due", || clock(1, 0)),
            ("two, one due", || clock(1, 1)),
        ],
        vec![
            op("schedule", |t: &OneClock, n| match t.get().schedule(DUE, t.alarm(n)) {
                Ok(handle) => {
                    t.handles.borrow_mut().push(handle);
                    "Ok".into()
                }
                Err(_) => "Full".into(),
            })
            .weak("Full"),
            op("cancel", |t: &OneClock, _| {
                say(t.handle().is_some_and(|handle| t.get().cancel(handle).is_ok()))
            }),
            op("reschedule", |t: &OneClock, _| {
                let moved = t.handle().map(|handle| t.get().reschedule(handle, FAR));
                if let Some(Ok(handle)) = &moved {
                    t.handles.borrow_mut().push(*handle);
                }
                say(moved.map(|moved| moved.is_ok()))
            })
            .loose(),
            op("is_pending", |t: &OneClock, _| {
                say(t.handle().is_some_and(|handle| t.get().is_pending(handle)))
            })
            .wait_free(1),
            op("next_deadline", |t: &OneClock, _| say(t.get().next_deadline()))
                .loose()
                .wait_free(2),
            op("tidy", |t: &OneClock, _| say(t.get().tidy(u32::MAX))).loose(),
            op("catch_up", |t: &OneClock, _| say(t.get().catch_up())).loose(),
            op("turn", |t: &OneClock, _| say(t.get().turn(u32::MAX, |alarm| t.fire(alarm))))
                .loose(),
            op("sleep", |t: &OneClock, _| {
                let timers = t.get();
                once(Box::pin(async move { say(timers.sleep(FAR).await.is_ok()) }))
            })
            .loose(),
        ],
        |timers| {
            let inside = timers.get();
            for handle in timers.handles.take() {
                drop(inside.cancel(handle));
            }
            while inside
                .turn(u32::MAX, |alarm| timers.fire(alarm))
                .is_some_and(|turn| !turn.is_complete)
            {}
            assert_eq!(timers.timers.alive(), 0, "a timer is lost");
            inside.tidy(u32::MAX);
            for number in 0..3 {
                assert!(inside.schedule(FAR, timers.alarm(number)).is_ok(), "a slot is lost");
            }
            timers.end()
        },
    )
    .limit(120)
    .then(1)
}
