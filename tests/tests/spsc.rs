//! The rings between one producer and one consumer, on real threads: every item is accounted for, in
//! order, whatever way it went in and out. (`many.rs` runs the ring as a queue of many threads.)

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{scope, yield_now};

use inkle_core::queue::spsc::{Overwriting, Ring};
use inkle_core::{PopError, PushError};
use inkle_tests::{Ledger, SCALE, Tracked, watchdog};

/// A number that shows it if it was copied in two halves.
#[derive(Clone, Copy)]
struct Stamped([u32; 8]);

impl Stamped {
    fn new(number: u32) -> Self {
        Self([number; 8])
    }

    fn number(&self) -> u32 {
        assert!(self.0.iter().all(|copy| *copy == self.0[0]), "torn: {:?}", self.0);
        self.0[0]
    }
}

/// Moves `count` numbers by all operations in turns, and checks that they arrive in order.
fn stream<const N: usize>(count: u32) {
    let _watch = watchdog();
    let ring = Ring::<Stamped, N>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    scope(|scope| {
        scope.spawn(move || {
            let mut next = 0;
            for way in 0.. {
                let want = (way % 7 + 1).min(count - next);
                let many: Vec<_> = (next..next + want).map(Stamped::new).collect();
                let done = match way % 4 {
                    _ if want == 0 => break,
                    0 => match producer.try_push(many[0]) {
                        Ok(()) => 1,
                        Err(PushError::Full(item)) => {
                            assert_eq!(item.number(), next);
                            0
                        }
                        Err(PushError::Closed(_)) => panic!("not yet"),
                    },
                    1 => producer.push_slice(&many),
                    2 => producer.fill_from(many),
                    _ => match producer.write_chunk(many.len()) {
                        Ok(mut chunk) => {
                            let (first, second) = chunk.as_mut_slices();
                            for (slot, item) in first.iter_mut().chain(second).zip(&many) {
                                slot.write(*item);
                            }
                            // SAFETY: all have been written.
                            unsafe { chunk.commit_all() };
                            many.len()
                        }
                        Err(fewer) => {
                            assert!(fewer.0 < many.len());
                            0
                        }
                    },
                };
                next += done as u32;
                if done == 0 {
                    yield_now();
                }
            }
            assert!(producer.close());
        });
        let mut next = 0;
        let mut check = |item: &Stamped| {
            assert_eq!(item.number(), next);
            next += 1;
        };
        for way in 0.. {
            let mut many = [Stamped::new(0); 5];
            let slots = consumer.slots();
            match way % 4 {
                0 => match consumer.try_pop() {
                    Ok(item) => check(&item),
                    Err(PopError::Empty) => yield_now(),
                    Err(PopError::Closed) => break,
                },
                1 => {
                    let done = consumer.pop_slice(&mut many);
                    many[..done].iter().for_each(&mut check);
                }
                2 => {
                    let chunk = consumer.read_chunk(slots).expect("they do not go away");
                    chunk.into_iter().take(3).for_each(|item| check(&item));
                }
                _ => {
                    let chunk = consumer.read_chunk(slots).expect("they do not go away");
                    let (first, second) = chunk.as_slices();
                    first.iter().chain(second).for_each(&mut check);
                    chunk.commit_all();
                }
            }
        }
        assert_eq!(next, count);
    });
}

#[test]
fn ring_1() {
    stream::<1>(10_000 * SCALE);
}

#[test]
fn ring_2() {
    stream::<2>(10_000 * SCALE);
}

#[test]
fn ring_3() {
    stream::<3>(20_000 * SCALE);
}

#[test]
fn ring_64() {
    stream::<64>(100_000 * SCALE);
}

/// The producer, then the consumer, goes away in the middle: every item is dropped once.
#[test]
fn ring_left_in_the_middle() {
    let _watch = watchdog();
    for round in 0..200 {
        let ledger = Ledger::new(100);
        let ring = Ring::<Tracked, 5>::new();
        let (mut producer, mut consumer) = ring.split().unwrap();
        scope(|scope| {
            scope.spawn(|| {
                for id in 0..100 {
                    let mut item = ledger.value(id);
                    while let Err(error) = producer.try_push(item) {
                        item = error.into_inner();
                        if producer.is_abandoned() {
                            break;
                        }
                        yield_now();
                    }
                }
                drop(producer);
            });
            scope.spawn(|| {
                for id in 0..round % 110 {
                    let item = loop {
                        match consumer.try_pop() {
                            Ok(item) => break Some(item),
                            Err(_) if consumer.is_abandoned() => break consumer.try_pop().ok(),
                            Err(_) => yield_now(),
                        }
                    };
                    assert_eq!(item.map(|item| item.id()), (id < 100).then_some(id));
                }
                drop(consumer);
            });
        });
        assert!(ring.split().is_some());
        drop(ring);
        ledger.assert_each_once();
    }
}

/// Threads that split the ring in turns, each with a bit of the stream.
#[test]
fn ring_split_by_many() {
    let _watch = watchdog();
    static RING: Ring<u32, 2> = Ring::new();
    let next = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..1_000 * SCALE {
                    if let Some((mut producer, mut consumer)) = RING.split() {
                        // Relaxed on purpose: the handles order it.
                        let number = next.load(Ordering::Relaxed);
                        next.store(number + 1, Ordering::Relaxed);
                        // What the last owner left behind, but for the first.
                        assert_eq!(consumer.try_pop().ok(), number.checked_sub(1));
                        producer.try_push(number).unwrap();
                    }
                }
            });
        }
    });
    assert!(next.into_inner() > 0);
}

/// A producer that never waits: what the consumer gets and what gave way are in order, and together
/// they are everything.
fn overwrite<const N: usize>(count: u32) {
    let _watch = watchdog();
    let ring = Overwriting::<(Stamped, Box<u32>), N>::new();
    let (mut producer, mut consumer) = ring.split().unwrap();
    let (gave_way, got) = scope(|scope| {
        let producer = scope.spawn(move || {
            let mut gave_way = Vec::new();
            for number in 0..count {
                gave_way.extend(producer.push((Stamped::new(number), Box::new(number))));
                if number % 64 == 0 {
                    yield_now();
                }
            }
            assert!(producer.close());
            gave_way
        });
        let mut got = Vec::new();
        loop {
            match consumer.try_pop() {
                Ok(item) => got.push(item),
                Err(PopError::Empty) => yield_now(),
                Err(PopError::Closed) => break,
            }
        }
        (producer.join().unwrap(), got)
    });
    let numbers = |items: &[(Stamped, Box<u32>)]| -> Vec<u32> {
        let numbers: Vec<_> = items
            .iter()
            .map(|(item, number)| {
                assert_eq!(item.number(), **number);
                **number
            })
            .collect();
        assert!(numbers.is_sorted(), "in order");
        numbers
    };
    let (gave_way, got) = (numbers(&gave_way), numbers(&got));
    assert!(got.ends_with(&[count - 1]), "the last one is always there");
    let mut all = [gave_way, got].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..count), "each once");
}

#[test]
fn overwriting_1() {
    overwrite::<1>(50_000 * SCALE);
}

#[test]
fn overwriting_2() {
    overwrite::<2>(50_000 * SCALE);
}

#[test]
fn overwriting_3() {
    overwrite::<3>(50_000 * SCALE);
}

#[test]
fn overwriting_64() {
    overwrite::<64>(100_000 * SCALE);
}
