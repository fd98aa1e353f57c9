//! A server in a process of its own.
//!
//! Layout: a pipe between the two. The child says where its server is; then it waits for the other end to close,
//! which also happens when nobody is left who could close it.

use std::error::Error;
use std::fmt;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::server::Server;
use crate::multiprocessing::connection::{Address, Connection, pipe};
use crate::multiprocessing::process::{Builder, ChildProcess, Process, ProcessError, SpawnCause};
use crate::platform::{Deadline, after};
use crate::queue::TimedOut;
use crate::threading::Mutex;

/// The process, from the side of who has started it. Dropped, it is [ended](Self::end).
pub(super) struct Home {
    process: Process<Result<(), String>>,
    /// While it is open the server serves.
    lifeline: Mutex<Option<Connection>>,
}

impl Home {
    /// Errors: [`StartError`].
    pub(super) fn found<F, A>(setup: F, argument: A) -> Result<(Self, Address), StartError>
    where
        F: Fn(&Server, A) + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + 'static,
    {
        let (ours, theirs) = pipe().map_err(StartError::Os)?;
        let serve = move |lifeline: Connection, argument: A| {
            serve(&lifeline, |server| setup(server, argument)).map_err(|error| error.to_string())
        };
        // The end of this process does not wait for somebody to drop the manager.
        let process = Builder::new().daemon(true).spawn(serve, (theirs, argument));
        let process = process.map_err(|error| StartError::Spawn(error.into_parts().0))?;
        match ours.recv() {
            Ok(address) => Ok((Self { process, lifeline: Mutex::new(Some(ours)) }, address)),
            Err(_) => Err(match process.join() {
                Ok(Err(why)) => StartError::Os(io::Error::other(why)),
                // It would have said where it is.
                Ok(Ok(())) => StartError::Process(ProcessError::Unknown),
                Err(error) => StartError::Process(error),
            }),
        }
    }

    pub(super) fn process(&self) -> &ChildProcess {
        &self.process
    }

    /// Has the server end and waits for that; if it does not come before `deadline`, the process is killed.
    pub(super) fn end(&self, deadline: Deadline) -> Result<(), TimedOut> {
        self.lifeline.lock().take();
        let ended = self.process.wait_until(deadline);
        if ended.is_err() {
            // An error: it has ended meanwhile.
            let _ = self.process.kill();
        }
        ended.map(drop)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.end(after(super::server::PATIENCE));
    }
}

/// In the child.
fn serve(lifeline: &Connection, setup: impl FnOnce(&Server)) -> io::Result<()> {
    let server = Server::bind(Address::unique()?)?;
    setup(&server);
    if lifeline.send(server.address()).is_ok() {
        lifeline.poll_until(Deadline::NEVER);
    }
    // As long as the parent has patience.
    server.shutdown();
    Ok(())
}

/// A manager's process does not serve.
///
/// ```
/// use inkle::multiprocessing::{Manager, ProcessError, Server, StartError};
///
/// fn setup(_: &Server, limit: u32) {
///     assert!(limit > 0, "a limit of nothing");
/// }
///
/// let error = Manager::start_with(setup, 0).unwrap_err();
/// assert!(matches!(error, StartError::Process(ProcessError::Panicked(_))));
/// assert!(error.to_string().contains("a limit of nothing"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// There is no process.
    Spawn(SpawnCause),
    /// The process ended before it served: the setup panicked, or something killed it.
    Process(ProcessError),
    /// The system refused a descriptor, a thread or an address, here or there.
    Os(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(cause) => cause.fmt(f),
            Self::Process(error) => write!(f, "the manager's process does not serve: {error}"),
            Self::Os(error) => write!(f, "the manager's process does not serve: {error}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Process(error) => Some(error),
            Self::Os(error) => Some(error),
            Self::Spawn(_) => None,
        }
    }
}
