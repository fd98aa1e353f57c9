//! Priority queues between threads: each item exactly once, in order among equals, and the most
//! urgent first once nobody pushes any more.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::scope;

use inkle::platform::Private;
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::queue::Queue;
use inkle_core::queue::priority::{Heap, Level, Levels};
use inkle_tests::{Ledger, SCALE, Tracked, watchdog};

const RANKS: usize = 3;
const PRODUCERS: usize = 3;

/// A tracked value whose rank is all that is compared.
struct Ranked(Tracked);

/// The rank of the value with this id.
fn rank(id: usize) -> usize {
    (id ^ id >> 3) % RANKS
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        rank(self.0.id()).cmp(&rank(other.0.id()))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// What the tests need of an item.
trait Item: Send {
    fn new(value: Tracked) -> Self;
    fn id(&self) -> usize;
}

impl Item for Ranked {
    fn new(value: Tracked) -> Self {
        Self(value)
    }
    fn id(&self) -> usize {
        self.0.id()
    }
}

impl Item for (Level<RANKS>, Tracked) {
    fn new(value: Tracked) -> Self {
        (Level::new(rank(value.id())).unwrap(), value)
    }
    fn id(&self) -> usize {
        assert_eq!(self.0.number(), rank(self.1.id()), "an item has changed its level");
        self.1.id()
    }
}

/// Fails if one consumer got two items of one producer and one rank in the wrong order.
fn check_order(history: &[usize], each: usize) {
    let mut last = [[None; RANKS]; PRODUCERS];
    for &id in history {
        let last = &mut last[id / each][rank(id)];
        assert!(*last < Some(id), "{id} came after {last:?}");
        *last = Some(id);
    }
}

/// Producers, consumers, and a shutdown at the end or in the middle.
fn hammer<Q: Queue<Item: Item> + Sync>(queue: Q, each: usize, how: Shutdown, after: usize) {
    let ledger = Ledger::new(PRODUCERS * each);
    let channel: Channel<Q, Private> = Channel::new(queue);
    let (put, got) = (AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let (ledger, channel, put) = (&ledger, &channel, &put);
                scope.spawn(move || {
                    for id in producer * each..(producer + 1) * each {
                        match channel.put(Item::new(ledger.value(id))) {
                            Ok(()) => put.fetch_add(1, SeqCst),
                            Err(error) => {
                                assert_eq!(error.into_inner().id(), id);
                                0
                            }
                        };
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut history = Vec::new();
                while let Ok(item) = channel.get() {
                    history.push(item.id());
                    got.fetch_add(1, SeqCst);
                    channel.task_done().unwrap();
                }
                check_order(&history, each);
            });
        }
        if after == usize::MAX {
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            channel.join();
        } else {
            while got.load(SeqCst) < after {
                std::thread::yield_now();
            }
        }
        channel.shutdown(how);
        channel.join();
    });
    let (put, got) = (put.into_inner(), got.into_inner());
    match how {
        Shutdown::Graceful => assert_eq!(put, got),
        Shutdown::Immediate => assert!(got <= put),
    }
    assert_eq!((channel.len(), channel.unfinished()), (0, 0));
    ledger.assert_each_once();
}

fn hammer_all<Q: Queue<Item: Item> + Sync>(new: fn() -> Q) {
    let _watch = watchdog();
    hammer(new(), 2_000 * SCALE as usize, Shutdown::Graceful, usize::MAX);
    for round in 0..20 {
        let how = [Shutdown::Graceful, Shutdown::Immediate][round % 2];
        hammer(new(), 300, how, round * 10);
    }
}

/// Threads that take only after they have put: nobody may ever see the queue empty, nor, with a
/// place for each, full.
fn never_empty_never_full<Q: Queue<Item: Item> + Sync>(queue: &Q, threads: usize) {
    let rounds = 5_000 * SCALE as usize;
    let _watch = watchdog();
    let ledger = Ledger::new(threads * rounds);
    scope(|scope| {
        for thread in 0..threads {
            let ledger = &ledger;
            scope.spawn(move || {
                for id in thread * rounds..(thread + 1) * rounds {
                    assert!(queue.try_push(Item::new(ledger.value(id))).is_ok(), "full at {id}");
                    assert!(queue.try_pop().is_ok(), "empty at {id}");
                }
            });
        }
    });
    assert_eq!(queue.len(), 0);
    ledger.assert_each_once();
}

/// Once the producers are done, the order is exact.
fn most_urgent_first<Q: Queue<Item: Item> + Sync>(new: fn() -> Q) {
    for _ in 0..50 {
        let (queue, each) = (new(), new().capacity().unwrap() / PRODUCERS);
        let ledger = Ledger::new(PRODUCERS * each);
        scope(|scope| {
            for producer in 0..PRODUCERS {
                let (queue, ledger) = (&queue, &ledger);
                scope.spawn(move || {
                    for id in producer * each..(producer + 1) * each {
                        assert!(queue.try_push(Item::new(ledger.value(id))).is_ok());
                    }
                });
            }
        });
        let history: Vec<usize> = std::iter::from_fn(|| Some(queue.try_pop().ok()?.id())).collect();
        assert!(history.is_sorted_by_key(|id| rank(*id)), "{history:?}");
        check_order(&history, each);
        ledger.assert_each_once();
    }
}

macro_rules! both {
    ($($test:ident($($capacity:literal),*): $body:expr;)*) => {
        mod levels {
            use super::*;
            $(#[test] fn $test() { $({
                type Q = Levels<Tracked, RANKS, $capacity>;
                let body: fn(fn() -> Q) = $body;
                body(Q::new);
            })* })*
        }
        mod heap {
            use super::*;
            $(#[test] fn $test() { $({
                type Q = Heap<Ranked, $capacity, Private>;
                let body: fn(fn() -> Q) = $body;
                body(Q::empty);
            })* })*
        }
    };
}

both! {
    each_item_once_small(1, 3): hammer_all;
    each_item_once(64): hammer_all;
    empty_and_full_are_exact(3): |new| never_empty_never_full(&new(), 3);
    the_most_urgent_first(60): most_urgent_first;
}
