//! Which schedules there are: a search without reduction, by chance, or by chance with priorities.
//!
//! These are shuttle's, written over its `Scheduler` so that they know who sleeps, leave a thread that spins,
//! and can bound how often a thread is left that could go on.

use std::cell::RefCell;
use std::rc::Rc;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use super::Seen;
use super::stage::{self, Phase};

/// How the next schedule is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One after the other, all in which a thread that could go on is left so many times at most.
    Search(u32),
    /// Each choice by chance.
    Random,
    /// The thread of the highest priority; priorities change by chance, so many times (PCT).
    Priorities(u32),
}

/// A thread that has run for so many steps in a row spins, and is left until all others have.
const PATIENCE: u32 = 150;

/// Judges what an execution led to.
pub type Judge = Box<dyn FnMut(Seen) -> Result<(), String>>;

/// What came of it.
#[derive(Debug, Default)]
pub struct Explored {
    pub executions: u64,
    /// Whether the search came to its end.
    pub complete: bool,
    pub failure: Option<String>,
}

/// See the module.
pub struct Explorer {
    way: Way,
    most: u64,
    random: u64,
    judge: Judge,
    seen: Rc<RefCell<Option<Seen>>>,
    result: Rc<RefCell<Explored>>,
    /// The choices of the search: which, of how many.
    path: Vec<(usize, usize)>,
    depth: usize,
    left: u32,
    alone: u32,
    /// Those that have spun, until all have.
    tired: Vec<TaskId>,
    step: u32,
    longest: u32,
    priorities: Vec<u64>,
    changes: Vec<u32>,
}

impl Explorer {
    /// At most so many schedules, whose outcomes appear in `seen` and go to `judge`.
    pub fn new(
        way: Way,
        most: u64,
        seed: u64,
        seen: Rc<RefCell<Option<Seen>>>,
        judge: Judge,
    ) -> (Self, Rc<RefCell<Explored>>) {
        let result = Rc::new(RefCell::new(Explored::default()));
        let explorer = Self {
            way,
            most,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            judge,
            seen,
            result: result.clone(),
            path: Vec::new(),
            depth: 0,
            left: 0,
            alone: 0,
            tired: Vec::new(),
            step: 0,
            longest: 20,
            priorities: Vec::new(),
            changes: Vec::new(),
        };
        (explorer, result)
    }

    /// A number below `end`, by chance.
    fn chance(&mut self, end: u64) -> u64 {
        next_random(&mut self.random) % end
    }

    /// Whether the search goes on with another path.
    fn next_path(&mut self) -> bool {
        while let Some((at, of)) = self.path.pop() {
            if at + 1 < of {
                self.path.push((at + 1, of));
                return true;
            }
        }
        false
    }

    fn search(&mut self, options: &[TaskId]) -> TaskId {
        if options.len() == 1 {
            return options[0];
        }
        if self.depth == self.path.len() {
            self.path.push((0, options.len()));
        }
        let (at, of) = self.path[self.depth];
        assert_eq!(of, options.len(), "the same choices lead to the same place");
        self.depth += 1;
        options[at]
    }

    fn by_priority(&mut self, options: &[TaskId], current: Option<TaskId>) -> TaskId {
        let highest = options.iter().map(|&task| usize::from(task)).max().unwrap_or(0);
        while self.priorities.len() <= highest {
            let priority = 1_000 + self.chance(1 << 40);
            self.priorities.push(priority);
        }
        if let (Some(current), true) = (current, self.changes.contains(&self.step)) {
            // Below all others, and below who was lowered before.
            if let Some(priority) = self.priorities.get_mut(usize::from(current)) {
                *priority = u64::from(1_000_u32.saturating_sub(self.step));
            }
        }
        let best = options.iter().max_by_key(|&&task| self.priorities[usize::from(task)]);
        *best.expect("not empty")
    }
}

/// The next of a row of numbers that look like chance (xorshift).
pub fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 8
}

impl Scheduler for Explorer {
    fn new_execution(&mut self) -> Option<Schedule> {
        let seen = self.seen.take();
        let first = seen.is_none();
        if let Some(seen) = seen {
            let judged = (self.judge)(seen);
            let mut result = self.result.borrow_mut();
            result.executions += 1;
            result.failure = judged.err();
            if result.failure.is_some() {
                return None;
            }
        }
        if !first && matches!(self.way, Way::Search(_)) && !self.next_path() {
            self.result.borrow_mut().complete = true;
            return None;
        }
        if self.result.borrow().executions >= self.most {
            return None;
        }
        self.longest = self.longest.max(self.step);
        (self.depth, self.left, self.alone, self.step) = (0, 0, 0, 0);
        if let Way::Priorities(changes) = self.way {
            self.priorities.clear();
            let longest = u64::from(self.longest);
            self.changes = (0..changes).map(|_| self.chance(longest) as u32).collect();
        }
        self.tired.clear();
        stage::enter(Phase::Quiet);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let current = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
        // Only what the program does is explored, neither how it is set up nor how it ends.
        if !matches!(stage::phase(), Phase::On) {
            return Some(current.unwrap_or(runnable[0].id()));
        }
        let awake = |task: &TaskId| !stage::is_asleep((*task).into());
        let current = current.filter(awake);
        let others = runnable.iter().map(|task| task.id()).filter(|task| Some(*task) != current);
        let mut options: Vec<TaskId> = current.into_iter().chain(others.filter(awake)).collect();
        if options.is_empty() {
            stage::enter(Phase::Over);
            return Some(runnable[0].id());
        }
        self.step += 1;
        self.alone += 1;
        if let (Some(current), true) = (current, self.alone > PATIENCE) {
            self.tired.push(current);
        }
        if options.iter().all(|task| self.tired.contains(task)) {
            self.tired.retain(|&task| Some(task) == current && options.len() > 1);
        }
        options.retain(|task| !self.tired.contains(task));
        let goes_on = current.is_some_and(|current| options[0] == current);
        let next = match self.way {
            Way::Search(bound) => {
                if goes_on && self.left >= bound {
                    options.truncate(1);
                }
                self.search(&options)
            }
            Way::Random => options[self.chance(options.len() as u64) as usize],
            Way::Priorities(_) => self.by_priority(&options, current),
        };
        if Some(next) != current || self.alone > PATIENCE {
            self.alone = 0;
            self.left += u32::from(goes_on);
        }
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        next_random(&mut self.random)
    }
}
