//! Locks and their kin between processes, and what becomes of them when a process is killed. (MP038 to MP045)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::mem::forget;
use std::process::abort;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::{scope, sleep};

use inkle::kernel::error::{BarrierError, RLockError, ReleaseError};
use inkle::multiprocessing::memory::{Cell, Shared};
use inkle::multiprocessing::{
    Barrier, BoundedSemaphore, Event, Found, Lock, Process, RLock, RawValue, Semaphore, Value,
    in_place,
};
use inkle_tests::{PATIENCE, SCALE, SETTLE, eventually, watchdog};

const ROUNDS: u64 = 2_000 * SCALE as u64;

fn idle() {
    sleep(PATIENCE);
}

#[test]
fn mp038_a_lock_lets_in_one_process_at_a_time() {
    fn count(lock: Lock, counter: RawValue<u64>) {
        for _ in 0..ROUNDS {
            let guard = lock.guard();
            assert_eq!(guard.found(), Found::Clean);
            // Two steps on purpose: only the lock makes them one.
            counter.set(counter.get() + 1);
        }
    }
    let _watch = watchdog();
    let (lock, counter) = (Lock::new().unwrap(), RawValue::new(Cell::new(0)).unwrap());
    let others: [_; 2] =
        std::array::from_fn(|_| Process::spawn(count, (lock.clone(), counter.clone())).unwrap());
    count(lock, counter.clone());
    for process in others {
        process.join().unwrap();
    }
    assert_eq!(counter.get(), 3 * ROUNDS);
}

#[test]
fn mp039_another_process_may_release_a_lock_and_over_release_is_an_error() {
    fn release(lock: Lock) -> (bool, bool) {
        (lock.release().is_ok(), lock.release().is_ok())
    }
    let _watch = watchdog();
    let lock = Lock::new().unwrap();
    assert_eq!(lock.acquire(), Found::Clean);
    let process = Process::spawn(release, (lock.clone(),)).unwrap();
    assert_eq!(lock.acquire_timeout(PATIENCE), Ok(Found::Clean));
    assert!(process.join().unwrap().0);
}

#[test]
fn mp044_who_comes_after_a_killed_holder_is_told_and_nobody_else() {
    fn hold(lock: Lock, held: Event) {
        let _guard = lock.guard();
        held.set();
        idle();
    }
    let _watch = watchdog();
    let (lock, held) = (Lock::new().unwrap(), Event::new().unwrap());
    let process = Process::spawn(hold, (lock.clone(), held.clone())).unwrap();
    held.wait();
    assert!(lock.try_guard().is_none());
    process.kill().unwrap();
    let guard = lock.guard();
    assert_eq!(guard.found(), Found::Abandoned);
    drop(guard);
    assert_eq!(lock.try_acquire(), Some(Found::Clean));
}

#[test]
fn mp040_mp044_an_rlock_is_released_by_its_owner_alone_and_outlives_it() {
    fn hold(lock: RLock, held: Event) {
        let _guards = (lock.guard().unwrap(), lock.guard().unwrap());
        held.set();
        idle();
    }
    let _watch = watchdog();
    let (lock, held) = (RLock::new().unwrap(), Event::new().unwrap());
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
    let process = Process::spawn(hold, (lock.clone(), held.clone())).unwrap();
    held.wait();
    assert_eq!(lock.release(), Err(ReleaseError::NotOwner));
    assert_eq!(lock.try_acquire(), Err(RLockError::Held));
    process.kill().unwrap();
    assert_eq!(lock.guard().unwrap().found(), Found::Abandoned);
    assert_eq!(lock.acquire(), Ok(Found::Clean));
    assert_eq!(lock.acquire(), Ok(Found::Clean), "one level more");
}

#[test]
fn mp044_a_waiter_that_is_killed_takes_nobodys_turn() {
    fn pass(lock: Lock, begun: Event) {
        begun.set();
        drop(lock.guard());
    }
    let _watch = watchdog();
    let lock = Lock::new().unwrap();
    for _ in 0..10 {
        let guard = lock.guard();
        let begun: [_; 2] = std::array::from_fn(|_| Event::new().unwrap());
        let [first, second] = begun
            .each_ref()
            .map(|begun| Process::spawn(pass, (lock.clone(), begun.clone())).unwrap());
        begun.iter().for_each(|begun| begun.wait());
        sleep(SETTLE);
        drop(guard);
        // It may have been woken for the lock, or have it.
        first.kill().unwrap();
        let _ = first.join();
        second.join().unwrap();
    }
}

#[test]
fn mp041_a_semaphore_lets_in_so_many_and_a_bounded_one_has_no_more_than_at_first() {
    type Room = (in_place::Semaphore, AtomicU32, AtomicU32);
    fn visit(room: Shared<Room>) {
        let (seats, inside, most) = &*room;
        for _ in 0..ROUNDS / 10 {
            seats.acquire();
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            inside.fetch_sub(1, SeqCst);
            seats.release(1).unwrap();
        }
    }
    fn release(seats: BoundedSemaphore) -> [bool; 2] {
        [(); 2].map(|()| seats.release(1).is_ok())
    }
    let _watch = watchdog();
    let room = (in_place::Semaphore::new(2), AtomicU32::new(0), AtomicU32::new(0));
    let room = Shared::new(room).unwrap();
    let visitors: [_; 3] = std::array::from_fn(|_| Process::spawn(visit, (room.clone(),)).unwrap());
    visit(room.clone());
    for process in visitors {
        process.join().unwrap();
    }
    assert!((1..=2).contains(&room.2.load(SeqCst)));
    assert_eq!(room.0.available(), 2);

    let seats = BoundedSemaphore::new(1).unwrap();
    seats.acquire();
    assert_eq!(Process::spawn(release, (seats.clone(),)).unwrap().join().unwrap(), [true, false]);
    assert!(seats.try_acquire());
}

#[test]
fn mp043_an_event_wakes_all_processes_that_wait() {
    fn wait(ready: Event, seats: Semaphore) {
        seats.release(1).unwrap();
        ready.wait();
    }
    let _watch = watchdog();
    let (ready, begun) = (Event::new().unwrap(), Semaphore::new(0).unwrap());
    let waiters: [_; 3] =
        std::array::from_fn(|_| Process::spawn(wait, (ready.clone(), begun.clone())).unwrap());
    waiters.iter().for_each(|_| begun.acquire());
    sleep(SETTLE);
    ready.set();
    for process in waiters {
        process.join().unwrap();
    }
    assert!(ready.is_set());
}

inkle::share! {
    /// Whose turn it is.
    struct Table {
        lock: in_place::Lock,
        changed: in_place::Condition,
        turn: Cell<u32>,
    }
}

fn table() -> Shared<Table> {
    let (lock, changed) = (in_place::Lock::new(), in_place::Condition::new());
    Shared::new(Table { lock, changed, turn: Cell::new(0) }).unwrap()
}

#[test]
fn mp042_processes_take_turns_by_a_condition() {
    fn play(table: Shared<Table>, parity: u32) {
        let mut guard = table.lock.guard();
        for _ in 0..500 {
            table.changed.wait_for(&mut guard, |_| table.turn.get() % 2 == parity);
            table.turn.set(table.turn.get() + 1);
            table.changed.notify(1);
        }
    }
    let _watch = watchdog();
    let table = table();
    let other = Process::spawn(play, (table.clone(), 1)).unwrap();
    play(table.clone(), 0);
    other.join().unwrap();
    assert_eq!(table.turn.get(), 1000);
}

#[test]
fn mp042_mp044_who_waits_for_a_condition_is_told_of_a_death_with_the_lock() {
    fn die(table: Shared<Table>) {
        forget(table.lock.guard());
        abort();
    }
    let _watch = watchdog();
    let table = table();
    let mut guard = table.lock.guard();
    let process = Process::spawn(die, (table.clone(),)).unwrap();
    scope(|threads| {
        threads.spawn(|| process.wait());
        table.changed.wait_for(&mut guard, |guard| guard.found().is_abandoned());
    });
    assert_eq!(guard.take_found(), Found::Abandoned);
    assert_eq!(guard.found(), Found::Clean);
}

#[test]
fn mp038_a_barrier_lets_processes_go_on_together() {
    fn meet(barrier: Barrier, came: Shared<AtomicU32>) -> u32 {
        let mut last = 0;
        for round in 1..=50 {
            came.fetch_add(1, SeqCst);
            let number = barrier.wait().unwrap();
            assert!(came.load(SeqCst) >= 3 * round, "all have come");
            last += u32::from(number == 2);
        }
        last
    }
    let _watch = watchdog();
    let (barrier, came) = (Barrier::new(3).unwrap(), Shared::new(AtomicU32::new(0)).unwrap());
    let others: [_; 2] =
        std::array::from_fn(|_| Process::spawn(meet, (barrier.clone(), came.clone())).unwrap());
    let last = meet(barrier, came);
    assert_eq!(others.map(|process| process.join().unwrap()).iter().sum::<u32>() + last, 50);
    assert!(Barrier::new(0).is_err());
}

#[test]
fn mp044_a_barrier_breaks_if_one_dies_who_had_come_and_for_no_other_death() {
    fn come(barrier: Barrier) -> bool {
        barrier.wait().is_ok()
    }
    fn nothing(_barrier: Barrier) {}
    let _watch = watchdog();
    let barrier = Barrier::new(3).unwrap();
    let [first, second] = [(); 2].map(|()| Process::spawn(come, (barrier.clone(),)).unwrap());
    eventually(|| barrier.waiting() == 2);

    // Of one that never came.
    Process::spawn(nothing, (barrier.clone(),)).unwrap().join().unwrap();
    assert_eq!((barrier.waiting(), barrier.is_broken()), (2, false));

    first.kill().unwrap();
    assert!(first.join().is_err());
    assert!(!second.join().unwrap(), "who waits is told");
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait(), Err(BarrierError::Broken));

    // Nobody is left in the counts, round after round.
    barrier.reset();
    for _ in 0..3 {
        let others = [(); 2].map(|()| Process::spawn(come, (barrier.clone(),)).unwrap());
        assert!(barrier.wait().is_ok());
        assert!(others.into_iter().all(|process| process.join().unwrap()));
    }
}

#[test]
fn mp047_values_are_changed_under_their_lock_and_tell_of_a_death_with_it() {
    fn add(sum: Value<[u64; 3]>) {
        for _ in 0..ROUNDS {
            sum.lock().modify(|parts| parts.map(|part| part + 1));
        }
    }
    fn die(sum: Value<[u64; 3]>) {
        forget(sum.lock());
        abort();
    }
    let _watch = watchdog();
    let sum = Value::new([0_u64, 10, 20]).unwrap();
    let others: [_; 2] = std::array::from_fn(|_| Process::spawn(add, (sum.clone(),)).unwrap());
    for _ in 0..ROUNDS {
        let [a, b, c] = sum.get();
        assert!(b == a + 10 && c == a + 20, "all of one value: {a} {b} {c}");
    }
    for process in others {
        process.join().unwrap();
    }
    assert_eq!(sum.get()[0], 2 * ROUNDS);

    assert!(Process::spawn(die, (sum.clone(),)).unwrap().join().is_err());
    sum.set([1, 2, 3]);
    assert_eq!(sum.get(), [1, 2, 3]);
    assert_eq!(sum.lock().found(), Found::Abandoned, "get and set have no place to tell it");
    assert_eq!(sum.lock().found(), Found::Clean);
    assert!(sum.try_lock().is_some());
}

#[test]
fn mp045_handles_go_where_arguments_and_results_go() {
    fn count(parts: Vec<(Lock, Option<Value<i32>>)>) -> (usize, Value<i32>) {
        parts.iter().for_each(|(lock, _)| assert_eq!(lock.acquire(), Found::Clean));
        let value = Value::new(7).unwrap();
        eventually(|| parts[0].1.as_ref().unwrap().get() == 3);
        (parts.len(), value)
    }
    let _watch = watchdog();
    let (lock, value) = (Lock::new().unwrap(), Value::new(0).unwrap());
    let parts = vec![(lock.clone(), Some(value.clone())), (Lock::new().unwrap(), None)];
    let process = Process::spawn(count, (parts,)).unwrap();
    value.set(3);
    let (number, theirs) = process.join().unwrap();
    assert_eq!((number, theirs.get()), (2, 7));
    assert!(lock.guard().found().is_abandoned(), "its holder has ended");
}
