//! What outlives its users. Whoever is stopped is alive here; that the dead hold nobody up is for the
//! models.

use std::cell::Cell;

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, AtomicUsize};
use inkle_core::channel::Shutdown;
use inkle_core::error::{GetRecordError, PutRecordError};
use inkle_core::platform::{Deadline, Wake};
use inkle_core::robust::{Barrier, Bell, Header, Life, Lock, Mortal, RLock, Records, Survivor};
use inkle_core::sync::{BoundedSemaphore, Condition, Event, Semaphore};

use crate::ground::{SOON, Steps};
use crate::items::Lender;
use crate::subject::{Answer, Operation, Subject, op, say};

/// The same ground, in shared memory.
pub struct Shared;

impl Platform for Shared {
    const SHARED: bool = true;

    fn now() -> u64 {
        Steps::now()
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        Steps::wait(word, expected, deadline)
    }

    fn wake(word: *const AtomicU32, count: u32) {
        Steps::wake(word, count);
    }

    fn current() -> usize {
        Steps::current()
    }

    fn relax(round: u32) -> bool {
        Steps::relax(round)
    }
}

/// Each thread is a process of its own.
impl Mortal for Shared {
    fn life() -> Life {
        Life::new(Self::current() as u32).expect("few threads")
    }

    fn is_alive(_life: Life) -> bool {
        true
    }
}

/// Somebody who has died and touched nothing.
fn nobody() -> Life {
    Life::new(7_777).expect("few bits")
}

fn bury<S: Survivor>(name: &'static str) -> Operation<S> {
    op(name, |survivor: &S, _| say(survivor.bury(nobody())))
}

pub fn lock() -> Subject<Lock<Shared>> {
    type Of = Lock<Shared>;
    Subject::new(
        "robust::Lock",
        &["robust/lock.rs"],
        vec![
            ("free", Lock::new),
            ("held", || {
                let lock = Lock::new();
                assert!(lock.try_acquire().is_some());
                lock
            }),
        ],
        vec![
            op("try_acquire", |l: &Of, _| say(l.try_acquire())),
            op("acquire_until", |l: &Of, _| say(l.acquire_until(SOON))),
            op("release", |l: &Of, _| say(l.release())),
            op("is_held", |l: &Of, _| say(l.is_held())),
            bury("bury"),
        ],
        |lock| {
            let held = lock.is_held();
            assert_eq!(lock.release().is_ok(), held);
            assert!(lock.try_acquire().is_some());
            say(held)
        },
    )
}

pub fn rlock() -> Subject<RLock<Shared>> {
    type Of = RLock<Shared>;
    Subject::new(
        "robust::RLock",
        &["robust/rlock.rs"],
        vec![("free", RLock::new)],
        vec![
            op("try_acquire", |l: &Of, _| {
                let acquired = l.try_acquire();
                say((acquired, acquired.map(|_| l.release())))
            })
            .loose(),
            op("release", |l: &Of, _| say(l.release())).loose(),
            op("acquire_until", |l: &Of, _| {
                say(l.acquire_until(SOON).map(|_| (l.acquire(), l.release(), l.release())))
            })
            .loose(),
            op("is_held", |l: &Of, _| say(l.is_held())).loose(),
            bury("bury"),
        ],
        |lock| {
            assert!(!lock.is_held());
            assert!(lock.try_acquire().is_ok());
            String::new()
        },
    )
}

/// A bell, and whether there is anything.
pub struct Rung(Bell<Shared>, Cell<bool>);

fn bell(sleepers: bool) -> Rung {
    let bell = Bell::new();
    if sleepers {
        bell.prepare();
    }
    Rung(bell, Cell::new(false))
}

fn ring() -> Operation<Rung> {
    op("ring", |Rung(bell, there), _| {
        there.set(true);
        bell.ring(1);
        String::new()
    })
}

pub fn bell_rung() -> Subject<Rung> {
    Subject::new(
        "robust::Bell",
        &["robust/bell.rs"],
        vec![("nobody", || bell(false)), ("somebody may sleep", || bell(true))],
        vec![
            op("prepare", |Rung(bell, _), _| {
                bell.prepare();
                String::new()
            })
            .wait_free(2),
            ring(),
            // It finds what was there before it slept, or was rung for.
            op("block", |Rung(bell, there), _| say(bell.block(SOON, || there.get().then_some(())))),
            op("bury", |Rung(bell, _), _| say(bell.bury(nobody()))),
        ],
        |Rung(_, there)| say(there.get()),
    )
}

/// Nobody sleeps, and nobody comes to.
pub fn bell_alone() -> Subject<Rung> {
    Subject::new(
        "robust::Bell, nobody sleeps",
        &["robust/bell.rs"],
        vec![("nobody", || bell(false))],
        vec![ring().wait_free(2)],
        |Rung(_, there)| say(there.get()),
    )
}

pub fn barrier() -> Subject<Barrier<Shared, 2>> {
    type Of = Barrier<Shared, 2>;
    Subject::new(
        "robust::Barrier",
        &["robust/barrier.rs"],
        vec![("of two", || Barrier::new(2).expect("not too many"))],
        vec![
            op("abort", |b: &Of, _| say(b.abort())),
            op("reset", |b: &Of, _| say(b.reset())),
            op("is_broken", |b: &Of, _| say(b.is_broken())),
            op("wait_until", |b: &Of, _| say(b.wait_until(SOON))).loose(),
            bury("bury"),
        ],
        |barrier| {
            assert_eq!(barrier.waiting(), 0);
            say(barrier.is_broken())
        },
    )
    .limit(80)
}

/// What is taken from `sync`.
pub struct Taken {
    event: Event<Shared>,
    semaphore: Semaphore<Shared>,
    bounded: BoundedSemaphore<Shared>,
    condition: Condition<Shared>,
}

pub fn survivors() -> Subject<Taken> {
    Subject::new(
        "Survivors of sync",
        &["robust/survivor.rs"],
        vec![("new", || Taken {
            event: Event::new(),
            semaphore: Semaphore::new(1),
            bounded: BoundedSemaphore::new(1),
            condition: Condition::new(),
        })],
        vec![
            op("set", |t: &Taken, _| say(t.event.set())),
            op("wait_until", |t: &Taken, _| say(t.event.wait_until(SOON))),
            op("try_acquire", |t: &Taken, _| {
                say((t.semaphore.try_acquire(), t.bounded.try_acquire()))
            })
            .loose(),
            op("acquire_until", |t: &Taken, _| say(t.semaphore.acquire_until(SOON))),
            op("notify", |t: &Taken, _| say(t.condition.notify_all())),
            op("bury", |t: &Taken, _| {
                let all: [&dyn Survivor; 4] = [&t.event, &t.semaphore, &t.bounded, &t.condition];
                all.into_iter().for_each(|survivor| survivor.bury(nobody()));
                String::new()
            }),
        ],
        |t| say((t.event.is_set(), t.semaphore.available(), t.bounded.available())),
    )
}

/// A queue of records and where it lies.
pub struct Queue {
    records: Records<'static, Shared>,
    header: Lender<Header<Shared>>,
    words: Lender<[AtomicUsize; 4]>,
}

fn queue(inside: u8) -> Queue {
    let header = Lender::new(Header::new());
    let words = Lender::new([const { AtomicUsize::new(0) }; 4]);
    let records = Records::new(header.get(), words.get(), 2).expect("neither none nor too many");
    for number in 0..inside {
        assert_eq!(records.try_put(&[&[100 + number]]), Ok(()));
    }
    Queue { records, header, words }
}

fn put(result: Result<(), PutRecordError>) -> Answer {
    say(result)
}

fn got(
    q: &Queue,
    get: fn(&Records<'static, Shared>, &mut [u8]) -> Result<usize, GetRecordError>,
) -> Answer {
    let mut buffer = [0];
    let len = get(&q.records, &mut buffer);
    say(len.map(|_| buffer[0]))
}

pub fn records() -> Subject<Queue> {
    Subject::new(
        "robust::Records",
        &["robust/records/mod.rs"],
        vec![("empty", || queue(0)), ("one inside", || queue(1)), ("full", || queue(2))],
        vec![
            // Until a second has passed, which it does as soon as it sleeps.
            op("try_put", |q: &Queue, n| put(q.records.try_put(&[&[n]]))).weak("Err(TimedOut)"),
            op("try_get", |q: &Queue, _| got(q, Records::try_get)).weak("Err(TimedOut)"),
            op("task_done", |q: &Queue, _| say(q.records.task_done())),
            op("shutdown", |q: &Queue, _| say(q.records.shutdown(Shutdown::Graceful))),
            // A record after the other.
            op("shutdown immediately", |q: &Queue, _| say(q.records.shutdown(Shutdown::Immediate)))
                .loose(),
            op("is_shut_down", |q: &Queue, _| say(q.records.is_shut_down())),
            op("with_unused", |q: &Queue, _| {
                q.records.with_unused(|words| assert!(!words.is_empty()));
                String::new()
            }),
            op("bury", |q: &Queue, _| say(q.header.get().bury(nobody()))),
        ],
        |q| {
            let Queue { records, header, words } = q;
            let (closed, unfinished) = (records.is_shut_down(), records.unfinished());
            let mut buffer = [0];
            let mut left = Vec::new();
            while records.try_get(&mut buffer).is_ok() {
                left.push(buffer[0]);
            }
            for _ in 0..records.unfinished() {
                assert!(records.task_done().is_ok());
            }
            assert!(records.task_done().is_err());
            assert!(closed || (0..2).all(|n| records.try_put(&[&[n]]).is_ok()), "a place is lost");
            // SAFETY: the run is over, and the handle is not used any more.
            unsafe {
                let _ = header.take();
                let _ = words.take();
            }
            format!("{left:?}, {unfinished} unfinished, closed {closed}")
        },
    )
    .limit(80)
    .then(1)
}
