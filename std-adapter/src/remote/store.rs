//! What the server keeps for durable mode: two streams.
//!
//! - *Work*: an order for each task that is not done, removed when it is acknowledged. A worker that is
//!   silent for a lease loses it, and another gets it.
//! - *Kept*: of each task the answer, and who has begun it last; one message a subject, for seven days. The
//!   first answer counts: another one is rejected by the server.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::jetstream::{self, Context};

use super::settings::{ConnectError, Link, Settings};

/// For so long the server keeps what came of a task.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// For so long it knows a task that it was given.
const KNOWN: Duration = Duration::from_secs(2 * 60);

/// See the module.
#[derive(Clone)]
pub(super) struct Store {
    context: Context,
    settings: Settings,
}

impl Store {
    /// With the streams, which are made if they are not there.
    pub(super) async fn open(link: &Link, settings: &Settings) -> Result<Self, ConnectError> {
        let context = jetstream::new(link.client.clone());
        let store = Self { context, settings: settings.clone() };
        store.prepare().await.map_err(ConnectError::NoStore)?;
        Ok(store)
    }

    async fn prepare(&self) -> Result<(), String> {
        let work = Config {
            name: self.work(),
            subjects: vec![self.settings.subject("d.>")],
            retention: RetentionPolicy::WorkQueue,
            duplicate_window: KNOWN,
            ..Config::default()
        };
        let kept = Config {
            name: self.kept(),
            subjects: vec![self.settings.subject("r.>"), self.settings.subject("b.>")],
            max_messages_per_subject: 1,
            max_age: KEEP,
            ..Config::default()
        };
        for config in [work, kept] {
            self.context.get_or_create_stream(config).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn work(&self) -> String {
        format!("inkle-{}-work", self.settings.realm)
    }

    fn kept(&self) -> String {
        format!("inkle-{}-kept", self.settings.realm)
    }

    /// Gives the server an order, unless it has one for this task.
    pub(super) async fn order(
        &self,
        job: &str,
        task: u64,
        order: Vec<u8>,
    ) -> Result<PublishAckFuture, PublishError> {
        let mut headers = first();
        headers.insert("Nats-Msg-Id", format!("{job}.{task}"));
        let subject = self.settings.subject(format_args!("d.{job}.{task}"));
        self.context.publish_with_headers(subject, headers, order.into()).await
    }

    /// Has the server keep an answer; whether there is one now, this or another.
    pub(super) async fn keep(&self, job: &str, task: u64, answer: &[u8]) -> bool {
        let subject = self.settings.subject(format_args!("r.{job}.{task}"));
        let answer = answer.to_vec().into();
        match self.context.publish_with_headers(subject, first(), answer).await {
            Ok(acknowledged) => match acknowledged.await {
                Ok(_) => true,
                Err(error) => self.is_there(&error).await,
            },
            Err(error) => self.is_there(&error).await,
        }
    }

    /// Whether the server refused a message because there is one of its subject. If there is no stream, it
    /// is made.
    pub(super) async fn is_there(&self, error: &PublishError) -> bool {
        if error.kind() == PublishErrorKind::StreamNotFound {
            // If it cannot be made, that is tried again.
            let _ = self.prepare().await;
        }
        error.kind() == PublishErrorKind::WrongLastSequence
    }

    /// Says who has begun a task.
    pub(super) async fn begun(&self, job: &str, task: u64, who: Vec<u8>) {
        let subject = self.settings.subject(format_args!("b.{job}.{task}"));
        // Nobody waits for it to be kept.
        let _ = self.context.client().publish(subject, who.into()).await;
    }

    /// Who said so last.
    pub(super) async fn who_began(&self, job: &str, task: u64) -> Option<Vec<u8>> {
        let subject = self.settings.subject(format_args!("b.{job}.{task}"));
        let stream = self.context.get_stream_no_info(self.kept()).await.ok()?;
        let message = stream.get_last_raw_message_by_subject(&subject).await.ok()?;
        Some(message.payload.to_vec())
    }

    /// Whether the server keeps an answer.
    pub(super) async fn has_answer(&self, job: &str, task: u64) -> bool {
        let subject = self.settings.subject(format_args!("r.{job}.{task}"));
        match self.context.get_stream_no_info(self.kept()).await {
            Ok(stream) => stream.get_last_raw_message_by_subject(&subject).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Removes an order that nobody is to do.
    pub(super) async fn withdraw(&self, job: &str, task: u64) {
        let subject = self.settings.subject(format_args!("d.{job}.{task}"));
        if let Ok(stream) = self.context.get_stream_no_info(self.work()).await {
            // If it is not there, it was done.
            let _ = stream.purge().filter(subject).await;
        }
    }

    /// Where the workers get their orders.
    pub(super) async fn orders(&self) -> Result<Consumer<pull::Config>, String> {
        let config = pull::Config {
            durable_name: Some("workers".into()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.settings.lease,
            max_ack_pending: 1 << 16,
            max_waiting: 1 << 14,
            ..pull::Config::default()
        };
        let create = || self.context.create_consumer_on_stream(config.clone(), self.work());
        match create().await {
            Ok(consumer) => Ok(consumer),
            Err(error) => {
                self.prepare().await.map_err(|why| format!("{error}, {why}"))?;
                create().await.map_err(|error| error.to_string())
            }
        }
    }

    /// The answers of a job, from this number in the stream on.
    pub(super) async fn answers(
        &self,
        job: &str,
        from: u64,
    ) -> Result<Consumer<pull::Config>, String> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.max(1) },
            ack_policy: AckPolicy::None,
            filter_subject: self.settings.subject(format_args!("r.{job}.*")),
            inactive_threshold: Duration::from_secs(300),
            memory_storage: true,
            ..pull::Config::default()
        };
        let created = self.context.create_consumer_on_stream(config, self.kept()).await;
        created.map_err(|error| error.to_string())
    }
}

/// Only if there is no message of this subject.
fn first() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
    headers
}
