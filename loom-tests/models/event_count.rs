//! The event count: every operation against every other. Tokens stand for "something has changed":
//! puts make them, takes wait for them. Each model makes at least as many as it waits for without
//! limit, so a lost wake-up is a deadlock.

use std::sync::Arc;

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::event_count::EventCount;
use inkle_core::platform::{Deadline, Wake};
use loom::thread::spawn;

use Op::{Look, Notify, Poll, Put, PutForAll, Soon, Take, WaitPoll};

use crate::kit::{self, Loom, Model, Plain, SOON, Stage, Unfenced, timeouts};

const LONG: &str = "more than 300,000 executions without a bound";
const THREE: &str = "three threads: each more costs about ten times";
const FOUR: &str = "four threads: each more costs about ten times";

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("take_put", || play(0, &[&[Take], &[Put(1)]])),
    Model::bounded("take_take_put_put", 5, LONG, || play(0, &[&[Put(1), Put(1)], &[Take, Take]])),
    Model::full("take_take_put_two", || play(0, &[&[Put(2)], &[Take, Take]])),
    Model::full("take_put_put_take", || play(0, &[&[Put(2), Take], &[Take, Put(1)]])),
    Model::full("put_take_put_take", || play(0, &[&[Put(1), Take], &[Put(1), Take]])),
    Model::bounded("take_put_for_all", 5, LONG, || {
        play(0, &[&[PutForAll, PutForAll], &[Take, Take]])
    }),
    Model::bounded("look_put", 5, LONG, || play(0, &[&[Put(3), Look], &[Look, Take]])),
    // A notification whose token somebody else takes, or that had none: the next one must count.
    Model::bounded("take_retaken", 7, LONG, || play(0, &[&[Put(1), Poll, Put(1)], &[Take]])),
    Model::full("take_notify", || play(0, &[&[Notify, Put(1)], &[Take]])),
    Model::full("look_look", || play(1, &[&[Look], &[Look]])),
    Model::full("poll_put", || play(0, &[&[Put(1), Poll], &[Poll, Poll]])),
    Model::full("poll_take", || play(1, &[&[Take, Put(1)], &[Poll, Put(1)]])),
    Model::bounded("wait_poll_put", 4, LONG, || {
        play(0, &[&[Put(1), WaitPoll], &[WaitPoll, Put(1)]])
    }),
    Model::full("wait_poll_take", || play(1, &[&[WaitPoll, Put(1)], &[Take]])),
    Model::full("message", message::<Loom>),
    Model::full("message_unfenced", message::<Unfenced>),
    Model::full("new_key", new_key),
    // The same with one early return: a time-out or a wake-up for no reason.
    Model::full("early_take_put", || early(1, 0, &[&[Take], &[Put(1)]])),
    Model::bounded("early_take_take", 5, LONG, || early(1, 0, &[&[Put(1), Put(1)], &[Take, Take]])),
    Model::full("early_soon_put", || early(1, 0, &[&[Put(1)], &[Soon]])),
    Model::full("early_soon_put_two", || early(1, 0, &[&[Put(2)], &[Soon, Soon]])),
    Model::bounded("early_soon_take", 5, LONG, || early(1, 0, &[&[Put(1), Put(1)], &[Soon, Take]])),
    Model::bounded("early_soon_look", 5, LONG, || early(1, 0, &[&[Look, Put(1)], &[Soon]])),
    Model::full("early_soon_soon", || early(1, 0, &[&[Put(1), Soon], &[Put(1), Soon]])),
    Model::full("early_message", || {
        timeouts(1);
        message::<Loom>();
    }),
    // So many who died that the counts are full with one more, or with two.
    Model::full("full_take_put", || full(6, &[&[Take], &[Put(1)]])),
    Model::full("full_soon_put", || full(6, &[&[Put(1)], &[Soon]])),
    Model::full("full_look_put", || full(6, &[&[Look, Put(1)], &[WaitPoll]])),
    Model::bounded("full_take_twice", 4, LONG, || full(6, &[&[Put(1), PutForAll], &[Take, Take]])),
    Model::bounded("full_takers_2", 2, THREE, || full(5, &[&[Put(1), Put(1)], &[Take], &[Take]])),
    Model::bounded("full_soon_taker", 2, THREE, || full(6, &[&[Put(1), Put(1)], &[Soon], &[Take]])),
    // Three and four threads.
    Model::bounded("takers_2_put_two", 4, THREE, || play(0, &[&[Put(2)], &[Take], &[Take]])),
    Model::bounded("takers_2_put_put", 3, THREE, || {
        play(0, &[&[Put(1), Put(1)], &[Take], &[Take]]);
    }),
    Model::bounded("takers_2_put_for_all", 3, THREE, || {
        play(0, &[&[Put(1), PutForAll], &[Take], &[Take]]);
    }),
    Model::bounded("putters_2", 4, THREE, || play(0, &[&[Take, Take], &[Put(1)], &[Put(1)]])),
    Model::bounded("looker", 4, THREE, || play(0, &[&[Put(1), Put(1)], &[Look], &[Take]])),
    Model::bounded("early_takers_2", 3, THREE, || early(1, 0, &[&[Put(2)], &[Take], &[Take]])),
    Model::bounded("early_soon_taker", 3, THREE, || {
        early(1, 0, &[&[Put(1), Put(1)], &[Soon], &[Take]]);
    }),
    Model::bounded("takers_2_putters_2", 2, FOUR, || {
        play(0, &[&[Put(1)], &[Put(1)], &[Take], &[Take]]);
    }),
];

#[derive(Clone, Copy)]
enum Op {
    /// Makes so many tokens and notifies as many waiters.
    Put(u32),
    /// Makes a token and notifies all waiters, with `notify_after_rmw`.
    PutForAll,
    /// Notifies one waiter for no reason.
    Notify,
    /// Waits for a token.
    Take,
    /// Waits for a token for a while.
    Soon,
    /// Takes a token if there is one, by way of `block`.
    Poll,
    /// Prepares, and cancels whether there is a token or not.
    Look,
    /// Prepares, and waits with a deadline that has passed.
    WaitPoll,
}

struct Tokens {
    tokens: AtomicU32,
    changed: EventCount<Loom>,
}

impl Tokens {
    fn take(&self) -> Option<()> {
        let mut tokens = self.tokens.load(Ordering::Relaxed);
        while tokens > 0 {
            let (from, to) = (tokens, tokens - 1);
            match self.tokens.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(()),
                Err(now) => tokens = now,
            }
        }
        None
    }

    /// Checks, when all is quiet, that nobody is left in the counts.
    fn check_quiet(&self) {
        let epoch = || {
            let key = self.changed.prepare();
            let epoch = format!("{key:?}");
            self.changed.cancel(key);
            epoch
        };
        let before = epoch();
        self.changed.notify(1);
        assert_eq!(epoch(), before, "somebody is still counted as a waiter");

        let key = self.changed.prepare();
        self.changed.notify(1);
        let wake = self.changed.wait(key, Deadline::PASSED);
        assert_eq!(wake, Wake::Woken, "a signal is still counted");
    }
}

impl Stage for Tokens {
    type Op = Op;

    /// Gives by how much the number of tokens has changed.
    fn run(&self, op: Op) -> i32 {
        let taken = match op {
            Put(count) => {
                self.tokens.fetch_add(count, Ordering::Release);
                self.changed.notify(count);
                return count as i32;
            }
            PutForAll => {
                self.tokens.fetch_add(1, Ordering::Release);
                self.changed.notify_after_rmw(u32::MAX);
                return 1;
            }
            Notify => {
                self.changed.notify(1);
                return 0;
            }
            Take => {
                let taken = self.changed.block(Deadline::NEVER, || self.take());
                assert!(taken.is_some(), "without a deadline it cannot time out");
                taken
            }
            Soon => self.changed.block(SOON, || self.take()),
            Poll => self.changed.block(Deadline::PASSED, || self.take()),
            Look => {
                let key = self.changed.prepare();
                let taken = self.take();
                self.changed.cancel(key);
                taken
            }
            WaitPoll => {
                let key = self.changed.prepare();
                self.changed.wait(key, Deadline::PASSED);
                self.take()
            }
        };
        -i32::from(taken.is_some())
    }
}

fn play(tokens: u32, scripts: &'static [&'static [Op]]) {
    let stage = Tokens { tokens: AtomicU32::new(tokens), changed: EventCount::new() };
    let (stage, change) = kit::play(stage, scripts);
    let left = stage.tokens.load(Ordering::Relaxed) as i32;
    assert_eq!(left, tokens as i32 + change, "tokens lost or doubled");
    stage.check_quiet();
}

/// As [`play`], with so many who are counted for ever, and one early return.
fn full(dead: u32, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    let stage = Tokens { tokens: AtomicU32::new(0), changed: EventCount::new() };
    (0..dead).for_each(|_| drop(stage.changed.prepare()));
    let (stage, change) = kit::play(stage, scripts);
    assert_eq!(stage.tokens.load(Ordering::Relaxed) as i32, change, "tokens lost or doubled");
}

/// As [`play`], with so many early returns.
fn early(returns: usize, tokens: u32, scripts: &'static [&'static [Op]]) {
    timeouts(returns);
    play(tokens, scripts);
}

/// A notification that comes after `prepare` is never missed, and alone publishes what came before
/// it.
fn message<P: Platform + 'static>() {
    struct Message<P> {
        counted: AtomicU32,
        plain: Plain,
        changed: EventCount<P>,
    }
    let message = Arc::new(Message {
        counted: AtomicU32::new(0),
        plain: Plain::new(0),
        changed: EventCount::<P>::new(),
    });
    let waiter = {
        let message = message.clone();
        spawn(move || {
            let key = message.changed.prepare();
            message.counted.store(1, Ordering::Release);
            assert_eq!(message.changed.wait(key, Deadline::NEVER), Wake::Woken);
            assert_eq!(message.plain.get(), 1);
        })
    };
    message.plain.set(1);
    while message.counted.load(Ordering::Acquire) == 0 {
        loom::thread::yield_now();
    }
    message.changed.notify(1);
    waiter.join().unwrap();
}

/// Whoever is given a key that a notification has made sees what came before that.
fn new_key() {
    let shared = Arc::new((EventCount::<Unfenced>::new(), Plain::new(0)));
    // Counted for ever, so that the notification makes one.
    let old = shared.0.prepare();
    let notifier = {
        let shared = shared.clone();
        spawn(move || {
            shared.1.set(1);
            shared.0.notify(1);
        })
    };
    let new = shared.0.prepare();
    if format!("{new:?}") != format!("{old:?}") {
        assert_eq!(shared.1.get(), 1);
    }
    notifier.join().unwrap();
}
