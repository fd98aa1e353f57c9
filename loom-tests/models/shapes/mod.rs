//! What the queue models share: scripts of operations, the sequential specifications that their
//! histories are checked against, and the stage on which a script is played.
//!
//! A model is a few lines of data: a queue, how far it has gone round, how many items lie in it, and
//! what each thread does. [`play`] runs it, drains the queue, checks that some order of all the
//! operations explains every answer, drops the queue and checks that every item was dropped once.

mod spec;
mod subject;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use inkle_core::atomic::{AtomicUsize, UnsafeCell};
use inkle_core::error::{PopError, PushError};
use inkle_core::queue::Queue;

use crate::kit::History;

pub use spec::{Cells, Counted, Exact, Spec};
pub use subject::{Item, Ledger, Plain, Subject, Token, Waiting};

/// One operation of a script, and one entry of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `try_push`, `try_put`.
    Push(u8),
    /// `try_pop`, `try_get`.
    Pop,
    /// `close`, `shutdown(Graceful)`.
    Close,
    /// `len`, where it must be exact: pushes or pops run beside it, not both.
    Len,
    /// `len`, where both run beside it: at most the capacity.
    SomeLen,
    /// `is_empty`, as [`Len`](Self::Len).
    IsEmpty,
    /// A channel's `is_full`, as [`Len`](Self::Len).
    IsFull,
    /// `is_closed`, `is_shut_down`.
    IsClosed,
    /// `force_push`.
    Force(u8),
    /// `peek`.
    Peek,
    /// `take_all`, and then one item of the batch after the other.
    TakeAll,
    /// `ticket`, as pushes since the beginning.
    Ticket,
    /// `put`.
    Put(u8),
    /// `put_until` a moment that may pass.
    PutSoon(u8),
    /// `get`.
    Get,
    /// `get_until` a moment that may pass.
    GetSoon,
    /// `get_async`, awaited.
    GetAsync,
    /// `get_async`, polled once and dropped.
    GetOnce,
    /// `put_async`, awaited.
    PutAsync(u8),
    /// `put_async`, polled once and dropped.
    PutOnce(u8),
    /// `join_async`, awaited.
    JoinAsync,
    /// `task_done`.
    TaskDone,
    /// `join`.
    Join,
    /// `join_until` a moment that may pass.
    JoinSoon,
    /// `unfinished`, where it must be exact: puts or `task_done`s run beside it, not both.
    Unfinished,
    /// `unfinished`, where both run beside it.
    SomeUnfinished,
    /// `shutdown(Immediate)`, whose own step is the close.
    Stop,
    /// Never in a script: the second step of a push over cells.
    Publish(u8),
    /// Never in a script: the second step of a pop that first looks where to take from.
    Take,
    /// Never in a script: the last step of a pop over cells.
    Release,
    /// Never in a script: a batch gives the cell of its item at this place back, if there is one.
    GiveBack(u8),
    /// Never in a script: the second step of a forced push over cells, if it has found none free.
    Oldest,
    /// Never in a script: an immediate shutdown takes an item out, if there is one.
    Discard,
    /// Never in a script: an immediate shutdown calls the item done.
    Uncount,
}

/// The answer to an [`Op`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// Done.
    Ok,
    /// This item.
    Item(u8),
    /// No room.
    Full,
    /// No item.
    Empty,
    /// Closed; for a pop, drained too.
    Closed,
    /// The moment has passed.
    TimedOut,
    /// Yes or no: of `close` whether this call closed it, of `task_done` whether there was a task.
    Flag(bool),
    /// A number.
    Count(usize),
    /// Done, and this item made room.
    Displaced(u8),
    /// Closed, after this item had been taken out.
    ClosedAfter(u8),
    /// These items, filled up with zeros, and whether they are the last.
    Batch([u8; 4], bool),
}

/// Calls `operation` and records its steps. Each may lie anywhere between call and return, so each
/// step is recorded around the one before it.
fn record(
    history: &History<Op, Ret>,
    thread: usize,
    op: Op,
    rest: &[Op],
    operation: &dyn Fn() -> Ret,
) -> Ret {
    match rest.split_last() {
        None => history.call(thread, op, operation),
        Some((last, rest)) => {
            history.call(thread, *last, || record(history, thread, op, rest, operation))
        }
    }
}

/// One execution: puts `inside` items in, lets each thread play its script (the first one is the
/// main thread), then closes and drains. The last of several items is left for the drop.
pub fn play<S: Subject>(
    subject: S,
    spec: impl Spec,
    inside: u8,
    scripts: &'static [&'static [Op]],
) {
    play_by_all(subject, &[spec], inside, scripts);
}

/// As [`play`], against several specifications with the same steps: for each there must be some order
/// of all the operations.
pub fn play_by_all<S: Subject, C: Spec>(
    subject: S,
    specs: &[C],
    inside: u8,
    scripts: &'static [&'static [Op]],
) {
    let subject = Arc::new(subject);
    let history = Arc::new(History::new());
    let ledger = Ledger::default();
    let perform = {
        let (subject, history, ledger) = (subject.clone(), history.clone(), ledger.clone());
        let spec = specs[0].clone();
        move |thread: usize, op: Op| {
            let rest = spec.rest(op);
            record(&history, thread, op, &rest, &|| subject.apply(op, &ledger))
        }
    };

    for item in 0..inside {
        perform(0, Op::Push(FIRST_INSIDE + item));
    }
    history.phase();
    let threads: Vec<_> = (1..scripts.len())
        .map(|thread| {
            let perform = perform.clone();
            loom::thread::spawn(move || {
                for &op in scripts[thread] {
                    perform(thread, op);
                }
            })
        })
        .collect();
    for &op in scripts[0] {
        perform(0, op);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    history.phase();
    for &op in S::AT_END {
        perform(0, op);
    }
    let Ret::Count(left) = perform(0, Op::Len) else { unreachable!("a length is a number") };
    for _ in 0..if left > 1 { left - 1 } else { left + 1 } {
        perform(0, Op::Pop);
    }
    for spec in specs {
        history.check(spec.clone(), |spec, &op, &ret| spec.step(op, ret));
    }

    drop(perform);
    assert!(Arc::into_inner(subject).is_some(), "the threads are gone");
    ledger.all_dropped();
}

/// The number of the first item that is inside before the threads start.
const FIRST_INSIDE: u8 = 20;

/// One thread writes and then tells of it through the queue; whoever is told reads. If the queue does
/// not order the two, loom sees a race.
pub fn announce<Q>(queue: Q, inside: u8, tell: fn(&Q), is_told: fn(&Q) -> bool)
where
    Q: Queue<Item: Item> + 'static,
{
    let ledger = Ledger::default();
    for item in 0..inside {
        assert!(queue.try_push(Item::make(item, &ledger)).is_ok());
    }
    let (message, turn) = (UnsafeCell::new(()), AtomicUsize::new(0));
    let shared = Arc::new((queue, message, turn));
    let thread = {
        let shared = shared.clone();
        loom::thread::spawn(move || {
            let (queue, message, turn) = &*shared;
            message.with_mut(|_| ());
            tell(queue);
            turn.fetch_add(1, Ordering::Relaxed);
        })
    };
    let (queue, message, turn) = &*shared;
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    if is_told(queue) {
        message.with(|_| ());
    }
    thread.join().unwrap();
}

/// Tells by an item.
pub fn push<Q: Queue<Item: Item>>(queue: &Q) {
    assert!(queue.try_push(Item::make(1, &Ledger::default())).is_ok());
}

/// Tells by closing.
pub fn close<Q: Queue>(queue: &Q) {
    assert!(queue.close());
}

/// Is told by an item or by `Closed`.
pub fn pop_tells<Q: Queue>(queue: &Q) -> bool {
    !matches!(queue.try_pop(), Err(PopError::Empty))
}

/// Is told by `Closed`.
pub fn push_tells<Q: Queue<Item: Item>>(queue: &Q) -> bool {
    let pushed = queue.try_push(Item::make(2, &Ledger::default()));
    matches!(pushed, Err(PushError::Closed(_)))
}

/// Is told by `is_closed`.
pub fn is_closed<Q: Queue>(queue: &Q) -> bool {
    queue.is_closed()
}

/// The pair matrix that every queue goes through, as models of `$play::<N>(turns, inside, scripts)`
/// and of the queue `$new::<N>()`: each operation against each other and itself, empty, part full
/// and full, then `$more`. `$two` and `$three` make the large models of two and three threads: [`Model::full`], or with a bound.
///
/// [`Model::full`]: crate::kit::Model::full
macro_rules! queue_models {
    ($new:ident, $play:ident, $two:path, $three:path, $($more:expr,)*) => {{
        use crate::kit::Model;
        use crate::shapes::Op::*;
        use crate::shapes::{announce, close, is_closed, pop_tells, push, push_tells};
        &[
            // What came before a push or a close is seen by who is told of it.
            Model::full("told_by_item", || announce($new::<1>(), 0, push, pop_tells)),
            Model::full("told_by_push", || announce($new::<1>(), 0, close, push_tells)),
            Model::full("told_by_full", || announce($new::<1>(), 1, close, push_tells)),
            Model::full("told_by_pop", || announce($new::<1>(), 0, close, pop_tells)),
            Model::full("told_by_is_closed", || announce($new::<1>(), 0, close, is_closed)),
            // One operation each.
            Model::full("push_push", || $play::<1>(3, 0, &[&[Push(1)], &[Push(2)]])),
            Model::full("pop_pop", || $play::<1>(3, 1, &[&[Pop], &[Pop]])),
            Model::full("push_pop_empty", || $play::<1>(3, 0, &[&[Push(1)], &[Pop]])),
            Model::full("push_pop_full", || $play::<1>(3, 1, &[&[Pop, Push(1)], &[Push(2)]])),
            // Push and pop: at the rim and in the middle.
            $two("push_pop_1", || $play::<1>(3, 0, &[&[Push(1), Pop], &[Push(2), Pop]])),
            $two("pop_push_1", || $play::<1>(3, 1, &[&[Pop, Push(1)], &[Pop, Push(2)]])),
            $two("push_pop_2", || $play::<2>(7, 0, &[&[Push(1), Pop], &[Push(2), Pop]])),
            $two("pop_push_2", || $play::<2>(7, 2, &[&[Pop, Push(1)], &[Pop, Push(2)]])),
            $two("pop_push_mixed", || $play::<2>(7, 2, &[&[Pop, Push(1)], &[Push(2), Pop]])),
            Model::full("push_push_1", || $play::<1>(3, 0, &[&[Push(1), Push(2)], &[Push(3)]])),
            $two("push_push_2", || $play::<2>(7, 0, &[&[Push(1), Push(2)], &[Push(3)]])),
            $two("pop_pop_2", || $play::<2>(7, 2, &[&[Pop, Pop], &[Pop]])),
            // A stale `Full` and a stale `Empty` together would have no order.
            Model::full("stale_1", || $play::<1>(3, 0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
            Model::full("stale_2", || $play::<2>(7, 1, &[&[Push(1), Push(2)], &[Pop, Pop]])),
            $two("stale_3", || $play::<3>(11, 2, &[&[Push(1), Push(2)], &[Pop, Pop, Pop]])),
            // One goes round while the other may stand between two steps of one operation.
            $two("overtake_push", || $play::<1>(3, 0, &[&[Push(1)], &[Pop, Push(2), Pop]])),
            $two("overtake_pop", || $play::<1>(3, 1, &[&[Pop], &[Push(1), Pop, Push(2)]])),
            // Close against push, pop and itself.
            $two("close_close", || $play::<1>(3, 0, &[&[Push(1), Close], &[Close, Push(2)]])),
            Model::full("close_push_1", || $play::<1>(3, 0, &[&[Close, Pop], &[Push(1), Push(2)]])),
            Model::full("close_push_2", || $play::<2>(7, 1, &[&[Close], &[Push(1), Push(2)]])),
            Model::full("close_full_1", || $play::<1>(3, 1, &[&[Close, Pop], &[Push(1), Pop]])),
            $two("close_full_2", || $play::<2>(7, 2, &[&[Close, Push(1)], &[Pop, Push(2)]])),
            Model::full("close_pop_1", || $play::<1>(3, 1, &[&[Close, Pop], &[Pop, Pop]])),
            Model::full("close_pop_2", || $play::<2>(7, 1, &[&[Close], &[Pop, Push(1), Pop]])),
            // What only looks, against what changes.
            Model::full("look_push", || {
                $play::<2>(7, 1, &[&[Len, Push(1), Ticket], &[Push(2), IsEmpty]])
            }),
            $two("look_pushes", || {
                $play::<2>(7, 0, &[&[Push(1), Ticket, IsClosed], &[Push(2), Len]])
            }),
            $two("look_pop", || $play::<2>(7, 2, &[&[Len, Pop, Len], &[Pop, IsEmpty]])),
            Model::full("look_both", || $play::<1>(3, 0, &[&[Push(1), SomeLen], &[Pop, Ticket]])),
            Model::full("look_close", || {
                $play::<1>(3, 0, &[&[IsClosed, Close, Ticket], &[IsClosed, Push(1), IsClosed]])
            }),
            // Three threads, one operation each.
            $three("push_push_pop_1", || $play::<1>(3, 0, &[&[Pop], &[Push(1)], &[Push(2)]])),
            $three("push_push_pop_2", || $play::<2>(7, 1, &[&[Pop], &[Push(1)], &[Push(2)]])),
            $three("push_pop_pop_1", || $play::<1>(3, 1, &[&[Push(1)], &[Pop], &[Pop]])),
            $three("push_pop_pop_2", || $play::<2>(7, 1, &[&[Push(1)], &[Pop], &[Pop]])),
            $three("push_pop_close_1", || $play::<1>(3, 0, &[&[Close], &[Push(1)], &[Pop]])),
            $three("push_pop_close_full", || $play::<1>(3, 1, &[&[Close], &[Push(1)], &[Pop]])),
            $three("push_pop_close_2", || $play::<2>(7, 1, &[&[Close], &[Push(1)], &[Pop]])),
            $($more),*
        ]
    }};
}
pub(crate) use queue_models;
