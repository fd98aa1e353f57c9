//! The barrier. Each party writes plain data before it comes, which all the others read afterwards.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll::Ready, Waker};

use inkle_core::error::BarrierError::{self, Broken, Cancelled, TimedOut};
use inkle_core::platform::Deadline;
use inkle_core::sync::{Barrier, CancelToken, Reason};
use loom::thread::{spawn, yield_now};

use Op::{
    Abort, Async, Cancel, Insist, Look, Once, Poll, Reset, Soon, Unless, Wait, With, WithAsync,
};

use super::{SLOW, THREE};
use crate::kit::{Loom, Model, Plain, SOON, block_on, poll_once, timeouts, until_asleep};

/// Quick enough in the exact tier.
const STOCK: &str = "more than 1 s in the stock tier without a bound";

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::full("wait_wait", || all(&[&[Wait], &[Wait]])),
    Model::bounded("wait_wait_twice", 3, SLOW, || all(&[&[Wait, Wait], &[Wait, Wait]])),
    Model::full("with_with", || all(&[&[With], &[With]])),
    Model::bounded("with_wait_twice", 3, SLOW, || all(&[&[With, Wait], &[Wait, With]])),
    Model::full("soon_wait", || all(&[&[Soon], &[Wait]])),
    Model::full("poll_wait", || one(&[&[Poll], &[Wait]])),
    Model::full("poll_with", || one(&[&[Poll], &[With]])),
    Model::full("poll_poll", || one(&[&[Poll], &[Poll]])),
    Model::full("abort_wait", || none(&[&[Abort], &[Wait]])),
    Model::bounded("abort_with_wait", 3, SLOW, || one(&[&[With, Abort], &[With, Wait]])),
    Model::bounded("abort_abort_reset", 6, SLOW, || none(&[&[Abort, Abort], &[Wait, Reset, Look]])),
    Model::bounded("reset_insist", 4, SLOW, || one(&[&[Reset, Insist], &[Insist]])),
    Model::bounded("abort_reset_insist", 4, SLOW, || abort_then_reset(&[&[Insist]])),
    Model::full("look_wait", || all(&[&[Look, Wait, Look], &[Wait]])),
    Model::bounded("cancel_unless", 8, SLOW, || none(&[&[Cancel], &[Unless]])),
    Model::bounded("once_wait", 8, STOCK, || one(&[&[Once], &[Wait]])),
    Model::bounded("once_once", 8, STOCK, || one(&[&[Once], &[Once]])),
    Model::full("async_wait", || all(&[&[Async], &[Wait]])),
    Model::bounded("async_async", 8, SLOW, || all(&[&[Async], &[WithAsync]])),
    Model::bounded("unless_wait", 7, SLOW, || all(&[&[Unless], &[Wait]])),
    Model::full("abort_async", || none(&[&[Abort], &[Async]])),
    Model::full("early_wait", || early(&[&[Wait], &[Wait]])),
    Model::bounded("early_soon", 7, "more than 3 s in the exact tier without a bound", || {
        early(&[&[Soon], &[Wait]])
    }),
    Model::bounded("early_soon_soon", 7, SLOW, || early(&[&[Soon], &[Soon]])),
    Model::bounded("early_soon_with", 5, SLOW, || early(&[&[Soon], &[With]])),
    Model::bounded("early_soon_async", 6, SLOW, || early(&[&[Soon], &[Async]])),
    Model::bounded("early_async", 6, SLOW, || early(&[&[Async], &[Wait]])),
    Model::bounded("late_leaver", 4, SLOW, late_leaver),
    Model::bounded("two_rounds_behind", 5, SLOW, || two_rounds_behind(1, Leaves::Polled)),
    Model::bounded("two_rounds_behind_dropped", 4, SLOW, || two_rounds_behind(1, Leaves::Dropped)),
    Model::full("late_beside_with", late_beside_with),
    Model::full("come_during_action", come_during_action),
    // Three threads.
    Model::bounded("wait_3", 1, THREE, || all(&[&[Wait], &[Wait], &[Wait]])),
    Model::bounded("with_3", 2, THREE, || all(&[&[With], &[With], &[With]])),
    Model::bounded("poll_3", 2, THREE, || one(&[&[Poll], &[Wait], &[With]])),
    Model::bounded("once_3", 2, THREE, || one(&[&[Once], &[Wait], &[Async]])),
    Model::bounded("abort_with", 3, THREE, || two(&[&[Abort], &[With], &[With]])),
    Model::bounded("cancel_unless_wait", 3, THREE, || two(&[&[Cancel, Abort], &[Unless], &[With]])),
    Model::bounded("reset_with_insist", 2, THREE, || two(&[&[Reset], &[Insist], &[Insist]])),
    Model::bounded("reset_reset_insist", 2, THREE, || {
        two(&[&[Reset, Reset], &[Insist], &[Insist]])
    }),
    Model::bounded("abort_reset_insist_2", 1, THREE, || abort_then_reset(&[&[Insist], &[Insist]])),
    Model::bounded("two_rounds_behind_2", 2, THREE, || two_rounds_behind(2, Leaves::Polled)),
];

#[derive(Clone, Copy)]
enum Op {
    Wait,
    /// `wait_with`: the action, which the last one runs, writes what all read afterwards.
    With,
    /// `wait_until` a deadline that may pass.
    Soon,
    /// `wait_until` a deadline that has passed.
    Poll,
    /// `wait_unless` the token is cancelled.
    Unless,
    Async,
    WithAsync,
    /// Polled once and dropped.
    Once,
    /// `wait` until a round has passed.
    Insist,
    Abort,
    Reset,
    Cancel,
    Look,
}

/// What the parties of one round must agree on.
#[derive(Clone, Copy, PartialEq)]
enum Agree {
    /// That it has passed.
    Passed,
    /// That it has not.
    Failed,
    /// On one of the two, in each round.
    Either,
    /// Nothing: rounds are not what a thread counts.
    Not,
}

const ROUNDS: usize = 2;

struct Meeting {
    barrier: Barrier<Loom>,
    stop: CancelToken<'static, Loom>,
    /// What each thread says before each of its rounds.
    said: [[Plain; ROUNDS]; 3],
    /// Set by the action of a round.
    acted: [Plain; ROUNDS],
    /// How many actions there were: no matter of loom's.
    actions: AtomicU32,
    /// What came of each round.
    results: Mutex<Vec<(usize, Result<u32, BarrierError>)>>,
    agree: Agree,
}

impl Meeting {
    fn new(parties: u32, agree: Agree) -> Self {
        Self {
            barrier: Barrier::new(parties).expect("few"),
            stop: CancelToken::new(),
            said: std::array::from_fn(|_| std::array::from_fn(|_| Plain::new(0))),
            acted: std::array::from_fn(|_| Plain::new(0)),
            actions: AtomicU32::new(0),
            results: Mutex::new(Vec::new()),
            agree,
        }
    }

    /// Whether what is said and done in a round can be told by the number of a thread and of its round.
    fn is_told(&self) -> bool {
        self.agree != Agree::Not
    }

    fn run(&self, thread: usize, threads: usize, script: &[Op]) {
        let mut round = 0;
        for op in script {
            if let Some(result) = self.op(*op, thread, round) {
                let result = self.judge(*op, result, threads, round);
                self.results.lock().unwrap().push((round, result));
                round += 1;
            }
        }
    }

    fn op(&self, op: Op, thread: usize, round: usize) -> Option<Result<u32, BarrierError>> {
        let barrier = &self.barrier;
        let act = || {
            self.actions.fetch_add(1, Relaxed);
            if self.is_told() {
                self.acted[round].add(1);
            }
        };
        if self.is_told() && !matches!(op, Abort | Reset | Cancel | Look) {
            self.said[thread][round].set(1);
        }
        Some(match op {
            Wait => barrier.wait(),
            With => barrier.wait_with(act),
            Soon => barrier.wait_until(SOON),
            Poll => barrier.wait_until(Deadline::PASSED),
            Unless => barrier.wait_unless(&self.stop),
            Async => block_on(barrier.wait_async()),
            WithAsync => block_on(barrier.wait_with_async(act)),
            Once => poll_once(barrier.wait_async())?,
            Insist => loop {
                match barrier.wait() {
                    Err(Broken) => yield_now(),
                    result => break result,
                }
            },
            Abort | Reset | Cancel | Look => {
                match op {
                    Abort => barrier.abort(),
                    Reset => barrier.reset(),
                    Cancel => drop(self.stop.cancel(Reason::REQUESTED)),
                    _ => assert!(barrier.waiting() <= barrier.parties()),
                }
                return None;
            }
        })
    }

    /// Looks at what all have said, if a round has passed, and at the kind of the error if not.
    fn judge(
        &self,
        op: Op,
        result: Result<u32, BarrierError>,
        threads: usize,
        round: usize,
    ) -> Result<u32, BarrierError> {
        match (result, op) {
            (Ok(index), _) => {
                assert!(index < self.barrier.parties());
                if self.is_told() && threads as u32 == self.barrier.parties() {
                    let said: u32 = (0..threads).map(|thread| self.said[thread][round].get()).sum();
                    assert_eq!(said, self.barrier.parties());
                }
                if self.is_told() {
                    assert!(self.acted[round].get() <= 1, "one action a round");
                }
            }
            (Err(TimedOut), Soon | Poll) | (Err(Cancelled(_)), Unless) => {}
            (Err(error), _) => assert_eq!(error, Broken),
        }
        result
    }
}

fn play(parties: u32, agree: Agree, scripts: &'static [&'static [Op]]) -> Arc<Meeting> {
    let meeting = Arc::new(Meeting::new(parties, agree));
    let run = |meeting: &Meeting, thread: usize| {
        meeting.run(thread, scripts.len(), scripts[thread]);
    };
    let others: Vec<_> = (1..scripts.len())
        .map(|thread| {
            let meeting = meeting.clone();
            spawn(move || run(&meeting, thread))
        })
        .collect();
    run(&meeting, 0);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(meeting.barrier.waiting(), 0, "all have left");
    check(&meeting, parties, agree);
    meeting
}

fn check(meeting: &Meeting, parties: u32, agree: Agree) {
    let results = meeting.results.lock().unwrap();
    if agree == Agree::Not {
        let passed = results.iter().filter(|(_, result)| result.is_ok()).count() as u32;
        assert_eq!(passed % parties, 0, "rounds pass as a whole: {results:?}");
        return;
    }
    for round in 0..ROUNDS {
        let of_round = || results.iter().filter(|result| result.0 == round).map(|result| result.1);
        let came = of_round().count();
        let mut passed: Vec<u32> = of_round().flatten().collect();
        passed.sort_unstable();
        if came > 0 {
            match agree {
                Agree::Passed => assert!(!passed.is_empty(), "{results:?}"),
                Agree::Failed => assert!(passed.is_empty(), "{results:?}"),
                _ => {}
            }
        }
        // All of those who know; somebody who was dropped does not.
        assert!(passed.is_empty() || passed.len() == came, "round {round}: {results:?}");
        passed.dedup();
        assert!(passed.is_empty() || passed.len() == came, "numbers in round {round}: {results:?}");
        assert!(came <= parties as usize);
    }
}

/// All are parties, and all rounds pass.
fn all(scripts: &'static [&'static [Op]]) {
    let meeting = play(scripts.len() as u32, Agree::Passed, scripts);
    let rounds = scripts[0].iter().filter(|op| !matches!(op, Look)).count() as u32;
    let always = |op: &Op| matches!(op, With | WithAsync);
    if scripts.iter().all(|script| script.iter().all(always)) {
        assert_eq!(meeting.actions.load(Relaxed), rounds);
    }
    // Somebody has come last; if it was one with an action, that ran.
    assert!(meeting.actions.load(Relaxed) <= rounds);
    assert!(!meeting.barrier.is_broken());
}

/// All are parties; a round passes for all or for nobody.
fn one(scripts: &'static [&'static [Op]]) {
    play(scripts.len() as u32, Agree::Either, scripts);
}

/// All but the first are parties, two of them; a round passes for all or for nobody.
fn two(scripts: &'static [&'static [Op]]) {
    play(2, Agree::Either, scripts);
}

/// Two parties, of which one never comes: no round passes.
fn none(scripts: &'static [&'static [Op]]) {
    play(2, Agree::Failed, scripts);
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    one(scripts);
}

/// The first aborts and resets while the others insist; it joins them if they are not enough.
fn abort_then_reset(others: &'static [&'static [Op]]) {
    let meeting = Arc::new(Meeting::new(2, Agree::Not));
    let insisting: Vec<_> = others
        .iter()
        .map(|script| {
            let meeting = meeting.clone();
            spawn(move || meeting.run(1, 2, script))
        })
        .collect();
    meeting.barrier.abort();
    assert!(meeting.barrier.is_broken());
    meeting.barrier.reset();
    if others.len() < 2 {
        meeting.run(0, 2, &[Insist]);
    }
    insisting.into_iter().for_each(|other| other.join().unwrap());
    check(&meeting, 2, Agree::Not);
    assert!(!meeting.barrier.is_broken());
}

/// Who is told of a reset late finds its own round failed, though the next one has passed meanwhile.
fn late_leaver() {
    let barrier = Arc::new(Barrier::<Loom>::new(2).expect("few"));
    let late = {
        let barrier = barrier.clone();
        spawn(move || barrier.wait())
    };
    until_asleep(1);
    barrier.reset();
    // While it may not have left yet.
    round_of_tasks(&barrier);
    barrier.abort();
    assert_eq!(late.join().unwrap(), Err(Broken));
    assert!(barrier.is_broken());
}

/// A round of two, by tasks of this one thread.
fn round_of_tasks(barrier: &Barrier<Loom>) {
    let mut first = pin!(barrier.wait_async());
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(poll_once(barrier.wait_async()), Some(Ok(1)));
    assert_eq!(poll(first), Ready(Ok(0)));
}

fn poll<F: Future>(future: Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// How a task leaves a round that is over.
enum Leaves {
    Polled,
    Dropped,
}

/// Somebody has not left the round before the last one: the next has to wait for that.
fn two_rounds_behind(others: u32, leaves: Leaves) {
    let barrier = Arc::new(Barrier::<Loom>::new(2).expect("few"));
    let mut late = Box::pin(barrier.wait_async());
    assert!(poll(late.as_mut()).is_pending());
    barrier.reset();
    round_of_tasks(&barrier);
    let waiting: Vec<_> = (0..others)
        .map(|_| {
            let barrier = barrier.clone();
            spawn(move || barrier.wait())
        })
        .collect();
    if let Leaves::Polled = leaves {
        assert_eq!(poll(late.as_mut()), Ready(Err(Broken)));
    }
    drop(late);
    let mut came: Vec<_> = (others..2).map(|_| barrier.wait()).collect();
    came.extend(waiting.into_iter().map(|thread| thread.join().unwrap()));
    came.sort_unstable_by_key(|result| *result.as_ref().unwrap());
    assert_eq!(came, [Ok(0), Ok(1)]);
    assert!(!barrier.is_broken());
}

/// A round is ended by its action while somebody has not left the one before it.
fn late_beside_with() {
    let barrier = Arc::new(Barrier::<Loom>::new(2).expect("few"));
    let mut late = Box::pin(barrier.wait_async());
    assert!(poll(late.as_mut()).is_pending());
    barrier.reset();
    let other = {
        let barrier = barrier.clone();
        spawn(move || barrier.wait_with(|| ()))
    };
    let mut came = [barrier.wait_with(|| ()), other.join().unwrap()];
    came.sort_unstable_by_key(|result| *result.as_ref().unwrap());
    assert_eq!(came, [Ok(0), Ok(1)]);
    assert_eq!(poll(late.as_mut()), Ready(Err(Broken)));
}

/// Who comes while the action runs is not of this round, and breaks nothing.
fn come_during_action() {
    let barrier = Arc::new(Barrier::<Loom>::new(2).expect("few"));
    let come = |barrier: &Barrier<Loom>| {
        let result = barrier.wait_with(|| {
            assert_eq!(barrier.wait_until(Deadline::PASSED), Err(TimedOut));
        });
        assert!(result.is_ok());
    };
    let other = {
        let barrier = barrier.clone();
        spawn(move || come(&barrier))
    };
    come(&barrier);
    other.join().unwrap();
    assert!(!barrier.is_broken());
}
