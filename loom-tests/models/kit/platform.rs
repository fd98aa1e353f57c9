//! The ground under loom: a futex table, a clock that stands still, early returns by budget.
//!
//! The table is guarded by loom's mutex, which gives what a kernel's futex gives: comparing and
//! falling asleep are one step against every wake. In the exact tier that mutex orders nothing
//! beyond this ([`unordered`]), so the kernel's own orderings have to carry its messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::platform::{Deadline, Wake};
use inkle_core::robust::{Life, Mortal};
use loom::sync::{Condvar, Mutex, MutexGuard};

use super::{death, picture};

/// What the clock always says.
const NOW: u64 = 1_000;

/// A deadline that has not passed at the start and may pass while the caller sleeps, as often as
/// [`timeouts`] allows.
pub const SOON: Deadline = Deadline::at(2 * NOW);

/// How many more sleeps of this execution may end early. Not a loom object: its changes are no
/// scheduling points, and each depends only on choices that loom has made.
static EARLY_RETURNS: AtomicUsize = AtomicUsize::new(0);

/// Whether every sleep with a finite deadline ends early.
static TIME_PASSES: AtomicBool = AtomicBool::new(false);

/// Numbers for `current`, anew in each execution.
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(1);

/// Allows `n` sleeps of this execution to end early: a sleep with a finite deadline times out, one
/// without wakes for no reason. Whether and where is explored. Called at the start of a body.
pub fn timeouts(n: usize) {
    EARLY_RETURNS.store(n, Relaxed);
}

/// From now on every sleep with a finite deadline times out, without a choice.
pub fn time_passes() {
    TIME_PASSES.store(true, Relaxed);
}

/// Returns when `n` threads are asleep.
pub fn until_asleep(n: usize) {
    while unordered(|| table().len()) < n {
        loom::thread::yield_now();
    }
}

/// Called by the kit before each execution.
pub(super) fn start() {
    EARLY_RETURNS.store(0, Relaxed);
    TIME_PASSES.store(false, Relaxed);
    NEXT_THREAD.store(1, Relaxed);
    death::start();
    // Made here, before any thread is spawned: made later it would order its maker before all
    // others who use it.
    drop(TABLE.lock());
}

/// The model checker's ground.
#[derive(Debug)]
pub struct Loom;

/// One who sleeps, or is about to.
struct Sleeper {
    word: usize,
    bell: Arc<Bell>,
}

loom::lazy_static! {
    /// Who sleeps, in the order of falling asleep.
    static ref TABLE: Mutex<Vec<Sleeper>> = Mutex::new(Vec::new());
}

loom::thread_local! {
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Relaxed);
}

/// What wakes one sleeper.
enum Bell {
    Condvar(Condvar),
    /// The one choice that the stock loom offers: it may come back for no reason, once.
    #[cfg(not(inkle_exact))]
    Notify(loom::sync::Notify),
}

impl Bell {
    fn new() -> Self {
        #[cfg(not(inkle_exact))]
        if EARLY_RETURNS.load(Relaxed) > 0 {
            return Self::Notify(loom::sync::Notify::new());
        }
        Self::Condvar(Condvar::new())
    }

    /// Gives the table back, waits, and takes it again.
    fn wait(&self, table: Table) -> Table {
        match self {
            Self::Condvar(condvar) => condvar.wait(table).unwrap(),
            #[cfg(not(inkle_exact))]
            Self::Notify(notify) => {
                drop(table);
                notify.wait();
                self::table()
            }
        }
    }

    fn ring(&self) {
        match self {
            Self::Condvar(condvar) => condvar.notify_one(),
            #[cfg(not(inkle_exact))]
            Self::Notify(notify) => notify.notify(),
        }
    }
}

type Table = MutexGuard<'static, Vec<Sleeper>>;

fn table() -> Table {
    TABLE.lock().unwrap()
}

/// How a sleep ended.
enum Sleep {
    Woken,
    EndedEarly,
}

/// Whether nobody has woken the sleeper with this bell yet.
fn is_asleep(table: &Table, bell: &Arc<Bell>) -> bool {
    table.iter().any(|sleeper| Arc::ptr_eq(&sleeper.bell, bell))
}

/// Takes the sleeper with this bell out, if it is still there.
fn leave(table: &mut Table, bell: &Arc<Bell>) {
    table.retain(|sleeper| !Arc::ptr_eq(&sleeper.bell, bell));
}

/// Falls asleep on `word`: gives the table back and takes it again when the sleep has ended.
fn sleep(mut table: Table, word: &AtomicU32) -> Sleep {
    let bell = Arc::new(Bell::new());
    table.push(Sleeper { word: &raw const *word as usize, bell: bell.clone() });
    // The exact tier has a choice operator. Between the choice and the end others may run, and even
    // wake us: a platform may spend a wake-up on a sleeper whose deadline passes at that moment.
    #[cfg(inkle_exact)]
    if EARLY_RETURNS.load(Relaxed) > 0 && loom::choose() {
        EARLY_RETURNS.fetch_sub(1, Relaxed);
        drop(table);
        leave(&mut self::table(), &bell);
        return Sleep::EndedEarly;
    }
    loop {
        table = bell.wait(table);
        if !is_asleep(&table, &bell) {
            return Sleep::Woken;
        }
        // A bell of the stock loom that came back for no reason. Somebody else may have spent the
        // budget meanwhile; then we sleep on.
        #[cfg(not(inkle_exact))]
        if EARLY_RETURNS.load(Relaxed) > 0 {
            EARLY_RETURNS.fetch_sub(1, Relaxed);
            leave(&mut table, &bell);
            return Sleep::EndedEarly;
        }
    }
}

/// Runs one operation on the table. What its lock tells the caller limits what the caller may read
/// afterwards, but is no happens-before: a futex does not promise any.
#[cfg(inkle_exact)]
use loom::unordered;

/// Runs one operation on the table. The stock loom cannot take the happens-before of its lock away.
#[cfg(not(inkle_exact))]
fn unordered<R>(operation: impl FnOnce() -> R) -> R {
    operation()
}

impl Platform for Loom {
    fn now() -> u64 {
        NOW
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        death::step();
        unordered(|| {
            let table = table();
            // Relaxed, under the lock: sees every change that came before a `wake` that did not see
            // us, as in a kernel.
            if death::in_one_step(|| word.load(Ordering::Relaxed)) != expected {
                return Wake::Woken;
            }
            let passes = TIME_PASSES.load(Relaxed) && deadline != Deadline::NEVER;
            if passes || deadline.has_passed::<Self>() {
                return Wake::TimedOut;
            }
            picture::sleeps(&raw const *word as usize);
            match (sleep(table, word), deadline) {
                (Sleep::EndedEarly, deadline) if deadline != Deadline::NEVER => Wake::TimedOut,
                _ => Wake::Woken,
            }
        })
    }

    fn wake(word: *const AtomicU32, count: u32) {
        death::step();
        picture::wakes(word as usize);
        unordered(|| {
            let mut left = count;
            table().retain(|sleeper| {
                if left == 0 || sleeper.word != word as usize {
                    return true;
                }
                left -= 1;
                sleeper.bell.ring();
                false
            });
        });
    }

    fn current() -> usize {
        THREAD.with(|number| *number)
    }

    fn relax(_round: u32) -> bool {
        false
    }
}

/// Each thread is a process of its own.
impl Mortal for Loom {
    fn life() -> Life {
        Life::new(Self::current() as u32).expect("few threads")
    }

    fn is_alive(life: Life) -> bool {
        !death::is_dead(life.bits() as usize)
    }
}

/// The ground without its fences, as light as an asymmetric barrier makes one side: what they order
/// besides must not be missed. Only for models that know that the waiter has been counted.
pub struct Unfenced;

impl Platform for Unfenced {
    fn now() -> u64 {
        Loom::now()
    }
    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        Loom::wait(word, expected, deadline)
    }
    fn wake(word: *const AtomicU32, count: u32) {
        Loom::wake(word, count);
    }
    fn current() -> usize {
        Loom::current()
    }
    fn relax(round: u32) -> bool {
        Loom::relax(round)
    }
    fn light_fence() {}
    fn heavy_fence() {}
}
