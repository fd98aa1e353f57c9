//! Other orders than first in, first out: stacks, inboxes, priorities.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;
use std::mem::take;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cordyceps::{Linked, TransferStack, stack};
use crossbeam_queue::SegQueue;
use inkle::platform::Private;
use inkle_core::queue::inbox::Inbox;
use inkle_core::queue::lifo::Stack;
use inkle_core::queue::priority::{Heap, Level, Levels};

use super::{in_shapes, our_pipe, ours, peer, peer_pipe};
use crate::harness::{Bar, Row};
use crate::pipe::{Answers, CAPACITY, Retry, patience};
use crate::threads::{Task, timed};

/// Asks until the answer is yes.
#[inline(always)]
fn until<R>(mut attempt: impl FnMut() -> Option<R>) -> R {
    let mut looks = 0;
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        patience(&mut looks);
    }
}

/// Implements [`Answers`] for a queue of `u64`: how to make, push and pop.
macro_rules! answers {
    ($queue:ty, $new:expr, |$q:ident, $item:ident| $push:expr, $pop:expr) => {
        impl Answers<u64> for $queue {
            fn new() -> Self {
                $new
            }

            #[inline(always)]
            fn push(&self, $item: u64) {
                let $q = self;
                until(|| $push);
            }

            #[inline(always)]
            fn pop(&self) -> u64 {
                let $q = self;
                until(|| $pop)
            }
        }
    };
}

type Ours<T> = Stack<T, CAPACITY>;
answers!(Ours<u64>, Stack::new(), |q, item| q.try_push(item).ok(), q.try_pop().ok());

/// A list behind a lock, with the limit that ours has.
struct Locked<L, C> {
    lock: L,
    marker: std::marker::PhantomData<C>,
}

/// What the rows ask of a lock.
pub(super) trait Guard<C>: Send + Sync + 'static {
    fn new(value: C) -> Self;
    fn with<R>(&self, f: impl FnOnce(&mut C) -> R) -> R;
}

impl<C: Send + 'static> Guard<C> for Mutex<C> {
    fn new(value: C) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut C) -> R) -> R {
        f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C: Send + 'static> Guard<C> for parking_lot::Mutex<C> {
    fn new(value: C) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut C) -> R) -> R {
        f(&mut self.lock())
    }
}

/// What the rows ask of a container.
trait Holds: Default + Send + Sync + 'static {
    fn add(&mut self, item: u64);
    fn give(&mut self) -> Option<u64>;
    fn count(&self) -> usize;
}

impl Holds for Vec<u64> {
    fn add(&mut self, item: u64) {
        self.push(item);
    }

    fn give(&mut self) -> Option<u64> {
        self.pop()
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl Holds for BinaryHeap<Reverse<u64>> {
    fn add(&mut self, item: u64) {
        self.push(Reverse(item));
    }

    fn give(&mut self) -> Option<u64> {
        self.pop().map(|item| item.0)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// The same with arrival numbers: first in, first out among equals, as ours.
#[derive(Default)]
struct Stable {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    arrivals: u64,
}

impl Holds for Stable {
    fn add(&mut self, item: u64) {
        self.heap.push(Reverse((item, self.arrivals)));
        self.arrivals += 1;
    }

    fn give(&mut self) -> Option<u64> {
        self.heap.pop().map(|Reverse((item, _))| item)
    }

    fn count(&self) -> usize {
        self.heap.len()
    }
}

/// One list a level, the way one would write it by hand.
#[derive(Default)]
struct Lists([VecDeque<u64>; LEVELS]);

impl Holds for Lists {
    fn add(&mut self, item: u64) {
        self.0[item as usize % LEVELS].push_back(item);
    }

    fn give(&mut self) -> Option<u64> {
        self.0.iter_mut().find_map(VecDeque::pop_front)
    }

    fn count(&self) -> usize {
        self.0.iter().map(VecDeque::len).sum()
    }
}

impl<C: Holds, L: Guard<C>> Answers<u64> for Locked<L, C> {
    fn new() -> Self {
        Self { lock: L::new(C::default()), marker: std::marker::PhantomData }
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        until(|| self.lock.with(|list| (list.count() < CAPACITY).then(|| list.add(item))));
    }

    #[inline(always)]
    fn pop(&self) -> u64 {
        until(|| self.lock.with(C::give))
    }
}

type StdLocked<C> = Locked<Mutex<C>, C>;
type ParkingLot<C> = Locked<parking_lot::Mutex<C>, C>;

const LEVELS: usize = 8;

type OurLevels<T> = Levels<T, LEVELS, CAPACITY>;
answers!(
    OurLevels<u64>,
    Levels::new(),
    |q, item| {
        let level = Level::new(item as usize % LEVELS).expect("a level below the last");
        q.try_push(level, item).ok()
    },
    q.try_pop().ok().map(|(_, item)| item)
);

type OurHeap<T> = Heap<T, CAPACITY, Private>;
answers!(OurHeap<u64>, Heap::empty(), |q, item| q.try_push(item).ok(), q.try_pop().ok());

/// Items that are scattered, in the same order for all: an order by priority has something to do.
#[derive(Clone, Copy)]
struct Scattered(u64);

impl Scattered {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Half full, then one in and one out.
fn half_full<Q: Answers<u64>>(count: u64) -> Duration {
    let queue = Q::new();
    let mut items = Scattered(1);
    (0..CAPACITY / 2).for_each(|_| queue.push(items.next()));
    let start = Instant::now();
    for _ in 0..count {
        queue.push(black_box(items.next()));
        black_box(queue.pop());
    }
    start.elapsed()
}

/// Two producers and two consumers of scattered items.
fn scattered<Q: Answers<u64>>(count: u64) -> Duration {
    let queue = Arc::new(Q::new());
    let share = count / 2;
    let tasks = (0..4).map(|number| -> Task {
        let queue = Arc::clone(&queue);
        let mut items = Scattered(number);
        match number {
            0 | 1 => Box::new(move || (0..share).for_each(|_| queue.push(black_box(items.next())))),
            _ => Box::new(move || (0..share).for_each(|_| _ = black_box(queue.pop()))),
        }
    });
    timed(tasks.collect())
}

/// Where many push and one takes all.
trait TakesAll: Send + Sync + 'static {
    fn new() -> Self;
    fn push(&self, item: u64);
    /// Takes what is there, and says how many.
    fn take_all(&self) -> u64;
}

/// Looks at each item, and says how many there were.
fn tally(items: impl Iterator<Item = u64>) -> u64 {
    items.fold(0, |count, item| {
        black_box(item);
        count + 1
    })
}

type OurInbox = Inbox<u64, CAPACITY>;

impl TakesAll for OurInbox {
    fn new() -> Self {
        Inbox::new()
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        until(|| self.try_push(item).ok());
    }

    fn take_all(&self) -> u64 {
        tally(Inbox::take_all(self))
    }
}

/// A node of the intrusive stack, allocated for each item, as its users do who have no other place.
struct Node {
    links: stack::Links<Self>,
    item: u64,
}

// SAFETY: the links are a field of the node, the node is pinned in its box, and the pointer comes from
// that box and goes back into it.
unsafe impl Linked<stack::Links<Self>> for Node {
    type Handle = Pin<Box<Self>>;

    fn into_ptr(node: Pin<Box<Self>>) -> NonNull<Self> {
        // SAFETY: the node stays where it is until it is a box again.
        NonNull::from(Box::leak(unsafe { Pin::into_inner_unchecked(node) }))
    }

    unsafe fn from_ptr(node: NonNull<Self>) -> Pin<Box<Self>> {
        // SAFETY: it came from `into_ptr`, by the caller's promise.
        unsafe { Pin::new_unchecked(Box::from_raw(node.as_ptr())) }
    }

    unsafe fn links(node: NonNull<Self>) -> NonNull<stack::Links<Self>> {
        // SAFETY: the node is alive, by the caller's promise.
        unsafe { NonNull::new_unchecked(&raw mut (*node.as_ptr()).links) }
    }
}

impl TakesAll for TransferStack<Node> {
    fn new() -> Self {
        Self::new()
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        self.push(Box::pin(Node { links: stack::Links::new(), item }));
    }

    fn take_all(&self) -> u64 {
        tally(self.take_all().map(|node| node.item))
    }
}

impl TakesAll for SegQueue<u64> {
    fn new() -> Self {
        Self::new()
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        self.push(item);
    }

    fn take_all(&self) -> u64 {
        tally(std::iter::from_fn(|| self.pop()))
    }
}

struct ThingBuf(thingbuf::ThingBuf<u64>);

impl TakesAll for ThingBuf {
    fn new() -> Self {
        Self(thingbuf::ThingBuf::new(CAPACITY))
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        until(|| self.0.push(item).ok());
    }

    fn take_all(&self) -> u64 {
        tally(std::iter::from_fn(|| self.0.pop()))
    }
}

impl TakesAll for parking_lot::Mutex<Vec<u64>> {
    fn new() -> Self {
        Self::new(Vec::new())
    }

    #[inline(always)]
    fn push(&self, item: u64) {
        self.lock().push(item);
    }

    fn take_all(&self) -> u64 {
        let all = take(&mut *self.lock());
        tally(all.into_iter())
    }
}

/// One thread pushes 64 and takes them.
fn batches_alone<Q: TakesAll>(count: u64) -> Duration {
    let queue = Q::new();
    let start = Instant::now();
    for _ in 0..count / 64 {
        (0..64).for_each(|item| queue.push(black_box(item)));
        assert_eq!(queue.take_all(), 64);
    }
    start.elapsed()
}

/// `PRODUCERS` threads push, one takes all that is there, again and again.
fn batches<Q: TakesAll, const PRODUCERS: u64>(count: u64) -> Duration {
    let queue = Arc::new(Q::new());
    let share = count / PRODUCERS;
    let consumer = Arc::clone(&queue);
    let mut tasks: Vec<Task> = vec![Box::new(move || {
        let (mut left, mut looks) = (share * PRODUCERS, 0);
        while left > 0 {
            match consumer.take_all() {
                0 => patience(&mut looks),
                taken => (left, looks) = (left - taken, 0),
            }
        }
    })];
    tasks.extend((0..PRODUCERS).map(|_| -> Task {
        let queue = Arc::clone(&queue);
        Box::new(move || (0..share).for_each(|item| queue.push(black_box(item))))
    }));
    timed(tasks)
}

macro_rules! batch_runs {
    ($run:ident $(, $parameter:literal)?) => {
        [
            $run::<OurInbox $(, $parameter)?>,
            $run::<TransferStack<Node> $(, $parameter)?>,
            $run::<SegQueue<u64> $(, $parameter)?>,
            $run::<ThingBuf $(, $parameter)?>,
            $run::<parking_lot::Mutex<Vec<u64>> $(, $parameter)?> as fn(u64) -> Duration,
        ]
    };
}

macro_rules! order_runs {
    ($run:ident) => {
        [
            $run::<OurLevels<u64>>,
            $run::<OurHeap<u64>>,
            $run::<StdLocked<Lists>>,
            $run::<ParkingLot<Lists>>,
            $run::<StdLocked<BinaryHeap<Reverse<u64>>>>,
            $run::<StdLocked<Stable>>,
            $run::<ParkingLot<Stable>> as fn(u64) -> Duration,
        ]
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = in_shapes(
        "stack of u64",
        vec![
            our_pipe::<u64, Retry<Ours<u64>>>("lifo::Stack", [Some(Bar::AS_FAST); 4]),
            peer_pipe::<u64, Retry<StdLocked<Vec<u64>>>>("std Mutex<Vec>"),
            peer_pipe::<u64, Retry<ParkingLot<Vec<u64>>>>("parking_lot Mutex<Vec>"),
        ],
    );
    for (shape, runs) in [
        ("1 thread", batch_runs!(batches_alone)),
        ("1p1c", batch_runs!(batches, 1)),
        ("4p1c", batch_runs!(batches, 4)),
    ] {
        let [inbox, transfer, segments, things, locked] = runs;
        rows.push(Row {
            group: "inbox of u64, all taken at once",
            shape,
            contenders: vec![
                ours("Inbox", Some(Bar::AS_FAST), inbox),
                peer("cordyceps TransferStack", transfer),
                peer("SegQueue", segments),
                peer("thingbuf", things),
                peer("parking_lot Mutex<Vec>", locked),
            ],
        });
    }
    for (shape, [levels, heap, std_lists, lists, unstable, std_heap, stable]) in [
        ("half full, 1 thread", order_runs!(half_full)),
        ("scattered, 2p2c", order_runs!(scattered)),
    ] {
        rows.push(Row {
            group: "priorities, 8 levels of u64",
            shape,
            contenders: vec![
                ours("priority::Levels", Some(Bar::AS_FAST), levels),
                peer("std Mutex<[VecDeque; 8]>", std_lists),
                peer("parking_lot Mutex<[VecDeque; 8]>", lists),
            ],
        });
        rows.push(Row {
            group: "priorities, any order of u64",
            shape,
            contenders: vec![
                ours("priority::Heap", Some(Bar::AS_FAST), heap),
                peer("std Mutex<BinaryHeap>, not stable", unstable),
                peer("std Mutex<BinaryHeap>, stable", std_heap),
                peer("parking_lot Mutex<BinaryHeap>, stable", stable),
            ],
        });
    }
    rows.sort_by_key(|row| row.group.starts_with("priorities, any"));
    rows
}
