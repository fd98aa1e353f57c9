//! A child that runs in this process's memory until it executes a program or ends, while its parent stands still.
//!
//! By `clone3`, which sets the handlers of signals back in the child (Linux 5.5); the C library has no call for it
//! that could be given a function. Where that is not known, or not for this processor, by `clone`, and the child has
//! to see to its signals: 64 system calls.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;

/// What the child does.
pub(super) type Child = extern "C" fn(*mut c_void) -> c_int;

/// A child, and what stands for it.
pub(super) struct Made {
    pub(super) pid: libc::pid_t,
    pub(super) pidfd: c_int,
}

/// Makes the argument of the child, of whether handlers of this process's would run in it.
pub(super) type Prepare<'a> = dyn FnMut(bool) -> *mut c_void + 'a;

/// Makes a child that calls `child`.
///
/// # Safety
///
/// Nobody else uses `stack` before the child has executed a program or ended, nor what the argument points to. `child`
/// does not return, and does nothing that would be wrong in a process that shares this one's memory.
pub(super) unsafe fn vfork(
    stack: &mut [MaybeUninit<u128>],
    child: Child,
    prepare: &mut Prepare<'_>,
) -> io::Result<Made> {
    // SAFETY: the caller's promise.
    #[cfg(target_arch = "x86_64")]
    if let Some(made) = unsafe { by_clone3(stack, child, prepare(false)) } {
        return Ok(made);
    }
    // SAFETY: likewise.
    unsafe { by_clone(stack, child, prepare) }
}

/// # Safety
///
/// As for [`vfork`].
pub(super) unsafe fn by_clone(
    stack: &mut [MaybeUninit<u128>],
    child: Child,
    prepare: &mut Prepare<'_>,
) -> io::Result<Made> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: c_int = -1;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the caller's promise; the stack grows downwards from its end, which is aligned.
    let pid = unsafe { libc::clone(child, top.cast(), flags, prepare(true), &raw mut pidfd) };
    if pid == -1 { Err(io::Error::last_os_error()) } else { Ok(Made { pid, pidfd }) }
}

/// `None` after any error: it is unknown, or forbidden, or `clone` fails as well and says how.
///
/// # Safety
///
/// As for [`vfork`].
#[cfg(target_arch = "x86_64")]
unsafe fn by_clone3(
    stack: &mut [MaybeUninit<u128>],
    child: Child,
    argument: *mut c_void,
) -> Option<Made> {
    /// As the system has it.
    #[repr(C, align(8))]
    struct Arguments {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
    }

    const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
    let flags = (libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD) as u64;
    let mut pidfd: c_int = -1;
    let arguments = Arguments {
        flags: flags | CLONE_CLEAR_SIGHAND,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_mut_ptr() as u64,
        stack_size: size_of_val(stack) as u64,
        tls: 0,
    };
    let result: i64;
    // SAFETY: the system is told of what lives until it has answered. Behind the call there are two processes: this
    // one, in which nothing but the result and what the system clobbers has changed; and the child, with the same
    // registers but for the top of its own stack, which calls the function, aligned as calls want it, and never
    // comes to the end of this block.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            // No frame is below.
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw const arguments,
            in("rsi") size_of::<Arguments>(),
            in("r12") child,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // The system has written it, behind the compiler's back.
    // SAFETY: a word of ours.
    let pidfd = unsafe { (&raw const pidfd).read_volatile() };
    (result > 0).then_some(Made { pid: result as libc::pid_t, pidfd })
}
