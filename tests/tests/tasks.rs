//! Tasks and selects at real queues: beside threads, dropped half-way, told of shutdown.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{scope, sleep};
use std::time::Duration;

use inkle::Deadline;
use inkle::platform::{Private, after};
use inkle::queue::{Arm, GetError, PutError, Queue, Select, Shutdown, SimpleQueue, TimedOut};
use inkle_core::channel::Channel;
use inkle_core::queue::word::WordRing;
use inkle_tests::{Ledger, SCALE, SETTLE, block_on, eventually, poll_once, timed, watchdog};

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::<Self>::default();
        (Arc::clone(&counter), Waker::from(counter))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn a_put_wakes_one_task_the_oldest() {
    let queue = Queue::unbounded();
    let (first, first_waker) = Counter::new();
    let (second, second_waker) = Counter::new();
    let (mut one, mut two) = (pin!(queue.get_async()), pin!(queue.get_async()));
    assert!(poll(one.as_mut(), &first_waker).is_pending());
    assert!(poll(two.as_mut(), &second_waker).is_pending());
    // A poll for no reason does not cost the first one its place.
    assert!(poll(one.as_mut(), &first_waker).is_pending());
    queue.put(1).unwrap();
    assert_eq!((first.count(), second.count()), (1, 0));
    queue.put(2).unwrap();
    assert_eq!((first.count(), second.count()), (1, 1));
    queue.put(3).unwrap();
    assert_eq!((first.count(), second.count()), (1, 1), "nobody waits any more");
    assert_eq!(poll(one.as_mut(), &first_waker), Poll::Ready(Ok(1)));
    assert_eq!(poll(two.as_mut(), &second_waker), Poll::Ready(Ok(2)));
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let queue = Queue::unbounded();
    let (old, old_waker) = Counter::new();
    let (new, new_waker) = Counter::new();
    let mut get = pin!(queue.get_async());
    assert!(poll(get.as_mut(), &old_waker).is_pending());
    assert!(poll(get.as_mut(), &new_waker).is_pending());
    queue.put(1).unwrap();
    assert_eq!((old.count(), new.count()), (0, 1));
}

#[test]
fn a_dropped_task_passes_its_notification_on() {
    let queue = Queue::unbounded();
    let (other, waker) = Counter::new();
    let mut dropped = Box::pin(queue.get_async());
    let mut waits = pin!(queue.get_async());
    assert!(poll(dropped.as_mut(), Waker::noop()).is_pending());
    assert!(poll(waits.as_mut(), &waker).is_pending());
    queue.put(1).unwrap();
    assert_eq!(other.count(), 0, "the first was told");
    drop(dropped);
    assert_eq!(other.count(), 1, "and it told the second");
    assert_eq!(poll(waits.as_mut(), &waker), Poll::Ready(Ok(1)));
}

#[test]
fn a_dropped_task_takes_and_puts_nothing() {
    let ledger = Ledger::new(2);
    let queue = Queue::bounded(1).unwrap();
    assert!(poll_once(queue.get_async()).is_none());
    queue.put(ledger.value(0)).unwrap();
    assert_eq!(queue.len(), 1);
    assert!(poll_once(queue.put_async(ledger.value(1))).is_none());
    assert_eq!((queue.len(), ledger.drops(1)), (1, 1));
    drop(queue);
    ledger.assert_each_once();
}

#[test]
fn a_put_given_up_keeps_its_item() {
    let queue = Queue::bounded(1).unwrap();
    queue.put("a").unwrap();
    let mut put = queue.put_async("b");
    assert_eq!(Select::new().wait(&mut [&mut put], Deadline::PASSED), Err(TimedOut));
    assert_eq!(put.into_item(), Some("b"));
}

#[test]
fn shutdown_wakes_all_tasks() {
    let queue = Queue::bounded(1).unwrap();
    let (woken, waker) = Counter::new();
    let mut gets: Vec<_> = (0..5).map(|_| Box::pin(queue.get_async())).collect();
    for get in &mut gets {
        assert!(poll(get.as_mut(), &waker).is_pending());
    }
    queue.shutdown(Shutdown::Graceful);
    assert_eq!(woken.count(), 5);
    for get in &mut gets {
        assert_eq!(poll(get.as_mut(), &waker), Poll::Ready(Err(GetError::ShutDown)));
    }
    assert_eq!(block_on(queue.put_async(7)), Err(PutError::ShutDown(7)));
}

#[test]
fn join_as_a_task() {
    let queue = Queue::unbounded();
    block_on(queue.join_async());
    queue.put(()).unwrap();
    assert!(poll_once(queue.join_async()).is_none());
    scope(|scope| {
        let joiner = scope.spawn(|| block_on(queue.join_async()));
        sleep(SETTLE);
        assert!(!joiner.is_finished());
        queue.get().unwrap();
        queue.task_done().unwrap();
    });
}

#[test]
fn futures_can_move_between_threads() {
    fn sends<T: Send>(value: T) -> T {
        value
    }
    let queue = Queue::bounded(1).unwrap();
    drop(sends(queue.put_async(1)));
    drop(sends(queue.get_async()));
    drop(sends(queue.join_async()));
    let simple = SimpleQueue::new();
    simple.put(1);
    assert_eq!(block_on(sends(simple.get_async())), 1);
    // Polled on one thread, dropped on another, notified meanwhile.
    let mut get = Box::pin(queue.get_async());
    assert!(poll(get.as_mut(), Waker::noop()).is_pending());
    scope(|scope| {
        scope.spawn(|| drop(get));
        queue.put(1).unwrap();
    });
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn a_task_and_a_thread_at_one_queue() {
    let _watch = watchdog();
    let queue = Queue::bounded(2).unwrap();
    let total = AtomicUsize::new(0);
    let rounds = 2_000 * SCALE as usize;
    scope(|scope| {
        scope.spawn(|| {
            while let Ok(item) = block_on(queue.get_async()) {
                total.fetch_add(item, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            queue.iter().for_each(|item| {
                total.fetch_add(item, Ordering::Relaxed);
            })
        });
        let tasks = scope.spawn(|| (0..rounds).for_each(|i| block_on(queue.put_async(i)).unwrap()));
        (0..rounds).for_each(|i| queue.put(i).unwrap());
        tasks.join().unwrap();
        queue.shutdown(Shutdown::Graceful);
    });
    assert_eq!(total.into_inner(), rounds * (rounds - 1));
}

#[test]
fn a_select_is_fair() {
    let queues: [Queue<usize>; 5] = std::array::from_fn(|_| Queue::unbounded());
    for (number, queue) in queues.iter().enumerate() {
        (0..100).for_each(|_| queue.put(number).unwrap());
    }
    let mut select = Select::new();
    let mut counts = [0; 5];
    for _ in 0..100 {
        let mut gets: Vec<_> = queues.iter().map(Queue::get_async).collect();
        let mut arms: Vec<_> = gets.iter_mut().map(|get| get as &mut dyn Arm<Private>).collect();
        let done = select.wait(&mut arms, Deadline::NEVER).unwrap();
        assert_eq!(gets[done].take(), Some(Ok(done)));
        counts[done] += 1;
    }
    assert_eq!(counts, [20; 5]);
    assert_eq!(queues.each_ref().map(Queue::len), [80; 5], "the other arms took nothing");
}

#[test]
fn a_select_in_time() {
    let _watch = watchdog();
    let (one, two) = (Queue::<u8>::unbounded(), Queue::<u8>::unbounded());
    let select = |deadline: Deadline| {
        Select::new().wait(&mut [&mut one.get_async(), &mut two.get_async()], deadline)
    };
    assert_eq!(select(Deadline::PASSED), Err(TimedOut));
    let timeout = Duration::from_millis(30);
    let (took, result) = timed(|| select(after(timeout)));
    assert_eq!(result, Err(TimedOut));
    assert!(took >= timeout, "{took:?}");
    assert_eq!(Select::new().wait::<Private>(&mut [], Deadline::NEVER), Err(TimedOut));
    scope(|scope| {
        let waits = scope.spawn(|| select(Deadline::NEVER));
        sleep(SETTLE);
        two.put(1).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(1));
    });
    scope(|scope| {
        let waits = scope.spawn(|| select(Deadline::NEVER));
        sleep(SETTLE);
        one.shutdown(Shutdown::Graceful);
        assert_eq!(waits.join().unwrap(), Ok(0));
    });
}

#[test]
fn arms_of_different_kinds() {
    let words: Channel<WordRing<u8, 1>, Private> = Channel::new(WordRing::new());
    let texts = Queue::<String>::bounded(1).unwrap();
    words.put(1).unwrap();
    texts.put("done".into()).unwrap();
    texts.get().unwrap();
    let (mut put, mut get, mut join) = (words.put_async(2), texts.get_async(), texts.join_async());
    let mut select = Select::new();
    let arms: &mut [&mut dyn Arm<Private>] = &mut [&mut put, &mut get, &mut join];
    assert_eq!(select.wait(arms, Deadline::PASSED), Err(TimedOut));
    texts.task_done().unwrap();
    assert_eq!(select.wait(arms, Deadline::NEVER), Ok(2));
    assert_eq!(words.get(), Ok(1));
    assert_eq!(select.wait(arms, Deadline::NEVER), Ok(0), "after the last one comes the first");
    assert_eq!(put.take(), Some(Ok(())));
}

/// Several threads select from the same queues while others put: nothing lost, nothing twice.
#[test]
fn many_selects_at_the_same_queues() {
    let _watch = watchdog();
    let queues: [Queue<usize>; 3] = std::array::from_fn(|_| Queue::bounded(2).unwrap());
    let each = 1_000 * SCALE as usize;
    let seen: Vec<AtomicUsize> = (0..3 * each).map(|_| AtomicUsize::new(0)).collect();
    let left = AtomicUsize::new(3 * each);
    scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut select = Select::new();
                let mut open = vec![true; 3];
                while open.contains(&true) {
                    let mut gets: Vec<_> = queues.iter().map(Queue::get_async).collect();
                    let mut arms: Vec<_> = (gets.iter_mut().zip(&open))
                        .filter(|(_, open)| **open)
                        .map(|(get, _)| get as &mut dyn Arm<Private>)
                        .collect();
                    let arm = select.wait(&mut arms, Deadline::NEVER).unwrap();
                    let at = (0..3).filter(|at| open[*at]).nth(arm).unwrap();
                    match gets[at].take().unwrap() {
                        Ok(item) => {
                            seen[item].fetch_add(1, Ordering::Relaxed);
                            left.fetch_sub(1, Ordering::Relaxed);
                        }
                        Err(error) => {
                            assert_eq!(error, GetError::ShutDown);
                            open[at] = false;
                        }
                    }
                }
            });
        }
        for (number, queue) in queues.iter().enumerate() {
            scope.spawn(move || {
                (0..each).for_each(|item| queue.put(number * each + item).unwrap());
                queue.shutdown(Shutdown::Graceful);
            });
        }
    });
    assert_eq!(left.into_inner(), 0);
    assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
}

/// Futures that come and go beside one that stays: the one that stays gets every item in the end.
#[test]
fn futures_dropped_all_the_time() {
    let _watch = watchdog();
    let queue = Queue::unbounded();
    let rounds = 3_000 * SCALE as usize;
    let got = AtomicUsize::new(0);
    scope(|scope| {
        scope.spawn(|| {
            while block_on(queue.get_async()).is_ok() {
                got.fetch_add(1, Ordering::Relaxed);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !queue.is_shut_down() {
                    let (_counter, waker) = Counter::new();
                    let mut get = pin!(queue.get_async());
                    if let Poll::Ready(Ok(_)) = poll(get.as_mut(), &waker) {
                        got.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::yield_now();
                }
            });
        }
        for item in 0..rounds {
            queue.put(item).unwrap();
            // Nothing may be left behind, with somebody waiting.
            if item % 64 == 0 {
                eventually(|| got.load(Ordering::Relaxed) == item + 1);
            }
        }
        queue.shutdown(Shutdown::Graceful);
    });
    assert_eq!(got.into_inner(), rounds);
}
