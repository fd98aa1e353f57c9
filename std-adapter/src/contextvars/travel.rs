//! Values that travel to other processes.
//!
//! # Format
//!
//! Four bytes that say what it is; then, by `postcard`, a map from the variables' names to their values,
//! each of which was packed by itself. So a process can keep and pass on a value whose type it does not
//! know (yet): variables make themselves known at their first use, and in another process that may be after
//! their values have arrived. Until then these lie in one entry of a hidden variable's, and go with the
//! context wherever it goes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{LazyLock, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Value;
use super::entry::{Entry, Key};
use super::map::Map;
use super::registry::{self, Registered};
use crate::threading::locked;

const MARK: [u8; 4] = *b"ikc1";

/// What has arrived and is not known.
type Parcel = BTreeMap<String, Vec<u8>>;

static PARCEL: LazyLock<Registered> = LazyLock::new(Registered::hidden);

/// How a type's values travel.
#[derive(Clone, Copy)]
pub(super) struct Luggage {
    pack: unsafe fn(&Entry) -> Result<Vec<u8>, postcard::Error>,
    unpack: fn(Key, &[u8]) -> Result<Entry, postcard::Error>,
}

impl Luggage {
    pub(super) const fn of<T: Value + Serialize + DeserializeOwned>() -> Self {
        Self { pack: pack_value::<T>, unpack: unpack_value::<T> }
    }

    /// A value of the variable with this key, if there is one of this name in the map that nobody knew
    /// when it arrived, and it can be read.
    pub(super) fn arrived(self, map: &Map, key: Key, name: &str) -> Option<Entry> {
        (self.unpack)(key, parcel(map)?.get(name)?).ok()
    }
}

/// # Safety
///
/// The entry is that of a variable of `T`.
unsafe fn pack_value<T: Value + Serialize>(entry: &Entry) -> Result<Vec<u8>, postcard::Error> {
    // SAFETY: the caller's promise.
    postcard::to_stdvec(unsafe { entry.value::<T>() })
}

fn unpack_value<T: Value + DeserializeOwned>(
    key: Key,
    bytes: &[u8],
) -> Result<Entry, postcard::Error> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(Entry::new::<T>(key, value)),
        _ => Err(postcard::Error::DeserializeBadEncoding),
    }
}

/// A variable that travels and was used.
struct Traveller {
    key: Key,
    name: Cow<'static, str>,
    luggage: Luggage,
}

impl Traveller {
    /// Whether the variable has not been dropped.
    fn lives(&self) -> bool {
        registry::name(self.key).is_some()
    }
}

static TRAVELLERS: Mutex<Vec<Traveller>> = Mutex::new(Vec::new());

/// From now on the variable with this key is known.
pub(super) fn add(key: Key, name: Cow<'static, str>, luggage: Luggage) {
    let mut travellers = locked(&TRAVELLERS);
    travellers.retain(Traveller::lives);
    travellers.push(Traveller { key, name, luggage });
}

fn parcel(map: &Map) -> Option<&Parcel> {
    // SAFETY: the key is that of the one variable that has parcels.
    map.get(PARCEL.key()).map(|entry| unsafe { entry.value() })
}

/// Whether a value of this name has arrived that nobody knew then.
pub(super) fn has_arrived(map: &Map, name: &str) -> bool {
    parcel(map).is_some_and(|parcel| parcel.contains_key(name))
}

pub(super) fn pack(map: &Map) -> Result<Vec<u8>, PackError> {
    let mut packed = parcel(map).cloned().unwrap_or_default();
    for entry in map.iter() {
        let known = |it: &&Traveller| it.key == entry.key() && it.lives();
        // The lock is not held while the user's code runs.
        let found = locked(&TRAVELLERS).iter().find(known).map(|it| (it.name.clone(), it.luggage));
        let Some((name, luggage)) = found else { continue };
        // SAFETY: the luggage is that of the variable with this key.
        match unsafe { (luggage.pack)(entry) } {
            Ok(bytes) => packed.insert(name.into_owned(), bytes),
            Err(cause) => return Err(PackError { name: name.into_owned(), cause }),
        };
    }
    postcard::to_extend(&packed, MARK.to_vec())
        .map_err(|cause| PackError { name: String::new(), cause })
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Map, UnpackError> {
    let fail = |what, cause| UnpackError { what, cause: Some(cause) };
    let other = UnpackError { what: What::Other, cause: None };
    let packed = bytes.strip_prefix(&MARK).ok_or(other)?;
    let (mut parcel, rest): (Parcel, _) =
        postcard::take_from_bytes(packed).map_err(|cause| fail(What::Whole, cause))?;
    if !rest.is_empty() {
        return Err(fail(What::Whole, postcard::Error::DeserializeBadEncoding));
    }
    let mut map = Map::EMPTY;
    let known: Vec<_> = locked(&TRAVELLERS)
        .iter()
        .filter(|it| it.lives())
        .map(|it| (it.key, it.name.clone(), it.luggage))
        .collect();
    for (key, name, luggage) in known {
        let Some(bytes) = parcel.remove(&*name) else { continue };
        let entry = (luggage.unpack)(key, &bytes)
            .map_err(|cause| fail(What::Value(name.into_owned()), cause))?;
        map = map.with(key, entry);
    }
    if !parcel.is_empty() {
        let key = PARCEL.key();
        map = map.with(key, Entry::new(key, parcel));
    }
    Ok(map)
}

/// A value cannot be packed: its type's `Serialize` refuses. [`Context::pack`](super::Context::pack)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError {
    name: String,
    cause: postcard::Error,
}

impl PackError {
    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of the context variable `{}` cannot be packed", self.name)
    }
}

impl Error for PackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Bytes cannot be unpacked: [`Context::unpack`](super::Context::unpack).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackError {
    what: What,
    cause: Option<postcard::Error>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Other,
    Whole,
    Value(String),
}

impl UnpackError {
    /// The name of the variable whose value cannot be read, if it is that.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.what {
            What::Value(name) => Some(name),
            What::Other | What::Whole => None,
        }
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Other => f.write_str("this is not a packed context"),
            What::Whole => f.write_str("the packed context is incomplete or garbled"),
            What::Value(name) => {
                write!(f, "the packed value of the context variable `{name}` is not of its type")
            }
        }
    }
}

impl Error for UnpackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}
