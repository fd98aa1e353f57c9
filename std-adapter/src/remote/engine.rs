//! What the handles of an executor share with the thread that looks after its connection.
//!
//! # Layout
//!
//! One thread has a runtime of its own, in which the client of the server runs, and a [`Driver`], which has
//! all the tasks. Handles send it commands; nothing else is shared. The thread takes turns: the driver
//! waits for something to happen, in the runtime; then those who wait are told, outside of it, so that
//! their callbacks find themselves in nobody's runtime.

use std::future;
use std::io;
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::job::Job;
use super::settings::ConnectError;
use super::status::Status;
use super::wire::Answer;
use crate::concurrent::{AtExit, Future, FutureError, Promise, SubmitCause, add_at_exit, promise};
use crate::contextvars::Context;
use crate::threading::{Builder, Event, locked};

/// What handles want of the driver.
pub(super) enum Command {
    Task(Job),
    /// Some futures were asked to stop.
    Stops,
    /// There will be no more tasks; what has not begun is perhaps to be cancelled.
    Close {
        cancel: bool,
    },
    Status(Promise<Status>),
}

/// What the driver hears from the handles by.
pub(super) struct Ears {
    pub(super) commands: UnboundedReceiver<Command>,
    /// For futures of tasks that have begun.
    pub(super) on_stop: Arc<dyn Fn() + Send + Sync>,
}

/// What is to be told to those who wait.
pub(super) enum News {
    Ended(Job, Answer),
    Cancelled(Job),
    Failed(Job, FutureError),
}

impl News {
    fn tell(self) {
        match self {
            Self::Ended(job, answer) => job.end(answer),
            Self::Cancelled(job) => job.settle.cancel(),
            Self::Failed(job, error) => job.settle.fail(error),
        }
    }
}

/// Has the tasks.
pub(super) trait Driver: Sized {
    /// Waits until something happens, and sees to it; `false` when all is over.
    fn step(&mut self, news: &mut Vec<News>) -> impl future::Future<Output = bool>;
}

struct Gate {
    /// Whether it takes tasks.
    is_open: bool,
    /// The tasks that there have been.
    numbered: u64,
}

/// See the module.
pub(super) struct Engine {
    commands: UnboundedSender<Command>,
    gate: Mutex<Gate>,
    /// The thread does nothing more.
    pub(super) ended: Arc<Event>,
}

impl Engine {
    /// Starts the thread, and waits until its driver is ready, as `prepare` has it.
    pub(super) fn start<D, P, F>(prepare: P) -> Result<Arc<Self>, ConnectError>
    where
        D: Driver + 'static,
        P: FnOnce(Ears) -> F + Send + 'static,
        F: future::Future<Output = Result<D, ConnectError>>,
    {
        let (sender, commands) = unbounded_channel();
        let (ready, is_ready) = promise();
        let ended = Arc::new(Event::new());
        let (stops, its_end) = (sender.clone(), Arc::clone(&ended));
        // A future does not keep the executor.
        let on_stop = Arc::new(move || _ = stops.send(Command::Stops));
        let ears = Ears { commands, on_stop };
        let life = move || {
            match runtime() {
                Ok(runtime) => live(&runtime, prepare(ears), ready),
                Err(error) => _ = ready.set_result(Err(error)),
            }
            its_end.set();
        };
        start_thread("inkle-remote", life)?;
        connected(is_ready)?;
        let gate = Mutex::new(Gate { is_open: true, numbered: 0 });
        let engine = Arc::new(Self { commands: sender, gate, ended });
        let weak: Weak<Self> = Arc::downgrade(&engine);
        if !add_at_exit(weak) {
            engine.close(false);
        }
        Ok(engine)
    }

    /// Hands over a task, which `make` makes of its number.
    pub(super) fn submit(&self, make: impl FnOnce(u64) -> Job) -> Result<(), SubmitCause> {
        let mut gate = locked(&self.gate);
        if !gate.is_open {
            return Err(SubmitCause::ShutDown);
        }
        gate.numbered += 1;
        match self.commands.send(Command::Task(make(gate.numbered))) {
            Ok(()) => Ok(()),
            Err(_) => Err(SubmitCause::ShutDown),
        }
    }

    pub(super) fn close(&self, cancel: bool) {
        let mut gate = locked(&self.gate);
        gate.is_open = false;
        // If nobody hears it, it is closed.
        let _ = self.commands.send(Command::Close { cancel });
    }

    /// How it stands; `None` if it is over.
    pub(super) fn status(&self) -> Option<Status> {
        let (asked, answer) = promise();
        self.commands.send(Command::Status(asked)).ok()?;
        answer.join().ok()
    }
}

impl AtExit for Engine {
    fn exit(&self) {
        self.close(false);
    }
}

/// For the client, on one thread.
pub(super) fn runtime() -> Result<Runtime, ConnectError> {
    runtime::Builder::new_current_thread().enable_all().build().map_err(ConnectError::refused)
}

/// A thread for which the end of the process waits, and which inherits nothing.
pub(super) fn start_thread(
    name: &str,
    life: impl FnOnce() + Send + 'static,
) -> Result<(), ConnectError> {
    let builder = Builder::new().name(name).daemon(false).context(Context::new());
    match builder.spawn(life) {
        Ok(_) => Ok(()),
        Err(error) => Err(ConnectError::refused(io::Error::other(error.to_string()))),
    }
}

/// What a thread says that was to connect.
pub(super) fn connected<T: Send + 'static>(
    answer: Future<Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    answer.join().unwrap_or_else(|error| Err(ConnectError::refused(error)))
}

/// A driver, which has to be in its runtime when it is dropped.
struct Inside<'r, D>(&'r Runtime, Option<D>);

impl<D> Drop for Inside<'_, D> {
    fn drop(&mut self) {
        let _inside = self.0.enter();
        self.1 = None;
    }
}

fn live<D: Driver>(
    runtime: &Runtime,
    preparing: impl future::Future<Output = Result<D, ConnectError>>,
    ready: Promise<Result<(), ConnectError>>,
) {
    let mut inside = match runtime.block_on(preparing) {
        Ok(driver) => Inside(runtime, Some(driver)),
        Err(error) => {
            let _ = ready.set_result(Err(error));
            return;
        }
    };
    let Some(driver) = &mut inside.1 else { return };
    // Who waits for it gets it, or has gone.
    let _ = ready.set_result(Ok(()));
    let mut news = Vec::new();
    loop {
        let goes_on = runtime.block_on(driver.step(&mut news));
        news.drain(..).for_each(News::tell);
        if !goes_on {
            return;
        }
    }
}
