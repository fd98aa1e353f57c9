//! Fast mode, from the executor's side: tasks go to a worker directly, and nothing is kept anywhere else.
//!
//! # Invariants
//!
//! - A task is in `waiting`, or in `lifting`, or in `given` and in the tasks of exactly one member of the crew.
//! - Who waits is told once: whoever ends a task takes it out.
//!
//! # What may get lost, and who notices
//!
//! - An order to which nobody listens: the server says so at once, and it is given to another worker.
//! - A worker: it beats no more. Its tasks are given to others, as often as they may be.
//! - An order or an answer, when a connection breaks or the server dies: with each beat the executor tells
//!   each worker for which of its tasks it waits. The worker sends those answers again that it has, and
//!   says which tasks it does not know. It keeps an answer until such a roll call comes without its task.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::attic::Attic;
use super::crew::Crew;
use super::engine::{Command, Driver, Ears, News};
use super::job::{Job, cancel_waiting};
use super::settings::{ConnectError, Link, Settings};
use super::status::Status;
use super::wire::{self, Answer, Beat, Parcel, Raw, Refused, ToExecutor, ToWorker};

/// So much is done between two looks at everything else.
const AT_ONCE: usize = 256;

/// See the module.
pub(super) struct Fast {
    settings: Settings,
    link: Link,
    me: u64,
    commands: UnboundedReceiver<Command>,
    on_stop: Arc<dyn Fn() + Send + Sync>,
    inbox: Subscriber,
    beats: Subscriber,
    tick: Interval,
    crew: Crew,
    waiting: VecDeque<Job>,
    given: HashMap<u64, Given>,
    attic: Attic,
    /// What is on its way to the object store, or from it.
    carrying: JoinSet<Carried>,
    /// Tasks whose order is.
    lifting: HashMap<u64, Job>,
    /// Tasks whose answer is.
    lowering: HashSet<u64>,
    /// A worker that takes nothing more has said something: it waits for the roll, to end.
    is_roll_due: bool,
    is_closing: bool,
    counters: Status,
}

enum Carried {
    Order(u64, Result<Parcel, Refused>),
    Answer { task: u64, worker: u64, answer: Result<Vec<u8>, Refused> },
    Nothing,
}

struct Given {
    job: Job,
    worker: u64,
    /// The worker was told to stop it.
    stopped: bool,
}

impl Fast {
    /// Connects, and asks who is there.
    pub(super) async fn prepare(settings: Settings, ears: Ears) -> Result<Self, ConnectError> {
        let link = settings.connect("executor").await?;
        let me = super::random()?;
        let attic = Attic::new(&link, &settings);
        let inbox = link.client.subscribe(settings.subject(format_args!("s.{me:x}.*"))).await;
        let beats = link.client.subscribe(settings.subject("beat")).await;
        let (inbox, beats) =
            (inbox.map_err(ConnectError::refused)?, beats.map_err(ConnectError::refused)?);
        let mut tick = interval(settings.beat());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let fast = Self {
            link,
            me,
            commands: ears.commands,
            on_stop: ears.on_stop,
            inbox,
            beats,
            tick,
            crew: Crew::default(),
            waiting: VecDeque::new(),
            given: HashMap::new(),
            attic,
            carrying: JoinSet::new(),
            lifting: HashMap::new(),
            lowering: HashSet::new(),
            is_roll_due: false,
            is_closing: false,
            counters: Status::default(),
            settings,
        };
        fast.say("hello", Vec::new()).await;
        // So that all has been sent, if it can be.
        fast.link.flush(fast.settings.beat()).await;
        Ok(fast)
    }

    /// If it cannot be sent, the one who is to hear it is missed by and by.
    async fn say(&self, of: impl std::fmt::Display, message: Vec<u8>) {
        let _ = self.link.client.publish(self.settings.subject(of), message.into()).await;
    }

    fn is_up(&self) -> bool {
        *self.link.is_up.borrow()
    }

    fn obey(&mut self, command: Command, news: &mut Vec<News>) -> bool {
        match command {
            Command::Task(job) => self.waiting.push_back(job),
            Command::Stops => return true,
            Command::Close { cancel } => {
                self.is_closing = true;
                if cancel {
                    news.extend(cancel_waiting(&mut self.waiting));
                }
            }
            Command::Status(asked) => {
                let status = Status {
                    connected: self.is_up(),
                    waiting: (self.waiting.len() + self.lifting.len()) as u64,
                    in_flight: self.given.len() as u64,
                    workers: self.crew.status(Instant::now()),
                    ..self.counters.clone()
                };
                let _ = asked.set_result(status);
            }
        }
        false
    }

    /// An answer, or the server's word that nobody listens.
    fn hear(&mut self, message: &Message, news: &mut Vec<News>) {
        let task = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let Some(task) = task else { return };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            if let Some(worker) = self.given.get(&task).map(|given| given.worker) {
                self.crew.is_deaf(worker);
                // It was not begun.
                if let Some(given) = self.take(task) {
                    self.waiting.push_front(given.job);
                }
            }
            return;
        }
        match wire::unpack(&message.payload) {
            Some(ToExecutor::Answer { worker, answer }) => {
                if let Some(member) = self.crew.get(worker) {
                    member.owes = true;
                    self.is_roll_due |= !member.beat.is_open;
                }
                match answer {
                    Parcel::Here(Raw(answer)) => self.arrived(task, worker, Ok(&answer), news),
                    away => self.fetch(task, worker, away),
                }
            }
            Some(ToExecutor::Unknown { worker }) => {
                let has_it = self.given.get(&task).is_some_and(|given| given.worker == worker);
                let host = self.host(worker);
                if has_it {
                    self.lose(task, &host, news);
                }
            }
            None => {}
        }
    }

    /// Gets an answer that is somewhere else, once.
    fn fetch(&mut self, task: u64, worker: u64, away: Parcel) {
        if self.given.contains_key(&task) && self.lowering.insert(task) {
            let attic = self.attic.clone();
            self.carrying.spawn(async move {
                let answer = attic.get(away.clone()).await;
                attic.remove(&away).await;
                Carried::Answer { task, worker, answer }
            });
        }
    }

    fn arrived(
        &mut self,
        task: u64,
        worker: u64,
        answer: Result<&[u8], Refused>,
        news: &mut Vec<News>,
    ) {
        let answer = match answer {
            Ok(answer) => wire::unpack(answer).unwrap_or(Answer::Refused(Refused::Garbled)),
            Err(why) => Answer::Refused(why),
        };
        self.answered(task, worker, answer, news);
    }

    fn carried(&mut self, carried: Carried, news: &mut Vec<News>) {
        match carried {
            Carried::Order(task, parcel) => {
                let Some(mut job) = self.lifting.remove(&task) else { return };
                match parcel {
                    Ok(parcel) => {
                        job.away = Some(parcel);
                        self.waiting.push_front(job);
                    }
                    Err(why) => self.end(job, Answer::Refused(why), news),
                }
            }
            Carried::Answer { task, worker, answer } => {
                self.lowering.remove(&task);
                self.arrived(task, worker, answer.as_deref().map_err(Clone::clone), news);
            }
            Carried::Nothing => {}
        }
    }

    /// A task is over.
    fn end(&mut self, mut job: Job, answer: Answer, news: &mut Vec<News>) {
        self.counters.ended += 1;
        if let Some(parcel) = job.away.take() {
            let attic = self.attic.clone();
            self.carrying.spawn(async move {
                attic.remove(&parcel).await;
                Carried::Nothing
            });
        }
        news.push(News::Ended(job, answer));
    }

    fn host(&mut self, worker: u64) -> String {
        self.crew.get(worker).map_or_else(String::new, |member| member.beat.host.clone())
    }

    fn answered(&mut self, task: u64, worker: u64, answer: Answer, news: &mut Vec<News>) {
        match answer {
            Answer::NotTaken | Answer::Lost { .. }
                if self.given.get(&task).is_none_or(|given| given.worker != worker) => {}
            Answer::NotTaken => {
                if let Some(given) = self.take(task) {
                    self.waiting.push_front(given.job);
                }
            }
            Answer::Lost { host, .. } => self.lose(task, &host, news),
            answer => {
                // From whichever worker: it may have been given to several. A second answer finds nothing.
                let waits = self.waiting.iter().position(|job| job.number == task);
                let job = self.take(task).map(|given| given.job);
                if let Some(job) = job.or_else(|| self.waiting.remove(waits?)) {
                    self.end(job, answer, news);
                }
            }
        }
    }

    fn take(&mut self, task: u64) -> Option<Given> {
        let given = self.given.remove(&task)?;
        if let Some(member) = self.crew.get(given.worker) {
            member.tasks.remove(&task);
        }
        Some(given)
    }

    /// A worker that had begun the task, perhaps, will not end it.
    fn lose(&mut self, task: u64, host: &str, news: &mut Vec<News>) {
        let Some(Given { mut job, stopped, .. }) = self.take(task) else { return };
        job.losses += 1;
        let attempt = job.losses;
        if stopped {
            self.end(job, Answer::Stopped, news);
        } else if job.losses <= job.retries {
            tracing::info!(target: "inkle::remote", task, host, attempt, "task is tried again");
            self.counters.retried += 1;
            self.waiting.push_front(job);
        } else {
            tracing::warn!(target: "inkle::remote", task, host, attempt, "task lost");
            self.counters.lost += 1;
            self.end(job, Answer::Lost { host: host.to_owned(), attempt }, news);
        }
    }

    fn feel(&mut self, message: &Message, news: &mut Vec<News>) {
        let Some(beat) = wire::unpack::<Beat>(&message.payload) else { return };
        let (worker, is_over, host) = (beat.worker, beat.is_over, beat.host.clone());
        self.is_roll_due |= !beat.is_open && !is_over;
        if self.crew.feel(beat, Instant::now()) {
            tracing::info!(target: "inkle::remote", host, "worker came");
        }
        if is_over {
            self.gone(worker, news);
        }
    }

    /// A worker has said farewell, or is lost.
    fn gone(&mut self, worker: u64, news: &mut Vec<News>) {
        let Some(member) = self.crew.take(worker) else { return };
        let host = &member.beat.host;
        if !member.beat.is_over {
            tracing::warn!(target: "inkle::remote", host, tasks = member.tasks.len(), "worker lost");
        }
        for task in member.tasks {
            self.lose(task, host, news);
        }
    }

    async fn beat(&mut self, news: &mut Vec<News>) {
        // Nobody wants those, and an executor that closes does not wait for a worker that would take them.
        self.waiting.retain(|job| !job.settle.is_cancelled());
        if !self.is_up() {
            return;
        }
        if let Some(since) = Instant::now().checked_sub(self.settings.lease) {
            for worker in self.crew.silent(since) {
                self.gone(worker, news);
            }
        }
        self.call_roll().await;
    }

    /// Tells each worker for which of its tasks we wait.
    async fn call_roll(&mut self) {
        self.is_roll_due = false;
        let mut rolls = Vec::new();
        for (worker, member) in self.crew.iter_mut() {
            if member.owes || !member.tasks.is_empty() {
                member.owes = false;
                let tasks = member.tasks.iter().copied().collect();
                rolls.push((worker, ToWorker::Roll { submitter: self.me, tasks }));
            }
        }
        for (worker, roll) in rolls {
            self.say(format_args!("w.{worker:x}"), wire::pack(&roll)).await;
        }
    }

    async fn hand_out(&mut self, news: &mut Vec<News>) {
        while !self.waiting.is_empty() && self.is_up() {
            let Some(worker) = self.crew.pick(self.settings.ahead) else { return };
            let Some(mut job) = self.waiting.pop_front() else { return };
            if !job.settle.begin(&self.on_stop) {
                news.push(News::Cancelled(job));
                continue;
            }
            if job.begun && job.settle.is_asked_to_stop() {
                self.end(job, Answer::Stopped, news);
                continue;
            }
            job.begun = true;
            let task = job.number;
            let order = match job.away.clone() {
                Some(parcel) => parcel,
                None => {
                    let order = wire::pack(&job.order);
                    if self.attic.is_large(&order) {
                        let (attic, name) = (self.attic.clone(), format!("o-{:x}-{task}", self.me));
                        self.lifting.insert(task, job);
                        let put = async move { Carried::Order(task, attic.put(name, order).await) };
                        self.carrying.spawn(put);
                        continue;
                    }
                    Parcel::Here(Raw(order))
                }
            };
            let order = ToWorker::Order { submitter: self.me, task, order };
            let reply = self.settings.subject(format_args!("s.{:x}.{task}", self.me));
            let subject = self.settings.subject(format_args!("w.{worker:x}"));
            let message = wire::pack(&order).into();
            let sent = self.link.client.publish_with_reply(subject, reply, message).await;
            if let Err(error) = sent {
                news.push(News::Failed(job, crate::concurrent::FutureError::failed(error)));
                continue;
            }
            if let Some(member) = self.crew.get(worker) {
                member.tasks.insert(task);
            }
            self.given.insert(task, Given { job, worker, stopped: false });
        }
    }

    /// Sees which tasks that have begun are to be stopped.
    async fn see_stops(&mut self, news: &mut Vec<News>) {
        let mut stops = Vec::new();
        for (task, given) in &mut self.given {
            if !given.stopped && given.job.settle.is_asked_to_stop() {
                given.stopped = true;
                stops.push((given.worker, *task));
            }
        }
        for (worker, task) in stops {
            let stop = ToWorker::Stop { submitter: self.me, task };
            self.say(format_args!("w.{worker:x}"), wire::pack(&stop)).await;
        }
        let (stopped, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|job| job.begun && job.settle.is_asked_to_stop());
        self.waiting = waiting;
        stopped.into_iter().for_each(|job| self.end(job, Answer::Stopped, news));
    }
}

impl Driver for Fast {
    async fn step(&mut self, news: &mut Vec<News>) -> bool {
        let mut stops = false;
        tokio::select! {
            command = self.commands.recv() => if let Some(command) = command {
                stops = self.obey(command, news);
            },
            Some(message) = self.inbox.next() => self.hear(&message, news),
            Some(message) = self.beats.next() => self.feel(&message, news),
            _ = self.link.is_up.changed() => {
                let is_up = self.is_up();
                tracing::info!(target: "inkle::remote", is_up, "connection");
                if is_up {
                    self.crew.forgive(Instant::now());
                    self.say("hello", Vec::new()).await;
                }
            }
            Some(Ok(carried)) = self.carrying.join_next() => self.carried(carried, news),
            _ = self.tick.tick() => self.beat(news).await,
        }
        for _ in 0..AT_ONCE {
            let Ok(command) = self.commands.try_recv() else { break };
            stops |= self.obey(command, news);
        }
        for _ in 0..AT_ONCE {
            let Some(Some(message)) = self.inbox.next().now_or_never() else { break };
            self.hear(&message, news);
        }
        if stops {
            self.see_stops(news).await;
        }
        self.hand_out(news).await;
        if self.is_roll_due && self.is_up() {
            self.call_roll().await;
        }
        if self.is_closing
            && self.waiting.is_empty()
            && self.given.is_empty()
            && self.carrying.is_empty()
        {
            // The workers need not keep anything for us.
            self.call_roll().await;
            // If the server is away they find out themselves.
            self.link.flush(self.settings.beat()).await;
            return false;
        }
        true
    }
}
