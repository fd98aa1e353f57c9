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

/// Starts this program again, under trace, to do the work of one subject `times` times.
pub(crate) fn child(subject: usize, times: u64) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([subject.to_string(), times.to_string()]);
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
pub(crate) fn system_calls(mut child: Child) -> io::Result<u64> {
    let pid = first_mark(&child)?;
    // Each call stops the child twice, at its entry and at its exit.
    let mut stops = 0;
    while next_stop(pid, libc::PTRACE_SYSCALL)? == (libc::SIGTRAP | 0x80) {
        stops += 1;
    }
    finish(&mut child)?;
    // The second mark is a call itself.
    Ok(stops / 2 - 1)
}

/// Instructions of one kind and another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Instructions {
    pub(crate) all: u64,
    /// Read-modify-writes that lock their cache line.
    pub(crate) locked: u64,
    /// Full fences that are nothing else.
    pub(crate) fences: u64,
}

/// Counts the child's instructions between its two marks, one step at a time, and lets it finish.
pub(crate) fn instructions(mut child: Child) -> io::Result<Instructions> {
    let pid = first_mark(&child)?;
    let mut counts = Instructions::default();
    loop {
        let next = next_instruction(pid)?;
        if next_stop(pid, libc::PTRACE_SINGLESTEP)? != libc::SIGTRAP {
            break;
        }
        counts.all += 1;
        counts.locked += u64::from(is_locked(next));
        counts.fences += u64::from(next[..3] == [0x0f, 0xae, 0xf0]);
    }
    finish(&mut child)?;
    Ok(counts)
}

/// The first bytes of the instruction that is carried out next.
#[cfg(target_arch = "x86_64")]
fn next_instruction(pid: libc::pid_t) -> io::Result<[u8; 8]> {
    let register = std::mem::offset_of!(libc::user_regs_struct, rip);
    // What is asked for comes back as the result, so -1 is no error here.
    //
    // SAFETY: both requests read from the child and follow no address of ours.
    let word = unsafe {
        let address = libc::ptrace(libc::PTRACE_PEEKUSER, pid, register, 0);
        libc::ptrace(libc::PTRACE_PEEKTEXT, pid, address, 0)
    };
    Ok(word.to_ne_bytes())
}

#[cfg(not(target_arch = "x86_64"))]
fn next_instruction(_: libc::pid_t) -> io::Result<[u8; 8]> {
    Ok([0; 8])
}

/// Whether an x86 instruction locks its line: by the prefix, or because it is an exchange with memory.
fn is_locked(instruction: [u8; 8]) -> bool {
    let mut rest = &instruction[..];
    while let [0x66 | 0xf2 | 0xf3, after @ ..] = rest {
        rest = after;
    }
    if let [0x40..=0x4f, after @ ..] = rest {
        rest = after;
    }
    match rest {
        [0xf0, ..] => true,
        [0x86 | 0x87, operands, ..] => *operands < 0xc0,
        _ => false,
    }
}

/// Lets the child run to its first mark.
fn first_mark(child: &Child) -> io::Result<libc::pid_t> {
    let pid = child.id() as libc::pid_t;
    // The stop after exec.
    wait(pid)?;
    ask(libc::PTRACE_SETOPTIONS, pid, libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL)?;
    match next_stop(pid, libc::PTRACE_CONT)? {
        MARK => Ok(pid),
        other => Err(io::Error::other(format!("the child stopped by signal {other}"))),
    }
}

/// Lets the child go on in the given way and says which signal stopped it: [`MARK`] at a mark.
fn next_stop(pid: libc::pid_t, how: libc::c_uint) -> io::Result<libc::c_int> {
    ask(how, pid, 0)?;
    let status = wait(pid)?;
    if !libc::WIFSTOPPED(status) {
        return Err(io::Error::other(format!("the child has ended: status {status:#x}")));
    }
    Ok(libc::WSTOPSIG(status))
}

/// Lets the child run to its end.
fn finish(child: &mut Child) -> io::Result<()> {
    ask(libc::PTRACE_DETACH, child.id() as libc::pid_t, 0)?;
    child.wait().map(drop)
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
