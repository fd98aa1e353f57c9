//! What parent and child say to each other, each a parcel in a frame:
//!
//! 1. the parent, the [`Order`];
//! 2. the parent, the arguments;
//! 3. the child, a [`Reply`]: whether it calls the function;
//! 4. the child, a [`Report`]: what became of the call, if it came to an end. It is read when the child has ended.
//!
//! All are [light](Parcel::lighten): the last fits into the socket although nobody reads it yet.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::call::Place;
use super::super::error::{DecodeError, EncodeError};
use super::super::image::{Identity, Wire};
use super::super::parcel::{self, Parcel};
use super::error::PanicReport;
use crate::threading::PanicPlace;

/// Which function.
pub(in super::super) enum Function {
    /// Of this very image.
    Here(Identity, Place),
    /// The one that is registered under a name, and of which types it is to be.
    Named(String, String),
}

/// What a child is told.
pub(in super::super) struct Order {
    pub(in super::super) function: Function,
    pub(in super::super) name: String,
    pub(in super::super) daemon: bool,
    /// The numbers in its name, of the oldest ancestor first.
    pub(in super::super) ancestry: Vec<u64>,
    pub(in super::super) parent: (String, u32),
    /// Of the context variables that travel.
    pub(in super::super) context: Vec<u8>,
    /// For the last words of a child that aborts.
    pub(in super::super) slot: Arc<OwnedFd>,
}

struct Lent(Arc<OwnedFd>);

impl Serialize for Lent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        parcel::lend(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Lent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parcel::claim(deserializer).map(Self)
    }
}

type OrderWire =
    (Result<(Wire, Place), (String, String)>, String, bool, Vec<u64>, (String, u32), Vec<u8>, Lent);

impl Order {
    pub(in super::super) fn pack(self) -> Result<Parcel, EncodeError> {
        let function = match self.function {
            Function::Here(image, place) => Ok((image.0, place)),
            Function::Named(name, types) => Err((name, types)),
        };
        let wire: OrderWire = (
            function,
            self.name,
            self.daemon,
            self.ancestry,
            self.parent,
            self.context,
            Lent(self.slot),
        );
        Parcel::pack(&wire)
    }

    pub(in super::super) fn unpack(parcel: Parcel) -> Result<Self, DecodeError> {
        let (function, name, daemon, ancestry, parent, context, slot): OrderWire =
            parcel.unpack()?;
        let function = match function {
            Ok((image, place)) => Function::Here(Identity(image), place),
            Err((name, types)) => Function::Named(name, types),
        };
        Ok(Self { function, name, daemon, ancestry, parent, context, slot: slot.0 })
    }
}

/// Whether the child calls the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Reply {
    Ready,
    /// It is of this image, not of the parent's.
    OtherImage(String),
    /// There is no function at this place.
    NoSuchFunction,
    /// The arguments are not such as the function takes.
    Arguments(DecodeError),
    /// Under the name there is a function of these types.
    OtherTypes(String),
    /// Something else was in the way.
    Failed(String),
}

impl Reply {
    pub(in super::super) fn pack(self) -> Result<Parcel, EncodeError> {
        Parcel::pack(&match self {
            Self::Ready => (0_u8, String::new()),
            Self::OtherImage(image) => (1, image),
            Self::NoSuchFunction => (2, String::new()),
            Self::Arguments(error) => (3, error.why().to_owned()),
            Self::OtherTypes(types) => (4, types),
            Self::Failed(why) => (5, why),
        })
    }

    pub(in super::super) fn unpack(parcel: Parcel) -> Result<Self, DecodeError> {
        let (kind, text): (u8, String) = parcel.unpack()?;
        Ok(match kind {
            0 => Self::Ready,
            1 => Self::OtherImage(text),
            2 => Self::NoSuchFunction,
            3 => Self::Arguments(DecodeError::of(text)),
            4 => Self::OtherTypes(text),
            _ => Self::Failed(text),
        })
    }
}

/// What became of the call.
#[derive(Debug)]
pub(in super::super) enum Report {
    Returned(Parcel),
    /// What it returned cannot be made into bytes.
    Unsendable(EncodeError),
    Panicked(PanicReport),
}

type PanicWire = (Option<String>, Option<(String, u32, u32)>, String);

impl Report {
    /// The kind stands behind all else.
    pub(in super::super) fn pack(self) -> Result<Parcel, EncodeError> {
        let (mut parcel, kind) = match self {
            Self::Returned(result) => (result, 0),
            Self::Unsendable(error) => (Parcel::pack(error.why())?, 1),
            Self::Panicked(PanicReport { message, place, thread }) => {
                let place = place.map(|place| (place.file, place.line, place.column));
                let wire: PanicWire = (message, place, thread);
                (Parcel::pack(&wire)?, 2)
            }
        };
        parcel.bytes.push(kind);
        Ok(parcel)
    }

    pub(in super::super) fn unpack(mut parcel: Parcel) -> Result<Self, DecodeError> {
        match parcel.bytes.pop() {
            Some(0) => Ok(Self::Returned(parcel)),
            Some(1) => Ok(Self::Unsendable(EncodeError::of(parcel.unpack::<String>()?))),
            Some(2) => {
                let (message, place, thread): PanicWire = parcel.unpack()?;
                let place = place.map(|(file, line, column)| PanicPlace { file, line, column });
                Ok(Self::Panicked(PanicReport { message, place, thread }))
            }
            _ => Err(DecodeError::of("a report of no known kind")),
        }
    }
}
