//! Litmus tests of the checker: small programs of which it is known what a machine may do with them.
//!
//! Each row of [`table`] is a shape: threads as lists of operations on words that are zero at first.
//! The runner plays it under loom and collects the outcomes of all executions: what each thread has
//! read and what each word holds when all is over. [`axioms`] finds the outcomes that C++20 allows,
//! without loom. The two sets must be equal but for the holes that the row lists for the tier: what
//! is allowed and not shown, or shown and not allowed. A hole that closes fails the row as well.
//!
//! An outcome is written as the digits that each thread has read, `-` if it reads nothing, and after
//! a bar what the words hold in the end: `- 10 | 11` is message passing gone wrong.

mod axioms;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use inkle_core::atomic::{AtomicU32, Ordering, fence};
use loom::thread::spawn;

pub use table::MODELS;

/// The words of every shape.
const WORDS: usize = 3;

/// What each thread does, in order. The first is the main thread.
type Threads = &'static [&'static [Op]];

/// One operation, on the word of this number.
#[derive(Clone, Copy)]
enum Op {
    Store(usize, u32, Ordering),
    Load(usize, Ordering),
    /// `fetch_add`.
    Add(usize, u32, Ordering),
    /// `compare_exchange`: the current and the new value, the orderings of success and of failure.
    Cas(usize, u32, u32, Ordering, Ordering),
    /// `compare_exchange_weak`.
    Weak(usize, u32, u32, Ordering, Ordering),
    Fence(Ordering),
}

impl Op {
    const fn may_fail(&self) -> bool {
        matches!(self, Self::Cas(..) | Self::Weak(..))
    }

    /// Gives what was read.
    fn run(self, words: &[AtomicU32]) -> Option<u32> {
        match self {
            Self::Store(word, value, order) => words[word].store(value, order),
            Self::Fence(order) => fence(order),
            Self::Load(word, order) => return Some(words[word].load(order)),
            Self::Add(word, step, order) => return Some(words[word].fetch_add(step, order)),
            Self::Cas(word, current, new, success, failure) => {
                let read = words[word].compare_exchange(current, new, success, failure);
                return Some(read.unwrap_or_else(|read| read));
            }
            Self::Weak(word, current, new, success, failure) => {
                let read = words[word].compare_exchange_weak(current, new, success, failure);
                return Some(read.unwrap_or_else(|read| read));
            }
        }
        None
    }
}

/// A shape and what is wrong with what the checker shows of it.
struct Row {
    name: &'static str,
    threads: Threads,
    stock: Holes,
    exact: Holes,
}

/// Where a tier departs from what is allowed.
#[derive(Clone, Copy)]
struct Holes {
    /// Allowed, not shown: an error may be missed.
    missing: &'static [&'static str],
    /// Shown, not allowed: right code may be refused.
    extra: &'static [&'static str],
}

const NONE: Holes = Holes { missing: &[], extra: &[] };

/// A row without holes.
const fn row(name: &'static str, threads: Threads) -> Row {
    Row { name, threads, stock: NONE, exact: NONE }
}

impl Row {
    /// Neither tier shows these.
    const fn misses(mut self, outcomes: &'static [&'static str]) -> Self {
        self.stock.missing = outcomes;
        self.exact.missing = outcomes;
        self
    }

    /// The stock tier alone does not show these.
    const fn stock_misses(mut self, outcomes: &'static [&'static str]) -> Self {
        self.stock.missing = outcomes;
        self
    }

    /// Both tiers show these, which are not allowed.
    const fn adds(mut self, outcomes: &'static [&'static str]) -> Self {
        self.stock.extra = outcomes;
        self.exact.extra = outcomes;
        self
    }
}

/// What all executions of this process's row have shown.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// One execution. The exact tier explores all that it can: what it can only when asked, it is asked.
fn play(row: &'static Row) {
    #[cfg(inkle_exact)]
    {
        let ops = || row.threads.iter().flat_map(|ops| *ops);
        loom::allow_weak_fails(ops().filter(|op| op.may_fail()).count());
        if ops().any(|op| matches!(op, Op::Fence(Ordering::SeqCst))) {
            loom::schedule_fences();
        }
    }
    let words: Arc<[AtomicU32]> = (0..WORDS).map(|_| AtomicU32::new(0)).collect();
    let run = |(thread, ops): (usize, &'static [Op]), words: &[AtomicU32]| -> Vec<(usize, u32)> {
        ops.iter().filter_map(|op| op.run(words)).map(|read| (thread, read)).collect()
    };
    let mut threads = (0..).zip(row.threads.iter().copied());
    let main = threads.next().expect("a shape has a thread");
    let others: Vec<_> = threads
        .map(|thread| {
            let words = words.clone();
            spawn(move || run(thread, &words))
        })
        .collect();
    let mut reads = run(main, &words);
    others.into_iter().for_each(|thread| reads.extend(thread.join().unwrap()));
    let last: Vec<u32> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    SEEN.lock().unwrap().insert(outcome(row.threads, reads, last));
}

/// The outcome of these reads, in the order of the threads, and of these last values.
fn outcome(
    threads: Threads,
    reads: impl IntoIterator<Item = (usize, u32)>,
    last: impl IntoIterator<Item = u32>,
) -> String {
    let mut by_thread = vec![String::new(); threads.len()];
    reads.into_iter().for_each(|(thread, read)| by_thread[thread] += &read.to_string());
    by_thread.iter_mut().filter(|reads| reads.is_empty()).for_each(|reads| reads.push('-'));
    let last: String = last.into_iter().map(|value| value.to_string()).collect();
    format!("{} | {last}", by_thread.join(" "))
}

/// Compares what was seen with what is allowed and with the row's holes.
fn compare(row: &Row) {
    let seen = SEEN.lock().unwrap();
    let allowed = axioms::allowed(row.threads);
    let holes = if cfg!(inkle_exact) { row.exact } else { row.stock };
    let listed = |outcomes: &[&str]| outcomes.iter().map(|o| o.to_string()).collect();
    let (missing, extra): (BTreeSet<String>, BTreeSet<String>) =
        (listed(holes.missing), listed(holes.extra));
    let is_missing: BTreeSet<String> = &allowed - &seen;
    let is_extra: BTreeSet<String> = &*seen - &allowed;
    assert!(
        is_missing == missing && is_extra == extra,
        "{}: of {} allowed outcomes\n  missing {is_missing:?}\n  where    {missing:?} is listed,\n  \
         extra   {is_extra:?}\n  where    {extra:?} is listed",
        row.name,
        allowed.len(),
    );
}
