//! Queues that answer at once, 1024 slots, in a retry loop that is the same for all.

use concurrent_queue::{ConcurrentQueue, PushError as Rejected};
use crossbeam_queue::ArrayQueue;
use inkle_core::PushError;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::{Bits, WordRing};
use spin::relax::RelaxStrategy;

use super::{in_shapes, our_pipe, peer_pipe};
use crate::harness::{Bar, Row};
use crate::pipe::{Answers, CAPACITY, Payload, Retry, patience};

/// What a thread of an operating system does while it waits for another one in mid-operation; the
/// peers do the same.
struct Yield;

impl RelaxStrategy for Yield {
    fn relax() {
        std::thread::yield_now();
    }
}

type Words<T> = WordRing<T, CAPACITY>;
type Free<T> = Fifo<T, CAPACITY>;
type Fast<T> = FastFifo<T, CAPACITY, Yield>;
type Heapless<T> = heapless_peer::mpmc::Queue<T, CAPACITY>;

/// Implements [`Answers`] for a queue of `T`: how to make, push and pop, and the patterns in which
/// the queue hands a rejected item back and gives one.
macro_rules! answers {
    (
        $queue:ty, T: $bound:path, $new:expr,
        |$q:ident, $item:ident| $push:expr => $back:ident in $rejected:pat,
        $pop:expr => $popped:ident in $given:pat
    ) => {
        impl<T: $bound + Send + 'static> Answers<T> for $queue {
            fn new() -> Self {
                $new
            }

            #[inline(always)]
            fn push(&self, mut $item: T) {
                let $q = self;
                let mut looks = 0;
                loop {
                    match $push {
                        Ok(()) => return,
                        $rejected => $item = $back,
                    }
                    patience(&mut looks);
                }
            }

            #[inline(always)]
            fn pop(&self) -> T {
                let $q = self;
                let mut looks = 0;
                loop {
                    if let $given = $pop {
                        return $popped;
                    }
                    patience(&mut looks);
                }
            }
        }
    };
    // Ours.
    ($queue:ty, T: $bound:path) => {
        answers!(
            $queue, T: $bound, Self::new(),
            |q, item| q.try_push(item) => back in Err(PushError::Full(back) | PushError::Closed(back)),
            q.try_pop() => popped in Ok(popped)
        );
    };
}

answers!(Words<T>, T: Bits);
answers!(Free<T>, T: Sized);
answers!(Fast<T>, T: Sized);
answers!(
    ArrayQueue<T>, T: Sized, Self::new(CAPACITY),
    |q, item| q.push(item) => back in Err(back),
    q.pop() => popped in Some(popped)
);
answers!(
    ConcurrentQueue<T>, T: Sized, Self::bounded(CAPACITY),
    |q, item| q.push(item) => back in Err(Rejected::Full(back) | Rejected::Closed(back)),
    q.pop() => popped in Ok(popped)
);
answers!(
    Heapless<T>, T: Sized, Self::new(),
    |q, item| q.enqueue(item) => back in Err(back),
    q.dequeue() => popped in Some(popped)
);

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = words();
    rows.extend(values::<u64>("queue of u64"));
    rows.extend(values::<[u8; 64]>("queue of [u8; 64]"));
    rows
}

/// The word ring has to equal crossbeam's queue on one thread and halve its time between threads.
fn words() -> Vec<Row> {
    let against = Some("ArrayQueue");
    let alone = Some(Bar { ratio: 1.0, against });
    let between = Some(Bar { ratio: 0.5, against });
    in_shapes(
        "queue of u32",
        vec![
            our_pipe::<u32, Retry<Words<u32>>>("WordRing", [alone, between, between, between]),
            peer_pipe::<u32, Retry<ArrayQueue<u32>>>("ArrayQueue"),
            peer_pipe::<u32, Retry<ConcurrentQueue<u32>>>("concurrent-queue"),
            peer_pipe::<u32, Retry<Heapless<u32>>>("heapless"),
        ],
    )
}

/// `Fifo` promises progress, not speed; `FastFifo` promises speed among those whose answers are exact.
/// (The one from heapless answers `Full` and `Empty` when it is neither.)
fn values<T: Payload>(group: &'static str) -> Vec<Row> {
    let exact = Some(Bar { ratio: 1.0, against: Some("ArrayQueue") });
    in_shapes(
        group,
        vec![
            our_pipe::<T, Retry<Free<T>>>("Fifo", [None; 4]),
            our_pipe::<T, Retry<Fast<T>>>("FastFifo", [exact; 4]),
            peer_pipe::<T, Retry<ArrayQueue<T>>>("ArrayQueue"),
            peer_pipe::<T, Retry<ConcurrentQueue<T>>>("concurrent-queue"),
            peer_pipe::<T, Retry<Heapless<T>>>("heapless"),
        ],
    )
}
