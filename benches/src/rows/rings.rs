//! Rings between one producer and one consumer: single items, and slices of them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkle_core::queue::spsc;
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Producer as _, Split as _};

use super::{ours, peer};
use crate::harness::{Bar, Row};
use crate::pipe::{CAPACITY, patience};
use crate::threads::{Task, timed};

/// Items that are pushed or popped at once.
const CHUNK: usize = 64;

/// Both ends of a ring of `u64`.
trait Ends: 'static {
    type Put: Send;
    type Get: Send;

    fn open() -> (Self::Put, Self::Get);
    fn push(put: &mut Self::Put, item: u64) -> bool;
    fn pop(get: &mut Self::Get) -> Option<u64>;
}

/// A ring that takes and gives slices: as much as there is room for, or items.
trait Slices: Ends {
    fn push_slice(put: &mut Self::Put, items: &[u64]) -> usize;
    fn pop_slice(get: &mut Self::Get, items: &mut [u64]) -> usize;
}

type OurRing = spsc::Ring<u64, CAPACITY>;
static OURS: OurRing = OurRing::new();

impl Ends for OurRing {
    type Put = spsc::Producer<'static, u64, CAPACITY>;
    type Get = spsc::Consumer<'static, u64, CAPACITY>;

    fn open() -> (Self::Put, Self::Get) {
        OURS.split().expect("one measurement at a time")
    }

    #[inline(always)]
    fn push(put: &mut Self::Put, item: u64) -> bool {
        put.try_push(item).is_ok()
    }

    #[inline(always)]
    fn pop(get: &mut Self::Get) -> Option<u64> {
        get.try_pop().ok()
    }
}

impl Slices for OurRing {
    fn push_slice(put: &mut Self::Put, items: &[u64]) -> usize {
        put.push_slice(items)
    }

    fn pop_slice(get: &mut Self::Get, items: &mut [u64]) -> usize {
        get.pop_slice(items)
    }
}

struct Rtrb;

impl Ends for Rtrb {
    type Put = rtrb::Producer<u64>;
    type Get = rtrb::Consumer<u64>;

    fn open() -> (Self::Put, Self::Get) {
        rtrb::RingBuffer::new(CAPACITY)
    }

    #[inline(always)]
    fn push(put: &mut Self::Put, item: u64) -> bool {
        put.push(item).is_ok()
    }

    #[inline(always)]
    fn pop(get: &mut Self::Get) -> Option<u64> {
        get.pop().ok()
    }
}

impl Slices for Rtrb {
    fn push_slice(put: &mut Self::Put, items: &[u64]) -> usize {
        put.push_partial_slice(items).0.len()
    }

    fn pop_slice(get: &mut Self::Get, items: &mut [u64]) -> usize {
        get.pop_partial_slice(items).0.len()
    }
}

struct Ringbuf;

impl Ends for Ringbuf {
    type Put = ringbuf::HeapProd<u64>;
    type Get = ringbuf::HeapCons<u64>;

    fn open() -> (Self::Put, Self::Get) {
        HeapRb::new(CAPACITY).split()
    }

    #[inline(always)]
    fn push(put: &mut Self::Put, item: u64) -> bool {
        put.try_push(item).is_ok()
    }

    #[inline(always)]
    fn pop(get: &mut Self::Get) -> Option<u64> {
        get.try_pop()
    }
}

impl Slices for Ringbuf {
    fn push_slice(put: &mut Self::Put, items: &[u64]) -> usize {
        put.push_slice(items)
    }

    fn pop_slice(get: &mut Self::Get, items: &mut [u64]) -> usize {
        get.pop_slice(items)
    }
}

/// Its capacity is one less than its slots.
struct Heapless;

impl Ends for Heapless {
    type Put = heapless_peer::spsc::Producer<'static, u64>;
    type Get = heapless_peer::spsc::Consumer<'static, u64>;

    fn open() -> (Self::Put, Self::Get) {
        // It wants a `&'static mut`. Eight KiB a round are never given back.
        Box::leak(Box::new(heapless_peer::spsc::Queue::<u64, { CAPACITY }>::new())).split()
    }

    #[inline(always)]
    fn push(put: &mut Self::Put, item: u64) -> bool {
        put.enqueue(item).is_ok()
    }

    #[inline(always)]
    fn pop(get: &mut Self::Get) -> Option<u64> {
        get.dequeue()
    }
}

/// The general queue, for comparison: what many producers and consumers cost.
struct Crossbeam;

impl Ends for Crossbeam {
    type Put = Arc<crossbeam_queue::ArrayQueue<u64>>;
    type Get = Arc<crossbeam_queue::ArrayQueue<u64>>;

    fn open() -> (Self::Put, Self::Get) {
        let queue = Arc::new(crossbeam_queue::ArrayQueue::new(CAPACITY));
        (Arc::clone(&queue), queue)
    }

    #[inline(always)]
    fn push(put: &mut Self::Put, item: u64) -> bool {
        put.push(item).is_ok()
    }

    #[inline(always)]
    fn pop(get: &mut Self::Get) -> Option<u64> {
        get.pop()
    }
}

fn alone<E: Ends>(count: u64) -> Duration {
    let (mut put, mut get) = E::open();
    let start = Instant::now();
    for number in 0..count {
        assert!(E::push(&mut put, black_box(number)));
        black_box(E::pop(&mut get));
    }
    start.elapsed()
}

fn between<E: Ends>(count: u64) -> Duration {
    let (mut put, mut get) = E::open();
    let tasks: [Task; 2] = [
        Box::new(move || {
            for number in 0..count {
                let mut looks = 0;
                while !E::push(&mut put, black_box(number)) {
                    patience(&mut looks);
                }
            }
        }),
        Box::new(move || {
            for _ in 0..count {
                let mut looks = 0;
                loop {
                    if let Some(item) = E::pop(&mut get) {
                        black_box(item);
                        break;
                    }
                    patience(&mut looks);
                }
            }
        }),
    ];
    timed(tasks.into())
}

fn chunks_alone<E: Slices>(count: u64) -> Duration {
    let (mut put, mut get) = E::open();
    let mut items = [7; CHUNK];
    let start = Instant::now();
    for _ in 0..count / CHUNK as u64 {
        assert_eq!(E::push_slice(&mut put, black_box(&items)), CHUNK);
        assert_eq!(E::pop_slice(&mut get, &mut items), CHUNK);
        black_box(&items);
    }
    start.elapsed()
}

fn chunks_between<E: Slices>(count: u64) -> Duration {
    let (mut put, mut get) = E::open();
    let tasks: [Task; 2] = [
        Box::new(move || {
            let items = [7; CHUNK];
            let (mut left, mut looks) = (count as usize, 0);
            while left > 0 {
                match E::push_slice(&mut put, black_box(&items[..CHUNK.min(left)])) {
                    0 => patience(&mut looks),
                    pushed => (left, looks) = (left - pushed, 0),
                }
            }
        }),
        Box::new(move || {
            let mut items = [0; CHUNK];
            let (mut left, mut looks) = (count as usize, 0);
            while left > 0 {
                match E::pop_slice(&mut get, &mut items) {
                    0 => patience(&mut looks),
                    popped => (left, looks) = (left - popped, 0),
                }
                black_box(&items);
            }
        }),
    ];
    timed(tasks.into())
}

pub(crate) fn rows() -> Vec<Row> {
    let group = "ring of u64, one producer and one consumer";
    let single = |shape, [a, b, c, d, e]: [fn(u64) -> Duration; 5]| Row {
        group,
        shape,
        contenders: vec![
            ours("spsc::Ring", Some(Bar::AS_FAST), a),
            peer("rtrb", b),
            peer("ringbuf", c),
            peer("heapless spsc", d),
            peer("ArrayQueue", e),
        ],
    };
    let slices = |shape, [a, b, c]: [fn(u64) -> Duration; 3]| Row {
        group,
        shape,
        contenders: vec![
            ours("spsc::Ring", Some(Bar::AS_FAST), a),
            peer("rtrb", b),
            peer("ringbuf", c),
        ],
    };
    vec![
        single(
            "1 thread",
            [
                alone::<OurRing>,
                alone::<Rtrb>,
                alone::<Ringbuf>,
                alone::<Heapless>,
                alone::<Crossbeam>,
            ],
        ),
        single(
            "1p1c",
            [
                between::<OurRing>,
                between::<Rtrb>,
                between::<Ringbuf>,
                between::<Heapless>,
                between::<Crossbeam>,
            ],
        ),
        slices(
            "1 thread, 64 at once",
            [chunks_alone::<OurRing>, chunks_alone::<Rtrb>, chunks_alone::<Ringbuf>],
        ),
        slices(
            "1p1c, 64 at once",
            [chunks_between::<OurRing>, chunks_between::<Rtrb>, chunks_between::<Ringbuf>],
        ),
    ]
}
