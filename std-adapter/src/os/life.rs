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
    let pid = std::process::id();
    // Without /proc: the same for all.
    let life = life_of(pid, look(pid).map_or(0, |look| look.began));
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

/// The life of a process that may have ended but was not reaped yet. `None` without /proc.
#[cfg(feature = "multiprocessing")]
pub(crate) fn life_of_child(pid: u32) -> Option<Life> {
    look(pid).map(|look| life_of(pid, look.began))
}

/// Whether that process is alive; one that nobody has reaped yet is not.
pub(crate) fn is_alive(life: Life) -> bool {
    let Some(pid) = Pid::from_raw((life.bits() >> TIME_BITS) as i32) else { return false };
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return false;
    }
    match look(pid) {
        Some(look) => !look.is_dead && life_of(pid, look.began) == life,
        // Without /proc, or where it hides others' processes. A refusal comes from somebody who is there.
        None => Pid::from_raw(pid as i32)
            .is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH)),
    }
}

/// What the system says of a process.
struct Look {
    /// Whether it has ended and was not reaped yet.
    is_dead: bool,
    /// When it began, in ticks since the system did.
    began: u64,
}

fn look(pid: u32) -> Option<Look> {
    // After the program's name, in parentheses, which may hold anything: the state is the first field, the
    // number of threads the 18th, the time when it began the 20th. A process whose first thread has ended
    // before the others has the state of a dead one and several threads.
    let parse = |text: Vec<u8>| {
        let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
        let text = std::str::from_utf8(text.get(after_name..)?).ok()?;
        let mut fields = text.split_ascii_whitespace();
        let state = fields.next()?;
        let threads: u32 = fields.nth(16)?.parse().ok()?;
        let began = fields.nth(1)?.parse().ok()?;
        let is_dead = matches!(state, "Z" | "X" | "x") && threads <= 1;
        Some(Look { is_dead, began })
    };
    fs::read(format!("/proc/{pid}/stat")).ok().and_then(parse)
}

fn life_of(pid: u32, began: u64) -> Life {
    // Multiplied by an odd number all bits of the time have a say in the upper ones.
    let hash = (began.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - 8)) as u32;
    // A process has a number that is not 0.
    Life::new((hash << PID_BITS) | (pid % PIDS))
        .unwrap_or_else(|| unreachable!("a process without number"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn life_of_pid(pid: u32) -> Life {
        life_of(pid, look(pid).unwrap().began)
    }

    #[test]
    fn this_process_lives_and_another_time_of_it_does_not() {
        assert_eq!((life(), is_alive(life())), (life_of_pid(std::process::id()), true));
        let another_time = Life::new(life().bits() ^ (1 << 29)).unwrap();
        assert!(!is_alive(another_time));
    }

    #[test]
    fn a_child_is_dead_when_it_has_ended_reaped_or_not() {
        // It ends when its input does.
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let life = life_of_pid(child.id());
        assert!(is_alive(life));
        drop(child.stdin.take());
        let start = std::time::Instant::now();
        while is_alive(life) {
            assert!(start.elapsed().as_secs() < 60);
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!is_alive(life));
    }
}
