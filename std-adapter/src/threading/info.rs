//! What is known of a thread, for as long as somebody wants to know it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock};

use super::{Event, locked};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Main,
    Started,
    Dummy,
}

/// It outlives the thread for as long as somebody holds it.
pub(super) struct Record {
    pub(super) ident: u64,
    pub(super) name: Mutex<String>,
    pub(super) origin: Origin,
    pub(super) daemon: bool,
    /// Set by the thread itself.
    pub(super) native: OnceLock<Option<u64>>,
    pub(super) ended: Event,
}

impl Record {
    pub(super) fn new(ident: u64, name: String, origin: Origin, daemon: bool) -> Arc<Self> {
        let (native, ended) = (OnceLock::new(), Event::new());
        Arc::new(Self { ident, name: Mutex::new(name), origin, daemon, native, ended })
    }
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
    pub(super) record: Arc<Record>,
}

impl ThreadInfo {
    /// The name it has now: the one it was given, or `Thread-N`. A copy, because
    /// [`set_name`](super::set_name) can change it. Names may repeat and mean nothing. (TH020, TH029)
    #[must_use]
    pub fn name(&self) -> String {
        locked(&self.record.name).clone()
    }

    /// The thread's number in this process: not 0, and never used again. (TH030)
    #[must_use]
    pub fn ident(&self) -> u64 {
        self.record.ident
    }

    /// The kernel's number of the thread, on Linux; used again some time after its end. `None` on
    /// other systems. (TH030)
    #[must_use]
    pub fn native_id(&self) -> Option<u64> {
        self.record.native.get().copied().flatten()
    }

    /// Whether the thread has not ended: a snapshot. True from just before its start. (TH028)
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.record.ended.is_set()
    }

    /// Whether it is the process's first thread. (TH004)
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.record.origin == Origin::Main
    }

    /// Whether the end of the process does not wait for it. The main thread is none, a thread that
    /// this crate did not start is one, all others are what their [`Builder`](super::Builder) said.
    /// (TH002, TH021)
    ///
    /// ```
    /// use inkle::threading::{self, Builder};
    ///
    /// assert!(!threading::main_thread().is_daemon());
    /// let daemon = Builder::new().daemon(true).spawn(threading::current).unwrap();
    /// assert!(daemon.join().unwrap().is_daemon());
    /// ```
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.record.daemon
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
    #[must_use]
    pub fn is_dummy(&self) -> bool {
        self.record.origin == Origin::Dummy
    }

    pub(crate) fn ended(&self) -> &Event {
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
            .field("daemon", &self.is_daemon())
            .finish()
    }
}
