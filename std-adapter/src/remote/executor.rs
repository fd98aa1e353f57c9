//! The executor.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::durable::Durable;
use super::engine::Engine;
use super::error::Refusal;
use super::fast::Fast;
use super::job::{Job, Outcomes, many_results, one_result};
use super::settings::{ConnectError, Settings};
use super::status::Status;
use super::wire::{Order, Raw};
use crate::concurrent::{
    Executor, Future, FutureError, Pending, Settle, Submit, SubmitCause, SubmitError, TimedOut,
    promise,
};
use crate::contextvars::Inherited;
use crate::multiprocessing::Call;
use crate::multiprocessing::abroad::{self, Callee, Nameless};
use crate::platform::Deadline;

/// Beside arguments and context there is the rest of a message: names, numbers.
const SLACK: usize = 1024;

/// Workers on whatever machines that are connected to the same server. See [the module](crate::remote).
///
/// A handle: clone it freely. When the last one is dropped, what was submitted is still done, then the
/// connection ends. Dropping never blocks. At the end of this process all that was submitted is done first.
///
/// ```no_run
/// use inkle::concurrent::Submit;
/// use inkle::remote::{RemoteExecutor, Settings};
///
/// fn square(number: u64) -> u64 {
///     number * number
/// }
///
/// inkle::register!("example.square", square as fn(u64) -> u64);
///
/// let executor = RemoteExecutor::attach(&Settings::new("nats://loom.example:4222"), "squares")?;
/// let once = executor.retries(0).submit_fn(square, 12)?;
/// assert_eq!(once.join()?, 144);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RemoteExecutor {
    pool: Arc<Pool>,
    version: Arc<str>,
    largest: u64,
    options: Options,
}

/// What holds for one task.
#[derive(Clone, Copy)]
struct Options {
    retries: u32,
    limit: Option<Duration>,
}

/// Closes it when the last handle is gone.
struct Pool(Arc<Engine>);

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.close(false);
    }
}

impl RemoteExecutor {
    /// In fast mode: nothing is kept, so nothing is slow. Blocks until there is a connection, for at most
    /// the settings' [time](Settings::connect_timeout). That there are workers is not waited for: tasks
    /// wait until one comes.
    ///
    /// Errors: [`ConnectError`].
    pub fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let own = settings.clone();
        let engine = Engine::start(move |ears| Fast::prepare(own, ears))?;
        Ok(Self::over(engine, settings))
    }

    /// In durable mode: the server keeps tasks and answers, and whoever attaches to the job of this name
    /// gets the answers of what was done before, be it by a program that is dead by now. Tasks are known by
    /// their number: they are to be submitted in the same order again, from one thread. One of which the
    /// server has the answer is not done again; one that is another than before is refused
    /// ([`Refusal::OtherTask`]).
    ///
    /// One executor at a time is to be attached to a job. A task counts as begun when the server is told of it.
    ///
    /// Blocks until there is a connection and what was done is known. Needs workers that are
    /// [durable](super::WorkerBuilder::durable).
    ///
    /// Errors: [`ConnectError`].
    pub fn attach(settings: &Settings, job: &str) -> Result<Self, ConnectError> {
        let (own, job) = (settings.clone(), job.to_owned());
        let engine = Engine::start(move |ears| Durable::prepare(own, job, ears))?;
        Ok(Self::over(engine, settings))
    }

    fn over(engine: Arc<Engine>, settings: &Settings) -> Self {
        let options = Options { retries: 2, limit: None };
        let (version, largest) = (settings.version.as_str().into(), settings.largest);
        Self { pool: Arc::new(Pool(engine)), version, largest, options }
    }

    /// Has `function`, which is [registered](crate::register), called with `arguments` by one of the
    /// workers. (CF023)
    ///
    /// Errors: the arguments come back, and why: they cannot be sent, or the function has no name
    /// ([`SubmitCause::Unsendable`]), or the executor takes nothing more.
    pub fn submit<F, A, R>(&self, _function: F, arguments: A) -> Result<Future<R>, SubmitError<A>>
    where
        F: Call<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        let (promise, future) = promise();
        let packed = |arguments: &A| Ok((named(Callee::of::<F, A>())?, vec![pack(arguments)?]));
        self.send(packed, one_result(promise), arguments)?;
        Ok(future)
    }

    /// Has the function of this name called, which need not be a part of this program. Its types are
    /// compared by their names. (CF023)
    ///
    /// Errors: as of [`submit`](Self::submit).
    pub fn submit_named<A, R>(&self, name: &str, arguments: A) -> Result<Future<R>, SubmitError<A>>
    where
        A: Serialize + 'static,
        R: DeserializeOwned + Send + 'static,
    {
        let (promise, future) = promise();
        let packed = |arguments: &A| Ok((Callee::named::<A, R>(name), vec![pack(arguments)?]));
        self.send(packed, one_result(promise), arguments)?;
        Ok(future)
    }

    /// The same executor for tasks that are tried again, at most so many times, when their worker is lost.
    /// A task that may be done twice, and half the first time, must be one that does no harm then; with 0
    /// none is. Unless told otherwise 2. (CF065)
    #[must_use]
    pub fn retries(&self, retries: u32) -> Self {
        Self { options: Options { retries, ..self.options }, ..self.clone() }
    }

    /// The same executor for tasks that are to be done within this time from when a worker begins them.
    /// Whichever is not fails with [`FutureError::Expired`]; a worker with processes kills it, one with
    /// threads asks it to stop. (CF065)
    #[must_use]
    pub fn time_limit(&self, limit: Duration) -> Self {
        Self { options: Options { limit: Some(limit), ..self.options }, ..self.clone() }
    }

    /// How it stands: a snapshot. Asks the thread of the connection, for which it waits.
    #[must_use]
    pub fn status(&self) -> Status {
        self.pool.0.status().unwrap_or_default()
    }

    /// Has a task done; `back` comes back if that cannot be.
    fn send<A>(
        &self,
        packed: impl FnOnce(&A) -> Result<(Callee, Vec<Raw>), SubmitCause>,
        settle: Box<dyn Settle<Outcomes>>,
        back: A,
    ) -> Result<(), SubmitError<A>> {
        let sent = packed(&back).and_then(|(callee, arguments)| {
            let order = self.order(callee, arguments)?;
            let retries = self.options.retries;
            let (begun, losses, away) = (false, 0, None);
            let job = |number| Job { number, order, settle, retries, begun, away, losses };
            self.pool.0.submit(job)
        });
        sent.map_err(|cause| SubmitError::new(cause, back))
    }

    fn order(&self, callee: Callee, arguments: Vec<Raw>) -> Result<Order, SubmitCause> {
        let context = Inherited::from_here().pack().map_err(unsendable)?;
        let Callee { name, types } = callee;
        let payload: usize = arguments.iter().map(|raw| raw.0.len() + 8).sum();
        let bytes = payload + context.len() + name.len() + types.len() + SLACK;
        if bytes as u64 > self.largest {
            let (bytes, limit) = (bytes as u64, self.largest);
            return Err(unsendable(Refusal::TooLarge { bytes, limit }));
        }
        Ok(Order {
            name,
            types,
            version: (*self.version).to_owned(),
            context: Raw(context),
            arguments,
            limit: self.options.limit.map(|limit| limit.as_micros().try_into().unwrap_or(u64::MAX)),
            retries: self.options.retries,
        })
    }
}

fn unsendable(error: impl Error + Send + Sync + 'static) -> SubmitCause {
    SubmitCause::Unsendable(Arc::new(error))
}

fn named(callee: Result<Callee, Nameless>) -> Result<Callee, SubmitCause> {
    callee.map_err(unsendable)
}

fn pack<T: Serialize>(value: &T) -> Result<Raw, SubmitCause> {
    abroad::pack(value).map(Raw).map_err(unsendable)
}

impl Executor for RemoteExecutor {
    fn shutdown(&self, pending: Pending, deadline: Deadline) -> Result<(), TimedOut> {
        self.pool.0.close(pending == Pending::Cancel);
        self.pool.0.ended.wait_until(deadline)
    }
}

/// Of functions that are [registered](crate::register) with their type as a function pointer.
impl<A, R> Submit<A, R> for RemoteExecutor
where
    A: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    fn submit_fn(&self, function: fn(A) -> R, argument: A) -> Result<Future<R>, SubmitError<A>> {
        let (promise, future) = promise();
        let packed = |argument: &A| Ok((named(Callee::at(function))?, vec![pack(&(argument,))?]));
        self.send(packed, one_result(promise), argument)?;
        Ok(future)
    }

    fn submit_chunk(
        &self,
        function: fn(A) -> R,
        chunk: Vec<A>,
    ) -> Result<Future<Vec<Result<R, FutureError>>>, SubmitError<Vec<A>>> {
        let (promise, future) = promise();
        let packed = |chunk: &Vec<A>| {
            let arguments: Result<_, SubmitCause> =
                chunk.iter().map(|item| pack(&(item,))).collect();
            Ok((named(Callee::at(function))?, arguments?))
        };
        self.send(packed, many_results(promise), chunk)?;
        Ok(future)
    }
}

impl fmt::Debug for RemoteExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteExecutor").finish_non_exhaustive()
    }
}
