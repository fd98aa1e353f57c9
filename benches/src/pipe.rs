//! Queues and channels as the rows see them: ends that put and ends that get.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::threads::{Task, timed};

/// Slots of every bounded queue.
pub(crate) const CAPACITY: usize = 1024;

/// What goes through a queue.
pub(crate) trait Payload: Send + 'static {
    /// One that the compiler cannot foresee.
    fn make(number: u64) -> Self;
}

impl Payload for u32 {
    #[inline(always)]
    fn make(number: u64) -> Self {
        black_box(number as u32)
    }
}

impl Payload for u64 {
    #[inline(always)]
    fn make(number: u64) -> Self {
        black_box(number)
    }
}

impl Payload for [u8; 64] {
    #[inline(always)]
    fn make(number: u64) -> Self {
        black_box([number as u8; 64])
    }
}

/// The end that puts. Waits for room, each contender in its own way.
pub(crate) trait Put<T>: Send + 'static {
    fn put(&mut self, item: T);
}

/// The end that gets. Waits for an item, each contender in its own way.
pub(crate) trait Get<T>: Send + 'static {
    fn get(&mut self) -> T;
}

/// Something with two kinds of ends. Ends rather than a shared reference, because the standard
/// library's receiver belongs to one thread.
pub(crate) trait Pipe<T> {
    type Put: Put<T>;
    type Get: Get<T>;

    /// A new one, with so many ends on each side.
    fn open(producers: usize, consumers: usize) -> (Vec<Self::Put>, Vec<Self::Get>);
}

/// A queue that answers at once, in a loop around its own answers. The loop is written against each
/// queue's own error type: turning one into another would cost more than some of the operations.
pub(crate) trait Answers<T>: Send + Sync + 'static {
    fn new() -> Self;
    fn push(&self, item: T);
    fn pop(&self) -> T;
}

/// Makes a [`Pipe`] of a queue that answers at once.
pub(crate) struct Retry<Q>(Arc<Q>);

/// How often to ask again at once before giving the processor away.
const LOOKS: u32 = 64;

/// Waits a moment before asking again; the same for all.
#[cold]
pub(crate) fn patience(looks: &mut u32) {
    if *looks < LOOKS {
        *looks += 1;
        spin_loop();
    } else {
        thread::yield_now();
    }
}

impl<T, Q: Answers<T>> Put<T> for Retry<Q> {
    #[inline(always)]
    fn put(&mut self, item: T) {
        self.0.push(item);
    }
}

impl<T, Q: Answers<T>> Get<T> for Retry<Q> {
    #[inline(always)]
    fn get(&mut self) -> T {
        self.0.pop()
    }
}

impl<T, Q: Answers<T>> Pipe<T> for Retry<Q> {
    type Put = Self;
    type Get = Self;

    fn open(producers: usize, consumers: usize) -> (Vec<Self>, Vec<Self>) {
        let queue = Arc::new(Q::new());
        let ends = |count| (0..count).map(|_| Self(Arc::clone(&queue))).collect();
        (ends(producers), ends(consumers))
    }
}

/// One thread puts an item and gets it back, `count` times.
pub(crate) fn pairs<T: Payload, P: Pipe<T>>(count: u64) -> Duration {
    let (mut puts, mut gets) = P::open(1, 1);
    let (put, get) = (&mut puts[0], &mut gets[0]);
    let start = Instant::now();
    for number in 0..count {
        put.put(T::make(number));
        black_box(get.get());
    }
    start.elapsed()
}

/// `SIDE` producers and as many consumers move `count` items.
pub(crate) fn flow<T: Payload, P: Pipe<T>, const SIDE: usize>(count: u64) -> Duration {
    let (puts, gets) = P::open(SIDE, SIDE);
    let share = count / SIDE as u64;
    let producers = puts.into_iter().map(|mut end| -> Task {
        Box::new(move || (0..share).for_each(|number| end.put(T::make(number))))
    });
    let consumers = gets.into_iter().map(|mut end| -> Task {
        Box::new(move || {
            for _ in 0..share {
                black_box(end.get());
            }
        })
    });
    timed(producers.chain(consumers).collect())
}

/// Two threads pass one item to and fro through two pipes; one operation is a round trip.
pub(crate) fn round_trips<T: Payload, P: Pipe<T>>(count: u64) -> Duration {
    let [(mut there, mut arrived), (mut back, mut returned)] = [(), ()].map(|()| P::open(1, 1));
    timed(vec![
        Box::new(move || {
            for number in 0..count {
                there[0].put(T::make(number));
                black_box(returned[0].get());
            }
        }),
        Box::new(move || (0..count).for_each(|_| back[0].put(arrived[0].get()))),
    ])
}
