//! A pool's side of it: jobs that wait, workers, and which job is with whom.
//!
//! A submitter hands its job to a worker itself if one is free: nobody else has to wake up for it. All else is done by
//! one thread, the collector (`collector.rs`).

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::robust::Bell;

use super::job::{Job, Order};
use super::lost::{BrokenProcessPool, WorkerLost};
use super::mailbox::Received;
use super::reply::Ending;
use super::settings::{Options, Settings};
use super::staff::Worker;
use super::worker::Doorbell;
use super::{BadProcessPool, Counters, collector};
use crate::concurrent::{AtExit, FutureError, Settle, SubmitCause, add_at_exit};
use crate::multiprocessing::memory::Region;
use crate::platform::Deadline;
use crate::subprocess::Status;
use crate::threading::{Event, locked};

/// So many workers in a row may die before they have begun anything.
const FRUITLESS: u32 = 5;

/// See the module.
pub(super) struct Engine {
    pub(super) settings: Settings,
    pub(super) name: String,
    state: Mutex<State>,
    /// Rung by workers that have put a reply, and by whoever wants the collector to look.
    pub(super) bell: Arc<Region<Doorbell>>,
    /// Somebody wants a job to stop that has begun.
    is_stop_asked: AtomicBool,
    /// No worker is left, and none will come.
    pub(super) ended: Event,
}

pub(super) struct State {
    pub(super) phase: Phase,
    /// Whether there is a thread that collects.
    collecting: bool,
    pub(super) waiting: VecDeque<Job>,
    pub(super) staff: Vec<Worker>,
    /// What those call who want that a job stops.
    on_stop: Arc<dyn Fn() + Send + Sync>,
    /// The jobs that there have been.
    numbered: u64,
    /// The workers are told to end at once: nothing is tried again.
    pub(super) is_terminated: bool,
    /// Deaths since anything was begun.
    fruitless: u32,
    pub(super) counters: Counters,
}

#[derive(Clone)]
pub(super) enum Phase {
    Open,
    /// Takes nothing more, does what it has.
    Closing,
    Broken(Arc<BrokenProcessPool>),
}

/// What is to be told to those who wait, when the state is not locked any more: callbacks of theirs may run.
pub(super) enum News {
    Ended(Job, Ending),
    Cancelled(Job),
}

impl News {
    pub(super) fn tell(self) {
        match self {
            Self::Ended(job, Ending::Result(result)) => job.settle.give(result),
            Self::Ended(job, Ending::Failure(error)) => job.settle.fail(error),
            Self::Cancelled(job) => job.settle.cancel(),
        }
    }

    fn failed(job: Job, error: FutureError) -> Self {
        Self::Ended(job, Ending::Failure(error))
    }
}

impl Engine {
    pub(super) fn new(settings: Settings) -> Result<Arc<Self>, BadProcessPool> {
        static POOLS: AtomicU32 = AtomicU32::new(0);

        settings.check()?;
        let name = settings.name.clone().unwrap_or_else(|| {
            // Relaxed: a number that nobody else gets.
            format!("ProcessPoolExecutor-{}", POOLS.fetch_add(1, Ordering::Relaxed))
        });
        let bell = Region::create(Doorbell(Bell::new()), 0)
            .map_err(|error| BadProcessPool::Refused(error.kind()))?;
        let state = |on_stop| State {
            phase: Phase::Open,
            collecting: false,
            waiting: VecDeque::new(),
            staff: Vec::new(),
            on_stop,
            numbered: 0,
            is_terminated: false,
            fruitless: 0,
            counters: Counters::default(),
        };
        let ended = Event::new();
        let engine = Arc::new_cyclic(|engine: &Weak<Self>| {
            // A future does not keep its pool.
            let engine = Weak::clone(engine);
            let on_stop =
                Arc::new(move || engine.upgrade().iter().for_each(|engine| engine.ask_to_stop()));
            let is_stop_asked = AtomicBool::new(false);
            Self { settings, name, state: Mutex::new(state(on_stop)), bell, is_stop_asked, ended }
        });
        let weak = Arc::downgrade(&engine);
        if !add_at_exit(weak) {
            engine.close(false);
        }
        Ok(engine)
    }

    /// Looks at the state, or changes it.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut locked(&self.state))
    }

    pub(super) fn submit(
        self: &Arc<Self>,
        order: Order,
        options: Options,
        settle: Box<dyn Settle<Received>>,
    ) -> Result<(), SubmitCause> {
        let mut state = locked(&self.state);
        match &state.phase {
            Phase::Open => {}
            Phase::Closing => return Err(SubmitCause::ShutDown),
            Phase::Broken(error) => return Err(SubmitCause::Broken(error.clone())),
        }
        if !state.collecting {
            collector::start(self)?;
            state.collecting = true;
        }
        state.numbered += 1;
        let Options { retries, timeout } = options;
        let number = state.numbered;
        let (begun, stopped, deaths) = (false, false, 0);
        let job = Job { number, order, settle, begun, stopped, deaths, retries, timeout };
        state.waiting.push_back(job);
        state.hand_out(&self.settings);
        // For another worker, or to see to it that the job ends in time.
        let is_wanted = state.vacancies(&self.settings) > 0 && !state.waiting.is_empty();
        drop(state);
        if is_wanted || timeout.is_some() {
            self.ring();
        }
        Ok(())
    }

    /// Has the collector look.
    pub(super) fn ring(&self) {
        self.bell.head().0.ring(u32::MAX);
    }

    /// A future was asked to stop, whose job has begun.
    fn ask_to_stop(&self) {
        // Release, pairs with the Acquire of `is_asked_to_stop`: what the future was told is seen.
        self.is_stop_asked.store(true, Ordering::Release);
        self.ring();
    }

    /// Whether that was so since the last look.
    pub(super) fn is_asked_to_stop(&self) -> bool {
        // Acquire, pairs with the Release of `ask_to_stop`. Relaxed: usually nobody has.
        self.is_stop_asked.load(Ordering::Relaxed)
            && self.is_stop_asked.swap(false, Ordering::Acquire)
    }

    pub(super) fn counters(&self) -> Counters {
        self.with(|state| Counters {
            waiting: state.waiting.len() as u64,
            running: state.staff.iter().map(|worker| worker.jobs.len() as u64).sum(),
            workers: state.staff.len() as u64,
            ..state.counters
        })
    }

    /// Takes no more jobs.
    pub(super) fn close(&self, cancel_waiting: bool) -> usize {
        let mut state = locked(&self.state);
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closing;
        }
        let cancelled =
            if cancel_waiting { mem::take(&mut state.waiting) } else { VecDeque::new() };
        if !state.collecting {
            // There was never a worker.
            self.ended.set();
        }
        drop(state);
        self.ring();
        let count = cancelled.len();
        cancelled.into_iter().for_each(|job| News::Cancelled(job).tell());
        count
    }
}

impl AtExit for Engine {
    fn exit(&self) {
        // Nobody waits for the collector of a daemon.
        self.close(self.settings.daemon);
    }
}

impl State {
    /// How many workers more there may be.
    pub(super) fn vacancies(&self, settings: &Settings) -> usize {
        (settings.workers as usize).saturating_sub(self.staff.len())
    }

    /// Gives what waits to workers that have room for it.
    pub(super) fn hand_out(&mut self, settings: &Settings) {
        // As long as there may be more workers nobody's second job is to wait behind the first.
        let room = if self.vacancies(settings) > 0 { 1 } else { settings.at_hand as usize };
        while !self.waiting.is_empty() {
            let free = self.staff.iter_mut().filter(|worker| worker.has_room(room));
            let Some(worker) = free.min_by_key(|worker| worker.jobs.len()) else { return };
            let Some(mut job) = self.waiting.pop_front() else { return };
            // From here on it cannot be cancelled. It is gone if it was.
            job.begun = job.begun || job.settle.begin(&self.on_stop);
            if job.begun {
                worker.give(job);
            }
        }
    }

    /// Takes the replies of all workers.
    pub(super) fn collect(&mut self, news: &mut Vec<News>) {
        for worker in &mut self.staff {
            let completed = worker.collect(news);
            if completed > 0 {
                self.fruitless = 0;
                self.counters.completed += completed;
            }
        }
        if let Some(error) = self.staff.iter_mut().find_map(|worker| worker.spoilt.take()) {
            self.break_down(BrokenProcessPool::Initializer(error), news);
        }
    }

    /// A worker has come.
    pub(super) fn welcome(&mut self, mut worker: Worker, settings: &Settings) {
        if let Some(order) = &settings.initializer {
            worker.initialize(order);
        }
        if matches!(self.phase, Phase::Broken(_)) {
            worker.kill();
        }
        self.staff.push(worker);
        self.counters.peak = self.counters.peak.max(self.staff.len() as u64);
        self.hand_out(settings);
    }

    pub(super) fn bury_dead(&mut self, news: &mut Vec<News>) {
        let mut at = 0;
        while let Some(worker) = self.staff.get(at) {
            match worker.status() {
                Some(status) => {
                    let worker = self.staff.swap_remove(at);
                    self.bury(worker, status, news);
                }
                None => at += 1,
            }
        }
    }

    /// A worker has died: its job is lost or tried again, what else it had is done by others.
    fn bury(&mut self, mut worker: Worker, status: Status, news: &mut Vec<News>) {
        self.counters.completed += worker.collect(news);
        let mut rest = mem::take(&mut worker.jobs);
        let has_begun = rest.front().is_some_and(|job| worker.post.has_begun(job.number));
        let mut is_lost = has_begun;
        if let Some((number, why)) = worker.doom.take() {
            if rest.front().is_some_and(|job| job.number == number) {
                news.extend(rest.pop_front().map(|job| News::failed(job, why)));
                is_lost = false;
            }
        }
        let lost = if self.is_terminated { rest.len() } else { usize::from(is_lost) };
        for mut job in rest.drain(..lost).collect::<Vec<_>>() {
            job.deaths += 1;
            if job.deaths <= job.retries && !self.is_terminated {
                self.counters.retried += 1;
                rest.push_front(job);
            } else {
                self.counters.lost += 1;
                let (task, pid, attempt) = (job.number, worker.pid(), job.deaths);
                let lost = WorkerLost { task, pid, status, attempt };
                news.push(News::failed(job, FutureError::failed(lost)));
            }
        }
        while let Some(job) = rest.pop_back() {
            self.waiting.push_front(job);
        }
        let has_worked = has_begun || worker.has_answered || worker.was_dismissed;
        self.fruitless = if has_worked { 0 } else { self.fruitless + 1 };
        if self.fruitless >= FRUITLESS {
            let deaths = self.fruitless;
            self.break_down(BrokenProcessPool::CrashLoop { deaths, status }, news);
        }
    }

    /// No worker could be started.
    pub(super) fn refused(&mut self, error: String, news: &mut Vec<News>) {
        self.fruitless += 1;
        if self.fruitless >= FRUITLESS {
            self.break_down(BrokenProcessPool::Start(error), news);
        }
    }

    /// Does no more work: all that it has fails, and the workers are killed.
    fn break_down(&mut self, error: BrokenProcessPool, news: &mut Vec<News>) {
        let error = Arc::new(error);
        self.phase = Phase::Broken(Arc::clone(&error));
        let failed = FutureError::Failed(error);
        let waiting = mem::take(&mut self.waiting);
        news.extend(waiting.into_iter().map(|job| News::failed(job, failed.clone())));
        for worker in &mut self.staff {
            let jobs = mem::take(&mut worker.jobs);
            news.extend(jobs.into_iter().map(|job| News::failed(job, failed.clone())));
            worker.kill();
        }
    }

    /// Kills workers whose job has no more time or is to be stopped; when the next one has no more time.
    pub(super) fn hurry(&mut self) -> Deadline {
        let mut next = Deadline::NEVER;
        for worker in &mut self.staff {
            worker.hurry();
            next = next.min(worker.deadline);
        }
        next
    }

    /// Sees which jobs that have begun are to be stopped.
    pub(super) fn see_stops(&mut self, news: &mut Vec<News>) {
        for job in self.staff.iter_mut().flat_map(|worker| &mut worker.jobs) {
            job.stopped = job.settle.is_asked_to_stop();
        }
        // Those that are to be tried again.
        let (stopped, waiting) = mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|job| job.begun && job.settle.is_asked_to_stop());
        self.waiting = waiting;
        news.extend(stopped.into_iter().map(|job| News::failed(job, FutureError::Cancelled)));
    }

    /// Whether all is done that was to be done; then the workers are dismissed.
    pub(super) fn is_over(&mut self) -> bool {
        if matches!(self.phase, Phase::Open) || !self.waiting.is_empty() {
            return false;
        }
        for worker in &mut self.staff {
            if worker.jobs.is_empty() {
                worker.dismiss();
            }
        }
        self.staff.is_empty()
    }
}
