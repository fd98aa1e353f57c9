//! What executors and workers say to each other.
//!
//! # Format
//!
//! Orders and answers are [`Parcel`]s. Four bytes that say what it is, with the version of this format;
//! then one of these types, by `postcard`. Arguments and results are bytes within, which are looked at only
//! when the function was found and has the types that were asked for.
//!
//! # Subjects
//!
//! All begin with `inkle.REALM.`; `W` and `S` are numbers that a worker and an executor have given
//! themselves at random.
//!
//! | subject | what |
//! |---|---|
//! | `beat` | [`Beat`], of each worker to all |
//! | `hello` | to all workers: beat now |
//! | `w.W` | [`ToWorker`] |
//! | `s.S.N` | [`ToExecutor`], of task N; the server answers here if nobody listens at `w.W` |
//! | `d.JOB.N` | [`Order`], of task N, kept until it is done |
//! | `r.JOB.N` | [`Answer`], kept, with the [fingerprint](Order::fingerprint) of its order |
//! | `b.JOB.N` | [`Begun`], kept: who has begun it last |
//! | `stop.JOB.N` | task N is to be stopped |

use std::fmt;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::Refusal;
use crate::multiprocessing::abroad::{self, Outcome};

const MARK: [u8; 4] = *b"ikr1";

/// Bytes as a whole, not one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Raw(pub(super) Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A message, packed, or where it lies if it is too large.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Parcel {
    Here(Raw),
    Away { name: String, bytes: u64 },
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) types: String,
    /// Of the code.
    pub(super) version: String,
    /// What of the submitter's context travels.
    pub(super) context: Raw,
    /// Those of each call.
    pub(super) arguments: Vec<Raw>,
    /// In microseconds, from when it begins.
    pub(super) limit: Option<u64>,
    /// How often it may be tried again; for tasks that the server keeps.
    pub(super) retries: u32,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    /// Each call returned something that can be sent or cannot, or panicked, or left.
    Done(Vec<Outcome<Result<Raw, String>>>),
    Refused(Refused),
    /// The process that did it died.
    Lost {
        host: String,
        attempt: u32,
    },
    /// It was not done within its limit.
    Expired,
    /// It was stopped.
    Stopped,
    /// It was not begun: the worker takes nothing more.
    NotTaken,
}

/// As [`Refusal`], on the wire.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Refused {
    Unknown,
    Ambiguous,
    Types(String),
    Version(String),
    Arguments(String),
    Result(String),
    TooLarge(u64, u64),
    OtherTask,
    Store(String),
    Garbled,
}

impl Refused {
    /// For the one who asked.
    pub(super) fn into_refusal(self, name: &str, types: &str, version: &str) -> Refusal {
        let name = name.to_owned();
        match self {
            Self::Unknown => Refusal::UnknownFunction { name, ambiguous: false },
            Self::Ambiguous => Refusal::UnknownFunction { name, ambiguous: true },
            Self::Types(theirs) => Refusal::OtherTypes { name, ours: types.to_owned(), theirs },
            Self::Version(theirs) => Refusal::OtherVersion { ours: version.to_owned(), theirs },
            Self::Arguments(why) => Refusal::Arguments(why),
            Self::Result(why) => Refusal::Result(why),
            Self::TooLarge(bytes, limit) => Refusal::TooLarge { bytes, limit },
            Self::OtherTask => Refusal::OtherTask,
            Self::Store(why) => Refusal::Store(why),
            Self::Garbled => Refusal::Garbled,
        }
    }
}

/// How a worker is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Beat {
    pub(super) worker: u64,
    /// Machine and process: `HOST:PID`.
    pub(super) host: String,
    /// So many tasks at a time.
    pub(super) slots: u32,
    /// Those it has, of whomever.
    pub(super) load: u32,
    /// Whether it takes more.
    pub(super) is_open: bool,
    /// This is the last one.
    pub(super) is_over: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) enum ToWorker {
    Order {
        submitter: u64,
        task: u64,
        order: Parcel,
    },
    /// The submitter waits for these, and has the answers of all that it has asked before.
    Roll {
        submitter: u64,
        tasks: Vec<u64>,
    },
    Stop {
        submitter: u64,
        task: u64,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) enum ToExecutor {
    Answer {
        worker: u64,
        answer: Parcel,
    },
    /// The worker has not got it.
    Unknown {
        worker: u64,
    },
}

/// Who has begun a task that the server keeps.
#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) host: String,
    pub(super) attempt: u32,
}

pub(super) fn pack<T: Serialize>(message: &T) -> Vec<u8> {
    // The types here are all such as can be.
    postcard::to_extend(message, MARK.to_vec()).unwrap_or_default()
}

/// `None` if it is none of ours.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    abroad::unpack(bytes.strip_prefix(&MARK)?).ok()
}

/// For the fuzzer of `tests/fuzz`: a message of a stranger, as each of those that somebody listens for.
#[cfg(inkle_fuzz)]
pub fn fuzzed(bytes: &[u8]) {
    fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        let message = unpack::<T>(bytes)?;
        let packed = pack(&message);
        let Some(same) = unpack::<T>(&packed) else { panic!("what was packed cannot be read") };
        assert_eq!(pack(&same), packed);
        Some(message)
    }

    let Some((kind, bytes)) = bytes.split_first() else { return };
    let bytes = &[&MARK[usize::from(kind / 128)..], bytes].concat();
    let order = |order: Order| {
        let arguments = order.arguments.first().map_or(&[][..], |raw| &raw.0);
        assert!(abroad::call(&order.name, &order.types, arguments).is_err(), "none is registered");
        let _ = crate::contextvars::Context::unpack(&order.context.0);
    };
    let answer = |answer: Answer| match answer {
        Answer::Done(outcomes) => {
            for outcome in outcomes {
                let _: Result<_, crate::concurrent::FutureError> = outcome.into();
            }
        }
        Answer::Refused(refused) => drop(refused.into_refusal("n", "t", "v").to_string()),
        _ => {}
    };
    let inside = |parcel: Parcel| match parcel {
        Parcel::Here(Raw(bytes)) => bytes,
        Parcel::Away { .. } => Vec::new(),
    };
    match kind % 7 {
        0 => drop(again::<Beat>(bytes)),
        1 => {
            if let Some(ToWorker::Order { order: parcel, .. }) = again(bytes) {
                if let Some(message) = again(&inside(parcel)) {
                    order(message);
                }
            }
        }
        2 => {
            if let Some(ToExecutor::Answer { answer: parcel, .. }) = again(bytes) {
                if let Some(message) = again(&inside(parcel)) {
                    answer(message);
                }
            }
        }
        3 => drop(again(bytes).map(order)),
        4 => drop(again(bytes).map(answer)),
        5 => drop(again::<Begun>(bytes)),
        _ => drop(again::<Parcel>(bytes)),
    }
}
