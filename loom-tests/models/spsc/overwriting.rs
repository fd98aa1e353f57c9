//! [`Overwriting`](spsc::Overwriting): pushes never fail, the oldest item gives way, the rest comes
//! out in order; `Empty` and `Closed` are exact. Laps of two bits, and of one where that is enough.

use std::collections::VecDeque;
use std::sync::Arc;

use inkle_core::atomic::UnsafeCell;
use inkle_core::error::PopError;
use inkle_core::queue::spsc::{self, overwriting};
use inkle_core::queue::{Narrow, Width};

use super::Act::*;
use super::{Act, Answer, Hand, Rules, announce, duel, lend, popped};
use crate::kit::Model;
use crate::shapes::{Item, Ledger, Ret, Token};

type Producer<const N: usize, W> = overwriting::Producer<'static, Token, N, W>;
type Consumer<const N: usize, W> = overwriting::Consumer<'static, Token, N, W>;

impl<const N: usize, W: Width + 'static> Hand for Producer<N, W> {
    fn act(&mut self, act: Act, ledger: &Ledger) -> Answer {
        match act {
            Push(item) => Answer::Items(
                self.push(Token::make(item, ledger))
                    .map(|item| item.number())
                    .into_iter()
                    .collect(),
            ),
            Close => Answer::One(Ret::Flag(self.close())),
            other => unreachable!("{other:?} is not an act of this producer"),
        }
    }
}

impl<const N: usize, W: Width + 'static> Hand for Consumer<N, W> {
    fn act(&mut self, act: Act, _: &Ledger) -> Answer {
        match act {
            Pop => popped(self.try_pop()),
            other => unreachable!("{other:?} is not an act of this consumer"),
        }
    }
}

/// What an overwriting ring is, one act at a time.
#[derive(Clone, Hash, PartialEq, Eq)]
struct Spec {
    capacity: usize,
    items: VecDeque<u8>,
    closed: bool,
}

impl Rules for Spec {
    fn step(&mut self, act: &Act, answer: &Answer) -> bool {
        let right = match *act {
            Push(item) if self.closed => Answer::Items(vec![item]),
            Push(item) => {
                self.items.push_back(item);
                let beyond = self.items.len().saturating_sub(self.capacity);
                Answer::Items(self.items.drain(..beyond).collect())
            }
            Close => Answer::One(Ret::Flag(!std::mem::replace(&mut self.closed, true))),
            Pop => Answer::One(match self.items.pop_front() {
                Some(item) => Ret::Item(item),
                None if self.closed => Ret::Closed,
                None => Ret::Empty,
            }),
            _ => return false,
        };
        *answer == right
    }
}

/// A ring that `turns` items have passed through, and its handles.
fn split<const N: usize, W: Width + 'static>(
    turns: usize,
) -> (Arc<spsc::Overwriting<Token, N, W>>, Producer<N, W>, Consumer<N, W>) {
    let ring = Arc::new(spsc::Overwriting::new());
    // SAFETY: all callers drop the handles first.
    let ends = unsafe { lend(&ring) }.split();
    let (mut producer, mut consumer) = ends.expect("nobody else has them");
    for _ in 0..turns {
        assert!(producer.push(Token::make(0, &Ledger::default())).is_none());
        assert!(consumer.try_pop().is_ok());
    }
    (ring, producer, consumer)
}

fn handles<const N: usize, W: Width + 'static>(
    turns: usize,
    inside: u8,
    scripts: [&'static [Act]; 2],
) {
    let (ring, producer, consumer) = split::<N, W>(turns);
    let spec = Spec { capacity: N, items: VecDeque::new(), closed: false };
    duel((producer, consumer), spec, inside, scripts);
    drop(ring);
}

/// Plays on a ring of `N` slots with laps of two bits.
fn ring<const N: usize>(turns: usize, inside: u8, scripts: [&'static [Act]; 2]) {
    handles::<N, Narrow<2>>(turns, inside, scripts);
}

/// With laps of one bit: of one slot there is no order to lose, and after two pushes the word is the
/// same again.
fn same_again(inside: u8, scripts: [&'static [Act]; 2]) {
    handles::<1, Narrow<1>>(0, inside, scripts);
}

type Told<H> = fn(&mut Option<H>);

fn told_of_producer(
    tell: Told<Producer<1, Narrow<2>>>,
    is_told: fn(&mut Consumer<1, Narrow<2>>) -> bool,
) {
    let (ring, producer, consumer) = split(3);
    announce((Some(producer), consumer), tell, is_told);
    drop(ring);
}

fn told_of_consumer(
    tell: Told<Consumer<1, Narrow<2>>>,
    is_told: fn(&mut Producer<1, Narrow<2>>) -> bool,
) {
    let (ring, mut producer, consumer) = split(3);
    drop(producer.push(Token::make(0, &Ledger::default())));
    announce((Some(consumer), producer), tell, is_told);
    drop(ring);
}

fn token() -> Token {
    Token::make(1, &Ledger::default())
}

/// Each thread splits, and if it gets the handles pushes twice and pops.
fn split_split() {
    #[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are one real thread")]
    let shared = Arc::new((spsc::Overwriting::<u8, 1, Narrow<2>>::new(), UnsafeCell::new(0)));
    fn pass((ring, passed): &(spsc::Overwriting<u8, 1, Narrow<2>>, UnsafeCell<usize>)) -> bool {
        let Some((mut producer, mut consumer)) = ring.split() else {
            return false;
        };
        // SAFETY: whoever has both handles is alone.
        passed.with_mut(|count| unsafe { *count += 1 });
        assert_eq!((producer.push(1), producer.push(2)), (None, Some(1)));
        drop(producer);
        assert_eq!(consumer.try_pop(), Ok(2));
        true
    }
    let thread = {
        let shared = shared.clone();
        loom::thread::spawn(move || pass(&shared))
    };
    let passed = usize::from(pass(&shared)) + usize::from(thread.join().unwrap());
    assert!(passed >= 1, "somebody was first");
    // SAFETY: both have joined.
    shared.1.with(|count| assert_eq!(unsafe { *count }, passed));
}

/// The consumer gives its end back, and the other thread splits again if it finds the producer's too.
fn drop_drop() {
    let (ring, mut producer, consumer) = split::<1, Narrow<2>>(3);
    let ledger = Ledger::default();
    drop(producer.push(Token::make(1, &ledger)));
    let thread = {
        let mut consumer = consumer;
        loom::thread::spawn(move || consumer.try_pop().ok().map(|item| item.number()))
    };
    drop(producer.push(Token::make(2, &ledger)));
    drop(producer);
    let mut popped = None;
    let early = ring.split().map(|(_, mut consumer)| {
        popped = consumer.try_pop().ok().map(|item| item.number());
    });
    let first = thread.join().unwrap();
    assert!(matches!(
        (first, popped, early),
        (Some(1), Some(2), Some(())) | (Some(2), None, _) | (Some(1), None, None)
    ));
    assert!(ring.split().is_some());
    drop(ring);
    ledger.all_dropped();
}

/// Items that nobody pops are dropped with the ring, or handed back, each once.
fn dropped_inside() {
    let (ring, mut producer, mut consumer) = split::<2, Narrow<2>>(5);
    let ledger = Ledger::default();
    drop(producer.push(Token::make(1, &ledger)));
    let thread = loom::thread::spawn(move || drop(consumer.try_pop()));
    for item in 2..5 {
        drop(producer.push(Token::make(item, &ledger)));
    }
    thread.join().unwrap();
    drop((producer, ring));
    ledger.all_dropped();
}

/// All models of this module.
pub const MODELS: &[Model] = &[
    // What came before is seen by who is told of it.
    Model::full("told_by_item", || {
        told_of_producer(|p| drop(p.as_mut().unwrap().push(token())), |c| c.try_pop().is_ok());
    }),
    Model::full("told_by_close", || {
        told_of_producer(
            |p| assert!(p.as_mut().unwrap().close()),
            |c| matches!(c.try_pop(), Err(PopError::Closed)),
        );
    }),
    Model::full("told_by_drop", || told_of_producer(|p| *p = None, |c| c.is_abandoned())),
    Model::full("told_by_room", || {
        told_of_consumer(|c| drop(c.as_mut().unwrap().try_pop()), |p| p.push(token()).is_none());
    }),
    Model::full("told_by_dropped_consumer", || {
        told_of_consumer(|c| *c = None, |p| p.is_abandoned());
    }),
    // Push and pop: at the rim, in the middle, around the wrap.
    Model::full("push_pop_empty", || ring::<1>(3, 0, [&[Push(1)], &[Pop]])),
    Model::full("push_pop_full", || ring::<1>(3, 1, [&[Push(1)], &[Pop]])),
    Model::full("stale_1", || ring::<1>(3, 0, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_1_full", || ring::<1>(3, 1, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_2", || ring::<2>(7, 1, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_3", || ring::<3>(11, 2, [&[Push(1), Push(2)], &[Pop, Pop, Pop]])),
    // The producer comes around while the consumer is at it.
    Model::full("overtaken_1", || {
        ring::<1>(3, 1, [&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    Model::full("overtaken_2", || {
        ring::<2>(7, 2, [&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    Model::full("overtaken_3", || {
        ring::<3>(10, 3, [&[Push(1), Push(2), Push(3), Push(4)], &[Pop, Pop, Pop]])
    }),
    Model::full("overtaken_twice", || {
        ring::<2>(6, 2, [&[Push(1), Push(2), Push(3), Push(4), Push(5)], &[Pop, Pop]])
    }),
    Model::full("same_word_again", || same_again(1, [&[Push(1), Push(2), Push(3)], &[Pop, Pop]])),
    // Close: empty, part full, full, overtaken.
    Model::full("close_pop", || ring::<1>(3, 0, [&[Close, Push(1)], &[Pop, Pop]])),
    Model::full("close_pop_full", || ring::<1>(3, 1, [&[Close, Close], &[Pop, Pop]])),
    Model::full("push_close_pop", || ring::<2>(7, 1, [&[Push(1), Close], &[Pop, Pop, Pop]])),
    Model::full("push_close_full", || ring::<2>(7, 2, [&[Push(1), Close], &[Pop, Pop, Pop]])),
    // Handles that come and go, and what nobody pops.
    Model::full("split_split", split_split),
    Model::full("drop_drop", drop_drop),
    Model::full("dropped_inside", dropped_inside),
];
