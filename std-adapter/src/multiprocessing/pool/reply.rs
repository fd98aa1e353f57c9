//! What becomes of a job, on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mailbox::{Cargo, Received};
use crate::concurrent::FutureError;
use crate::multiprocessing::error::{DecodeError, EncodeError};
use crate::threading::Panic;

/// What a function did: it gave a result, or panicked, or left by `thread::exit`.
pub(crate) struct Outcome<R>(Result<R, Option<Record>>);

/// Of a panic: the message, and file, line and column.
type Record = (Option<String>, Option<(String, u32, u32)>);

/// Calls `function`; a panic goes no further.
pub(crate) fn attempt<R>(function: impl FnOnce() -> R) -> Outcome<R> {
    Outcome(catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
        FutureError::unwound(payload).panic().map(|panic| {
            let place = panic.place().map(|at| (at.file.clone(), at.line, at.column));
            (panic.message().map(str::to_owned), place)
        })
    }))
}

#[cfg(feature = "remote")]
impl<R> Outcome<R> {
    /// What it returned, as something else.
    pub(crate) fn map<S>(self, f: impl FnOnce(R) -> S) -> Outcome<S> {
        Outcome(self.0.map(f))
    }

    /// What it returned, if it did.
    pub(crate) fn ok(&self) -> Option<&R> {
        self.0.as_ref().ok()
    }
}

impl<R> From<Outcome<R>> for Result<R, FutureError> {
    fn from(outcome: Outcome<R>) -> Self {
        outcome.0.map_err(|record| match record {
            None => FutureError::Exited,
            Some((message, place)) => FutureError::panicked(Panic::elsewhere(message, place)),
        })
    }
}

impl<R: Serialize> Serialize for Outcome<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Outcome<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Result::deserialize(deserializer).map(Self)
    }
}

/// What a worker says of a job.
pub(super) enum Reply {
    /// What the task returned.
    Done(Cargo),
    /// There is no task at the place that it was told.
    NoTask,
    /// It cannot read the arguments.
    Unreadable(DecodeError),
    /// The result cannot be sent.
    Unsendable(EncodeError),
}

const DONE: u8 = 0;
const NO_TASK: u8 = 1;
const UNREADABLE: u8 = 2;
const UNSENDABLE: u8 = 3;

impl Reply {
    /// What goes before the cargo, and the cargo.
    pub(super) fn into_parts(self) -> ([u8; 1], Cargo) {
        match self {
            Self::Done(cargo) => ([DONE], cargo),
            Self::NoTask => ([NO_TASK], Cargo::default()),
            Self::Unreadable(error) => ([UNREADABLE], Cargo::text(&error)),
            Self::Unsendable(error) => ([UNSENDABLE], Cargo::text(&error)),
        }
    }
}

/// What has arrived of a job.
pub(super) enum Ending {
    Result(Received),
    Failure(FutureError),
}

impl Ending {
    /// Of a job without a result.
    pub(super) fn unit(self) -> Result<(), FutureError> {
        match self {
            Self::Result(received) => match received.unpack::<Outcome<()>>() {
                Ok(outcome) => outcome.into(),
                Err(error) => Err(FutureError::failed(error)),
            },
            Self::Failure(error) => Err(error),
        }
    }

    pub(super) fn of([kind]: [u8; 1], received: Received) -> Self {
        let failure = |before: &str| {
            let text = String::from_utf8_lossy(received.bytes());
            Self::Failure(FutureError::failed(format!("{before}{text}")))
        };
        match kind {
            DONE => Self::Result(received),
            UNREADABLE => failure("the worker could not read the arguments: "),
            UNSENDABLE => failure("the result could not be sent: "),
            _ => failure("the order arrived garbled"),
        }
    }
}
