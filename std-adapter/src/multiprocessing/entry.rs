//! Where a child begins: before `main`.
//!
//! The system calls a constructor of this crate's in every program that has it in it. It does nothing, unless a
//! variable in the environment says that this process was started to call a function: then that is done instead of
//! `main`. So no `main` needs to know of it, and neither does a test harness.
//!
//! # What is missing before `main`
//!
//! The standard library's preparations: that SIGPIPE is ignored is done here; so that there is a thread named
//! `main`, a new one takes the part of the main thread, while the first stands by to the end. An overflow of a
//! stack is a SIGSEGV without a message. Constructors of other crates may not have been called.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::thread;

use rustix::fs::{FileType, fstat};
use rustix::io::{FdFlags, fcntl_setfd};

use super::bulk::LIMIT;
use super::call::{Job, Task};
use super::error::EncodeError;
use super::frame;
use super::image;
use super::names::{self, NotFound};
use super::parcel::Parcel;
use super::process::{
    Function, Order, PANICKED, PanicReport, Reply, Report, Slot, UNSENDABLE, adopt,
};
use crate::contextvars::Context;
use crate::platform::Deadline;
use crate::threading::{self, Panic};

/// The variable: the version, the number of the socket, and that of the parent.
pub(super) const MARKER: &CStr = c"INKLE_CHILD";

/// As the usual one of a main thread; the pages that are not used are not there.
const STACK: usize = 8 << 20;

/// The line of the environment that makes a child of a process.
pub(super) fn marker(socket: RawFd, parent: u32) -> CString {
    let name = MARKER.to_string_lossy();
    let line = format!("{name}={} {socket} {parent}", env!("CARGO_PKG_VERSION"));
    // There is no NUL in it.
    CString::new(line).unwrap_or_default()
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

extern "C" fn constructor() {
    if let Some(socket) = awaited() {
        become_child(socket);
    }
}

/// The socket, if somebody has started this process for this.
fn awaited() -> Option<OwnedFd> {
    // SAFETY: strings that end with NUL, and nobody else runs who could change the environment.
    let value = unsafe {
        // With more rights than its caller has a program does not listen to the environment.
        if libc::getauxval(libc::AT_SECURE) != 0 {
            return None;
        }
        let value = libc::getenv(MARKER.as_ptr());
        if value.is_null() {
            return None;
        }
        CStr::from_ptr(value)
    };
    let mut words = value.to_str().ok()?.split(' ');
    if words.next() != Some(env!("CARGO_PKG_VERSION")) {
        // It is for another version of this crate.
        return None;
    }
    let socket: RawFd = words.next()?.parse().ok()?;
    let parent: libc::pid_t = words.next()?.parse().ok()?;
    // SAFETY: asks for a number; takes a string, and nobody else looks at the environment.
    let is_ours = unsafe {
        libc::unsetenv(MARKER.as_ptr());
        libc::getppid() == parent
    };
    if !is_ours || socket < 3 {
        // It was meant for another process, from which this one has it.
        return None;
    }
    // SAFETY: a number is asked about. If it is open it stays so while this looks: nobody else runs.
    let kind = fstat(unsafe { BorrowedFd::borrow_raw(socket) }).ok()?;
    if FileType::from_raw_mode(kind.st_mode) != FileType::Socket {
        return None;
    }
    // SAFETY: it is open, and by the marker it is this process's to have; nobody else knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // Not for programs that this one starts.
    fcntl_setfd(&socket, FdFlags::CLOEXEC).ok()?;
    Some(socket)
}

fn become_child(socket: OwnedFd) -> ! {
    // SAFETY: as the standard library does it before `main`.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let thread = thread::Builder::new().name("main".to_owned()).stack_size(STACK);
    let live = move || {
        threading::become_main();
        let code = catch_unwind(AssertUnwindSafe(|| live(&socket))).unwrap_or(PANICKED);
        std::process::exit(code)
    };
    if let Err(_error) = thread.spawn(live) {
        // SAFETY: ends the process; nothing has been done that would have to be undone.
        unsafe { libc::_exit(1) };
    }
    loop {
        // SAFETY: waits for a signal.
        unsafe { libc::pause() };
    }
}

/// Does what the other side of the socket says; gives the code to end with.
fn live(socket: &OwnedFd) -> i32 {
    let (job, context, slot) = match prepare(socket) {
        Ok(prepared) => prepared,
        Err(reply) => {
            say(socket, reply.pack());
            return 1;
        }
    };
    threading::locate_panics();
    let before = take_hook();
    set_hook(Box::new(move |info| {
        slot.note(info);
        before(info);
    }));
    say(socket, Reply::Ready.pack());
    let called = catch_unwind(AssertUnwindSafe(|| context.into_inherited().run(job)));
    let (report, code) = match called {
        Ok(Ok(result)) => (Report::Returned(result), 0),
        Ok(Err(error)) => (Report::Unsendable(error), UNSENDABLE),
        // As if the main thread had been left.
        Err(payload) if threading::is_exit(&*payload) => return PANICKED,
        Err(payload) => {
            let panic = Panic::new(payload);
            let (message, place) = (panic.message().map(str::to_owned), panic.place().cloned());
            let thread = "main".to_owned();
            (Report::Panicked(PanicReport { message, place, thread }), PANICKED)
        }
    };
    match report.pack().and_then(|parcel| parcel.lighten().map_err(EncodeError::of)) {
        Ok(parcel) => match frame::send(socket.as_fd(), &parcel, Deadline::NEVER) {
            Ok(()) => code,
            Err(error) => unsendable(socket, EncodeError::of(error)),
        },
        Err(error) => unsendable(socket, error),
    }
}

fn unsendable(socket: &OwnedFd, error: EncodeError) -> i32 {
    say(socket, Report::Unsendable(error).pack());
    UNSENDABLE
}

/// If nobody hears it any more, this process is about to be killed with its parent.
fn say(socket: &OwnedFd, parcel: Result<Parcel, EncodeError>) {
    if let Ok(Ok(parcel)) = parcel.map(Parcel::lighten) {
        let _ = frame::send(socket.as_fd(), &parcel, Deadline::NEVER);
    }
}

/// Hears what to do, and sees whether it can be done.
fn prepare(socket: &OwnedFd) -> Result<(Job, Context, Slot), Reply> {
    let failed = |error: &dyn std::fmt::Display| Reply::Failed(error.to_string());
    let hear = || {
        let parcel = frame::receive(socket.as_fd(), LIMIT, Deadline::NEVER);
        parcel.map_err(|error| failed(&error))?.unfold().map_err(|error| failed(&error))
    };
    let order = Order::unpack(hear()?).map_err(|error| failed(&error))?;
    let task = find(order.function)?;
    let slot = Slot::map(order.slot.as_fd()).map_err(|error| failed(&error))?;
    let context = Context::unpack(&order.context).map_err(|error| failed(&error))?;
    adopt(order.name, order.daemon, order.ancestry, order.parent);
    let args = hear()?;
    // SAFETY: the parent has had the function, and runs this very image; or here it was registered.
    let job = unsafe { task.prepare(&args.bytes, args.fds) }.map_err(Reply::Arguments)?;
    Ok((job, context, slot))
}

fn find(function: Function) -> Result<&'static Task, Reply> {
    match function {
        Function::Here(theirs, place) => {
            let image = image::own().ok_or(Reply::NoSuchFunction)?;
            let ours = image.identity().map_err(|error| Reply::Failed(error.to_string()))?;
            if ours != theirs {
                return Err(Reply::OtherImage(ours.to_string()));
            }
            Task::at(place, image).ok_or(Reply::NoSuchFunction)
        }
        Function::Named(name, types) => names::find(&name, &types).map_err(|error| match error {
            NotFound::Unknown => Reply::NoSuchFunction,
            NotFound::Ambiguous => Reply::Failed(format!("two functions are registered as {name}")),
            NotFound::OtherTypes(theirs) => Reply::OtherTypes(theirs),
        }),
    }
}
