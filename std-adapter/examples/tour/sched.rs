//! Tasks after a delay, at a time, again and again, and in a given order; one that is called off, and
//! one that comes in between.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use inkle::Deadline;
use inkle::platform::after;
use inkle::sched::{Missed, RunError, Scheduler};
use inkle::threading::{Event, spawn};

use crate::report::{bytes, count, say};
use crate::trace::span;
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "sched",
    python: "s = scheduler(); s.enter(5, 1, f); s.enterabs(t, 0, g); s.run()",
    rust: "let s = Scheduler::new(); s.enter(secs(5), 1, f)?; s.run()?",
    run,
};

const STEP: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);
/// Of the job over the files.
const PERIOD: Duration = Duration::from_millis(2);
const TICKS: usize = 25;

type Sums = BTreeMap<PathBuf, Option<u32>>;

fn run(tree: &Arc<Tree>) -> Outcome {
    let tasks = in_order()?;
    let (files, ticks) = over_the_files(tree)?;
    let woken = woken()?;
    Ok(format!(
        "{tasks} tasks in order; {} in {}; woken after {woken:.0?}, not 1 h",
        count(files, "file"),
        count(ticks, "tick")
    ))
}

/// Delays, an absolute time, a tie, and a task that is called off; says how many have run.
fn in_order() -> Result<usize, Failure> {
    let scheduler = Scheduler::new();
    let done = Arc::new(Mutex::new(Vec::new()));
    let start = Instant::now();
    let note = |name: &'static str| {
        let done = Arc::clone(&done);
        move || {
            if let Ok(mut done) = done.lock() {
                done.push((name, start.elapsed()));
            }
        }
    };
    // Each delay counts from its own call, however late that comes.
    scheduler.enter(STEP, 1, note("after one step"))?;
    let time = after(2 * STEP);
    scheduler.enter_at(time, 2, note("at the time, second"))?;
    scheduler.enter_at(time, 1, note("at the time, first"))?;
    scheduler.enter_at(time, 2, note("at the time, third"))?;
    scheduler.enter(3 * STEP, 1, note("after three steps"))?;
    let never = scheduler.enter(HOUR, 0, note("never"))?;
    scheduler.cancel(&never)?;
    if scheduler.cancel(&never).is_ok() {
        return Err("a task was cancelled twice".into());
    }
    // If the cancelled one kept it, this would take an hour.
    match scheduler.run_timeout(LIMIT) {
        Err(RunError::TimedOut) => return Err("the scheduler did not come to its end".into()),
        result => result?,
    }

    let done = done.lock().map_err(|_| "a task panicked")?;
    for (name, at) in done.iter() {
        say(format_args!("{:>7.1?}  {name}", at));
    }
    let expected = [
        ("after one step", 1),
        ("at the time, first", 2),
        ("at the time, second", 2),
        ("at the time, third", 2),
        ("after three steps", 3),
    ];
    // `after` was asked a moment before `enter`.
    let early = |at: Duration, steps: u32| at + Duration::from_millis(1) < STEP * steps;
    let right = |((name, at), (wanted, steps)): (&(&str, Duration), (&str, u32))| {
        *name == wanted && !early(*at, steps)
    };
    if done.len() != expected.len() || !done.iter().zip(expected).all(right) {
        return Err(format!("the tasks ran as {done:?}").into());
    }
    Ok(done.len())
}

/// A periodic job sums up a part of the files at a time; says how many files and ticks there were.
fn over_the_files(tree: &Arc<Tree>) -> Result<(usize, usize), Failure> {
    let paths: Vec<PathBuf> = tree.files.keys().cloned().collect();
    let part = paths.len().div_ceil(TICKS).max(1);
    let ticks = paths.len().div_ceil(part).max(1);
    let sums = Arc::new(Mutex::new(Sums::new()));
    let (its_tree, its_sums, its_paths) = (Arc::clone(tree), Arc::clone(&sums), paths.clone());

    let scheduler = Scheduler::new();
    let first = after(PERIOD);
    let job = scheduler
        .every(PERIOD)
        .first_at(first)
        .times(ticks as u64)
        // Each part has its turn, however long the one before took.
        .missed(Missed::CatchUp)
        .start(move |tick| {
            let done = (tick.number() as usize - 1) * part;
            for path in its_paths.iter().skip(done).take(part) {
                let sum = sum(&its_tree, path);
                if let Ok(mut sums) = its_sums.lock() {
                    sums.insert(path.clone(), sum);
                }
            }
        })?;
    match scheduler.run_timeout(LIMIT) {
        Err(RunError::TimedOut) => return Err("the job did not come to its end".into()),
        result => result?,
    }

    let sums = sums.lock().map_err(|_| "a tick panicked")?;
    if job.runs() != ticks as u64 || !job.is_over() || sums.len() != paths.len() {
        return Err(format!("{} ticks have seen {} files", job.runs(), sums.len()).into());
    }
    for (path, seen) in sums.iter() {
        if *seen != sum(tree, path) && !tree.changed(path) {
            return Err(format!("{} has two sums", path.display()).into());
        }
    }
    say(format_args!(
        "every {PERIOD:?}: {}, {} at a time, {}",
        count(ticks, "tick"),
        count(part, "file"),
        bytes(tree.bytes)
    ));
    Ok((paths.len(), ticks))
}

fn sum(tree: &Tree, path: &Path) -> Option<u32> {
    tree.read(path).ok().map(|content| crc32fast::hash(&content))
}

/// While a thread sleeps until the only task's time, in an hour, an earlier one comes in; says after
/// how long it ran.
fn woken() -> Result<Duration, Failure> {
    let scheduler = Scheduler::new();
    let far = scheduler.enter(HOUR, 0, || ())?;
    let its = scheduler.clone();
    let runs = spawn(move || {
        let _bar = span("run");
        its.run().is_ok()
    })?;
    std::thread::sleep(STEP);

    let start = Instant::now();
    let ran = Arc::new(Event::new());
    let its = Arc::clone(&ran);
    scheduler.enter(STEP, 0, move || its.set())?;
    let woken = ran.wait_timeout(LIMIT).map(|()| start.elapsed());
    // With nothing left to come the run ends.
    let cancelled = scheduler.cancel(&far);
    let ended = runs.join_timeout(LIMIT);
    scheduler.stop(Deadline::PASSED);
    let woken = woken.map_err(|_| "the earlier task did not wake the scheduler")?;
    cancelled?;
    if !ended? {
        return Err("a run with nothing left to come did not end well".into());
    }
    say(format_args!("a task for in {STEP:?} came in between, and woke the scheduler"));
    Ok(woken)
}
