//! Threads that borrow from the stack of their starter, and are over when it goes on.
//!
//! # Why it is sound
//!
//! A scope keeps each of its threads on a list of its own. [`ScopeBuilder::run`], which every scope goes
//! through, does not return or unwind before that list is empty and each thread on it is joined with the
//! system, whatever became of the handles and of the function: nothing of a thread is left that could
//! use what it borrowed. Threads of the scope can start more; a starter is on the list itself, so the
//! list is not empty for good before it has ended.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use super::handle::OsThread;
use super::outcome::{Outcome, PanicSlot};
use super::{Builder, CancelToken, Panic, Reason, SpawnError, Thread, ThreadInfo, locked, start};
use crate::platform::Deadline;

/// Calls `body` with a scope in which it can start threads that borrow what outlives this call; waits
/// for all of them, without limit, and returns what `body` does. (TH078)
///
/// The end of a thread is the end for the operating system: all its thread-local values are gone.
///
/// Errors: [`ScopeError`] if a thread panicked and no [`join`](Thread::join) was given the panic: the
/// first of them. The result of `body` is dropped then.
///
/// Panics: with what `body` panics with, when all threads have ended; what they panicked with is
/// dropped then, the hooks have seen it.
///
/// ```
/// use inkle::threading;
///
/// let mut yarns = vec!["wool", "silk"];
/// let longest = threading::scope(|scope| {
///     // A thread may start more, and the handle gives what the function returned.
///     let thread = scope.spawn(|| {
///         scope.spawn(|| assert_eq!(yarns.len(), 2)).unwrap();
///         yarns.iter().map(|yarn| yarn.len()).max()
///     });
///     thread.unwrap().join().unwrap()
/// });
/// assert_eq!(longest.unwrap(), Some(4));
/// yarns.push("flax");
///
/// let error = threading::scope(|scope| scope.spawn(|| panic!("out of yarn")).is_ok()).unwrap_err();
/// assert_eq!(error.panic().message(), Some("out of yarn"));
/// ```
pub fn scope<'env, R, F>(body: F) -> Result<R, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    ScopeBuilder::new().run(body)
}

/// As [`scope`], with a [`token`](Scope::token) that is cancelled when `deadline` passes.
///
/// It still waits for all threads, without limit: they use what its caller owns. Let them block with
/// the token, in the `_unless` form of each call, and look at it where they compute.
///
/// Errors and panics: as `scope`. That the deadline has passed is none: ask the token, or the threads.
///
/// ```
/// use std::time::Duration;
/// use inkle::platform::after;
/// use inkle::threading::{self, Event, Reason};
///
/// let never = Event::new();
/// let reason = threading::scope_until(after(Duration::from_millis(5)), |scope| {
///     let thread = scope.spawn(|| never.wait_unless(scope.token())).unwrap();
///     thread.join().unwrap().unwrap_err().0
/// });
/// assert_eq!(reason.unwrap(), Reason::DEADLINE);
/// ```
pub fn scope_until<'env, R, F>(deadline: impl Into<Deadline>, body: F) -> Result<R, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    ScopeBuilder::new().deadline(deadline).run(body)
}

/// How a scope's [`token`](Scope::token) is cancelled. [`scope`] is one whose token only its own
/// threads cancel.
///
/// ```
/// use inkle::threading::{Event, Reason, ScopeBuilder};
///
/// let never = Event::new();
/// let error = ScopeBuilder::new().cancel_on_failure(true).run(|scope| {
///     let sibling = scope.spawn(|| never.wait_unless(scope.token())).unwrap();
///     scope.spawn(|| panic!("out of yarn")).unwrap();
///     assert_eq!(sibling.join().unwrap().unwrap_err().0, Reason::FAILED);
/// });
/// assert_eq!(error.unwrap_err().panic().message(), Some("out of yarn"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder runs nothing before `run`"]
pub struct ScopeBuilder<'p> {
    parent: Option<&'p CancelToken<'p>>,
    deadline: Deadline,
    cancel_on_failure: bool,
}

impl<'p> ScopeBuilder<'p> {
    /// A scope whose token nobody cancels but its own threads.
    pub fn new() -> Self {
        Self { parent: None, deadline: Deadline::NEVER, cancel_on_failure: false }
    }

    /// The scope's token is a child of `token`: cancelled with it.
    ///
    /// ```
    /// use inkle::threading::{CancelToken, Reason, ScopeBuilder};
    ///
    /// let all = CancelToken::new();
    /// let reason = ScopeBuilder::new().child_of(&all).run(|scope| {
    ///     let thread = scope.spawn(|| scope.token().wait()).unwrap();
    ///     all.cancel(Reason::SHUTDOWN);
    ///     thread.join().unwrap()
    /// });
    /// assert_eq!(reason.unwrap(), Reason::SHUTDOWN);
    /// ```
    pub fn child_of(mut self, token: &'p CancelToken<'p>) -> Self {
        self.parent = Some(token);
        self
    }

    /// The scope's token is cancelled when `deadline` passes; see [`scope_until`].
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> Self {
        self.deadline = deadline.into();
        self
    }

    /// The scope's token is cancelled, with [`Reason::FAILED`], when the first of its threads panics,
    /// when one started by [`try_spawn`](Scope::try_spawn) returns an error, and when the scope's own
    /// function panics.
    pub fn cancel_on_failure(mut self, cancel: bool) -> Self {
        self.cancel_on_failure = cancel;
        self
    }

    /// Calls `body` as [`scope`] does; errors and panics as there.
    pub fn run<'env, R, F>(&self, body: F) -> Result<R, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        let token = match self.parent {
            Some(parent) => parent.child_until(self.deadline),
            None => CancelToken::until(self.deadline),
        };
        let scope = Scope {
            threads: Mutex::new(Threads { list: Vec::new(), tidy_at: FIRST_TIDY }),
            failures: Mutex::new(Vec::new()),
            token: &token,
            cancel_on_failure: self.cancel_on_failure,
            scope: PhantomData,
            env: PhantomData,
        };
        let result = catch_unwind(AssertUnwindSafe(|| body(&scope)));
        // Nothing between here and the empty list can unwind or return.
        if result.is_err() {
            scope.failed();
        }
        scope.join_all();
        let failure = scope.first_failure();
        match result {
            Err(payload) => {
                drop(failure);
                resume_unwind(payload)
            }
            Ok(result) => match failure {
                None => Ok(result),
                Some(failure) => {
                    drop(result);
                    Err(failure)
                }
            },
        }
    }
}

impl Default for ScopeBuilder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where [`scope`]'s function starts its threads; see there.
///
/// `'scope` is the life of the scope, `'env` that of what its threads may borrow from outside. What the
/// function itself owns ends before the scope, and cannot be borrowed:
///
/// ```compile_fail,E0373
/// inkle::threading::scope(|scope| {
///     let yarn = String::from("wool");
///     scope.spawn(|| println!("{yarn}")).unwrap();
/// }).unwrap();
/// ```
///
/// Nor can a thread's borrow, or the scope, leave:
///
/// ```compile_fail,E0521
/// let mut kept = None;
/// inkle::threading::scope(|scope| kept = Some(scope)).unwrap();
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    threads: Mutex<Threads>,
    /// Threads that panicked, the first one first.
    failures: Mutex<Vec<(ThreadInfo, PanicSlot)>>,
    token: &'scope CancelToken<'scope>,
    cancel_on_failure: bool,
    /// Invariant: a longer life would let a thread borrow what `body` owns, a shorter one likewise.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

struct Threads {
    /// Everybody started here; those that have ended are joined and taken off now and then.
    list: Vec<Arc<OsThread>>,
    /// At how many to do that again: a scope that goes on for ever does not grow for ever.
    tidy_at: usize,
}

const FIRST_TIDY: usize = 64;

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts a thread with a default name; see [`spawn_with`](Self::spawn_with).
    ///
    /// Errors: [`SpawnError`], with the function.
    pub fn spawn<T, F>(&'scope self, body: F) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(&Builder::new(), body)
    }

    /// Starts a thread as `builder` says, which differs from [`Builder::spawn`]'s in two things only:
    /// it may borrow what outlives the scope, and it has ended when the scope has. Blocks until the
    /// thread runs.
    ///
    /// Errors: [`SpawnError`], with the function.
    ///
    /// ```
    /// use inkle::threading::{self, Builder};
    ///
    /// let mut loom = String::from("loom");
    /// threading::scope(|scope| {
    ///     let weaver = Builder::new().name("weaver");
    ///     assert_eq!(scope.spawn_with(&weaver, || loom.push('s')).unwrap().name(), "weaver");
    /// }).unwrap();
    /// assert_eq!(loom, "looms");
    /// ```
    pub fn spawn_with<T, F>(
        &'scope self,
        builder: &Builder,
        body: F,
    ) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(builder, body, |_| true)
    }

    /// As [`spawn`](Self::spawn), for a function that can fail: that it returns an error counts as a
    /// failure for [`cancel_on_failure`](ScopeBuilder::cancel_on_failure). The error itself is for the
    /// handle's [`join`](Thread::join) only.
    ///
    /// Errors: [`SpawnError`], with the function.
    ///
    /// ```
    /// use inkle::threading::{Reason, ScopeBuilder};
    ///
    /// let reason = ScopeBuilder::new().cancel_on_failure(true).run(|scope| {
    ///     scope.try_spawn(|| "yarn".parse::<u32>()).unwrap();
    ///     scope.token().wait()
    /// });
    /// assert_eq!(reason.unwrap(), Reason::FAILED);
    /// ```
    pub fn try_spawn<T, E, F>(&'scope self, body: F) -> Result<Thread<Result<T, E>>, SpawnError<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        self.start(&Builder::new(), body, Result::is_ok)
    }

    /// What says to the scope's threads that they should stop. Nobody but those who look at it, or
    /// block with it, hears. See [`ScopeBuilder`] for what cancels it, beside whoever calls its
    /// `cancel`.
    ///
    /// ```
    /// use inkle::threading::{self, Event, Reason};
    ///
    /// let never = Event::new();
    /// threading::scope(|scope| {
    ///     scope.spawn(|| assert!(never.wait_unless(scope.token()).is_err())).unwrap();
    ///     scope.token().cancel(Reason::REQUESTED);
    /// }).unwrap();
    /// ```
    pub fn token(&self) -> &'scope CancelToken<'scope> {
        self.token
    }

    fn start<T, F>(
        &'scope self,
        builder: &Builder,
        body: F,
        is_success: fn(&T) -> bool,
    ) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.launch(builder, body, move |outcome| self.note(outcome, is_success))
    }

    /// All that is unsafe of a scope. The bounds say what the thread may borrow.
    fn launch<T, F, E>(
        &'scope self,
        builder: &Builder,
        body: F,
        epilogue: E,
    ) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
        E: FnOnce(&Outcome<T>) + Send + 'scope,
    {
        // The lock is held from before the start until the thread is on the list, so that no thread
        // is ever missing there.
        let mut threads = locked(&self.threads);
        // Before the start: nothing may fail between it and the push.
        threads.list.reserve(1);
        // SAFETY: `F`, `T` and `E` are valid for `'scope` by their bounds, and `'scope` outlasts the
        // call of `run` that made this scope: only that function makes one, and it gives out only a
        // reference of that life. The call does not end before every thread on the list is reaped, and
        // this thread is put there below, without anything in between that can unwind or return.
        let started = unsafe { start::start(builder, body, epilogue) };
        let thread = started?;
        threads.list.push(Arc::clone(thread.os()));
        threads.tidy();
        Ok(thread)
    }

    /// Called in each thread at its end.
    fn note<T>(&self, outcome: &Outcome<T>, is_success: fn(&T) -> bool) {
        if let Some(slot) = outcome.panic() {
            locked(&self.failures).push((super::current(), slot));
            self.failed();
        } else if outcome.is(|value| !is_success(value)) {
            self.failed();
        }
    }

    fn failed(&self) {
        if self.cancel_on_failure {
            self.token.cancel(Reason::FAILED);
        }
    }

    fn join_all(&self) {
        loop {
            // A statement of its own: a thread that starts another one must not find this locked.
            let thread = locked(&self.threads).list.pop();
            let Some(thread) = thread else { break };
            // Without a deadline it cannot time out.
            let _ = thread.reap(Deadline::NEVER);
        }
    }

    fn first_failure(&self) -> Option<ScopeError> {
        let failures = std::mem::take(&mut *locked(&self.failures));
        let mut first = None;
        for (thread, slot) in failures {
            let panic = locked(&slot).take();
            match panic {
                Some(panic) if first.is_none() => first = Some(ScopeError { thread, panic }),
                _ => (),
            }
        }
        first
    }
}

impl Threads {
    fn tidy(&mut self) {
        if self.list.len() >= self.tidy_at {
            self.list.retain(|thread| thread.reap(Deadline::PASSED).is_err());
            self.tidy_at = (self.list.len() * 2).max(FIRST_TIDY);
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// A thread of a [`scope`] panicked, and nobody else was told.
///
/// ```
/// use inkle::threading::{self, Builder};
///
/// let weaver = Builder::new().name("weaver");
/// let error = threading::scope(|scope| {
///     scope.spawn_with(&weaver, || panic!("out of yarn")).unwrap();
/// }).unwrap_err();
/// assert_eq!(error.to_string(), "the thread weaver panicked: out of yarn");
/// ```
#[derive(Debug)]
pub struct ScopeError {
    thread: ThreadInfo,
    panic: Panic,
}

impl ScopeError {
    /// Which thread.
    pub fn thread(&self) -> &ThreadInfo {
        &self.thread
    }

    /// What it panicked with.
    pub fn panic(&self) -> &Panic {
        &self.panic
    }

    /// The panic, to be taken apart or resumed.
    pub fn into_panic(self) -> Panic {
        self.panic
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the thread {} panicked: {}", self.thread.name(), self.panic)
    }
}

impl Error for ScopeError {}
