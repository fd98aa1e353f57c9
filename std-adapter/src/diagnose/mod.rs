//! Who holds, who waits, for how long, and which locks are taken in two orders. With the feature
//! `diagnose`; without it nothing of this exists and nothing is paid for it.
//!
//! [`dump`] shows every [`Lock`](crate::threading::Lock), [`Mutex`](crate::threading::Mutex),
//! [`RLock`](crate::threading::RLock) and [`RwLock`](crate::threading::RwLock) that is held now, with the
//! thread and the place in the source (each reader of a read-write lock is a holder), and every thread
//! that sleeps, for a lock or for anything else.
//!
//! A thread that holds one lock and asks for another has chosen an order of the two. If somebody has ever
//! chosen the other order, or if three and more make a circle, then those threads can wait for each other
//! for ever one day, even if they did not today: that is reported at once, once, with the places (see
//! [`on_cycle`]). A lock that a thread already holds and asks for again is such a circle by itself. A try
//! that would not have waited chooses no order. Reading counts as holding: who reads shuts writers out, and
//! a writer that waits shuts out other readers.
//!
//! ```
//! use inkle::diagnose;
//! use inkle::threading::Lock;
//!
//! static LOOM: Lock = Lock::new();
//!
//! let guard = LOOM.guard();
//! let dump = diagnose::dump();
//! assert!(dump.held().iter().any(|held| held.place().file().ends_with(".rs")));
//! drop(guard);
//! println!("{dump}");
//! ```

mod order;

use std::fmt;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use inkle_core::platform::Step;

use order::Orders;
pub use order::{Cycle, Link};

/// A place in the source.
type Place = &'static Location<'static>;

static WATCH: Mutex<Watch> =
    Mutex::new(Watch { held: Vec::new(), waiting: Vec::new(), orders: Orders::new() });

struct Watch {
    held: Vec<Held>,
    waiting: Vec<Waiting>,
    orders: Orders,
}

/// No code of a user runs under it, so it is never left half-changed.
fn watch() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Held {
    lock: usize,
    thread: Thread,
    place: Place,
    since: Instant,
}

impl Held {
    /// The lock's address: a name for it.
    #[must_use]
    pub fn lock(&self) -> usize {
        self.lock
    }

    /// The thread that acquired it. (Any thread may release it.)
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Where it was acquired.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// For how long it has been held.
    #[must_use]
    pub fn held_for(&self) -> Duration {
        self.since.elapsed()
    }
}

/// A thread that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    word: usize,
    thread: Thread,
    place: Option<Place>,
    since: Instant,
}

impl Waiting {
    /// The address of what it waits for; that of the lock if it is one.
    #[must_use]
    pub fn address(&self) -> usize {
        self.word
    }

    /// The thread.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Where it asked for the lock; `None` if it waits for something else than a lock.
    #[must_use]
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.place
    }

    /// For how long it has waited.
    #[must_use]
    pub fn waited_for(&self) -> Duration {
        self.since.elapsed()
    }
}

/// What was held and who waited at one moment; `{}` prints a line for each.
#[derive(Clone, Debug)]
pub struct Dump {
    held: Vec<Held>,
    waiting: Vec<Waiting>,
}

impl Dump {
    /// The locks that were held, in the order in which they were acquired.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The threads that waited, longest first.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Held { lock, thread, place, since } in &self.held {
            let time = since.elapsed();
            writeln!(f, "{lock:#x} held by {} for {time:.1?}, from {place}", name(thread))?;
        }
        for Waiting { word, thread, place, since } in &self.waiting {
            write!(f, "{} waits for {word:#x} for {:.1?}", name(thread), since.elapsed())?;
            match place {
                Some(place) => writeln!(f, ", at {place}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

fn name(thread: &Thread) -> &str {
    thread.name().unwrap_or("a thread without a name")
}

/// Who holds and who waits now. Takes a short lock of its own.
#[must_use]
pub fn dump() -> Dump {
    let watch = watch();
    Dump { held: watch.held.clone(), waiting: watch.waiting.clone() }
}

/// Calls `hook` for every circle found from now on, instead of printing it on stderr. It runs in the
/// thread that closed the circle, before that waits, and may use locks itself.
///
/// ```
/// inkle::diagnose::on_cycle(|cycle| panic!("{cycle}"));
/// ```
pub fn on_cycle(hook: fn(&Cycle)) {
    *HOOK.lock().unwrap_or_else(PoisonError::into_inner) = hook;
}

static HOOK: Mutex<fn(&Cycle)> = Mutex::new(|cycle| eprintln!("{cycle}"));

/// What locks tell: see [`Platform::watch`](inkle_core::Platform::watch).
pub(crate) fn step(lock: *const (), step: Step, place: Place) {
    let (lock, thread) = (lock as usize, thread::current());
    let cycle = watch().step(lock, step, place, thread);
    if let Some(cycle) = cycle {
        let hook = *HOOK.lock().unwrap_or_else(PoisonError::into_inner);
        hook(&cycle);
    }
}

/// Notes that the thread sleeps on a word, until this is dropped. A lock that it waits for is noted
/// already, with the place.
pub(crate) fn asleep(word: usize) -> impl Drop {
    struct Asleep(Option<thread::ThreadId>);
    impl Drop for Asleep {
        fn drop(&mut self) {
            if let Some(thread) = self.0 {
                watch().stops_waiting(thread);
            }
        }
    }
    let thread = thread::current();
    let mut watch = watch();
    if watch.waiting.iter().any(|waiting| waiting.thread.id() == thread.id()) {
        return Asleep(None);
    }
    let id = thread.id();
    watch.waiting.push(Waiting { word, thread, place: None, since: Instant::now() });
    Asleep(Some(id))
}

impl Watch {
    fn step(&mut self, lock: usize, step: Step, place: Place, thread: Thread) -> Option<Cycle> {
        let since = Instant::now();
        match step {
            Step::Waits => {
                let cycle = self.chooses(lock, place, &thread);
                self.waiting.push(Waiting { word: lock, thread, place: Some(place), since });
                return cycle;
            }
            Step::GaveUp => self.stops_waiting(thread.id()),
            Step::Acquired => {
                self.stops_waiting(thread.id());
                let cycle = self.chooses(lock, place, &thread);
                self.held.push(Held { lock, thread, place, since });
                return cycle;
            }
            Step::Tried => self.held.push(Held { lock, thread, place, since }),
            Step::Released => {
                // Its own first: a lock that several may hold at once has several entries.
                let is = |held: &Held, by: bool| {
                    held.lock == lock && (!by || held.thread.id() == thread.id())
                };
                let own = self.held.iter().rposition(|held| is(held, true));
                let place = own.or_else(|| self.held.iter().rposition(|held| is(held, false)));
                place.map(|place| self.held.remove(place));
            }
            Step::Dropped => {
                self.held.retain(|held| held.lock != lock);
                self.orders.forget(lock);
            }
        }
        None
    }

    fn stops_waiting(&mut self, thread: thread::ThreadId) {
        self.waiting.retain(|waiting| waiting.thread.id() != thread);
    }

    /// The thread asks for `lock` and holds what it holds.
    fn chooses(&mut self, lock: usize, place: Place, thread: &Thread) -> Option<Cycle> {
        let Self { held, orders, .. } = self;
        let held = held.iter().filter(|held| held.thread.id() == thread.id());
        held.filter_map(|held| orders.add(held.lock, held.place, lock, place, thread)).last()
    }
}
