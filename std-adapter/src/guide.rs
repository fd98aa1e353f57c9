//! A guide for those who know Python's modules, or who look for the right tool. No code of its own.
//!
//! Each module's docs begin with a table of Python's names and what stands for them here:
//! [`threading`], [`queue`], [`thread`], [`sched`], [`concurrent`], [`contextvars`], and on Linux
//! `subprocess` and `multiprocessing`.
//!
//! # From Python to inkle
//!
//! What is the same everywhere:
//!
//! | Python | here |
//! |---|---|
//! | an exception from a blocking call | an error value; a failed `put` or `submit` hands back what it was given |
//! | `timeout=3.0` | `…_timeout(Duration)`, or `…_until(deadline)`: one [`Deadline`] for several calls in a row |
//! | `block=False`, `timeout=0` | `try_…` |
//! | nothing: a call that waits cannot be called off | `…_unless(&token)`, with a [`CancelToken`] |
//! | `asyncio.Queue`, `asyncio.Lock` beside `queue.Queue`, `threading.Lock` | the same object: `…_async()` is a future for any runtime |
//! | an exception that a thread, a task or a process dies of | a value at `join`: the panic with its message and place |
//! | daemons and hooks at the end of the interpreter | the same, at the end of the process: see below |
//!
//! ```
//! use std::time::Duration;
//!
//! use inkle::queue::{PutError, Queue};
//! use inkle::threading::{self, CancelToken, Reason};
//!
//! let queue = Queue::bounded(1)?;
//! queue.put("warp")?;
//! // A failed put hands the item back.
//! assert!(matches!(queue.put_timeout("weft", Duration::from_millis(1)), Err(PutError::TimedOut("weft"))));
//!
//! // A wait that another thread calls off.
//! let token = CancelToken::new();
//! threading::scope(|scope| {
//!     let waits = scope.spawn(|| queue.put_unless("weft", &token).is_err());
//!     token.cancel(Reason::REQUESTED);
//!     assert!(waits.unwrap().join().unwrap());
//! })
//! .unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which queue?
//!
//! | there are | take |
//! |---|---|
//! | jobs between threads, in their order, bounded or not | [`queue::Queue`] |
//! | the newest first; the least first, stable | [`LifoQueue`](crate::queue::LifoQueue); [`PriorityQueue`](crate::queue::PriorityQueue) |
//! | a put that never waits and never fails | [`SimpleQueue`](crate::queue::SimpleQueue) |
//! | threads and tasks of an async runtime at its two ends | any of these: `put` here, `get_async().await` there |
//! | processes at its ends | `multiprocessing::Queue`, for what `serde` can write |
//! | a thread and an interrupt handler, or no allocator | one of [`kernel::queue`](inkle_core::queue), which has a table of its own |
//! | several to wait for at once | a [`Select`](inkle_core::select::Select) over their `…_async()` operations |
//! | work, not items | no queue: an [executor](crate::concurrent) |
//!
//! ```
//! use inkle::queue::Queue;
//! use inkle::threading;
//!
//! let lines = Queue::bounded(64)?;
//! let from = lines.clone();
//! let counts = threading::spawn(move || from.iter().map(|line: &str| line.len()).sum::<usize>())?;
//! for line in ["over", "under", "over"] {
//!     lines.put(line)?;
//! }
//! lines.shutdown(inkle::queue::Shutdown::Graceful);
//! assert_eq!(counts.join().unwrap(), 13);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which lock?
//!
//! | what for | take |
//! |---|---|
//! | data that threads change | [`Mutex`](crate::threading::Mutex); mostly read: [`RwLock`](crate::threading::RwLock) |
//! | a part of the program, as `with lock:` | [`Lock`](crate::threading::Lock); entered again by the same thread: [`RLock`](crate::threading::RLock) |
//! | "until something is so" | [`Condition`](crate::threading::Condition) with its `wait_for` |
//! | "it has happened", for all and for good | [`Event`](crate::threading::Event); "so many have": [`Latch`](crate::threading::Latch) |
//! | at most so many at a time | [`Semaphore`](crate::threading::Semaphore) |
//! | all come, then all go on | [`Barrier`](crate::threading::Barrier) |
//! | a value that is made once | [`Once`](crate::threading::Once); by somebody else: [`Promise`](crate::threading::Promise) |
//! | "stop, all of you, for this reason" | [`CancelToken`] and its children |
//! | between processes | the same names in `multiprocessing`: whoever dies with a lock is noticed |
//!
//! All are a few words, need no allocation and may be a `static`. With the feature `diagnose` they tell who holds and who
//! waits, and report locks that are taken in a circle.
//!
//! ```
//! use inkle::threading::Mutex;
//!
//! static SHUTTLES: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//!
//! SHUTTLES.lock().push(7);
//! assert_eq!(SHUTTLES.lock().len(), 1);
//! ```
//!
//! # Which executor?
//!
//! | work | take |
//! |---|---|
//! | that waits: files, network | [`ThreadPoolExecutor`](crate::concurrent::ThreadPoolExecutor) with as many threads as there may be waits |
//! | that computes, in pieces that can be halved | its [`join`](crate::concurrent::ThreadPoolExecutor::join), [`for_each`](crate::concurrent::ThreadPoolExecutor::for_each), [`map_vec`](crate::concurrent::ThreadPoolExecutor::map_vec): they borrow and allocate nothing |
//! | tasks that borrow | its [`scope`](crate::concurrent::ThreadPoolExecutor::scope) |
//! | that may crash, leak or hang | `multiprocessing::ProcessPoolExecutor`: a process is killed and replaced, one job is lost and named |
//! | more than a machine can do | `remote::RemoteExecutor`: the same `submit_fn` |
//! | none of that, in a test | [`Inline`](crate::concurrent::Inline) |
//!
//! Their futures are of one type: [`wait`](crate::concurrent::wait) and
//! [`as_completed`](crate::concurrent::as_completed) take those of several executors at once.
//!
//! # Blocking and async
//!
//! Nothing here has or needs a runtime. An `…_async()` call is a future that any runtime may poll; dropped, it has
//! taken and given nothing. [`Future`](crate::concurrent::Future)s of executors can be awaited, too, and so can the end of
//! a child process. The other way round, a blocking call in a task of a runtime blocks its thread, as everywhere.
//!
//! # The end of a program
//!
//! When `main` returns, threads that are no daemons are waited for, as in Python: first the hooks of
//! [`at_exit`](crate::threading::at_exit) are called, newest first, executors finish what they have, and daemon
//! processes are asked to end. [`set_exit_timeout`](crate::threading::set_exit_timeout) limits that;
//! [`shutdown`](crate::threading::shutdown) does it at a place of your choice, and reports who was left. A panic in
//! `main` changes none of it. `std::process::exit` does the same; `abort` and signals do nothing of it, and then the
//! processes of `multiprocessing` notice that their parent is gone, and end.
//!
//! # Processes
//!
//! A child is this program again, which does not come to `main` but calls the function that it was given: so there is
//! nothing to guard in `main`, and nothing is inherited but what is sent. Functions are places in the program (no captures),
//! arguments and results are written by `serde`. Large data goes by `multiprocessing::memory`, of which only the
//! handle is sent.
//!
//! # Contexts
//!
//! A [`ContextVar`](crate::contextvars::ContextVar) has a value for the work at hand. Threads, timers, tasks of pools
//! and callbacks begin with a copy of the context of whoever started them; what they set, they set for
//! themselves. A future of a runtime takes one along with
//! [`with_context`](crate::contextvars::FutureExt::with_context). Variables that are marked so travel to other processes and
//! machines.
//!
//! ```
//! use inkle::concurrent::{Spawn, ThreadPoolExecutor};
//! use inkle::contextvars::ContextVar;
//!
//! static REQUEST: ContextVar<u64> = ContextVar::new("request");
//!
//! let executor = ThreadPoolExecutor::new(1)?;
//! let _ = REQUEST.set(7);
//! let task = executor.submit(|| REQUEST.get().ok())?;
//! let _ = REQUEST.set(8);
//! assert_eq!(task.join()?, Some(7), "as it was when the task was submitted");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Another ground
//!
//! The kernel asks its [`Platform`](inkle_core::platform::Platform) for a clock, to sleep while a word has a value, to wake
//! who sleeps there, who is calling, and how long to spin. [`platform`](crate::platform) has the grounds of threads and of
//! processes. A port of one's own is one `impl`; this one would do wherever there are locks and condition variables:
//!
//! ```
//! use std::sync::{Condvar, LazyLock, Mutex};
//! use std::time::{Duration, Instant};
//!
//! use inkle::kernel::atomic::{AtomicU32, Ordering};
//! use inkle::kernel::channel::Channel;
//! use inkle::kernel::platform::{Deadline, Platform, Wake};
//! use inkle::kernel::queue::word::WordRing;
//!
//! struct Ported;
//!
//! static SLEEP: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
//!
//! impl Platform for Ported {
//!     fn now() -> u64 {
//!         static START: LazyLock<Instant> = LazyLock::new(Instant::now);
//!         START.elapsed().as_nanos() as u64
//!     }
//!     // Compares and falls asleep in one step: whoever wakes takes the lock as well.
//!     fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
//!         let mut here = SLEEP.0.lock().unwrap();
//!         while word.load(Ordering::Relaxed) == expected {
//!             if deadline.has_passed::<Self>() {
//!                 return Wake::TimedOut;
//!             }
//!             let left = deadline.nanos().map_or(u64::MAX, |at| at.saturating_sub(Self::now()));
//!             let left = Duration::from_nanos(left).min(Duration::from_secs(3600));
//!             here = SLEEP.1.wait_timeout(here, left).unwrap().0;
//!         }
//!         Wake::Woken
//!     }
//!     fn wake(_word: *const AtomicU32, _count: u32) {
//!         drop(SLEEP.0.lock());
//!         SLEEP.1.notify_all();
//!     }
//!     fn current() -> usize {
//!         thread_local!(static HERE: u8 = const { 0 });
//!         HERE.with(|here| std::ptr::from_ref(here) as usize)
//!     }
//!     fn relax(_round: u32) -> bool {
//!         false
//!     }
//! }
//!
//! // No allocation, and every type of the kernel stands on it.
//! static KEYS: Channel<WordRing<u8, 16>, Ported> = Channel::new(WordRing::new());
//!
//! std::thread::spawn(|| KEYS.put(b'w').unwrap());
//! assert_eq!(KEYS.get(), Ok(b'w'));
//! ```
//!
//! # Models
//!
//! The kernel's own interleavings are explored by the models of `loom-tests`. Code that stands on the kernel and is generic
//! over its ground can be explored in the same way:
//! [models of your own](inkle_core#models-of-your-own). The modules of this crate cannot: they start threads and processes.

#[cfg(doc)]
use crate::{
    concurrent, contextvars, platform::Deadline, queue, sched, thread, threading,
    threading::CancelToken,
};
