//! Linux: the number of one life of one process.
//!
//! The process number, of at most 22 bits, and eight bits of the time when the process began: the system gives a number
//! to another process only after all others have had their turn, so that by then the time is another one.

use std::fs;
use std::sync::Once;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::robust::Life;
use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

/// Bits of the time.
const TIME_BITS: u32 = 8;

/// This process's life; 0: not asked yet.
static OWN: AtomicU32 = AtomicU32::new(0);

/// That of the calling process, asked once.
#[inline]
pub(crate) fn life() -> Life {
    // Relaxed, here and below: whoever asks gets the same number.
    match Life::new(OWN.load(Ordering::Relaxed)) {
        Some(life) => life,
        None => ask(),
    }
}

#[cold]
fn ask() -> Life {
    forget_at_fork();
    let pid = getpid();
    // Without the file no process has a time, so all mean the same.
    let life = of(pid, look(pid).map_or(0, |(_, began)| began));
    OWN.store(life.bits(), Ordering::Relaxed);
    life
}

fn forget_at_fork() {
    extern "C" fn in_child() {
        OWN.store(0, Ordering::Relaxed);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error would mean that there is no memory for the entry; then a forked child takes itself for its origin,
        // as it would without this.
        //
        // SAFETY: the handler is a function of this image, and writes to one word: fit for a child that has only the
        // thread that forked.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// That of a process that has not been reaped.
pub(crate) fn life_of(pid: i32) -> Option<Life> {
    let pid = Pid::from_raw(pid)?;
    look(pid).map(|(_, began)| of(pid, began))
}

/// Whether that process has not ended. In doubt: yes.
pub(crate) fn is_alive(life: Life) -> bool {
    let Some(pid) = Pid::from_raw((life.bits() >> TIME_BITS) as i32) else { return false };
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return false;
    }
    match look(pid) {
        Some((state, began)) => !matches!(state, 'Z' | 'X') && of(pid, began) == life,
        None => true,
    }
}

fn of(pid: Pid, began: u64) -> Life {
    let number = pid.as_raw_nonzero().get() as u32 & (u32::MAX >> (32 - (Life::BITS - TIME_BITS)));
    let time = (began % 251) as u32;
    // A process number is not 0, so there is one; the last resort is somebody's who is always alive.
    Life::new(number << TIME_BITS | time).unwrap_or(FIRST)
}

const FIRST: Life = match Life::new(1 << TIME_BITS) {
    Some(life) => life,
    None => unreachable!(),
};

/// What the system says of a process: its state, and when it began, in ticks since the machine did.
fn look(pid: Pid) -> Option<(char, u64)> {
    let text = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // Its name stands in parentheses, and may have some in it.
    let behind = text.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(&text[behind..]).ok()?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // The 22nd of all; the state is the third.
    Some((state, fields.nth(18)?.parse().ok()?))
}
