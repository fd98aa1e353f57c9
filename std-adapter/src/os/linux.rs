//! Linux: futexes with absolute monotonic deadlines, the kernel's thread id.

use std::cell::Cell;
use std::ffi::CStr;
use std::num::NonZeroU32;
use std::sync::Once;

use inkle_core::atomic::AtomicU32;
use inkle_core::platform::{Deadline, Wake};
use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Who can sleep on a word: the threads of this process, or everybody who maps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Private,
    Shared,
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // The clock starts at boot: neither part is negative, and 64 bits last for 584 years.
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// Sleeps while `word` holds `expected`; an absolute deadline, so that a retry does not drift.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline, scope: Scope) -> Wake {
    let flags = match scope {
        Scope::Private => futex::Flags::PRIVATE,
        Scope::Shared => futex::Flags::empty(),
    };
    let until = deadline.nanos().map(|nanos| Timespec {
        tv_sec: (nanos / 1_000_000_000) as _,
        tv_nsec: (nanos % 1_000_000_000) as _,
    });
    match futex::wait_bitset(word, flags, expected, until.as_ref(), NonZeroU32::MAX) {
        Err(Errno::TIMEDOUT) => Wake::TimedOut,
        // Woken, changed before (`AGAIN`), or a signal handler ran (`INTR`): look again.
        _ => Wake::Woken,
    }
}

/// Wakes at most `count` sleepers on the address.
pub(crate) fn wake(word: *const AtomicU32, count: u32, scope: Scope) {
    let operation = match scope {
        Scope::Private => libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
        Scope::Shared => libc::FUTEX_WAKE,
    };
    let count = count.min(i32::MAX as u32);
    // Not through rustix, which wants a reference: the word may be gone.
    //
    // SAFETY: FUTEX_WAKE takes an address, a count and nothing else, and uses the address as a key
    // only: a stale one wakes nobody, or makes a sleeper look once more.
    unsafe { libc::syscall(libc::SYS_futex, word, operation, count) };
}

thread_local! {
    /// The kernel's id of this thread; 0: not asked yet.
    static ID: Cell<u64> = const { Cell::new(0) };
}

/// The kernel's id of the calling thread, cached. The one thread of a forked child asks anew: it has
/// another id than its origin had.
#[inline]
pub(crate) fn native_id() -> u64 {
    match ID.get() {
        0 => ask_for_id(),
        id => id,
    }
}

#[cold]
fn ask_for_id() -> u64 {
    forget_id_at_fork();
    ID.set(rustix::thread::gettid().as_raw_nonzero().get() as u64);
    ID.get()
}

fn forget_id_at_fork() {
    extern "C" fn in_child() {
        ID.set(0);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error would mean that there is no memory for the entry; then a forked child keeps an
        // old number, as it would without this.
        //
        // SAFETY: the handler is a function of this image. It runs in the child on the thread that
        // forked and writes to a thread-local word that needs no set-up and has no destructor, which
        // takes no lock and allocates nothing: fit for a child that has only this thread.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Names the calling thread for the system, which shows 15 bytes; cut between characters.
pub(crate) fn set_thread_name(name: &str) {
    const SHOWN: usize = 15;
    let end = (0..=name.len().min(SHOWN)).rev().find(|end| name.is_char_boundary(*end));
    let mut text = name.as_bytes()[..end.unwrap_or(0)].to_vec();
    text.push(0);
    if let Ok(text) = CStr::from_bytes_until_nul(&text) {
        // The kernel refuses no name.
        let _ = rustix::thread::set_name(text);
    }
}

/// How many processors this process may run on. Not the standard library's answer, which is about the
/// calling thread alone: a pinned thread that asked first would answer for all.
pub(crate) fn processors() -> usize {
    let first_thread = Some(rustix::process::getpid());
    rustix::thread::sched_getaffinity(first_thread).map_or(1, |set| set.count() as usize)
}
