//! Two processes over the same words: locks, events and queues in a shared mapping, on the ground
//! [`Shared`].
//!
//! Each test plays both parts. It maps a memory file, starts its own program again with nothing but
//! itself to run, and the second process finds the file through an environment variable.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::env;
use std::fs::File;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{self, Child, Command, Stdio};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use inkle::platform::Shared;
use inkle::queue::{GetError, Shutdown};
use inkle_core::channel::Channel;
use inkle_core::error::ReleaseError;
use inkle_core::queue::fifo::Fifo;
use inkle_core::queue::word::WordRing;
use inkle_core::sync::{
    Barrier, Condition, Event, Latch, Lock, Mutex, Once, Promise, RLock, RwLock, Semaphore,
};
use inkle_core::{PopError, PushError};
use inkle_tests::{
    PATIENCE, SCALE, SETTLE, eventually, eventually_asleep, thread_number, watchdog,
};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Where the second process finds the memory file.
const MEMORY: &str = "INKLE_TEST_MEMORY";

/// What lies in the mapping.
#[repr(C)]
struct Page<T> {
    /// Set by the second process when it has begun.
    arrived: AtomicU32,
    shared: T,
}

/// A mapping of a whole memory file, with a `Page<T>` at its start.
struct Mapping<T> {
    start: NonNull<Page<T>>,
    owns: PhantomData<Page<T>>,
}

impl<T> Mapping<T> {
    fn of(file: impl AsFd) -> Self {
        // SAFETY: at no address in particular, so it replaces no other mapping.
        let start = unsafe {
            mmap(
                null_mut(),
                size_of::<Page<T>>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        };
        let start = NonNull::new(start.unwrap().cast::<Page<T>>()).unwrap();
        assert!(start.is_aligned());
        Self { start, owns: PhantomData }
    }

    fn page(&self) -> &Page<T> {
        // SAFETY: `first` has written a page before it lets anybody else map the file, the mapping
        // lives as long as `self`, and both processes reach what is in it through shared references
        // only. They run the same program, so both mean the same by `T`, and no `T` here has
        // pointers in it.
        unsafe { self.start.as_ref() }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody borrows any more.
        unsafe { munmap(self.start.as_ptr().cast(), size_of::<Page<T>>()) }.unwrap();
    }
}

/// The second process, as the first one sees it. Killed when dropped, unless it has finished.
struct Peer<'a> {
    child: Option<Child>,
    arrived: &'a AtomicU32,
}

impl Peer<'_> {
    fn wait_until_it_runs(&self) {
        eventually(|| self.arrived.load(Ordering::SeqCst) == 1);
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Waits for its end and takes over its failure.
    fn finish(mut self) {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "the second process failed: {text}");
        assert_eq!(self.arrived.load(Ordering::SeqCst), 1, "it never ran its part: {text}");
    }
}

impl Drop for Peer<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `here` in this process and `there` in another, over the same `T`. `name` is the test's own.
fn two_processes<T>(
    name: &str,
    shared: T,
    here: impl FnOnce(&T, Peer<'_>),
    there: impl FnOnce(&T),
) {
    let _watch = watchdog();
    if let Some(memory) = env::var_os(MEMORY) {
        let file = File::options().read(true).write(true).open(memory).unwrap();
        let mapping = Mapping::<T>::of(file);
        let page = mapping.page();
        page.arrived.store(1, Ordering::SeqCst);
        return there(&page.shared);
    }
    let (file, mapping) = first(shared);
    let page = mapping.page();
    let child = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--test-threads=1"])
        .env(MEMORY, format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    here(&page.shared, Peer { child: Some(child), arrived: &page.arrived });
}

/// A new memory file, mapped, with `shared` in it.
fn first<T>(shared: T) -> (OwnedFd, Mapping<T>) {
    let file = memfd_create("inkle-tests", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, size_of::<Page<T>>() as u64).unwrap();
    let mapping = Mapping::<T>::of(&file);
    let page = Page { arrived: AtomicU32::new(0), shared };
    // SAFETY: the mapping is writable, as long as a page, aligned, and nobody else knows of it yet.
    unsafe { mapping.start.write(page) };
    (file, mapping)
}

#[test]
fn a_lock_lets_in_one_process_at_a_time() {
    const ROUNDS: u32 = 20_000 * SCALE;
    type Counted = (Lock<Shared>, AtomicU32);
    fn count((lock, counter): &Counted) {
        for _ in 0..ROUNDS {
            let _guard = lock.guard();
            // Two steps on purpose: only the lock makes them one.
            let before = counter.load(Ordering::Relaxed);
            counter.store(before + 1, Ordering::Relaxed);
        }
    }
    two_processes(
        "a_lock_lets_in_one_process_at_a_time",
        (Lock::new(), AtomicU32::new(0)),
        |shared, peer| {
            peer.wait_until_it_runs();
            count(shared);
            peer.finish();
            assert_eq!(shared.1.load(Ordering::Relaxed), 2 * ROUNDS);
            assert!(!shared.0.is_held());
        },
        count,
    );
}

#[test]
fn th033_another_process_may_release() {
    two_processes(
        "th033_another_process_may_release",
        Lock::<Shared>::new(),
        |lock, peer| {
            lock.acquire();
            lock.acquire_timeout(PATIENCE).unwrap();
            peer.finish();
            lock.release().unwrap();
        },
        |lock| {
            eventually(|| lock.is_held());
            std::thread::sleep(SETTLE);
            lock.release().unwrap();
        },
    );
}

#[test]
fn the_lock_of_a_killed_process_stays_held_until_somebody_releases_it() {
    two_processes(
        "the_lock_of_a_killed_process_stays_held_until_somebody_releases_it",
        Lock::<Shared>::new(),
        |lock, mut peer| {
            eventually(|| lock.is_held());
            peer.kill();
            assert!(lock.acquire_timeout(SETTLE).is_err());
            lock.release().unwrap();
            lock.acquire_timeout(PATIENCE).unwrap();
        },
        |lock| {
            lock.acquire();
            std::thread::sleep(PATIENCE);
        },
    );
}

#[test]
fn th079_readers_and_writers_of_two_processes() {
    const ROUNDS: u32 = 5_000 * SCALE;
    type Counts = (RwLock<[u32; 2], Shared>, Mutex<u32, Shared>);
    fn count((lock, total): &Counts) {
        for round in 0..ROUNDS {
            if round % 4 == 0 {
                let mut both = lock.write_timeout(PATIENCE).unwrap();
                both[0] += 1;
                both[1] += 1;
                *total.lock_timeout(PATIENCE).unwrap() += 1;
            } else {
                let both = lock.read_timeout(PATIENCE).unwrap();
                assert_eq!(both[0], both[1]);
            }
        }
    }
    two_processes(
        "th079_readers_and_writers_of_two_processes",
        (RwLock::new([0_u32; 2]), Mutex::new(0_u32)) as Counts,
        |counts, peer| {
            peer.wait_until_it_runs();
            count(counts);
            peer.finish();
            assert_eq!(*counts.0.read(), [ROUNDS / 2; 2]);
            assert_eq!(*counts.1.lock(), ROUNDS / 2);
        },
        count,
    );
}

#[test]
fn th084_what_happens_once_reaches_the_other_process() {
    type All = (Latch<Shared>, Once<u32, Shared>, Promise<u32, Shared>);
    two_processes(
        "th084_what_happens_once_reaches_the_other_process",
        (Latch::new(2), Once::new(), Promise::new()) as All,
        |(latch, once, promise), peer| {
            latch.count_down(1).unwrap();
            latch.wait_timeout(PATIENCE).unwrap();
            assert_eq!(once.set(7), Ok(()));
            assert_eq!(promise.take_timeout(PATIENCE), Ok(8));
            peer.finish();
        },
        |(latch, once, promise)| {
            latch.count_down(1).unwrap();
            latch.wait_timeout(PATIENCE).unwrap();
            let seen = *once.wait_timeout(PATIENCE).unwrap();
            assert_eq!(promise.set(seen + 1), Ok(()));
        },
    );
}

#[test]
fn semaphores_pass_the_turn_to_and_fro() {
    const ROUNDS: u32 = 2_000 * SCALE;
    two_processes(
        "semaphores_pass_the_turn_to_and_fro",
        [const { Semaphore::<Shared>::new(0) }; 2],
        |[ping, pong], peer| {
            for _ in 0..ROUNDS {
                ping.release(1).unwrap();
                pong.acquire_timeout(PATIENCE).unwrap();
            }
            peer.finish();
            assert_eq!((ping.available(), pong.available()), (0, 0));
        },
        |[ping, pong]| {
            for _ in 0..ROUNDS {
                ping.acquire_timeout(PATIENCE).unwrap();
                pong.release(1).unwrap();
            }
        },
    );
}

#[test]
fn a_killed_waiter_takes_nothing_along() {
    two_processes(
        "a_killed_waiter_takes_nothing_along",
        (Semaphore::<Shared>::new(0), Semaphore::<Shared>::new(0)),
        |(never, answer), mut peer| {
            peer.wait_until_it_runs();
            std::thread::sleep(SETTLE);
            peer.kill();
            // The dead waiter is still counted. The living are served all the same.
            std::thread::scope(|scope| {
                for _ in 0..100 {
                    scope.spawn(|| {
                        never.acquire_timeout(PATIENCE).unwrap();
                        answer.release(1).unwrap();
                    });
                    never.release(1).unwrap();
                    answer.acquire_timeout(PATIENCE).unwrap();
                }
            });
            assert!(!never.try_acquire());
        },
        |(never, _)| never.acquire(),
    );
}

#[test]
fn th056_set_then_clear_reaches_the_other_process() {
    /// With the number of the thread that waits.
    type Signals = (Event<Shared>, Semaphore<Shared>, AtomicI32);
    const ROUNDS: u32 = 20;
    two_processes(
        "th056_set_then_clear_reaches_the_other_process",
        (Event::new(), Semaphore::new(0), AtomicI32::new(0)) as Signals,
        |(event, ready, waits), peer| {
            for _ in 0..ROUNDS {
                ready.acquire_timeout(PATIENCE).unwrap();
                // Not merely about to be: else `set` would come before its wait.
                eventually_asleep(&[waits.load(Ordering::Relaxed)]);
                event.set();
                event.clear();
            }
            peer.finish();
            assert!(!event.is_set());
        },
        |(event, ready, waits)| {
            waits.store(thread_number(), Ordering::Relaxed);
            for _ in 0..ROUNDS {
                ready.release(1).unwrap();
                event.wait_timeout(PATIENCE / 2).unwrap();
            }
        },
    );
}

#[test]
fn an_event_of_another_process_can_time_out() {
    two_processes(
        "an_event_of_another_process_can_time_out",
        Event::<Shared>::new(),
        |event, peer| {
            peer.finish();
            event.set();
        },
        |event| {
            let (took, result) =
                inkle_tests::timed(|| event.wait_timeout(Duration::from_millis(10)));
            assert!(result.is_err());
            assert!(took >= Duration::from_millis(10));
        },
    );
}

#[test]
fn a_condition_is_notified_from_the_other_process() {
    type Buffer = (Lock<Shared>, Condition<Shared>, AtomicU32);
    const ROUNDS: u32 = 1_000;
    /// Waits for its turns: the numbers with this rest.
    fn take_turns((lock, changed, turn): &Buffer, rest: u32) {
        for _ in 0..ROUNDS {
            let mut guard = lock.guard();
            changed.wait_for(&mut guard, |_| turn.load(Ordering::Relaxed) % 2 == rest);
            turn.store(turn.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            changed.notify(1);
        }
    }
    two_processes(
        "a_condition_is_notified_from_the_other_process",
        (Lock::new(), Condition::new(), AtomicU32::new(0)) as Buffer,
        |buffer, peer| {
            take_turns(buffer, 0);
            peer.finish();
            assert_eq!(buffer.2.load(Ordering::Relaxed), 2 * ROUNDS);
        },
        |buffer| take_turns(buffer, 1),
    );
}

#[test]
fn th061_a_barrier_of_two_processes() {
    const ROUNDS: u32 = 1_000;
    type Meeting = (Barrier<Shared>, AtomicU32);
    /// Two steps a round, and nobody is ever one ahead.
    fn meet((barrier, count): &Meeting) {
        for round in 1..=ROUNDS {
            let act = || count.store(round, Ordering::Relaxed);
            barrier.wait_with_timeout(PATIENCE, act).unwrap();
            assert_eq!(count.load(Ordering::Relaxed), round);
            barrier.wait_timeout(PATIENCE).unwrap();
        }
    }
    two_processes(
        "th061_a_barrier_of_two_processes",
        (Barrier::new(2).unwrap(), AtomicU32::new(0)) as Meeting,
        |shared, peer| {
            meet(shared);
            peer.finish();
            assert_eq!((shared.0.waiting(), shared.0.is_broken()), (0, false));
        },
        meet,
    );
}

#[test]
fn a_party_that_is_killed_is_broken_away_from() {
    two_processes(
        "a_party_that_is_killed_is_broken_away_from",
        Barrier::<Shared>::new(3).unwrap(),
        |barrier, mut peer| {
            eventually(|| barrier.waiting() == 1);
            peer.kill();
            assert!(barrier.wait_timeout(SETTLE).is_err());
            barrier.reset();
            // The dead stays counted in its own round, which is over.
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| barrier.wait_timeout(PATIENCE).unwrap());
                }
            });
        },
        |barrier| assert!(barrier.wait_timeout(PATIENCE).is_err()),
    );
}

#[test]
fn th038_only_the_owning_process_releases() {
    const ROUNDS: u32 = 1_000;
    type Counted = (RLock<Shared>, Condition<Shared>, AtomicU32);
    /// Takes turns, two levels deep.
    fn take_turns((lock, changed, turn): &Counted, rest: u32) {
        for _ in 0..ROUNDS {
            let _outer = lock.guard().unwrap();
            let mut inner = lock.guard().unwrap();
            changed.wait_for(&mut inner, |_| turn.load(Ordering::Relaxed) % 2 == rest);
            turn.store(turn.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            changed.notify(1);
        }
    }
    two_processes(
        "th038_only_the_owning_process_releases",
        (RLock::new(), Condition::new(), AtomicU32::new(0)) as Counted,
        |shared, peer| {
            peer.wait_until_it_runs();
            take_turns(shared, 0);
            eventually(|| shared.2.load(Ordering::Relaxed) == u32::MAX && shared.0.is_held());
            assert_eq!(shared.0.release(), Err(ReleaseError::NotOwner));
            shared.2.store(0, Ordering::Relaxed);
            peer.finish();
        },
        |shared| {
            take_turns(shared, 1);
            shared.0.acquire().unwrap();
            shared.2.store(u32::MAX, Ordering::Relaxed);
            eventually(|| shared.2.load(Ordering::Relaxed) == 0);
            shared.0.release().unwrap();
        },
    );
}

#[test]
fn a_word_ring_carries_words_across() {
    const COUNT: u32 = 50_000 * SCALE;
    two_processes(
        "a_word_ring_carries_words_across",
        WordRing::<u32, 8>::new(),
        |ring, peer| {
            for expected in 0..COUNT {
                loop {
                    match ring.try_pop() {
                        Ok(word) => break assert_eq!(word, expected),
                        Err(PopError::Empty) => std::thread::yield_now(),
                        Err(PopError::Closed) => panic!("closed before {expected}"),
                    }
                }
            }
            peer.finish();
            assert_eq!(ring.try_pop(), Err(PopError::Closed));
        },
        |ring| {
            for mut word in 0..COUNT {
                while let Err(PushError::Full(back)) = ring.try_push(word) {
                    word = back;
                    std::thread::yield_now();
                }
            }
            ring.close();
        },
    );
}

/// Numbers there, their squares back, all calls blocking, until shutdown.
macro_rules! squares {
    ($name:ident, $queue:ident) => {
        #[test]
        fn $name() {
            type Line = Channel<$queue<u32, 4>, Shared>;
            two_processes(
                stringify!($name),
                [const { Line::new($queue::new()) }; 2],
                |[numbers, squares], peer| {
                    std::thread::scope(|scope| {
                        scope.spawn(|| {
                            for number in 0..5_000 {
                                numbers.put_timeout(number, PATIENCE).unwrap();
                            }
                            numbers.join_timeout(PATIENCE).unwrap();
                            numbers.shutdown(Shutdown::Graceful);
                        });
                        for number in 0..5_000 {
                            assert_eq!(squares.get_timeout(PATIENCE), Ok(number * number));
                        }
                    });
                    peer.finish();
                    assert_eq!(squares.get_timeout(PATIENCE), Err(GetError::ShutDown));
                },
                |[numbers, squares]| {
                    while let Ok(number) = numbers.get() {
                        squares.put_timeout(number * number, PATIENCE).unwrap();
                        numbers.task_done().unwrap();
                    }
                    squares.shutdown(Shutdown::Graceful);
                },
            );
        }
    };
}

squares!(a_channel_of_words_between_processes, WordRing);
squares!(a_channel_of_items_between_processes, Fifo);
