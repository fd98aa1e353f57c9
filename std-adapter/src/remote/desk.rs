//! The other side of fast mode: what a worker's connection says, and what it is told.
//!
//! # Invariants
//!
//! - A task is kept from its order until its submitter calls the roll without it, or is silent for too
//!   long: an answer that is lost on the way can be sent again.
//! - An order that came before is not begun again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use inkle_core::atomic::{AtomicU32, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use super::attic::Attic;
use super::settings::{ConnectError, Link, Settings};
use super::slot::Slots;
use super::staff::{Doing, Progress, Staff};
use super::store::Store;
use super::wire::{self, Answer, Beat, Order, Parcel, Raw, Refused, ToExecutor, ToWorker};
use super::work;

/// Submitter and number.
pub(super) type Key = (u64, u64);

/// So many leases a submitter may be silent.
const PATIENCE: u32 = 12;

/// What a worker's thread hears of beside messages.
pub(super) enum Note {
    Task(Key, Progress),
    /// A large order has come.
    Order(Key, Result<Vec<u8>, Refused>),
    /// An answer, which was too large, is where it can be got.
    Answer(Key, Parcel),
    Drain,
}

/// See the module.
pub(super) struct Desk {
    settings: Settings,
    link: Link,
    me: u64,
    host: String,
    slots: u32,
    staff: Arc<Staff>,
    attic: Attic,
    most: usize,
    /// Of the slots that do what the server keeps.
    load: Arc<AtomicU32>,
    /// Tells them that it takes nothing more.
    closing: watch::Sender<bool>,
    inbox: Subscriber,
    hellos: Subscriber,
    tick: Interval,
    notes: UnboundedReceiver<Note>,
    notify: UnboundedSender<Note>,
    tasks: HashMap<Key, Task>,
    limits: BTreeSet<(Instant, Key)>,
    submitters: HashMap<u64, Instant>,
    /// Since when it takes nothing more.
    closed: Option<Instant>,
    /// Since when there is no connection.
    down: Option<Instant>,
    /// The slots that do what the server keeps.
    durable: JoinSet<()>,
}

enum Task {
    /// Its order is on the way.
    Coming,
    Doing {
        doing: Doing,
        limit: Option<Duration>,
    },
    /// The answer.
    Done(Parcel),
}

/// How a worker is to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) host: String,
    pub(super) slots: u32,
    pub(super) processes: bool,
    pub(super) durable: bool,
}

impl Desk {
    pub(super) async fn prepare(
        settings: Settings,
        plan: Plan,
        notes: UnboundedReceiver<Note>,
        notify: UnboundedSender<Note>,
    ) -> Result<Self, ConnectError> {
        let link = settings.connect("worker").await?;
        let me = super::random()?;
        let inbox = link.client.subscribe(settings.subject(format_args!("w.{me:x}"))).await;
        let hellos = link.client.subscribe(settings.subject("hello")).await;
        let (inbox, hellos) =
            (inbox.map_err(ConnectError::refused)?, hellos.map_err(ConnectError::refused)?);
        let mut tick = interval(settings.beat());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Plan { host, slots, processes, durable } = plan;
        let attic = Attic::new(&link, &settings);
        let most = usize::try_from(settings.largest).unwrap_or(usize::MAX);
        let staff = Arc::new(Staff::new(slots, processes)?);
        let load = Arc::new(AtomicU32::new(0));
        let closing = watch::Sender::new(false);
        let (tasks, limits, submitters) = (HashMap::new(), BTreeSet::new(), HashMap::new());
        let mut desk = Self {
            settings,
            link,
            me,
            host,
            slots,
            staff,
            attic,
            most,
            load,
            closing,
            inbox,
            hellos,
            tick,
            notes,
            notify,
            tasks,
            limits,
            submitters,
            closed: None,
            down: None,
            durable: JoinSet::new(),
        };
        if durable {
            desk.serve_durable().await?;
        }
        desk.beat(false).await;
        desk.link.flush(desk.settings.beat()).await;
        Ok(desk)
    }

    pub(super) fn id(&self) -> u64 {
        self.me
    }

    async fn serve_durable(&mut self) -> Result<(), ConnectError> {
        let store = Store::open(&self.link, &self.settings).await?;
        store.orders().await.map_err(ConnectError::NoStore)?;
        let slots = Arc::new(Slots {
            settings: self.settings.clone(),
            link: self.link.clone(),
            store,
            staff: Arc::clone(&self.staff),
            host: self.host.clone(),
            attic: self.attic.clone(),
            most: self.most,
            load: Arc::clone(&self.load),
            closing: self.closing.subscribe(),
        });
        for _ in 0..self.slots {
            self.durable.spawn(Arc::clone(&slots).serve());
        }
        Ok(())
    }

    /// Works until it is told to drain, and all is done.
    pub(super) async fn serve(mut self) {
        while self.step().await {}
        while self.durable.join_next().await.is_some() {}
        self.beat(true).await;
        // If the server is away the others find out themselves.
        self.link.flush(self.settings.beat()).await;
        self.staff.close();
    }

    async fn step(&mut self) -> bool {
        let next = self.limits.first().map(|(at, _)| *at);
        let expiry = sleep_until(next.unwrap_or_else(Instant::now).into());
        let lost = self.closed.and(self.down).map(|since| since + self.settings.parting());
        let lost = lost.filter(|at| *at > Instant::now());
        let loss = sleep_until(lost.unwrap_or_else(Instant::now).into());
        tokio::select! {
            Some(message) = self.inbox.next() => self.hear(message).await,
            Some(note) = self.notes.recv() => self.note(note).await,
            Some(_) = self.hellos.next() => self.beat(false).await,
            _ = self.link.is_up.changed() => {
                let is_up = *self.link.is_up.borrow();
                tracing::info!(target: "inkle::remote", is_up, "connection");
                self.down = (!is_up).then(Instant::now);
                if is_up {
                    // Nobody could be heard.
                    let now = Instant::now();
                    self.submitters.values_mut().for_each(|heard| *heard = now);
                    self.beat(false).await;
                }
            }
            () = loss, if lost.is_some() => {}
            () = expiry, if next.is_some() => self.expire().await,
            _ = self.tick.tick() => {
                self.beat(false).await;
                self.forget_silent();
            }
        }
        !self.is_over()
    }

    /// Nothing is to be done, and nothing to be said again; or nobody can be told, or has asked for it for two
    /// leases.
    fn is_over(&self) -> bool {
        let Some(closed) = self.closed else { return false };
        let is_done = self.tasks.values().all(|task| matches!(task, Task::Done(_)));
        let is_old = closed.elapsed() > 2 * self.settings.lease;
        let is_lost = self.down.is_some_and(|since| since.elapsed() >= self.settings.parting());
        is_done && (self.tasks.is_empty() || is_lost || is_old)
    }

    async fn say(&self, of: impl std::fmt::Display, message: Vec<u8>) {
        let _ = self.link.client.publish(self.settings.subject(of), message.into()).await;
    }

    async fn send(&self, (submitter, task): Key, message: ToExecutor) {
        self.say(format_args!("s.{submitter:x}.{task}"), wire::pack(&message)).await;
    }

    async fn beat(&self, is_over: bool) {
        let load = self.tasks.values().filter(|task| !matches!(task, Task::Done(_))).count();
        let beat = Beat {
            worker: self.me,
            host: self.host.clone(),
            slots: self.slots,
            // Relaxed: a number for people.
            load: load as u32 + self.load.load(Ordering::Relaxed),
            is_open: self.closed.is_none(),
            is_over,
        };
        self.say("beat", wire::pack(&beat)).await;
    }

    async fn hear(&mut self, message: Message) {
        match wire::unpack(&message.payload) {
            Some(ToWorker::Order { submitter, task, order }) => {
                self.submitters.insert(submitter, Instant::now());
                self.order((submitter, task), order).await;
            }
            Some(ToWorker::Roll { submitter, tasks }) => self.roll(submitter, tasks).await,
            Some(ToWorker::Stop { submitter, task }) => self.stop((submitter, task)).await,
            None => {}
        }
    }

    async fn order(&mut self, key: Key, order: Parcel) {
        if self.tasks.contains_key(&key) {
            return;
        }
        match order {
            Parcel::Here(Raw(order)) => self.begin(key, Ok(&order)).await,
            away => {
                self.tasks.insert(key, Task::Coming);
                let (attic, notify) = (self.attic.clone(), self.notify.clone());
                tokio::spawn(async move {
                    let _ = notify.send(Note::Order(key, attic.get(away).await));
                });
            }
        }
    }

    async fn begin(&mut self, key: Key, order: Result<&[u8], Refused>) {
        if self.closed.is_some() {
            self.tasks.remove(&key);
            return self.reply(key, Answer::NotTaken).await;
        }
        let order = order.and_then(|order| wire::unpack(order).ok_or(Refused::Garbled));
        let checked = order.and_then(|order: Order| {
            work::check(&order, &self.settings.version)?;
            Ok(order)
        });
        let order = match checked {
            Ok(order) => order,
            Err(why) => return self.answer(key, here(&Answer::Refused(why))).await,
        };
        let notify = self.notify.clone();
        let tell = Arc::new(move |progress| _ = notify.send(Note::Task(key, progress)));
        let limit = order.limit.map(Duration::from_micros);
        match self.staff.start(order, self.most, tell) {
            Some(doing) => _ = self.tasks.insert(key, Task::Doing { doing, limit }),
            None => {
                self.tasks.remove(&key);
                self.reply(key, Answer::NotTaken).await;
            }
        }
    }

    /// Tells the submitter, and again when it calls the roll.
    async fn answer(&mut self, key: Key, answer: Parcel) {
        self.tasks.insert(key, Task::Done(answer.clone()));
        self.send(key, ToExecutor::Answer { worker: self.me, answer }).await;
    }

    /// Tells the submitter once.
    async fn reply(&mut self, key: Key, answer: Answer) {
        self.send(key, ToExecutor::Answer { worker: self.me, answer: here(&answer) }).await;
    }

    async fn note(&mut self, note: Note) {
        match note {
            Note::Task(key, Progress::Begun) => {
                if let Some(Task::Doing { limit: Some(limit), .. }) = self.tasks.get(&key) {
                    if let Some(end) = Instant::now().checked_add(*limit) {
                        self.limits.insert((end, key));
                    }
                }
            }
            Note::Task(key, Progress::Ended(answer)) => {
                // It may have expired, and nobody wait for it.
                let Some(Task::Doing { .. }) = self.tasks.get(&key) else { return };
                if !self.attic.is_large(&answer) {
                    return self.answer(key, Parcel::Here(Raw(answer))).await;
                }
                let (attic, notify) = (self.attic.clone(), self.notify.clone());
                let name = format!("a-{:x}-{}-{:x}", key.0, key.1, self.me);
                tokio::spawn(async move {
                    let put = attic.put(name, answer).await;
                    let answer = put.unwrap_or_else(|why| here(&Answer::Refused(why)));
                    let _ = notify.send(Note::Answer(key, answer));
                });
            }
            // Not kept: the submitter may want it done again, and here.
            Note::Task(key, Progress::Lost) => {
                if let Some(Task::Doing { .. }) = self.tasks.get(&key) {
                    self.tasks.remove(&key);
                    self.reply(key, Answer::Lost { host: self.host.clone(), attempt: 0 }).await;
                }
            }
            Note::Order(key, order) => {
                if let Some(Task::Coming) = self.tasks.get(&key) {
                    self.begin(key, order.as_deref().map_err(Clone::clone)).await;
                }
            }
            Note::Answer(key, answer) => {
                if let Some(Task::Doing { .. }) = self.tasks.get(&key) {
                    self.answer(key, answer).await;
                }
            }
            Note::Drain => {
                self.closed.get_or_insert_with(Instant::now);
                self.closing.send_replace(true);
                self.beat(false).await;
            }
        }
    }

    async fn roll(&mut self, submitter: u64, tasks: Vec<u64>) {
        self.submitters.insert(submitter, Instant::now());
        self.tasks.retain(|(theirs, task), kept| {
            *theirs != submitter || !matches!(kept, Task::Done(_)) || tasks.contains(task)
        });
        for task in tasks {
            let key = (submitter, task);
            match self.tasks.get(&key) {
                Some(Task::Doing { .. } | Task::Coming) => {}
                Some(Task::Done(answer)) => {
                    let answer = answer.clone();
                    self.send(key, ToExecutor::Answer { worker: self.me, answer }).await;
                }
                None => self.send(key, ToExecutor::Unknown { worker: self.me }).await,
            }
        }
    }

    async fn stop(&mut self, key: Key) {
        let is_off = match self.tasks.get(&key) {
            Some(Task::Doing { doing, .. }) => doing.stop(),
            Some(Task::Coming) => true,
            Some(Task::Done(_)) | None => false,
        };
        if is_off {
            self.answer(key, here(&Answer::Stopped)).await;
        }
    }

    /// Those whose time is over are asked to stop, and not waited for.
    async fn expire(&mut self) {
        let now = Instant::now();
        while let Some(&(at, key)) = self.limits.first() {
            if at > now {
                return;
            }
            self.limits.pop_first();
            if let Some(Task::Doing { doing, .. }) = self.tasks.get(&key) {
                doing.stop();
                self.answer(key, here(&Answer::Expired)).await;
            }
        }
    }

    /// What submitters have asked for that have been silent for long is not begun, and not kept.
    fn forget_silent(&mut self) {
        let (limit, now) = (self.settings.lease * PATIENCE, Instant::now());
        let submitters = &mut self.submitters;
        let is_silent = |heard: &Instant| now.saturating_duration_since(*heard) > limit;
        self.tasks.retain(|(submitter, _), task| {
            if !submitters.get(submitter).is_none_or(is_silent) {
                return true;
            }
            match task {
                Task::Doing { doing, .. } => !doing.cancel(),
                Task::Done(_) | Task::Coming => false,
            }
        });
        let tasks = &self.tasks;
        submitters.retain(|submitter, heard| {
            !is_silent(heard) || tasks.keys().any(|(theirs, _)| theirs == submitter)
        });
    }
}

fn here(answer: &Answer) -> Parcel {
    Parcel::Here(Raw(wire::pack(answer)))
}
