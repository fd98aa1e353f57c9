//! One thread wakes another and is woken by it: a token handed to and fro.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use inkle::platform::Private;
use inkle_core::sync::Semaphore;

use super::{ours, peer};
use crate::harness::{Bar, Row};
use crate::threads::timed;

/// Something that one thread gives and one other thread waits for.
pub(super) trait Token: Send + Sync + 'static {
    fn new() -> Self;
    fn give(&self);
    fn take(&self);
}

impl Token for Semaphore<Private> {
    fn new() -> Self {
        Self::new(0)
    }

    fn give(&self) {
        assert!(self.release(1).is_ok(), "at most one token is out");
    }

    fn take(&self) {
        self.acquire();
    }
}

/// The standard library's own token, with the flag that its documentation asks for.
struct Parked {
    given: AtomicBool,
    taker: OnceLock<Thread>,
}

impl Token for Parked {
    fn new() -> Self {
        Self { given: AtomicBool::new(false), taker: OnceLock::new() }
    }

    fn give(&self) {
        self.given.store(true, Ordering::Release);
        // A taker that is not there yet finds the flag before it parks.
        if let Some(taker) = self.taker.get() {
            taker.unpark();
        }
    }

    fn take(&self) {
        self.taker.get_or_init(thread::current);
        while !self.given.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// What the standard library's condition variable makes of it.
pub(super) struct Signalled {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Token for Signalled {
    fn new() -> Self {
        Self { given: Mutex::new(false), changed: Condvar::new() }
    }

    fn give(&self) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    fn take(&self) {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut given =
            self.changed.wait_while(given, |given| !*given).unwrap_or_else(PoisonError::into_inner);
        *given = false;
    }
}

/// How long the giver waits in the row where the taker is to be asleep.
const NAP: Duration = Duration::from_micros(50);

/// Two threads hand a token to and fro; one operation is a round trip. With `ASLEEP` the first one
/// lets the second fall asleep before each, and that pause is taken off the time.
pub(super) fn round_trips<T: Token, const ASLEEP: bool>(count: u64) -> Duration {
    let [there, back] = [(), ()].map(|()| Arc::new(T::new()));
    let (there_too, back_too) = (Arc::clone(&there), Arc::clone(&back));
    let naps = Arc::new(OnceLock::new());
    let napped = Arc::clone(&naps);
    let time = timed(vec![
        Box::new(move || {
            let mut asleep = Duration::ZERO;
            for _ in 0..count {
                if ASLEEP {
                    asleep += nap();
                }
                there.give();
                back.take();
            }
            napped.get_or_init(|| asleep);
        }),
        Box::new(move || {
            for _ in 0..count {
                there_too.take();
                back_too.give();
            }
        }),
    ]);
    time - naps.get().copied().unwrap_or_default()
}

/// Keeps this processor busy, so that only the other thread sleeps.
fn nap() -> Duration {
    let start = Instant::now();
    while start.elapsed() < NAP {
        spin_loop();
    }
    start.elapsed()
}

/// A row of one function, which is generic over the token.
macro_rules! row {
    ($shape:literal, $asleep:literal) => {
        Row {
            group: "wake-up",
            shape: $shape,
            contenders: vec![
                ours("Semaphore", Some(BAR), round_trips::<Semaphore<Private>, $asleep>),
                peer("thread::park", round_trips::<Parked, $asleep>),
                peer("std Condvar", round_trips::<Signalled, $asleep>),
            ],
        }
    };
}

const BAR: Bar = Bar { ratio: 1.0, against: Some("thread::park") };

pub(crate) fn rows() -> Vec<Row> {
    vec![row!("round trip", false), row!("round trip to a sleeper", true)]
}
