//! What the locks tell: who holds, who waits, and circles. (TH084)

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::thread::scope;
use std::time::Duration;

use inkle::diagnose::{self, Cycle};
use inkle::threading::{Event, Lock, RwLock};
use inkle_tests::{eventually, watchdog};

/// Circles found so far, as lines of this file and addresses.
static FOUND: Mutex<Vec<Vec<(u32, usize)>>> = Mutex::new(Vec::new());

/// The tests of circles share one hook.
static TURN: Mutex<()> = Mutex::new(());

/// The circles that `work` closes.
fn circles(work: impl FnOnce()) -> Vec<Vec<(u32, usize)>> {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    diagnose::on_cycle(|cycle: &Cycle| {
        let links = cycle.links().iter();
        let links = links.map(|link| (link.wanted().1.line(), link.wanted().0)).collect();
        FOUND.lock().unwrap().push(links);
    });
    FOUND.lock().unwrap().clear();
    work();
    std::mem::take(&mut *FOUND.lock().unwrap())
}

fn address<L>(lock: &L) -> usize {
    &raw const *lock as usize
}

/// The lines of this file from which a lock is held, in the order in which it was acquired.
fn held_from<L>(lock: &L) -> Vec<u32> {
    let dump = diagnose::dump();
    let held = dump.held().iter().filter(|held| held.lock() == address(lock));
    held.inspect(|held| assert_eq!(held.place().file(), file!()))
        .map(|held| held.place().line())
        .collect()
}

#[test]
fn a_dump_names_holder_and_waiter_with_their_places() {
    let _watch = watchdog();
    let (lock, event) = (Lock::new(), Event::new());
    let line = line!() + 1;
    let guard = lock.guard();
    let held =
        || diagnose::dump().held().iter().find(|held| held.lock() == address(&lock)).cloned();
    let found = held().unwrap();
    assert_eq!((found.place().file(), found.place().line()), (file!(), line));
    assert_eq!(found.thread().id(), std::thread::current().id());
    scope(|scope| {
        scope.spawn(|| lock.acquire());
        scope.spawn(|| event.wait());
        eventually(|| {
            let dump = diagnose::dump();
            let waits = |place: bool| {
                dump.waiting().iter().any(|waiting| match waiting.place() {
                    Some(_) => place && waiting.address() == address(&lock),
                    None => !place,
                })
            };
            waits(true) && waits(false)
        });
        let text = diagnose::dump().to_string();
        assert!(text.contains(&format!("{:#x} held by", address(&lock))), "{text}");
        assert!(text.contains(&format!("waits for {:#x}", address(&lock))), "{text}");
        drop(guard);
        event.set();
    });
    // The other thread has it now, and any thread may release it.
    assert_ne!(held().unwrap().thread().id(), std::thread::current().id());
    lock.release().unwrap();
    assert!(held().is_none());
    assert!(diagnose::dump().waiting().iter().all(|waiting| waiting.address() != address(&lock)));
}

#[test]
fn two_orders_are_reported_once_with_both_places() {
    let (left, right) = (Lock::new(), Lock::new());
    let mut lines = (0, 0);
    let mut both = || {
        let first = left.guard();
        lines.0 = line!() + 1;
        drop(right.guard());
        drop(first);
        let first = right.guard();
        lines.1 = line!() + 1;
        drop(left.guard());
        drop(first);
    };
    let found = circles(|| {
        both();
        both();
    });
    let (first, second) = ((lines.0, address(&right)), (lines.1, address(&left)));
    assert_eq!(found, [[second, first]]);
}

#[test]
fn three_locks_in_a_circle() {
    let locks = [Lock::new(), Lock::new(), Lock::new()];
    let found = circles(|| {
        for (first, second) in [(0, 1), (1, 2), (2, 0)] {
            let guard = locks[first].guard();
            drop(locks[second].guard());
            drop(guard);
        }
    });
    let wanted: Vec<usize> = found[0].iter().map(|link| link.1).collect();
    assert_eq!((found.len(), wanted), (1, [0, 1, 2].map(|lock| address(&locks[lock])).into()));
}

#[test]
fn a_lock_asked_for_again_by_its_holder() {
    let lock = Lock::new();
    let found = circles(|| {
        let guard = lock.guard();
        assert!(lock.acquire_timeout(Duration::from_millis(1)).is_err());
        drop(guard);
    });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][0].1, address(&lock));
}

#[test]
fn one_order_and_tries_are_no_circle() {
    let (left, right) = (Lock::new(), Lock::new());
    let found = circles(|| {
        for _ in 0..2 {
            let first = left.guard();
            drop(right.guard());
            drop(first);
        }
        let first = right.guard();
        assert!(left.try_acquire());
        left.release().unwrap();
        drop(first);
    });
    assert_eq!(found, [] as [Vec<(u32, usize)>; 0]);
}

#[test]
fn a_lock_that_is_gone_takes_its_orders_along() {
    let left = Lock::new();
    let mut right = Box::new(Lock::new());
    let found = circles(|| {
        let first = left.guard();
        drop(right.guard());
        drop(first);
        // Another lock in the same place.
        *right = Lock::new();
        let first = right.guard();
        drop(left.guard());
        drop(first);
    });
    assert_eq!(found, [] as [Vec<(u32, usize)>; 0]);
}

#[test]
fn each_reader_holds_and_a_writer_that_waits_is_named() {
    let _watch = watchdog();
    let lock = RwLock::new(0);
    let line = line!();
    let first = lock.read();
    let second = lock.try_read().unwrap();
    let third = lock.read_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(held_from(&lock), [line + 1, line + 2, line + 3]);
    drop((first, third));
    assert_eq!(held_from(&lock).len(), 1);
    scope(|scope| {
        scope.spawn(|| *lock.write() += 1);
        eventually(|| {
            let dump = diagnose::dump();
            let mut waiting = dump.waiting().iter();
            waiting.any(|waiting| {
                waiting.address() == address(&lock)
                    && waiting.place().is_some_and(|place| place.line() == line + 8)
            })
        });
        drop(second);
    });
    assert_eq!(held_from(&lock), []);
    assert!(diagnose::dump().waiting().iter().all(|waiting| waiting.address() != address(&lock)));
}

#[test]
fn a_writer_that_goes_on_as_a_reader_is_one_holder() {
    let lock = RwLock::new(0);
    let line = line!() + 1;
    let writer = lock.write();
    assert_eq!(held_from(&lock), [line]);
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    assert!(lock.read_timeout(Duration::from_millis(1)).is_err());
    let reader = writer.downgrade();
    assert_eq!(held_from(&lock), [line]);
    drop(reader);
    assert_eq!(held_from(&lock), []);
}

#[test]
fn a_read_write_lock_in_a_circle_and_read_again_by_its_reader() {
    let (lock, data) = (Lock::new(), RwLock::new(0));
    let found = circles(|| {
        let reader = data.read();
        drop(lock.guard());
        drop(reader);
        let guard = lock.guard();
        drop(data.write());
        drop(guard);
    });
    let wanted: Vec<usize> = found[0].iter().map(|link| link.1).collect();
    assert_eq!((found.len(), wanted), (1, vec![address(&data), address(&lock)]));
    let found = circles(|| drop((data.read(), data.read())));
    assert_eq!(found.len(), 1, "a writer in between would wait for it, and it for the writer");
    assert_eq!(found[0][0].1, address(&data));
}

#[test]
fn a_read_write_lock_that_is_awaited_is_held_by_the_thread_that_polls() {
    let lock = RwLock::new(0);
    let mut read = pin!(lock.read_async());
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(guard) = read.as_mut().poll(&mut context) else { panic!("nobody is in") };
    let dump = diagnose::dump();
    let held = dump.held().iter().find(|held| held.lock() == address(&lock)).unwrap();
    assert_eq!(held.thread().id(), std::thread::current().id());
    drop(guard);
    assert_eq!(held_from(&lock), []);
}
