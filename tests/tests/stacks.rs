//! Threads on the stack, the inbox and the forced pushes: every item is accounted for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{current, park, scope, yield_now};

use inkle::platform::Private;
use inkle_core::channel::{Channel, Shutdown};
use inkle_core::queue::Queue;
use inkle_core::queue::fifo::{Fifo, Refused};
use inkle_core::queue::inbox::{Arrival, Inbox};
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::word::WordRing;
use inkle_core::{PopError, PushError};
use inkle_tests::{Ledger, SCALE, Tracked, watchdog};

const THREADS: usize = 4;

/// The ids of one thread's items.
fn ids(thread: usize, each: usize) -> std::ops::Range<usize> {
    thread * each..(thread + 1) * each
}

/// Each of four threads pushes its items and pops in between; what is left is dropped with the queue.
fn push_and_pop(queue: impl Queue<Item = Tracked> + Sync) {
    let _watch = watchdog();
    let each = 3_000 * SCALE as usize;
    let ledger = Ledger::new(THREADS * each);
    scope(|scope| {
        for thread in 0..THREADS {
            let (queue, ledger) = (&queue, &ledger);
            scope.spawn(move || {
                for id in ids(thread, each) {
                    let mut item = ledger.value(id);
                    while let Err(error) = queue.try_push(item) {
                        item = error.into_inner();
                        drop(queue.try_pop());
                        yield_now();
                    }
                    if id % 3 == 0 {
                        drop(queue.try_pop());
                    }
                }
            });
        }
    });
    assert_eq!(ledger.total() as usize + queue.len(), THREADS * each);
    drop(queue);
    ledger.assert_each_once();
}

#[test]
fn stack_loses_nothing() {
    push_and_pop(Stack::<Tracked, 1>::new());
    push_and_pop(Stack::<Tracked, 3>::new());
    push_and_pop(Stack::<Tracked, 64>::new());
}

#[test]
fn inbox_loses_nothing() {
    push_and_pop(Inbox::<Tracked, 1>::new());
    push_and_pop(Inbox::<Tracked, 3>::new());
    push_and_pop(Inbox::<Tracked, 64>::new());
}

/// Threads that pop only after they have pushed: nobody may see the stack empty, or, with a cell for
/// each, full.
#[test]
fn empty_and_full_are_exact() {
    let _watch = watchdog();
    let (stack, inbox) = (Stack::<u32, THREADS>::new(), Inbox::<u32, THREADS>::new());
    scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..5_000 * SCALE {
                    assert_eq!(stack.try_push(round), Ok(()));
                    assert!(stack.try_pop().is_ok());
                    assert!(inbox.try_push(round).is_ok());
                    assert!(inbox.try_pop().is_ok());
                }
            });
        }
    });
    assert_eq!((stack.try_pop(), inbox.try_pop()), (Err(PopError::Empty), Err(PopError::Empty)));
}

/// In a channel: every item comes out once, and `join` ends.
fn channel(queue: impl Queue<Item = u32> + Sync) {
    let _watch = watchdog();
    let each = 2_000 * SCALE;
    let channel: Channel<_, Private> = Channel::new(queue);
    let seen: Vec<AtomicU32> = (0..2 * each).map(|_| AtomicU32::new(0)).collect();
    scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Ok(item) = channel.get() {
                    seen[item as usize].fetch_add(1, Ordering::Relaxed);
                    channel.task_done().unwrap();
                }
            });
        }
        let channel = &channel;
        let producers = [0, 1].map(|producer| {
            scope.spawn(move || {
                (producer * each..(producer + 1) * each)
                    .for_each(|item| channel.put(item).unwrap());
            })
        });
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        channel.join();
        channel.shutdown(Shutdown::Graceful);
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

#[test]
fn in_a_channel() {
    channel(Stack::<u32, 2>::new());
    channel(Stack::<u32, 50>::new());
    channel(Inbox::<u32, 2>::new());
    channel(Inbox::<u32, 50>::new());
}

/// The producers wake the consumer only when they are told to; batches come in the order of each
/// producer.
#[test]
fn batches_and_wake_ups() {
    let _watch = watchdog();
    let each = 5_000 * SCALE;
    let inbox = Inbox::<(u32, u32), 16>::new();
    scope(|scope| {
        let (inbox, consumer) = (&inbox, current());
        for producer in 0..3 {
            let consumer = consumer.clone();
            scope.spawn(move || {
                for number in 0..each {
                    loop {
                        match inbox.try_push((producer, number)) {
                            Ok(Arrival::First) => consumer.unpark(),
                            Ok(Arrival::Later) => {}
                            Err(_) => {
                                yield_now();
                                continue;
                            }
                        }
                        break;
                    }
                }
            });
        }
        let mut next = [0; 3];
        while next != [each; 3] {
            let mut empty = true;
            // Now and then one by one.
            let one = if next[0] % 7 == 0 { inbox.try_pop().ok() } else { None };
            for (producer, number) in one.into_iter().chain(inbox.take_all()) {
                assert_eq!(std::mem::replace(&mut next[producer as usize], number + 1), number);
                empty = false;
            }
            if empty {
                park();
            }
        }
    });
}

/// After a close nothing comes behind the batch that says it is the last.
#[test]
fn the_last_batch() {
    let _watch = watchdog();
    for _ in 0..100 * SCALE {
        let inbox = Inbox::<u32, 64>::new();
        let pushed = AtomicU32::new(0);
        scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Ok(_) | Err(PushError::Full(_)) = inbox.try_push(1).inspect(|_| {
                        pushed.fetch_add(1, Ordering::Relaxed);
                    }) {}
                });
            }
            scope.spawn(|| inbox.close());
            let mut taken = 0;
            loop {
                let batch = inbox.take_all();
                let is_last = batch.is_last();
                taken += batch.count() as u32;
                if is_last {
                    break;
                }
            }
            assert_eq!(inbox.try_pop(), Err(PopError::Closed));
            pushed.fetch_sub(taken, Ordering::Relaxed);
        });
        assert_eq!(pushed.load(Ordering::Relaxed), 0);
    }
}

/// Forced pushes against pops: each number comes out once, by a pop or by making room, and pops of
/// one producer's numbers go upwards.
#[test]
fn forced_words() {
    let _watch = watchdog();
    let each = 20_000 * SCALE as usize;
    let ring = WordRing::<u32, 3>::new();
    let seen: Vec<AtomicU32> = (0..2 * each).map(|_| AtomicU32::new(0)).collect();
    let take = |item: u32| seen[item as usize].fetch_add(1, Ordering::Relaxed);
    let done = AtomicBool::new(false);
    scope(|scope| {
        let (ring, take) = (&ring, &take);
        let producers = [0, 1].map(|thread| {
            scope.spawn(move || {
                for id in ids(thread, each) {
                    if let Some(oldest) = ring.force_push(id as u32).unwrap() {
                        take(oldest);
                    }
                }
            })
        });
        scope.spawn(|| {
            let mut last = [None; 2];
            while !done.load(Ordering::Relaxed) {
                let _ = ring.peek();
                if let Ok(item) = ring.try_pop() {
                    let last = &mut last[item as usize / each];
                    assert!(last.replace(item) < Some(item));
                    take(item);
                }
                assert!(ring.len() <= 3);
            }
        });
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    while let Ok(item) = ring.try_pop() {
        take(item);
    }
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

/// The same for items of any type, with a close in the middle.
#[test]
fn forced_items() {
    let _watch = watchdog();
    for round in 0..20 {
        let each = 300 * SCALE as usize;
        let queue = Arc::new(Fifo::<Tracked, 2>::new());
        let ledger = Ledger::new(THREADS * each);
        let accepted = AtomicU32::new(0);
        let taken = AtomicU32::new(0);
        scope(|scope| {
            for thread in 0..THREADS {
                let (queue, ledger, accepted, taken) = (&queue, &ledger, &accepted, &taken);
                scope.spawn(move || {
                    for id in ids(thread, each) {
                        let displaced = match queue.force_push(ledger.value(id)) {
                            Ok(displaced) => {
                                accepted.fetch_add(1, Ordering::Relaxed);
                                displaced
                            }
                            Err(Refused { error, displaced }) => {
                                assert_eq!(error.into_inner().id(), id);
                                displaced
                            }
                        };
                        taken.fetch_add(u32::from(displaced.is_some()), Ordering::Relaxed);
                        if id % 3 == 0 {
                            taken.fetch_add(u32::from(queue.try_pop().is_ok()), Ordering::Relaxed);
                        }
                        if round % 2 == 0 && id == each / 2 {
                            queue.close();
                        }
                    }
                });
            }
        });
        while queue.try_pop().is_ok() {
            taken.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(accepted.into_inner(), taken.into_inner());
        drop(queue);
        ledger.assert_each_once();
    }
}
