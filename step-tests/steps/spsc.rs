//! One producer, one consumer: by handles, and on the ring itself.

use std::cell::RefCell;

use inkle_core::queue::spsc::overwriting::{Consumer as Latest, Overwriting, Producer as Newest};
use inkle_core::queue::spsc::{Consumer, Producer, Ring};

use crate::items::{Counted, Item, Lender, drained, filled, looks, popped, pushed, states};
use crate::models::{Items, Order};
use crate::subject::{Answer, Operation, Subject, op, say};

/// A ring and its handles, which may be dropped.
pub struct Handles<P, C, R> {
    producer: RefCell<Option<P>>,
    consumer: RefCell<Option<C>>,
    ring: Lender<R>,
}

impl<P, C, R> Handles<P, C, R> {
    fn produce(&self, operation: impl FnOnce(&mut P) -> Answer) -> Answer {
        self.producer.borrow_mut().as_mut().map_or("gone".into(), operation)
    }

    fn consume(&self, operation: impl FnOnce(&mut C) -> Answer) -> Answer {
        self.consumer.borrow_mut().as_mut().map_or("gone".into(), operation)
    }
}

type Two = Handles<Producer<'static, u8, 2>, Consumer<'static, u8, 2>, Ring<u8, 2>>;

fn two(turns: u8, inside: u8) -> Two {
    let ring = Lender::new(Ring::new());
    for _ in 0..turns {
        assert!(ring.get().try_push(0).is_ok() && ring.get().try_pop().is_ok());
    }
    for number in 0..inside {
        assert!(ring.get().try_push(100 + number).is_ok());
    }
    let (producer, consumer) = ring.get().split().expect("nobody has one");
    Handles { producer: Some(producer).into(), consumer: Some(consumer).into(), ring }
}

fn producer(name: &'static str, run: fn(&Two, u8) -> Answer, steps: u32) -> Operation<Two> {
    op(name, run).role("producer").wait_free(steps)
}

fn consumer(name: &'static str, run: fn(&Two, u8) -> Answer, steps: u32) -> Operation<Two> {
    op(name, run).role("consumer").wait_free(steps)
}

pub fn handles() -> Subject<Two> {
    Subject::new(
        "spsc::Ring, its handles",
        &["queue/spsc/writer.rs", "queue/spsc/reader.rs"],
        vec![
            ("empty", || two(0, 0)),
            ("one inside", || two(1, 1)),
            ("full", || two(0, 2)),
            ("full, once round", || two(3, 2)),
        ],
        vec![
            producer("try_push", |two, n| two.produce(|p| pushed(p.try_push(n))), 4),
            producer("slots free", |two, _| two.produce(|p| say(p.slots())), 4),
            producer("close", |two, _| two.produce(|p| say(p.close())), 4),
            producer("is_closed", |two, _| two.produce(|p| say(p.is_closed())), 4),
            producer("is_abandoned", |two, _| two.produce(|p| say(p.is_abandoned())), 4),
            producer(
                "write_chunk",
                |two, n| {
                    two.produce(|p| {
                        say(p.write_chunk(2).map(|mut chunk| {
                            let (first, second) = chunk.as_mut_slices();
                            first.iter_mut().chain(second).for_each(|slot| {
                                slot.write(n);
                            });
                            // SAFETY: all of it is written.
                            unsafe { chunk.commit_all() };
                        }))
                    })
                },
                4,
            ),
            producer(
                "commit one written",
                |two, n| {
                    two.produce(|p| {
                        say(p.write_chunk(1).map(|mut chunk| {
                            let (first, _) = chunk.as_mut_slices();
                            first[0].write(n);
                            // SAFETY: the first one is written.
                            unsafe { chunk.commit(1) };
                        }))
                    })
                },
                4,
            ),
            producer("push_slice", |two, n| two.produce(|p| say(p.push_slice(&[n, n]))), 4)
                // As many as it sees room for, which may be more by then.
                .loose(),
            producer("fill_from", |two, n| two.produce(|p| say(p.fill_from([n, n, n]))), 4).loose(),
            producer("drop producer", |two, _| say(two.producer.take().is_some()), 4),
            consumer("try_pop", |two, _| two.consume(|c| popped(c.try_pop())), 4),
            consumer("peek", |two, _| two.consume(|c| say(c.peek())), 4),
            consumer("slots full", |two, _| two.consume(|c| say(c.slots())), 4),
            consumer("is_abandoned", |two, _| two.consume(|c| say(c.is_abandoned())), 4),
            consumer(
                "read_chunk",
                |two, _| {
                    two.consume(|c| {
                        say(c.read_chunk(2).map(|chunk| chunk.into_iter().collect::<Vec<_>>()))
                    })
                },
                4,
            )
            // The items leave one by one.
            .loose(),
            consumer(
                "commit one read",
                |two, _| {
                    two.consume(|c| {
                        say(c.read_chunk(1).map(|chunk| {
                            let item = chunk.as_slices().0[0];
                            chunk.commit(1);
                            item
                        }))
                    })
                },
                4,
            ),
            consumer(
                "pop_slice",
                |two, _| {
                    two.consume(|c| {
                        let mut items = [0; 2];
                        say((c.pop_slice(&mut items), items))
                    })
                },
                4,
            )
            .loose(),
            consumer("drop consumer", |two, _| say(two.consumer.take().is_some()), 4),
        ],
        |two| {
            drop((two.producer, two.consumer));
            // SAFETY: the handles are gone.
            drained(Counted::new(unsafe { two.ring.take() }))
        },
    )
    .then(1)
    .limit(5)
}

/// On the ring itself calls wait for those at the same end.
pub fn ring() -> Subject<Counted<Ring<Item, 2>>> {
    type Of = Counted<Ring<Item, 2>>;
    let mut operations = looks::<Ring<Item, 2>>();
    operations.remove(0);
    operations.extend([
        op("try_push", |q: &Of, n| pushed(q.queue.try_push(q.item(n))))
            .waits_for(&["try_push", "close", "split"]),
        op("try_pop", |q: &Of, _| popped(q.queue.try_pop())).waits_for(&["try_pop", "split"]),
        op("close", |q: &Of, _| say(q.queue.close())).waits_for(&["try_push", "close", "split"]),
        op("split", |q: &Of, _| say(q.queue.split().is_some()))
            // The ends are gone until the handles are dropped.
            .loose()
            .waits_for(&["try_push", "try_pop", "close", "split"]),
    ]);
    Subject::new(
        "spsc::Ring itself",
        &["queue/spsc/ring.rs"],
        states!(Ring<Item, 2>),
        operations,
        drained,
    )
    .limit(2_000)
    .then(1)
    .model(|state| Items::boxed(2, Order::First, state.min(2)))
}

type Newer =
    Handles<Newest<'static, Item, 2>, Latest<'static, Item, 2>, Counted<Overwriting<Item, 2>>>;

fn newer(inside: u8) -> Newer {
    let ring = Lender::new(Counted::new(Overwriting::new()));
    let (mut producer, consumer) = ring.get().queue.split().expect("nobody has one");
    for number in 0..inside {
        drop(producer.push(ring.get().item(100 + number)));
    }
    Handles { producer: Some(producer).into(), consumer: Some(consumer).into(), ring }
}

pub fn overwriting() -> Subject<Newer> {
    Subject::new(
        "spsc::Overwriting",
        &["queue/spsc/overwriting.rs"],
        vec![
            ("empty", || newer(0)),
            ("one inside", || newer(1)),
            ("full", || newer(2)),
            ("overtaken", || newer(5)),
        ],
        vec![
            op("push", |two: &Newer, n| {
                let item = two.ring.get().item(n);
                two.produce(|p| say(p.push(item).map(|item| item.0)))
            })
            .role("producer")
            .wait_free(4),
            op("close", |two: &Newer, _| two.produce(|p| say(p.close())))
                .role("producer")
                .wait_free(4),
            op("is_closed", |two: &Newer, _| two.produce(|p| say(p.is_closed())))
                .role("producer")
                .wait_free(4),
            op("is_abandoned by its consumer", |two: &Newer, _| {
                two.produce(|p| say(p.is_abandoned()))
            })
            .role("producer")
            .wait_free(4),
            op("drop producer", |two: &Newer, _| say(two.producer.take().is_some()))
                .role("producer")
                .wait_free(4),
            op("try_pop", |two: &Newer, _| two.consume(|c| popped(c.try_pop()))).role("consumer"),
            op("is_abandoned by its producer", |two: &Newer, _| {
                two.consume(|c| say(c.is_abandoned()))
            })
            .role("consumer")
            .wait_free(4),
            op("drop consumer", |two: &Newer, _| say(two.consumer.take().is_some()))
                .role("consumer")
                .wait_free(4),
            // Another has the handles, which it drops at once.
            op("split", |two: &Newer, _| say(two.ring.get().queue.split().is_some()))
                .weak("false")
                .wait_free(12),
        ],
        |two| {
            drop((two.producer, two.consumer));
            // SAFETY: the handles are gone.
            let ring = unsafe { two.ring.take() };
            let left: Vec<_> = {
                let (_, mut consumer) = ring.queue.split().expect("the handles are gone");
                std::iter::from_fn(|| consumer.try_pop().ok()).map(|item| item.0).collect()
            };
            ring.all_dropped();
            say(left)
        },
    )
    .limit(8)
}
