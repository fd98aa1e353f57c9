//! The other side of durable mode: each slot of a worker gets one order after the other, and does it.
//!
//! Nothing is fetched ahead: an order that a worker has is being done. While it is, the slot says so with
//! each beat; if it does not for a lease, the server gives the order to another. The answer is kept before
//! the order is acknowledged.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use inkle_core::atomic::{AtomicU32, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::attic::Attic;
use super::durable::UNKNOWN;
use super::settings::{Link, Settings};
use super::staff::{Doing, Progress, Staff};
use super::store::Store;
use super::wire::{self, Answer, Begun, Order, Parcel, Raw, Refused};
use super::work;

/// Between two tries of something that the server does not do.
const PAUSE: Duration = Duration::from_millis(100);

/// What the slots of a worker have in common.
pub(super) struct Slots {
    pub(super) settings: Settings,
    pub(super) link: Link,
    pub(super) store: Store,
    pub(super) staff: Arc<Staff>,
    pub(super) host: String,
    pub(super) attic: Attic,
    pub(super) most: usize,
    /// Those that do something.
    pub(super) load: Arc<AtomicU32>,
    /// The worker takes nothing more.
    pub(super) closing: watch::Receiver<bool>,
}

/// An order, from the server.
struct Task {
    message: Message,
    job: String,
    number: u64,
    attempt: u32,
    order: Order,
}

impl Slots {
    /// Does one order after the other, until the worker is closed.
    pub(super) async fn serve(self: Arc<Self>) {
        let mut stops = self.stops().await;
        let mut orders = None;
        while !*self.closing.borrow() {
            let fetched = tokio::select! {
                fetched = self.fetch(&mut orders) => fetched,
                () = self.is_lost() => return,
            };
            let Some(message) = fetched else { continue };
            let Some(task) = self.read(message).await else { continue };
            // Relaxed: a number for people.
            self.load.fetch_add(1, Ordering::Relaxed);
            self.perform(task, &mut stops).await;
            self.load.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn stops(&self) -> Option<Subscriber> {
        self.link.client.subscribe(self.settings.subject("stop.>")).await.ok()
    }

    /// The next order, if there is one before long.
    async fn fetch(&self, orders: &mut Option<Consumer<pull::Config>>) -> Option<Message> {
        let long = (self.settings.lease / 2).clamp(PAUSE, Duration::from_secs(2));
        let consumer = match orders.take() {
            Some(consumer) => Ok(consumer),
            None => self.store.orders().await,
        };
        if let Ok(consumer) = consumer {
            let batch = consumer.batch().max_messages(1).expires(long).messages().await;
            let next = match batch {
                Ok(mut batch) => batch.next().await.transpose(),
                Err(error) => Err(error.into()),
            };
            if let Ok(message) = next {
                *orders = Some(consumer);
                // Without one the time is over: the worker may be closed.
                return message;
            }
        }
        // The server is away, or what it had: the next time the consumer is asked for anew.
        sleep(PAUSE).await;
        None
    }

    /// What the order says, unless it is not to be done.
    async fn read(&self, message: Message) -> Option<Task> {
        let attempt = message.info().map_or(1, |info| info.delivered.max(1)) as u32;
        let mut words = message.subject.rsplit('.');
        let number = words.next()?.parse().ok()?;
        let job = words.next()?.to_owned();
        // Whoever had it may have died between the answer and the acknowledgement.
        if attempt > 1 && self.store.has_answer(&job, number).await {
            let _ = message.ack().await;
            return None;
        }
        let order = match wire::unpack::<Parcel>(&message.payload) {
            Some(parcel) => self.beating(&message, self.attic.get(parcel)).await,
            None => Err(Refused::Garbled),
        };
        let order = order.and_then(|order| wire::unpack::<Order>(&order).ok_or(Refused::Garbled));
        let order = match order {
            Ok(order) => order,
            Err(why) => {
                // What was to be done is not known.
                self.keep(&message, (&job, number, UNKNOWN), &Answer::Refused(why)).await;
                return None;
            }
        };
        let task = Task { message, job, number, attempt, order };
        if attempt > task.order.retries + 1 {
            let who = self.store.who_began(&task.job, number).await;
            let host = who.and_then(|who| wire::unpack::<Begun>(&who)).map(|begun| begun.host);
            let lost = Answer::Lost { host: host.unwrap_or_default(), attempt: attempt - 1 };
            self.end(&task, &lost).await;
            return None;
        }
        if let Err(why) = work::check(&task.order, &self.settings.version) {
            self.end(&task, &Answer::Refused(why)).await;
            return None;
        }
        Some(task)
    }

    async fn perform(&self, task: Task, stops: &mut Option<Subscriber>) {
        let begun = Begun { host: self.host.clone(), attempt: task.attempt };
        self.store.begun(&task.job, task.number, wire::pack(&begun)).await;
        // It is on its way before the task can kill this process.
        self.link.flush(self.settings.beat()).await;
        let (sender, progress) = unbounded_channel();
        let tell = Arc::new(move |progress| _ = sender.send(progress));
        let started = self.staff.start(task.order.clone(), self.most, tell);
        let Some(doing) = started else {
            let _ = task.message.ack_with(AckKind::Nak(None)).await;
            return;
        };
        match self.attend(&task, &doing, progress, stops).await {
            Answer::Lost { .. } if task.attempt <= task.order.retries => {
                let _ = task.message.ack_with(AckKind::Nak(None)).await;
            }
            answer => self.end(&task, &answer).await,
        }
    }

    /// Waits for the answer, and says with each beat that it is to come.
    async fn attend(
        &self,
        task: &Task,
        doing: &Doing,
        mut progress: UnboundedReceiver<Progress>,
        stops: &mut Option<Subscriber>,
    ) -> Answer {
        let stop = self.settings.subject(format_args!("stop.{}.{}", task.job, task.number));
        let mut limit: Option<Instant> = None;
        loop {
            let expiry = sleep_until(limit.unwrap_or_else(Instant::now).into());
            let next_stop = async {
                match stops {
                    Some(stops) => stops.next().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                heard = progress.recv() => match heard {
                    Some(Progress::Begun) => {
                        let long = task.order.limit.map(Duration::from_micros);
                        limit = long.and_then(|long| Instant::now().checked_add(long));
                    }
                    Some(Progress::Ended(answer)) => {
                        return wire::unpack(&answer).unwrap_or(Answer::Refused(Refused::Garbled));
                    }
                    Some(Progress::Lost) => {
                        return Answer::Lost { host: self.host.clone(), attempt: task.attempt };
                    }
                    None => return Answer::Stopped,
                },
                Some(message) = next_stop => if *message.subject == *stop && doing.stop() {
                    return Answer::Stopped;
                },
                () = expiry, if limit.is_some() => {
                    doing.stop();
                    return Answer::Expired;
                }
                () = sleep(self.settings.beat()) => {
                    let _ = task.message.ack_with(AckKind::Progress).await;
                }
            }
        }
    }

    /// The worker takes nothing more, and there has been no connection for some time.
    async fn is_lost(&self) {
        let mut closing = self.closing.clone();
        // If nobody tells any more, it is over.
        let _ = closing.wait_for(|is_closing| *is_closing).await;
        self.link.is_lost(self.settings.parting()).await;
    }

    /// Has the answer kept, however long the server is away, and then the order removed. A worker that takes
    /// nothing more does not wait for a server that is gone: if that comes back, it gives the order to another.
    async fn end(&self, task: &Task, answer: &Answer) {
        let of = (task.job.as_str(), task.number, task.order.fingerprint());
        tokio::select! {
            () = self.keep(&task.message, of, answer) => {}
            () = self.is_lost() => {}
        }
    }

    async fn keep(&self, message: &Message, (job, number, of): (&str, u64, u64), answer: &Answer) {
        let name = format!("r-{job}-{number}-{}", self.host);
        let put = self.attic.put(name, wire::pack(answer));
        let refused = |why| Parcel::Here(Raw(wire::pack(&Answer::Refused(why))));
        let parcel = self.beating(message, put).await.unwrap_or_else(refused);
        let answer = wire::pack(&(of, parcel));
        while !self.store.keep(job, number, &answer).await {
            let _ = message.ack_with(AckKind::Progress).await;
            sleep(PAUSE).await;
        }
        let _ = message.ack().await;
    }

    /// Waits for something, and says with each beat that the answer is to come.
    async fn beating<T>(&self, message: &Message, something: impl Future<Output = T>) -> T {
        let mut something = pin!(something);
        loop {
            tokio::select! {
                result = &mut something => return result,
                () = sleep(self.settings.beat()) => {
                    let _ = message.ack_with(AckKind::Progress).await;
                }
            }
        }
    }
}
