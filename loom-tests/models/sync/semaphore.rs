//! The semaphore: with one permit as a lock around plain data, with more as a counter.

use inkle_core::platform::Deadline;
use inkle_core::sync::{BoundedSemaphore, Semaphore};

use Op::{
    AsyncEnter, Await, Enter, Give, Once, Poll, PollEnter, Soon, SoonEnter, Take, Try, TryEnter,
};

use super::{LONG, THREE};
use crate::kit::{self, Loom, Model, Plain, SOON, Stage, block_on, poll_once, timeouts};

pub const MODELS: &[Model] = &[
    // Two threads: exclusion.
    Model::full("enter_enter", || play(1, &[&[Enter], &[Enter]])),
    Model::full("enter_try", || play(1, &[&[Enter, TryEnter], &[TryEnter]])),
    Model::full("enter_poll", || play(1, &[&[Enter], &[PollEnter]])),
    Model::bounded("enter_soon", 5, LONG, || play(1, &[&[Enter, SoonEnter], &[SoonEnter]])),
    Model::full("early_enter", || early(1, &[&[Enter], &[Enter]])),
    Model::full("early_enter_soon", || early(1, &[&[Enter], &[SoonEnter]])),
    // Two threads: counting.
    Model::full("take_give", || play(0, &[&[Give(1)], &[Take]])),
    Model::full("take_take_give_two", || play(0, &[&[Give(2)], &[Take, Take]])),
    Model::bounded("take_take_give_give", 5, LONG, || {
        play(0, &[&[Give(1), Give(1)], &[Take, Take]]);
    }),
    Model::full("give_give", || play(0, &[&[Give(1), Give(0)], &[Give(2), Give(1)]])),
    Model::full("try_give", || play(0, &[&[Give(1), Try], &[Try, Try]])),
    Model::full("poll_give", || play(0, &[&[Give(1), Poll], &[Try, Poll]])),
    Model::full("soon_give", || play(0, &[&[Give(1)], &[Soon]])),
    Model::full("early_soon_give", || early(0, &[&[Give(1)], &[Soon]])),
    Model::full("early_take_give", || early(0, &[&[Give(1)], &[Take]])),
    Model::full("early_soon_soon_give", || early(0, &[&[Give(2)], &[Soon, Soon]])),
    Model::full("too_many", || play(u32::MAX, &[&[Take, Give(1)], &[Give(1), Try]])),
    Model::full("bounded_give_give", || bounded(&[1, 1], 1)),
    Model::full("bounded_all_or_nothing", || bounded(&[2, 1], 2)),
    // Tasks.
    Model::full("await_give", || play(0, &[&[Give(1)], &[Await]])),
    Model::bounded("async_enter_enter", 5, LONG, || play(1, &[&[AsyncEnter], &[Enter]])),
    Model::bounded("async_enter_2", 5, LONG, || play(1, &[&[AsyncEnter], &[AsyncEnter]])),
    Model::full("once_give", || play(0, &[&[Give(1)], &[Once, Try]])),
    // Three threads.
    Model::bounded("tasks_2", 3, THREE, || play(0, &[&[Give(2)], &[Await], &[Await]])),
    Model::bounded("tasks_2_one_by_one", 2, THREE, || {
        play(0, &[&[Give(1), Give(1)], &[Await], &[Await]]);
    }),
    Model::bounded("task_thread", 3, THREE, || play(0, &[&[Give(2)], &[Await], &[Take]])),
    Model::bounded("once_task", 3, THREE, || play(0, &[&[Give(2)], &[Await], &[Once]])),
    Model::bounded("enter_3", 2, THREE, || play(1, &[&[Enter], &[Enter], &[Enter]])),
    Model::bounded("takers_2", 3, THREE, || play(0, &[&[Give(2)], &[Take], &[Take]])),
    Model::bounded("givers_2", 3, THREE, || play(0, &[&[Take, Take], &[Give(1)], &[Give(1)]])),
    Model::bounded("early_takers_2", 2, THREE, || {
        early(0, &[&[Give(1), Give(1)], &[Soon], &[Take]]);
    }),
    Model::bounded("try_3", 3, THREE, || play(1, &[&[TryEnter, Give(1)], &[Take], &[Try]])),
];

#[derive(Clone, Copy)]
enum Op {
    /// Acquires, works on the plain data, and releases; the same without waiting, for a while, and
    /// with a deadline that has passed.
    Enter,
    TryEnter,
    SoonEnter,
    PollEnter,
    /// Acquires and keeps the permit; the same without waiting, for a while, and with a deadline
    /// that has passed.
    Take,
    Try,
    Soon,
    Poll,
    /// A task acquires, as `Enter` and as `Take`; a future that is dropped after one poll.
    AsyncEnter,
    Await,
    Once,
    /// Releases so many permits.
    Give(u32),
}

struct Permits {
    semaphore: Semaphore<Loom>,
    work: Plain,
}

impl Permits {
    /// Gives by how much the number of permits has changed.
    fn enter(&self, entered: bool) -> i32 {
        if entered {
            self.work.add(1);
            self.semaphore.release(1).expect("far from too many");
        }
        0
    }
}

impl Stage for Permits {
    type Op = Op;

    /// Gives by how much the number of permits has changed.
    fn run(&self, op: Op) -> i32 {
        let semaphore = &self.semaphore;
        let acquire = || {
            semaphore.acquire();
            true
        };
        match op {
            Enter => self.enter(acquire()),
            TryEnter => self.enter(semaphore.try_acquire()),
            SoonEnter => self.enter(semaphore.acquire_until(SOON).is_ok()),
            PollEnter => self.enter(semaphore.acquire_until(Deadline::PASSED).is_ok()),
            AsyncEnter => {
                block_on(semaphore.acquire_async());
                self.enter(true)
            }
            Await => {
                block_on(semaphore.acquire_async());
                -1
            }
            Once => -i32::from(poll_once(semaphore.acquire_async()).is_some()),
            Take => -i32::from(acquire()),
            Try => -i32::from(semaphore.try_acquire()),
            Soon => -i32::from(semaphore.acquire_until(SOON).is_ok()),
            Poll => -i32::from(semaphore.acquire_until(Deadline::PASSED).is_ok()),
            Give(count) => match semaphore.release(count) {
                Ok(()) => count as i32,
                Err(_) => 0,
            },
        }
    }
}

fn play(permits: u32, scripts: &'static [&'static [Op]]) {
    let stage = Permits { semaphore: Semaphore::new(permits), work: Plain::new(0) };
    let (stage, change) = kit::play(stage, scripts);
    let left = permits.wrapping_add_signed(change);
    assert_eq!(stage.semaphore.available(), left, "permits lost or doubled");
}

fn early(permits: u32, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(permits, scripts);
}

/// Two threads give back what was taken, one of them perhaps too much: all or nothing (TH053).
fn bounded(gives: &'static [u32; 2], taken: u32) {
    let semaphore = std::sync::Arc::new(BoundedSemaphore::<Loom>::new(2));
    (0..taken).for_each(|_| semaphore.acquire());
    let theirs = semaphore.clone();
    let thread = loom::thread::spawn(move || theirs.release(gives[1]).is_ok());
    let ours = semaphore.release(gives[0]).is_ok();
    let theirs = thread.join().unwrap();
    let given = u32::from(ours) * gives[0] + u32::from(theirs) * gives[1];
    assert!((ours || theirs) && given <= taken);
    assert_eq!(semaphore.available(), 2 - taken + given);
}
