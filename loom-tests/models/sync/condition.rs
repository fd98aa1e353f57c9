//! The condition, with its lock: items come and go under the lock, takers wait for one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll::Ready, Waker};

use inkle_core::platform::Deadline;
use inkle_core::sync::{CancelToken, Condition, Lock, RLock, Reason};
use loom::thread::{spawn, yield_now};

use Op::{
    Await, Borrow, Cancel, Dropped, Notify, Poll, Put, PutForAll, PutThenNotify, Soon, Take,
    Unless, Wait,
};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("take_put", || play(&[&[Put], &[Take]])),
    Model::full("take_put_then_notify", || play(&[&[PutThenNotify], &[Take]])),
    Model::full("take_put_for_all", || play(&[&[PutForAll], &[Take]])),
    Model::full("wait_put", || play(&[&[PutThenNotify], &[Wait]])),
    Model::bounded("take_notify", 8, SLOW, || play(&[&[Notify, Put], &[Take]])),
    Model::full("put_put", || play(&[&[Put, Take], &[PutForAll]])),
    Model::bounded("poll_put", 8, SLOW, || play(&[&[Put], &[Poll]])),
    Model::full("soon_put", || play(&[&[Put], &[Soon]])),
    Model::full("early_take", || early(&[&[Put], &[Take]])),
    Model::full("early_wait", || early(&[&[PutThenNotify], &[Wait]])),
    Model::bounded("early_soon", 8, SLOW, || early(&[&[Put], &[Soon]])),
    Model::full("early_soon_then_notify", || early(&[&[PutThenNotify], &[Soon]])),
    Model::bounded("take_take", 7, SLOW, || play(&[&[Put, PutThenNotify], &[Take, Take]])),
    Model::bounded("early_take_take", 6, SLOW, || early(&[&[Put, PutThenNotify], &[Soon, Take]])),
    Model::bounded("one_each", 8, SLOW, || released(1, false)),
    Model::bounded("reentrant", 6, SLOW, reentrant),
    Model::bounded("early_reentrant", 5, SLOW, || {
        timeouts(1);
        reentrant();
    }),
    // Two threads, with a token.
    Model::bounded("unless_put", 8, SLOW, || play(&[&[Put], &[Unless]])),
    Model::bounded(
        "unless_put_then_notify",
        9,
        "more than 3 s in the exact tier without a bound",
        || play(&[&[PutThenNotify], &[Unless]]),
    ),
    Model::bounded("unless_cancel", 9, SLOW, || play(&[&[Cancel], &[Unless]])),
    Model::bounded("unless_put_cancel", 6, SLOW, || play(&[&[Put, Cancel], &[Unless]])),
    Model::bounded("early_unless_put", 6, SLOW, || early(&[&[Put], &[Unless]])),
    // A thread and a task.
    Model::bounded("await_put", 9, SLOW, || play(&[&[Put], &[Await]])),
    Model::full("await_put_then_notify", || play(&[&[PutThenNotify], &[Await]])),
    Model::bounded("await_put_for_all", 9, SLOW, || play(&[&[PutForAll], &[Await]])),
    Model::bounded("early_await_put", 6, SLOW, || early(&[&[Put], &[Await]])),
    Model::bounded("dropped_put", 8, SLOW, || play(&[&[Put], &[Dropped]])),
    // Three: who is told and gives up passes it on.
    Model::bounded("dropped_beside_task", 4, THREE, || play(&[&[Put], &[Dropped], &[Await]])),
    Model::bounded("dropped_beside_thread", 4, THREE, || play(&[&[Put], &[Dropped], &[Take]])),
    Model::bounded("cancelled_beside_task", 4, THREE, || {
        play(&[&[Put, Cancel], &[Borrow], &[Await]]);
    }),
    Model::bounded("tasks_2", 4, THREE, || play(&[&[Put, PutThenNotify], &[Await], &[Await]])),
    Model::bounded("tasks_2_for_all", 4, THREE, || play(&[&[Put, PutForAll], &[Await], &[Take]])),
    // Three threads.
    Model::bounded("takers_2", 4, THREE, || play(&[&[Put, PutThenNotify], &[Take], &[Take]])),
    Model::bounded("takers_2_for_all", 4, THREE, || play(&[&[Put, PutForAll], &[Take], &[Wait]])),
    Model::bounded("putters_2", 3, THREE, || play(&[&[Take, Take], &[Put], &[PutThenNotify]])),
    Model::bounded("early_takers_2", 3, THREE, || {
        early(&[&[Put, PutThenNotify], &[Soon], &[Take]]);
    }),
    Model::bounded("one_each_2", 2, THREE, || released(2, false)),
    Model::bounded("all_2", 3, THREE, || released(2, true)),
];

#[derive(Clone, Copy)]
enum Op {
    /// Puts an item and notifies one waiter with the lock held.
    Put,
    /// The same with the lock released before the notification.
    PutThenNotify,
    /// Puts an item and notifies all waiters.
    PutForAll,
    /// Notifies without a reason and without the lock.
    Notify,
    /// Takes an item by `wait_for`.
    Take,
    /// Takes an item by `wait` in a loop.
    Wait,
    /// Takes an item by `wait_for_until` a deadline that may pass.
    Soon,
    /// Takes an item by `wait_for_until` a deadline that has passed.
    Poll,
    /// Takes an item by `wait_for_unless` the token is cancelled.
    Unless,
    /// The same, and puts it back.
    Borrow,
    Cancel,
    /// Takes an item by `wait_async` in a loop.
    Await,
    /// Without an item, polls a `wait_async` twice and drops it.
    Dropped,
}

struct Items {
    lock: Lock<Loom>,
    stop: CancelToken<'static, Loom>,
    changed: Condition<Loom>,
    items: Plain,
}

impl Items {
    fn new() -> Self {
        Self {
            lock: Lock::new(),
            stop: CancelToken::new(),
            changed: Condition::new(),
            items: Plain::new(0),
        }
    }

    fn has_item(&self) -> bool {
        self.items.get() > 0
    }

    async fn take_async(&self) -> i32 {
        let mut guard = self.lock.guard_async().await;
        while !self.has_item() {
            guard = self.changed.wait_async(guard).await;
        }
        self.items.set(self.items.get() - 1);
        -1
    }

    fn drop_async(&self) -> i32 {
        let guard = self.lock.guard();
        if self.has_item() {
            return 0;
        }
        let mut wait = pin!(self.changed.wait_async(guard));
        let mut context = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut context).is_pending(), "released, and told by nobody");
        if let Ready(_guard) = wait.as_mut().poll(&mut context) {
            // Unlike a wait that is given up, one that ends well uses its notification.
            self.changed.notify(1);
        }
        // Else it is told by nobody, or about to acquire the lock, and dropped.
        0
    }
}

impl Stage for Items {
    type Op = Op;

    /// Gives by how much the number of items has changed.
    fn run(&self, op: Op) -> i32 {
        match op {
            Notify => {
                self.changed.notify(1);
                return 0;
            }
            Cancel => {
                self.stop.cancel(Reason::REQUESTED);
                return 0;
            }
            Await => return block_on(self.take_async()),
            Dropped => return self.drop_async(),
            _ => {}
        }
        let mut guard = self.lock.guard();
        let taken = match op {
            Put | PutThenNotify | PutForAll => {
                self.items.add(1);
                match op {
                    Put => self.changed.notify(1),
                    PutForAll => self.changed.notify_all(),
                    _ => {
                        drop(guard);
                        self.changed.notify(1);
                    }
                }
                return 1;
            }
            Take => {
                self.changed.wait_for(&mut guard, |_| self.has_item());
                true
            }
            Wait => {
                while !self.has_item() {
                    self.changed.wait(&mut guard);
                }
                true
            }
            Unless | Borrow => {
                let taken =
                    self.changed.wait_for_unless(&mut guard, &self.stop, |_| self.has_item());
                if let (Borrow, Ok(())) = (op, taken) {
                    self.changed.notify(1);
                    return 0;
                }
                taken.is_ok()
            }
            Soon => self.changed.wait_for_until(&mut guard, SOON, |_| self.has_item()).is_ok(),
            _ => {
                let passed = Deadline::PASSED;
                self.changed.wait_for_until(&mut guard, passed, |_| self.has_item()).is_ok()
            }
        };
        if taken {
            self.items.set(self.items.get() - 1);
        } else {
            assert!(!self.has_item(), "it looks once more before it gives up");
        }
        -i32::from(taken)
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let (stage, items) = kit::play(Items::new(), scripts);
    assert_eq!(stage.items.get() as i32, items, "items lost or doubled");
    assert!(!stage.lock.is_held());
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// Threads that wait for no state at all are released by one notification each, or by one for all:
/// whoever has released the lock to wait is told, asleep or not.
fn released(waiters: usize, for_all: bool) {
    let stage = Arc::new(Items::new());
    let waiting: Vec<_> = (0..waiters)
        .map(|_| {
            let stage = stage.clone();
            spawn(move || {
                let mut guard = stage.lock.guard();
                stage.items.add(1);
                stage.changed.wait(&mut guard);
                stage.items.set(stage.items.get() - 1);
            })
        })
        .collect();
    let all_wait = || {
        let _guard = stage.lock.guard();
        stage.items.get() as usize == waiters
    };
    while !all_wait() {
        yield_now();
    }
    if for_all {
        stage.changed.notify_all();
    } else {
        (0..waiters).for_each(|_| stage.changed.notify(1));
    }
    waiting.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert_eq!(stage.items.get(), 0);
}

/// Waits two levels deep: both are released, and both come back.
fn reentrant() {
    let stage = Arc::new((RLock::<Loom>::new(), Condition::<Loom>::new(), Plain::new(0)));
    let putter = {
        let stage = stage.clone();
        spawn(move || {
            let (lock, changed, items) = &*stage;
            let _guard = lock.guard().expect("not deep");
            items.add(1);
            changed.notify(1);
        })
    };
    let (lock, changed, items) = &*stage;
    let outer = lock.guard().expect("not deep");
    let mut inner = lock.guard().expect("not deep");
    changed.wait_for(&mut inner, |_| items.get() == 1);
    drop(inner);
    assert!(lock.is_held(), "as deep as it was");
    assert_eq!(items.add(1), 1);
    drop(outer);
    assert!(lock.release().is_err(), "neither more levels than before nor fewer");
    putter.join().unwrap();
    assert!(!lock.is_held());
}
