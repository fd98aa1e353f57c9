//! A worker does a task: here, or in a process of its own pool.

use super::wire::{self, Answer, Order, Raw, Refused};
use crate::contextvars::{Afresh, Context};
use crate::multiprocessing::abroad::{self, NotCalled};

impl From<NotCalled> for Refused {
    fn from(error: NotCalled) -> Self {
        match error {
            NotCalled::Unknown => Self::Unknown,
            NotCalled::Ambiguous => Self::Ambiguous,
            NotCalled::OtherTypes(theirs) => Self::Types(theirs),
            NotCalled::Arguments(error) => Self::Arguments(error.to_string()),
        }
    }
}

/// Whether the order is for this code.
pub(super) fn check(order: &Order, version: &str) -> Result<(), Refused> {
    if order.version != version {
        return Err(Refused::Version(version.to_owned()));
    }
    abroad::check(&order.name, &order.types).map_err(Refused::from)
}

/// Does it. What is larger than `limit` is not sent.
pub(super) fn perform(order: &Order, limit: usize) -> Answer {
    let context = match Context::unpack(&order.context.0) {
        Ok(context) => context.into_inherited(),
        Err(error) => return Answer::Refused(Refused::Arguments(error.to_string())),
    };
    let calls = || {
        let context = Afresh::from_here();
        let call = |arguments: &Raw| {
            context.again();
            let outcome = abroad::call(&order.name, &order.types, &arguments.0)?;
            Ok(outcome.map(|sent| sent.map(Raw).map_err(|error| error.to_string())))
        };
        order.arguments.iter().map(call).collect::<Result<_, NotCalled>>()
    };
    match context.run(calls) {
        Ok(outcomes) => within(Answer::Done(outcomes), limit),
        Err(error) => Answer::Refused(error.into()),
    }
}

fn within(answer: Answer, limit: usize) -> Answer {
    let Answer::Done(outcomes) = &answer else { return answer };
    let size = |outcome: &abroad::Outcome<Result<Raw, String>>| outcome.ok().map_or(0, length);
    let bytes: usize = outcomes.iter().map(size).sum();
    if bytes <= limit {
        answer
    } else {
        Answer::Refused(Refused::TooLarge(bytes as u64, limit as u64))
    }
}

fn length(sent: &Result<Raw, String>) -> usize {
    sent.as_ref().map_or(0, |raw| raw.0.len())
}

/// As [`perform`], in another process.
pub(super) fn perform_packed(order: Raw, limit: u64) -> Raw {
    let answer = match wire::unpack(&order.0) {
        Some(order) => perform(&order, limit as usize),
        None => Answer::Refused(Refused::Garbled),
    };
    Raw(wire::pack(&answer))
}
