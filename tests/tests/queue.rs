//! `queue`: put, get, tasks and shutdown, bounded and unbounded.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::queue::{BadCapacity, GetError, PutError, Queue, Shutdown, TimedOut, TooManyDone};
use inkle::threading::{Thread, spawn};
use inkle_tests::{Ledger, SETTLE, watchdog};

const SHORT: Duration = Duration::from_millis(5);

fn bounded<T>(capacity: usize) -> Queue<T> {
    Queue::bounded(capacity).unwrap()
}

/// Both kinds, with room for at least eight items.
fn both<T>() -> [Queue<T>; 2] {
    [bounded(8), Queue::unbounded()]
}

/// Another thread that does something with a clone of the queue, asleep by now in all likelihood.
fn beside<T, R>(queue: &Queue<T>, f: impl FnOnce(Queue<T>) -> R + Send + 'static) -> Thread<R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let queue = queue.clone();
    let thread = spawn(move || f(queue)).unwrap();
    std::thread::sleep(SETTLE);
    thread
}

#[test]
fn qu001_capacity() {
    assert!(Queue::<u8>::bounded(0).unwrap_err().to_string().contains("at least 1"));
    for capacity in [1, 2, 3, 7, 8, 100] {
        let queue = bounded(capacity);
        assert_eq!(queue.capacity(), Some(capacity));
        for item in 0..capacity {
            queue.try_put(item).unwrap();
        }
        assert_eq!(queue.try_put(0), Err(PutError::Full(0)));
    }
    let queue = Queue::unbounded();
    assert_eq!(queue.capacity(), None);
    for item in 0..10_000 {
        queue.try_put(item).unwrap();
    }
    assert_eq!(queue.len(), 10_000);
}

#[test]
fn qu002_clones_are_one_queue() {
    for queue in both() {
        let clone = queue.clone();
        clone.put(1).unwrap();
        assert_eq!((queue.len(), queue.get()), (1, Ok(1)));
        clone.shutdown(Shutdown::Graceful);
        assert!(queue.is_shut_down());
    }
}

#[test]
fn qu004_snapshots() {
    let queue = bounded(2);
    assert!(queue.is_empty() && !queue.is_full());
    queue.put('a').unwrap();
    assert!(!queue.is_empty() && !queue.is_full());
    queue.put('b').unwrap();
    assert!(!queue.is_empty() && queue.is_full());
    assert_eq!(queue.len(), 2);
    let shown = format!("{queue:?}");
    assert!(shown.contains("len: 2") && shown.contains("unfinished: 2"), "{shown}");

    let queue = Queue::unbounded();
    for item in 0..1000 {
        assert!(!queue.is_full());
        queue.put(item).unwrap();
    }
    assert!(!queue.is_empty());
}

#[test]
fn qu005_put_waits_for_room() {
    let _watch = watchdog();
    let queue = bounded(1);
    queue.put(1).unwrap();
    let putter = beside(&queue, |queue| queue.put(2));
    assert!(putter.is_alive());
    assert_eq!(queue.get(), Ok(1));
    putter.join().unwrap().unwrap();
    assert_eq!(queue.get(), Ok(2));

    queue.put(3).unwrap();
    let putter = beside(&queue, |queue| queue.put_timeout(4, Duration::MAX));
    assert_eq!(queue.get(), Ok(3));
    putter.join().unwrap().unwrap();
}

#[test]
fn qu005_put_that_runs_out_of_time_hands_the_item_back() {
    let queue = bounded(1);
    queue.put("first").unwrap();
    assert_eq!(queue.put_timeout("second", SHORT), Err(PutError::TimedOut("second")));
    assert_eq!(queue.put_until("second", Deadline::PASSED), Err(PutError::TimedOut("second")));
    assert_eq!(queue.put_timeout("second", SHORT).unwrap_err().into_inner(), "second");
    assert_eq!((queue.len(), queue.unfinished()), (1, 1), "nothing else has changed");
}

#[test]
fn qu006_put_says_shut_down_before_timed_out() {
    for queue in [bounded(1), Queue::unbounded()] {
        queue.put(1).unwrap();
        queue.shutdown(Shutdown::Graceful);
        assert_eq!(queue.put_timeout(2, Duration::ZERO), Err(PutError::ShutDown(2)));
        assert_eq!(queue.put_until(2, Deadline::PASSED), Err(PutError::ShutDown(2)));
        assert_eq!(queue.try_put(2), Err(PutError::ShutDown(2)), "also before full");
    }
}

#[test]
fn qu007_get_waits_for_an_item() {
    let _watch = watchdog();
    for queue in both() {
        let getter = beside(&queue, |queue| queue.get());
        assert!(getter.is_alive());
        queue.put(1).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(1));

        let getter = beside(&queue, |queue| queue.get_timeout(Duration::MAX));
        queue.put(2).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(2));
    }
}

#[test]
fn qu007_get_that_runs_out_of_time_takes_nothing() {
    for queue in both() {
        assert_eq!(queue.get_timeout(SHORT), Err(GetError::TimedOut));
        assert_eq!(queue.get_until(Deadline::PASSED), Err(GetError::TimedOut));
        queue.put(1).unwrap();
        assert_eq!(queue.get_until(Deadline::PASSED), Ok(1), "a passed deadline polls");
    }
}

#[test]
fn qu008_shut_down_wins_over_empty_and_timed_out() {
    for queue in both::<u8>() {
        queue.shutdown(Shutdown::Graceful);
        assert_eq!(queue.try_get(), Err(GetError::ShutDown));
        assert_eq!(queue.get(), Err(GetError::ShutDown));
        assert_eq!(queue.get_timeout(Duration::ZERO), Err(GetError::ShutDown));
        assert_eq!(queue.get_until(Deadline::PASSED), Err(GetError::ShutDown));
    }
}

#[test]
fn qu009_the_forms_that_never_wait() {
    for queue in both() {
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        queue.try_put(1).unwrap();
        assert_eq!(queue.try_get(), Ok(1));
    }
    let queue = bounded(1);
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_put(2), Err(PutError::Full(2)));
}

#[test]
fn qu010_each_put_is_a_task() {
    for queue in both() {
        assert_eq!(queue.task_done(), Err(TooManyDone));
        for item in 1..=3 {
            queue.put(item).unwrap();
            assert_eq!(queue.unfinished(), item);
        }
        queue.get().unwrap();
        assert_eq!(queue.unfinished(), 3, "to get it is not to do it");
        for left in (0..3).rev() {
            queue.task_done().unwrap();
            assert_eq!(queue.unfinished(), left);
        }
        assert_eq!(queue.task_done(), Err(TooManyDone));
        assert_eq!(queue.unfinished(), 0, "one too many changes nothing");
        queue.put(4).unwrap();
        assert_eq!(queue.unfinished(), 1);
    }
}

#[test]
fn qu010_a_put_that_failed_is_no_task() {
    let queue = bounded(1);
    queue.put(1).unwrap();
    queue.try_put(2).unwrap_err();
    queue.put_timeout(2, SHORT).unwrap_err();
    queue.shutdown(Shutdown::Graceful);
    queue.put(2).unwrap_err();
    assert_eq!(queue.unfinished(), 1);
}

#[test]
fn qu010_the_last_task_wakes_all_joiners() {
    let _watch = watchdog();
    for queue in both() {
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let joiners: Vec<_> = (0..3).map(|_| beside(&queue, |queue| queue.join())).collect();
        queue.task_done().unwrap();
        std::thread::sleep(SETTLE);
        assert!(joiners.iter().all(Thread::is_alive), "one task is left");
        queue.task_done().unwrap();
        for joiner in joiners {
            joiner.join().unwrap();
        }
    }
}

#[test]
fn qu011_join_may_be_repeated() {
    let _watch = watchdog();
    for queue in both() {
        queue.join();
        for item in 0..3 {
            queue.put(item).unwrap();
            queue.get().unwrap();
            queue.task_done().unwrap();
            queue.join();
            queue.join();
        }
    }
}

#[test]
fn qu011_join_waits_for_workers() {
    let _watch = watchdog();
    for queue in both() {
        static WORK: AtomicU32 = AtomicU32::new(0);
        WORK.store(0, Ordering::Relaxed);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                beside(&queue, |queue| {
                    while let Ok(item) = queue.get() {
                        WORK.fetch_add(item, Ordering::Relaxed);
                        queue.task_done().unwrap();
                    }
                })
            })
            .collect();
        for round in 1..=3 {
            for item in 1..=100 {
                queue.put(item).unwrap();
            }
            queue.join();
            // Relaxed on purpose: `task_done` and `join` order it.
            assert_eq!(WORK.load(Ordering::Relaxed), round * 5050);
        }
        queue.shutdown(Shutdown::Graceful);
        for worker in workers {
            worker.join().unwrap();
        }
    }
}

#[test]
fn qu012_first_in_first_out() {
    for queue in both() {
        let mut next = 0;
        for item in 0..1000 {
            queue.put(item).unwrap();
            if item % 8 == 7 {
                while let Ok(item) = queue.try_get() {
                    assert_eq!(item, next);
                    next += 1;
                }
            }
        }
        assert_eq!(next, 1000);
    }
    // The unbounded one far beyond its ring, with items in the ring and the list at once.
    let queue = Queue::unbounded();
    let (mut put, mut got) = (0, 0);
    for burst in [1, 300, 10, 2000, 255, 256, 257, 1] {
        for _ in 0..burst {
            queue.put(put).unwrap();
            put += 1;
        }
        for _ in 0..burst * 2 / 3 {
            assert_eq!(queue.get(), Ok(got));
            got += 1;
        }
        assert_eq!(queue.len(), put - got);
    }
    while let Ok(item) = queue.try_get() {
        assert_eq!(item, got);
        got += 1;
    }
    assert_eq!(got, put);
}

#[test]
fn qu016_each_item_wakes_a_getter() {
    let _watch = watchdog();
    for queue in both() {
        let getters: Vec<_> = (0..4).map(|_| beside(&queue, |queue| queue.get())).collect();
        for item in 0..4 {
            queue.put(item).unwrap();
        }
        let mut got: Vec<_> =
            getters.into_iter().map(|getter| getter.join().unwrap().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3]);
    }
}

#[test]
fn qu016_each_room_wakes_a_putter() {
    let _watch = watchdog();
    let queue = bounded(1);
    queue.put(0).unwrap();
    let putters: Vec<_> =
        (1..=4).map(|item| beside(&queue, move |queue| queue.put(item))).collect();
    let mut got: Vec<_> = (0..5).map(|_| queue.get().unwrap()).collect();
    for putter in putters {
        putter.join().unwrap().unwrap();
    }
    assert_eq!(got[0], 0);
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4]);
}

#[test]
fn qu017_shutdown_is_for_ever() {
    for queue in both() {
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        assert!(!queue.is_shut_down());
        queue.shutdown(Shutdown::Graceful);
        queue.shutdown(Shutdown::Graceful);
        assert!(queue.is_shut_down());
        assert_eq!(queue.len(), 2);
        queue.shutdown(Shutdown::Immediate);
        assert_eq!(queue.try_get(), Err(GetError::ShutDown), "graceful may become immediate");
        queue.shutdown(Shutdown::Graceful);
        assert_eq!(queue.try_put(3), Err(PutError::ShutDown(3)), "and there is no way back");
    }
}

#[test]
fn qu018_shutdown_wakes_putters_with_their_items() {
    let _watch = watchdog();
    for how in [Shutdown::Graceful, Shutdown::Immediate] {
        let queue = bounded(1);
        queue.put(0).unwrap();
        let waiting = beside(&queue, |queue| queue.put(1));
        let limited = beside(&queue, |queue| queue.put_timeout(2, Duration::MAX));
        queue.shutdown(how);
        assert_eq!(waiting.join().unwrap(), Err(PutError::ShutDown(1)));
        assert_eq!(limited.join().unwrap(), Err(PutError::ShutDown(2)));
        assert_eq!(queue.put(3), Err(PutError::ShutDown(3)));
    }
}

#[test]
fn qu019_graceful_lets_getters_drain() {
    let _watch = watchdog();
    for queue in both() {
        for item in 0..5 {
            queue.put(item).unwrap();
        }
        queue.shutdown(Shutdown::Graceful);
        assert_eq!(queue.unfinished(), 5);
        let joiner = beside(&queue, |queue| queue.join());
        for item in 0..5 {
            assert!(joiner.is_alive());
            assert_eq!(queue.get(), Ok(item));
            queue.task_done().unwrap();
        }
        joiner.join().unwrap();
        assert_eq!(queue.get(), Err(GetError::ShutDown));
    }
    // The unbounded one with a list behind its ring.
    let queue = Queue::unbounded();
    for item in 0..1000 {
        queue.put(item).unwrap();
    }
    queue.shutdown(Shutdown::Graceful);
    assert!((0..1000).all(|item| queue.get() == Ok(item)));
    assert_eq!(queue.get(), Err(GetError::ShutDown));
}

#[test]
fn qu019_graceful_wakes_getters_of_an_empty_queue() {
    let _watch = watchdog();
    for queue in both::<u8>() {
        let getters: Vec<_> = (0..3).map(|_| beside(&queue, |queue| queue.get())).collect();
        queue.shutdown(Shutdown::Graceful);
        for getter in getters {
            assert_eq!(getter.join().unwrap(), Err(GetError::ShutDown));
        }
    }
}

#[test]
fn qu020_immediate_drops_and_counts() {
    for (capacity, count) in [(Some(8), 8), (None, 8), (None, 1000)] {
        let queue = capacity.map_or_else(Queue::unbounded, bounded);
        let ledger = Ledger::new(count);
        for id in 0..count {
            queue.put(ledger.value(id)).unwrap();
        }
        assert_eq!(queue.unfinished(), count);
        queue.shutdown(Shutdown::Immediate);
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        ledger.assert_each_once();
        drop(queue);
        ledger.assert_each_once();
    }
}

#[test]
fn qu021_a_task_in_hand_holds_join() {
    let _watch = watchdog();
    for queue in both() {
        for item in 0..3 {
            queue.put(item).unwrap();
        }
        queue.get().unwrap();
        let joiner = beside(&queue, |queue| queue.join());
        queue.shutdown(Shutdown::Immediate);
        assert_eq!(queue.unfinished(), 1);
        std::thread::sleep(SETTLE);
        assert!(joiner.is_alive());
        queue.task_done().unwrap();
        joiner.join().unwrap();
    }
}

#[test]
fn qu021_immediate_wakes_getters() {
    let _watch = watchdog();
    for queue in both::<u8>() {
        let getters: Vec<_> = (0..3).map(|_| beside(&queue, |queue| queue.get())).collect();
        queue.shutdown(Shutdown::Immediate);
        for getter in getters {
            assert_eq!(getter.join().unwrap(), Err(GetError::ShutDown));
        }
    }
}

#[test]
fn qu022_immediate_lets_join_return_though_no_work_was_done() {
    let _watch = watchdog();
    for queue in both() {
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let joiner = beside(&queue, |queue| queue.join());
        queue.shutdown(Shutdown::Immediate);
        joiner.join().unwrap();
    }
}

#[test]
fn qu023_a_dropped_item_cannot_be_called_done() {
    for queue in both() {
        queue.put(1).unwrap();
        queue.shutdown(Shutdown::Immediate);
        assert_eq!(queue.task_done(), Err(TooManyDone));
    }
}

#[test]
fn qu025_errors_are_errors() {
    fn text(error: impl Error) -> String {
        error.to_string()
    }
    let texts = [
        text(PutError::Full(1)),
        text(PutError::TimedOut(1)),
        text(PutError::ShutDown(1)),
        text(GetError::Empty),
        text(GetError::TimedOut),
        text(GetError::ShutDown),
        text(TooManyDone),
        text(TimedOut),
    ];
    for (index, text) in texts.iter().enumerate() {
        assert!(!text.is_empty() && !texts[..index].contains(text), "{text}");
    }
    fn any(error: BadCapacity) -> Box<dyn Error + Send + Sync> {
        error.into()
    }
    assert!(any(Queue::<u64>::bounded(usize::MAX).unwrap_err()).to_string().contains("memory"));
}

#[test]
fn qu030_join_with_a_limit() {
    let _watch = watchdog();
    for queue in both() {
        assert_eq!(queue.join_timeout(Duration::ZERO), Ok(()));
        queue.put(1).unwrap();
        assert_eq!(queue.join_timeout(Duration::ZERO), Err(TimedOut));
        assert_eq!(queue.join_timeout(SHORT), Err(TimedOut));
        assert_eq!(queue.join_until(Deadline::PASSED), Err(TimedOut));
        let joiner = beside(&queue, |queue| queue.join_timeout(Duration::MAX));
        queue.task_done().unwrap();
        assert_eq!(joiner.join().unwrap(), Ok(()));
    }
}

#[test]
fn dropping_the_last_handle_drops_what_is_left() {
    for (capacity, count) in [(Some(8), 5), (None, 5), (None, 1000)] {
        let queue = capacity.map_or_else(Queue::unbounded, bounded);
        let ledger = Ledger::new(count);
        for id in 0..count {
            queue.put(ledger.value(id)).unwrap();
        }
        let clone = queue.clone();
        drop(queue);
        assert_eq!(ledger.total(), 0);
        drop(clone.get().unwrap());
        drop(clone);
        ledger.assert_each_once();
    }
}
