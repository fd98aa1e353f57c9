//! Linux: which life of a process a number stands for.
//!
//! 22 bits are the process's number, which is never larger on Linux, and 8 bits are made of the time when
//! it began, so that a process that gets the number of a dead one is hardly ever taken for it.
//!
//! Numbers are those of this process's namespace: who shares memory must share it too.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use inkle_core::robust::Life;
use rustix::process::{Pid, test_kill_process};

const PID_BITS: u32 = 22;
const PIDS: u32 = 1 << PID_BITS;

/// That of this process; 0: not asked yet.
static OWN: AtomicU32 = AtomicU32::new(0);

/// The life of this process, cached. A forked child asks anew.
#[inline]
pub(crate) fn life() -> Life {
    // Relaxed: it is the same for all who ask.
    Life::new(OWN.load(Ordering::Relaxed)).unwrap_or_else(ask)
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
        // An error would mean that there is no memory for the entry; then a forked child is taken for its
        // parent.
        //
        // SAFETY: the handler is a function of this image. It writes to an atomic, which takes no lock and
        // allocates nothing: fit for a child that has only this thread.
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
    let pid = life.bits() % PIDS;
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
