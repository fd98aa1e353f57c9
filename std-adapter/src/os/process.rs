//! Linux: starting another program, and being told how it has ended.
//!
//! `clone` with `CLONE_VM` and `CLONE_VFORK`, as the C library's `posix_spawn` does it: the child runs in
//! this process's memory, on a stack of its own, while the calling thread stands still, until it executes
//! the program or ends. So it costs the same however much memory this process uses; all that a child can do
//! before the program begins can be done; and what goes wrong there it writes where the parent reads.
//! `CLONE_PIDFD` gives a descriptor that is this child's for ever.
//!
//! # What the child may do
//!
//! It shares all memory with a process whose other threads run on: so it may only make system calls, read
//! the [`Plan`], and write to its own stack, `errno` and the [`Attempt`]. No allocation, no lock, no panic;
//! and none of the C library's calls that speak to the other threads (`setuid` and kin). No signal handler
//! of the parent may run in it: signals are blocked until its handlers are set back.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::process::{WaitId, WaitIdOptions, waitid};

/// Bytes of the child's stack. It holds a few frames and no arrays.
const STACK: usize = 32 * 1024;
/// Signals are numbered from 1 to this.
const SIGNALS: c_int = 64;

/// What a child is to do before it executes its program. Addresses are of what lives until it has.
pub(crate) struct Plan<'a> {
    /// Where the program may be; tried in this order.
    pub(crate) paths: &'a [CString],
    /// Each ends with null.
    pub(crate) argv: &'a [*const c_char],
    pub(crate) envp: &'a [*const c_char],
    /// What become its descriptors 0, 1 and 2; `None`: what they are here.
    pub(crate) stdio: [Option<RawFd>; 3],
    /// Whether all other descriptors are closed, except for `keep`.
    pub(crate) close_others: bool,
    pub(crate) keep: &'a [RawFd],
    pub(crate) directory: Option<&'a CStr>,
    pub(crate) umask: Option<u32>,
    pub(crate) restore_signals: bool,
    pub(crate) session: bool,
    pub(crate) group: Option<i32>,
    pub(crate) groups: Option<&'a [u32]>,
    pub(crate) gid: Option<u32>,
    pub(crate) uid: Option<u32>,
    /// Resource, soft limit, hard limit.
    pub(crate) limits: &'a [(u32, u64, u64)],
    /// What it is sent when the thread that starts it ends.
    pub(crate) death_signal: Option<c_int>,
}

/// Where a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Clone,
    ControlGroup,
    Descriptors,
    Directory,
    Session,
    Group,
    Identity,
    Limits,
    DeathSignal,
    Execute,
}

/// What the parent and the child have in common while the parent stands still.
struct Attempt<'a> {
    plan: &'a Plan<'a>,
    entrance: Option<RawFd>,
    /// The signals blocked before.
    mask: libc::sigset_t,
    parent: libc::pid_t,
    failed: Option<(Stage, c_int)>,
}

/// A running child: its number, and what stands for it.
pub(crate) type Started = Result<(i32, OwnedFd), (Stage, io::Error)>;

/// Starts it.
pub(crate) fn start(plan: &Plan<'_>) -> Started {
    start_in(plan, None)
}

/// As [`start`]. If there is an `entrance`, the child goes into a control group first of all: by writing `0` there.
pub(crate) fn start_in(plan: &Plan<'_>, entrance: Option<RawFd>) -> Started {
    let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(STACK / size_of::<u128>());
    // SAFETY: one past the end of the allocation. The stack grows downwards from there.
    let top = unsafe { stack.as_mut_ptr().add(stack.capacity()) };
    let mut pidfd: c_int = -1;
    // SAFETY: zeros are a set of signals; `sigfillset` and `pthread_sigmask` are given sets of ours.
    let (pid, clone_error, failed) = unsafe {
        let mut all: libc::sigset_t = zeroed();
        libc::sigfillset(&raw mut all);
        let (mask, parent) = (zeroed(), libc::getpid());
        let mut attempt = Attempt { plan, entrance, mask, parent, failed: None };
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut attempt.mask);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: `child` is given the attempt, which it alone uses until it has executed a program or
        // ended, before which this does not return; likewise the stack, which has room for it.
        let pid = libc::clone(child, top.cast(), flags, (&raw mut attempt).cast(), &raw mut pidfd);
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const attempt.mask, ptr::null_mut());
        // The child has written it, behind the compiler's back.
        (pid, error, (&raw const attempt.failed).read_volatile())
    };
    if pid == -1 {
        return Err((Stage::Clone, clone_error));
    }
    // SAFETY: `clone` has put a new descriptor there, which nobody else has.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    match failed {
        None => Ok((pid, pidfd)),
        Some((stage, errno)) => {
            // It is ending, so this does not wait for long. An error means that somebody else has reaped it.
            let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
            Err((stage, io::Error::from_raw_os_error(errno)))
        }
    }
}

extern "C" fn child(attempt: *mut c_void) -> c_int {
    // SAFETY: it is the attempt that `start` has passed, and the parent does not use it now.
    let attempt = unsafe { &mut *attempt.cast::<Attempt<'_>>() };
    // SAFETY: we are the child.
    let failed = unsafe { become_program(attempt) };
    // SAFETY: a plain write, which the compiler is to do although nobody here reads it.
    unsafe { (&raw mut attempt.failed).write_volatile(Some(failed)) };
    // SAFETY: ends this process and runs nothing of the parent's.
    unsafe { libc::_exit(127) }
}

fn errno() -> c_int {
    // SAFETY: the address of a word of the parent's thread, which stands still.
    unsafe { *libc::__errno_location() }
}

fn check(stage: Stage, result: c_long) -> Result<c_int, (Stage, c_int)> {
    if result == -1 { Err((stage, errno())) } else { Ok(result as c_int) }
}

/// Returns only if something has failed.
///
/// # Safety
///
/// The caller is a child that [`start`] has made.
unsafe fn become_program(attempt: &Attempt<'_>) -> (Stage, c_int) {
    // SAFETY: the caller's promise.
    match unsafe { prepare(attempt) } {
        Err(failed) => failed,
        // SAFETY: as above.
        Ok(()) => unsafe { execute(attempt.plan) },
    }
}

/// In the order in which Python does it. (SP023)
///
/// # Safety
///
/// As for [`become_program`].
unsafe fn prepare(attempt: &Attempt<'_>) -> Result<(), (Stage, c_int)> {
    let plan = attempt.plan;
    if let Some(entrance) = attempt.entrance {
        // SAFETY: one byte, which lives for ever.
        let entered = unsafe { libc::write(entrance, b"0".as_ptr().cast(), 1) };
        check(Stage::ControlGroup, entered as c_long)?;
    }
    // SAFETY: this process's own descriptors.
    unsafe { place_stdio(plan.stdio) }?;
    // SAFETY: system calls with what the plan has, which lives; none runs code of this process's.
    unsafe {
        if let Some(directory) = plan.directory {
            check(Stage::Directory, libc::chdir(directory.as_ptr()).into())?;
        }
        if let Some(umask) = plan.umask {
            libc::umask(umask as libc::mode_t);
        }
        reset_signals(plan.restore_signals);
        if plan.session {
            check(Stage::Session, libc::setsid().into())?;
        }
        if let Some(group) = plan.group {
            check(Stage::Group, libc::setpgid(0, group).into())?;
        }
        for &(resource, soft, hard) in plan.limits {
            let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
            let limit = &raw const limit;
            let none = ptr::null_mut::<libc::rlimit64>();
            let set = libc::syscall(libc::SYS_prlimit64, 0, resource, limit, none);
            check(Stage::Limits, set)?;
        }
        // Not by the C library, which would have all threads of the parent follow.
        if let Some(groups) = plan.groups {
            check(Stage::Identity, libc::syscall(SYS_SETGROUPS, groups.len(), groups.as_ptr()))?;
        }
        if let Some(gid) = plan.gid {
            check(Stage::Identity, libc::syscall(SYS_SETRESGID, gid, gid, gid))?;
        }
        if let Some(uid) = plan.uid {
            check(Stage::Identity, libc::syscall(SYS_SETRESUID, uid, uid, uid))?;
        }
        if let Some(signal) = plan.death_signal {
            check(Stage::DeathSignal, libc::prctl(libc::PR_SET_PDEATHSIG, signal).into())?;
            if libc::getppid() != attempt.parent {
                // It has ended before we asked.
                libc::kill(libc::getpid(), signal);
            }
        }
        if plan.close_others {
            close_others(plan.keep);
        }
        for fd in plan.keep {
            check(Stage::Descriptors, libc::fcntl(*fd, libc::F_SETFD, 0).into())?;
        }
        // Last: from here on a signal may come.
        libc::sigprocmask(libc::SIG_SETMASK, &raw const attempt.mask, ptr::null_mut());
    }
    Ok(())
}

#[cfg(target_pointer_width = "64")]
use libc::{
    SYS_setgroups as SYS_SETGROUPS, SYS_setresgid as SYS_SETRESGID, SYS_setresuid as SYS_SETRESUID,
};
// Without the number those take 16 bits.
#[cfg(not(target_pointer_width = "64"))]
use libc::{
    SYS_setgroups32 as SYS_SETGROUPS, SYS_setresgid32 as SYS_SETRESGID,
    SYS_setresuid32 as SYS_SETRESUID,
};

/// # Safety
///
/// As for [`become_program`].
unsafe fn place_stdio(stdio: [Option<RawFd>; 3]) -> Result<(), (Stage, c_int)> {
    let mut sources = stdio;
    for (target, source) in sources.iter_mut().enumerate() {
        let Some(fd) = source else { continue };
        // One of the three that is to become another: out of the way, before that one is replaced.
        if *fd <= 2 && *fd != target as RawFd {
            // SAFETY: makes a descriptor from a descriptor.
            let moved = unsafe { libc::fcntl(*fd, libc::F_DUPFD_CLOEXEC, 3) };
            *source = Some(check(Stage::Descriptors, moved.into())?);
        }
    }
    for (target, source) in sources.iter().enumerate() {
        let Some(fd) = *source else { continue };
        let target = target as RawFd;
        // SAFETY: as above.
        let placed = unsafe {
            if fd == target { libc::fcntl(fd, libc::F_SETFD, 0) } else { libc::dup2(fd, target) }
        };
        check(Stage::Descriptors, placed.into())?;
    }
    Ok(())
}

/// Handlers of the parent's are set back, for they may not run here; and what it ignores stays ignored, but
/// for what Rust and others ignore by habit, if that is to be restored. (SP021)
///
/// # Safety
///
/// As for [`become_program`].
unsafe fn reset_signals(restore: bool) {
    for signal in 1..=SIGNALS {
        // SAFETY: zeros are an action: the default one.
        let mut action: libc::sigaction = unsafe { zeroed() };
        // SAFETY: asks only.
        let known = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) } == 0;
        let by_habit = restore && (signal == libc::SIGPIPE || signal == libc::SIGXFSZ);
        let is_default = action.sa_sigaction == libc::SIG_DFL;
        let is_ignored = action.sa_sigaction == libc::SIG_IGN;
        if known && !is_default && (!is_ignored || by_habit) {
            // SAFETY: as above. This process's own table.
            unsafe {
                let default: libc::sigaction = zeroed();
                libc::sigaction(signal, &raw const default, ptr::null_mut());
            }
        }
    }
}

/// Has all descriptors from 3 on closed when the program begins.
///
/// # Safety
///
/// As for [`become_program`].
unsafe fn close_others(keep: &[RawFd]) {
    const CLOSE_RANGE_CLOEXEC: c_int = 4;
    // SAFETY: marks descriptors of this process's own table.
    unsafe {
        let marked = libc::syscall(libc::SYS_close_range, 3, c_int::MAX, CLOSE_RANGE_CLOEXEC);
        if marked == 0 {
            return;
        }
        // Before Linux 5.11: one by one, as far as there may be any.
        let mut limit: libc::rlimit = zeroed();
        let known = libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0;
        let end = if known { limit.rlim_cur.min(1 << 20) as RawFd } else { 1 << 16 };
        for fd in 3..end {
            if !keep.contains(&fd) {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// Tries the paths; the first error that is not "not found" counts. (SP023)
///
/// # Safety
///
/// As for [`become_program`].
unsafe fn execute(plan: &Plan<'_>) -> (Stage, c_int) {
    let mut first = 0;
    let mut last = libc::ENOENT;
    for path in plan.paths {
        // SAFETY: the path is a string, and the arrays are of such and end with null, by the plan.
        unsafe { libc::execve(path.as_ptr(), plan.argv.as_ptr(), plan.envp.as_ptr()) };
        last = errno();
        if first == 0 && last != libc::ENOENT && last != libc::ENOTDIR {
            first = last;
        }
    }
    (Stage::Execute, if first != 0 { first } else { last })
}

/// How a child has ended, in the system's words.
pub(crate) struct End {
    /// Which of `CLD_…`.
    pub(crate) code: c_int,
    /// Its exit code, or a signal.
    pub(crate) status: c_int,
    pub(crate) usage: Usage,
}

/// What it has used, with those of its children that it has waited for. As the system writes it: this is not
/// `libc`'s, which where a word has 32 bits may have wider times.
#[repr(C)]
pub(crate) struct Usage {
    /// Seconds and microseconds.
    pub(crate) user: [c_long; 2],
    pub(crate) system: [c_long; 2],
    /// KiB.
    pub(crate) resident: c_long,
    rest: [c_long; 13],
}

/// How the child has ended, if it has; after that it is forgotten. Does not wait.
///
/// Errors: `ECHILD`, somebody else was told, or the system tells nobody.
pub(crate) fn ended(pidfd: BorrowedFd<'_>) -> io::Result<Option<End>> {
    let options = libc::WEXITED | libc::WNOHANG;
    // SAFETY: zeros are such values. The call is given a descriptor that is open, and room for both.
    let (result, info, usage) = unsafe {
        let mut info: libc::siginfo_t = zeroed();
        let mut usage: Usage = zeroed();
        let (to, and_to) = (&raw mut info, &raw mut usage);
        let fd = pidfd.as_raw_fd();
        let result = libc::syscall(libc::SYS_waitid, libc::P_PIDFD, fd, to, options, and_to);
        (result, info, usage)
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has written what it does of a child, or left the zeros.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok((pid != 0).then_some(End { code: info.si_code, status, usage }))
}
