//! [`Ring`] by its handles: every act of the producer against every act of the consumer. `Full`,
//! `Empty` and `Closed` are exact. What counts slots may be late, but never says more than there is.
//! Then handles that come and go, beside each other and beside calls on the ring. Laps of two bits.

use std::collections::VecDeque;
use std::sync::Arc;

use inkle_core::atomic::{AtomicUsize, Ordering, UnsafeCell};
use inkle_core::error::{PopError, PushError};
use inkle_core::queue::spsc::{self, TooFewSlots};
use inkle_core::queue::{Narrow, Queue};

use super::Act::*;
use super::{Act, Answer, Hand, Rules, announce, duel, lend, popped};
use crate::fast::Fair;
use crate::kit::Model;
use crate::shapes::{Item, Ledger, Ret, Token};

type Ring<T, const N: usize> = spsc::Ring<T, N, Fair, Narrow<2>>;
type Producer<T, const N: usize> = spsc::Producer<'static, T, N, Fair, Narrow<2>>;
type Consumer<T, const N: usize> = spsc::Consumer<'static, T, N, Fair, Narrow<2>>;

/// How two items go in and come out at once.
trait Two: Item {
    fn push<const N: usize>(producer: &mut Producer<Self, N>, items: [Self; 2]) -> usize;
    fn pop<const N: usize>(consumer: &mut Consumer<Self, N>) -> Vec<u8>;
}

impl Two for u8 {
    fn push<const N: usize>(producer: &mut Producer<u8, N>, items: [u8; 2]) -> usize {
        producer.push_slice(&items)
    }

    fn pop<const N: usize>(consumer: &mut Consumer<u8, N>) -> Vec<u8> {
        let mut items = vec![0; 2];
        let count = consumer.pop_slice(&mut items);
        items.truncate(count);
        items
    }
}

impl Two for Token {
    fn push<const N: usize>(producer: &mut Producer<Token, N>, items: [Token; 2]) -> usize {
        producer.fill_from(items)
    }

    fn pop<const N: usize>(consumer: &mut Consumer<Token, N>) -> Vec<u8> {
        let count = consumer.slots().min(2);
        let chunk = consumer.read_chunk(count).expect("they do not go away");
        chunk.into_iter().map(|item| item.number()).collect()
    }
}

/// `write_chunk(2)`, and `commit` of so many.
fn write<T: Item, const N: usize>(
    producer: &mut Producer<T, N>,
    first: u8,
    commit: usize,
    ledger: &Ledger,
) -> Answer {
    match producer.write_chunk(2) {
        Err(TooFewSlots(slots)) => Answer::TooFew(slots),
        Ok(mut chunk) => {
            let (a, b) = chunk.as_mut_slices();
            for (slot, number) in a.iter_mut().chain(b).zip(first..).take(commit) {
                slot.write(T::make(number, ledger));
            }
            // SAFETY: so many have been written.
            unsafe { chunk.commit(commit) };
            Answer::Items((first..).take(commit).collect())
        }
    }
}

/// `read_chunk(2)`, and `commit` of so many.
fn read<T: Item, const N: usize>(consumer: &mut Consumer<T, N>, commit: usize) -> Answer {
    match consumer.read_chunk(2) {
        Err(TooFewSlots(slots)) => Answer::TooFew(slots),
        Ok(chunk) => {
            let (a, b) = chunk.as_slices();
            let items = a.iter().chain(b).map(T::number).collect();
            chunk.commit(commit);
            Answer::Items(items)
        }
    }
}

impl<T: Two, const N: usize> Hand for Producer<T, N> {
    fn act(&mut self, act: Act, ledger: &Ledger) -> Answer {
        match act {
            Push(item) => Answer::One(match self.try_push(T::make(item, ledger)) {
                Ok(()) => Ret::Ok,
                Err(PushError::Full(_)) => Ret::Full,
                Err(PushError::Closed(_)) => Ret::Closed,
            }),
            PushTwo(first) => {
                let items = [T::make(first, ledger), T::make(first + 1, ledger)];
                Answer::Slots(T::push(self, items))
            }
            WriteTwo(first) => write(self, first, 2, ledger),
            WriteOne(first) => write(self, first, 1, ledger),
            Room => Answer::Slots(self.slots()),
            Close => Answer::One(Ret::Flag(self.close())),
            other => unreachable!("{other:?} is not an act of a producer"),
        }
    }
}

impl<T: Two, const N: usize> Hand for Consumer<T, N> {
    fn act(&mut self, act: Act, _: &Ledger) -> Answer {
        match act {
            Pop => popped(self.try_pop()),
            Peek => Answer::Items(self.peek().map(T::number).into_iter().collect()),
            PopTwo => Answer::Items(T::pop(self)),
            ReadTwo => read(self, 2),
            ReadOne => read(self, 1),
            Count => Answer::Slots(self.slots()),
            other => unreachable!("{other:?} is not an act of a consumer"),
        }
    }
}

/// What a ring is, one act at a time.
#[derive(Clone, Hash, PartialEq, Eq)]
struct Spec {
    capacity: usize,
    items: VecDeque<u8>,
    closed: bool,
}

impl Spec {
    fn take(&mut self, count: usize, items: &[u8]) -> bool {
        self.items.len() >= items.len()
            && self.items.iter().zip(items).all(|(a, b)| a == b)
            && self.items.drain(..count).len() == count
    }
}

impl Rules for Spec {
    /// Chunks and slices may answer less than there is, because the other end's position was late;
    /// single items may not.
    fn step(&mut self, act: &Act, answer: &Answer) -> bool {
        let room = if self.closed { 0 } else { self.capacity - self.items.len() };
        match (*act, answer) {
            (Push(item), Answer::One(ret)) => {
                let right = match room {
                    _ if self.closed => Ret::Closed,
                    0 => Ret::Full,
                    _ => Ret::Ok,
                };
                self.items.extend((right == Ret::Ok).then_some(item));
                *ret == right
            }
            (PushTwo(first), &Answer::Slots(count)) => {
                self.items.extend((first..).take(count));
                count <= room
            }
            (WriteTwo(_) | WriteOne(_), Answer::Items(items)) => {
                self.items.extend(items);
                room >= 2
            }
            (WriteTwo(_) | WriteOne(_), &Answer::TooFew(slots)) => slots < 2 && slots <= room,
            (Room, &Answer::Slots(slots)) => slots <= room,
            (Close, Answer::One(ret)) => {
                *ret == Ret::Flag(!std::mem::replace(&mut self.closed, true))
            }
            (Pop, Answer::One(ret)) => {
                *ret == match self.items.pop_front() {
                    Some(item) => Ret::Item(item),
                    None if self.closed => Ret::Closed,
                    None => Ret::Empty,
                }
            }
            (Peek, Answer::Items(items)) => self.take(0, items),
            (PopTwo | ReadTwo, Answer::Items(items)) => self.take(items.len(), items),
            (ReadOne, Answer::Items(items)) => self.take(1, items),
            (ReadTwo | ReadOne, &Answer::TooFew(slots)) => slots < 2 && slots <= self.items.len(),
            (Count, &Answer::Slots(slots)) => slots <= self.items.len(),
            _ => false,
        }
    }
}

/// A ring that `turns` items have passed through, and its handles.
fn split<T: Two, const N: usize>(
    turns: usize,
) -> (Arc<Ring<T, N>>, Producer<T, N>, Consumer<T, N>) {
    let ring = Arc::new(Ring::new());
    for _ in 0..turns {
        assert!(ring.try_push(T::make(0, &Ledger::default())).is_ok() && ring.try_pop().is_ok());
    }
    // SAFETY: all callers drop the handles first.
    let (producer, consumer) = unsafe { lend(&ring) }.split().expect("nobody else has them");
    (ring, producer, consumer)
}

fn handles<T: Two, const N: usize>(turns: usize, inside: u8, scripts: [&'static [Act]; 2]) {
    let (ring, producer, consumer) = split::<T, N>(turns);
    let spec = Spec { capacity: N, items: VecDeque::new(), closed: false };
    duel((producer, consumer), spec, inside, scripts);
    drop(ring);
}

/// Of items that say when they are dropped.
fn ring<const N: usize>(turns: usize, inside: u8, scripts: [&'static [Act]; 2]) {
    handles::<Token, N>(turns, inside, scripts);
}

/// Of items that can be copied.
fn slices<const N: usize>(turns: usize, inside: u8, scripts: [&'static [Act]; 2]) {
    handles::<u8, N>(turns, inside, scripts);
}

/// Told by something of the producer.
fn told_of_producer(
    tell: fn(&mut Option<Producer<u8, 1>>),
    is_told: fn(&mut Consumer<u8, 1>) -> bool,
) {
    let (ring, producer, consumer) = split::<u8, 1>(3);
    announce((Some(producer), consumer), tell, is_told);
    drop(ring);
}

/// Told by something of the consumer of a full ring.
fn told_of_consumer(
    tell: fn(&mut Option<Consumer<u8, 1>>),
    is_told: fn(&mut Producer<u8, 1>) -> bool,
) {
    let (ring, mut producer, consumer) = split::<u8, 1>(3);
    producer.try_push(0).unwrap();
    announce((Some(consumer), producer), tell, is_told);
    drop(ring);
}

/// Told by the ring itself, whose `pop` answers `Closed` although a handle has the consumer's end.
fn told_beside(inside: u8, tell: fn(&mut Producer<u8, 1>, &mut Consumer<u8, 1>)) {
    let (ring, mut producer, consumer) = split::<u8, 1>(3);
    for item in 0..inside {
        producer.try_push(item).unwrap();
        producer.close();
    }
    announce(
        (Some((producer, consumer, tell)), ring.clone()),
        |all| {
            let (producer, consumer, tell) = all.as_mut().unwrap();
            tell(producer, consumer);
        },
        |ring| ring.try_pop() == Err(PopError::Closed),
    );
    drop(ring);
}

/// Another thread pushes one item and pops it: there is never more than one.
fn len_beside() {
    let (ring, mut producer, mut consumer) = split::<u8, 2>(7);
    let turn = Arc::new(AtomicUsize::new(0));
    let thread = {
        let turn = turn.clone();
        loom::thread::spawn(move || {
            producer.try_push(1).unwrap();
            assert_eq!(consumer.try_pop(), Ok(1));
            turn.fetch_add(1, Ordering::Relaxed);
        })
    };
    // Orders nothing, but makes the stock loom, too, look at both who comes first.
    turn.fetch_add(1, Ordering::Relaxed);
    let len = ring.len();
    assert!(len <= 1, "{len} inside");
    thread.join().unwrap();
}

/// What an end's owner alone touches goes on to the next one: each thread splits the ring, and if it
/// gets the handles passes an item through. Loom would see a race on the cell of two who own it.
fn split_split(others: usize) {
    #[expect(clippy::arc_with_non_send_sync, reason = "loom's threads are one real thread")]
    let shared = Arc::new((Ring::<u8, 1>::new(), UnsafeCell::new(0)));
    fn pass((ring, passed): &(Ring<u8, 1>, UnsafeCell<usize>)) -> bool {
        let Some((mut producer, mut consumer)) = ring.split() else {
            return false;
        };
        // SAFETY: whoever has both handles is alone.
        passed.with_mut(|count| unsafe { *count += 1 });
        producer.try_push(1).unwrap();
        drop(producer);
        assert_eq!(consumer.try_pop(), Ok(1));
        true
    }
    let threads: Vec<_> = (0..others)
        .map(|_| {
            let shared = shared.clone();
            loom::thread::spawn(move || pass(&shared))
        })
        .collect();
    let mut passed = usize::from(pass(&shared));
    for thread in threads {
        passed += usize::from(thread.join().unwrap());
    }
    assert!(passed >= 1, "somebody was first");
    // SAFETY: all have joined.
    shared.1.with(|count| assert_eq!(unsafe { *count }, passed));
    assert_eq!(shared.0.len(), 0);
}

/// Another thread splits, pushes, gives one end back and pops, while this one uses the ring itself.
/// Every item is dropped once.
fn split_beside(inside: u8, act: fn(&Ring<Token, 1>, &Ledger)) {
    let ring = Arc::new(Ring::<Token, 1>::new());
    let ledger = Ledger::default();
    for item in 0..inside {
        assert!(ring.try_push(Token::make(item, &ledger)).is_ok());
    }
    let thread = {
        let (ring, ledger) = (ring.clone(), ledger.clone());
        loom::thread::spawn(move || {
            let (mut producer, mut consumer) = ring.split().expect("nobody else has a handle");
            drop(producer.try_push(Token::make(9, &ledger)));
            drop(producer);
            drop(consumer.try_pop());
        })
    };
    act(&ring, &ledger);
    thread.join().unwrap();
    drop(ring);
    ledger.all_dropped();
}

/// A thread that has one end while another thread gives the other back and takes it as the ring's.
fn drop_beside() {
    let (ring, mut producer, consumer) = split::<Token, 1>(3);
    let ledger = Ledger::default();
    let thread = {
        let ring = ring.clone();
        loom::thread::spawn(move || {
            drop(consumer);
            ring.try_pop().ok().map(|item| item.number())
        })
    };
    let pushed = producer.try_push(Token::make(1, &ledger)).is_ok();
    assert!(pushed);
    let again = producer.try_push(Token::make(2, &ledger)).is_ok();
    if producer.is_abandoned() {
        assert!(ring.split().is_none(), "there is still a producer");
    }
    let popped = thread.join().unwrap();
    assert!(popped != Some(2));
    assert!(!again || popped == Some(1), "no room without a pop");
    drop(producer);
    assert_eq!(ring.len(), 1 + usize::from(again) - usize::from(popped.is_some()));
    assert!(ring.split().is_some());
    drop(ring);
    ledger.all_dropped();
}

/// All models of this module.
pub const MODELS: &[Model] = &[
    // What came before is seen by who is told of it.
    Model::full("told_by_item", || {
        told_of_producer(|p| p.as_mut().unwrap().try_push(1).unwrap(), |c| c.try_pop().is_ok());
    }),
    Model::full("told_by_peek", || {
        told_of_producer(|p| p.as_mut().unwrap().try_push(1).unwrap(), |c| c.peek().is_some());
    }),
    Model::full("told_by_slice", || {
        told_of_producer(
            |p| assert_eq!(p.as_mut().unwrap().push_slice(&[1]), 1),
            |c| c.slots() == 1,
        );
    }),
    Model::full("told_by_close", || {
        told_of_producer(
            |p| assert!(p.as_mut().unwrap().close()),
            |c| c.try_pop() == Err(PopError::Closed),
        );
    }),
    Model::full("told_by_drop", || told_of_producer(|p| *p = None, |c| c.is_abandoned())),
    Model::full("told_by_room", || {
        told_of_consumer(
            |c| assert!(c.as_mut().unwrap().try_pop().is_ok()),
            |p| p.try_push(1).is_ok(),
        );
    }),
    Model::full("told_by_slots", || {
        told_of_consumer(
            |c| assert_eq!(c.as_mut().unwrap().pop_slice(&mut [0]), 1),
            |p| p.slots() == 1,
        );
    }),
    Model::full("told_by_dropped_consumer", || {
        told_of_consumer(|c| *c = None, |p| p.is_abandoned());
    }),
    Model::full("told_beside_by_close", || told_beside(0, |p, _| assert!(p.close()))),
    Model::full("told_beside_by_pop", || told_beside(1, |_, c| assert!(c.try_pop().is_ok()))),
    // Single items: at the rim, in the middle, around the wrap.
    Model::full("push_pop_empty", || ring::<1>(3, 0, [&[Push(1)], &[Pop]])),
    Model::full("push_pop_full", || ring::<1>(3, 1, [&[Push(1)], &[Pop]])),
    Model::full("stale_1", || ring::<1>(3, 0, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_1_full", || ring::<1>(3, 1, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_2", || ring::<2>(7, 1, [&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::full("stale_3", || ring::<3>(11, 2, [&[Push(1), Push(2)], &[Pop, Pop, Pop]])),
    Model::full("three_and_three_1", || {
        ring::<1>(3, 0, [&[Push(1), Push(2), Push(3)], &[Pop, Pop, Pop]])
    }),
    Model::full("three_and_two_2", || ring::<2>(6, 1, [&[Push(1), Push(2), Push(3)], &[Pop, Pop]])),
    // Close.
    Model::full("close_pop", || ring::<1>(3, 1, [&[Close, Push(1)], &[Pop, Pop]])),
    Model::full("push_close_pop", || ring::<2>(7, 0, [&[Push(1), Close, Close], &[Pop, Pop, Pop]])),
    Model::full("close_peek", || ring::<1>(3, 1, [&[Push(1), Close], &[Peek, Pop, Peek]])),
    Model::full("close_chunks", || {
        slices::<2>(7, 1, [&[Close, PushTwo(1), WriteTwo(3), Room], &[PopTwo, Count, Pop]])
    }),
    // Slices and chunks, around the end of the memory, against each other and single items.
    Model::full("slice_slice", || {
        slices::<3>(11, 1, [&[PushTwo(1), PushTwo(3)], &[PopTwo, PopTwo]])
    }),
    Model::full("slice_chunk", || {
        slices::<3>(11, 2, [&[PushTwo(1), PushTwo(3)], &[ReadTwo, ReadOne]])
    }),
    Model::full("slice_pop", || slices::<2>(7, 1, [&[PushTwo(1), PushTwo(3)], &[Pop, Pop]])),
    Model::full("push_slice_pop_slice", || {
        slices::<2>(7, 2, [&[Push(1), Push(2)], &[PopTwo, PopTwo]])
    }),
    Model::full("fill_iterate", || {
        ring::<3>(11, 1, [&[PushTwo(1), PushTwo(3)], &[PopTwo, PopTwo]])
    }),
    Model::full("chunk_chunk", || {
        ring::<3>(11, 2, [&[WriteTwo(1), WriteOne(3)], &[ReadTwo, ReadOne]])
    }),
    Model::full("chunk_chunk_copy", || {
        slices::<3>(11, 2, [&[WriteTwo(1), WriteOne(3)], &[ReadOne, ReadTwo]])
    }),
    Model::full("chunk_pop", || ring::<2>(7, 0, [&[WriteTwo(1), WriteTwo(3)], &[Pop, Pop, Pop]])),
    Model::full("push_chunk", || {
        ring::<2>(7, 1, [&[Push(1), Push(2), Push(3)], &[ReadTwo, ReadOne]])
    }),
    Model::full("push_peek", || ring::<1>(3, 1, [&[Push(1), Push(2)], &[Peek, Pop, Peek]])),
    Model::full("look_look", || ring::<2>(7, 1, [&[Room, Push(1), Room], &[Count, Pop, Count]])),
    // Handles that come and go.
    Model::full("split_split", || split_split(1)),
    Model::bounded(
        "split_split_split",
        3,
        "spinning threads make it a hundred times larger",
        || split_split(2),
    ),
    Model::full("split_push", || {
        split_beside(0, |ring, ledger| drop(ring.try_push(Token::make(8, ledger))))
    }),
    Model::full("split_pop", || split_beside(1, |ring, _| drop(ring.try_pop()))),
    Model::full("split_close", || {
        split_beside(0, |ring, _| assert!(!ring.close() || ring.is_closed()))
    }),
    Model::full("drop_beside", drop_beside),
    Model::full("len_beside", len_beside),
];
