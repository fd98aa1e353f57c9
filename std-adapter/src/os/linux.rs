//! Linux: futexes with absolute monotonic deadlines, an asymmetric barrier, the kernel's thread id.

use std::cell::Cell;
use std::num::NonZeroU32;

use inkle_core::atomic::{AtomicU32, Ordering, compiler_fence, fence};
use inkle_core::platform::{Deadline, Wake};
use rustix::io::Errno;
use rustix::thread::{MembarrierCommand, futex};
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

/// The kernel's id of the calling thread, cached.
pub(crate) fn native_id() -> u64 {
    thread_local! {
        static ID: Cell<u64> = const { Cell::new(0) };
    }
    ID.with(|id| {
        if id.get() == 0 {
            id.set(rustix::thread::gettid().as_raw_nonzero().get() as u64);
        }
        id.get()
    })
}

/// Set once the kernel has accepted this process for expedited barriers.
static ASYMMETRIC: AtomicU32 = AtomicU32::new(0);

/// The frequent side of the asymmetric barrier: free once the other side uses membarrier.
#[inline(always)]
pub(crate) fn light_fence() {
    // Relaxed: a thread that still sees 0 uses a real fence, which is right with either kind on the
    // other side.
    if ASYMMETRIC.load(Ordering::Relaxed) != 1 {
        full_fence();
    }
    compiler_fence(Ordering::SeqCst);
}

/// Out of line, so that the usual path of [`light_fence`] is one load and a branch not taken.
#[cold]
fn full_fence() {
    fence(Ordering::SeqCst);
}

/// The rare side: makes every running thread of the process pass a barrier.
///
/// A light side that is free exists only after `ASYMMETRIC` was set, which only happens after the
/// kernel accepted the registration; and from the first acceptance on every heavy side uses
/// membarrier. So a free light side never meets a mere fence here.
pub(crate) fn heavy_fence() {
    // Relaxed: registering twice is harmless.
    let registered = ASYMMETRIC.load(Ordering::Relaxed) == 1 || register();
    if !registered {
        fence(Ordering::SeqCst);
        return;
    }
    // EPERM: a forked child has to register again.
    while rustix::thread::membarrier(MembarrierCommand::PrivateExpedited).is_err() && register() {}
    // The caller's own order.
    fence(Ordering::SeqCst);
}

#[cold]
fn register() -> bool {
    let accepted = rustix::thread::membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
    if accepted {
        // Relaxed: see `light_fence`.
        ASYMMETRIC.store(1, Ordering::Relaxed);
    }
    accepted
}
