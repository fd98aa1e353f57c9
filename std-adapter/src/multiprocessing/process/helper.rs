//! The fork server, from its parent's side: started when it is needed, asked for children, replaced when it has ended.
//!
//! # Invariants
//!
//! - A request goes one way, by the server's stream; what becomes of it comes on the socket of the child, which goes
//!   with the request. So requests do not wait for each other's answers, and who gives up leaves the stream in step.
//! - The end of the socket without an answer means that the server was gone: then another is asked, once. If it is
//!   gone and the socket has not ended, a child has it, which is asked.
//! - A child that nobody waits for any more when it is born is killed and forgotten ([`Stray`]).

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, waitid,
};

use super::super::entry::Role;
use super::super::error::{RecvError, SendError};
use super::super::fork::{self, Birth, Outset};
use super::super::frame;
use super::super::parcel::Parcel;
use super::error::SpawnCause;
use super::{family, start};
use crate::os::{poll, socket};
use crate::platform::Deadline;
use crate::subprocess::{Status, Ward, ended, look_after};
use crate::threading::Mutex;

static SERVER: Mutex<Option<Server>> = Mutex::new(None);

/// One that was started. Dropped, it ends when it has done what it was asked to.
struct Server {
    stream: OwnedFd,
    process: Arc<Helper>,
    /// What this process was like, as far as the server has it for ever.
    circumstances: String,
}

struct Helper(OwnedFd);

impl Helper {
    fn kill(&self) {
        // It may have ended.
        let _ = poll::send_signal(self.0.as_fd(), libc::SIGKILL);
    }
}

impl Ward for Helper {
    fn pidfd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn has_ended(&self) -> bool {
        ended(self.0.as_fd()).is_some()
    }
}

/// Starts the [fork server](super::StartMethod::ForkServer) now, unless it runs: the first process that needs it does
/// not wait for it then. Does not wait until it is ready. (MP004)
///
/// Errors: the process is [ending](SpawnCause::Exiting), or the system [refused](SpawnCause::Refused).
///
/// ```
/// use inkle::multiprocessing::{Builder, StartMethod, start_fork_server};
///
/// start_fork_server().unwrap();
/// let quick = Builder::new().start_method(StartMethod::ForkServer);
/// assert_eq!(quick.spawn(|a: u32, b: u32| a * b, (6, 7)).unwrap().join().unwrap(), 42);
/// ```
pub fn start_fork_server() -> Result<(), SpawnCause> {
    if !family::is_open() {
        return Err(SpawnCause::Exiting);
    }
    let (_, circumstances) = look_around().map_err(SpawnCause::Refused)?;
    running(&mut SERVER.lock(), circumstances)?;
    Ok(())
}

/// At the end of this process. Waits until it has ended, and it is killed.
pub(super) fn stop() {
    let server = SERVER.lock().take();
    let Some(Server { process, .. }) = server else { return };
    process.kill();
    while !process.has_ended() {
        poll::until(&mut [PollFd::new(&process.0, PollFlags::IN)], Deadline::NEVER);
    }
}

/// The one that runs, of a process that is like this.
fn running(there: &mut Option<Server>, circumstances: String) -> Result<&Server, SpawnCause> {
    let fits = |server: &Server| {
        server.circumstances == circumstances && !poll::is_ready(server.process.pidfd())
    };
    if !there.as_ref().is_some_and(fits) {
        *there = None;
    }
    match there {
        Some(server) => Ok(server),
        None => Ok(there.insert(launch(circumstances)?)),
    }
}

fn launch(circumstances: String) -> Result<Server, SpawnCause> {
    let (stream, theirs) = socket::pair().map_err(SpawnCause::Refused)?;
    let (_, pidfd) = start::execute(None, theirs, Role::ForkServer)?;
    let process = Arc::new(Helper(pidfd));
    if let Err(error) = look_after(Arc::clone(&process) as _) {
        // Without anybody who sees it end.
        process.kill();
        let _ = waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED);
        return Err(SpawnCause::Refused(error));
    }
    Ok(Server { stream, process, circumstances })
}

/// A child that is told what to do by the socket: its number, and what stands for it.
pub(super) fn bear(deadline: Deadline) -> Result<(OwnedFd, i32, OwnedFd), SpawnCause> {
    for _ in 0..2 {
        let (socket, theirs) = socket::pair().map_err(SpawnCause::Refused)?;
        let Some(process) = ask(theirs, deadline)? else { continue };
        match birth(&process, &socket, deadline) {
            Ok(Birth::Born(pid)) => {
                let pidfd = open(pid).map_err(SpawnCause::Refused)?;
                return Ok((socket, pid, pidfd));
            }
            Ok(Birth::Refused(errno)) => {
                return Err(SpawnCause::Refused(io::Error::from_raw_os_error(errno)));
            }
            Ok(Birth::Threads) => {
                let why = "the fork server has threads, from before `main`, and makes no copies";
                return Err(SpawnCause::Failed(why.to_owned()));
            }
            Err(RecvError::TimedOut) => {
                // It may have stopped.
                process.kill();
                fork::ask(&socket);
                // An error: there is no descriptor or thread. Then nobody sees the child end, if it comes.
                let _ = look_after(Arc::new(Stray { socket, pidfd: OnceLock::new() }));
                return Err(SpawnCause::TimedOut);
            }
            Err(RecvError::Os(error)) => return Err(SpawnCause::Refused(error)),
            Err(_) => forget(&process),
        }
    }
    Err(SpawnCause::NeverStarted(Status::Unknown))
}

/// Waits until `deadline` for what becomes of a request to this server.
fn birth(process: &Helper, socket: &OwnedFd, deadline: Deadline) -> Result<Birth, RecvError> {
    let mut fds = [PollFd::new(socket, PollFlags::IN), PollFd::new(&process.0, PollFlags::IN)];
    if !poll::until(&mut fds, deadline) {
        return Err(RecvError::TimedOut);
    }
    // First whether it is dead, and then whether it had said something.
    if poll::is_ready(process.pidfd()) && !poll::is_ready(socket.as_fd()) {
        fork::ask(socket);
    }
    Birth::hear(socket, deadline)
}

/// Asks for a child with this end of a socket; who was asked. `None`: it has ended.
fn ask(theirs: OwnedFd, deadline: Deadline) -> Result<Option<Arc<Helper>>, SpawnCause> {
    let (umask, circumstances) = look_around().map_err(SpawnCause::Refused)?;
    let parcel = outset(theirs, umask)?;
    let mut there = SERVER.lock_until(deadline).map_err(|_| SpawnCause::TimedOut)?;
    let server = running(&mut there, circumstances)?;
    let process = Arc::clone(&server.process);
    let sent = frame::send(server.stream.as_fd(), &parcel, deadline);
    if sent.is_ok() {
        return Ok(Some(process));
    }
    // It would read the rest of this as the next one.
    *there = None;
    match sent {
        Err(SendError::Closed) => Ok(None),
        Err(SendError::Os(error)) => Err(SpawnCause::Refused(error)),
        _ => {
            // It may have stopped.
            process.kill();
            Err(SpawnCause::TimedOut)
        }
    }
}

/// What the child begins with.
fn outset(theirs: OwnedFd, umask: u32) -> Result<Parcel, SpawnCause> {
    let variables = start::variables()
        .map_err(|_| SpawnCause::Refused(io::ErrorKind::InvalidInput.into()))?
        .iter()
        .flat_map(|line| line.as_bytes_with_nul())
        .copied()
        .collect();
    let outset = Outset::from_here(theirs, umask, variables);
    outset.map_err(|error| SpawnCause::Refused(error.into()))?.pack().map_err(SpawnCause::Encode)
}

/// The next request goes to another.
fn forget(process: &Arc<Helper>) {
    let mut there = SERVER.lock();
    if there.as_ref().is_some_and(|server| Arc::ptr_eq(&server.process, process)) {
        *there = None;
    }
}

/// The mask for new files; and what else a process has from its parent that no request says, as text to be compared.
fn look_around() -> io::Result<(u32, String)> {
    const LASTING: [&str; 10] = [
        "Pid:",
        "Uid:",
        "Gid:",
        "Groups:",
        "NSpgid:",
        "NSsid:",
        "SigIgn:",
        "Cap",
        "NoNewPrivs:",
        "Seccomp",
    ];
    let (mut status, mut circumstances) = (String::new(), String::new());
    read("/proc/self/status", &mut status)?;
    read("/proc/self/limits", &mut circumstances)?;
    let mut umask = None;
    for line in status.lines() {
        if let Some(mask) = line.strip_prefix("Umask:") {
            umask = u32::from_str_radix(mask.trim(), 8).ok();
        } else if LASTING.iter().any(|name| line.starts_with(name)) {
            let _ = writeln!(circumstances, "{line}");
        }
    }
    Ok((umask.ok_or(io::ErrorKind::Unsupported)?, circumstances))
}

/// At once, if it is not longer than usual: the system does not say beforehand.
fn read(path: &str, text: &mut String) -> io::Result<()> {
    text.reserve(4096);
    File::open(path)?.read_to_string(text)?;
    Ok(())
}

/// What stands for the child of this number, which runs, or has ended and not been asked how. If a program asks how all
/// its children have ended, nobody has been given the number again in so short a time. On an error it is ended.
fn open(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
    pidfd_open(pid, PidfdFlags::empty()).map_err(|error| {
        // Somebody else may have been told of its end already.
        let _ = kill_process(pid, Signal::KILL);
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
        error.into()
    })
}

/// A child that nobody waits for any more, if it is to be born at all.
struct Stray {
    socket: OwnedFd,
    pidfd: OnceLock<OwnedFd>,
}

impl Ward for Stray {
    /// Or what says that it is born.
    fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.get().unwrap_or(&self.socket).as_fd()
    }

    fn has_ended(&self) -> bool {
        if self.pidfd.get().is_none() {
            match Birth::hear(&self.socket, Deadline::PASSED).map(|birth| match birth {
                Birth::Born(pid) => open(pid).ok(),
                Birth::Refused(_) | Birth::Threads => None,
            }) {
                Ok(Some(pidfd)) => {
                    let _ = poll::send_signal(pidfd.as_fd(), libc::SIGKILL);
                    // It was empty, and only the thread that looks after children comes here.
                    let _ = self.pidfd.set(pidfd);
                }
                Err(RecvError::TimedOut) => return false,
                Ok(None) | Err(_) => return true,
            }
        }
        ended(self.pidfd()).is_some()
    }
}
