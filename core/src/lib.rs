//! # inkle-core
//!
//! One set of queues, event counts, channels and locks, made to run without an allocator on a
//! microcontroller, in a threaded application, in memory shared between processes, and under the
//! loom model checker: the same source in all four places.
//!
//! The crate is `no_std`, has no `alloc`, no reachable panic and no lock hidden inside. Whatever it
//! needs from the ground it stands on comes through one small trait, [`platform::Platform`].
//!
//! | floor | module | holds |
//! |---|---|---|
//! | 0 | [`atomic`] | the one door to atomics, cells, fences and spin hints |
//! | 1 | [`platform`] | what the kernel asks of the ground: a clock, sleep, wake; [`Deadline`] |
//! | 2 | [`event_count`], [`roster`] | sleep until something may have changed; who of a pool works and who sleeps |
//! | 3 | [`queue`], [`slab`], [`timer`], [`context`] | queues that answer at once, each with its progress guarantee; a timer wheel; context variables |
//! | 4 | [`sync`], [`channel`], [`operation`], [`select`], [`timer`] | locks and events; any queue made blocking and awaitable; what waits as a value; the first of several; timers on a clock, sleeps and timeouts |
//! | 5 | [`elastic`], [`fork`], [`robust`] | a queue that grows when it must; fork and join; locks, a barrier and a queue in shared memory that outlive whoever uses them |
//!
//! Three private parts of floor 2 hold a lock of one word (`word_lock`), what it guards (`locked`) and
//! those who wait (`waiting`). A file uses only floors below its own, but for floor 3, which is built up
//! from single words: the slab stands on [`queue::word`] and most queues on both.
//!
//! ## First steps
//!
//! Every type has a `const` constructor, so it can be a `static`:
//!
//! ```
//! use inkle_core::channel::Channel;
//! use inkle_core::platform::{NoBoard, Spin};
//! use inkle_core::queue::fifo::Fifo;
//!
//! static JOBS: Channel<Fifo<[u8; 16], 8>, Spin<NoBoard>> = Channel::new(Fifo::new());
//!
//! JOBS.put([7; 16]).unwrap();
//! assert_eq!(JOBS.get(), Ok([7; 16]));
//! ```
//!
//! ## How operations are named
//!
//! `get()` waits, `try_get()` never waits, `get_until(deadline)` waits until then and
//! `get_timeout(duration)` is its short form. A put that fails hands the item back inside the error.
//!
//! ## What it costs in memory
//!
//! Bytes of each type by itself (`size_of`), whatever platform it stands on.
//!
//! | type | 64-bit, padded | 64-bit, `compact` | 32-bit |
//! |---|---|---|---|
//! | `EventCount` | 8 | 8 | 8 |
//! | `Roster` | 256 | 16 | 12 |
//! | `Lock` | 24 | 24 | 12 |
//! | `RLock` | 40 | 40 | 20 |
//! | `Condition` | 24 | 24 | 16 |
//! | `Barrier` | 32 | 32 | 24 |
//! | `Event`, `Semaphore` | 32 | 32 | 20 |
//! | `BoundedSemaphore` | 40 | 40 | 24 |
//! | `CancelToken` | 40 | 40 | 24 |
//! | `Latch` | 32 | 32 | 20 |
//! | `Mutex<u32, P>` | 32 | 32 | 16 |
//! | `RwLock<u32, P>` | 64 | 64 | 40 |
//! | `Once<u32, P>`, `Promise<u32, P>` | 32 | 32 | 24 |
//! | `Outcome<u32, P>` | 40 | 40 | 24 |
//! | `WordRing<u8, 8>` | 384 | 80 | 40 |
//! | `WordRing<u8, 64>` | 768 | 528 | 264 |
//! | `Fifo<u64, 8>` | 896 | 224 | 144 |
//! | `Fifo<[u8; 64], 8>` | 1280 | 672 | 592 |
//! | `FastFifo<u64, 8>` | 512 | 152 | 144 |
//! | `FastFifo<[u8; 64], 8>` | 896 | 600 | 556 |
//! | `Heap<u64, 8, P>` | 168 | 168 | 168 |
//! | `Heap<[u8; 64], 8, P>` | 616 | 616 | 616 |
//! | `Levels<u64, 4, 8>` | 2176 | 472 | 272 |
//! | `Levels<[u8; 64], 4, 8>` | 2560 | 920 | 716 |
//! | `spsc::Ring<u64, 8>` | 384 | 96 | 80 |
//! | `spsc::Ring<[u8; 64], 8>` | 768 | 544 | 528 |
//! | `spsc::Overwriting<u64, 8>` | 512 | 208 | 144 |
//! | `spsc::Overwriting<[u8; 64], 8>` | 1024 | 768 | 704 |
//! | `Stack<u64, 8>` | 256 | 144 | 136 |
//! | `Stack<[u8; 64], 8>` | 768 | 560 | 552 |
//! | `steal::Deque<T, 8>` | 384 | 88 | 44 |
//! | `fork::Nest<P, 8>` | 512 | 104 | 56 |
//! | `Inbox<u64, 8>` | 384 | 152 | 144 |
//! | `Inbox<[u8; 64], 8>` | 896 | 568 | 556 |
//! | `Pool<8>` | 384 | 80 | 40 |
//! | `Slab<u64, 8>` | 512 | 208 | 168 |
//! | `Wheel<u32, 8>` | 1280 | 960 | 948 |
//! | `Wheel<u32, 8, Exact<3>>` | 1024 | 688 | 676 |
//! | `Wheel<u32, 8, Coarse>` | 1920 | 1640 | 1628 |
//! | `Timers<u32, 8, P>` | 1408 | 992 | 976 |
//! | `Channel<WordRing<u8, 8>, P>` | 640 | 160 | 92 |
//! | `Channel<Fifo<u64, 8>, P>` | 1152 | 304 | 200 |
//! | `Context` of `Slots<4>`, or of `Slots<8, 1>` | 152 | 152 | 84 |
//! | `context::Current` of `Slots<4>` | 160 | 160 | 88 |
//! | `ContextVar<u32, G>` | 32 | 32 | 20 |
//!
//! Flash, instructions an operation and the longest stretch with interrupts off, on a Cortex-M0 and a
//! Cortex-M3, beside the peers: `tests/firmware/COST.md` in the repository. To begin on such a chip:
//! `tests/firmware/examples/sensor.rs`.
//!
//! ## Features
//!
//! - `portable-atomic`, `atomic-polyfill`: what stands behind the [`atomic`] door.
//! - `watch`: locks tell the platform who acquires, holds and releases them, and where
//!   ([`Platform::watch`]). For diagnosis; without it they tell nothing and it costs nothing.
//! - `compact`: never pad against false sharing. Without it, 64-bit targets pad the two ends of a
//!   queue to 128 bytes each and all other targets pad nothing.
//! - `critical-section`: a board whose interrupts the `critical-section` crate keeps off; and on targets
//!   without compare-and-swap one critical section for each operation of a [`WordRing`] and of what
//!   stands on it, smaller and quicker there than an emulated exchange.
//!
//! ## Another ground
//!
//! To stand on another system takes one `impl` of [`Platform`]: a clock, sleep and wake on a word, a
//! number for the caller; its docs have the contract and one that spins. On another microcontroller a
//! [`Board`](platform::Board) of a few lines is enough, for the two grounds that are here. Neither has values, so nothing is
//! initialised.
//!
//! ## Models of your own
//!
//! A program that takes its atomics from [`atomic`] and is generic over its ground can be explored by the
//! [loom] model checker as the kernel itself is: with `RUSTFLAGS="--cfg inkle_loom"` this crate stands on loom, and there
//! is one ground more, `platform::Loom`, where threads are loom's, sleeps end early when a model allows it, and a wake-up
//! that is lost is a deadlock, which loom reports. Constructors are no `const fn` then.
//!
//! ```text
//! [target.'cfg(inkle_loom)'.dev-dependencies]
//! loom = "0.7"
//! ```
//!
//! ```ignore
//! use inkle_core::platform::Loom;
//!
//! #[test]
//! fn the_next_one_arrives() {
//!     loom::model(|| {
//!         Loom::begin();
//!         let gauge = Arc::new(Gauge::<Loom>::new());
//!         let other = Arc::clone(&gauge);
//!         let shows = loom::thread::spawn(move || other.show(7));
//!         assert_eq!(gauge.next(0, Deadline::NEVER), Some(Reading { number: 1, value: 7 }));
//!         shows.join().unwrap();
//!     });
//! }
//! ```
//!
//! The whole of it, with tests that run on threads as well and with a fault that is found, is `loom-tests/example` in the
//! repository. Loom has limits; what they are, and how the kernel's own models get around some, is in
//! `loom-tests/README.md`.
//!
//! [loom]: https://docs.rs/loom
//! [`WordRing`]: queue::word::WordRing
#![no_std]
#![warn(clippy::std_instead_of_core, clippy::alloc_instead_of_core)]

#[macro_use]
mod macros;

pub mod atomic;
pub mod channel;
pub mod context;
pub mod elastic;
pub mod error;
pub mod event_count;
pub mod fork;
mod locked;
pub mod operation;
mod pad;
pub mod platform;
pub mod queue;
#[cfg(any(target_has_atomic = "64", inkle_loom))]
pub mod robust;
pub mod roster;
pub mod select;
pub mod slab;
pub mod sync;
pub mod timer;
mod waiting;
mod watch;
mod word_lock;

// The examples' ground, which unit tests share, names the crate from outside.
#[cfg(test)]
extern crate self as inkle_core;

pub use error::{
    Cancelled, GetError, PopError, PushError, PutError, RescheduleError, ScheduleError, TimedOut,
    TooLate,
};
pub use platform::{Deadline, Platform};

/// The example of the package's own page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
