//! What outlives its users, in shared memory: where there are processes.

use core::hint::black_box;
use core::time::Duration;

use inkle_core::atomic::{AtomicU32, AtomicUsize};
use inkle_core::platform::{Deadline, Platform, Spin, Wake};
use inkle_core::robust::{Barrier, Bell, Header, Life, Lock, Mortal, RLock, Records, Survivor};

use crate::Clock;

/// The other ground, with processes.
struct Ground;

impl Platform for Ground {
    const SHARED: bool = true;

    fn now() -> u64 {
        Spin::<Clock>::now()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        Spin::<Clock>::wait(word, expected, deadline)
    }

    fn wake(word: *const AtomicU32, count: u32) {
        Spin::<Clock>::wake(word, count);
    }

    fn current() -> usize {
        Spin::<Clock>::current()
    }

    fn relax(round: u32) -> bool {
        black_box(round) < 3
    }
}

impl Mortal for Ground {
    fn life() -> Life {
        life()
    }

    fn is_alive(life: Life) -> bool {
        black_box(life.bits()) != 7
    }
}

fn life() -> Life {
    loop {
        if let Some(life) = Life::new(black_box(1)) {
            return life;
        }
    }
}

static LOCK: Lock<Ground> = Lock::new();
static TREE: RLock<Ground> = RLock::new();
static BELL: Bell<Ground> = Bell::new();
static BARRIER: Option<Barrier<Ground, 4>> = Barrier::new(3);
static HEADER: Header<Ground> = Header::new();
static WORDS: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];

pub(crate) fn all(timeout: Duration) {
    let found = LOCK.acquire();
    black_box((found.is_abandoned(), LOCK.try_acquire(), LOCK.acquire_timeout(timeout).is_ok()));
    black_box((LOCK.release().is_ok(), LOCK.is_held(), LOCK.holder()));
    let mut guard = LOCK.guard();
    let before = guard.take_found();
    drop(guard);
    black_box((
        before.is_abandoned(),
        LOCK.try_guard().is_some(),
        LOCK.guard_timeout(timeout).is_ok(),
    ));
    black_box((TREE.acquire().is_ok(), TREE.try_acquire().is_ok(), TREE.release().is_ok()));
    black_box((TREE.acquire_timeout(timeout).is_ok(), TREE.is_held(), TREE.holder()));
    black_box((TREE.guard().is_ok(), TREE.guard_timeout(timeout).is_ok()));
    black_box((BELL.prepare(), BELL.block(Deadline::at(black_box(2)), || black_box(None::<u32>))));
    BELL.ring(1);
    if let Some(barrier) = &BARRIER {
        black_box((barrier.wait().is_ok(), barrier.wait_timeout(timeout).is_ok()));
        black_box(barrier.wait_with(|| ()).is_ok());
        barrier.abort();
        barrier.reset();
        black_box((barrier.is_broken(), barrier.parties(), barrier.waiting()));
        barrier.bury(life());
    }
    if let Some(records) = Records::new(&HEADER, &WORDS, black_box(3)) {
        let mut buffer = black_box([0; 12]);
        black_box((records.put(&[&buffer]).is_ok(), records.try_put(&[&buffer, &buffer]).is_ok()));
        black_box(records.put_timeout(&[], timeout).is_ok());
        black_box((records.get(&mut buffer).is_ok(), records.try_get(&mut buffer).is_ok()));
        black_box(records.get_timeout(&mut buffer, timeout).is_ok());
        black_box(records.get_with(|bytes| bytes.copy_to(&mut buffer)).is_ok());
        black_box((records.task_done().is_ok(), records.join_timeout(timeout).is_ok()));
        records.join();
        black_box(records.unfinished());
    }
    LOCK.bury(life());
    TREE.bury(life());
    BELL.bury(life());
    HEADER.bury(life());
}
