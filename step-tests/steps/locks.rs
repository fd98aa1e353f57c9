//! Locks and semaphores.

use std::mem::forget;

use inkle_core::sync::{
    BoundedSemaphore, Condition, Lock, Mutex, MutexGuard, RLock, ReadGuard, RwLock, Semaphore,
    WriteGuard,
};

use crate::beside::{Beside, Task, once, tasks};
use crate::ground::{SOON, Steps};
use crate::models;
use crate::subject::{Operation, Subject, one_lock, op, say};

type OneLock = Beside<Lock<Steps>>;

fn locked(held: bool) -> OneLock {
    let lock = Lock::new();
    assert!(!held || lock.try_acquire());
    Beside::alone(lock)
}

fn lock_operations() -> Vec<Operation<OneLock>> {
    vec![
        op("try_acquire", |lock: &OneLock, _| say(lock.value().try_acquire())).wait_free(1),
        op("release", |lock: &OneLock, _| say(lock.value().release())),
        op("acquire_until", |lock: &OneLock, _| say(lock.value().acquire_until(SOON))),
        op("is_held", |lock: &OneLock, _| say(lock.value().is_held())),
    ]
}

fn lock_end(lock: OneLock) -> String {
    let lock = lock.end();
    let held = lock.is_held();
    assert_eq!(lock.release().is_ok(), held);
    assert!(lock.try_acquire());
    say(held)
}

pub fn lock() -> Subject<OneLock> {
    let mut operations = lock_operations();
    let release = operations.remove(1).wait_free(3);
    operations.push(release);
    Subject::new(
        "Lock",
        &["sync/lock.rs"],
        vec![("free", || locked(false)), ("held", || locked(true))],
        operations,
        lock_end,
    )
    .model(|state| models::lock(state == 1))
    .blocking(vec![op("acquire", |lock: &OneLock, _| say(lock.value().acquire()))])
}

fn guarded(lock: &'static Lock<Steps>) -> Task {
    Box::pin(async {
        // To give it back would be a step more.
        forget(lock.guard_async().await);
        "acquired".into()
    })
}

/// While a task waits for it.
pub fn lock_tasks() -> Subject<OneLock> {
    let mut operations = lock_operations();
    operations.push(op("guard_async", |lock: &OneLock, _| once(guarded(lock.value()))));
    operations.extend(tasks(&[]));
    let listed = &["release", "guard_async", "poll the task", "drop the task"];
    Subject::new(
        "Lock, a task waits",
        &["sync/lock.rs"],
        vec![("held", || locked(true).with_task(guarded))],
        one_lock(operations, listed),
        lock_end,
    )
    .masks()
}

type OneRLock = Beside<RLock<Steps>>;

/// Only whoever acquired may release, so each operation does both.
pub fn rlock() -> Subject<OneRLock> {
    Subject::new(
        "RLock",
        &["sync/rlock.rs"],
        vec![("free", || Beside::alone(RLock::new()))],
        vec![
            op("try_acquire", |lock: &OneRLock, _| {
                let acquired = lock.value().try_acquire();
                say((acquired, acquired.map(|()| lock.value().release())))
            })
            // While another holds it; in the middle of that one.
            .loose()
            .wait_free(10),
            op("release", |lock: &OneRLock, _| {
                say(lock.value().release()).replace("Owner", "Held")
            })
            .loose()
            .wait_free(3),
            op("acquire_until", |lock: &OneRLock, _| {
                let lock = lock.value();
                say(lock.acquire_until(SOON).map(|()| {
                    let again = lock.acquire();
                    (again, lock.release(), lock.release())
                }))
            })
            .loose(),
            op("is_held", |lock: &OneRLock, _| say(lock.value().is_held())).loose(),
        ],
        |lock| {
            let lock = lock.end();
            assert!(!lock.is_held());
            assert!(lock.try_acquire().is_ok());
            String::new()
        },
    )
}

type OneSemaphore = Beside<Semaphore<Steps>>;

fn permits(count: u32) -> OneSemaphore {
    Beside::alone(Semaphore::new(count))
}

fn semaphore_operations() -> Vec<Operation<OneSemaphore>> {
    vec![
        op("try_acquire", |s: &OneSemaphore, _| say(s.value().try_acquire())),
        op("release", |s: &OneSemaphore, _| say(s.value().release(1))),
        op("acquire_until", |s: &OneSemaphore, _| say(s.value().acquire_until(SOON))),
        op("available", |s: &OneSemaphore, _| say(s.value().available())),
    ]
}

pub fn semaphore() -> Subject<OneSemaphore> {
    Subject::new(
        "Semaphore",
        &["sync/semaphore.rs"],
        vec![("none", || permits(0)), ("one", || permits(1)), ("two", || permits(2))],
        semaphore_operations(),
        |semaphore| say(semaphore.end().available()),
    )
    .model(|state| models::permits(state as u32, u32::MAX))
    .blocking(vec![op("acquire", |s: &OneSemaphore, _| say(s.value().acquire()))])
}

pub fn semaphore_tasks() -> Subject<OneSemaphore> {
    let mut operations = semaphore_operations();
    operations.push(op("acquire_async", |s: &OneSemaphore, _| {
        let s = s.value();
        once(Box::pin(async { say(s.acquire_async().await) }))
    }));
    operations.extend(tasks(&[]));
    let listed = &["release", "acquire_async", "poll the task", "drop the task"];
    Subject::new(
        "Semaphore, a task waits",
        &["sync/semaphore.rs"],
        vec![("none", || {
            permits(0).with_task(|s| Box::pin(async { say(s.acquire_async().await) }))
        })],
        one_lock(operations, listed),
        |semaphore| say(semaphore.end().available()),
    )
    .masks()
}

type Bounded = Beside<BoundedSemaphore<Steps>>;

pub fn bounded_semaphore() -> Subject<Bounded> {
    fn taken(count: u32) -> Bounded {
        let semaphore = BoundedSemaphore::new(2);
        (0..count).for_each(|_| assert!(semaphore.try_acquire()));
        Beside::alone(semaphore)
    }
    Subject::new(
        "BoundedSemaphore",
        &[],
        vec![("none", || taken(2)), ("one", || taken(1)), ("two", || taken(0))],
        vec![
            op("try_acquire", |s: &Bounded, _| say(s.value().try_acquire())),
            op("release", |s: &Bounded, _| say(s.value().release(1).is_ok())),
            op("acquire_until", |s: &Bounded, _| say(s.value().acquire_until(SOON))),
            op("available", |s: &Bounded, _| say(s.value().available())),
        ],
        |semaphore| say(semaphore.end().available()),
    )
    .model(|state| models::permits(state as u32, 2))
    .blocking(vec![op("acquire", |s: &Bounded, _| say(s.value().acquire()))])
}

type OneMutex = Beside<Mutex<u32, Steps>, MutexGuard<'static, u32, Steps>>;

pub fn mutex() -> Subject<OneMutex> {
    Subject::new(
        "Mutex",
        &["sync/mutex.rs"],
        vec![("free", || Beside::alone(Mutex::new(0)))],
        vec![
            op("try_lock", |m: &OneMutex, _| say(m.keep(m.value().try_lock()))).wait_free(1),
            op("lock_until", |m: &OneMutex, _| say(m.keep(m.value().lock_until(SOON).ok()))),
            op("drop the guard", |m: &OneMutex, _| match m.kept() {
                Some(mut guard) => {
                    *guard += 1;
                    drop(guard);
                    "Ok".into()
                }
                None => "nobody".into(),
            })
            .weak("nobody"),
        ],
        |mutex| say(mutex.end().into_inner()),
    )
    .model(|_| models::mutex())
    .blocking(vec![op("lock", |m: &OneMutex, _| say(m.keep(Some(m.value().lock()))))])
}

/// Who is in.
pub enum In {
    Reads(ReadGuard<'static, u32, Steps>),
    Writes(WriteGuard<'static, u32, Steps>),
}

type OneRwLock = Beside<RwLock<u32, Steps>, In>;

fn rw() -> OneRwLock {
    Beside::alone(RwLock::new(0))
}

fn rw_operations() -> Vec<Operation<OneRwLock>> {
    vec![
        op("try_read", |l: &OneRwLock, _| say(l.keep(l.value().try_read().map(In::Reads)))),
        op("try_write", |l: &OneRwLock, _| say(l.keep(l.value().try_write().map(In::Writes)))),
        op("read_until", |l: &OneRwLock, _| {
            say(l.keep(l.value().read_until(SOON).ok().map(In::Reads)))
        }),
        op("write_until", |l: &OneRwLock, _| {
            say(l.keep(l.value().write_until(SOON).ok().map(In::Writes)))
        })
        // While it waits it keeps new readers out.
        .loose(),
        op("drop the guard", |l: &OneRwLock, _| match l.kept() {
            Some(In::Reads(guard)) => {
                drop(guard);
                "read".into()
            }
            Some(In::Writes(mut guard)) => {
                *guard += 1;
                drop(guard);
                "written".into()
            }
            None => "nobody".into(),
        })
        .weak("nobody"),
        op("downgrade", |l: &OneRwLock, _| match l.kept() {
            Some(In::Writes(guard)) => {
                l.keep(Some(In::Reads(guard.downgrade())));
                "Ok".into()
            }
            other => {
                l.keep(other);
                "nobody".into()
            }
        })
        .weak("nobody"),
    ]
}

pub fn rw_lock() -> Subject<OneRwLock> {
    Subject::new(
        "RwLock",
        &["sync/rw_lock.rs"],
        vec![
            ("free", rw),
            ("read", || {
                let lock = rw();
                assert!(lock.keep(lock.value().try_read().map(In::Reads)));
                lock
            }),
            ("written", || {
                let lock = rw();
                assert!(lock.keep(lock.value().try_write().map(In::Writes)));
                lock
            }),
        ],
        rw_operations(),
        |lock| say(lock.end().into_inner()),
    )
    .blocking(vec![
        op("read", |l: &OneRwLock, _| say(l.keep(Some(In::Reads(l.value().read()))))),
        // While it waits it keeps new readers out.
        op("write", |l: &OneRwLock, _| say(l.keep(Some(In::Writes(l.value().write()))))).loose(),
    ])
}

fn reads(lock: &'static RwLock<u32, Steps>) -> Task {
    Box::pin(async {
        let guard = lock.read_async().await;
        let value = say(*guard);
        // To give it back would be a step more.
        forget(guard);
        value
    })
}

/// While a task waits to read.
pub fn rw_lock_tasks() -> Subject<OneRwLock> {
    let mut operations = rw_operations();
    // Those that wait may sleep until a task that is stopped goes on.
    operations.drain(2..4);
    operations.push(op("read_async", |l: &OneRwLock, _| once(reads(l.value()))));
    operations.extend(tasks(&[]));
    let listed = &["drop the guard", "downgrade", "read_async", "poll the task", "drop the task"];
    Subject::new(
        "RwLock, a task waits",
        &["sync/rw_lock.rs"],
        vec![("written", || {
            let lock = rw();
            assert!(lock.keep(lock.value().try_write().map(In::Writes)));
            lock.with_task(reads)
        })],
        one_lock(operations, listed),
        |lock| say(lock.end().into_inner()),
    )
    .masks()
}

type OneCondition = Beside<(Lock<Steps>, Condition<Steps>)>;

/// Nobody waits, and nobody comes to.
pub fn condition() -> Subject<OneCondition> {
    Subject::new(
        "Condition",
        &["sync/condition.rs"],
        vec![("nobody waits", || Beside::alone((Lock::new(), Condition::new())))],
        vec![
            op("notify", |c: &OneCondition, _| say(c.value().1.notify(1))).wait_free(2),
            op("notify_all", |c: &OneCondition, _| say(c.value().1.notify_all())).wait_free(2),
        ],
        |condition| {
            assert!(condition.end().0.try_acquire());
            String::new()
        },
    )
}

/// A thread waits, with the lock that other waiters need.
pub fn condition_waits() -> Subject<OneCondition> {
    Subject::new(
        "Condition, a thread waits",
        &["sync/condition.rs"],
        vec![("nobody waits", || Beside::alone((Lock::new(), Condition::new())))],
        vec![
            op("notify", |c: &OneCondition, _| say(c.value().1.notify(1))),
            op("notify_all", |c: &OneCondition, _| say(c.value().1.notify_all())),
            op("wait_until", |c: &OneCondition, _| {
                let (lock, condition) = c.value();
                say(condition.wait_until(&mut lock.guard(), SOON))
            })
            // Whether it was woken says what came in between.
            .loose()
            .waits_for(&["wait_until"]),
        ],
        |condition| {
            assert!(condition.end().0.try_acquire());
            String::new()
        },
    )
}
