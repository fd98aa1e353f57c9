//! The whole life of a thread, from the starter's side and from its own.

use std::any::type_name;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::handle::OsThread;
use super::outcome::Outcome;
use super::panic::drop_quietly;
use super::registry::{self, Registration};
use super::{Builder, Event, NulInName, SpawnCause, SpawnError, Thread, exit, locked, stack};
use crate::contextvars::Inherited;

/// Starts a thread that calls `body`, keeps what becomes of it in the handle's [`Outcome`], shows that
/// to `epilogue` and ends. Blocks until the thread runs.
///
/// # Safety
///
/// Whatever `F`, `T` and `E` borrow must stay valid until the thread has ended, that is until its
/// [`OsThread`] is reaped.
pub(super) unsafe fn start<T, F, E>(
    builder: &Builder,
    body: F,
    epilogue: E,
) -> Result<Thread<T>, SpawnError<F>>
where
    F: FnOnce() -> T + Send,
    T: Send,
    E: FnOnce(&Outcome<T>) + Send,
{
    let name = builder.name.as_deref();
    if let Some(Err(NulInName { position })) = name.map(NulInName::check) {
        return Err(SpawnError { cause: SpawnCause::NulInName { position }, body });
    }
    let daemon = builder.daemon.unwrap_or_else(registry::is_daemon_here);
    if !daemon {
        exit::arm();
    }
    let Some(registration) = Registration::starting(name, function_name::<F>(), daemon) else {
        return Err(SpawnError { cause: SpawnCause::Exiting, body });
    };
    let info = registration.info().clone();
    let mut os = std::thread::Builder::new().name(info.name());
    let stack_size = if builder.stack_size != 0 { builder.stack_size } else { stack::stack_size() };
    if stack_size != 0 {
        os = os.stack_size(stack_size);
    }

    let start = Arc::new(Start { body: Mutex::new(Some(body)), begun: Event::new() });
    let outcome = Arc::new(Outcome::new());
    let (its_start, its_outcome) = (Arc::clone(&start), Arc::clone(&outcome));
    let context = builder.context.clone().unwrap_or_else(Inherited::from_here);
    let life = move || live(registration, context, its_start, its_outcome, epilogue);
    // SAFETY: what the closure borrows is what `F`, `T` and `E` borrow, and the caller keeps that
    // valid until the thread has ended.
    let handle: io::Result<JoinHandle<()>> = unsafe { os.spawn_unchecked(life) };
    match handle {
        Ok(handle) => {
            start.begun.wait();
            Ok(Thread::new(Arc::new(OsThread::new(info, handle)), outcome))
        }
        Err(error) => {
            let cause = SpawnCause::Refused(error);
            Err(SpawnError { cause, body: start.take() })
        }
    }
}

/// What the starter shares with the thread until it runs.
struct Start<F> {
    /// Kept here, not in the thread's closure, so that it survives a refusal.
    body: Mutex<Option<F>>,
    begun: Event,
}

impl<F> Start<F> {
    fn take(&self) -> F {
        match locked(&self.body).take() {
            Some(body) => body,
            None => unreachable!("either the thread takes the body or, without one, its starter"),
        }
    }
}

/// What the thread does.
fn live<T, F, E>(
    registration: Registration,
    context: Inherited,
    start: Arc<Start<F>>,
    outcome: Arc<Outcome<T>>,
    epilogue: E,
) where
    F: FnOnce() -> T,
    E: FnOnce(&Outcome<T>),
{
    let info = registration.info().clone();
    registration.settle();
    start.begun.set();
    let body = start.take();
    drop(start);
    outcome.fill(&info, catch_unwind(AssertUnwindSafe(|| context.run(body))));
    epilogue(&outcome);
    // If the handle is gone, the result goes here.
    drop_quietly(outcome);
    registry::finish();
}

/// The last part of a function's path; nothing for a closure, which has no name of its own, and for
/// whatever else can be called. (TH020)
fn function_name<F>() -> Option<&'static str> {
    if size_of::<F>() != 0 { None } else { last_name(type_name::<F>()) }
}

/// As [`function_name`]; for a closure that of the function that it is in, and for whatever else can be
/// called `task`.
#[cfg(any(feature = "timeline", feature = "tracing"))]
pub(crate) fn name_around<F>() -> &'static str {
    let mut path = type_name::<F>();
    let is_closure = path.ends_with(CLOSURE);
    while let Some(outside) = path.strip_suffix(CLOSURE) {
        path = outside;
    }
    let name = if is_closure { last_name(path) } else { function_name::<F>() };
    name.unwrap_or("task")
}

#[cfg(any(feature = "timeline", feature = "tracing"))]
const CLOSURE: &str = "::{{closure}}";

/// The last part of a path; nothing if that is no name.
fn last_name(path: &'static str) -> Option<&'static str> {
    // `path::function<arguments>`: what is between the brackets may hold paths of its own.
    let path = match path.strip_suffix('>') {
        Some(_) => path[..opening_bracket(path)?].trim_end_matches("::"),
        None => path,
    };
    let last = path.rsplit("::").next()?;
    let is_name = last.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && path.contains("::")).then_some(last)
}

/// Where the bracket opens that the last one closes.
fn opening_bracket(path: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in path.char_indices().rev() {
        match c {
            // Of an arrow.
            '>' if path[..at].ends_with('-') => (),
            '>' => depth += 1,
            '<' => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::function_name;

    fn name_of<F>(_: F) -> Option<&'static str> {
        function_name::<F>()
    }

    fn plain() {}
    fn generic<T>() {}
    struct Loom;
    impl Loom {
        fn weave() {}
    }
    impl Default for Loom {
        fn default() -> Self {
            Loom
        }
    }

    #[cfg(any(feature = "timeline", feature = "tracing"))]
    #[test]
    fn tasks_are_called_as_the_function_that_they_are_written_in() {
        fn around<F>(_: F) -> &'static str {
            super::name_around::<F>()
        }
        fn weave<T>(_: T) -> &'static str {
            let nested = || || ();
            around(nested())
        }
        assert_eq!(around(plain), "plain");
        assert_eq!((weave(1_u8), weave(vec![Some("a")])), ("weave", "weave"));
        let pointer: fn() -> Vec<u8> = Vec::new;
        assert_eq!(around(pointer), "task");
        assert_eq!(around(Box::new(plain)), "task");
    }

    #[test]
    fn th020_functions_have_names_and_closures_have_none() {
        assert_eq!(name_of(plain), Some("plain"));
        assert_eq!(name_of(generic::<Vec<std::string::String>>), Some("generic"));
        assert_eq!(name_of(generic::<fn(Vec<u8>) -> Option<u8>>), Some("generic"));
        assert_eq!(name_of(Loom::weave), Some("weave"));
        assert_eq!(name_of(<Loom as Default>::default), Some("default"));
        assert_eq!(name_of(|| ()), None);
        let captured = 7;
        assert_eq!(name_of(move || captured), None);
        let pointer: fn() = plain;
        assert_eq!(name_of(pointer), None);
        assert_eq!(name_of(()), None);
    }
}
