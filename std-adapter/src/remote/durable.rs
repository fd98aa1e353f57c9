//! Durable mode, from the executor's side: the server has the tasks and the answers, and this is who waits
//! for them.
//!
//! # Invariants
//!
//! - A task is in `waiting` until the server was told of it, and in `told` from then until its answer has
//!   come; or until it is told again, if that may have been lost.
//! - Answers are read from the stream in its order, from the first of the job on: so whoever attaches to a
//!   job again gets what was done without him, and does not ask for it again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use super::attic::Attic;
use super::crew::Crew;
use super::engine::{Command, Driver, Ears, News};
use super::job::{Job, cancel_waiting};
use super::settings::{ConnectError, Link, Settings};
use super::status::Status;
use super::store::Store;
use super::wire::{self, Answer, Beat, Order, Parcel, Raw, Refused};

/// So many orders are on their way to the server at a time.
const ON_THE_WAY: usize = 1024;

/// See the module.
pub(super) struct Durable {
    settings: Settings,
    link: Link,
    store: Store,
    attic: Attic,
    job: Arc<str>,
    commands: UnboundedReceiver<Command>,
    on_stop: Arc<dyn Fn() + Send + Sync>,
    beats: async_nats::Subscriber,
    tick: Interval,
    crew: Crew,
    answers: UnboundedReceiver<Reading>,
    /// Answers for which nobody has asked yet.
    early: HashMap<u64, Reply>,
    waiting: VecDeque<Job>,
    told: HashMap<u64, Job>,
    /// Those of which the server has not said yet that it has them: the number, and whether it has.
    telling: JoinSet<(u64, Result<bool, Refused>)>,
    is_closing: bool,
    counters: Status,
}

/// Of an order that nobody could read.
pub(super) const UNKNOWN: u64 = 0;

/// The [fingerprint](Order::fingerprint) of the order, and the answer.
struct Reply(u64, Answer);

/// What is read from the stream of answers.
enum Reading {
    Answer(u64, Reply),
    /// All that was there at first.
    CaughtUp,
}

impl Durable {
    /// Connects, and reads what was done without us.
    pub(super) async fn prepare(
        settings: Settings,
        job: String,
        ears: Ears,
    ) -> Result<Self, ConnectError> {
        super::settings::check_word(&job).map_err(ConnectError::BadJob)?;
        let link = settings.connect("executor").await?;
        let store = Store::open(&link, &settings).await?;
        let beats = link.client.subscribe(settings.subject("beat")).await;
        let beats = beats.map_err(ConnectError::refused)?;
        let (sender, mut answers) = unbounded_channel();
        let job: Arc<str> = job.into();
        let attic = Attic::new(&link, &settings);
        let reading = (store.clone(), attic.clone(), link.clone());
        tokio::spawn(read(reading, Arc::clone(&job), sender));
        let mut early = HashMap::new();
        while let Some(Reading::Answer(task, answer)) = answers.recv().await {
            early.insert(task, answer);
        }
        let mut tick = interval(settings.beat());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let _ = link.client.publish(settings.subject("hello"), Vec::new().into()).await;
        Ok(Self {
            link,
            store,
            attic,
            job,
            commands: ears.commands,
            on_stop: ears.on_stop,
            beats,
            tick,
            crew: Crew::default(),
            answers,
            early,
            waiting: VecDeque::new(),
            told: HashMap::new(),
            telling: JoinSet::new(),
            is_closing: false,
            counters: Status::default(),
            settings,
        })
    }

    fn is_up(&self) -> bool {
        *self.link.is_up.borrow()
    }

    fn obey(&mut self, command: Command, news: &mut Vec<News>) -> bool {
        match command {
            Command::Task(job) => match self.early.remove(&job.number) {
                Some(answer) => self.end(job, answer, news),
                None => self.waiting.push_back(job),
            },
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
                    waiting: self.waiting.len() as u64,
                    in_flight: self.told.len() as u64,
                    workers: self.crew.status(Instant::now()),
                    ..self.counters.clone()
                };
                let _ = asked.set_result(status);
            }
        }
        false
    }

    fn end(&mut self, job: Job, Reply(of, answer): Reply, news: &mut Vec<News>) {
        self.counters.ended += 1;
        let is_other = of != UNKNOWN && of != job.order.fingerprint();
        let answer = if is_other { Answer::Refused(Refused::OtherTask) } else { answer };
        if let Answer::Lost { host, attempt } = &answer {
            self.counters.lost += 1;
            tracing::warn!(target: "inkle::remote", task = job.number, host, attempt, "task lost");
        }
        news.push(News::Ended(job, answer));
    }

    fn answered(&mut self, task: u64, answer: Reply, news: &mut Vec<News>) {
        let waits = self.waiting.iter().position(|job| job.number == task);
        let job = self.told.remove(&task).or_else(|| self.waiting.remove(waits?));
        match job {
            Some(job) => self.end(job, answer, news),
            None => _ = self.early.insert(task, answer),
        }
    }

    /// Tells the server of what waits.
    async fn tell(&mut self, news: &mut Vec<News>) {
        while self.is_up() && self.telling.len() < ON_THE_WAY {
            let Some(mut job) = self.waiting.pop_front() else { return };
            if !job.settle.begin(&self.on_stop) {
                news.push(News::Cancelled(job));
                continue;
            }
            job.begun = true;
            let (task, order) = (job.number, wire::pack(&job.order));
            self.told.insert(task, job);
            let (store, attic) = (self.store.clone(), self.attic.clone());
            let name = Arc::clone(&self.job);
            // Small ones go in their order.
            let told = if attic.is_large(&order) {
                Err(order)
            } else {
                let order = wire::pack(&Parcel::Here(Raw(order)));
                Ok(store.order(&name, task, order).await)
            };
            self.telling.spawn(async move {
                let told = match told {
                    Ok(told) => told,
                    Err(order) => match attic.put(format!("d-{name}-{task}"), order).await {
                        Ok(parcel) => store.order(&name, task, wire::pack(&parcel)).await,
                        Err(why) => return (task, Err(why)),
                    },
                };
                let result = match told {
                    Ok(acknowledged) => acknowledged.await.map(drop),
                    Err(error) => Err(error),
                };
                let has_it = match result {
                    Ok(()) => true,
                    Err(error) => store.is_there(&error).await,
                };
                (task, Ok(has_it))
            });
        }
    }

    /// The server has a task, or may not have it.
    fn was_told(&mut self, (task, has_it): (u64, Result<bool, Refused>), news: &mut Vec<News>) {
        match has_it {
            Ok(true) => {}
            Ok(false) => self.waiting.extend(self.told.remove(&task)),
            Err(why) => {
                if let Some(job) = self.told.remove(&task) {
                    self.counters.ended += 1;
                    news.push(News::Ended(job, Answer::Refused(why)));
                }
            }
        }
    }

    /// The server was away, perhaps with what it had.
    async fn came_up(&mut self) {
        let mut again: Vec<_> = std::mem::take(&mut self.told).into_values().collect();
        again.sort_by_key(|job| std::cmp::Reverse(job.number));
        again.into_iter().for_each(|job| self.waiting.push_front(job));
        self.crew.forgive(Instant::now());
        let _ = self.link.client.publish(self.settings.subject("hello"), Vec::new().into()).await;
    }

    async fn see_stops(&mut self, news: &mut Vec<News>) {
        let mut stopped = Vec::new();
        for (task, job) in &self.told {
            if job.settle.is_asked_to_stop() {
                stopped.push(*task);
            }
        }
        for task in stopped {
            self.store.withdraw(&self.job, task).await;
            let subject = self.settings.subject(format_args!("stop.{}.{task}", self.job));
            let _ = self.link.client.publish(subject, Vec::new().into()).await;
            let Some(job) = self.told.remove(&task) else { continue };
            let stopped = Parcel::Here(Raw(wire::pack(&Answer::Stopped)));
            let answer = wire::pack(&(job.order.fingerprint(), stopped));
            // Whoever attaches again is to see it, if that works.
            let _ = self.store.keep(&self.job, task, &answer).await;
            self.counters.ended += 1;
            news.push(News::Ended(job, Answer::Stopped));
        }
    }

    fn feel(&mut self, payload: &[u8]) {
        let Some(beat) = wire::unpack::<Beat>(payload) else { return };
        let (worker, is_over) = (beat.worker, beat.is_over);
        self.crew.feel(beat, Instant::now());
        if is_over {
            self.crew.take(worker);
        }
    }
}

impl Driver for Durable {
    async fn step(&mut self, news: &mut Vec<News>) -> bool {
        let mut stops = false;
        tokio::select! {
            command = self.commands.recv() => if let Some(command) = command {
                stops = self.obey(command, news);
            },
            Some(reading) = self.answers.recv() => if let Reading::Answer(task, answer) = reading {
                self.answered(task, answer, news);
            },
            Some(Ok(told)) = self.telling.join_next() => self.was_told(told, news),
            Some(message) = self.beats.next() => self.feel(&message.payload),
            _ = self.link.is_up.changed() => if self.is_up() {
                self.came_up().await;
            },
            _ = self.tick.tick() => if let Some(since) = Instant::now().checked_sub(self.settings.lease) {
                for worker in self.crew.silent(since) {
                    self.crew.take(worker);
                }
            },
        }
        while let Ok(command) = self.commands.try_recv() {
            stops |= self.obey(command, news);
        }
        if stops {
            self.see_stops(news).await;
        }
        self.tell(news).await;
        !(self.is_closing && self.waiting.is_empty() && self.told.is_empty())
    }
}

/// Reads the answers, for as long as somebody wants them; after whatever goes wrong anew from the last one on.
async fn read(
    (store, attic, link): (Store, Attic, Link),
    job: Arc<str>,
    tell: UnboundedSender<Reading>,
) {
    const PAUSE: Duration = Duration::from_millis(100);
    let (mut next, mut behind) = (1, None);
    while !tell.is_closed() {
        let Ok(consumer) = store.answers(&job, next).await else {
            sleep(PAUSE).await;
            continue;
        };
        let behind = behind.get_or_insert(consumer.cached_info().num_pending);
        if *behind == 0 {
            let _ = tell.send(Reading::CaughtUp);
        }
        let mut is_up = link.is_up.clone();
        is_up.mark_unchanged();
        let messages = consumer.stream().heartbeat(Duration::from_secs(5)).messages().await;
        let Ok(mut messages) = messages else { continue };
        loop {
            // After a break the server may not know whom to tell.
            let message = tokio::select! {
                message = messages.next() => message,
                _ = is_up.changed() => None,
            };
            let Some(Ok(message)) = message else { break };
            let Ok(info) = message.info() else { continue };
            next = info.stream_sequence + 1;
            let task = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
            if let Some(task) = task {
                let reply = match wire::unpack::<(u64, Parcel)>(&message.payload) {
                    Some((of, parcel)) => Reply(of, answer(attic.get(parcel).await)),
                    None => Reply(UNKNOWN, Answer::Refused(Refused::Garbled)),
                };
                let _ = tell.send(Reading::Answer(task, reply));
            }
            if *behind > 0 {
                *behind -= 1;
                if *behind == 0 {
                    let _ = tell.send(Reading::CaughtUp);
                }
            }
        }
        while !*link.is_up.borrow() && !tell.is_closed() {
            let _ = timeout(PAUSE, is_up.changed()).await;
        }
        sleep(PAUSE).await;
    }
}

fn answer(message: Result<Vec<u8>, Refused>) -> Answer {
    match message {
        Ok(message) => wire::unpack(&message).unwrap_or(Answer::Refused(Refused::Garbled)),
        Err(why) => Answer::Refused(why),
    }
}

impl Order {
    /// What tells a task from another: not what its context is.
    pub(super) fn fingerprint(&self) -> u64 {
        let texts = [self.name.as_bytes(), self.types.as_bytes()];
        let parts = texts.into_iter().chain(self.arguments.iter().map(|raw| &*raw.0));
        // FNV-1a.
        parts.flatten().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}
