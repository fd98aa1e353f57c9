//! Starts the threads of one round and takes the time from the first start to the last end.
//!
//! Thread `n` stays on processor `n`, modulo their number. A scheduler left alone often wakes both
//! ends of a queue on one processor and moves one away after some milliseconds, or not: then half of
//! the rounds measure time slices and the other half cache lines.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// What one thread does between the start and the end.
pub(crate) type Task = Box<dyn FnOnce() + Send>;

/// Runs the tasks at once, each in a thread of its own. Starting and joining the threads is not
/// counted, nor is dropping what a task has captured by reference.
pub(crate) fn timed(tasks: Vec<Task>) -> Duration {
    // Sleeps instead of spinning: there may be more threads than processors.
    let barrier = Barrier::new(tasks.len());
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let threads: Vec<_> = tasks
            .into_iter()
            .enumerate()
            .map(|(number, task)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    pin(number);
                    barrier.wait();
                    let start = Instant::now();
                    task();
                    (start, Instant::now())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a contender panicked")).collect()
    });
    let start = spans.iter().map(|span| span.0).min();
    let end = spans.iter().map(|span| span.1).max();
    start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
}

/// Does the work on the first of the processors that the process may use. What it starts stays there too.
#[cfg(target_os = "linux")]
pub(crate) fn on_the_first<R>(work: impl FnOnce() -> R) -> R {
    use rustix::thread::{sched_getaffinity, sched_setaffinity};

    let before = sched_getaffinity(None);
    pin(0);
    let result = work();
    // What was allowed before is allowed again.
    let _ = before.map(|before| sched_setaffinity(None, &before));
    result
}

/// Keeps the calling thread on one of the processors that the process may use.
#[cfg(target_os = "linux")]
pub(crate) fn pin(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    // Asked anew each time: the threads that start the others are never pinned themselves.
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
    if processors.is_empty() {
        return;
    }
    let mut one = CpuSet::new();
    one.set(processors[number % processors.len()]);
    // If it is refused, the scheduler decides, as without us.
    let _ = sched_setaffinity(None, &one);
}

/// Elsewhere the scheduler decides.
#[cfg(not(target_os = "linux"))]
fn pin(_number: usize) {}
