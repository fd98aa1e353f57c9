//! A task on its way to another machine, and the future that waits for the result.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::error::Refusal;
use super::wire::{Answer, Order, Parcel, Raw};
use crate::concurrent::{FutureError, Promise};
use crate::multiprocessing::abroad::{self, Outcome};

/// A task, and who waits for what becomes of it.
pub(super) struct Job {
    /// From 1, in the order in which the executor got them.
    pub(super) number: u64,
    pub(super) order: Order,
    pub(super) settle: Box<dyn Settle>,
    /// How often it may be tried again.
    pub(super) retries: u32,
    /// Whether its future says that it runs.
    pub(super) begun: bool,
    /// Where its order lies, if it is too large.
    pub(super) away: Option<Parcel>,
    /// How often a worker was lost with it.
    pub(super) losses: u32,
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

/// The one who waits.
pub(super) trait Settle: Send {
    /// Whether it is still to be done; then nobody can cancel it any more, and `stop` is called when
    /// somebody wants it to stop.
    fn begin(&mut self, stop: &Arc<dyn Fn() + Send + Sync>) -> bool;
    fn is_asked_to_stop(&self) -> bool;
    fn cancel(self: Box<Self>);
    fn give(self: Box<Self>, outcomes: Vec<Outcome<Result<Raw, String>>>);
    fn fail(self: Box<Self>, error: FutureError);
}

/// The future of one call.
pub(super) struct One<R: Send + 'static>(pub(super) Promise<R>);

/// The future of many.
pub(super) struct Many<R: Send + 'static>(pub(super) Promise<Vec<Result<R, FutureError>>>);

fn result<R: DeserializeOwned>(outcome: Outcome<Result<Raw, String>>) -> Result<R, FutureError> {
    match Result::from(outcome)? {
        Ok(Raw(bytes)) => abroad::unpack(&bytes).map_err(FutureError::failed),
        Err(why) => Err(FutureError::failed(Refusal::Result(why))),
    }
}

macro_rules! settle {
    ($this:ident, $end:expr) => {
        impl<R: DeserializeOwned + Send + 'static> Settle for $this<R> {
            fn begin(&mut self, stop: &Arc<dyn Fn() + Send + Sync>) -> bool {
                let begun = self.0.set_running();
                if begun {
                    self.0.when_asked_to_stop(Arc::clone(stop));
                }
                begun
            }

            fn is_asked_to_stop(&self) -> bool {
                self.0.is_asked_to_stop()
            }

            fn cancel(self: Box<Self>) {
                self.0.cancel();
            }

            fn give(self: Box<Self>, outcomes: Vec<Outcome<Result<Raw, String>>>) {
                let mut results = outcomes.into_iter().map(result::<R>);
                // Whether anybody still wants to know.
                drop($end(self.0, &mut results));
            }

            fn fail(self: Box<Self>, error: FutureError) {
                let _ = self.0.fail(error);
            }
        }
    };
}

type Each<'a, R> = &'a mut dyn Iterator<Item = Result<R, FutureError>>;

settle!(One, |promise: Promise<R>, results: Each<'_, R>| {
    promise.end(results.next().unwrap_or_else(|| Err(FutureError::failed(Refusal::Garbled))))
});
settle!(Many, |promise: Promise<Vec<Result<R, FutureError>>>, results: Each<'_, R>| {
    promise.end(Ok(results.collect()))
});
