//! Who this process is, who its parent, and who its children.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::{ChildProcess, helper};
use crate::platform::{Deadline, after};
use crate::threading::{after_joining, locked, no_thread_starts};

/// Alive, or not seen dead yet, oldest first.
static CHILDREN: Mutex<BTreeMap<u64, ChildProcess>> = Mutex::new(BTreeMap::new());

/// What the last child's name was made with. A number, and nothing goes with it: relaxed.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// What this process was told by the one that has started it; empty in one that this crate has not started.
static SELF: OnceLock<Myself> = OnceLock::new();

#[derive(Debug)]
struct Myself {
    me: ProcessInfo,
    parent: ProcessInfo,
    ancestry: Vec<u64>,
}

/// What can be said of this process and of its parent.
///
/// ```
/// use inkle::multiprocessing::{Process, ProcessInfo, current_process, parent_process};
///
/// fn names() -> (String, Option<String>) {
///     let parent = parent_process().map(|parent| parent.name().to_owned());
///     (current_process().name().to_owned(), parent)
/// }
///
/// let (name, parent) = Process::spawn(names, ()).unwrap().join().unwrap();
/// assert_eq!((name.as_str(), parent.as_deref()), ("Process-1", Some("MainProcess")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    name: String,
    pid: u32,
    daemon: bool,
}

impl ProcessInfo {
    /// Its name: the one it was given, or like `Process-1:2`; `MainProcess` if this crate has not started it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it was started as a daemon. (MP009)
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }
}

/// Who this process is. Does not block. (MP007)
///
/// ```
/// use inkle::multiprocessing::current_process;
///
/// assert_eq!(current_process().name(), "MainProcess");
/// assert_eq!(current_process().pid(), std::process::id());
/// ```
pub fn current_process() -> ProcessInfo {
    match SELF.get() {
        Some(myself) => myself.me.clone(),
        None => ProcessInfo { name: "MainProcess".to_owned(), pid: process::id(), daemon: false },
    }
}

/// Who has started this process; `None` if this crate has not. Does not block. (MP007)
///
/// ```
/// assert!(inkle::multiprocessing::parent_process().is_none());
/// ```
pub fn parent_process() -> Option<ProcessInfo> {
    SELF.get().map(|myself| myself.parent.clone())
}

/// The children that have not ended, oldest first. Takes a short lock. (MP007)
///
/// ```
/// assert!(inkle::multiprocessing::active_children().is_empty());
/// ```
pub fn active_children() -> Vec<ChildProcess> {
    let mut children: Vec<_> = locked(&CHILDREN).values().cloned().collect();
    // Not under the lock: who is seen dead leaves the list.
    children.retain(ChildProcess::is_alive);
    children
}

/// How many processors there are for this process. (MP007)
///
/// ```
/// assert!(inkle::multiprocessing::cpu_count().get() >= 1);
/// ```
#[must_use]
pub fn cpu_count() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// In a child, once, before anything else.
pub(in super::super) fn adopt(
    name: String,
    daemon: bool,
    ancestry: Vec<u64>,
    parent: (String, u32),
) {
    let me = ProcessInfo { name, pid: process::id(), daemon };
    // A child of a daemon is none.
    let parent = ProcessInfo { name: parent.0, pid: parent.1, daemon: false };
    // It is empty.
    let _ = SELF.set(Myself { me, parent, ancestry });
}

/// The numbers in the name of the next child.
pub(super) fn next_ancestry() -> Vec<u64> {
    let mut ancestry = SELF.get().map(|myself| myself.ancestry.clone()).unwrap_or_default();
    ancestry.push(COUNT.fetch_add(1, Ordering::Relaxed) + 1);
    ancestry
}

/// Its name without another: `Process-1:2`. (MP008)
pub(super) fn default_name(ancestry: &[u64]) -> String {
    let numbers: Vec<_> = ancestry.iter().map(u64::to_string).collect();
    format!("Process-{}", numbers.join(":"))
}

/// Whether this process may have children yet: not once it has begun to end.
pub(super) fn is_open() -> bool {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    *HOOKED.get_or_init(|| after_joining(at_end)) && !no_thread_starts()
}

pub(super) fn remember(child: &ChildProcess) {
    locked(&CHILDREN).insert(child.0.serial, child.clone());
}

pub(super) fn forget(serial: u64) {
    // A statement of its own: nothing is dropped under the lock.
    let child = locked(&CHILDREN).remove(&serial);
    drop(child);
}

/// For a daemon that handles SIGTERM to come to its end.
const GRACE: Duration = Duration::from_secs(5);

/// At the end of this process: asks daemons to end and waits for all. (MP015)
///
/// Those that are left then die with this process, as all do if it is killed.
fn at_end(deadline: Deadline) {
    // None is born any more.
    helper::stop();
    let children = active_children();
    let (daemons, others): (Vec<_>, Vec<_>) = children.iter().partition(|child| child.is_daemon());
    for child in &daemons {
        // An error: it is another user's by now, and is left.
        let _ = child.terminate();
    }
    let grace = deadline.min(after(GRACE));
    for child in &daemons {
        if child.wait_until(grace).is_err() {
            let _ = child.kill();
        }
    }
    for child in others {
        if child.wait_until(deadline).is_err() {
            return;
        }
    }
}
