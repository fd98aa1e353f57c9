//! What a type declares, and how a run of its operations is carried out.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::{self, Ground, When};
use crate::ground;
use crate::models::Model;
use crate::schedules::{self, Explored, Judge, Program, WAITS, Way, unless_asleep};
use crate::tried::{Call, FIRST, Outcome, Plan, Run, Tries};

/// What an operation answers, as text.
pub type Answer = String;

/// An answer as text.
pub fn say(answer: impl Debug) -> Answer {
    format!("{answer:?}")
}

/// Every operation of the type.
pub const ALL: &[&str] = &["*"];

/// What an operation of a type promises.
#[derive(Clone, Copy)]
pub struct About {
    /// The method, and more if there are several ways to call it.
    pub name: &'static str,
    /// Those of one role never run beside each other.
    pub role: &'static str,
    /// The operations that it waits for, if they stand still.
    pub waits_for: &'static [&'static str],
    /// An answer that it may always give, and then it has changed nothing.
    pub weak: &'static str,
    /// It has several steps, which no order of the whole operations explains.
    pub loose: bool,
    /// The most steps of its own, whatever others do.
    pub wait_free: Option<u32>,
}

/// One operation of a type.
pub struct Operation<S> {
    pub about: About,
    run: fn(&S, u8) -> Answer,
}

/// An operation, lock-free and one step unless it says otherwise. It is called with a number of its own in
/// each run.
pub fn op<S>(name: &'static str, run: fn(&S, u8) -> Answer) -> Operation<S> {
    let about = About { name, role: "", waits_for: &[], weak: "", loose: false, wait_free: None };
    Operation { about, run }
}

impl<S> Operation<S> {
    /// Never beside another of that role.
    pub fn role(self, role: &'static str) -> Self {
        Self { about: About { role, ..self.about }, ..self }
    }

    /// Waits for these; at least one of them must be seen to hold it up.
    pub fn waits_for(self, waits_for: &'static [&'static str]) -> Self {
        Self { about: About { waits_for, ..self.about }, ..self }
    }

    /// May answer so for no reason, if others are in mid-operation.
    pub fn weak(self, weak: &'static str) -> Self {
        Self { about: About { weak, ..self.about }, ..self }
    }

    /// Several steps: then only `end` judges.
    pub fn loose(self) -> Self {
        Self { about: About { loose: true, ..self.about }, ..self }
    }

    /// At most so many steps of its own.
    pub fn wait_free(self, steps: u32) -> Self {
        Self { about: About { wait_free: Some(steps), ..self.about }, ..self }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.about.name
    }
}

impl About {
    /// The method's name.
    pub fn method(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }
}

/// What a type is tried in: a name, and how it is made.
pub type States<S> = Vec<(&'static str, fn() -> S)>;

/// A type and its operations.
pub struct Subject<S> {
    /// Its name.
    pub name: &'static str,
    /// The sources whose promises it covers, below `core/src`.
    pub files: &'static [&'static str],
    /// What it is tried in.
    pub states: States<S>,
    /// Those that may wait for ever: tried only where somebody else goes on meanwhile.
    blocking: Vec<Operation<S>>,
    /// What it is, in each state.
    model: Option<fn(usize) -> Box<dyn Model>>,
    /// Its operations.
    pub operations: Vec<Operation<S>>,
    /// What is left at the end. Fails if anything is lost, doubled or leaked.
    end: fn(S) -> Answer,
    /// The most steps of an operation while others stand still.
    limit: u32,
    /// How many operations run one after the other inside one that stands still.
    then: usize,
    /// Whether what is waited for keeps handlers off, so that none is held up where they can be.
    masks: bool,
}

impl<S> Subject<S> {
    /// A type whose operations wait for nobody.
    pub fn new(
        name: &'static str,
        files: &'static [&'static str],
        states: States<S>,
        operations: Vec<Operation<S>>,
        end: fn(S) -> Answer,
    ) -> Self {
        let (blocking, model) = (Vec::new(), None);
        Self {
            name,
            files,
            states,
            blocking,
            model,
            operations,
            end,
            limit: 40,
            then: 2,
            masks: false,
        }
    }

    /// Has these, too, which may wait for ever.
    pub fn blocking(self, blocking: Vec<Operation<S>>) -> Self {
        Self { blocking, ..self }
    }

    /// Is this, in the state with that number.
    pub fn model(self, model: fn(usize) -> Box<dyn Model>) -> Self {
        Self { model: Some(model), ..self }
    }

    /// So many steps at most, instead of 40.
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// So many operations one after the other, instead of two.
    pub fn then(self, then: usize) -> Self {
        Self { then, ..self }
    }

    /// What is waited for keeps handlers off.
    pub fn masks(self) -> Self {
        Self { masks: true, ..self }
    }
}

/// Says of those operations that they wait for one another, as they take one lock.
pub fn one_lock<S>(
    operations: impl IntoIterator<Item = Operation<S>>,
    names: &'static [&'static str],
) -> Vec<Operation<S>> {
    let mark = |operation: Operation<S>| {
        let listed = names.contains(&operation.name());
        if listed { operation.waits_for(names) } else { operation }
    };
    operations.into_iter().map(mark).collect()
}

impl<S: 'static> Subject<S> {
    /// Everything that can be tried with it.
    pub fn plan(self) -> Plan {
        Plan {
            name: self.name,
            files: self.files,
            states: self.states.iter().map(|(name, _)| *name).collect(),
            model: self.model,
            operations: self.operations.iter().map(|operation| operation.about).collect(),
            then: self.then,
            masks: self.masks,
            runs: Arc::new(Arc::new(self)),
        }
    }

    /// Tries everything.
    pub fn check(self) {
        self.plan().check();
    }

    /// The same, with those that may wait for ever.
    pub fn plan_with_blocking(mut self) -> Plan {
        self.operations.append(&mut self.blocking);
        self.plan()
    }

    /// Tries programs of several threads.
    pub fn interleave(self) {
        self.plan_with_blocking().interleave();
    }

    /// A new one, in the state with this number.
    pub fn state(&self, state: usize) -> S {
        self.states[state].1()
    }

    /// What is left of it.
    pub fn end(&self, state: S) -> Answer {
        (self.end)(state)
    }

    /// Makes a call, after `begin` has heard its number; `None` if it would wait for ever.
    pub fn call(&self, state: &S, (at, number): Call, begin: fn(usize)) -> Option<Answer> {
        begin(number.into());
        unless_asleep(|| (self.operations[at].run)(state, number))
    }
}

impl<S: 'static> Tries for Arc<Subject<S>> {
    fn perform(&self, ground: Ground, run: &Run) -> (Option<Outcome>, u32) {
        engine::start(ground);
        ground::start();
        let calls = run.outer.iter().map(|(call, at)| (*call, When::Before(*at)));
        let rest = run.inner.iter().map(|call| (*call, When::Never));
        let scene = Rc::new(Scene {
            subject: self.clone(),
            state: self.states[run.state].1(),
            calls: calls.chain(rest).collect(),
            outer: run.outer.len(),
            answers: RefCell::new(vec![None; run.outer.len() + run.inner.len()]),
            most: Cell::new(0),
        });
        Scene::play(&scene, 0);
        let scene = Rc::into_inner(scene).expect("nothing runs");
        let answers: Option<Vec<Answer>> = scene.answers.into_inner().into_iter().collect();
        // Also of a run that was not stopped everywhere: it must not leak.
        let end = (self.end)(scene.state);
        (answers.map(|answers| Outcome { answers, end }), scene.most.get())
    }

    fn stormed(&self, state: usize, at: usize, others: [Call; 2], limit: u32) -> u32 {
        engine::start(Ground::Threads);
        ground::start();
        let shared = Rc::new((self.clone(), self.states[state].1()));
        let inside = {
            let shared = shared.clone();
            move || {
                for (other, number) in others {
                    let (subject, state) = &*shared;
                    let run = || (subject.operations[other].run)(state, number);
                    engine::run(number.into(), subject.limit, When::Never, None, run);
                }
            }
        };
        let run = || (self.operations[at].run)(&shared.1, FIRST);
        let inside = Some(Rc::new(inside) as Rc<dyn Fn()>);
        let (_, steps) = engine::run(FIRST.into(), limit, When::Always, inside, run);
        let (_, state) = Rc::into_inner(shared).expect("nothing runs");
        (self.end)(state);
        steps
    }

    fn plain(&self, state: usize, calls: &[Call]) -> Outcome {
        engine::hook();
        engine::start(Ground::Threads);
        ground::start();
        let inside = self.state(state);
        let mut waits = false;
        let answers = calls.iter().map(|&(at, number)| {
            let run = || (self.operations[at].run)(&inside, number);
            let run = || engine::run(number.into(), u32::MAX, When::Never, None, run);
            let answer = unless_asleep(run);
            if answer.is_none() {
                waits = true;
                engine::start(Ground::Threads);
                ground::start();
            }
            answer.map_or(WAITS.into(), |(answer, _)| answer)
        });
        let answers = answers.collect();
        if waits {
            // It was given up in its middle.
            std::mem::forget(inside);
            return Outcome { answers, end: String::new() };
        }
        Outcome { answers, end: self.end(inside) }
    }

    fn explore(&self, program: &Program, way: Way, most: u64, seed: u64, judge: Judge) -> Explored {
        schedules::explore(self, program, way, most, seed, judge)
    }
}

/// One run while it runs.
struct Scene<S> {
    subject: Arc<Subject<S>>,
    state: S,
    calls: Vec<(Call, When)>,
    outer: usize,
    answers: RefCell<Vec<Option<Answer>>>,
    most: Cell<u32>,
}

impl<S: 'static> Scene<S> {
    /// Runs the operation at `place` with those behind it inside, or all that are left one after the other.
    fn play(scene: &Rc<Self>, place: usize) {
        if place < scene.outer {
            let inside = scene.clone();
            scene.call(place, Some(Rc::new(move || Self::play(&inside, place + 1))));
        } else {
            (place..scene.calls.len()).for_each(|place| scene.call(place, None));
        }
    }

    fn call(&self, place: usize, inside: Option<Rc<dyn Fn()>>) {
        let ((at, number), when) = self.calls[place];
        let operation = &self.subject.operations[at];
        let run = || (operation.run)(&self.state, number);
        let (answer, steps) = engine::run(number.into(), self.subject.limit, when, inside, run);
        if place >= self.outer {
            self.most.set(steps.max(self.most.get()));
        }
        self.answers.borrow_mut()[place] = Some(answer);
    }
}
