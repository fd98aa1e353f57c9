//! The server's own client, which calls no function: a number goes to another process and comes back. Each side
//! has a runtime of one thread, the one that asks.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::{Builder, Runtime};

use super::{FLIGHT, Load, Site, Staff};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a thread is enough")
}

fn pack(number: u64) -> Bytes {
    number.to_le_bytes().to_vec().into()
}

fn unpack(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload.try_into().expect("a number was sent"))
}

async fn connect(url: &str) -> Client {
    let options = async_nats::ConnectOptions::new().client_capacity(1 << 16);
    options.connect(url).await.expect("the server is there")
}

/// Request and reply.
pub(super) struct Request {
    client: Client,
    runtime: Runtime,
    _staff: Staff,
    _site: Site,
}

fn replies(url: String) {
    runtime().block_on(async {
        let client = connect(&url).await;
        let mut requests = client.subscribe("raw.ask").await.expect("there is a connection");
        while let Some(request) = requests.next().await {
            let reply = request.reply.expect("somebody waits");
            client.publish(reply, pack(unpack(&request.payload))).await.expect("as above");
        }
    });
}

impl Request {
    pub(super) fn new(site: &Site) -> Self {
        let staff = Staff::start(replies, (site.url(),));
        let runtime = runtime();
        let client = runtime.block_on(async {
            let client = connect(&site.url()).await;
            while client.request("raw.ask", pack(0)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            client
        });
        Self { client, runtime, _staff: staff, _site: site.clone() }
    }

    async fn ask(&self, number: u64) -> u64 {
        let answer = self.client.request("raw.ask", pack(number)).await;
        unpack(&answer.expect("there is somebody").payload)
    }

    pub(super) fn work(&self, load: Load, count: u64) {
        self.runtime.block_on(async {
            let many = if load == Load::Trip { 1 } else { FLIGHT };
            let answers = stream::iter(0..count).map(|number| self.ask(number)).buffered(many);
            let sum = answers.fold(0, |sum, number| async move { sum + number }).await;
            assert_eq!(sum, count * (count - 1) / 2);
        });
    }
}

/// An order that is kept until it is done, and an answer that is kept, or is not.
pub(super) struct Streams {
    context: Context,
    runtime: Runtime,
    /// Until it is dropped.
    answers: Option<Answers>,
    subject: &'static str,
    _staff: Staff,
    _site: Site,
}

enum Answers {
    Kept(Box<pull::Stream>),
    Heard(Subscriber),
}

impl Answers {
    async fn next(&mut self) -> u64 {
        match self {
            Self::Kept(messages) => {
                let message = messages.next().await.expect("there is a connection");
                unpack(&message.expect("as above").payload)
            }
            Self::Heard(messages) => {
                unpack(&messages.next().await.expect("there is a connection").payload)
            }
        }
    }
}

/// A stream, by its name, and its one consumer.
async fn consumer(context: &Context, name: &str, work: bool) -> Consumer<pull::Config> {
    let retention = if work { RetentionPolicy::WorkQueue } else { RetentionPolicy::Limits };
    let config = Config {
        name: name.into(),
        subjects: vec![format!("{name}.>")],
        retention,
        ..Config::default()
    };
    let stream = context.get_or_create_stream(config).await.expect("the server keeps");
    let ack_policy = if work { AckPolicy::Explicit } else { AckPolicy::None };
    let config =
        pull::Config { durable_name: Some("raw".into()), ack_policy, ..pull::Config::default() };
    stream.get_or_create_consumer("raw", config).await.expect("as above")
}

fn names(kept: bool) -> (&'static str, &'static str) {
    if kept { ("raw-orders", "raw-answers") } else { ("raw-asked", "raw.heard") }
}

fn pulls(url: String, kept: bool) {
    let (orders, answers) = names(kept);
    runtime().block_on(async {
        let client = connect(&url).await;
        let context = jetstream::new(client.clone());
        let orders = consumer(&context, orders, true).await;
        let orders = orders.messages().await.expect("as above");
        orders
            .for_each_concurrent(FLIGHT, |order| async {
                let order = order.expect("as above");
                let number = unpack(&order.payload);
                let subject = format!("{answers}.{number}");
                if kept {
                    let answered = context.publish(subject, pack(number)).await.expect("as above");
                    answered.await.expect("as above");
                } else {
                    client.publish(subject, pack(number)).await.expect("as above");
                }
                order.ack().await.expect("as above");
            })
            .await;
    });
}

impl Streams {
    pub(super) fn new(site: &Site, kept: bool) -> Self {
        let (subject, answers) = names(kept);
        let runtime = runtime();
        let (context, answers) = runtime.block_on(async {
            let client = connect(&site.url()).await;
            let context = jetstream::new(client.clone());
            consumer(&context, subject, true).await;
            let answers = if kept {
                let answers = consumer(&context, answers, false).await;
                let messages = answers.messages().await.expect("as above");
                Answers::Kept(messages.into())
            } else {
                let heard = client.subscribe(format!("{answers}.>")).await;
                Answers::Heard(heard.expect("there is a connection"))
            };
            (context, answers)
        });
        let staff = Staff::start(pulls, (site.url(), kept));
        let answers = Some(answers);
        let mut made =
            Self { context, runtime, answers, subject, _staff: staff, _site: site.clone() };
        made.work(Load::Trip, 8);
        made
    }

    pub(super) fn work(&mut self, load: Load, count: u64) {
        let many = if load == Load::Trip { 1 } else { FLIGHT };
        let Self { context, runtime, answers, subject, .. } = self;
        let answers = answers.as_mut().expect("it is not dropped");
        runtime.block_on(async {
            let (mut sum, mut flying, mut told) = (0, 0, FuturesUnordered::new());
            for number in 0..count {
                if flying == many {
                    sum += answers.next().await;
                    flying -= 1;
                }
                let subject = format!("{}.{number}", subject);
                let order = context.publish(subject, pack(number)).await;
                told.push(order.expect("as above").into_future());
                flying += 1;
                while let Some(Some(told)) = told.next().now_or_never() {
                    told.expect("the server keeps");
                }
            }
            for _ in 0..flying {
                sum += answers.next().await;
            }
            while let Some(told) = told.next().await {
                told.expect("the server keeps");
            }
            assert_eq!(sum, count * (count - 1) / 2);
        });
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        // Where the client takes its leave of the server.
        let _inside = self.runtime.enter();
        self.answers = None;
    }
}
