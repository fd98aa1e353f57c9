//! What C++20 allows a litmus shape to show, found without loom: every candidate execution is
//! written down and kept if it breaks no axiom.
//!
//! A candidate is a choice of which compare-exchanges succeed, of the write that each read takes its
//! value from (`rf`), and of the order of the writes to each word (`mo`). The axioms are those of the
//! standard: happens-before and coherence, atomicity, and the one order of all SeqCst operations and
//! fences. There is none against load buffering, which the standard allows; and none against values
//! out of thin air, as no operation here computes a value from another word.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use Ordering::{AcqRel, Acquire, Release, SeqCst};

use super::{Op, Threads, WORDS, outcome};

/// The outcomes that C++20 allows.
pub(super) fn allowed(threads: Threads) -> BTreeSet<String> {
    let ops = || threads.iter().flat_map(|ops| ops.iter());
    let mut outcomes = BTreeSet::new();
    // For each operation that may fail, whether it does.
    each(&ops().map(|op| if op.may_fail() { 2 } else { 1 }).collect::<Vec<_>>(), |fails| {
        let events = events(threads, fails);
        let is_write_to = |word: usize| {
            let events = &events;
            (0..events.len()).filter(move |&e| events[e].writes && events[e].word == Some(word))
        };
        // For each event, the writes that it may read from; one dummy if it reads nothing.
        let sources: Vec<Vec<usize>> = (0..events.len())
            .map(|e| match events[e].word {
                Some(word) if events[e].reads => is_write_to(word).filter(|&w| w != e).collect(),
                _ => vec![usize::MAX],
            })
            .collect();
        // For each word, the orders of its writes, of which the first is the initial one.
        let orders: Vec<Vec<Vec<usize>>> = (0..WORDS)
            .map(|word| {
                let others: Vec<usize> = is_write_to(word).skip(1).collect();
                let first = |order: Vec<usize>| [vec![word], order].concat();
                permutations(&others).into_iter().map(first).collect()
            })
            .collect();
        each(&sources.iter().map(Vec::len).collect::<Vec<_>>(), |choice| {
            let from: Vec<usize> = sources.iter().zip(choice).map(|(all, &n)| all[n]).collect();
            let Some(values) = values(&events, &from) else { return };
            each(&orders.iter().map(Vec::len).collect::<Vec<_>>(), |choice| {
                let mo: Vec<&[usize]> =
                    orders.iter().zip(choice).map(|(all, &n)| &*all[n]).collect();
                if is_consistent(&events, &from, &mo) {
                    let reads = (0..events.len()).filter(|&e| events[e].reads);
                    let reads = reads.map(|e| (events[e].thread, values[from[e]]));
                    let last = mo.iter().map(|order| values[*order.last().unwrap()]);
                    outcomes.insert(outcome(threads, reads, last));
                }
            });
        });
    });
    outcomes
}

/// One operation as it went. The first events are the initial writes, one for each word.
struct Event {
    /// `usize::MAX` for an initial write.
    thread: usize,
    op: Op,
    /// `None` for a fence.
    word: Option<usize>,
    reads: bool,
    writes: bool,
    order: Ordering,
}

impl Event {
    fn acquires(&self) -> bool {
        matches!(self.order, Acquire | AcqRel | SeqCst)
    }

    fn releases(&self) -> bool {
        matches!(self.order, Release | AcqRel | SeqCst)
    }

    fn is_fence(&self) -> bool {
        self.word.is_none()
    }
}

fn events(threads: Threads, fails: &[usize]) -> Vec<Event> {
    let initial = (0..WORDS).map(|word| (usize::MAX, Op::Store(word, 0, Ordering::Relaxed), false));
    let all = (0..).zip(threads).flat_map(|(thread, ops)| ops.iter().map(move |op| (thread, *op)));
    let all = all.zip(fails).map(|((thread, op), &fails)| (thread, op, fails == 1));
    let event = |(thread, op, fails): (usize, Op, bool)| {
        let (word, reads, writes, order) = match op {
            Op::Store(word, _, order) => (Some(word), false, true, order),
            Op::Load(word, order) => (Some(word), true, false, order),
            Op::Add(word, _, order) => (Some(word), true, true, order),
            Op::Cas(word, .., failure) | Op::Weak(word, .., failure) if fails => {
                (Some(word), true, false, failure)
            }
            Op::Cas(word, _, _, success, _) | Op::Weak(word, _, _, success, _) => {
                (Some(word), true, true, success)
            }
            Op::Fence(order) => (None, false, false, order),
        };
        Event { thread, op, word, reads, writes, order }
    };
    initial.chain(all).map(event).collect()
}

/// What each write writes; `None` if a value would come from itself, or if a compare-exchange went
/// otherwise than its value says.
fn values(events: &[Event], from: &[usize]) -> Option<Vec<u32>> {
    let mut values = vec![None; events.len()];
    for _ in events {
        for (e, event) in events.iter().enumerate() {
            values[e] = match event.op {
                Op::Store(_, value, _) => Some(value),
                Op::Add(_, step, _) => values[from[e]].map(|value: u32| value + step),
                Op::Cas(_, _, new, ..) | Op::Weak(_, _, new, ..) => Some(new),
                Op::Load(..) | Op::Fence(_) => Some(0),
            };
        }
    }
    let values = values.into_iter().collect::<Option<Vec<u32>>>()?;
    let as_it_went = (0..events.len()).all(|e| match (events[e].op, events[e].writes) {
        (Op::Cas(_, current, ..) | Op::Weak(_, current, ..), true) => values[from[e]] == current,
        (Op::Cas(_, current, ..), false) => values[from[e]] != current,
        _ => true,
    });
    as_it_went.then_some(values)
}

fn is_consistent(events: &[Event], from: &[usize], mo: &[&[usize]]) -> bool {
    let n = events.len();
    let place = |write: usize| {
        let order = mo[events[write].word.unwrap()];
        order.iter().position(|&w| w == write).unwrap()
    };
    let same_word = |a: usize, b: usize| events[a].word == events[b].word;
    let reads_from = |w: usize, r: usize| events[r].reads && from[r] == w;
    // A write that reads comes right after what it read.
    let atomic = (0..n).filter(|&e| events[e].reads && events[e].writes);
    if atomic.into_iter().any(|e| place(e) != place(from[e]) + 1) {
        return false;
    }

    let po = Relation::new(n, |a, b| {
        events[a].thread == usize::MAX && events[b].thread != usize::MAX
            || events[a].thread == events[b].thread && a < b
    });
    let rf = Relation::new(n, reads_from);
    // Extended coherence order: reads from, is overwritten by, read before it was overwritten by.
    let eco = Relation::new(n, |a, b| {
        let before = events[b].writes && same_word(a, b) && a != b;
        reads_from(a, b)
            || before && events[a].writes && place(a) < place(b)
            || before && events[a].reads && place(from[a]) < place(b)
    })
    .closure();

    // A release sequence is a chain of reads-from: all but its first write are read-modify-writes.
    let chain = rf.closure();
    let release = Relation::new(n, |a, w| {
        events[w].writes && events[a].releases() && (a == w || events[a].is_fence() && po.has(a, w))
    });
    let acquire = Relation::new(n, |r, b| {
        events[r].reads && events[b].acquires() && (b == r || events[b].is_fence() && po.has(r, b))
    });
    let sw = release.then(&chain).then(&acquire);
    let hb = po.or(&sw).closure();
    if hb.is_cyclic() || hb.then(&eco).is_cyclic() {
        return false;
    }

    // The order of the SeqCst events: what strongly happens before, and what coherence says of the
    // events themselves and of those after one fence and before another.
    let sc = |e: usize| events[e].order == SeqCst;
    let strong = po
        .or(&Relation::new(n, |a, b| sc(a) && sc(b) && sw.has(a, b)))
        .or(&po.then(&hb).then(&po))
        .closure();
    let after = Relation::new(n, |s, a| {
        sc(s) && (s == a && !events[s].is_fence() || events[s].is_fence() && hb.has(s, a))
    });
    let before = Relation::new(n, |a, s| {
        sc(s) && (s == a && !events[s].is_fence() || events[s].is_fence() && hb.has(a, s))
    });
    let s = Relation::new(n, |a, b| sc(a) && sc(b) && strong.has(a, b));
    !s.or(&after.then(&eco).then(&before)).closure().is_cyclic()
}

/// A relation on at most 32 events: for each the set of those that it relates to.
struct Relation(Vec<u32>);

impl Relation {
    fn new(n: usize, has: impl Fn(usize, usize) -> bool) -> Self {
        assert!(n <= 32, "a shape is too long");
        let row = |a| (0..n).filter(|&b| has(a, b)).fold(0, |row, b| row | 1 << b);
        Self((0..n).map(row).collect())
    }

    fn has(&self, a: usize, b: usize) -> bool {
        self.0[a] >> b & 1 == 1
    }

    fn or(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a | b).collect())
    }

    fn then(&self, next: &Self) -> Self {
        let n = self.0.len();
        let row = |a| (0..n).filter(|&b| self.has(a, b)).fold(0, |row, b| row | next.0[b]);
        Self((0..n).map(row).collect())
    }

    fn closure(&self) -> Self {
        let mut closed = Self(self.0.clone());
        for middle in 0..closed.0.len() {
            for a in 0..closed.0.len() {
                if closed.has(a, middle) {
                    closed.0[a] |= closed.0[middle];
                }
            }
        }
        closed
    }

    /// Whether anything relates to itself.
    fn is_cyclic(&self) -> bool {
        (0..self.0.len()).any(|a| self.has(a, a))
    }
}

/// Calls `f` with every choice of one number below each size.
fn each(sizes: &[usize], mut f: impl FnMut(&[usize])) {
    let mut choice = vec![0; sizes.len()];
    loop {
        f(&choice);
        let Some(next) = (0..sizes.len()).find(|&at| choice[at] + 1 < sizes[at]) else { return };
        choice[..next].fill(0);
        choice[next] += 1;
    }
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let first = |at: usize| {
        let rest = [&items[..at], &items[at + 1..]].concat();
        permutations(&rest).into_iter().map(move |rest| [vec![items[at]], rest].concat())
    };
    (0..items.len()).flat_map(first).collect()
}
