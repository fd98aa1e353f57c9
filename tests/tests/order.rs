//! The queues of `inkle::queue` that are not first in, first out, and what all kinds promise alike.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::queue::{
    BlockingQueue, Container, CustomQueue, GetError, LifoQueue, PriorityQueue, PutError, Queue,
    Shutdown, SimpleQueue, TimedOut, TooManyDone,
};
use inkle_core::queue::Queue as Store;
use inkle_tests::{Ledger, SCALE, SETTLE, Tracked, block_on, eventually, panics, watchdog};

#[test]
fn qu012_lifo_gives_the_last_first() {
    let queue = LifoQueue::unbounded();
    (0..5).for_each(|item| queue.put(item).unwrap());
    assert_eq!(queue.get(), Ok(4));
    queue.put(9).unwrap();
    assert_eq!(queue.drain().collect::<Vec<_>>(), [9, 3, 2, 1, 0]);
}

#[test]
fn qu012_priority_gives_the_lowest_first() {
    let queue = PriorityQueue::unbounded();
    let items = [5, 3, 8, 1, 9, 2, 7, 4, 6, 0];
    items.iter().for_each(|item| queue.put(*item).unwrap());
    assert_eq!(queue.peek(), Some(0));
    assert_eq!(queue.drain().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(queue.peek(), None);
    let highest = PriorityQueue::unbounded();
    items.iter().for_each(|item| highest.put(Reverse(*item)).unwrap());
    assert_eq!(highest.get(), Ok(Reverse(9)));
}

/// Compares by its first half only.
#[derive(Clone, Copy, Debug)]
struct Job(u32, u32);

impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Job {}

#[test]
fn qu013_equals_come_in_the_order_of_arrival() {
    let queue = PriorityQueue::unbounded();
    // Eight equals: Python gives 0, 2, 6, 5, 7, 4, 1, 3.
    (0..8).for_each(|number| queue.put(Job(1, number)).unwrap());
    assert_eq!(queue.drain().map(|job| job.1).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    // And mixed with others, through many gets and puts.
    let mut expected: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for number in 0..2_000 {
        let priority = number * 7 % 5;
        queue.put(Job(priority, number)).unwrap();
        expected.entry(priority).or_default().push(number);
        if number % 3 == 0 {
            let job = queue.get().unwrap();
            let mut first = expected.first_entry().unwrap();
            assert_eq!((job.0, job.1), (*first.key(), first.get_mut().remove(0)));
            if first.get().is_empty() {
                first.remove();
            }
        }
    }
    let rest = expected.into_values().flatten();
    assert!(queue.drain().map(|job| job.1).eq(rest));
}

thread_local! {
    /// Comparisons until one panics.
    static FUSE: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// A number whose comparison panics when the fuse has burnt down.
#[derive(Debug, PartialEq, Eq)]
struct Fragile(u32);

impl Ord for Fragile {
    fn cmp(&self, other: &Self) -> Ordering {
        FUSE.set(FUSE.get() - 1);
        assert_ne!(FUSE.get(), 0, "a comparison that panics");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Fragile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[test]
fn qu014_a_comparison_that_panics_changes_nothing() {
    for fuse in 1..12 {
        for by_put in [true, false] {
            let queue = PriorityQueue::unbounded();
            FUSE.set(u32::MAX);
            (0..40).for_each(|item| queue.put(Fragile(item * 11 % 40 + 1)).unwrap());
            FUSE.set(fuse);
            let panicked = panics(|| {
                if by_put {
                    queue.put(Fragile(0)).unwrap();
                } else {
                    assert_eq!(queue.get(), Ok(Fragile(1)));
                }
            });
            FUSE.set(u32::MAX);
            let (put, got) = (usize::from(by_put && !panicked), usize::from(!by_put && !panicked));
            assert_eq!((queue.len(), queue.unfinished()), (40 + put - got, 40 + put));
            let rest: Vec<u32> = queue.drain().map(|item| item.0).collect();
            let first = if put == 1 { 0 } else { 1 + got as u32 };
            assert_eq!(rest, (first..=40).collect::<Vec<_>>(), "fuse {fuse}, put {by_put}");
        }
    }
}

/// A panic in one thread's `get` leaves the item to the thread that waits beside it.
#[test]
fn qu014_a_panicking_get_wakes_the_next() {
    let _watch = watchdog();
    /// Panics when it is compared on the wrong thread.
    struct Picky(u32);
    thread_local! {
        static WRONG: Cell<bool> = const { Cell::new(false) };
    }
    impl Ord for Picky {
        fn cmp(&self, other: &Self) -> Ordering {
            assert!(!WRONG.get());
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Picky {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Picky {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Picky {}

    for _ in 0..20 {
        let queue = PriorityQueue::<Picky>::unbounded();
        let taken = AtomicUsize::new(0);
        scope(|scope| {
            let wrong = scope.spawn(|| {
                WRONG.set(true);
                // Three items need a comparison; fewer may be taken without one.
                panics(|| {
                    while queue.get().is_ok() {
                        taken.fetch_add(1, SeqCst);
                    }
                })
            });
            scope.spawn(|| {
                while queue.get().is_ok() {
                    taken.fetch_add(1, SeqCst);
                }
            });
            sleep(Duration::from_millis(1));
            (0..30).for_each(|item| queue.put(Picky(item)).unwrap());
            eventually(|| taken.load(SeqCst) == 30);
            queue.shutdown(Shutdown::Graceful);
            let _ = wrong.join().unwrap();
        });
        assert!(queue.is_empty());
    }
}

/// The longest string first; refuses empty ones.
#[derive(Default)]
struct Longest(Vec<String>);

impl Container for Longest {
    type Item = String;

    fn put(&mut self, item: String) -> Result<(), String> {
        assert_ne!(item, "panic", "an order that panics");
        if item.is_empty() {
            return Err(item);
        }
        self.0.push(item);
        self.0.sort_by_key(String::len);
        Ok(())
    }

    fn take(&mut self) -> Option<String> {
        self.0.pop()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn qu015_an_order_of_ones_own() {
    let queue = CustomQueue::over(Longest::default());
    ["spin", "a", "weave"].iter().for_each(|item| queue.put((*item).to_owned()).unwrap());
    assert!(matches!(queue.try_put(String::new()), Err(PutError::Full(item)) if item.is_empty()));
    assert!(panics(|| queue.put("panic".to_owned()).unwrap()));
    assert_eq!((queue.len(), queue.unfinished()), (3, 3), "the panic left it usable");
    assert_eq!(queue.get().unwrap(), "weave");
    let other = queue.clone();
    let queue = queue.into_container().map(|_| ()).unwrap_err();
    drop(queue);
    assert_eq!(other.into_container().map(|rest| rest.0).ok().unwrap(), ["a", "spin"]);
}

/// What every kind does, whatever its order. `new` makes one of a capacity, or without.
fn every_kind<S>(new: impl Fn(Option<usize>) -> BlockingQueue<S>)
where
    S: Store<Item = u32> + Send + Sync + 'static,
{
    let _watch = watchdog();
    let soon = Duration::from_millis(5);

    // Sizes, full, empty. (QU004, QU005, QU007, QU009)
    let queue = new(Some(2));
    assert_eq!((queue.len(), queue.capacity(), queue.is_empty()), (0, Some(2), true));
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    assert_eq!(queue.get_timeout(soon), Err(GetError::TimedOut));
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert!(queue.is_full());
    assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
    assert_eq!(queue.put_timeout(3, soon), Err(PutError::TimedOut(3)));
    assert_eq!(new(None).capacity(), None);

    // Tasks. (QU010, QU011, QU030)
    assert_eq!(queue.join_timeout(soon), Err(TimedOut));
    assert_eq!(queue.drain().count(), 2);
    assert_eq!(queue.unfinished(), 2);
    queue.task_done().unwrap();
    queue.task_done().unwrap();
    assert_eq!(queue.task_done(), Err(TooManyDone));
    queue.join();

    // A blocked put and a blocked get are served. (QU016)
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    scope(|scope| {
        let put = scope.spawn(|| queue.put(3));
        sleep(SETTLE);
        queue.get().unwrap();
        put.join().unwrap().unwrap();
    });
    assert_eq!(queue.drain().count(), 2);
    scope(|scope| {
        let thread = scope.spawn(|| queue.get());
        let task = scope.spawn(|| block_on(queue.get_async()));
        sleep(SETTLE);
        queue.put(4).unwrap();
        queue.put(4).unwrap();
        assert_eq!((thread.join().unwrap(), task.join().unwrap()), (Ok(4), Ok(4)));
    });

    // Graceful shutdown: what is inside can be got, then it is over. (QU017 to QU019, QU008, QU031)
    let queue = new(None);
    (0..3).for_each(|item| queue.put(item).unwrap());
    queue.shutdown(Shutdown::Graceful);
    assert_eq!(queue.put(9), Err(PutError::ShutDown(9)));
    let mut rest: Vec<u32> = queue.clone().into_iter().collect();
    rest.sort_unstable();
    assert_eq!(rest, [0, 1, 2]);
    assert_eq!(queue.get(), Err(GetError::ShutDown));
    assert_eq!(queue.get_until(inkle::Deadline::PASSED), Err(GetError::ShutDown));

    // Immediate: drained and counted as done, but for what was taken before. (QU020 to QU023)
    let queue = new(Some(8));
    (0..5).for_each(|item| queue.put(item).unwrap());
    queue.get().unwrap();
    queue.shutdown(Shutdown::Graceful);
    queue.shutdown(Shutdown::Immediate);
    assert_eq!((queue.len(), queue.unfinished()), (0, 1));
    assert_eq!(queue.get(), Err(GetError::ShutDown));
    assert_eq!(queue.join_timeout(soon), Err(TimedOut));
    queue.task_done().unwrap();
    assert_eq!(queue.task_done(), Err(TooManyDone));
    queue.join();

    // Shutdown wakes everybody who waits. (QU018, QU021)
    for how in [Shutdown::Graceful, Shutdown::Immediate] {
        let (empty, full) = (new(Some(1)), new(Some(1)));
        full.put(1).unwrap();
        scope(|scope| {
            let get = scope.spawn(|| empty.get());
            let put = scope.spawn(|| full.put(2));
            sleep(SETTLE);
            empty.shutdown(how);
            full.shutdown(how);
            assert_eq!(get.join().unwrap(), Err(GetError::ShutDown));
            assert_eq!(put.join().unwrap(), Err(PutError::ShutDown(2)));
        });
    }

    // Many at once: each item once.
    let queue = new(Some(3));
    let each = 2_000 * SCALE;
    let seen: Vec<AtomicBool> = (0..3 * each).map(|_| AtomicBool::new(false)).collect();
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for item in &queue {
                    assert!(!seen[item as usize].swap(true, SeqCst), "{item} came twice");
                    queue.task_done().unwrap();
                }
            });
        }
        let producers: Vec<_> = (0..3)
            .map(|number| {
                let queue = &queue;
                scope.spawn(move || {
                    (0..each).for_each(|item| queue.put(number * each + item).unwrap());
                })
            })
            .collect();
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        queue.join();
        queue.shutdown(Shutdown::Graceful);
    });
    assert!(seen.iter().all(|seen| seen.load(SeqCst)), "items were lost");
}

#[test]
fn every_kind_fifo() {
    every_kind(|capacity| match capacity {
        Some(capacity) => Queue::bounded(capacity).unwrap(),
        None => Queue::unbounded(),
    });
}

#[test]
fn every_kind_lifo() {
    every_kind(|capacity| match capacity {
        Some(capacity) => LifoQueue::bounded(capacity).unwrap(),
        None => LifoQueue::unbounded(),
    });
}

#[test]
fn every_kind_priority() {
    every_kind(|capacity| match capacity {
        Some(capacity) => PriorityQueue::bounded(capacity).unwrap(),
        None => PriorityQueue::unbounded(),
    });
}

#[test]
fn qu001_no_capacity_of_zero() {
    assert!(LifoQueue::<u8>::bounded(0).is_err());
    assert!(PriorityQueue::<u8>::bounded(0).is_err());
    // A limit is not memory: only what is inside needs some.
    let queue = LifoQueue::bounded(usize::MAX).unwrap();
    queue.put(1).unwrap();
    assert!(!queue.is_full());
}

#[test]
fn items_of_no_size_and_of_great_size() {
    let (lifo, heap) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
    for _ in 0..1_000 {
        lifo.put(()).unwrap();
        heap.put(()).unwrap();
    }
    assert_eq!((lifo.drain().count(), heap.drain().count()), (1_000, 1_000));
    let (lifo, heap) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
    for byte in 0..=255 {
        lifo.put([byte; 4096]).unwrap();
        heap.put([byte; 4096]).unwrap();
    }
    assert_eq!(lifo.get(), Ok([255; 4096]));
    assert_eq!(heap.get(), Ok([0; 4096]));
}

/// A tracked value in order of its id.
struct Ranked(Tracked);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id().cmp(&other.0.id())
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

/// Every item is dropped once: by a drop of the queue, by an immediate shutdown, even if one of them
/// panics when dropped.
#[test]
fn what_is_left_is_dropped_once() {
    fn check<S: Store<Item = Ranked>>(new: impl Fn() -> BlockingQueue<S>) {
        for bomb in [None, Some(3)] {
            let ledger = Ledger::new(8);
            let value =
                |id| Ranked(if bomb == Some(id) { ledger.bomb(id) } else { ledger.value(id) });
            let queue = new();
            (0..8).for_each(|id| assert!(queue.put(value(id)).is_ok()));
            assert_eq!(panics(|| drop(queue)), bomb.is_some());
            ledger.assert_each_once();

            let ledger = Ledger::new(8);
            let value =
                |id| Ranked(if bomb == Some(id) { ledger.bomb(id) } else { ledger.value(id) });
            let queue = new();
            (0..8).for_each(|id| assert!(queue.put(value(id)).is_ok()));
            if panics(|| queue.shutdown(Shutdown::Immediate)) {
                queue.shutdown(Shutdown::Immediate);
            }
            assert_eq!((queue.len(), queue.unfinished()), (0, 0));
            ledger.assert_each_once();
        }
    }
    check(LifoQueue::unbounded);
    check(PriorityQueue::unbounded);
    check(Queue::unbounded);
}

/// Puts itself back when it is dropped, so often.
struct Echo {
    queue: SimpleQueue<Echo>,
    left: u32,
    drops: Arc<AtomicUsize>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
        if self.left > 0 {
            let queue = self.queue.clone();
            let drops = Arc::clone(&self.drops);
            self.queue.put(Self { queue, left: self.left - 1, drops });
        }
    }
}

#[test]
fn qu027_a_destructor_may_use_the_same_queue() {
    let _watch = watchdog();
    let queue = SimpleQueue::new();
    let drops = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        queue.put(Echo { queue: queue.clone(), left: 3, drops: Arc::clone(&drops) });
    }
    while let Some(echo) = queue.try_get() {
        drop(echo);
    }
    assert_eq!(drops.load(SeqCst), 4_000);
    assert!(queue.is_empty());
}

#[test]
fn qu026_a_simple_queue() {
    let queue = SimpleQueue::new();
    assert_eq!((queue.len(), queue.try_get()), (0, None));
    assert_eq!(queue.get_timeout(Duration::from_millis(5)), None);
    (0..1_000).for_each(|item| queue.put(item));
    assert_eq!(queue.get(), 0);
    assert!(queue.drain().eq(1..1_000));
    scope(|scope| {
        let waits = scope.spawn(|| queue.get());
        sleep(SETTLE);
        queue.put(7);
        assert_eq!(waits.join().unwrap(), 7);
    });
}
