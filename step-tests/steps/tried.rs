//! What is tried with a type.
//!
//! - *Suspension*: one operation stands before each of its steps in turn, and then two at a time, while
//!   other threads' operations run; each of these must end within the type's limit. Afterwards those that
//!   stood still go on and must end too.
//! - *Nesting*: the same on one thread, as an interrupt does it.
//! - *Wait-freedom*: two other operations run before each step, without end, and the operation still ends
//!   within its own limit.
//!
//! What it all led to, answers and what is left at the end, must be what the same operations lead to one
//! after the other, in some order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::engine::Ground;
use crate::models::Model;
use crate::schedules::{Explored, Judge, Program, Way};
use crate::subject::{ALL, About, Answer};
use crate::worker::Worker;

/// An operation of a run: which one, and the number it is called with.
pub type Call = (usize, u8);

/// What a run led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub answers: Vec<Answer>,
    pub end: Answer,
}

/// A run: operations that stand still one inside the other, each before a step, and those inside them all.
#[derive(Clone)]
pub struct Run {
    pub state: usize,
    pub outer: Vec<(Call, u32)>,
    pub inner: Vec<Call>,
}

/// How a subject's runs are carried out.
pub trait Tries: Send + Sync {
    /// What a run leads to, `None` if those outside were not all stopped; and the most steps that one of
    /// those inside took.
    fn perform(&self, ground: Ground, run: &Run) -> (Option<Outcome>, u32);

    /// The steps of the operation at `at` with the others before each of them.
    fn stormed(&self, state: usize, at: usize, others: [Call; 2], limit: u32) -> u32;

    /// What calls lead to one after the other, on this thread. Of one that waits for ever nothing is left.
    fn plain(&self, state: usize, calls: &[Call]) -> Outcome;

    /// Runs a program of several threads, as `schedules` says.
    fn explore(&self, program: &Program, way: Way, most: u64, seed: u64, judge: Judge) -> Explored;
}

/// A subject, whatever its type.
#[derive(Clone)]
pub struct Plan {
    pub name: &'static str,
    pub files: &'static [&'static str],
    pub states: Vec<&'static str>,
    pub model: Option<fn(usize) -> Box<dyn Model>>,
    pub operations: Vec<About>,
    pub then: usize,
    pub masks: bool,
    pub runs: Arc<dyn Tries>,
}

impl Plan {
    /// Tries everything.
    pub fn check(&self) {
        let free = self.operations.iter().all(|operation| operation.waits_for.is_empty());
        for ground in [Ground::Threads, Ground::Handlers, Ground::Masked] {
            let mut tried = Tried::new(self.clone(), ground);
            match ground {
                // Where nobody waits it makes no difference who is kept off.
                Ground::Masked if free => continue,
                _ => tried.by_one(),
            }
            if free && ground == Ground::Threads {
                tried.by_two();
            }
            println!(
                "{}, {ground:?}: {} runs, {} steps at most",
                self.name, tried.runs, tried.most
            );
        }
        for (at, operation) in self.operations.iter().enumerate() {
            if let Some(limit) = operation.wait_free {
                wait_free(self, at, limit);
            }
        }
    }

    /// Whether the two never run beside each other.
    pub fn excluded(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.operations[a], &self.operations[b]);
        !a.role.is_empty() && a.role == b.role
    }

    fn waits(&self, ground: Ground, inner: usize, outer: usize) -> bool {
        let may = ground != Ground::Masked || !self.masks;
        let waits_for = self.operations[inner].waits_for;
        may && (waits_for == ALL || waits_for.contains(&self.operations[outer].name))
    }

    fn describe(&self, run: &Run) -> String {
        let name = |(at, number): Call| format!("{}({number})", self.operations[at].name);
        let mut text = format!("{}, {}: ", self.name, self.states[run.state]);
        for (call, at) in &run.outer {
            text += &format!("{} before step {at}, inside it ", name(*call));
        }
        text + &run.inner.iter().map(|&call| name(call)).collect::<Vec<_>>().join(", ")
    }
}

/// The number that the first operation of a run is called with.
pub const FIRST: u8 = 1;

/// All runs on one ground.
struct Tried {
    plan: Plan,
    ground: Ground,
    worker: Worker,
    /// What calls lead to one after the other.
    plain: HashMap<(usize, Vec<Call>), Outcome>,
    runs: u64,
    most: u32,
}

impl Tried {
    fn new(plan: Plan, ground: Ground) -> Self {
        Self { plan, ground, worker: Worker::new(), plain: HashMap::new(), runs: 0, most: 0 }
    }

    /// Each operation stopped before each of its steps, and others inside.
    fn by_one(&mut self) {
        let plan = self.plan.clone();
        let count = plan.operations.len();
        let pairs = || (0..count).flat_map(|outer| (0..count).map(move |inner| (outer, inner)));
        let mut waited = vec![false; count];
        for (outer, inner) in pairs().filter(|&(outer, inner)| !plan.excluded(outer, inner)) {
            let mut states = 0..plan.states.len();
            if let Some(why) =
                states.find_map(|state| self.at_each_step(state, outer, &[inner]).err())
            {
                assert!(plan.waits(self.ground, inner, outer), "{why}");
                waited[inner] = true;
            }
        }
        // Whoever says that it waits is seen to.
        for (inner, operation) in plan.operations.iter().enumerate() {
            let waits = (0..count).any(|outer| plan.waits(self.ground, inner, outer));
            assert!(
                waited[inner] || !waits,
                "{}, said to wait for what never holds it up: {} on {:?}",
                plan.name,
                operation.name,
                self.ground
            );
        }
        for (outer, inner) in pairs() {
            for state in 0..plan.states.len() {
                self.longer(state, outer, &mut vec![inner]);
            }
        }
    }

    /// As many operations inside as `then` says, one after the other, if none of them waits.
    fn longer(&mut self, state: usize, outer: usize, inner: &mut Vec<usize>) {
        let plan = self.plan.clone();
        let last = inner[inner.len() - 1];
        if inner.len() > plan.then
            || plan.excluded(outer, last)
            || plan.waits(self.ground, last, outer)
        {
            return;
        }
        if inner.len() > 1 {
            if let Err(why) = self.at_each_step(state, outer, inner) {
                panic!("{why}");
            }
        }
        for next in 0..plan.operations.len() {
            inner.push(next);
            self.longer(state, outer, inner);
            inner.pop();
        }
    }

    /// Fails if one of those inside is held up, and says how.
    fn at_each_step(&mut self, state: usize, outer: usize, inner: &[usize]) -> Result<(), String> {
        let inner = inner.iter().copied().zip(FIRST + 1..).collect();
        self.in_turn(Run { state, outer: vec![((outer, FIRST), 1)], inner })
    }

    /// Two stand still, one inside the other, and a third runs.
    fn by_two(&mut self) {
        let plan = self.plan.clone();
        let count = plan.operations.len();
        let apart = |a: usize, b: usize| !plan.excluded(a, b);
        for state in 0..plan.states.len() {
            for (a, b, c) in triples(count) {
                if !(apart(a, b) && apart(b, c) && apart(a, c)) {
                    continue;
                }
                for at in 1.. {
                    let outer = vec![((a, FIRST), at), ((b, FIRST + 1), 1)];
                    let before = self.runs;
                    if let Err(why) =
                        self.in_turn(Run { state, outer, inner: vec![(c, FIRST + 2)] })
                    {
                        panic!("{why}");
                    }
                    if self.runs == before {
                        break;
                    }
                }
            }
        }
    }

    /// Runs with the last of those outside stopped before each of its steps in turn, the first time before
    /// the one that `run` says, until it ends without. Fails if a run led to what no order leads to.
    fn in_turn(&mut self, run: Run) -> Result<(), String> {
        let (runs, ground, mut next) = (self.plan.runs.clone(), self.ground, run.clone());
        // How far it came, for who asks when it is stuck.
        let step = Arc::new(AtomicU32::new(0));
        let at = step.clone();
        let done = self.worker.run(move || {
            let mut outcomes = Vec::new();
            while let (Some(outcome), most) = runs.perform(ground, &next) {
                outcomes.push((next.clone(), outcome, most));
                if let Some((_, step)) = next.outer.last_mut() {
                    *step += 1;
                    at.store(*step, Relaxed);
                }
            }
            outcomes
        });
        let outcomes = done.map_err(|why| {
            let step = step.load(Relaxed);
            format!("{:?}, {why:?} at step {step}: {}", self.ground, self.plan.describe(&run))
        })?;
        for (run, outcome, most) in outcomes {
            self.runs += 1;
            self.most = self.most.max(most);
            self.explain(&run, &outcome);
        }
        Ok(())
    }

    fn explain(&mut self, run: &Run, outcome: &Outcome) {
        let outer = run.outer.iter().map(|(call, _)| *call);
        let calls: Vec<Call> = outer.chain(run.inner.iter().copied()).collect();
        let plan = self.plan.clone();
        let of = |place: usize| &plan.operations[calls[place].0];
        if (0..calls.len()).any(|place| of(place).loose) {
            return;
        }
        // Those that may have answered as they did for no reason may be left out.
        let weak: Vec<usize> = (0..calls.len())
            .filter(|&place| !of(place).weak.is_empty() && outcome.answers[place] == of(place).weak)
            .collect();
        let mut seen = Vec::new();
        for order in orders(run.outer.len(), calls.len()) {
            for left_out in 0..1_u32 << weak.len() {
                let out = |place: &usize| {
                    weak.iter()
                        .position(|one| one == place)
                        .is_some_and(|bit| left_out >> bit & 1 == 1)
                };
                let order: Vec<usize> = order.iter().copied().filter(|place| !out(place)).collect();
                let plain =
                    self.plain(run.state, order.iter().map(|&place| calls[place]).collect());
                let answers = order.iter().map(|&place| &outcome.answers[place]);
                if plain.end == outcome.end && plain.answers.iter().eq(answers) {
                    return;
                }
                seen.push((order, plain));
            }
        }
        let seen: String = seen.iter().map(|one| format!("  {one:?}\n")).collect();
        panic!(
            "{:?}: {}\nled to {outcome:?}, and one after the other to\n{seen}",
            self.ground,
            plan.describe(run)
        );
    }

    /// What the calls lead to one after the other.
    fn plain(&mut self, state: usize, calls: Vec<Call>) -> Outcome {
        let key = (state, calls);
        if let Some(outcome) = self.plain.get(&key) {
            return outcome.clone();
        }
        let run = Run { state, outer: Vec::new(), inner: key.1.clone() };
        let (runs, ground) = (self.plan.runs.clone(), self.ground);
        let job_run = run.clone();
        let outcome = match self.worker.run(move || runs.perform(ground, &job_run)) {
            Ok((outcome, _)) => outcome.expect("nobody has to be stopped"),
            Err(why) => panic!("alone, {why:?}: {}", self.plan.describe(&run)),
        };
        self.plain.insert(key, outcome.clone());
        outcome
    }
}

/// All orders of `count` places in which those from `outer` on keep theirs.
fn orders(outer: usize, count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![(outer..count).collect::<Vec<_>>()];
    for place in 0..outer {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, place);
                    longer
                })
            })
            .collect();
    }
    orders
}

fn triples(count: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..count).flat_map(move |a| (0..count).flat_map(move |b| (0..count).map(move |c| (a, b, c))))
}

/// Runs two other operations before each step of the one at `at`, in each state.
fn wait_free(plan: &Plan, at: usize, limit: u32) {
    let mut worker = Worker::new();
    let mut most = 0;
    let others = || (0..plan.operations.len()).filter(|&other| !plan.excluded(at, other));
    let name = |at: usize| plan.operations[at].name;
    for (state, described) in plan.states.iter().enumerate() {
        for (first, second) in
            others().flat_map(|first| others().map(move |second| (first, second)))
        {
            let runs = plan.runs.clone();
            let others = [(first, FIRST + 1), (second, FIRST + 2)];
            let ended = worker.run(move || runs.stormed(state, at, others, limit));
            match ended {
                Ok(steps) => most = most.max(steps),
                Err(why) => panic!(
                    "{}, {described}: {} with {} and {} before each step: {why:?}, limit {limit}",
                    plan.name,
                    name(at),
                    name(first),
                    name(second)
                ),
            }
        }
    }
    println!("{}: {} takes {most} steps, whatever others do", plan.name, name(at));
}
