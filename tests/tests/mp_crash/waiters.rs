//! Somebody sleeps while another one, who might have woken it, dies.

use super::crash::Beside;
use super::locks::Table;
use super::stage::Stage;
use super::steps;
use inkle::multiprocessing::memory::Shared;
use inkle::multiprocessing::{Event, JoinableQueue, Lock, Queue, RLock, Semaphore, Shutdown};

fn nothing<T>(_object: &T) {}

#[test]
fn mp044_a_lock_goes_to_a_waiter_whenever_its_holder_dies() {
    fn act(lock: Lock, stage: Stage) {
        let guard = lock.guard();
        stage.perform(|| drop(guard));
    }
    fn act_deep(lock: RLock, stage: Stage) {
        let guards = (lock.guard().unwrap(), lock.guard().unwrap());
        stage.perform(|| drop(guards));
    }
    let Some(_watch) = steps::watched() else { return };
    let lock = Beside {
        make: || Lock::new().unwrap(),
        wait: |lock| drop(lock.guard()),
        is_done: |_| true,
        aid: nothing,
        turn: None,
    };
    lock.kill(act);
    let rlock = Beside {
        make: || RLock::new().unwrap(),
        wait: |lock| drop(lock.guard().unwrap()),
        is_done: |_| true,
        aid: nothing,
        turn: None,
    };
    rlock.kill(act_deep);
}

#[test]
fn mp044_a_lock_goes_to_a_waiter_if_another_one_dies_at_its_turn() {
    fn act(lock: Lock, stage: Stage) {
        stage.perform(|| drop(lock.guard()));
    }
    fn held() -> Lock {
        let lock = Lock::new().unwrap();
        let _ = lock.acquire();
        lock
    }
    let Some(_watch) = steps::watched() else { return };
    let lock = Beside {
        make: held,
        wait: |lock| drop(lock.guard()),
        is_done: |_| true,
        // Not if the turn had come.
        aid: |lock| _ = lock.release(),
        turn: Some(|lock| lock.release().unwrap()),
    };
    lock.kill(act);
}

#[test]
fn mp041_a_permit_that_was_given_back_reaches_a_waiter() {
    fn act(seats: Semaphore, stage: Stage) {
        stage.perform(|| seats.release(1).unwrap());
    }
    fn take(seats: Semaphore, stage: Stage) {
        stage.perform(|| seats.acquire());
    }
    let Some(_watch) = steps::watched() else { return };
    let seats = Beside {
        make: || Semaphore::new(0).unwrap(),
        wait: |seats: Semaphore| seats.acquire(),
        is_done: |seats| seats.available() > 0,
        aid: |seats| seats.release(1).unwrap(),
        turn: None,
    };
    seats.kill(act);
    Beside { turn: Some(|seats: &Semaphore| seats.release(1).unwrap()), ..seats }.kill(take);
}

#[test]
fn mp043_who_waits_for_an_event_that_the_dead_has_set_goes_on() {
    fn act(event: Event, stage: Stage) {
        stage.perform(|| event.set());
    }
    let Some(_watch) = steps::watched() else { return };
    let event = Beside {
        make: || Event::new().unwrap(),
        wait: |event: Event| event.wait(),
        is_done: |event| event.is_set(),
        aid: |event| event.set(),
        turn: None,
    };
    event.kill(act);
}

#[test]
fn mp042_who_waits_for_a_condition_sees_what_the_dead_has_changed() {
    fn act(table: Shared<Table>, stage: Stage) {
        stage.perform(|| table.take_turn());
    }
    let Some(_watch) = steps::watched() else { return };
    let table = Beside {
        make: Table::make,
        wait: |table: Shared<Table>| table.wait_for_turn(),
        is_done: |table| table.turn.get() == 1,
        aid: |table| table.take_turn(),
        turn: None,
    };
    table.kill(act);
}

#[test]
fn mp035_an_item_that_was_put_reaches_a_waiter() {
    fn act(queue: Queue<u32>, stage: Stage) {
        stage.perform(|| queue.put(1).unwrap());
    }
    fn take(queue: Queue<u32>, stage: Stage) {
        stage.perform(|| _ = queue.get().unwrap());
    }
    let Some(_watch) = steps::watched() else { return };
    let queue = Beside {
        make: || Queue::with_bytes(0, 64).unwrap(),
        wait: |queue: Queue<u32>| assert!([1, 2].contains(&queue.get().unwrap())),
        is_done: |queue| !queue.is_empty(),
        aid: |queue| queue.put(2).unwrap(),
        turn: None,
    };
    queue.kill(act);
    Beside { turn: Some(|queue: &Queue<u32>| queue.put(1).unwrap()), ..queue }.kill(take);
}

#[test]
fn mp035_room_that_was_made_reaches_a_waiter() {
    fn act(queue: Queue<u32>, stage: Stage) {
        stage.perform(|| _ = queue.get().unwrap());
    }
    fn full() -> Queue<u32> {
        let queue = Queue::with_bytes(1, 64).unwrap();
        queue.put(1).unwrap();
        queue
    }
    let Some(_watch) = steps::watched() else { return };
    let queue = Beside {
        make: full,
        wait: |queue: Queue<u32>| queue.put(2).unwrap(),
        is_done: |queue| queue.is_empty(),
        aid: |queue| _ = queue.get().unwrap(),
        turn: None,
    };
    queue.kill(act);
}

#[test]
fn mp036_who_joins_a_queue_whose_last_task_the_dead_has_done_goes_on() {
    fn act(queue: JoinableQueue<u32>, stage: Stage) {
        stage.perform(|| queue.task_done().unwrap());
    }
    fn one() -> JoinableQueue<u32> {
        let queue = JoinableQueue::with_bytes(0, 64).unwrap();
        queue.put(1).unwrap();
        queue
    }
    let Some(_watch) = steps::watched() else { return };
    let queue = Beside {
        make: one,
        wait: |queue: JoinableQueue<u32>| queue.join(),
        is_done: |queue| queue.unfinished() == 0,
        aid: |queue| queue.task_done().unwrap(),
        turn: None,
    };
    queue.kill(act);
}

#[test]
fn mp037_a_shutdown_that_has_begun_reaches_a_waiter() {
    fn act(queue: Queue<u32>, stage: Stage) {
        stage.perform(|| queue.shutdown(Shutdown::Immediate));
    }
    let Some(_watch) = steps::watched() else { return };
    let queue = Beside {
        make: || Queue::with_bytes(0, 64).unwrap(),
        wait: |queue: Queue<u32>| assert!(queue.get().is_err()),
        is_done: |queue| queue.is_shut_down(),
        aid: |queue| queue.shutdown(Shutdown::Immediate),
        turn: None,
    };
    queue.kill(act);
}
