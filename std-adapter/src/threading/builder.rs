//! Starting a thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::panic::drop_quietly;
use super::registry::Registration;
use super::{Event, Panic, SpawnCause, SpawnError, Thread, locked};

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
/// ```
/// use inkle::threading::Builder;
///
/// let thread = Builder::new().name("weaver").stack_size(64 * 1024).spawn(|| ()).unwrap();
/// assert_eq!(thread.name(), "weaver");
/// thread.join().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    name: Option<String>,
    stack_size: usize,
}

impl Builder {
    /// A thread with a name of the form `Thread-N` and a stack of the usual size.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name, for people and debuggers. The system shows it too, cut to what it can show (15
    /// bytes on Linux). Without one, and each time anew, it is `Thread-N`, where N counts from 1 in
    /// the whole process. (TH020, TH029)
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The least size of the stack in bytes; the system may round it up. 0 is the usual size.
    /// (TH011)
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Starts a thread that calls `body` and keeps what it returns, or what it panics with, for
    /// [`Thread::join`]. Blocks until the thread runs: its numbers are known when this returns.
    /// (TH023)
    ///
    /// Errors: [`SpawnError`], with the function, if the name has a NUL byte or the system refuses.
    pub fn spawn<T, F>(&self, body: F) -> Result<Thread<T>, SpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let nul = self.name.iter().find_map(|name| name.bytes().position(|byte| byte == 0));
        if let Some(position) = nul {
            return Err(SpawnError { cause: SpawnCause::NulInName { position }, body });
        }

        let registration = Registration::starting(self.name.clone());
        let info = registration.info().clone();
        let mut os = std::thread::Builder::new().name(info.name().to_owned());
        if self.stack_size != 0 {
            os = os.stack_size(self.stack_size);
        }
        let start = Arc::new(Start { body: Mutex::new(Some(body)), begun: Event::new() });
        let outcome = Arc::new(Mutex::new(None));
        let (its_start, its_outcome) = (Arc::clone(&start), Arc::clone(&outcome));
        match os.spawn(move || run(registration, its_start, its_outcome)) {
            Ok(os) => {
                start.begun.wait();
                Ok(Thread::new(info, outcome, os))
            }
            Err(error) => {
                let cause = SpawnCause::Refused(error);
                Err(SpawnError { cause, body: start.take() })
            }
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

/// The whole life of a thread.
fn run<T, F: FnOnce() -> T>(
    registration: Registration,
    start: Arc<Start<F>>,
    outcome: Arc<Mutex<Option<Result<T, Panic>>>>,
) {
    registration.settle();
    start.begun.set();
    let body = start.take();
    drop(start);
    let result = catch_unwind(AssertUnwindSafe(body)).map_err(Panic::new);
    *locked(&outcome) = Some(result);
    // If the handle is gone, the result goes here.
    drop_quietly(outcome);
}
