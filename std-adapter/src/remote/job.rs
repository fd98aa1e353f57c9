//! A task on its way to another machine, and the future that waits for the result.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;

use super::engine::News;
use super::error::Refusal;
use super::wire::{Answer, Order, Parcel, Raw};
use crate::concurrent::{FutureError, Promise, Reader, Settle};
use crate::multiprocessing::abroad::{self, Outcome};

/// A task, and who waits for what becomes of it.
pub(super) struct Job {
    /// From 1, in the order in which the executor got them.
    pub(super) number: u64,
    pub(super) order: Order,
    pub(super) settle: Box<dyn Settle<Outcomes>>,
    /// How often it may be tried again.
    pub(super) retries: u32,
    /// Whether its future says that it runs.
    pub(super) begun: bool,
    /// Where its order lies, if it is too large.
    pub(super) away: Option<Parcel>,
    /// How often a worker was lost with it.
    pub(super) losses: u32,
}

/// Leaves those that have begun, and those that are to be tried again, which have begun once.
pub(super) fn cancel_waiting(waiting: &mut VecDeque<Job>) -> impl Iterator<Item = News> + use<> {
    let (begun, not): (VecDeque<_>, VecDeque<_>) = waiting.drain(..).partition(|job| job.begun);
    *waiting = begun;
    not.into_iter().map(News::Cancelled)
}

impl Job {
    /// Tells who waits.
    pub(super) fn end(self, answer: Answer) {
        let Self { number, order, settle, .. } = self;
        match answer {
            Answer::Done(outcomes) => settle.give(outcomes),
            Answer::Refused(why) => settle.fail(FutureError::failed(why.into_refusal(
                &order.name,
                &order.types,
                &order.version,
            ))),
            Answer::Lost { host, attempt } => {
                settle.fail(FutureError::failed(super::WorkerLost { task: number, host, attempt }));
            }
            Answer::Expired => settle.fail(FutureError::Expired),
            Answer::Stopped | Answer::NotTaken => settle.fail(FutureError::Cancelled),
        }
    }
}

/// What a worker sends back of a task.
pub(super) type Outcomes = Vec<Outcome<Result<Raw, String>>>;

/// Who waits for one call.
pub(super) fn one_result<R>(promise: Promise<R>) -> Box<dyn Settle<Outcomes>>
where
    R: DeserializeOwned + Send + 'static,
{
    let read = |all: Outcomes| match all.into_iter().next() {
        Some(outcome) => result(outcome),
        None => Err(FutureError::failed(Refusal::Garbled)),
    };
    Box::new(Reader { promise, read })
}

/// Who waits for many.
pub(super) fn many_results<R>(
    promise: Promise<Vec<Result<R, FutureError>>>,
) -> Box<dyn Settle<Outcomes>>
where
    R: DeserializeOwned + Send + 'static,
{
    let read = |all: Outcomes| Ok(all.into_iter().map(result).collect());
    Box::new(Reader { promise, read })
}

fn result<R: DeserializeOwned>(outcome: Outcome<Result<Raw, String>>) -> Result<R, FutureError> {
    match Result::from(outcome)? {
        Ok(Raw(bytes)) => abroad::unpack(&bytes).map_err(FutureError::failed),
        Err(why) => Err(FutureError::failed(Refusal::Result(why))),
    }
}
