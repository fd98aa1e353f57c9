//! The queues.

use std::ptr::NonNull;

use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_core::queue::steal::{Deque, Steal};
use inkle_core::queue::word::WordRing;
use inkle_core::queue::{Peek, Queue};

use crate::ground::Steps;
use crate::items::{Counted, Item, drained, filled, looks, popped, pushed, states};
use crate::models::{self, Items, Order};
use crate::subject::{ALL, Subject, op, say};

pub fn word_ring() -> Subject<Counted<WordRing<u8, 2>>> {
    type Of = Counted<WordRing<u8, 2>>;
    let mut operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(n))),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())),
        op("force_push", |q: &Of, n| say(q.queue.force_push(n).map_err(|_| ()))),
        op("peek", |q: &Of, _| say(q.queue.peek())),
    ];
    operations.extend(looks());
    Subject::new("WordRing", &["queue/word/mod.rs"], states!(WordRing<u8, 2>), operations, drained)
        .limit(10)
        .model(|state| Items::boxed(2, Order::First, state.min(2)))
}

pub fn fifo() -> Subject<Counted<Fifo<Item, 2>>> {
    type Of = Counted<Fifo<Item, 2>>;
    let mut operations = vec![
        // A cell that another is copying into or out of counts as full.
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(q.item(n)))).weak("Full"),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())),
        op("force_push", |q: &Of, n| {
            let displaced = q.queue.force_push(q.item(n));
            say(displaced.map(|oldest| oldest.map(|item| item.0)).map_err(|_| ()))
        })
        .loose(),
    ];
    operations.extend(looks());
    Subject::new("Fifo", &["queue/fifo.rs"], states!(Fifo<Item, 2>), operations, drained)
        .limit(25)
        .model(|state| Items::boxed(2, Order::First, state.min(2)))
}

pub fn stack() -> Subject<Counted<Stack<Item, 2>>> {
    type Of = Counted<Stack<Item, 2>>;
    let mut operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(q.item(n)))).weak("Full"),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())),
    ];
    operations.extend(looks());
    Subject::new("Stack", &["queue/lifo.rs"], states!(Stack<Item, 2>), operations, drained)
        .then(3)
        .limit(12)
        .model(|state| Items::boxed(2, Order::Last, state.min(2)))
}

/// One consumer.
pub fn inbox() -> Subject<Counted<Inbox<Item, 2>>> {
    type Of = Counted<Inbox<Item, 2>>;
    let mut operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(q.item(n)))).weak("Full"),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())).role("consumer"),
        op("take_all", |q: &Of, _| {
            let batch = q.queue.take_all();
            let last = batch.is_last();
            say((batch.map(|item| item.0).collect::<Vec<_>>(), last))
        })
        .role("consumer"),
    ];
    operations.extend(looks());
    Subject::new(
        "Inbox, one consumer",
        &["queue/inbox.rs"],
        states!(Inbox<Item, 2>),
        operations,
        drained,
    )
    .limit(20)
    .model(|state| Items::boxed(2, Order::First, state.min(2)))
}

/// Several consumers wait for one another.
pub fn inbox_shared() -> Subject<Counted<Inbox<Item, 2>>> {
    let mut subject = inbox();
    subject.name = "Inbox, several consumers";
    subject.files = &[];
    subject.operations = subject
        .operations
        .into_iter()
        .map(|operation| match operation.name() {
            "try_pop" | "take_all" => operation.role("").waits_for(&["try_pop", "take_all"]),
            _ => operation,
        })
        .collect();
    subject
}

pub fn levels() -> Subject<Counted<Levels<Item, 2, 2>>> {
    type Of = Counted<Levels<Item, 2, 2>>;
    fn level(number: u8) -> Level<2> {
        Level::new((number % 2).into()).expect("a level")
    }
    let operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(level(0), q.item(n)))).weak("Full"),
        op("try_push low", |q: &Of, n| pushed(q.queue.try_push(level(1), q.item(n)))).weak("Full"),
        op("try_pop", |q: &Of, _| say(q.queue.try_pop().map(|(_, item)| item.0))),
        op("close", |q: &Of, _| say(q.queue.close())),
        op("is_closed", |q: &Of, _| say(q.queue.is_closed())),
    ];
    fn levels(inside: u8) -> Of {
        let queue = Counted::new(Levels::new());
        for number in 0..inside {
            let pushed = queue.queue.try_push(level(number), queue.item(100 + number));
            assert!(pushed.is_ok());
        }
        queue
    }
    Subject::new(
        "Levels",
        &["queue/priority/levels.rs"],
        vec![("empty", || levels(0)), ("one inside", || levels(1)), ("full", || levels(2))],
        operations,
        |queue| {
            let closed = queue.queue.is_closed();
            let left: Vec<u8> = queue.queue.drain().map(|(_, item)| item.0).collect();
            for number in (0..2).filter(|_| !closed) {
                let pushed = queue.queue.try_push(level(0), queue.item(number));
                assert!(pushed.is_ok(), "a place is lost");
            }
            queue.all_dropped();
            format!("{left:?}, closed {closed}")
        },
    )
    .limit(24)
    .model(|state| models::levels(state))
}

/// Blocking: the test would notice.
pub fn fast_fifo() -> Subject<Counted<FastFifo<Item, 2>>> {
    type Of = Counted<FastFifo<Item, 2>>;
    let mut operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(q.item(n)))).waits_for(&["try_pop"]),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())).waits_for(&["try_push"]),
    ];
    operations.extend(looks());
    let close = operations.remove(2).wait_free(3);
    operations.push(close);
    Subject::new("FastFifo", &["queue/fast.rs"], states!(FastFifo<Item, 2>), operations, drained)
        .limit(2_000)
        .then(1)
        .model(|state| Items::boxed(2, Order::First, state.min(2)))
}

/// Behind a lock: where that keeps handlers off, they may use it.
pub fn heap() -> Subject<Counted<Heap<u8, 2, Steps>>> {
    type Of = Counted<Heap<u8, 2, Steps>>;
    let mut operations = vec![
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(n))),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())),
        op("peek", |q: &Of, _| say(q.queue.peek())),
    ];
    operations.extend(looks());
    let operations = operations.into_iter().map(|operation| operation.waits_for(ALL)).collect();
    Subject::new(
        "Heap",
        &["queue/priority/heap.rs", "queue/guarded.rs"],
        vec![("empty", || filled(Heap::empty(), 0, 0)), ("full", || filled(Heap::empty(), 0, 2))],
        operations,
        drained,
    )
    .limit(2_000)
    .then(1)
    .masks()
    .model(|state| Items::boxed(2, Order::Smallest, 2 * state))
}

/// Numbers that pointers point to.
static NUMBERS: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

type Stolen = Deque<u8, 2>;

fn number(item: NonNull<u8>) -> u8 {
    // SAFETY: only statics are pushed.
    unsafe { *item.as_ref() }
}

fn stolen(turns: u8, inside: u8) -> Stolen {
    let deque = Deque::new();
    let mut owner = deque.owner().expect("nobody has it");
    for n in 0..turns + inside {
        assert!(owner.push(NonNull::from(&NUMBERS[10 + usize::from(n)])).is_ok());
        if n < turns {
            assert_eq!(owner.pop().map(number), Some(10 + n));
        }
    }
    drop(owner);
    deque
}

fn steal(deque: &Stolen) -> Option<Option<u8>> {
    match deque.steal() {
        Steal::Taken(item) => Some(Some(number(item))),
        Steal::Empty => Some(None),
        Steal::Retry => None,
    }
}

/// One owner, many thieves.
pub fn deque() -> Subject<Stolen> {
    Subject::new(
        "Deque",
        &["queue/steal.rs"],
        vec![
            ("empty", || stolen(0, 0)),
            ("one inside", || stolen(1, 1)),
            ("full", || stolen(0, 2)),
            ("full, once round", || stolen(3, 2)),
        ],
        vec![
            op("push", |d: &Stolen, n| {
                // SAFETY: those of the role "owner" run one at a time.
                let pushed = unsafe { d.push(NonNull::from(&NUMBERS[usize::from(n)])) };
                say(pushed.is_ok())
            })
            .role("owner")
            .wait_free(4),
            op("pop", |d: &Stolen, _| {
                // SAFETY: as above.
                say(unsafe { d.pop() }.map(number))
            })
            .role("owner")
            .wait_free(8),
            op("owner", |d: &Stolen, _| say(d.owner().is_some())).role("owner").wait_free(4),
            // Another took what it was about to take.
            op("steal", |d: &Stolen, _| say(steal(d))).weak("None").wait_free(5),
            op("steal until", |d: &Stolen, _| {
                loop {
                    if let Some(stolen) = steal(d) {
                        return say(stolen);
                    }
                }
            }),
            op("len", |d: &Stolen, _| {
                assert!(d.len() <= 2);
                "some".into()
            })
            .wait_free(4),
        ],
        |deque| {
            let mut owner = deque.owner().expect("nobody has it");
            let left: Vec<u8> = std::iter::from_fn(|| owner.pop()).map(number).collect();
            for n in &NUMBERS[..2] {
                assert!(owner.push(NonNull::from(n)).is_ok(), "a place is lost");
            }
            say(left)
        },
    )
    .then(3)
    .limit(10)
    .model(|state| models::deque([&[][..], &[11], &[10, 11], &[13, 14]][state]))
}
