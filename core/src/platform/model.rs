//! The ground under loom: a futex table, a clock that stands still, early returns by budget.
//!
//! The table is guarded by loom's mutex, which gives what a kernel's futex gives: comparing and
//! falling asleep are one step against every wake. In the exact tier that mutex orders nothing
//! beyond this ([`unordered`]), so the kernel's own orderings have to carry its messages.
//!
//! Compiled for models only: so it has what the kernel has not, an allocator and `unwrap`.

extern crate std;

use core::cell::Cell;
use std::sync::Arc;
use std::vec::Vec;

use loom::sync::{Condvar, Mutex, MutexGuard};

use super::{Deadline, Platform, Wake};
use crate::atomic::{AtomicU32, Step, tell};

/// What the clock always says.
const NOW: u64 = 1_000;

/// What an execution has of its own. Loom runs all its threads on one of the system's, so tests that run side
/// by side do not meet here. No loom objects: their changes are no scheduling points, and each depends only
/// on choices that loom has made.
struct Own {
    /// How many more sleeps of this execution may end early.
    early_returns: Cell<usize>,
    /// Whether every sleep with a finite deadline ends early.
    time_passes: Cell<bool>,
    /// Numbers for `current`, anew in each execution.
    next_thread: Cell<usize>,
}

std::thread_local! {
    static OWN: Own = const {
        Own { early_returns: Cell::new(0), time_passes: Cell::new(false), next_thread: Cell::new(1) }
    };
}

fn early_returns() -> usize {
    OWN.with(|own| own.early_returns.get())
}

fn use_early_return() {
    OWN.with(|own| own.early_returns.set(own.early_returns.get() - 1));
}

/// The model checker's ground: threads of loom sleep and wake on it, and a wake-up that is lost is a
/// deadlock, which loom reports. Only with `cfg(inkle_loom)`; a model calls [`begin`](Self::begin) first.
///
/// The clock stands still. Deadlines and wake-ups for no reason are choices that are explored, within a
/// budget: see [`early_returns`](Self::early_returns).
#[derive(Debug)]
pub struct Loom;

impl Loom {
    /// A deadline that has not passed at the start and may pass while the caller sleeps, as often as
    /// [`early_returns`](Self::early_returns) allows.
    pub const SOON: Deadline = Deadline::at(2 * NOW);

    /// To be called at the start of each execution, before a thread is spawned: no sleep ends early.
    pub fn begin() {
        OWN.with(|own| {
            own.early_returns.set(0);
            own.time_passes.set(false);
            own.next_thread.set(1);
        });
        // Made here, before any thread is spawned: made later it would order its maker before all
        // others who use it.
        drop(TABLE.lock());
    }

    /// Allows `n` sleeps of this execution to end early: a sleep with a finite deadline times out, one
    /// without wakes for no reason. Whether and where is explored.
    pub fn early_returns(n: usize) {
        OWN.with(|own| own.early_returns.set(n));
    }

    /// From now on every sleep with a finite deadline times out, without a choice.
    pub fn time_passes() {
        OWN.with(|own| own.time_passes.set(true));
    }

    /// Returns when `n` threads are asleep.
    pub fn until_asleep(n: usize) {
        while unordered(|| table().len()) < n {
            loom::thread::yield_now();
        }
    }
}

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
    static THREAD: usize = OWN.with(|own| own.next_thread.replace(own.next_thread.get() + 1));
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
        if early_returns() > 0 {
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
    if early_returns() > 0 && loom::choose() {
        use_early_return();
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
        if early_returns() > 0 {
            use_early_return();
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
        unordered(|| {
            let table = table();
            // Under the lock: it sees every change that came before a `wake` that did not see us, as
            // in a kernel.
            if word.peek() != expected {
                return Wake::Woken;
            }
            let passes = OWN.with(|own| own.time_passes.get()) && deadline != Deadline::NEVER;
            if passes || deadline.has_passed::<Self>() {
                return Wake::TimedOut;
            }
            tell(Step::Sleeps(&raw const *word as usize));
            match (sleep(table, word), deadline) {
                (Sleep::EndedEarly, deadline) if deadline != Deadline::NEVER => Wake::TimedOut,
                _ => Wake::Woken,
            }
        })
    }

    fn wake(word: *const AtomicU32, count: u32) {
        tell(Step::Wakes(word as usize));
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
