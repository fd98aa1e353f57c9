//! Locks between two processes, around one addition.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use inkle::multiprocessing::memory::{Shared, SharedMemory};
use inkle::multiprocessing::{Connection, Lock, Process, pipe};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{helper, ours, peer, timed};
use crate::harness::{Contender, Kept};
use crate::pipe::patience;
use crate::threads::{on_the_first, pin};

/// A lock as the rows see it: a handle that another process can be given.
trait Locks: Sized + 'static {
    type Handle: Serialize + DeserializeOwned + 'static;

    fn new() -> Self;
    fn of(handle: Self::Handle) -> Self;
    fn handle(&self) -> Self::Handle;
    fn locked(&self, work: impl FnOnce());
}

impl Locks for Lock {
    type Handle = Self;

    fn new() -> Self {
        Self::new().unwrap()
    }

    fn of(handle: Self) -> Self {
        handle
    }

    fn handle(&self) -> Self {
        self.clone()
    }

    #[inline(always)]
    fn locked(&self, work: impl FnOnce()) {
        let _guard = self.guard();
        work();
    }
}

/// What the system's library has for the same: shared by processes, and a dead holder is told of.
struct Robust(SharedMemory);

impl Robust {
    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        self.0.as_ptr().as_ptr().cast()
    }
}

impl Locks for Robust {
    type Handle = SharedMemory;

    fn new() -> Self {
        let lock = Self(SharedMemory::anonymous(size_of::<libc::pthread_mutex_t>()).unwrap());
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: memory for the attributes, which are made before they are changed; and memory for the mutex, at the
        // start of a page, which nobody uses yet.
        unsafe {
            assert_eq!(libc::pthread_mutexattr_init(attributes), 0);
            let shared = libc::PTHREAD_PROCESS_SHARED;
            assert_eq!(libc::pthread_mutexattr_setpshared(attributes, shared), 0);
            let robust = libc::PTHREAD_MUTEX_ROBUST;
            assert_eq!(libc::pthread_mutexattr_setrobust(attributes, robust), 0);
            assert_eq!(libc::pthread_mutex_init(lock.mutex(), attributes), 0);
            libc::pthread_mutexattr_destroy(attributes);
        }
        lock
    }

    fn of(handle: SharedMemory) -> Self {
        Self(handle)
    }

    fn handle(&self) -> SharedMemory {
        self.0.clone()
    }

    #[inline(always)]
    fn locked(&self, work: impl FnOnce()) {
        // SAFETY: `new` has made it, here or in the process that gave the memory away.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.mutex()) }, 0, "nobody dies");
        work();
        // SAFETY: as above, and this thread holds it.
        unsafe { libc::pthread_mutex_unlock(self.mutex()) };
    }
}

/// A lock and what it protects.
struct Counter<L> {
    lock: L,
    count: Shared<AtomicU64>,
}

impl<L: Locks> Counter<L> {
    fn new() -> Self {
        Self { lock: L::new(), count: Shared::new(AtomicU64::new(0)).unwrap() }
    }

    fn add(&self, times: u64) {
        for _ in 0..times {
            self.lock.locked(|| {
                self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            });
        }
    }
}

fn uncontended<L: Locks>() -> Kept {
    let counter = Counter::<L>::new();
    Box::new(move |count| timed(|| counter.add(count)))
}

/// Whether the other process has begun, and whether it has ended: so nobody is charged for waking it.
const IDLE: u64 = 0;
const BEGUN: u64 = 1;
const ENDED: u64 = 2;

/// What the other process does: so many additions as it is told, until it is told 0.
fn rival<L: Locks>(
    lock: L::Handle,
    count: Shared<AtomicU64>,
    phase: Shared<AtomicU64>,
    control: Connection,
) {
    pin(1);
    let counter = Counter { lock: L::of(lock), count };
    loop {
        match control.recv().unwrap() {
            0 => return,
            share => {
                phase.store(BEGUN, Ordering::Release);
                counter.add(share);
                phase.store(ENDED, Ordering::Release);
            }
        }
    }
}

/// Of this process and the other.
struct Rivals<L> {
    counter: Counter<L>,
    phase: Shared<AtomicU64>,
    control: Connection,
    process: Process<()>,
}

impl<L: Locks> Rivals<L> {
    fn new() -> Self {
        let counter = Counter::<L>::new();
        let phase = Shared::new(AtomicU64::new(IDLE)).unwrap();
        let (control, theirs) = pipe().unwrap();
        let arguments = (counter.lock.handle(), counter.count.clone(), phase.clone(), theirs);
        Self { counter, phase, control, process: helper(rival::<L>, arguments) }
    }

    fn run(&self, count: u64) -> Duration {
        let before = self.counter.count.load(Ordering::Relaxed);
        let half = count / 2;
        let await_phase = |phase| {
            let mut looks = 0;
            while self.phase.load(Ordering::Acquire) < phase {
                patience(&mut looks);
            }
        };
        let time = on_the_first(|| {
            self.control.send(&half).unwrap();
            await_phase(BEGUN);
            timed(|| {
                self.counter.add(half);
                await_phase(ENDED);
            })
        });
        self.phase.store(IDLE, Ordering::Relaxed);
        let after = self.counter.count.load(Ordering::Relaxed);
        assert_eq!(after - before, 2 * half, "a lock that does not lock");
        time
    }
}

impl<L> Drop for Rivals<L> {
    fn drop(&mut self) {
        let _ = self.control.send(&0_u64);
        let _ = self.process.join();
    }
}

fn between<L: Locks>() -> Kept {
    let mut made = None;
    Box::new(move |count| made.get_or_insert_with(Rivals::<L>::new).run(count))
}

pub(super) fn alone() -> Vec<Contender> {
    vec![
        ours("Lock", None, uncontended::<Lock>()),
        peer("robust pthread mutex", uncontended::<Robust>()),
    ]
}

pub(super) fn contended() -> Vec<Contender> {
    vec![ours("Lock", None, between::<Lock>()), peer("robust pthread mutex", between::<Robust>())]
}
