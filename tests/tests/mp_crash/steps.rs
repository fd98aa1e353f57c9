//! A thread of another process that runs one instruction at a time.

use std::io;
use std::marker::PhantomData;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use inkle_tests::{Watchdog, process_state, watchdog};
use libc::{c_int, c_uint, c_void, pid_t};

/// Set, it leaves these tests out: for systems that let nobody trace, as some containers do.
const LEAVE_OUT: &str = "INKLE_NO_PTRACE";

/// So many looks in a row must find a thread asleep: it is not for a moment.
const LOOKS: u32 = 10;

/// That a test runs, alone: each death is told to all that this process maps, and others' conditions would wake up.
pub(crate) struct Alone {
    _turn: MutexGuard<'static, ()>,
    _watch: Watchdog,
}

/// Watches over the test that calls it; `None` if it is not to run.
pub(crate) fn watched() -> Option<Alone> {
    static TURN: Mutex<()> = Mutex::new(());
    let is_left_out = std::env::var_os(LEAVE_OUT).is_some();
    if is_left_out {
        eprintln!("left out, as {LEAVE_OUT} asks");
    }
    #[cfg(target_arch = "aarch64")]
    assert!(
        is_left_out || std::arch::is_aarch64_feature_detected!("lse"),
        "a step between an exclusive load and its store has the store fail for ever on this processor; \
         {LEAVE_OUT}=1 leaves out the tests that make steps"
    );
    if is_left_out {
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Some(Alone { _turn: turn, _watch: watchdog() })
}

/// A thread that stands still between two instructions. Only the thread that made this may use it.
///
/// Dropped, it kills the process.
pub(crate) struct Steps {
    thread: pid_t,
    is_asleep: bool,
    tracer: PhantomData<*const ()>,
}

impl Steps {
    /// Stops this thread.
    pub(crate) fn of(thread: pid_t) -> Self {
        let steps = Self { thread, is_asleep: false, tracer: PhantomData };
        // So that it ends with us.
        let refused = steps.ptrace(libc::PTRACE_SEIZE, libc::PTRACE_O_EXITKILL).err();
        if let Some(error) = refused {
            std::mem::forget(steps);
            panic!(
                "the system does not let this process trace its child: {error}; {LEAVE_OUT}=1 leaves out the tests that do"
            );
        }
        steps.ptrace(libc::PTRACE_INTERRUPT, 0).unwrap();
        while !steps.has_stopped() {
            std::thread::yield_now();
        }
        steps
    }

    /// Lets it run one instruction, or what is left of one in which it fell asleep; `false` if it sleeps there.
    pub(crate) fn step(&mut self) -> bool {
        self.go(libc::PTRACE_SINGLESTEP)
    }

    /// Lets it run to the next beginning or end of a system call; `false` if it sleeps in one.
    pub(crate) fn leap(&mut self) -> bool {
        self.go(libc::PTRACE_SYSCALL)
    }

    fn go(&mut self, how: c_uint) -> bool {
        if !self.is_asleep {
            self.ptrace(how, 0).unwrap();
        }
        let mut asleep = 0;
        while !self.has_stopped() {
            asleep = if process_state(self.thread) == Some('S') { asleep + 1 } else { 0 };
            if asleep >= LOOKS {
                self.is_asleep = true;
                return false;
            }
            std::thread::yield_now();
        }
        self.is_asleep = false;
        true
    }

    fn ptrace(&self, request: c_uint, data: c_int) -> io::Result<()> {
        // SAFETY: none of these requests writes to this process's memory, and what they do to the other one is the test.
        let result = unsafe {
            libc::ptrace(request, self.thread, null_mut::<c_void>(), data as usize as *mut c_void)
        };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Whether it stands still.
    fn has_stopped(&self) -> bool {
        // Most steps are over by the second look.
        for _ in 0..20 {
            // SAFETY: zeros are such a value, and the call writes it.
            let (result, info) = unsafe {
                let mut info: libc::siginfo_t = zeroed();
                let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
                (libc::waitid(libc::P_PID, self.thread as c_uint, &raw mut info, options), info)
            };
            assert_eq!(result, 0, "it has ended: {}", io::Error::last_os_error());
            // SAFETY: the call has written it; 0 if there is nothing.
            if unsafe { info.si_pid() } != 0 {
                // SAFETY: as above.
                let signal = unsafe { info.si_status() } & 0xff;
                assert_eq!(signal, libc::SIGTRAP, "nobody has sent it a signal");
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        // SAFETY: it has not ended before who traces it was told, which is below; the call has nowhere to write.
        unsafe {
            libc::kill(self.thread, libc::SIGKILL);
            while libc::waitpid(self.thread, null_mut(), libc::__WALL) == self.thread {}
        }
    }
}
