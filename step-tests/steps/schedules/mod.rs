//! The same declarations under shuttle: programs of several threads, made from a type's operations, by
//! schedules searched and drawn, each history judged in real-time order.
//!
//! - Each operation beside each other and itself, in each state: all schedules up to a bound.
//! - Programs of two and three threads with two calls each, drawn by chance: by chance and by priorities.
//!
//! The sequential specification is the type itself, run alone, one call after the other (`Tries::plain`);
//! that this is what it should be is for `models.rs`.

mod canaries;
mod explain;
mod explorer;
mod stage;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::engine::{self, Ground};
use crate::subject::{Answer, Subject};
use crate::tried::{Call, FIRST, Plan};
use explain::Judge as Explainer;
use explorer::{Explorer, next_random};

pub use explorer::{Explored, Judge, Way};
pub use stage::{Asleep, Phase, call, is_on, point, quietly, sleep, wake};

/// The answer of a call that sleeps, and nobody is left who would wake it.
pub const WAITS: &str = "waits for ever";

/// Calls of some threads.
#[derive(Clone, Debug)]
pub struct Program {
    pub state: usize,
    pub threads: Vec<Vec<Call>>,
}

/// What a program led to.
#[derive(Clone, Debug)]
pub struct Seen {
    /// In the order of threads and their calls, `None` for those that were never made.
    pub answers: Vec<Option<Answer>>,
    /// When each began and returned.
    pub spans: Vec<(u32, u32)>,
    /// What was left, if all calls returned.
    pub end: Option<Answer>,
    /// Why a call or the end failed.
    pub panic: Option<String>,
}

impl Seen {
    /// For each call the set of those that had returned when it began.
    pub fn before(&self) -> Vec<u32> {
        let earlier = |from: u32| {
            let ended = self.spans.iter().enumerate().filter(move |(_, span)| span.1 < from);
            ended.map(|(place, _)| 1 << place).sum()
        };
        self.spans.iter().map(|&(from, _)| earlier(from)).collect()
    }
}

/// All threads of an execution are one.
struct Here<T>(T);

// SAFETY: shuttle's threads are coroutines on the thread that runs the program, which never moves.
unsafe impl<T> Send for Here<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Here<T> {}

impl<T> Here<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

/// The answer of a call, and when it began and returned.
type Entry = (Option<Answer>, (u32, u32));

/// One execution.
struct Scene<S> {
    subject: Arc<Subject<S>>,
    state: S,
    clock: Cell<u32>,
    log: RefCell<Vec<Entry>>,
    panic: RefCell<Option<String>>,
}

impl<S: 'static> Scene<S> {
    fn now(&self) -> u32 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    /// `None` if it panics, and then the others are given up.
    fn unless_it_panics<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        let result = text_of_panic(call);
        if let Err(text) = &result {
            stage::enter(Phase::Failed);
            self.panic.replace(Some(text.clone()));
        }
        result.ok()
    }

    /// One thread's calls, of which the first is at this place of the log.
    fn play(&self, calls: &[Call], first: usize) {
        for (place, &call) in (first..).zip(calls) {
            // It may begin late, and then its first step comes with it.
            if place > first {
                point();
            }
            let from = self.now();
            let called = || self.subject.call(&self.state, call, stage::begin);
            let Some(answer) = self.unless_it_panics(called) else { break };
            let waits = answer.is_none();
            let to = if waits { u32::MAX } else { self.now() };
            self.log.borrow_mut()[place] = (Some(answer.unwrap_or(WAITS.into())), (from, to));
            if waits {
                break;
            }
        }
    }
}

/// Makes a call; `None` if it would wait for ever.
pub fn unless_asleep<R>(call: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => Some(answer),
        Err(payload) if payload.is::<Asleep>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// What comes of it, or the text of its panic.
fn text_of_panic<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or(payload.downcast_ref::<&str>().map(|text| String::from(*text)));
        text.unwrap_or("something else than text".into())
    })
}

/// Runs a program by many schedules. A panic in it is a failure.
pub fn explore<S: 'static>(
    subject: &Arc<Subject<S>>,
    program: &Program,
    way: Way,
    most: u64,
    seed: u64,
    judge: Judge,
) -> Explored {
    let slot = Rc::new(RefCell::new(None));
    let (explorer, result) = Explorer::new(way, most, seed, slot.clone(), judge);
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::None;
    config.silence_warnings = true;
    config.stack_size = 0x2_0000;
    engine::hook();
    let here = Here((subject.clone(), program.clone(), slot));
    let runner = Runner::new(explorer, config);
    let run = || {
        runner.run(move || {
            let (subject, program, slot) = here.get();
            *slot.borrow_mut() = Some(execute(subject, program));
        })
    };
    let ran = text_of_panic(run);
    stage::enter(Phase::Quiet);
    let mut result = result.take();
    if let Err(text) = ran {
        result.failure = Some(text);
    }
    result
}

fn execute<S: 'static>(subject: &Arc<Subject<S>>, program: &Program) -> Seen {
    let calls = program.threads.iter().map(Vec::len).sum();
    engine::start(Ground::Threads);
    let scene = Rc::new(Scene {
        subject: subject.clone(),
        state: subject.state(program.state),
        clock: Cell::new(0),
        log: RefCell::new(vec![(None, (u32::MAX, u32::MAX)); calls]),
        panic: RefCell::default(),
    });
    stage::enter(Phase::Spawning);
    let mut first = program.threads[0].len();
    let threads: Vec<_> = program.threads[1..]
        .iter()
        .map(|calls| {
            let here = Here((scene.clone(), calls.clone(), first));
            first += calls.len();
            shuttle::thread::spawn(move || {
                let here = here;
                let (scene, calls, first) = here.get();
                scene.play(calls, *first);
            })
        })
        .collect();
    stage::enter(Phase::On);
    point();
    scene.play(&program.threads[0], 0);
    for thread in threads {
        thread.join().expect("a panic ends the execution");
    }
    stage::enter(Phase::Quiet);
    engine::start(Ground::Threads);
    let scene = Rc::into_inner(scene).expect("the threads are gone");
    let (answers, spans): (Vec<_>, Vec<_>) = scene.log.into_inner().into_iter().unzip();
    let returned = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| answer != WAITS);
    let mut panic = scene.panic.take();
    let end = if panic.is_none() && answers.iter().all(returned) {
        let end = text_of_panic(|| subject.end(scene.state));
        end.map_err(|text| panic = Some(text)).ok()
    } else {
        // Calls were given up in its middle.
        std::mem::forget(scene.state);
        None
    };
    Seen { answers, spans, end, panic }
}

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The most schedules of a pair.
    pub pair: u64,
    /// How often a thread that could go on is left, in a search of pairs.
    pub bound: u32,
    /// How many programs are drawn of each shape.
    pub programs: u64,
    /// Schedules of each drawn program.
    pub schedules: u64,
}

impl Effort {
    /// Short, or deep by the environment: `INKLE_SCHEDULES` is how many schedules are drawn for each type.
    pub fn from_environment() -> Self {
        let short = Self { pair: 300, bound: 2, programs: 40, schedules: 20 };
        match std::env::var("INKLE_SCHEDULES") {
            Err(_) => short,
            Ok(number) => {
                let schedules: u64 = number.parse().expect("INKLE_SCHEDULES is a number");
                let each = 500.min(schedules);
                let programs = schedules.div_ceil(each * SHAPES.len() as u64 * 2);
                Self { pair: 20_000, bound: 4, programs, schedules: each }
            }
        }
    }
}

/// Calls of each thread.
const SHAPES: [&[usize]; 3] = [&[2, 2], &[3, 3], &[2, 2, 2]];

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    pairs: u64,
    whole: u64,
    searched: u64,
    drawn: u64,
}

impl Plan {
    /// Tries all pairs, and programs by chance.
    pub fn interleave(&self) {
        let effort = Effort::from_environment();
        let mut tally = Tally::default();
        self.pairs(effort, &mut tally);
        self.programs(effort, &mut tally);
        let Tally { pairs, whole, searched, drawn } = tally;
        println!(
            "{}: {pairs} pairs, {whole} of them searched to the end, {searched} schedules searched and {drawn} drawn",
            self.name
        );
    }

    fn pairs(&self, effort: Effort, tally: &mut Tally) {
        let count = self.operations.len();
        for (a, b) in (0..count).flat_map(|a| (a..count).map(move |b| (a, b))) {
            if self.excluded(a, b) {
                continue;
            }
            for state in 0..self.states.len() {
                let threads = vec![vec![(a, FIRST)], vec![(b, FIRST + 1)]];
                let program = Program { state, threads };
                tally.pairs += 1;
                let way = Way::Search(effort.bound);
                let result = self.explored(&program, way, effort.pair, 0, true);
                tally.searched += result.executions;
                tally.whole += u64::from(result.complete);
                if !result.complete {
                    let drawn = self.explored(&program, Way::Random, effort.schedules, 1, true);
                    tally.drawn += drawn.executions;
                }
            }
        }
    }

    fn programs(&self, effort: Effort, tally: &mut Tally) {
        let mut random =
            self.name.bytes().fold(1, |seed, byte| seed * 31 % 99_991 + u64::from(byte));
        for (shape, seed) in
            SHAPES.iter().flat_map(|shape| (0..effort.programs).map(move |seed| (shape, seed)))
        {
            let Some(program) = self.draw(shape, &mut random) else { continue };
            for way in [Way::Random, Way::Priorities(3)] {
                let result = self.explored(&program, way, effort.schedules, seed + 1, true);
                tally.drawn += result.executions;
            }
        }
    }

    /// A program of this shape, in which those of one role are calls of one thread.
    fn draw(&self, shape: &[usize], random: &mut u64) -> Option<Program> {
        let count = self.operations.len() as u64;
        let mut threads: Vec<Vec<Call>> = vec![Vec::new(); shape.len()];
        let mut number = FIRST;
        for (thread, &calls) in shape.iter().enumerate() {
            for _ in 0..calls {
                let fits = |at: usize| {
                    let others = threads[..thread].iter().flatten();
                    others.into_iter().all(|&(other, _)| !self.excluded(at, other))
                };
                let at =
                    (0..50).map(|_| (next_random(random) % count) as usize).find(|&at| fits(at))?;
                threads[thread].push((at, number));
                number += 1;
            }
        }
        let state = (next_random(random) % self.states.len() as u64) as usize;
        Some(Program { state, threads })
    }

    #[track_caller]
    fn explored(&self, program: &Program, way: Way, most: u64, seed: u64, lax: bool) -> Explored {
        let judge = Rc::new(RefCell::new(Explainer::new(self.clone(), program.clone(), lax)));
        let judges: Judge = Box::new(move |seen| judge.borrow_mut().judge(&seen));
        let result = self.runs.explore(program, way, most, seed, judges);
        if let Some(failure) = &result.failure {
            panic!(
                "{way:?}, seed {seed}, schedule {}: {failure}\nof {}",
                result.executions,
                self.described(program)
            );
        }
        result
    }

    /// All that the whole search sees a program lead to: the answers.
    pub fn outcomes(&self, program: &Program) -> BTreeSet<Vec<Option<Answer>>> {
        let seen = Rc::new(RefCell::new(BTreeSet::new()));
        let into = seen.clone();
        let judge: Judge = Box::new(move |seen: Seen| {
            into.borrow_mut().insert(seen.answers);
            seen.panic.map_or(Ok(()), Err)
        });
        let result = self.runs.explore(program, Way::Search(u32::MAX), u64::MAX, 0, judge);
        assert_eq!(result.failure, None);
        seen.take()
    }

    /// A program in words.
    pub fn described(&self, program: &Program) -> String {
        let mut text = format!("{}, {}:\n", self.name, self.states[program.state]);
        for calls in &program.threads {
            let name = |&(at, number): &Call| format!("{}({number})", self.operations[at].name);
            text += &format!("  | {}\n", calls.iter().map(name).collect::<Vec<_>>().join(", "));
        }
        text
    }
}
