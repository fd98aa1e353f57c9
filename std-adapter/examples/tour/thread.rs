//! Two raw threads print the time; the main thread waits for both on a lock each.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use inkle::queue::Queue;
use inkle::thread::{LockType, allocate_lock, get_ident, start_new_thread};
use inkle::threading::{Builder, SpawnCause};

use crate::report::{fit, say};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "thread",
    python: "_thread.start_new_thread(f, (\"Thread-1\", 2)); while 1: pass",
    rust: "start_new_thread(..)? twice; main sleeps on a lock each, not in a loop",
    run,
};

const TURNS: u32 = 5;
/// The scenario's 2 and 4 seconds, a hundred times shorter.
const DELAYS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(40)];

/// What a thread says each time: the time since the start, and its ident.
type Ticks = Queue<(Duration, u64)>;

fn run(_: &Arc<Tree>) -> Outcome {
    refused()?;

    let start = Instant::now();
    let mut clocks = Vec::new();
    for (number, delay) in (1..).zip(DELAYS) {
        clocks.push((clock(number, delay, start)?, delay));
    }
    for ((over, _), _) in &clocks {
        over.acquire_timeout(LIMIT)?;
    }
    let total = start.elapsed();

    for ((_, ticks), delay) in &clocks {
        for turn in 1..=TURNS {
            let (at, ident) = ticks.try_get()?;
            if at < *delay * turn || at > total {
                return Err(format!("turn {turn} came at {at:?}").into());
            }
            if ident == get_ident() {
                return Err("a thread has the main thread's ident".into());
            }
        }
    }
    Ok(format!("{} threads, {TURNS} times each; main woke after {total:.0?}", clocks.len()))
}

/// A thread that cannot be: the error says why and gives the function back.
fn refused() -> Result<(), Failure> {
    let Err(error) = Builder::new().stack_size(usize::MAX / 4).spawn(|| "done here") else {
        return Err("a thread with a stack larger than memory has started".into());
    };
    if let SpawnCause::Refused(why) = error.cause() {
        say(fit(&format!("too large a stack: {why}"), 78));
    }
    let body = error.into_inner();
    say(format_args!("the function came back with the error and is {} instead", body()));
    Ok(())
}

/// Starts a thread that prints the time again and again and lets go of the lock at its end.
fn clock(number: usize, delay: Duration, start: Instant) -> Result<(LockType, Ticks), Failure> {
    let (over, ticks) = (allocate_lock(), Queue::unbounded());
    over.acquire();
    let (mine, said) = (over.clone(), ticks.clone());
    start_new_thread(move || {
        let _bar = span("print the time");
        for _ in 0..TURNS {
            sleep(delay);
            say(format_args!("Thread-{number}: {}", time_of_day()));
            let _ = said.put((start.elapsed(), get_ident()));
        }
        let _ = mine.release();
    })?;
    Ok((over, ticks))
}

/// Hours, minutes, seconds and milliseconds of UTC.
fn time_of_day() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs() % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03} UTC", seconds % 60, now.subsec_millis())
}
