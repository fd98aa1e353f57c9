//! The two sides of the trace.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

/// The signal by which the child says where it is. Under trace it stops the child and is then
/// swallowed.
const MARK: libc::c_int = libc::SIGUSR1;

/// Sends [`MARK`] to this process. One system call, and `pid` was asked before.
pub(crate) fn mark(pid: libc::pid_t) {
    // SAFETY: `kill` takes two numbers and touches no memory of ours.
    unsafe { libc::kill(pid, MARK) };
}

/// Starts this program again, under trace, to do the work of one subject.
pub(crate) fn child(subject: usize) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(subject.to_string());
    // SAFETY: between fork and exec the closure makes one system call and nothing else.
    unsafe {
        command.pre_exec(|| match ptrace(libc::PTRACE_TRACEME, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    command.spawn()
}

/// Counts the child's system calls between its two marks and lets it finish.
pub(crate) fn count(mut child: Child) -> io::Result<u64> {
    let pid = child.id() as libc::pid_t;
    // The stop after exec.
    wait(pid)?;
    ask(libc::PTRACE_SETOPTIONS, pid, libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL)?;
    ask(libc::PTRACE_CONT, pid, 0)?;
    expect_mark(wait(pid)?)?;

    // Each call stops the child twice, at its entry and at its exit.
    let mut stops = 0;
    loop {
        ask(libc::PTRACE_SYSCALL, pid, 0)?;
        let status = wait(pid)?;
        if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGTRAP | 0x80 {
            expect_mark(status)?;
            break;
        }
        stops += 1;
    }
    ask(libc::PTRACE_DETACH, pid, 0)?;
    child.wait()?;
    // The second mark is a call itself.
    Ok(stops / 2 - 1)
}

fn expect_mark(status: libc::c_int) -> io::Result<()> {
    if libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == MARK {
        return Ok(());
    }
    Err(io::Error::other(format!("the child stopped for another reason: status {status:#x}")))
}

fn wait(pid: libc::pid_t) -> io::Result<libc::c_int> {
    let mut status = 0;
    // SAFETY: `status` is ours and lives longer than the call.
    match unsafe { libc::waitpid(pid, &raw mut status, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(status),
    }
}

fn ask(request: libc::c_uint, pid: libc::pid_t, data: libc::c_int) -> io::Result<()> {
    match ptrace(request, pid, data) {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn ptrace(request: libc::c_uint, pid: libc::pid_t, data: libc::c_int) -> libc::c_long {
    let address = ptr::null_mut::<libc::c_void>();
    // SAFETY: none of the requests made here follows the address or the data, which is a number.
    unsafe { libc::ptrace(request, pid, address, libc::c_long::from(data)) }
}
