//! Locks and their kin, and what lies under them.

use std::thread;

use super::crash::outcomes;
use super::stage::Stage;
use super::steps;
use inkle::Deadline;
use inkle::multiprocessing::memory::{Cell, Shared};
use inkle::multiprocessing::{
    Array, BoundedSemaphore, Event, Found, Lock, RLock, Semaphore, Value, in_place,
};

use Found::{Abandoned, Clean};

/// How the next one finds the lock; and the one after that finds it clean.
fn found(lock: &in_place::Lock) -> Found {
    let found = lock.try_acquire().expect("its holder is dead, or nobody is");
    lock.release().unwrap();
    assert_eq!(lock.try_acquire(), Some(Clean));
    lock.release().unwrap();
    found
}

#[test]
fn mp044_a_lock_is_abandoned_if_its_holder_dies_and_only_then() {
    fn act(lock: Lock, stage: Stage) {
        stage.perform(|| {
            let _ = lock.acquire();
            lock.release().unwrap();
        });
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(
        outcomes(|| Lock::new().unwrap(), act, |lock| found(lock)),
        [Clean, Abandoned, Clean]
    );
}

#[test]
fn mp044_a_lock_of_somebody_else_stays_held_when_a_waiter_dies() {
    fn act(lock: Lock, stage: Stage) {
        stage.perform(|| drop(lock.guard()));
    }
    fn held() -> Lock {
        let lock = Lock::new().unwrap();
        assert_eq!(lock.acquire(), Clean);
        lock
    }
    fn look(lock: &Lock) -> Found {
        assert!(lock.try_acquire().is_none());
        lock.release().unwrap();
        found(lock)
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(held, act, look), [Clean]);
}

#[test]
fn mp044_an_rlock_is_abandoned_however_deep_its_dead_owner_was() {
    fn act(lock: RLock, stage: Stage) {
        stage.perform(|| {
            let outer = lock.guard().unwrap();
            drop(lock.guard().unwrap());
            drop(outer);
        });
    }
    fn look(lock: &RLock) -> Found {
        let found = lock.try_acquire().unwrap();
        assert_eq!(lock.try_acquire(), Ok(Clean), "one level more");
        lock.release().and_then(|()| lock.release()).unwrap();
        assert!(lock.release().is_err());
        assert_eq!(lock.try_acquire(), Ok(Clean));
        found
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(|| RLock::new().unwrap(), act, look), [Clean, Abandoned, Clean]);
}

#[test]
fn mp041_permits_of_the_dead_stay_taken_and_no_others() {
    fn act(seats: Semaphore, stage: Stage) {
        stage.perform(|| {
            seats.acquire();
            seats.release(1).unwrap();
        });
    }
    fn act_bounded(seats: BoundedSemaphore, stage: Stage) {
        stage.perform(|| {
            seats.acquire();
            seats.release(1).unwrap();
        });
    }
    fn wait(seats: Semaphore, stage: Stage) {
        stage.perform(|| seats.acquire());
    }
    fn look(seats: &Semaphore) -> u32 {
        let available = seats.available();
        assert!((0..available).all(|_| seats.try_acquire()) && !seats.try_acquire());
        seats.release(1).unwrap();
        assert_eq!(seats.acquire_until(Deadline::PASSED), Ok(()));
        available
    }
    fn look_bounded(seats: &BoundedSemaphore) -> u32 {
        let available = seats.available();
        (available..2).for_each(|_| seats.release(1).unwrap());
        assert!(seats.release(1).is_err());
        assert!(seats.try_acquire() && seats.try_acquire() && !seats.try_acquire());
        available
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(|| Semaphore::new(2).unwrap(), act, look), [2, 1, 2]);
    let two = || BoundedSemaphore::new(2).unwrap();
    assert_eq!(outcomes(two, act_bounded, look_bounded), [2, 1, 2]);
    assert_eq!(outcomes(|| Semaphore::new(0).unwrap(), wait, look), [0]);
}

#[test]
fn mp043_an_event_is_set_or_not() {
    fn act(event: Event, stage: Stage) {
        stage.perform(|| {
            event.set();
            event.clear();
        });
    }
    fn wait(event: Event, stage: Stage) {
        stage.perform(|| event.wait());
    }
    fn look(event: &Event) -> bool {
        let is_set = event.is_set();
        assert_eq!(event.wait_until(Deadline::PASSED).is_ok(), is_set);
        event.set();
        event.wait();
        is_set
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(|| Event::new().unwrap(), act, look), [false, true, false]);
    assert_eq!(outcomes(|| Event::new().unwrap(), wait, look), [false]);
}

inkle::share! {
    /// Whose turn it is.
    pub(crate) struct Table {
        pub(crate) lock: in_place::Lock,
        pub(crate) changed: in_place::Condition,
        pub(crate) turn: Cell<u32>,
    }
}

impl Table {
    pub(crate) fn make() -> Shared<Self> {
        let (lock, changed) = (in_place::Lock::new(), in_place::Condition::new());
        Shared::new(Self { lock, changed, turn: Cell::new(0) }).unwrap()
    }

    pub(crate) fn take_turn(&self) {
        let _guard = self.lock.guard();
        self.turn.set(1);
        self.changed.notify(1);
    }

    pub(crate) fn wait_for_turn(&self) {
        let mut guard = self.lock.guard();
        self.changed.wait_for(&mut guard, |_| self.turn.get() == 1);
    }
}

/// How the next one finds the lock, and whose turn it is; and the condition works.
fn look_at_table(table: &Shared<Table>) -> (Found, u32) {
    let seen = (found(&table.lock), table.turn.get());
    table.turn.set(0);
    thread::scope(|threads| {
        threads.spawn(|| table.wait_for_turn());
        table.take_turn();
    });
    seen
}

#[test]
fn mp042_a_condition_is_notified_or_not() {
    fn act(table: Shared<Table>, stage: Stage) {
        stage.perform(|| table.take_turn());
    }
    let Some(_watch) = steps::watched() else { return };
    let expected = [(Clean, 0), (Abandoned, 0), (Abandoned, 1), (Clean, 1)];
    assert_eq!(outcomes(Table::make, act, look_at_table), expected);
}

#[test]
fn mp042_who_dies_as_it_begins_to_wait_for_a_condition_holds_up_nobody() {
    fn act(table: Shared<Table>, stage: Stage) {
        stage.perform(|| table.wait_for_turn());
    }
    let Some(_watch) = steps::watched() else { return };
    let expected = [(Clean, 0), (Abandoned, 0), (Clean, 0)];
    assert_eq!(outcomes(Table::make, act, look_at_table), expected);
}

#[test]
fn mp047_a_value_of_several_words_is_half_changed_only_if_its_lock_says_so() {
    fn act(value: Value<[u64; 3]>, stage: Stage) {
        stage.perform(|| value.set([2; 3]));
    }
    fn look(value: &Value<[u64; 3]>) -> (Found, [u64; 3]) {
        let guard = value.try_lock().unwrap();
        (guard.found(), guard.get())
    }
    let Some(_watch) = steps::watched() else { return };
    let expected = [
        (Clean, [1, 1, 1]),
        (Abandoned, [1, 1, 1]),
        (Abandoned, [2, 1, 1]),
        (Abandoned, [2, 2, 1]),
        (Abandoned, [2, 2, 2]),
        (Clean, [2, 2, 2]),
    ];
    assert_eq!(outcomes(|| Value::new([1; 3]).unwrap(), act, look), expected);
}

#[test]
fn mp044_who_does_not_ask_leaves_it_to_be_told_to_the_next_one_also_if_it_dies() {
    fn act(value: Value<u64>, stage: Stage) {
        stage.perform(|| {
            value.get();
        });
    }
    /// As one whose holder died.
    fn abandoned() -> Value<u64> {
        fn die(value: Value<u64>) {
            std::mem::forget(value.lock());
        }
        let value = Value::new(7).unwrap();
        inkle::multiprocessing::Process::spawn(die, (value.clone(),)).unwrap().join().unwrap();
        value
    }
    fn look(value: &Value<u64>) -> Found {
        let found = value.try_lock().unwrap().found();
        assert_eq!(value.try_lock().unwrap().found(), Clean);
        found
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(abandoned, act, look), [Abandoned]);
}

#[test]
fn mp047_an_array_is_half_changed_only_if_its_lock_says_so() {
    fn act(array: Array<u32>, stage: Stage) {
        stage.perform(|| array.lock().write(1, &[7, 8, 9]).unwrap());
    }
    fn look(array: &Array<u32>) -> (Found, Vec<u32>) {
        let guard = array.try_lock().unwrap();
        (guard.found(), guard.to_vec())
    }
    let Some(_watch) = steps::watched() else { return };
    // Word by word, of two items each.
    let expected = [
        (Clean, vec![1, 2, 3, 4]),
        (Abandoned, vec![1, 2, 3, 4]),
        (Abandoned, vec![1, 7, 3, 4]),
        (Abandoned, vec![1, 7, 8, 9]),
        (Clean, vec![1, 7, 8, 9]),
    ];
    assert_eq!(outcomes(|| Array::from_slice(&[1, 2, 3, 4]).unwrap(), act, look), expected);
}
