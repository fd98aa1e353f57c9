//! The lock. What it protects is plain data, so a failure of exclusion is a data race.

use std::sync::Arc;

use inkle_core::error::NotHeld;
use inkle_core::platform::Deadline;
use inkle_core::sync::Lock;
use loom::thread::spawn;

use Op::{Acquire, Await, Guard, IsHeld, Once, Poll, Soon, Try};

use super::{LONG, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("acquire_acquire", || play(&[&[Acquire], &[Acquire]])),
    Model::full("acquire_guard", || play(&[&[Acquire, Guard], &[Guard, Acquire]])),
    Model::full("try_try", || play(&[&[Try, Try], &[Try, Try]])),
    Model::full("try_acquire", || play(&[&[Acquire, Try], &[Try, Acquire]])),
    Model::full("poll_try_held", || play(&[&[Poll, IsHeld], &[Try, Poll]])),
    Model::full("poll_acquire_held", || play(&[&[Poll, Acquire], &[IsHeld, Acquire]])),
    Model::full("soon_acquire", || play(&[&[Soon, Acquire], &[Soon, Poll]])),
    Model::full("early_acquire", || early(&[&[Acquire], &[Acquire]])),
    Model::full("early_soon", || early(&[&[Soon], &[Soon]])),
    Model::full("early_soon_acquire", || early(&[&[Soon], &[Acquire]])),
    Model::full("early_soon_try", || early(&[&[Soon, Try], &[Try, Soon]])),
    Model::full("early_soon_acquire_2", || early(&[&[Soon, Acquire], &[Acquire, Soon]])),
    Model::full("release_release", release_release),
    Model::full("hand_over", hand_over),
    Model::full("early_hand_over", || {
        timeouts(1);
        hand_over();
    }),
    Model::full("last_one_frees", || last_one_frees(2)),
    // Tasks.
    Model::bounded("await_await", 5, LONG, || play(&[&[Await], &[Await]])),
    Model::bounded("await_acquire", 5, LONG, || play(&[&[Await], &[Acquire]])),
    Model::bounded("await_try", 5, LONG, || play(&[&[Await, Try], &[Try, Await]])),
    Model::bounded("once_await", 5, LONG, || play(&[&[Once, Once], &[Await]])),
    Model::bounded("early_await_soon", 4, LONG, || early(&[&[Await], &[Soon]])),
    // Three threads.
    Model::bounded("await_3", 3, THREE, || play(&[&[Await], &[Await], &[Await]])),
    Model::bounded("await_2_acquire", 3, THREE, || play(&[&[Await], &[Await], &[Acquire]])),
    Model::bounded("await_acquire_2", 3, THREE, || play(&[&[Await], &[Acquire], &[Acquire]])),
    Model::bounded("once_await_acquire", 3, THREE, || play(&[&[Once], &[Await], &[Acquire]])),
    Model::bounded("once_await_2", 3, THREE, || play(&[&[Once], &[Await], &[Await]])),
    Model::bounded("acquire_3", 5, THREE, || play(&[&[Acquire], &[Acquire], &[Acquire]])),
    Model::bounded("mixed_3", 5, THREE, || play(&[&[Acquire, Try], &[Guard], &[Try, Soon]])),
    Model::bounded("early_3", 5, THREE, || early(&[&[Soon], &[Acquire], &[Acquire]])),
    Model::bounded("last_one_frees_3", 5, THREE, || last_one_frees(3)),
];

#[derive(Clone, Copy)]
enum Op {
    Acquire,
    Guard,
    Try,
    /// `acquire_until` a deadline that may pass.
    Soon,
    /// `acquire_until` a deadline that has passed.
    Poll,
    /// A task acquires it; a future that is dropped after one poll.
    Await,
    Once,
    IsHeld,
}

struct Protected {
    lock: Lock<Loom>,
    count: Plain,
}

impl Protected {
    fn new() -> Self {
        Self { lock: Lock::new(), count: Plain::new(0) }
    }
}

impl Stage for Protected {
    type Op = Op;

    /// Gives 1 if it got the lock.
    fn run(&self, op: Op) -> i32 {
        let acquired = match op {
            Acquire => {
                self.lock.acquire();
                true
            }
            Guard => {
                let _guard = self.lock.guard();
                self.count.add(1);
                return 1;
            }
            Await | Once => {
                let guard = match op {
                    Await => Some(block_on(self.lock.guard_async())),
                    _ => poll_once(self.lock.guard_async()),
                };
                if guard.is_some() {
                    self.count.add(1);
                }
                return i32::from(guard.is_some());
            }
            Try => self.lock.try_acquire(),
            Soon => self.lock.acquire_until(SOON).is_ok(),
            Poll => self.lock.acquire_until(Deadline::PASSED).is_ok(),
            IsHeld => {
                let _ = self.lock.is_held();
                false
            }
        };
        if acquired {
            self.count.add(1);
            self.lock.release().expect("we hold it");
        }
        i32::from(acquired)
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let (stage, acquired) = kit::play(Protected::new(), scripts);
    assert_eq!(stage.count.get() as i32, acquired);
    assert!(!stage.lock.is_held());
    assert_eq!(stage.lock.release(), Err(NotHeld));
    assert!(stage.lock.try_acquire());
    assert_eq!(stage.lock.release(), Ok(()));
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// Two threads release what was acquired once: one of them is told so.
fn release_release() {
    let lock = Arc::new(Lock::<Loom>::new());
    lock.acquire();
    let other = {
        let lock = lock.clone();
        spawn(move || lock.release())
    };
    let results = [lock.release(), other.join().unwrap()];
    assert!(results == [Ok(()), Err(NotHeld)] || results == [Err(NotHeld), Ok(())]);
    assert!(!lock.is_held());
}

/// Another thread releases, and what it did before is seen.
fn hand_over() {
    let stage = Arc::new(Protected::new());
    stage.lock.acquire();
    let other = {
        let stage = stage.clone();
        spawn(move || {
            stage.count.set(1);
            stage.lock.release().expect("it is held");
        })
    };
    stage.lock.acquire();
    assert_eq!(stage.count.get(), 1);
    stage.lock.release().expect("we hold it");
    other.join().unwrap();
}

/// The last holder frees the lock as soon as it has acquired it, while the one before may still be
/// inside `release`.
fn last_one_frees(threads: u32) {
    /// A pointer that may be sent to other threads.
    #[derive(Clone, Copy)]
    struct Shared(*mut Protected);
    // SAFETY: `Protected` may be used by several threads, and one of them frees it.
    unsafe impl Send for Shared {}

    impl Shared {
        /// One turn of one thread.
        fn turn(self, threads: u32) {
            // SAFETY: only the last to come here frees it, and we are yet to come.
            let stage = unsafe { &*self.0 };
            stage.lock.acquire();
            if stage.count.add(1) + 1 == threads {
                // SAFETY: allocated by `Box`; all others have been here and have released, after
                // which they do not touch it.
                drop(unsafe { Box::from_raw(self.0) });
            } else {
                stage.lock.release().expect("we hold it");
            }
        }
    }

    let shared = Shared(Box::into_raw(Box::new(Protected::new())));
    let others: Vec<_> = (1..threads).map(|_| spawn(move || shared.turn(threads))).collect();
    shared.turn(threads);
    others.into_iter().for_each(|other| other.join().unwrap());
}
