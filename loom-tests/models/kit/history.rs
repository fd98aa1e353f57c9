//! Histories of operations, and the search for a sequential order that explains them (Wing and
//! Gong, with Lowe's memory of states already tried).
//!
//! Which operation must come before which? Not the order in which loom happened to run them: under
//! weak memory a read may rightly miss a write that the schedule has already passed. In the exact
//! tier it is happens-before, from the edited loom's vector clock. The stock loom does not show its
//! clock; there it is the order within each thread, and [`History::phase`].

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Mutex;

/// Operations with their results, recorded without loom noticing.
#[derive(Debug)]
pub struct History<Op, Ret> {
    calls: Mutex<Vec<Call<Op, Ret>>>,
    phase: Mutex<usize>,
}

#[derive(Debug)]
struct Call<Op, Ret> {
    thread: usize,
    op: Op,
    ret: Ret,
    phase: usize,
    from: Clock,
    to: Clock,
}

impl<Op: Debug, Ret: Clone + Debug> History<Op, Ret> {
    /// No operations yet.
    pub fn new() -> Self {
        Self { calls: Mutex::new(Vec::new()), phase: Mutex::new(0) }
    }

    /// Runs `operation` and records it as `op` of the thread with the number `thread`.
    pub fn call(&self, thread: usize, op: Op, operation: impl FnOnce() -> Ret) -> Ret {
        let phase = *self.phase.lock().unwrap();
        let from = clock();
        let ret = operation();
        let to = clock();
        let call = Call { thread, op, ret: ret.clone(), phase, from, to };
        self.calls.lock().unwrap().push(call);
        ret
    }

    /// Says that everything recorded so far comes before everything recorded from now on. Call it
    /// before the first spawn or after the last join, when only one thread runs.
    pub fn phase(&self) {
        *self.phase.lock().unwrap() += 1;
    }

    /// Fails with the history unless some order of the calls explains all results. `step` applies
    /// one operation to the sequential specification and says whether it may give that result.
    #[track_caller]
    pub fn check<S, F>(&self, initial: S, step: F)
    where
        S: Clone + Eq + Hash,
        F: Fn(&mut S, &Op, &Ret) -> bool,
    {
        let calls = self.calls.lock().unwrap();
        assert!(calls.len() <= 32, "too long a history");
        // For each call, the set of those that must come before it.
        let before: Vec<u32> = calls
            .iter()
            .enumerate()
            .map(|(at, call)| {
                let earlier = |(other, earlier): (usize, &Call<Op, Ret>)| {
                    let ordered = other != at && comes_before(other, earlier, at, call);
                    u32::from(ordered) << other
                };
                calls.iter().enumerate().map(earlier).sum()
            })
            .collect();

        let all = u32::MAX.checked_shr(32 - calls.len() as u32).unwrap_or(0);
        let mut tried = HashSet::new();
        let mut open = vec![(0, initial)];
        while let Some((done, spec)) = open.pop() {
            if done == all {
                return;
            }
            for (at, call) in calls.iter().enumerate() {
                if done & 1 << at != 0 || before[at] & !done != 0 {
                    continue;
                }
                let mut next = spec.clone();
                let done = done | 1 << at;
                if step(&mut next, &call.op, &call.ret) && tried.insert((done, next.clone())) {
                    open.push((done, next));
                }
            }
        }
        panic!("not linearizable:\n{}", self.describe(&calls, &before));
    }

    fn describe(&self, calls: &[Call<Op, Ret>], before: &[u32]) -> String {
        let line = |(at, call): (usize, &Call<Op, Ret>)| {
            let after: Vec<usize> = (0..calls.len()).filter(|i| before[at] & 1 << i != 0).collect();
            format!(
                "  #{at} thread {}: {:?} -> {:?}, after {after:?}\n",
                call.thread, call.op, call.ret
            )
        };
        calls.iter().enumerate().map(line).collect()
    }
}

/// Whether the call at `a` must come before the call at `b`. Calls of one thread are recorded in
/// their order.
fn comes_before<Op, Ret>(
    a: usize,
    first: &Call<Op, Ret>,
    b: usize,
    second: &Call<Op, Ret>,
) -> bool {
    first.phase < second.phase
        || (first.thread == second.thread && a < b)
        || happened_before(&first.to, &second.from)
}

#[cfg(inkle_exact)]
type Clock = [u16; loom::MAX_THREADS];

/// The caller's vector clock, after one tick of its own component.
#[cfg(inkle_exact)]
fn clock() -> Clock {
    loom::clock()
}

#[cfg(inkle_exact)]
fn happened_before(first: &Clock, second: &Clock) -> bool {
    first.iter().zip(second).all(|(a, b)| a <= b)
}

/// The stock loom does not show its clock.
#[cfg(not(inkle_exact))]
#[derive(Debug)]
struct Clock;

#[cfg(not(inkle_exact))]
fn clock() -> Clock {
    Clock
}

#[cfg(not(inkle_exact))]
fn happened_before(_first: &Clock, _second: &Clock) -> bool {
    false
}
