//! Functions that are called on other machines: found by their names alone, with arguments that are bytes
//! and nothing beside them. For the module `remote`.

use std::any::TypeId;
use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{Call, signature};
use super::error::{DecodeError, EncodeError};
use super::names::{self, NotFound};
use super::parcel::{self, Parcel};
pub(crate) use super::pool::{Outcome, attempt};

/// A function for another machine.
#[derive(Clone, Debug)]
pub(crate) struct Callee {
    pub(crate) name: String,
    pub(crate) types: String,
}

/// A function has no name that could be told.
#[derive(Debug)]
pub(crate) enum Nameless {
    NotRegistered(String),
    /// The functions of these names have the same code.
    Several(Vec<&'static str>),
}

impl Callee {
    /// Function `F` with arguments `A`.
    pub(crate) fn of<F: Call<A>, A>() -> Result<Self, Nameless> {
        let types = signature::<A, F::Output>();
        Self::only(names::of(TypeId::of::<F>(), &types), types)
    }

    /// The function at an address.
    pub(crate) fn at<A, R>(function: fn(A) -> R) -> Result<Self, Nameless> {
        let types = signature::<(A,), R>();
        Self::only(names::at(function as usize, &types), types)
    }

    /// Whatever has this name there.
    pub(crate) fn named<A, R>(name: &str) -> Self {
        Self { name: name.to_owned(), types: signature::<A, R>() }
    }

    fn only(names: Vec<&'static str>, types: String) -> Result<Self, Nameless> {
        match names[..] {
            [name] => Ok(Self { name: name.to_owned(), types }),
            [] => Err(Nameless::NotRegistered(types)),
            _ => Err(Nameless::Several(names)),
        }
    }
}

impl fmt::Display for Nameless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegistered(types) => write!(
                f,
                "the function has no name: write `register!(\"name\", function as fn(..) -> ..)` ({types})"
            ),
            Self::Several(names) => write!(
                f,
                "the function has several names, or they have the same code: {}",
                names.join(", ")
            ),
        }
    }
}

impl Error for Nameless {}

/// A function is not called.
#[derive(Debug)]
pub(crate) enum NotCalled {
    Unknown,
    Ambiguous,
    OtherTypes(String),
    Arguments(DecodeError),
}

/// The value as bytes.
pub(crate) fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    only_bytes(Parcel::pack(value)?)
}

fn only_bytes(parcel: Parcel) -> Result<Vec<u8>, EncodeError> {
    if parcel.fds.is_empty() {
        Ok(parcel.bytes)
    } else {
        Err(EncodeError::of("a handle of it goes only to processes of this machine"))
    }
}

/// The value that was packed, to the last byte.
pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    parcel::unpack(bytes, Vec::new())
}

/// Whether the function is here; nothing is decoded.
pub(crate) fn check(name: &str, types: &str) -> Result<(), NotCalled> {
    names::find(name, types).map(drop).map_err(NotCalled::from)
}

/// Calls it with packed arguments; what it returns is packed, unless it cannot be.
pub(crate) fn call(
    name: &str,
    types: &str,
    arguments: &[u8],
) -> Result<Outcome<Result<Vec<u8>, EncodeError>>, NotCalled> {
    let task = names::find(name, types)?;
    // SAFETY: the function is registered.
    let job = unsafe { task.prepare(arguments, Vec::new()) }.map_err(NotCalled::Arguments)?;
    Ok(attempt(|| job().and_then(only_bytes)))
}

impl From<NotFound> for NotCalled {
    fn from(error: NotFound) -> Self {
        match error {
            NotFound::Unknown => Self::Unknown,
            NotFound::Ambiguous => Self::Ambiguous,
            NotFound::OtherTypes(theirs) => Self::OtherTypes(theirs),
        }
    }
}
