//! The two rings between one producer and one consumer: as queues of many threads, and by their
//! handles. Here: scripts for handles, and the stage on which they are played.

pub mod overwriting;
pub mod ring;
pub mod shared;

use std::hash::Hash;
use std::sync::Arc;

use inkle_core::atomic::{AtomicUsize, Ordering, UnsafeCell};
use inkle_core::error::PopError;

use crate::kit::History;
use crate::shapes::{Item, Ledger, Ret};

/// What a handle does.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// The producer's `try_push` or `push`.
    Push(u8),
    /// `push_slice` of two items, or `fill_from` where they cannot be copied.
    PushTwo(u8),
    /// `write_chunk(2)` and `commit_all`.
    WriteTwo(u8),
    /// `write_chunk(2)` and `commit` of one.
    WriteOne(u8),
    /// The producer's `slots`.
    Room,
    /// The producer's `close`.
    Close,
    /// The consumer's `try_pop`.
    Pop,
    /// `peek`.
    Peek,
    /// `pop_slice` into two places, or the iterator of a chunk where they cannot be copied.
    PopTwo,
    /// `read_chunk(2)`, a look at its slices and `commit_all`.
    ReadTwo,
    /// `read_chunk(2)`, a look at its slices and `commit` of one.
    ReadOne,
    /// The consumer's `slots`.
    Count,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// That of one item or of none.
    One(Ret),
    /// So many slots.
    Slots(usize),
    /// These items.
    Items(Vec<u8>),
    /// A chunk was refused, as there are only so many slots.
    TooFew(usize),
}

/// A handle.
pub trait Hand: 'static {
    /// Does one act.
    fn act(&mut self, act: Act, ledger: &Ledger) -> Answer;
}

/// A sequential specification: what a ring is, one act at a time.
pub trait Rules: Clone + Hash + Eq + 'static {
    /// Does `act`, if `answer` is a right one.
    fn step(&mut self, act: &Act, answer: &Answer) -> bool;
}

/// What a pop answers.
pub fn popped<T: Item>(result: Result<T, PopError>) -> Answer {
    Answer::One(match result {
        Ok(item) => Ret::Item(item.number()),
        Err(PopError::Empty) => Ret::Empty,
        Err(PopError::Closed) => Ret::Closed,
    })
}

/// A reference for handles that go to other threads, which loom wants without a lifetime.
///
/// # Safety
///
/// The last handle is gone before the last `Arc`.
pub unsafe fn lend<R>(ring: &Arc<R>) -> &'static R {
    // SAFETY: the `Arc`'s contents stay where they are, for as long as the caller says.
    unsafe { &*Arc::as_ptr(ring) }
}

/// The number of the first item that is inside before the threads start.
const FIRST_INSIDE: u8 = 20;

/// One execution: puts `inside` items in; the producer plays its script here and the consumer on a
/// thread of its own; then closes and drains. Checks the history against `rules`.
pub fn duel(
    (mut producer, mut consumer): (impl Hand, impl Hand),
    rules: impl Rules,
    inside: u8,
    [pushes, pops]: [&'static [Act]; 2],
) {
    let ledger = Ledger::default();
    let history = Arc::new(History::new());
    for item in 0..inside {
        let act = Act::Push(FIRST_INSIDE + item);
        history.call(0, act, || producer.act(act, &ledger));
    }
    history.phase();
    let thread = {
        let (history, ledger) = (history.clone(), ledger.clone());
        loom::thread::spawn(move || {
            for &act in pops {
                history.call(1, act, || consumer.act(act, &ledger));
            }
            consumer
        })
    };
    for &act in pushes {
        history.call(0, act, || producer.act(act, &ledger));
    }
    let mut consumer = thread.join().unwrap();
    history.phase();
    history.call(0, Act::Close, || producer.act(Act::Close, &ledger));
    while history.call(0, Act::Pop, || consumer.act(Act::Pop, &ledger)) != Answer::One(Ret::Closed)
    {
    }
    history.check(rules, |rules, act, answer| rules.step(act, answer));
    ledger.all_dropped();
}

/// One thread writes and then tells of it by a handle; whoever is told by the other one reads. If the
/// ring does not order the two, loom sees a race. As `shapes::announce`, which has no handles.
pub fn announce<P: 'static, C: 'static>(
    (mut teller, mut told): (P, C),
    tell: fn(&mut P),
    is_told: fn(&mut C) -> bool,
) {
    #[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are one real thread")]
    let shared = Arc::new((UnsafeCell::new(()), AtomicUsize::new(0)));
    let thread = {
        let shared = shared.clone();
        loom::thread::spawn(move || {
            let (message, turn) = &*shared;
            message.with_mut(|_| ());
            tell(&mut teller);
            turn.fetch_add(1, Ordering::Relaxed);
            teller
        })
    };
    let (message, turn) = &*shared;
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    if is_told(&mut told) {
        message.with(|_| ());
    }
    thread.join().unwrap();
}
