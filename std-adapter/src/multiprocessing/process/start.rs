//! How a child comes to be, from its parent's side: this very program is started again, and told what to call.
//!
//! The child has one end of a socket, by a number that stands in a variable of its environment, for which a
//! constructor in this crate looks ([`entry`](super::super::entry)). What it is told is packed before it exists.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process;
use std::ptr;
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::fcntl_dupfd_cloexec;

use super::super::bulk::LIMIT;
use super::super::entry::{self, MARKER};
use super::super::error::{EncodeError, SendError};
use super::super::frame;
use super::super::parcel::Parcel;
use super::child::{Record, State};
use super::error::SpawnCause;
use super::order::{Function, Order, Reply};
use super::slot::Slot;
use super::{Builder, ChildProcess, current_process, family};
use crate::contextvars::Inherited;
use crate::os::poll;
use crate::os::process::Plan;
use crate::os::socket;
use crate::platform::{Deadline, after};
use crate::subprocess::{Signal, Status, ended, look_after, start_for_good};
use crate::threading::Event;

/// Starts a process that calls the function, and waits until it has taken over the arguments.
pub(super) fn start(
    builder: &Builder,
    function: Function,
    args: Parcel,
) -> Result<ChildProcess, SpawnCause> {
    let me = current_process();
    if me.is_daemon() {
        return Err(SpawnCause::Daemon);
    }
    if !family::is_open() {
        return Err(SpawnCause::Exiting);
    }
    let deadline = after(builder.startup_timeout);
    let ours = match &function {
        Function::Here(image, _) => image.to_string(),
        Function::Named(_, types) => types.clone(),
    };
    let (slot, slot_memory) = Slot::create().map_err(SpawnCause::Refused)?;
    let ancestry = family::next_ancestry();
    let serial = ancestry.last().copied().unwrap_or(0);
    let name = builder.name.clone().unwrap_or_else(|| family::default_name(&ancestry));
    let order = Order {
        function,
        name: name.clone(),
        daemon: builder.daemon,
        ancestry,
        parent: (me.name().to_owned(), me.pid()),
        context: Inherited::from_here().pack().map_err(SpawnCause::Context)?,
        slot: Arc::new(slot_memory),
    };
    let order = order.pack().map_err(SpawnCause::Encode)?;
    let order = order.lighten().map_err(SpawnCause::Refused)?;
    let args = args.lighten().map_err(SpawnCause::Refused)?;

    let (socket, theirs) = socket::pair().map_err(SpawnCause::Refused)?;
    let (pid, pidfd) = execute(builder.executable.as_deref(), theirs)?;
    let mut newborn = Newborn { pidfd: Some(pidfd) };
    let reply = converse(&newborn, &socket, [&order, &args], deadline);
    match reply {
        Ok(Reply::Ready) => {}
        Ok(reply) => return Err(refusal(reply, ours)),
        Err(Silence::TimedOut) => return Err(SpawnCause::TimedOut),
        Err(Silence::Ended) => return Err(SpawnCause::NeverStarted(newborn.end())),
        Err(Silence::Os(error)) => return Err(SpawnCause::Refused(error)),
        Err(Silence::Encode(error)) => return Err(SpawnCause::Encode(error)),
    }
    let Some(pidfd) = newborn.pidfd.take() else { unreachable!("only here is it taken") };
    let state = State::Running { socket, slot, hooks: Vec::new() };
    let child = ChildProcess(Arc::new(Record {
        serial,
        name,
        pid,
        daemon: builder.daemon,
        pidfd,
        state: Mutex::new(state),
        ended: Event::new(),
    }));
    // On the list before anybody looks after it, who takes it off.
    family::remember(&child);
    if let Err(error) = look_after(Arc::clone(&child.0) as _) {
        // It would never be known that it has ended.
        let _ = child.kill();
        while !poll::until(&mut [PollFd::new(&child.sentinel(), PollFlags::IN)], Deadline::NEVER) {}
        child.status();
        return Err(SpawnCause::Refused(error));
    }
    Ok(child)
}

/// A child that does not work yet. Dropped, it is ended.
struct Newborn {
    pidfd: Option<OwnedFd>,
}

impl Newborn {
    fn pidfd(&self) -> BorrowedFd<'_> {
        match &self.pidfd {
            Some(pidfd) => pidfd.as_fd(),
            None => unreachable!("it is there until the child works"),
        }
    }

    /// How it ended; waits for that.
    fn end(&self) -> Status {
        loop {
            if let Some(end) = ended(self.pidfd()) {
                return end.status;
            }
            let pidfd = self.pidfd();
            poll::until(&mut [PollFd::new(&pidfd, PollFlags::IN)], Deadline::NEVER);
        }
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        if let Some(pidfd) = &self.pidfd {
            // It may have ended by itself, and have been asked how.
            let _ = poll::send_signal(pidfd.as_fd(), libc::SIGKILL);
            self.end();
        }
    }
}

enum Silence {
    Ended,
    TimedOut,
    Os(io::Error),
    Encode(EncodeError),
}

/// Tells the child what to do, and hears whether it does it.
fn converse(
    child: &Newborn,
    socket: &OwnedFd,
    parcels: [&Parcel; 2],
    deadline: Deadline,
) -> Result<Reply, Silence> {
    for parcel in parcels {
        match frame::send(socket.as_fd(), parcel, deadline) {
            Ok(()) => {}
            // What it said before may be there.
            Err(SendError::Closed) => break,
            Err(SendError::TimedOut) => return Err(Silence::TimedOut),
            Err(SendError::Os(error)) => return Err(Silence::Os(error)),
            Err(error) => return Err(Silence::Encode(EncodeError::of(error))),
        }
    }
    let pidfd = child.pidfd();
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
    if !poll::until(&mut fds, deadline) {
        return Err(Silence::TimedOut);
    }
    // If it has ended, and somebody else holds its end of the socket, nothing more comes.
    let deadline = if poll::is_ready(pidfd) { Deadline::PASSED } else { deadline };
    match frame::receive(socket.as_fd(), LIMIT, deadline) {
        Ok(parcel) => {
            let parcel = parcel.unfold().map_err(Silence::Os)?;
            Reply::unpack(parcel).map_err(|error| Silence::Os(io::Error::other(error)))
        }
        Err(super::super::RecvError::Os(error)) => Err(Silence::Os(error)),
        Err(super::super::RecvError::TimedOut) if !poll::is_ready(pidfd) => Err(Silence::TimedOut),
        Err(_) => Err(Silence::Ended),
    }
}

fn refusal(reply: Reply, ours: String) -> SpawnCause {
    match reply {
        Reply::OtherImage(theirs) => SpawnCause::OtherImage { ours, theirs },
        Reply::NoSuchFunction => SpawnCause::NoSuchFunction,
        Reply::Arguments(error) => SpawnCause::Arguments(error),
        Reply::OtherTypes(theirs) => SpawnCause::OtherTypes { ours, theirs },
        Reply::Failed(why) => SpawnCause::Failed(why),
        Reply::Ready => unreachable!("this is no refusal"),
    }
}

/// Starts the program with the socket and without a standard input (MP017). It is killed when this process ends,
/// however that comes about.
fn execute(program: Option<&Path>, socket: OwnedFd) -> Result<(i32, OwnedFd), SpawnCause> {
    let refused = |error: rustix::io::Errno| SpawnCause::Refused(error.into());
    let invalid = |_| SpawnCause::Refused(io::ErrorKind::InvalidInput.into());
    // Not the number of a standard stream, one of which this process may have closed.
    let socket = fcntl_dupfd_cloexec(&socket, 3).map_err(refused)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let null = null.map_err(refused)?;
    // This one is the file that runs, also if there is another of that name by now.
    let program = program.unwrap_or(Path::new("/proc/self/exe"));
    let paths = [CString::new(program.as_os_str().to_owned().into_vec()).map_err(invalid)?];
    // What the child is asked for by `std::env::args` is what this process would say.
    let argv: Result<Vec<_>, _> =
        std::env::args_os().map(|arg| CString::new(arg.into_vec())).collect();
    let argv = argv.map_err(invalid)?;
    let envp = environment(&socket).map_err(invalid)?;
    let (argv, envp) = (addresses(&argv), addresses(&envp));
    let plan = Plan {
        paths: &paths,
        argv: &argv,
        envp: &envp,
        stdio: [Some(null.as_raw_fd()), None, None],
        close_others: true,
        keep: &[socket.as_raw_fd()],
        directory: None,
        umask: None,
        restore_signals: true,
        session: false,
        group: None,
        groups: None,
        gid: None,
        uid: None,
        limits: &[],
        death_signal: Some(Signal::KILL.number()),
    };
    start_for_good(&plan).map_err(|(_, error)| SpawnCause::Refused(error))
}

/// This process's variables and the marker.
fn environment(socket: &OwnedFd) -> Result<Vec<CString>, std::ffi::NulError> {
    let mut lines = vec![entry::marker(socket.as_raw_fd(), process::id())];
    for (name, value) in std::env::vars_os() {
        if name.as_encoded_bytes() != MARKER.to_bytes() {
            let mut line: OsString = name;
            line.push("=");
            line.push(&value);
            lines.push(CString::new(line.into_vec())?);
        }
    }
    Ok(lines)
}

/// Where the strings are, and null.
fn addresses(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}
