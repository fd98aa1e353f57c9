//! That each public operation of the types is declared: a `pub fn` in a file that a subject covers has an
//! operation of its name, or a line here that says why not.

use std::fs::read_to_string;
use std::path::Path;

use crate::promises::method;
use crate::stopped;

/// In all files: how the name is or ends, and why such a method is not declared.
const EVERYWHERE: &[(&str, &str)] = &[
    ("new", "makes one"),
    ("with_storage", "makes one"),
    ("into_inner", "nobody else has it"),
    ("get_mut", "nobody else has it"),
    ("*_timeout", "the short form of the same with a deadline"),
    (
        "*_unless",
        "the same with a token: pairs with its cancel are models (`loom-tests/models/sync`)",
    ),
    ("is_empty", "`len` is zero"),
    ("lock", "what a guard is of"),
    ("guard", "acquires, and releases when it is dropped"),
    ("try_guard", "`try_acquire`, and releases when it is dropped"),
    ("guard_until", "`acquire_until`, and releases when it is dropped"),
    ("holder", "what is read of a lock's word beside `is_held`"),
    ("found", "of the caller's own lock"),
    ("take_found", "of the caller's own lock"),
    ("is_abandoned", "of an answer, where the type has no operation of that name"),
];

/// File, method, and why it is not declared.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("queue/inbox.rs", "is_last", "of a batch"),
    ("queue/priority/levels.rs", "number", "of a level"),
    ("queue/priority/heap.rs", "empty", "makes one"),
    ("queue/steal.rs", "starting_at", "makes one"),
    ("queue/steal.rs", "steal_if", "`steal` with a condition: `loom-tests/models/steal.rs`"),
    ("queue/steal.rs", "capacity", "a constant"),
    ("queue/spsc/writer.rs", "len", "what is full, as `slots` is what is free"),
    ("queue/spsc/writer.rs", "as_mut_slices", "of a chunk: in `write_chunk`"),
    ("queue/spsc/writer.rs", "commit_all", "of a chunk: in `write_chunk`"),
    ("queue/spsc/reader.rs", "len", "as `slots`"),
    ("queue/spsc/reader.rs", "as_slices", "of a chunk: in `commit one read`"),
    ("queue/spsc/reader.rs", "commit_all", "as `commit` of all"),
    ("event_count.rs", "block", "prepare, look, wait or cancel"),
    ("roster/mod.rs", "not_started_for_queue", "`loom-tests/models/roster.rs`"),
    ("roster/mod.rs", "wake_all", "`loom-tests/models/roster.rs`"),
    ("sync/semaphore.rs", "limit", "a constant"),
    ("sync/mutex.rs", "lock_async", "`guard_async` of the lock inside"),
    ("sync/mutex.rs", "is_locked", "`is_held` of the lock inside"),
    ("sync/rw_lock.rs", "write_async", "`loom-tests/models/sync/rw_lock.rs`"),
    (
        "sync/condition.rs",
        "wait",
        "needs who notifies later: `loom-tests/models/sync/condition.rs`",
    ),
    ("sync/condition.rs", "wait_for", "waits in a loop"),
    ("sync/condition.rs", "wait_for_until", "waits in a loop"),
    ("sync/condition.rs", "wait_async", "`loom-tests/models/sync/condition.rs`"),
    ("sync/latch.rs", "arrive_and_wait", "counts down and waits"),
    ("sync/once.rs", "get_or_try_init", "as `get_or_init`"),
    ("sync/once.rs", "take", "nobody else has it"),
    ("sync/barrier.rs", "wait_with", "waits, and the last one does something first"),
    ("sync/barrier.rs", "wait_with_until", "as above"),
    ("sync/barrier.rs", "wait_with_async", "as above"),
    ("sync/barrier.rs", "parties", "a constant"),
    ("sync/barrier.rs", "waiting", "a hint; at the end of each run it must be none"),
    ("sync/cancel.rs", "custom", "of a reason"),
    ("sync/cancel.rs", "number", "of a reason"),
    ("sync/cancel.rs", "until", "makes one"),
    ("sync/cancel.rs", "child", "makes one: in `is_cancelled by its parent`"),
    ("sync/cancel.rs", "child_until", "makes one"),
    ("sync/cancel.rs", "reason", "what `is_cancelled` looks at; at the end of each run"),
    ("sync/cancel.rs", "check", "as `is_cancelled`"),
    ("sync/cancel.rs", "deadline", "a constant"),
    ("sync/cancel.rs", "wait", "as `wait_async`: `loom-tests/models/sync/cancel.rs`"),
    ("sync/cancel.rs", "wait_until", "as `wait_async`: `loom-tests/models/sync/cancel.rs`"),
    ("sync/outcome.rs", "is_done", "of a phase"),
    ("sync/outcome.rs", "claimed", "makes one"),
    ("sync/outcome.rs", "settle_until", "`loom-tests/models/sync/outcome.rs`"),
    ("sync/outcome.rs", "settle_async", "`loom-tests/models/sync/outcome.rs`"),
    ("sync/outcome.rs", "take", "nobody else has it"),
    ("channel/mod.rs", "iter", "one `get` after the other"),
    ("channel/mod.rs", "drain", "one `try_get` after the other; at the end of each run"),
    ("channel/mod.rs", "len", "the queue's"),
    ("channel/mod.rs", "is_full", "`len` is the capacity"),
    ("channel/mod.rs", "capacity", "a constant"),
    ("channel/mod.rs", "unfinished", "at the end of each run"),
    ("channel/operation.rs", "put_async", "`loom-tests/models/tasks.rs`"),
    ("channel/operation.rs", "join_async", "`loom-tests/models/tasks.rs`"),
    ("channel/operation.rs", "into_item", "of a future: what it did not put"),
    ("elastic.rs", "fixed", "what it is made of"),
    ("context/var.rs", "with_default", "makes one"),
    ("context/var.rs", "name", "a constant"),
    ("context/var.rs", "old_value", "of a token: in `set`"),
    ("context/var.rs", "bind", "`set` that resets when it is dropped"),
    ("context/frame.rs", "copy_current", "`copy` of the caller's own"),
    ("context/frame.rs", "wrap", "`run` at each poll"),
    ("context/frame.rs", "iter", "one `get` after the other"),
    ("context/frame.rs", "len", "as `iter`"),
    ("fork/mod.rs", "unfollow", "`loom-tests/models/fork.rs`"),
    ("fork/branch.rs", "run", "of what was stolen: in `steal`"),
    ("timer/wheel.rs", "with_slots", "makes one"),
    ("timer/wheel.rs", "admit", "nobody else has it"),
    ("timer/wheel.rs", "slots", "a constant"),
    ("timer/wheel.rs", "schedule_after", "`schedule`, from now"),
    ("timer/wheel.rs", "timers", "at the end of each run"),
    ("timer/timers.rs", "over", "makes one"),
    ("timer/timers.rs", "wheel", "what it is made of"),
    (
        "timer/timers.rs",
        "cancel_sync",
        "`cancel`, and waits for who fires: `loom-tests/models/timers.rs`",
    ),
    ("timer/timers.rs", "drive", "`turn` again and again"),
    ("timer/timers.rs", "drive_once", "`turn`, and sleeps"),
    ("timer/timers.rs", "timeout", "`sleep` beside something else"),
    (
        "robust/lock.rs",
        "acquire",
        "`acquire_until`, again and again: it looks whether its holder lives",
    ),
    ("robust/rlock.rs", "acquire", "in `acquire_until`"),
    ("robust/bell.rs", "word", "what it sleeps on"),
    ("robust/barrier.rs", "wait", "`wait_until` without a deadline"),
    ("robust/barrier.rs", "wait_with", "waits, and the last one does something first"),
    ("robust/barrier.rs", "wait_with_until", "as above"),
    ("robust/barrier.rs", "parties", "a constant"),
    ("robust/barrier.rs", "waiting", "a hint; at the end of each run it must be none"),
    ("robust/records/mod.rs", "words_for", "a constant"),
    ("robust/records/mod.rs", "put", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "put_until", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "get", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "get_until", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "get_with", "as `get`"),
    ("robust/records/mod.rs", "try_get_with", "as `try_get`"),
    ("robust/records/mod.rs", "get_with_until", "as `get_until`"),
    ("robust/records/mod.rs", "join", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "join_until", "`loom-tests/models/robust/records.rs`"),
    ("robust/records/mod.rs", "unfinished", "at the end of each run"),
    ("robust/records/mod.rs", "len", "a hint"),
    ("robust/records/mod.rs", "max_len", "a constant"),
    ("robust/records/mod.rs", "readable", "what readers sleep on"),
    ("robust/records/mod.rs", "writable", "what writers sleep on"),
    ("sync/rlock.rs", "acquire", "in `acquire_until`"),
    ("sync/rlock.rs", "guard_until", "`acquire_until`, and releases when it is dropped"),
];

/// The public methods in a source, without those of its tests and of its macros.
fn public(source: &str) -> Vec<&str> {
    let lines = source.lines().take_while(|line| line.trim() != "#[cfg(test)]").map(str::trim);
    let mut all: Vec<&str> =
        lines.filter(|line| line.starts_with("pub ")).filter_map(method).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn every_public_operation_is_declared() {
    let plans = stopped::all_with_blocking();
    let mut files: Vec<&str> = plans.iter().flat_map(|plan| plan.files).copied().collect();
    files.sort_unstable();
    files.dedup();
    let mut wrong = Vec::new();
    let mut used = vec![false; EVERYWHERE.len()];
    let (mut declared, mut left_out) = (0, Vec::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let source = |file| (file, read_to_string(folder.join(file)).expect("a source"));
    let sources: Vec<(&str, String)> = files.into_iter().map(source).collect();
    for &(file, ref source) in &sources {
        for name in public(source) {
            let here = plans.iter().filter(|plan| plan.files.contains(&file));
            if here.flat_map(|plan| &plan.operations).any(|one| one.method() == name) {
                declared += 1;
                continue;
            }
            let alike = |(pattern, _): &(&str, &str)| match pattern.strip_prefix('*') {
                Some(end) => name.ends_with(end),
                None => name == *pattern,
            };
            if LEFT_OUT.iter().any(|(at, one, _)| *at == file && *one == name) {
                left_out.push((file, name));
            } else if let Some(place) = EVERYWHERE.iter().position(alike) {
                used[place] = true;
            } else {
                wrong.push(format!("{file}: {name}: not declared"));
            }
        }
    }
    for (file, name, _) in LEFT_OUT {
        if !left_out.contains(&(*file, *name)) {
            wrong.push(format!("{file}: {name}: excused, and declared or not there"));
        }
    }
    for ((pattern, _), used) in EVERYWHERE.iter().zip(used) {
        if !used {
            wrong.push(format!("{pattern}: excused, and nowhere"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{declared} public operations are declared, {} are left out", LEFT_OUT.len());
}
