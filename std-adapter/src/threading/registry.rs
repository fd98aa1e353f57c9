//! Who is alive: the list of threads, and who the caller is.
//!
//! A thread is on the list from just before the system is asked to start it until the last of its
//! thread-local values is gone. Threads that this crate did not start join the list when they ask
//! who they are.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::process;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Event, locked};
use crate::os;

/// The main thread's ident; the others are counted from here.
const MAIN: u64 = 1;

/// Whether `os::native_id` is the kernel's own number; elsewhere it is one of ours.
const KERNEL_IDS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { last_ident: MAIN, last_name: 0, live: BTreeMap::new() });

struct Registry {
    last_ident: u64,
    last_name: u64,
    /// Everybody but the main thread, oldest first.
    live: BTreeMap<u64, Arc<Record>>,
}

impl Registry {
    fn new_ident(&mut self) -> u64 {
        self.last_ident += 1;
        self.last_ident
    }

    /// `Thread-1`, `Thread-2`, `Dummy-3`: one count for all, as in Python. (TH020)
    fn new_name(&mut self, prefix: &str) -> String {
        self.last_name += 1;
        format!("{prefix}-{}", self.last_name)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Main,
    Started,
    Dummy,
}

/// What is known of a thread. It outlives the thread for as long as somebody holds it.
struct Record {
    ident: u64,
    name: String,
    origin: Origin,
    /// Set by the thread itself.
    native: OnceLock<Option<u64>>,
    ended: Event,
}

impl Record {
    fn new(ident: u64, name: String, origin: Origin) -> Arc<Self> {
        Arc::new(Self { ident, name, origin, native: OnceLock::new(), ended: Event::new() })
    }

    /// The calling thread, which somebody else started.
    fn dummy() -> Arc<Self> {
        let name = std::thread::current().name().map(str::to_owned);
        let name = name.unwrap_or_else(|| locked(&REGISTRY).new_name("Dummy"));
        let record = Self::new(get_ident(), name, Origin::Dummy);
        record.native.get_or_init(get_native_id);
        record
    }
}

/// A place on the list, given up when dropped.
pub(super) struct Registration {
    info: ThreadInfo,
}

impl Registration {
    /// A place for a thread that is about to be started.
    pub(super) fn starting(name: Option<String>) -> Self {
        let mut registry = locked(&REGISTRY);
        let name = name.unwrap_or_else(|| registry.new_name("Thread"));
        let record = Record::new(registry.new_ident(), name, Origin::Started);
        registry.live.insert(record.ident, Arc::clone(&record));
        Self { info: ThreadInfo { record } }
    }

    fn dummy() -> Self {
        let record = Record::dummy();
        locked(&REGISTRY).live.insert(record.ident, Arc::clone(&record));
        Self { info: ThreadInfo { record } }
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
        OWN.with(|own| {
            // Cannot be taken: the thread is new.
            let _ = own.set(self);
        });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Off the list before anybody can see the thread ended.
        locked(&REGISTRY).live.remove(&self.info.record.ident);
        self.info.record.ended.set();
    }
}

thread_local! {
    /// 0: not known yet. Has no destructor, so it can be asked to the very end.
    static IDENT: Cell<u64> = const { Cell::new(0) };

    static OWN: OnceCell<Registration> = const { OnceCell::new() };
}

/// Who a thread is: what can be known without its handle.
///
/// A value of its own: keep it, compare it, after the thread's end too. Two are equal if they mean
/// the same thread.
///
/// ```
/// use inkle::threading;
///
/// let me = threading::current();
/// assert!(me.is_alive());
/// assert!(threading::enumerate().contains(&me));
/// ```
#[derive(Clone)]
pub struct ThreadInfo {
    record: Arc<Record>,
}

impl ThreadInfo {
    /// The name it was given, or `Thread-N`. Names may repeat and mean nothing. (TH020, TH029)
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// The thread's number in this process: not 0, and never used again. (TH030)
    pub fn ident(&self) -> u64 {
        self.record.ident
    }

    /// The kernel's number of the thread, on Linux; used again some time after its end. `None` on
    /// other systems. (TH030)
    pub fn native_id(&self) -> Option<u64> {
        self.record.native.get().copied().flatten()
    }

    /// Whether the thread has not ended: a snapshot. True from just before its start. (TH028)
    pub fn is_alive(&self) -> bool {
        !self.record.ended.is_set()
    }

    /// Whether it is the process's first thread. (TH004)
    pub fn is_main(&self) -> bool {
        self.record.origin == Origin::Main
    }

    /// Whether somebody else than this crate started it, and it is not the main thread. (TH002)
    ///
    /// ```
    /// use inkle::threading;
    ///
    /// let foreign = std::thread::spawn(|| threading::current().is_dummy());
    /// assert!(foreign.join().unwrap());
    /// let ours = threading::spawn(|| threading::current().is_dummy()).unwrap();
    /// assert!(!ours.join().unwrap());
    /// ```
    pub fn is_dummy(&self) -> bool {
        self.record.origin == Origin::Dummy
    }

    pub(super) fn ended(&self) -> &Event {
        &self.record.ended
    }
}

impl PartialEq for ThreadInfo {
    fn eq(&self, other: &Self) -> bool {
        self.ident() == other.ident()
    }
}

impl Eq for ThreadInfo {}

impl Hash for ThreadInfo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ident().hash(state);
    }
}

impl fmt::Debug for ThreadInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadInfo")
            .field("name", &self.name())
            .field("ident", &self.ident())
            .field("native_id", &self.native_id())
            .field("alive", &self.is_alive())
            .finish()
    }
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
pub fn current() -> ThreadInfo {
    if get_ident() == MAIN {
        return main_thread();
    }
    OWN.try_with(|own| own.get_or_init(Registration::dummy).info.clone())
        // The thread is all but gone and off the list.
        .unwrap_or_else(|_| ThreadInfo { record: Record::dummy() })
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
        let record = Record::new(MAIN, "MainThread".to_owned(), Origin::Main);
        // The kernel gives a process the number of its first thread.
        record.native.get_or_init(|| KERNEL_IDS.then(|| u64::from(process::id())));
        ThreadInfo { record }
    });
    info.clone()
}

/// Whether the caller, which this crate did not start, is the process's first thread.
fn is_main() -> bool {
    if KERNEL_IDS {
        os::native_id() == u64::from(process::id())
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
pub fn active_count() -> usize {
    1 + locked(&REGISTRY).live.len()
}

/// How many threads started by this crate are alive or just starting. (LT010)
pub(crate) fn started_count() -> usize {
    let registry = locked(&REGISTRY);
    registry.live.values().filter(|record| record.origin == Origin::Started).count()
}
