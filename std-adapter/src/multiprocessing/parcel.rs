//! What goes to another process: bytes, by `postcard`, and descriptors beside them.
//!
//! A handle of something shared (memory, a connection) is serialized as the place of its descriptor in the parcel
//! that is being packed on this thread. Anywhere else it cannot be serialized: the number of a descriptor means
//! nothing in a file.

use std::cell::RefCell;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{DecodeError, EncodeError};

/// Descriptors that go with bytes.
pub(super) type Fds = Vec<Arc<OwnedFd>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub(super) bytes: Vec<u8>,
    pub(super) fds: Vec<Arc<OwnedFd>>,
}

/// The descriptors of the parcel at hand on this thread.
enum Luggage {
    None,
    /// It is being packed.
    Packed(Vec<Arc<OwnedFd>>),
    /// It is being unpacked.
    Unpacked(Vec<Arc<OwnedFd>>),
}

thread_local! {
    static LUGGAGE: RefCell<Luggage> = const { RefCell::new(Luggage::None) };
}

/// Puts what was there before back, also after a panic.
struct AtHand(Luggage);

impl AtHand {
    fn new(luggage: Luggage) -> Self {
        Self(LUGGAGE.replace(luggage))
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        LUGGAGE.set(mem::replace(&mut self.0, Luggage::None));
    }
}

impl Parcel {
    pub(super) fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let _at_hand = AtHand::new(Luggage::Packed(Vec::new()));
        let bytes = postcard::to_stdvec(value).map_err(EncodeError::of)?;
        match LUGGAGE.replace(Luggage::None) {
            Luggage::Packed(fds) => Ok(Self { bytes, fds }),
            // Nobody else touches it meanwhile, who does not put it back.
            _ => Ok(Self { bytes, fds: Vec::new() }),
        }
    }

    /// See [`unpack`].
    pub(super) fn unpack<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        unpack(&self.bytes, self.fds)
    }
}

/// Reads the value, to the last byte.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8], fds: Fds) -> Result<T, DecodeError> {
    let _at_hand = AtHand::new(Luggage::Unpacked(fds));
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::left_over(rest.len())),
        Err(error) => Err(DecodeError::of(error)),
    }
}

/// Serializes a descriptor: it goes with the parcel.
pub(super) fn lend<S: Serializer>(fd: &Arc<OwnedFd>, serializer: S) -> Result<S::Ok, S::Error> {
    let place = LUGGAGE.with_borrow_mut(|luggage| match luggage {
        Luggage::Packed(fds) => {
            let known = fds.iter().position(|known| Arc::ptr_eq(known, fd));
            let place = known.unwrap_or(fds.len());
            if known.is_none() {
                fds.push(Arc::clone(fd));
            }
            u32::try_from(place).ok()
        }
        _ => None,
    });
    match place {
        Some(place) => place.serialize(serializer),
        None => Err(S::Error::custom("it goes only to another process")),
    }
}

/// The descriptor that was lent. Handles of the same thing share it.
pub(super) fn claim<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<OwnedFd>, D::Error> {
    let place = u32::deserialize(deserializer)?;
    LUGGAGE
        .with_borrow(|luggage| match luggage {
            Luggage::Unpacked(fds) => fds.get(place as usize).cloned(),
            _ => None,
        })
        .ok_or_else(|| D::Error::custom("there is no such descriptor"))
}

/// A descriptor as a part of what is serialized.
pub(super) struct Lent<'a>(pub(super) &'a Arc<OwnedFd>);

impl Serialize for Lent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        lend(self.0, serializer)
    }
}

/// [`Lent`], arrived.
pub(super) struct Claimed(pub(super) Arc<OwnedFd>);

impl<'de> Deserialize<'de> for Claimed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        claim(deserializer).map(Self)
    }
}
