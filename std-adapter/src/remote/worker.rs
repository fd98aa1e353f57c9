//! A worker.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::desk::{Desk, Note, Plan};
use super::engine::{connected, runtime, start_thread};
use super::settings::{ConnectError, Settings};
use crate::concurrent::{AtExit, TimedOut, add_at_exit, promise};
use crate::platform::{Deadline, after};
use crate::threading::Event;

/// Does the tasks of all [executors](super::RemoteExecutor) of its realm, with a pool of its own. Any
/// program can have one that [registers](crate::register) the functions; only those are called.
///
/// When it is dropped it takes nothing more, does what it has, and ends. Dropping does not block; at the
/// end of the process it is waited for.
///
/// ```no_run
/// use inkle::remote::{Settings, Worker};
///
/// fn square(number: u64) -> u64 {
///     number * number
/// }
///
/// inkle::register!("example.square", square as fn(u64) -> u64);
///
/// let worker = Worker::start(&Settings::new("nats://loom.example:4222"))?;
/// // Until somebody calls `drain`, from another thread.
/// worker.wait();
/// # Ok::<(), inkle::remote::ConnectError>(())
/// ```
pub struct Worker {
    desk: Arc<Handle>,
    plan: Plan,
    id: u64,
}

struct Handle {
    notify: UnboundedSender<Note>,
    ended: Arc<Event>,
}

impl Handle {
    fn drain(&self) {
        // If nobody hears it, it has ended.
        let _ = self.notify.send(Note::Drain);
    }
}

impl AtExit for Handle {
    fn exit(&self) {
        self.drain();
    }
}

/// How to start a [`Worker`].
///
/// ```no_run
/// use inkle::remote::{Settings, Worker};
///
/// let settings = Settings::new("nats://loom.example:4222");
/// let worker = Worker::builder(&settings).slots(4).processes(true).host("loom-7").start()?;
/// # Ok::<(), inkle::remote::ConnectError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder starts nothing before `start`"]
pub struct WorkerBuilder {
    settings: Settings,
    plan: Plan,
}

impl WorkerBuilder {
    /// So many tasks at a time; unless told otherwise as many as there are processors.
    pub fn slots(mut self, slots: u32) -> Self {
        self.plan.slots = slots;
        self
    }

    /// Tasks are done in processes, not in threads: one that dies takes only its own task with it, and one
    /// that is to stop is killed.
    pub fn processes(mut self, processes: bool) -> Self {
        self.plan.processes = processes;
        self
    }

    /// Also does the tasks that the server keeps, of executors in [durable mode](super::RemoteExecutor::attach).
    pub fn durable(mut self, durable: bool) -> Self {
        self.plan.durable = durable;
        self
    }

    /// What this machine is called; unless told otherwise as the system has it. The process's number is added.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.plan.host = name.into();
        self
    }

    /// The worker. Blocks until it is connected.
    ///
    /// Errors: [`ConnectError`]; also for no slots, or too many.
    pub fn start(self) -> Result<Worker, ConnectError> {
        let Self { settings, mut plan } = self;
        plan.host = format!("{}:{}", plan.host, std::process::id());
        let (notify, notes) = unbounded_channel();
        let (ready, is_ready) = promise();
        let ended = Arc::new(Event::new());
        let (its_end, its_notify, its_plan) = (Arc::clone(&ended), notify.clone(), plan.clone());
        let life = move || {
            match runtime() {
                Ok(runtime) => runtime.block_on(async {
                    match Desk::prepare(settings, its_plan, notes, its_notify).await {
                        Ok(desk) => {
                            let _ = ready.set_result(Ok(desk.id()));
                            desk.serve().await;
                        }
                        Err(error) => _ = ready.set_result(Err(error)),
                    }
                }),
                Err(error) => _ = ready.set_result(Err(error)),
            }
            its_end.set();
        };
        start_thread("inkle-worker", life)?;
        let id = connected(is_ready)?;
        let desk = Arc::new(Handle { notify, ended });
        let weak: Weak<Handle> = Arc::downgrade(&desk);
        if !add_at_exit(weak) {
            desk.drain();
        }
        Ok(Worker { desk, plan, id })
    }
}

impl Worker {
    /// With as many threads as there are processors. Blocks until it is connected.
    ///
    /// Errors: [`ConnectError`].
    pub fn start(settings: &Settings) -> Result<Self, ConnectError> {
        Self::builder(settings).start()
    }

    /// To say more of it.
    pub fn builder(settings: &Settings) -> WorkerBuilder {
        let slots = available_parallelism().map_or(1, NonZeroUsize::get) as u32;
        let name = rustix::system::uname();
        let host = name.nodename().to_string_lossy().into_owned();
        let plan = Plan { host, slots, processes: false, durable: false };
        WorkerBuilder { settings: settings.clone(), plan }
    }

    /// Machine and process, as [`WorkerLost`](super::WorkerLost) and [`Status`](super::Status) name it:
    /// `HOST:PID`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.plan.host
    }

    /// Takes nothing more, and does not wait.
    pub fn close(&self) {
        self.desk.drain();
    }

    /// Takes nothing more, and waits until all that it has is done and those who asked have the answers; or until
    /// `deadline`. Those who do not ask for their answers have two leases to do so. If there is no connection for a
    /// second (or a lease, if that is shorter) nobody can be told, and nobody is waited for: tasks whose answers are
    /// lost so are done again by others, as often as they may be.
    ///
    /// Errors: [`TimedOut`]; then it goes on.
    pub fn drain_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.close();
        self.desk.ended.wait_until(deadline)
    }

    /// As [`drain_until`](Self::drain_until), for at most `timeout`.
    pub fn drain_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.drain_until(after(timeout))
    }

    /// As [`drain_until`](Self::drain_until), without limit.
    pub fn drain(&self) {
        // Without a deadline it does not time out.
        let _ = self.drain_until(Deadline::NEVER);
    }

    /// Waits until somebody has drained it.
    pub fn wait(&self) {
        self.desk.ended.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("host", &self.plan.host)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
