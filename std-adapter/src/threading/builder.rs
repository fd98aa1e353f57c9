//! What is to be said of a thread before it starts.

use super::{SpawnError, Thread, start};
use crate::contextvars::{Context, Inherited};

/// Starts a thread with a name of the form `Thread-N`; see [`Builder::spawn`]. (TH020, TH023)
///
/// Errors: [`SpawnError`], with the function.
///
/// ```
/// let thread = inkle::threading::spawn(|| 6 * 7).unwrap();
/// assert_eq!(thread.join().unwrap(), 42);
/// ```
pub fn spawn<T, F>(body: F) -> Result<Thread<T>, SpawnError<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(body)
}

/// How to start a thread. May be used several times.
///
/// A thread is started by the call that takes its function: there is no thread that has not started,
/// and none can be started twice (TH019, TH023, TH032).
///
/// ```
/// use inkle::threading::Builder;
///
/// let builder = Builder::new().name("weaver").stack_size(64 * 1024).daemon(true);
/// let thread = builder.spawn(|| ()).unwrap();
/// assert_eq!(thread.name(), "weaver");
/// thread.join().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder starts nothing before `spawn`"]
pub struct Builder {
    pub(super) name: Option<String>,
    pub(super) stack_size: usize,
    pub(super) daemon: Option<bool>,
    /// `None` is the starter's.
    pub(super) context: Option<Inherited>,
}

impl Builder {
    /// A thread with a name of the form `Thread-N`, a stack of the usual size, and a daemon if the
    /// thread that starts it is one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name, for people and debuggers. The system shows it too, cut to what it can show (15
    /// bytes on Linux).
    ///
    /// Without one, and each time anew, it is `Thread-N`, where N counts from 1 in the whole process,
    /// or `Thread-N (weave)` if the body is the function `weave` itself; a closure has no name.
    /// (TH020, TH029)
    ///
    /// ```
    /// use inkle::threading::{self, spawn};
    ///
    /// fn weave() {}
    ///
    /// assert!(spawn(weave).unwrap().name().ends_with(" (weave)"));
    /// assert!(!spawn(|| weave()).unwrap().name().contains("weave"));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The least size of the stack in bytes; the system may round it up. 0 is the usual size, see
    /// [`stack_size`](super::stack_size). (TH011)
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Whether the end of the process does not wait for the thread; see
    /// [`shutdown`](super::shutdown). When not said, it is what the thread that calls
    /// [`spawn`](Self::spawn) is: the main thread is no daemon, a thread that this crate did not start
    /// is one. (TH002, TH021)
    ///
    /// ```
    /// use inkle::threading::{Builder, current, spawn};
    ///
    /// let inherited = || spawn(|| current().is_daemon()).unwrap().join().unwrap();
    /// for daemon in [false, true] {
    ///     let thread = Builder::new().daemon(daemon).spawn(inherited).unwrap();
    ///     assert_eq!(thread.join().unwrap(), daemon);
    /// }
    /// ```
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = Some(daemon);
        self
    }

    /// The thread runs in a copy of `context`, instead of one of the starter's context less what is
    /// [not inherited](crate::contextvars::ContextVar::not_inherited): with an empty one it inherits
    /// nothing. (CV017, CV020)
    ///
    /// ```
    /// use inkle::contextvars::{Context, ContextVar};
    /// use inkle::threading::{Builder, spawn};
    ///
    /// static USER: ContextVar<u32> = ContextVar::new("user");
    ///
    /// let _user = USER.bind(7);
    /// assert_eq!(spawn(|| USER.get()).unwrap().join().unwrap(), Ok(7));
    /// let alone = Builder::new().context(Context::new());
    /// assert!(alone.spawn(|| USER.get()).unwrap().join().unwrap().is_err());
    /// ```
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context.into_inherited());
        self
    }

    /// Starts a thread that calls `body` and keeps what it returns, or what it panics with, for
    /// [`Thread::join`]. Blocks until the thread runs: its numbers are known when this returns.
    /// (TH023)
    ///
    /// Errors: [`SpawnError`], with the function, if the name has a NUL byte, the process is ending or
    /// the system refuses.
    pub fn spawn<T, F>(&self, body: F) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `F` and `T` borrow nothing that ends, by their bounds, and the epilogue nothing.
        unsafe { start::start(self, body, |_| ()) }
    }
}
