//! The end of the process: hooks, then the threads that it waits for.
//!
//! # When
//!
//! One `atexit` handler does it, registered with the first thread that is no daemon, the first hook or
//! the first timer. The C library calls it when `main` has returned (or panicked) and in
//! [`std::process::exit`], not when the process aborts or a signal kills it.
//!
//! # What is still there
//!
//! The handler runs after the thread-local values of its thread are gone, and after the standard
//! library has flushed its standard output, which goes on unbuffered. So nothing here and in what it
//! calls needs a thread-local value with a destructor: idents are plain words, locks and events need
//! none.
//!
//! # Joint for executors
//!
//! [`before_joining`] is theirs: a hook that is told the deadline and says whom it left behind.

use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::{Lock, Panic, ThreadInfo, get_ident, locked, main_thread, registry};
use crate::os;
use crate::platform::{Deadline, after};

/// Gets the time that is left, returns the threads that it could not end in that time.
type Hook = Box<dyn FnOnce(Deadline) -> Vec<ThreadInfo> + Send>;

static STATE: Mutex<State> =
    Mutex::new(State { begun: false, hooks: Vec::new(), caller: 0, timeout: None });

struct State {
    /// No hook is taken any more.
    begun: bool,
    /// Oldest first.
    hooks: Vec<Hook>,
    /// Who calls hooks now; 0 is nobody.
    caller: u64,
    timeout: Option<Duration>,
}

/// Called last.
static AFTER: Mutex<Vec<fn(Deadline)>> = Mutex::new(Vec::new());

/// One thread at a time calls hooks: nobody goes on to joining while a hook still runs elsewhere.
static CALLING: Lock = Lock::new();

/// Has `hook` called when the process ends, before any thread is waited for: the place to tell threads
/// to stop, which Python has only inside. Newest first, each on the thread that ends the process, a
/// panic is reported and stops only that hook. Does not block. (EX001, TH081)
///
/// It runs after the thread-local values of that thread are gone, when `main` has returned; sooner
/// with [`shutdown`].
///
/// Errors: [`ExitBegun`], with the hook, once the process has begun to end (EX004).
///
/// ```
/// use inkle::threading::{self, Event};
///
/// static STOP: Event = Event::new();
///
/// threading::at_exit(|| STOP.set()).unwrap();
/// // A program without this hook would never end.
/// threading::Builder::new().daemon(false).spawn(|| STOP.wait()).unwrap();
/// ```
pub fn at_exit<F>(hook: F) -> Result<(), ExitBegun<F>>
where
    F: FnOnce() + Send + 'static,
{
    arm();
    let mut state = locked(&STATE);
    if state.begun {
        return Err(ExitBegun(hook));
    }
    state.hooks.push(Box::new(|_| {
        hook();
        Vec::new()
    }));
    Ok(())
}

/// As [`at_exit`], for this crate's own services. The hook must not wait longer than the deadline it is
/// given. Whether it was taken: not once the process has begun to end.
pub(crate) fn before_joining(
    hook: impl FnOnce(Deadline) -> Vec<ThreadInfo> + Send + 'static,
) -> bool {
    arm();
    let mut state = locked(&STATE);
    if !state.begun {
        state.hooks.push(Box::new(hook));
    }
    !state.begun
}

/// Has `hook` called when no thread is waited for any more: it is told the deadline and may wait until then. For
/// this crate's own services. Whether it was taken: not once no thread starts any more.
#[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
pub(crate) fn after_joining(hook: fn(Deadline)) -> bool {
    arm();
    let mut after = locked(&AFTER);
    let is_open = !registry::is_closed();
    if is_open {
        after.push(hook);
    }
    is_open
}

/// Whether [`before_joining`] takes nothing more.
pub(crate) fn has_begun() -> bool {
    locked(&STATE).begun
}

/// How long the end of the process waits in all, from when it begins; `None`, which is the default, is
/// without limit. Threads that still run then are named on stderr and left. Does not block.
///
/// ```
/// use std::time::Duration;
///
/// inkle::threading::set_exit_timeout(Duration::from_secs(10));
/// ```
pub fn set_exit_timeout(timeout: impl Into<Option<Duration>>) {
    locked(&STATE).timeout = timeout.into();
}

/// Ends what the end of the process would end, now: calls the hooks of [`at_exit`], newest first, then
/// waits until `deadline` for all threads but daemons and the caller. The end of the process does
/// nothing more afterwards and leaves those that were left here. (EX001)
///
/// From the first hook on no hook is taken ([`ExitBegun`]); threads may still start until the waiting
/// is over, and are waited for; after that none starts
/// ([`SpawnCause::Exiting`](super::SpawnCause::Exiting), EX005).
///
/// Without a call of this, the same happens when `main` returns or panics, or calls
/// [`std::process::exit`], as Python's `sys.exit` (EX001). `exit` on another thread calls the hooks and
/// waits for nobody: others may wait for that very thread. Once the end waits for threads, one of them
/// that calls `exit` stops there for ever, by a rule of the standard library: the end waits for it up
/// to [`set_exit_timeout`]. A child made by a bare `fork` waits for nobody, it has none of the threads.
///
/// SIGINT, unless the program handles it, kills the process at any moment, while it waits here too.
///
/// A hook may not wait for a thread that waits for this call. A call from a hook does nothing. Two
/// threads, neither a daemon, that both call this without a deadline wait for each other.
///
/// ```
/// use std::time::Duration;
/// use inkle::platform::after;
/// use inkle::threading::{self, Builder};
///
/// let thread = Builder::new().daemon(false).spawn(|| 7).unwrap();
/// let report = threading::shutdown(after(Duration::from_secs(60)));
/// assert!(report.stragglers.is_empty() && report.panics.is_empty());
/// assert_eq!(thread.join().unwrap(), 7);
/// assert!(threading::spawn(|| ()).is_err());
/// ```
pub fn shutdown(deadline: impl Into<Deadline>) -> Report {
    end(deadline.into())
}

/// What [`shutdown`] has done.
///
/// ```
/// use inkle::platform::Deadline;
///
/// let report = inkle::threading::shutdown(Deadline::PASSED);
/// for thread in &report.stragglers {
///     println!("{} still runs", thread.name());
/// }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Threads that it waited for and that have ended, in that order.
    pub joined: Vec<ThreadInfo>,
    /// Threads that it should have waited for and that still run.
    pub stragglers: Vec<ThreadInfo>,
    /// What hooks panicked with, in that order.
    pub panics: Vec<Panic>,
}

fn end(deadline: Deadline) -> Report {
    let mut report = Report::default();
    if locked(&STATE).caller == get_ident() {
        return report;
    }
    call_hooks(deadline, &mut report);
    while let Some(thread) = registry::next_to_join() {
        if thread.ended().wait_until(deadline).is_err() {
            break;
        }
        report.joined.push(thread);
    }
    report.stragglers.extend(registry::close());
    // A statement of its own: the lock is not held while a hook waits.
    let hooks = std::mem::take(&mut *locked(&AFTER));
    for hook in hooks {
        hook(deadline);
    }
    report
}

fn call_hooks(deadline: Deadline, report: &mut Report) {
    locked(&STATE).begun = true;
    if CALLING.acquire_until(deadline).is_err() {
        // Somebody else's call is in the midst of them.
        return;
    }
    locked(&STATE).caller = get_ident();
    loop {
        // A statement of its own: the lock is not held while the hook runs.
        let hook = locked(&STATE).hooks.pop();
        let Some(hook) = hook else { break };
        match catch_unwind(AssertUnwindSafe(|| hook(deadline))) {
            Ok(left) => report.stragglers.extend(left),
            Err(payload) => report.panics.push(Panic::new(payload)),
        }
    }
    locked(&STATE).caller = 0;
    // It was acquired above.
    let _ = CALLING.release();
}

/// Sees to it that [`at_process_end`] is called.
pub(super) fn arm() {
    ARMED.get_or_init(|| os::at_exit(at_process_end).then(process::id));
}

/// The process that has the handler.
static ARMED: OnceLock<Option<u32>> = OnceLock::new();

extern "C" fn at_process_end() {
    let elsewhere = ARMED.get() != Some(&Some(process::id()));
    if elsewhere || registry::is_closed() {
        return;
    }
    if get_ident() != main_thread().ident() {
        end(Deadline::PASSED);
        return;
    }
    let timeout = locked(&STATE).timeout;
    let report = end(timeout.map_or(Deadline::NEVER, after));
    if !report.stragglers.is_empty() {
        let names: Vec<_> = report.stragglers.iter().map(ThreadInfo::name).collect();
        // Nobody is left to tell that stderr is closed.
        let _ = writeln!(std::io::stderr(), "inkle: still running at exit: {}", names.join(", "));
    }
}

/// The process has begun to end: [`at_exit`] came too late.
///
/// ```
/// use inkle::platform::Deadline;
/// use inkle::threading::{at_exit, shutdown};
///
/// shutdown(Deadline::PASSED);
/// let error = at_exit(|| println!("bye")).unwrap_err();
/// // Do it here instead.
/// error.into_inner()();
/// ```
pub struct ExitBegun<F>(F);

impl<F> ExitBegun<F> {
    /// The hook.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for ExitBegun<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitBegun").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for ExitBegun<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has begun to end")
    }
}

impl<F> std::error::Error for ExitBegun<F> {}
