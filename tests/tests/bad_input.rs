//! What a careless or hostile caller does: every answer is an error value, nothing is lost, nothing
//! hangs, nothing aborts.

use std::mem::forget;
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::scope;

use inkle::platform::{Deadline, Private};
use inkle::queue::{GetError, PutError, Queue, Shutdown};
use inkle::thread::start_new_thread;
use inkle::threading::{
    BoundedSemaphore, Builder, Condition, JoinError, Lock, RwLock, Semaphore, SpawnCause,
    ThreadInfo, enumerate, spawn,
};
use inkle_core::channel::Channel;
use inkle_core::queue::fifo::{FastFifo, Fifo};
use inkle_core::queue::word::{Bits, WordRing};
use inkle_tests::{Ledger, Tracked, eventually, panics, watchdog};

#[test]
fn qu001_impossible_capacities_are_errors() {
    for capacity in [0, usize::MAX, isize::MAX as usize, usize::MAX / 16, usize::MAX / 64] {
        assert!(Queue::<u64>::bounded(capacity).is_err(), "{capacity}");
        assert!(Queue::<()>::bounded(capacity).is_err(), "{capacity} of nothing");
    }
}

#[test]
fn qu010_too_many_done_from_many_threads() {
    let _watch = watchdog();
    for queue in [Queue::bounded(100).unwrap(), Queue::unbounded()] {
        (0..100).for_each(|item| queue.put(item).unwrap());
        let done = AtomicU32::new(0);
        scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        done.fetch_add(queue.task_done().is_ok().into(), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((done.into_inner(), queue.unfinished()), (100, 0));
        assert_eq!(queue.len(), 100, "what is called done need not have been got");
        queue.shutdown(Shutdown::Immediate);
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
    }
}

#[test]
fn th029_names_that_cannot_be() {
    for (name, at) in [("\0", 0), ("a\0b", 1), ("end\0", 3), ("ü\0\0", 2)] {
        let ledger = Ledger::new(1);
        let value = ledger.value(0);
        let builder = Builder::new().name(name);
        let error = builder.spawn(move || value).unwrap_err();
        assert!(
            matches!(error.cause(), SpawnCause::NulInName { position } if *position == at),
            "{error:?}"
        );
        assert_eq!(ledger.total(), 0, "the function comes back");
        drop(error.into_inner()());
        ledger.assert_each_once();
        // The builder too.
        let thread = builder.name("possible").spawn(|| ()).unwrap();
        assert_eq!(thread.name(), "possible");
    }
}

#[test]
fn th029_names_that_can_be() {
    for name in [String::new(), "x".repeat(300), "läufer ".repeat(40), "\n\u{202e}%s".into()] {
        let thread = Builder::new().name(name.clone()).spawn(|| ()).unwrap();
        assert_eq!(thread.name(), name);
        thread.join().unwrap();
    }
}

#[test]
fn th011_stacks_of_any_size_work_or_are_refused() {
    for bytes in [0, 1, 4096, 65_537] {
        assert_eq!(Builder::new().stack_size(bytes).spawn(|| 7).unwrap().join().unwrap(), 7);
    }
    for bytes in [usize::MAX, usize::MAX - 4096, usize::MAX / 2, isize::MAX as usize] {
        let error = Builder::new().stack_size(bytes).spawn(|| 7).unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::Refused(_)));
        assert_eq!(error.into_inner()(), 7);
    }
}

/// A payload whose `Drop` panics with another such payload, so many times.
struct Chain(u32, Arc<AtomicU32>);

impl Drop for Chain {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
        if self.0 > 0 {
            panic_any(Chain(self.0 - 1, Arc::clone(&self.1)));
        }
    }
}

fn end_of(info: &ThreadInfo) {
    eventually(|| !info.is_alive());
    assert!(!enumerate().contains(info));
}

#[test]
fn th076_a_payload_that_panics_when_dropped_stops_there() {
    let _watch = watchdog();
    for links in [0, 1, 5] {
        let drops = Arc::new(AtomicU32::new(0));
        let throw = || {
            let drops = Arc::clone(&drops);
            move || panic_any(Chain(links, drops))
        };

        // Joined, and the error dropped.
        let result = spawn(throw()).unwrap().join();
        assert!(matches!(result, Err(JoinError::Panicked(_))));
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        assert!(!panics(|| drop(result)));
        assert_eq!(drops.swap(0, Ordering::SeqCst), 1);

        // Joined, and the error dropped by an unwinding owner.
        let thread = spawn(throw()).unwrap();
        assert!(panics(|| thread.join().unwrap()));
        assert_eq!(drops.swap(0, Ordering::SeqCst), 1);

        // Never joined, the handle dropped before the thread's end or after it.
        let thread = spawn(throw()).unwrap();
        let info = thread.info().clone();
        drop(thread);
        end_of(&info);
        let thread = spawn(throw()).unwrap();
        end_of(thread.info());
        assert!(!panics(|| drop(thread)));
        assert_eq!(drops.swap(0, Ordering::SeqCst), 2);

        // In a raw thread.
        let ident = start_new_thread(throw()).unwrap();
        eventually(|| enumerate().iter().all(|info| info.ident() != ident));
        assert_eq!(drops.swap(0, Ordering::SeqCst), 1);

        // Taken out, it is the caller's own.
        match spawn(throw()).unwrap().join() {
            Err(JoinError::Panicked(panic)) => {
                let payload = panic.into_inner();
                assert!(payload.is::<Chain>());
                assert_eq!(panics(|| drop(payload)), links > 0);
            }
            _ => unreachable!(),
        }
    }
}

#[test]
fn th024_a_capture_that_panics_when_dropped_is_a_panic_of_the_function() {
    let _watch = watchdog();
    let ledger = Ledger::new(1);
    let bomb = ledger.bomb(0);
    let thread = spawn(move || drop(bomb)).unwrap();
    match thread.join() {
        Err(JoinError::Panicked(panic)) => {
            assert_eq!(panic.message(), Some("value 0 panics when dropped"));
        }
        _ => unreachable!(),
    }
    ledger.assert_each_once();
}

#[test]
fn a_result_that_panics_when_dropped_stops_in_its_thread() {
    let _watch = watchdog();
    let ledger = Ledger::new(2);
    let hold = inkle::thread::allocate_lock();
    hold.acquire();
    let (bomb, its) = (ledger.bomb(0), hold.clone());
    let thread = spawn(move || {
        its.acquire();
        bomb
    });
    let info = thread.unwrap().info().clone();
    hold.release().unwrap();
    end_of(&info);

    // With the handle there, it is the owner's as any other value.
    let bomb = ledger.bomb(1);
    let thread = spawn(move || bomb).unwrap();
    end_of(thread.info());
    assert!(panics(|| drop(thread)));
    ledger.assert_each_once();
}

/// Calls the macro `$test` with an expression for each kind of queue of any item.
macro_rules! each_queue {
    ($item:ty, $capacity:literal, $test:ident) => {
        $test!(Queue::<$item>::bounded($capacity).unwrap());
        $test!(Queue::<$item>::unbounded());
        $test!(Channel::<Fifo<$item, $capacity>, Private>::new(Fifo::new()));
        $test!(Channel::<FastFifo<$item, $capacity>, Private>::new(FastFifo::new()));
    };
}

/// Drops a queue of so many items, one of which panics.
macro_rules! drop_with_bomb {
    ($queue:expr, $count:literal, $bomb:literal) => {{
        let (queue, ledger) = ($queue, Ledger::new($count));
        for id in 0..$count {
            let item = if id == $bomb { ledger.bomb(id) } else { ledger.value(id) };
            queue.put(item).unwrap();
        }
        assert!(panics(|| drop(queue)), "the panic goes through");
        ledger.assert_each_once();
    }};
}

#[test]
fn a_dropped_queue_drops_every_item_once_whoever_panics() {
    macro_rules! test {
        ($queue:expr) => {
            drop_with_bomb!($queue, 8, 0);
            drop_with_bomb!($queue, 8, 3);
            drop_with_bomb!($queue, 8, 7);
        };
    }
    each_queue!(Tracked, 8, test);
    // In the ring of an unbounded queue, and in the list behind it.
    drop_with_bomb!(Queue::<Tracked>::unbounded(), 600, 2);
    drop_with_bomb!(Queue::<Tracked>::unbounded(), 600, 500);
}

#[test]
fn qu020_shutdown_goes_on_where_a_panic_stopped_it() {
    for queue in [Queue::bounded(8).unwrap(), Queue::unbounded()] {
        let ledger = Ledger::new(8);
        for id in 0..8 {
            queue.put(if id % 3 == 2 { ledger.bomb(id) } else { ledger.value(id) }).unwrap();
        }
        assert!(panics(|| queue.shutdown(Shutdown::Immediate)));
        assert!(queue.is_shut_down());
        assert_eq!((queue.len(), queue.unfinished(), ledger.total()), (5, 5, 3));
        assert!(panics(|| queue.shutdown(Shutdown::Immediate)));
        assert_eq!((queue.len(), queue.unfinished(), ledger.total()), (2, 2, 6));
        queue.shutdown(Shutdown::Immediate);
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        ledger.assert_each_once();
        queue.join();
    }
}

/// An item that uses its own queue when it is dropped.
struct Meddler(Queue<Meddler>, Arc<AtomicU32>);

impl Drop for Meddler {
    fn drop(&mut self) {
        let again = Meddler(self.0.clone(), Arc::clone(&self.1));
        match self.0.try_put(again) {
            Ok(()) => self.0.task_done().unwrap(),
            Err(PutError::ShutDown(item)) => std::mem::forget(item),
            Err(error) => std::mem::forget(error),
        }
        assert!(self.0.len() <= 4);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn qu032_a_destructor_may_use_the_queue() {
    let _watch = watchdog();
    for queue in [Queue::bounded(4).unwrap(), Queue::unbounded()] {
        let drops = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            queue.put(Meddler(queue.clone(), Arc::clone(&drops))).ok().unwrap();
        }
        drop(queue.get().ok().unwrap());
        assert_eq!(queue.len(), 3, "it has put a new one");
        queue.shutdown(Shutdown::Immediate);
        assert_eq!((queue.len(), drops.load(Ordering::SeqCst)), (0, 4));
    }
}

/// Fills a queue of three and empties it, many times over.
macro_rules! three_at_a_time {
    ($queue:expr, $item:ident) => {{
        let queue = $queue;
        for round in 0..50 {
            for offset in 0..3 {
                queue.put($item(round + offset)).unwrap();
            }
            assert_eq!((queue.len(), queue.unfinished()), (3, 3));
            for offset in 0..3 {
                assert!(queue.get().unwrap() == $item(round + offset));
                queue.task_done().unwrap();
            }
            assert_eq!(queue.try_get(), Err(GetError::Empty));
        }
    }};
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Nothing;

impl Bits for Nothing {
    const BITS: u32 = 0;

    fn into_bits(self) -> u32 {
        0
    }

    fn from_bits(_: u32) -> Self {
        Self
    }
}

#[test]
fn items_of_no_size() {
    let nothing = |_| Nothing;
    macro_rules! test {
        ($queue:expr) => {
            three_at_a_time!($queue, nothing)
        };
    }
    each_queue!(Nothing, 3, test);
    test!(Channel::<WordRing<Nothing, 3>, Private>::new(WordRing::new()));
}

#[test]
fn items_of_four_kibibytes() {
    let page = |number: u8| -> [u8; 4096] {
        std::array::from_fn(|index| (index as u8).wrapping_mul(31) ^ number)
    };
    macro_rules! test {
        ($queue:expr) => {
            three_at_a_time!($queue, page)
        };
    }
    each_queue!([u8; 4096], 3, test);
}

#[test]
fn items_that_need_their_alignment() {
    #[repr(align(64))]
    #[derive(Debug, PartialEq)]
    struct Line(u8);
    let line = |number| {
        let line = Line(number);
        assert_eq!((&raw const line).align_offset(64), 0);
        line
    };
    macro_rules! test {
        ($queue:expr) => {
            three_at_a_time!($queue, line)
        };
    }
    each_queue!(Line, 3, test);
}

#[test]
fn a_capacity_of_one() {
    macro_rules! test {
        ($queue:expr) => {
            let queue = $queue;
            for item in 0..1000_u16 {
                queue.put(item).unwrap();
                if let Err(error) = queue.try_put(9999) {
                    assert_eq!(error, PutError::Full(9999));
                    assert_eq!(queue.len(), 1);
                } else {
                    assert_eq!(queue.capacity(), None);
                    assert_eq!(queue.len(), 2);
                }
                assert_eq!(queue.get(), Ok(item));
                assert_eq!(queue.try_get().is_ok(), queue.capacity().is_none());
                assert_eq!(queue.try_get(), Err(GetError::Empty));
            }
        };
    }
    each_queue!(u16, 1, test);
    test!(Channel::<WordRing<u16, 1>, Private>::new(WordRing::new()));
}

#[test]
fn th033_a_guard_whose_lock_somebody_else_has_released() {
    let _watch = watchdog();
    let (lock, changed) = (Lock::new(), Condition::new());
    let mut guard = lock.guard();
    scope(|scope| {
        scope.spawn(|| assert!(lock.release().is_ok() && lock.release().is_err()));
    });
    // It gets what it stands for: the lock.
    assert!(changed.wait_until(&mut guard, Deadline::PASSED).is_err());
    assert!(lock.is_held());
    assert!(lock.release().is_ok());
    drop(guard);
    assert!(lock.release().is_err() && lock.try_acquire());
}

#[test]
fn th046_notifications_for_nobody_for_none_and_for_all_there_could_be() {
    let _watch = watchdog();
    let (lock, changed, told) = (Lock::new(), Condition::new(), AtomicU32::new(0));
    [0, 1, u32::MAX].into_iter().for_each(|count| changed.notify(count));
    scope(|scope| {
        scope.spawn(|| {
            let mut guard = lock.guard();
            changed.wait_for(&mut guard, |_| told.load(Ordering::SeqCst) == 1);
        });
        changed.notify(0);
        let guard = lock.guard();
        told.store(1, Ordering::SeqCst);
        drop(guard);
        changed.notify(u32::MAX);
    });
    assert!(lock.try_acquire(), "and it has released it");
}

#[test]
fn th041_a_condition_waited_for_with_two_locks() {
    let _watch = watchdog();
    let (locks, changed, woken) = ([Lock::new(), Lock::new()], Condition::new(), AtomicU32::new(0));
    scope(|scope| {
        for lock in &locks {
            scope.spawn(|| {
                let mut guard = lock.guard();
                changed.wait(&mut guard);
                woken.fetch_add(1, Ordering::SeqCst);
            });
        }
        eventually(|| {
            changed.notify_all();
            woken.load(Ordering::SeqCst) == 2
        });
    });
    assert!(locks.iter().all(Lock::try_acquire));
}

#[test]
fn th053_bounded_semaphores_of_none_and_of_all_there_could_be() {
    let none = BoundedSemaphore::new(0);
    assert!(!none.try_acquire());
    assert!(none.release(0).is_ok());
    assert!(none.release(1).is_err() && none.release(u32::MAX).is_err());
    let all = BoundedSemaphore::new(u32::MAX);
    assert!(all.release(1).is_err());
    assert!(all.try_acquire() && all.release(2).is_err() && all.release(1).is_ok());
    assert_eq!((none.available(), all.available()), (0, u32::MAX));
}

#[test]
fn th053_permits_that_nobody_took_from_many_threads() {
    let _watch = watchdog();
    let (seats, given) = (BoundedSemaphore::new(100), AtomicU32::new(0));
    (0..100).for_each(|_| seats.acquire());
    scope(|scope| {
        for count in 1..=4 {
            let (seats, given) = (&seats, &given);
            scope.spawn(move || {
                while seats.release(count).is_ok() {
                    given.fetch_add(count, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!((given.into_inner(), seats.available()), (100, 100), "whoever gives one fills it");
}

#[test]
fn th079_guards_that_are_never_dropped() {
    let leaks: [fn(&RwLock<u32>); 2] = [|lock| forget(lock.read()), |lock| forget(lock.write())];
    for leak in leaks {
        let mut lock = RwLock::new(7);
        leak(&lock);
        assert!(lock.try_write().is_none());
        assert!(lock.write_until(Deadline::PASSED).is_err());
        *lock.get_mut() += 1;
        assert_eq!(lock.into_inner(), 8);
    }
}

#[test]
fn futures_that_are_polled_again_when_they_are_done() {
    let queue = Queue::bounded(2).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut put = pin!(queue.put_async(1));
    assert_eq!(put.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    assert!(put.as_mut().poll(&mut context).is_pending(), "it has nothing to put any more");
    let mut get = pin!(queue.get_async());
    assert_eq!(get.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    assert!(get.as_mut().poll(&mut context).is_pending());
    queue.put(2).unwrap();
    assert_eq!(get.as_mut().poll(&mut context), Poll::Ready(Ok(2)), "it begins anew");
    let permits = Semaphore::new(1);
    let mut permit = pin!(permits.acquire_async());
    assert!(permit.as_mut().poll(&mut context).is_ready());
    assert!(permit.as_mut().poll(&mut context).is_pending());
    assert_eq!((permits.release(1), permits.available()), (Ok(()), 1));
    assert!(permit.as_mut().poll(&mut context).is_ready());
}
