//! Every other system: threads are parked by address, through a table that parking_lot_core keeps.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::{Deadline, Wake};
use parking_lot_core::{
    DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, ParkResult, UnparkResult, park, unpark_all,
    unpark_filter,
};

/// Who can sleep on a word: here only the threads of this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Private,
}

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// Nanoseconds since the first call, and one: 0 means "has passed".
pub(crate) fn now() -> u64 {
    u64::try_from(start().elapsed().as_nanos()).map_or(u64::MAX - 1, |nanos| nanos + 1)
}

/// Sleeps while `word` holds `expected`.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline, _scope: Scope) -> Wake {
    let until = deadline.nanos().and_then(|nanos| start().checked_add(Duration::from_nanos(nanos)));
    // SAFETY: the closures neither panic nor call back into parking_lot, and the key is the address
    // of a word that only this kernel parks on.
    let result = unsafe {
        park(
            word as *const AtomicU32 as usize,
            // Relaxed: the table's own lock orders this look with `wake`'s search.
            || word.load(Ordering::Relaxed) == expected,
            || {},
            |_, _| {},
            DEFAULT_PARK_TOKEN,
            until,
        )
    };
    match result {
        ParkResult::TimedOut => Wake::TimedOut,
        ParkResult::Unparked(_) | ParkResult::Invalid => Wake::Woken,
    }
}

/// Wakes at most `count` sleepers on the address, oldest first.
pub(crate) fn wake(word: *const AtomicU32, count: u32, _scope: Scope) {
    // The word was changed before this call; the table's lock, taken inside, orders that change
    // before the look of a thread that parks after our search.
    if count == u32::MAX {
        // SAFETY: the key is an address and is not followed.
        unsafe { unpark_all(word as usize, DEFAULT_UNPARK_TOKEN) };
        return;
    }
    let mut left = count;
    // SAFETY: the closures neither panic nor call back into parking_lot; the key is an address and
    // is not followed.
    unsafe {
        unpark_filter(
            word as usize,
            |_| {
                if left == 0 {
                    return parking_lot_core::FilterOp::Stop;
                }
                left -= 1;
                parking_lot_core::FilterOp::Unpark
            },
            |_: UnparkResult| DEFAULT_UNPARK_TOKEN,
        )
    };
}

/// A number of our own for the calling thread: not every system has a cheap one.
pub(crate) fn native_id() -> u64 {
    static NEXT: std::sync::Mutex<u64> = std::sync::Mutex::new(1);
    thread_local! {
        static ID: Cell<u64> = const { Cell::new(0) };
    }
    ID.with(|id| {
        if id.get() == 0 {
            let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            id.set(*next);
            *next += 1;
        }
        id.get()
    })
}

/// There is no one way to name a thread after its start.
pub(crate) fn set_thread_name(_name: &str) {}

/// How many processors there are for the calling thread.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
