//! Who is alive: the list of threads, and who the caller is.
//!
//! A thread is on the list from just before the system is asked to start it until the last of its
//! thread-local values is gone. Threads that this crate did not start join the list when they ask
//! who they are.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::process;
use std::sync::{Arc, Mutex, OnceLock};

use super::info::{Origin, Record, ThreadInfo};
use super::{NulInName, locked};
use crate::os;

/// The main thread's ident; the others are counted from here.
const MAIN: u64 = 1;

/// Whether `os::native_id` is the kernel's own number; elsewhere it is one of ours.
const KERNEL_IDS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { last_ident: MAIN, last_name: 0, closed: false, live: BTreeMap::new() });

struct Registry {
    last_ident: u64,
    last_name: u64,
    /// No thread starts any more.
    closed: bool,
    /// Everybody but the main thread, oldest first.
    live: BTreeMap<u64, Arc<Record>>,
}

impl Registry {
    fn new_ident(&mut self) -> u64 {
        self.last_ident += 1;
        self.last_ident
    }

    fn undaemonic(&self, caller: u64) -> impl Iterator<Item = ThreadInfo> {
        let waited = move |record: &&Arc<Record>| !record.daemon && record.ident != caller;
        self.live.values().filter(waited).map(|record| ThreadInfo { record: Arc::clone(record) })
    }

    /// `Thread-1`, `Thread-2 (weave)`, `Dummy-3`: one count for all, as in Python. (TH020)
    fn new_name(&mut self, prefix: &str, function: Option<&str>) -> String {
        self.last_name += 1;
        match function {
            Some(function) => format!("{prefix}-{} ({function})", self.last_name),
            None => format!("{prefix}-{}", self.last_name),
        }
    }
}

/// A place on the list, given up when dropped.
pub(super) struct Registration {
    info: ThreadInfo,
    /// Whether the thread is one that this crate has started and its function is not over.
    running: Cell<bool>,
}

impl Registration {
    /// A place for a thread that is about to be started, with a name or, for the default one, the
    /// name of its function. `None` if the end of the process has come too far.
    pub(super) fn starting(
        name: Option<&str>,
        function: Option<&str>,
        daemon: bool,
    ) -> Option<Self> {
        let mut registry = locked(&REGISTRY);
        if registry.closed {
            return None;
        }
        let name = name.map(str::to_owned).unwrap_or_else(|| registry.new_name("Thread", function));
        let record = Record::new(registry.new_ident(), name, Origin::Started, daemon);
        registry.live.insert(record.ident, Arc::clone(&record));
        Some(Self { info: ThreadInfo { record }, running: Cell::new(false) })
    }

    /// A place for the calling thread, which somebody else started.
    fn dummy() -> Self {
        let record = dummy_record();
        locked(&REGISTRY).live.insert(record.ident, Arc::clone(&record));
        Self { info: ThreadInfo { record }, running: Cell::new(false) }
    }

    pub(super) fn info(&self) -> &ThreadInfo {
        &self.info
    }

    /// Makes this the calling thread's own place, which it keeps to its end. To be called before
    /// anything else in the thread: thread-local values are destroyed newest first, so this one goes
    /// last and "ended" is true of everything that the thread's code could do.
    pub(super) fn settle(self) {
        self.info.record.native.get_or_init(get_native_id);
        IDENT.set(self.info.ident());
        self.running.set(true);
        OWN.with(|own| {
            // Cannot be taken: the thread is new.
            let _ = own.set(self);
        });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.running.get() {
            // The thread has called `exit`, which destroys its thread-local values before it ends
            // the process. The thread will not come back, but it has not ended either.
            return;
        }
        // Off the list before anybody can see the thread ended.
        locked(&REGISTRY).live.remove(&self.info.record.ident);
        self.info.record.ended.set();
    }
}

/// The calling thread's function, the one this crate started it with, is over.
pub(super) fn finish() {
    // An error would mean that thread-local values are gone while code of the thread still runs.
    let _ = OWN.try_with(|own| own.get().map(|own| own.running.set(false)));
}

fn dummy_record() -> Arc<Record> {
    let name = std::thread::current().name().map(str::to_owned);
    let name = name.unwrap_or_else(|| locked(&REGISTRY).new_name("Dummy", None));
    let record = Record::new(get_ident(), name, Origin::Dummy, true);
    record.native.get_or_init(get_native_id);
    record
}

thread_local! {
    /// 0: not known yet. Has no destructor, so it can be asked to the very end.
    static IDENT: Cell<u64> = const { Cell::new(0) };

    static OWN: OnceCell<Registration> = const { OnceCell::new() };
}

/// The calling thread's number in this process: not 0, never used again after its end, where
/// Python's is. Does not block for long: the first call of a thread takes a short lock. (TH005)
///
/// ```
/// use inkle::threading;
///
/// let here = threading::get_ident();
/// let there = threading::spawn(threading::get_ident).unwrap().join().unwrap();
/// assert_ne!(here, there);
/// ```
#[must_use]
pub fn get_ident() -> u64 {
    if IDENT.get() == 0 {
        IDENT.set(if is_main() { MAIN } else { locked(&REGISTRY).new_ident() });
    }
    IDENT.get()
}

/// The kernel's number of the calling thread, on Linux; `None` on other systems. Does not block.
/// (TH005)
///
/// ```
/// use inkle::threading;
///
/// assert_eq!(threading::get_native_id(), threading::current().native_id());
/// ```
pub fn get_native_id() -> Option<u64> {
    KERNEL_IDS.then(os::native_id)
}

/// Who the caller is. A thread that this crate did not start gets an entry of its own, under the
/// name that the standard library knows, or `Dummy-N`; the entry goes when the thread ends. Does not
/// block for long: takes a short lock the first time. (TH002)
///
/// ```
/// use inkle::threading::{self, Builder};
///
/// let weaver = Builder::new().name("weaver").spawn(threading::current).unwrap();
/// let info = weaver.join().unwrap();
/// assert_eq!(info.name(), "weaver");
/// assert_eq!(info.ident(), weaver.ident());
/// ```
#[must_use]
pub fn current() -> ThreadInfo {
    if get_ident() == MAIN {
        return main_thread();
    }
    OWN.try_with(|own| own.get_or_init(Registration::dummy).info.clone()).unwrap_or_else(|_| {
        // Its thread-local values are gone. If it has called `exit` it is still on the list.
        let listed = locked(&REGISTRY).live.get(&get_ident()).cloned();
        ThreadInfo { record: listed.unwrap_or_else(dummy_record) }
    })
}

/// The calling thread's name. Puts nobody on the list.
#[cfg(feature = "timeline")]
pub(crate) fn name_here() -> String {
    if get_ident() == MAIN {
        return main_thread().name();
    }
    let own = OWN.try_with(|own| own.get().map(|own| own.info.name())).ok().flatten();
    let system = || std::thread::current().name().map(str::to_owned);
    own.or_else(system).unwrap_or_else(|| format!("thread {}", get_ident()))
}

/// Whether the caller is a daemon, and so what it starts is too unless told otherwise. Puts nobody on
/// the list. (TH021)
pub(super) fn is_daemon_here() -> bool {
    if get_ident() == MAIN {
        return false;
    }
    let own = OWN.try_with(|own| own.get().map(|own| own.info.is_daemon()));
    own.ok().flatten().unwrap_or(true)
}

/// Renames the calling thread: here, and for the system, which shows what it can (15 bytes on Linux;
/// nothing elsewhere). On Linux the main thread's name is what `ps` calls the process. Does not block
/// for long: takes a short lock. (TH029, LT010)
///
/// Another thread cannot be renamed: Python changes its object then, and the system's name stays.
///
/// Errors: [`NulInName`], and nothing is changed.
///
/// ```
/// use inkle::threading;
///
/// let thread = threading::spawn(|| {
///     threading::set_name("weaver").unwrap();
///     threading::current().name()
/// });
/// let thread = thread.unwrap();
/// assert_eq!(thread.join().unwrap(), "weaver");
/// assert_eq!(thread.name(), "weaver");
/// ```
pub fn set_name(name: impl Into<String>) -> Result<(), NulInName> {
    let name = name.into();
    NulInName::check(&name)?;
    os::set_thread_name(&name);
    *locked(&current().record.name) = name;
    Ok(())
}

/// The process's first thread, also after it has ended, also if it never called this crate. Does
/// not block. (TH004)
///
/// On Linux the kernel says which thread it is; elsewhere the standard library, which calls it
/// "main".
///
/// ```
/// use inkle::threading;
///
/// let main = threading::main_thread();
/// assert_eq!(main.name(), "MainThread");
/// assert!(main.is_main());
/// ```
pub fn main_thread() -> ThreadInfo {
    static INFO: OnceLock<ThreadInfo> = OnceLock::new();
    let info = INFO.get_or_init(|| {
        let record = Record::new(MAIN, "MainThread".to_owned(), Origin::Main, false);
        record.native.get_or_init(|| KERNEL_IDS.then(main_native_id));
        ThreadInfo { record }
    });
    info.clone()
}

/// The process, and the kernel's number of the thread that is the main one there although not its first.
static STANDS_IN: OnceLock<(u32, u64)> = OnceLock::new();

fn main_native_id() -> u64 {
    // The kernel gives a process the number of its first thread.
    let (process, first) = (process::id(), u64::from(process::id()));
    // A child made by a bare `fork` has a thread of its own.
    STANDS_IN.get().filter(|it| it.0 == process).map_or(first, |it| it.1)
}

/// Makes the calling thread the main one, where the process's first thread runs nothing of anybody's. To be called
/// before anything else of this module.
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) fn become_main() {
    // Nobody else does.
    let _ = STANDS_IN.set((process::id(), os::native_id()));
}

/// Whether the caller, which this crate did not start, is the process's first thread.
fn is_main() -> bool {
    if KERNEL_IDS {
        os::native_id() == main_native_id()
    } else {
        std::thread::current().name() == Some("main")
    }
}

/// Everybody alive or just starting, oldest first: the main thread always, the threads started by
/// this crate, and those of others that have called [`current`]. Takes a short lock. (TH003)
///
/// ```
/// use inkle::threading::{self, Event};
///
/// static GO: Event = Event::new();
///
/// let thread = threading::spawn(|| GO.wait()).unwrap();
/// assert!(threading::enumerate().iter().any(|info| info.ident() == thread.ident()));
/// GO.set();
/// thread.join().unwrap();
/// assert!(threading::enumerate().iter().all(|info| info.ident() != thread.ident()));
/// ```
#[must_use]
pub fn enumerate() -> Vec<ThreadInfo> {
    let main = main_thread();
    let registry = locked(&REGISTRY);
    let others = registry.live.values().map(|record| ThreadInfo { record: Arc::clone(record) });
    std::iter::once(main).chain(others).collect()
}

/// How many threads [`enumerate`] would list: a snapshot. Takes a short lock. (TH001)
///
/// ```
/// assert!(inkle::threading::active_count() >= 1, "the main thread counts");
/// ```
#[must_use]
pub fn active_count() -> usize {
    1 + locked(&REGISTRY).live.len()
}

/// How many threads started by this crate are alive or just starting. (LT010)
pub(crate) fn started_count() -> usize {
    let registry = locked(&REGISTRY);
    registry.live.values().filter(|record| record.origin == Origin::Started).count()
}

/// The oldest living thread that the end of the process waits for, except the calling one. Once there
/// is none, no thread starts any more. (EX001, EX005)
pub(super) fn next_to_join() -> Option<ThreadInfo> {
    let caller = get_ident();
    let mut registry = locked(&REGISTRY);
    let next = registry.undaemonic(caller).next();
    registry.closed |= next.is_none();
    next
}

/// Lets no thread start any more and says whom the end of the process leaves behind. (EX005)
pub(super) fn close() -> Vec<ThreadInfo> {
    let caller = get_ident();
    let mut registry = locked(&REGISTRY);
    registry.closed = true;
    registry.undaemonic(caller).collect()
}

/// Whether no thread starts any more.
pub(crate) fn is_closed() -> bool {
    locked(&REGISTRY).closed
}
