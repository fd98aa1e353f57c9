//! Many producers and consumers at once. Every history is checked: each item exactly once, in the
//! order of its producer, never more inside than there is room for.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use inkle::platform::Private;
use inkle::queue::{GetError, PutError, Queue, Shutdown};
use inkle_core::Deadline;
use inkle_core::channel::Channel;
use inkle_core::queue::Queue as CoreQueue;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::spsc::Ring;
use inkle_core::queue::word::WordRing;
use inkle_core::select::Select;
use inkle_tests::{Ledger, SCALE, block_on, eventually, poll_once, watchdog};

/// A number that shows it if it was copied in two halves.
#[derive(Clone, Copy)]
struct Stamped([u32; 8]);

impl From<u32> for Stamped {
    fn from(value: u32) -> Self {
        Self([value; 8])
    }
}

impl From<Stamped> for u32 {
    fn from(stamped: Stamped) -> Self {
        assert!(stamped.0.iter().all(|copy| *copy == stamped.0[0]), "torn: {:?}", stamped.0);
        stamped.0[0]
    }
}

/// What the tests need of a blocking queue of numbers.
trait Line: Sync {
    fn put(&self, item: u32, style: Style);
    fn get(&self, style: Style) -> Option<u32>;
    fn try_put(&self, item: u32) -> bool;
    fn try_get(&self) -> Option<u32>;
    fn shut_down(&self);
    fn len(&self) -> usize;
    fn capacity(&self) -> Option<usize>;
}

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    /// In the call.
    Block,
    /// In the call, with timeouts so short that many of them pass.
    Impatient,
    /// By trying again.
    Try,
    /// As a task.
    Task,
    /// In turns in the call, as a task, as a task that gives up at once, and in a select.
    Mixed,
}

impl Style {
    /// The style of this thread's next operation.
    fn next(self) -> Self {
        thread_local! {
            static TURN: Cell<usize> = const { Cell::new(0) };
        }
        if self == Self::Mixed {
            TURN.set(TURN.get() + 1);
            return [Self::Mixed, Self::Block, Self::Task, Self::Try][TURN.get() % 4];
        }
        self
    }
}

macro_rules! line {
    ([$($bound:tt)*] $queue:ty) => {
        impl<$($bound)*> Line for $queue {
            fn put(&self, item: u32, style: Style) {
                let mut item = item.into();
                loop {
                    let result = match style.next() {
                        Style::Block => self.put(item),
                        Style::Task => block_on(self.put_async(item)),
                        Style::Mixed => {
                            let mut put = self.put_async(item);
                            Select::new().wait(&mut [&mut put], Deadline::NEVER).unwrap();
                            put.take().unwrap()
                        }
                        Style::Impatient => self.put_timeout(item, Duration::from_micros(20)),
                        Style::Try => self.try_put(item),
                    };
                    match result {
                        Ok(()) => return,
                        Err(PutError::ShutDown(_)) => panic!("shut down before the last put"),
                        Err(error) => item = error.into_inner(),
                    }
                    std::thread::yield_now();
                }
            }

            fn get(&self, style: Style) -> Option<u32> {
                loop {
                    let result = match style.next() {
                        Style::Block => self.get(),
                        Style::Task => block_on(self.get_async()),
                        Style::Try if style == Style::Mixed => {
                            poll_once(self.get_async()).unwrap_or(Err(GetError::Empty))
                        }
                        Style::Mixed => {
                            let mut get = self.get_async();
                            Select::new().wait(&mut [&mut get], Deadline::NEVER).unwrap();
                            get.take().unwrap()
                        }
                        Style::Impatient => self.get_timeout(Duration::from_micros(20)),
                        Style::Try => self.try_get(),
                    };
                    match result {
                        Ok(item) => return Some(item.into()),
                        Err(GetError::ShutDown) => return None,
                        Err(_) => std::thread::yield_now(),
                    }
                }
            }

            fn try_put(&self, item: u32) -> bool {
                self.try_put(item.into()).is_ok()
            }

            fn try_get(&self) -> Option<u32> {
                self.try_get().ok().map(Into::into)
            }

            fn shut_down(&self) {
                self.shutdown(Shutdown::Graceful);
            }

            fn len(&self) -> usize {
                self.len()
            }

            fn capacity(&self) -> Option<usize> {
                self.capacity()
            }
        }
    };
}

line!([Q: CoreQueue<Item: Copy + From<u32> + Into<u32>> + Sync] Channel<Q, Private>);
line!([] Queue<Stamped>);

/// Moves `each` items from each producer to the consumers and checks the history.
fn hammer(line: &dyn Line, producers: u32, consumers: u32, each: u32, style: Style) {
    let (finished_puts, started_gets) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let histories: Vec<Vec<u32>> = scope(|scope| {
        let consumers: Vec<_> = (0..consumers)
            .map(|_| {
                scope.spawn(|| {
                    let mut history = Vec::new();
                    loop {
                        started_gets.fetch_add(1, Ordering::SeqCst);
                        match line.get(style) {
                            Some(item) => history.push(item),
                            None => return history,
                        }
                    }
                })
            })
            .collect();
        let producers: Vec<_> = (0..producers)
            .map(|producer| {
                let (finished_puts, started_gets) = (&finished_puts, &started_gets);
                scope.spawn(move || {
                    for number in 0..each {
                        line.put(producer * each + number, style);
                        finished_puts.fetch_add(1, Ordering::SeqCst);
                        if let Some(capacity) = line.capacity() {
                            // In this order: gets that start in between only make it look less.
                            let puts = finished_puts.load(Ordering::SeqCst);
                            let gets = started_gets.load(Ordering::SeqCst);
                            assert!(puts <= gets + capacity, "{puts} puts, {gets} gets");
                            if number % 64 == 0 {
                                assert!(line.len() <= capacity);
                            }
                        }
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        line.shut_down();
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect()
    });

    let mut seen = vec![false; (producers * each) as usize];
    for history in &histories {
        let mut last = vec![None; producers as usize];
        for &item in history {
            assert!(!std::mem::replace(&mut seen[item as usize], true), "{item} came twice");
            let last = &mut last[(item / each) as usize];
            assert!(*last < Some(item), "{item} came after {last:?}");
            *last = Some(item);
        }
    }
    assert!(seen.iter().all(|seen| *seen), "items were lost");
    assert_eq!(line.len(), 0);
}

/// All shapes and styles over queues that `new` makes; `items` in a debug build.
fn hammer_all(new: &dyn Fn() -> Box<dyn Line>, items: u32) {
    let _watch = watchdog();
    for (producers, consumers) in [(1, 1), (1, 3), (3, 1), (4, 4)] {
        for style in [Style::Block, Style::Impatient, Style::Try, Style::Task, Style::Mixed] {
            hammer(&*new(), producers, consumers, items * SCALE / producers, style);
        }
    }
}

/// Threads that take only after they have put: nobody may ever see the queue empty, nor, if there is
/// a place for each, full.
fn never_empty_never_full(line: &dyn Line, threads: u32, rounds: u32) {
    let _watch = watchdog();
    scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for round in 0..rounds {
                    assert!(line.try_put(thread), "full in round {round}");
                    assert!(line.try_get().is_some(), "empty in round {round}");
                }
            });
        }
    });
    assert_eq!(line.len(), 0);
}

type Words<const N: usize> = Channel<WordRing<u32, N>, Private>;
type Fifos<const N: usize> = Channel<Fifo<Stamped, N>, Private>;
type Fasts<const N: usize> = Channel<FastFifo<Stamped, N>, Private>;
type Rings<const N: usize> = Channel<Ring<Stamped, N>, Private>;

macro_rules! core_queue {
    ($name:ident, $channel:ident, $queue:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn capacity_1() {
                hammer_all(&|| Box::new($channel::<1>::new($queue::new())), 1_000);
            }

            #[test]
            fn capacity_2() {
                hammer_all(&|| Box::new($channel::<2>::new($queue::new())), 2_000);
            }

            #[test]
            fn capacity_3() {
                hammer_all(&|| Box::new($channel::<3>::new($queue::new())), 3_000);
            }

            #[test]
            fn capacity_64() {
                hammer_all(&|| Box::new($channel::<64>::new($queue::new())), 40_000);
            }

            #[test]
            fn empty_and_full_are_exact() {
                never_empty_never_full(&$channel::<4>::new($queue::new()), 4, 20_000 * SCALE);
                never_empty_never_full(&$channel::<3>::new($queue::new()), 3, 20_000 * SCALE);
            }
        }
    };
}

core_queue!(word_ring, Words, WordRing);
core_queue!(fifo, Fifos, Fifo);
core_queue!(fast_fifo, Fasts, FastFifo);
core_queue!(spsc_ring, Rings, Ring);

mod queue {
    use super::*;

    fn bounded(capacity: usize) -> Box<dyn Line> {
        Box::new(Queue::bounded(capacity).unwrap())
    }

    #[test]
    fn bounded_1() {
        hammer_all(&|| bounded(1), 3_000);
    }

    #[test]
    fn bounded_5() {
        hammer_all(&|| bounded(5), 10_000);
    }

    #[test]
    fn bounded_1000() {
        hammer_all(&|| bounded(1000), 40_000);
    }

    #[test]
    fn unbounded() {
        hammer_all(&|| Box::new(Queue::<Stamped>::unbounded()), 40_000);
    }

    #[test]
    fn empty_and_full_are_exact() {
        never_empty_never_full(&*bounded(4), 4, 20_000 * SCALE);
        never_empty_never_full(&Queue::<Stamped>::unbounded(), 4, 20_000 * SCALE);
    }

    /// Around the seam of an unbounded queue: more inside than the ring holds, then fewer.
    #[test]
    fn unbounded_at_its_seam() {
        let _watch = watchdog();
        for _ in 0..5 {
            let queue = Queue::<Stamped>::unbounded();
            for item in 0..250 {
                queue.put(item.into()).unwrap();
            }
            never_empty_around(&queue, 4, 5_000 * SCALE);
        }
    }

    fn never_empty_around(line: &Queue<Stamped>, threads: u32, rounds: u32) {
        scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for round in 0..rounds {
                        // Up to sixteen at a time, over 256 and back.
                        let burst = round % 16 + 1;
                        (0..burst).for_each(|_| line.put(thread.into()).unwrap());
                        (0..burst).for_each(|_| assert!(line.try_get().is_ok()));
                    }
                });
            }
        });
        assert_eq!(line.len(), 250);
    }
}

/// A shutdown in the middle: what was put is got, or dropped by the queue; what was not comes back.
#[test]
fn qu018_to_qu021_shutdown_in_the_middle_loses_nothing() {
    let _watch = watchdog();
    const EACH: usize = 500;
    for round in 0..30 {
        let how = [Shutdown::Graceful, Shutdown::Immediate][round % 2];
        let queue = if round % 4 < 2 { Queue::bounded(4).unwrap() } else { Queue::unbounded() };
        let ledger = Ledger::new(3 * EACH);
        let (put, got) = (AtomicUsize::new(0), AtomicUsize::new(0));
        scope(|scope| {
            for producer in 0..3 {
                let (queue, ledger, put) = (&queue, &ledger, &put);
                scope.spawn(move || {
                    for id in producer * EACH..(producer + 1) * EACH {
                        match queue.put(ledger.value(id)) {
                            Ok(()) => put.fetch_add(1, Ordering::SeqCst),
                            Err(error) => {
                                assert_eq!(error.into_inner().id(), id);
                                0
                            }
                        };
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Ok(item) = queue.get() {
                        got.fetch_add(1, Ordering::SeqCst);
                        drop(item);
                        queue.task_done().unwrap();
                    }
                });
            }
            scope.spawn(|| {
                let enough = round * 20;
                while got.load(Ordering::SeqCst) < enough {
                    std::thread::yield_now();
                }
                queue.shutdown(how);
                queue.join();
                assert_eq!(queue.unfinished(), 0);
            });
        });
        let (put, got) = (put.into_inner(), got.into_inner());
        match how {
            Shutdown::Graceful => assert_eq!(put, got),
            Shutdown::Immediate => assert!(got <= put),
        }
        ledger.assert_each_once();
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    }
}

/// `join` returns when all is done, never before, while workers are at it.
#[test]
fn qu010_join_under_load() {
    let _watch = watchdog();
    for queue in [Queue::bounded(8).unwrap(), Queue::unbounded()] {
        let done = Arc::new(AtomicUsize::new(0));
        scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while queue.get().is_ok() {
                        // Relaxed on purpose: `task_done` and `join` order it.
                        done.fetch_add(1, Ordering::Relaxed);
                        queue.task_done().unwrap();
                    }
                });
            }
            for round in 1..=200 {
                (0..20).for_each(|item| queue.put(item).unwrap());
                queue.join();
                assert_eq!(done.load(Ordering::Relaxed), round * 20);
            }
            queue.shutdown(Shutdown::Graceful);
        });
    }
}

/// More sleepers than there is work, again and again: no wake-up is lost and none goes astray.
#[test]
fn qu016_sleepers_and_single_items() {
    let _watch = watchdog();
    let queue = Queue::<u32>::bounded(2).unwrap();
    let got = AtomicUsize::new(0);
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while queue.get().is_ok() {
                    got.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for item in 0..2_000 {
            queue.put(item).unwrap();
            if item % 50 == 0 {
                eventually(|| got.load(Ordering::SeqCst) == item as usize + 1);
            }
        }
        queue.shutdown(Shutdown::Graceful);
    });
    assert_eq!(got.into_inner(), 2_000);
}
