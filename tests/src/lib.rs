//! Helpers of the tests that cross crates.

#[cfg(unix)]
pub mod nats;
#[cfg(feature = "remote")]
pub mod remote;
pub mod toolchain;

use std::fs::read_to_string;
use std::io::{Write, stderr};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::abort;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Longer than anything here takes on the slowest machine, short enough to notice a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A time after which a thread that is about to fall asleep most likely has. No test may fail
/// because it had not: it then only tests less.
pub const SETTLE: Duration = Duration::from_millis(20);

/// How many times more work than in a debug build.
pub const SCALE: u32 = if cfg!(debug_assertions) { 1 } else { 8 };

/// Ends the process if the test that holds it has not ended in ten minutes: a hang is a failure with a
/// name, not a stuck machine. On a busy one thousands of handovers between threads take minutes.
#[derive(Debug)]
#[must_use = "it watches until it is dropped"]
pub struct Watchdog {
    _alive: Sender<()>,
}

/// Watches over the test that calls it.
pub fn watchdog() -> Watchdog {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (alive, end) = channel();
    thread::spawn(move || {
        if end.recv_timeout(PATIENCE * 10) == Err(RecvTimeoutError::Timeout) {
            // Not by `eprintln`, which the test harness would keep for a summary that never comes.
            let _ = writeln!(stderr(), "{name} hangs");
            abort();
        }
    });
    Watchdog { _alive: alive }
}

/// Waits until `condition` holds; fails if it never does.
#[track_caller]
pub fn eventually(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "this never came true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The number of the calling thread, as [`eventually_asleep`] wants it; 0 where there is none.
pub fn thread_number() -> i32 {
    #[cfg(target_os = "linux")]
    // SAFETY: asks only.
    let number = unsafe { libc::gettid() };
    #[cfg(not(target_os = "linux"))]
    let number = 0;
    number
}

/// Waits until each of these threads, of whatever process, sleeps or has ended. Where the system does not
/// say it waits for [`SETTLE`].
#[track_caller]
pub fn eventually_asleep(threads: &[i32]) {
    if !cfg!(target_os = "linux") {
        return thread::sleep(SETTLE);
    }
    eventually(|| threads.iter().all(|number| matches!(process_state(*number), Some('S') | None)));
}

/// What a process or a thread does, in the system's letters: `R` for one that runs, `S` for one that sleeps,
/// `T` for one that was stopped, `Z` for one that has ended. `None` if there is none, or not on Linux.
pub fn process_state(number: i32) -> Option<char> {
    let stat = read_to_string(format!("/proc/{number}/stat")).ok()?;
    // Behind the name, which may have anything in it.
    stat.rsplit(") ").next()?.chars().next()
}

/// Whether the process has been stopped, to be continued.
pub fn is_stopped(process: u32) -> bool {
    process_state(process as i32) == Some('T')
}

/// Ends the programs that have printed their numbers.
#[cfg(unix)]
pub fn kill_all(printed: &[u8]) {
    for number in String::from_utf8_lossy(printed).split_whitespace() {
        // SAFETY: ends a program that a test has started.
        unsafe { libc::kill(number.parse().unwrap(), libc::SIGKILL) };
    }
}

/// Whether `f` panics; the panic goes no further. Its payload is leaked: there are tests with some
/// that panic when dropped, and the test harness would hang on one.
pub fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).map_err(forget).is_err()
}

/// The smallest runtime: runs one future on this thread, which sleeps while nobody wakes it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls once with a waker that wakes nobody, and drops the future.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// How long `f` takes, and what it returns.
pub fn timed<R>(f: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = f();
    (start.elapsed(), result)
}

/// How often each of a number of values has been dropped.
#[derive(Debug)]
pub struct Ledger {
    drops: Box<[AtomicU32]>,
}

impl Ledger {
    /// For values with the ids 0 to `count` - 1.
    pub fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { drops: (0..count).map(|_| AtomicU32::new(0)).collect() })
    }

    /// The value with this id.
    pub fn value(self: &Arc<Self>, id: usize) -> Tracked {
        Tracked { id, ledger: Arc::clone(self), fuse: false }
    }

    /// The value with this id, whose `Drop` panics after it has been counted.
    pub fn bomb(self: &Arc<Self>, id: usize) -> Tracked {
        Tracked { id, ledger: Arc::clone(self), fuse: true }
    }

    /// How often the value with this id has been dropped.
    pub fn drops(&self, id: usize) -> u32 {
        self.drops[id].load(Ordering::SeqCst)
    }

    /// How many drops there have been in all.
    pub fn total(&self) -> u32 {
        self.drops.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Fails unless each value has been dropped exactly once.
    #[track_caller]
    pub fn assert_each_once(&self) {
        for (id, count) in self.drops.iter().enumerate() {
            assert_eq!(count.load(Ordering::SeqCst), 1, "drops of value {id}");
        }
    }
}

/// A value whose drops are counted in a [`Ledger`].
#[derive(Debug)]
pub struct Tracked {
    id: usize,
    ledger: Arc<Ledger>,
    fuse: bool,
}

impl Tracked {
    /// Its place in the ledger.
    pub fn id(&self) -> usize {
        self.id
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.ledger.drops[self.id].fetch_add(1, Ordering::SeqCst);
        assert!(!self.fuse, "value {} panics when dropped", self.id);
    }
}
