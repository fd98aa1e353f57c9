//! What is to be said of a process before it starts.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::call::{Call, Task, signature};
use super::super::image;
use super::super::parcel::Parcel;
use super::error::{SpawnCause, SpawnError};
use super::order::Function;
use super::{Process, StartMethod, start};

/// How to start a process. May be used several times.
///
/// ```
/// use inkle::multiprocessing::Builder;
///
/// fn weave(threads: u32) -> String {
///     format!("{} of {threads}", inkle::multiprocessing::current_process().name())
/// }
///
/// let process = Builder::new().name("loom").daemon(true).spawn(weave, (12,)).unwrap();
/// assert_eq!(process.join().unwrap(), "loom of 12");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder starts nothing before `spawn`"]
pub struct Builder {
    pub(super) name: Option<String>,
    pub(super) daemon: bool,
    pub(super) startup_timeout: Duration,
    pub(super) executable: Option<PathBuf>,
    pub(super) start_method: Option<StartMethod>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A process with a name of the form `Process-N`, that is no daemon and has 30 seconds to start.
    pub fn new() -> Self {
        let startup_timeout = Duration::from_secs(30);
        Self { name: None, daemon: false, startup_timeout, executable: None, start_method: None }
    }

    /// Its name, for people. Without one it is `Process-N`, where N counts this process's children, and in a child
    /// `Process-1:N` and so on. (MP008)
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the end of this process ends it, instead of waiting for it. A daemon may have no children.
    /// (MP009, MP015)
    ///
    /// ```
    /// use inkle::multiprocessing::{Builder, Process, SpawnCause};
    ///
    /// fn idle() {}
    ///
    /// fn have_children() -> bool {
    ///     let error = Process::spawn(idle, ()).unwrap_err();
    ///     matches!(error.cause(), SpawnCause::Daemon)
    /// }
    ///
    /// let daemon = Builder::new().daemon(true).spawn(have_children, ()).unwrap();
    /// assert!(daemon.join().unwrap());
    /// ```
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// How long [`spawn`](Self::spawn) waits for the process to take over the function and its arguments; then it
    /// is ended.
    pub fn startup_timeout(mut self, timeout: Duration) -> Self {
        self.startup_timeout = timeout;
        self
    }

    /// Another program than the one that runs, which has this crate in it too. It is refused if it is not the very
    /// same file, for there functions lie elsewhere: it is for those that are [found by a name](Self::spawn_named).
    /// It is started anew each time, whatever the [method](Self::start_method). (MP005)
    pub fn executable(mut self, program: impl Into<PathBuf>) -> Self {
        self.executable = Some(program.into());
        self
    }

    /// How it comes to be; without this as [`set_start_method`](super::set_start_method) has it. (MP001)
    ///
    /// ```
    /// use inkle::multiprocessing::{Builder, StartMethod};
    ///
    /// fn double(number: u32) -> u32 {
    ///     2 * number
    /// }
    ///
    /// let quick = Builder::new().start_method(StartMethod::ForkServer);
    /// let processes: Vec<_> = (0..4).map(|n| quick.spawn(double, (n,)).unwrap()).collect();
    /// let sum: u32 = processes.iter().map(|process| process.join().unwrap()).sum();
    /// assert_eq!(sum, 12);
    /// ```
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.start_method = Some(method);
        self
    }

    /// Starts a process that calls `f` with `args`. Blocks until it has taken them over. (MP008, MP010)
    ///
    /// `f` is a function, or a closure that captures nothing; else it does not compile. `args` is a tuple of up to
    /// eight. The process runs this program, from its beginning or from that of a
    /// [fork server](StartMethod::ForkServer); but instead of `main` it calls `f`.
    ///
    /// Errors: [`SpawnError`], with the arguments.
    pub fn spawn<F, A>(&self, f: F, args: A) -> Result<Process<F::Output>, SpawnError<A>>
    where
        F: Call<A>,
        F::Output: Serialize + DeserializeOwned,
        A: Serialize + DeserializeOwned + 'static,
    {
        let task = Task::of::<F, A>(f);
        let function = || {
            let image = image::own().ok_or(SpawnCause::Library)?;
            let identity = image.identity().map_err(SpawnCause::Refused)?;
            Ok(Function::Here(identity, task.place(image)))
        };
        self.start(function(), args)
    }

    /// As [`spawn`](Self::spawn), with the function that is [registered](crate::register) under this name in the
    /// program, which may be another one: [`executable`](Self::executable).
    ///
    /// Its arguments and its result must be of the types that are asked for here; they are compared by their names.
    ///
    /// Errors: [`SpawnError`]; of the causes [`NoSuchFunction`](SpawnCause::NoSuchFunction) and
    /// [`OtherTypes`](SpawnCause::OtherTypes) belong to this.
    pub fn spawn_named<R, A>(&self, name: &str, args: A) -> Result<Process<R>, SpawnError<A>>
    where
        R: Serialize + DeserializeOwned,
        A: Serialize + DeserializeOwned + 'static,
    {
        self.start(Ok(Function::Named(name.to_owned(), signature::<A, R>())), args)
    }

    fn start<R, A: Serialize>(
        &self,
        function: Result<Function, SpawnCause>,
        args: A,
    ) -> Result<Process<R>, SpawnError<A>> {
        let child = function.and_then(|function| {
            let packed = Parcel::pack(&args).map_err(SpawnCause::Encode)?;
            start::start(self, function, packed)
        });
        match child {
            Ok(child) => Ok(Process::new(child)),
            Err(cause) => Err(SpawnError { cause, args }),
        }
    }
}
