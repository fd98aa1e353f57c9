//! Objects that every server can make: containers.
//!
//! They hold bytes: a server does not know the types of what clients put in, and decodes none of it. So what is equal
//! must be equal as bytes, as it is with all keys that are usual; not with a float's two zeros, nor with a hash map
//! as a key.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::CallError;
use super::proxy::Proxy;
use crate::multiprocessing::error::EncodeError;
use crate::multiprocessing::parcel::Parcel;
use crate::proxy;

/// A value that the server does not look into.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bytes(Vec<u8>);

impl Bytes {
    /// Errors: it cannot be encoded. Handles cannot: the server keeps bytes.
    pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, CallError> {
        Ok(Self(postcard::to_stdvec(value).map_err(EncodeError::of)?))
    }

    fn to<T: DeserializeOwned>(self) -> Result<T, CallError> {
        Ok(Parcel { bytes: self.0, fds: Vec::new() }.unpack()?)
    }
}

fn all<T: DeserializeOwned>(values: Vec<Bytes>) -> Result<Vec<T>, CallError> {
    values.into_iter().map(Bytes::to).collect()
}

fn option<T: DeserializeOwned>(value: Option<Bytes>) -> Result<Option<T>, CallError> {
    value.map(Bytes::to).transpose()
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Copied;

        impl<'de> Visitor<'de> for Copied {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Bytes, A::Error> {
                Err(A::Error::custom("bytes are no sequence"))
            }
        }

        deserializer.deserialize_bytes(Copied)
    }
}

pub(super) struct Dict(HashMap<Bytes, Bytes>);
pub(super) struct List(Vec<Bytes>);
pub(super) struct Set(HashSet<Bytes>);
pub(super) struct Namespace(pub(super) BTreeMap<String, Bytes>);
pub(super) struct Value(pub(super) Bytes);

proxy! {
    pub(super) struct RawDict for Dict {
        fn insert(key: Bytes, value: Bytes) -> Option<Bytes>;
        fn update(items: Vec<(Bytes, Bytes)>);
        fn get(key: Bytes) -> Option<Bytes>;
        fn get_or_insert(key: Bytes, value: Bytes) -> Bytes;
        fn remove(key: Bytes) -> Option<Bytes>;
        fn contains_key(key: Bytes) -> bool;
        fn len() -> u64;
        fn clear();
        fn keys() -> Vec<Bytes>;
        fn values() -> Vec<Bytes>;
        fn items() -> Vec<(Bytes, Bytes)>;
    }
}

proxy! {
    pub(super) struct RawList for List {
        fn push(value: Bytes);
        fn extend(values: Vec<Bytes>);
        fn insert(place: u64, value: Bytes);
        fn get(place: u64) -> Option<Bytes>;
        fn set(place: u64, value: Bytes) -> Option<Bytes>;
        fn remove(place: u64) -> Option<Bytes>;
        fn pop() -> Option<Bytes>;
        fn index(value: Bytes) -> Option<u64>;
        fn len() -> u64;
        fn clear();
        fn reverse();
        fn copy() -> Vec<Bytes>;
    }
}

proxy! {
    pub(super) struct RawSet for Set {
        fn insert(value: Bytes) -> bool;
        fn extend(values: Vec<Bytes>);
        fn remove(value: Bytes) -> bool;
        fn contains(value: Bytes) -> bool;
        fn len() -> u64;
        fn clear();
        fn copy() -> Vec<Bytes>;
    }
}

proxy! {
    pub(super) struct RawNamespace for Namespace {
        fn set(name: String, value: Bytes);
        fn get(name: String) -> Option<Bytes>;
        fn remove(name: String) -> bool;
        fn names() -> Vec<String>;
    }
}

proxy! {
    pub(super) struct RawValue for Value {
        fn get() -> Bytes;
        fn replace(value: Bytes) -> Bytes;
        fn compare_exchange(current: Bytes, new: Bytes) -> bool;
    }
}

impl Dict {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    fn insert(&mut self, key: Bytes, value: Bytes) -> Option<Bytes> {
        self.0.insert(key, value)
    }

    fn update(&mut self, items: Vec<(Bytes, Bytes)>) {
        self.0.extend(items);
    }

    fn get(&self, key: Bytes) -> Option<Bytes> {
        self.0.get(&key).cloned()
    }

    fn get_or_insert(&mut self, key: Bytes, value: Bytes) -> Bytes {
        self.0.entry(key).or_insert(value).clone()
    }

    fn remove(&mut self, key: Bytes) -> Option<Bytes> {
        self.0.remove(&key)
    }

    fn contains_key(&self, key: Bytes) -> bool {
        self.0.contains_key(&key)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn keys(&self) -> Vec<Bytes> {
        self.0.keys().cloned().collect()
    }

    fn values(&self) -> Vec<Bytes> {
        self.0.values().cloned().collect()
    }

    fn items(&self) -> Vec<(Bytes, Bytes)> {
        self.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// A place in a list of this process's memory, or one past all.
fn place(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl List {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    fn push(&mut self, value: Bytes) {
        self.0.push(value);
    }

    fn extend(&mut self, values: Vec<Bytes>) {
        self.0.extend(values);
    }

    fn insert(&mut self, at: u64, value: Bytes) {
        self.0.insert(place(at).min(self.0.len()), value);
    }

    fn get(&self, at: u64) -> Option<Bytes> {
        self.0.get(place(at)).cloned()
    }

    fn set(&mut self, at: u64, value: Bytes) -> Option<Bytes> {
        self.0.get_mut(place(at)).map(|old| std::mem::replace(old, value))
    }

    fn remove(&mut self, at: u64) -> Option<Bytes> {
        (place(at) < self.0.len()).then(|| self.0.remove(place(at)))
    }

    fn pop(&mut self) -> Option<Bytes> {
        self.0.pop()
    }

    fn index(&self, value: Bytes) -> Option<u64> {
        self.0.iter().position(|known| *known == value).map(|place| place as u64)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn reverse(&mut self) {
        self.0.reverse();
    }

    fn copy(&self) -> Vec<Bytes> {
        self.0.clone()
    }
}

impl Set {
    pub(super) fn new() -> Self {
        Self(HashSet::new())
    }

    fn insert(&mut self, value: Bytes) -> bool {
        self.0.insert(value)
    }

    fn extend(&mut self, values: Vec<Bytes>) {
        self.0.extend(values);
    }

    fn remove(&mut self, value: Bytes) -> bool {
        self.0.remove(&value)
    }

    fn contains(&self, value: Bytes) -> bool {
        self.0.contains(&value)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn copy(&self) -> Vec<Bytes> {
        self.0.iter().cloned().collect()
    }
}

impl Namespace {
    fn set(&mut self, name: String, value: Bytes) {
        self.0.insert(name, value);
    }

    fn get(&self, name: String) -> Option<Bytes> {
        self.0.get(&name).cloned()
    }

    fn remove(&mut self, name: String) -> bool {
        self.0.remove(&name).is_some()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Value {
    fn get(&self) -> Bytes {
        self.0.clone()
    }

    fn replace(&mut self, value: Bytes) -> Bytes {
        std::mem::replace(&mut self.0, value)
    }

    fn compare_exchange(&mut self, current: Bytes, new: Bytes) -> bool {
        let is_current = self.0 == current;
        if is_current {
            self.0 = new;
        }
        is_current
    }
}

/// A proxy with types over one with bytes.
macro_rules! typed {
    ($(#[$meta:meta])* $proxy:ident<$($type:ident),*> over $raw:ident) => {
        $(#[$meta])*
        pub struct $proxy<$($type),*> {
            raw: $raw,
            of: PhantomData<fn($($type),*) -> ($($type,)*)>,
        }

        impl<$($type),*> $proxy<$($type),*> {
            /// See [`Proxy::timeout`].
            #[must_use]
            pub fn timeout(self, timeout: Duration) -> Self {
                Self::from(self.as_ref().clone().timeout(timeout))
            }
        }

        impl<$($type),*> From<Proxy> for $proxy<$($type),*> {
            fn from(proxy: Proxy) -> Self {
                Self { raw: $raw::from(proxy), of: PhantomData }
            }
        }

        impl<$($type),*> AsRef<Proxy> for $proxy<$($type),*> {
            fn as_ref(&self) -> &Proxy {
                self.raw.as_ref()
            }
        }

        impl<$($type),*> Clone for $proxy<$($type),*> {
            fn clone(&self) -> Self {
                Self::from(self.as_ref().clone())
            }
        }

        impl<$($type),*> PartialEq for $proxy<$($type),*> {
            fn eq(&self, other: &Self) -> bool {
                self.raw == other.raw
            }
        }

        impl<$($type),*> Eq for $proxy<$($type),*> {}

        impl<$($type),*> Serialize for $proxy<$($type),*> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.as_ref().serialize(serializer)
            }
        }

        impl<'de, $($type),*> Deserialize<'de> for $proxy<$($type),*> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Proxy::deserialize(deserializer).map(Self::from)
            }
        }

        impl<$($type),*> fmt::Debug for $proxy<$($type),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($proxy)).field(self.as_ref()).finish()
            }
        }
    };
}

typed! {
    /// A map in a server. What is in it is there as a copy: to change a value, insert it again (MP057). In no order.
    /// All methods give a [`CallError`] if the server cannot be asked. (MP054, MP059)
    ///
    /// ```
    /// use inkle::multiprocessing::{Address, Manager, Server};
    ///
    /// let server = Server::bind(Address::unique()?)?;
    /// let stock = Manager::connect(server.address()).dict::<String, u32>()?;
    /// assert_eq!(stock.insert("linen", &3)?, None);
    /// assert_eq!(stock.insert("linen", &4)?, Some(3));
    /// assert_eq!(stock.get_or_insert("wool", &7)?, 7);
    /// assert_eq!((stock.len()?, stock.remove("wool")?), (2, Some(7)));
    /// assert_eq!(stock.items()?, [("linen".to_owned(), 4)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    DictProxy<K, V> over RawDict
}

impl<K, V> DictProxy<K, V>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    /// Puts a value to a key; gives what was there.
    pub fn insert<Q>(&self, key: &Q, value: &V) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        option(self.raw.insert(Bytes::of(key)?, Bytes::of(value)?)?)
    }

    /// Puts all of these, in one call.
    pub fn update<'a>(
        &self,
        items: impl IntoIterator<Item = (&'a K, &'a V)>,
    ) -> Result<(), CallError>
    where
        K: 'a,
        V: 'a,
    {
        let bytes = |(key, value)| Ok((Bytes::of(key)?, Bytes::of(value)?));
        self.raw.update(items.into_iter().map(bytes).collect::<Result<_, CallError>>()?)
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        option(self.raw.get(Bytes::of(key)?)?)
    }

    /// The value of a key, which is `value` if there was none: Python's `setdefault`.
    pub fn get_or_insert<Q>(&self, key: &Q, value: &V) -> Result<V, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.raw.get_or_insert(Bytes::of(key)?, Bytes::of(value)?)?.to()
    }

    /// Removes a key; gives its value.
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        option(self.raw.remove(Bytes::of(key)?)?)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        self.raw.contains_key(Bytes::of(key)?)
    }

    /// How many keys there are.
    pub fn len(&self) -> Result<u64, CallError> {
        self.raw.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, CallError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    pub fn clear(&self) -> Result<(), CallError> {
        self.raw.clear()
    }

    /// All keys, as of one moment.
    pub fn keys(&self) -> Result<Vec<K>, CallError> {
        all(self.raw.keys()?)
    }

    /// All values, as of one moment.
    pub fn values(&self) -> Result<Vec<V>, CallError> {
        all(self.raw.values()?)
    }

    /// All keys with their values, as of one moment.
    pub fn items(&self) -> Result<Vec<(K, V)>, CallError> {
        self.raw.items()?.into_iter().map(|(key, value)| Ok((key.to()?, value.to()?))).collect()
    }
}

typed! {
    /// A list in a server. What is in it is there as a copy (MP057). All methods give a [`CallError`] if the server
    /// cannot be asked. (MP054, MP059)
    ///
    /// ```
    /// use inkle::multiprocessing::{Address, Manager, Server};
    ///
    /// let server = Server::bind(Address::unique()?)?;
    /// let rows = Manager::connect(server.address()).list::<String>()?;
    /// rows.push(&"plain".to_owned())?;
    /// rows.insert(0, &"twill".to_owned())?;
    /// assert_eq!(rows.get(5)?, None, "no panic, here or there");
    /// assert_eq!(rows.copy()?, ["twill", "plain"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ListProxy<T> over RawList
}

impl<T: Serialize + DeserializeOwned> ListProxy<T> {
    /// Adds a value at the end.
    pub fn push(&self, value: &T) -> Result<(), CallError> {
        self.raw.push(Bytes::of(value)?)
    }

    /// Adds all of these at the end, in one call.
    pub fn extend<'a>(&self, values: impl IntoIterator<Item = &'a T>) -> Result<(), CallError>
    where
        T: 'a,
    {
        self.raw.extend(values.into_iter().map(Bytes::of).collect::<Result<_, _>>()?)
    }

    /// Puts a value before the one at this place, or to the end.
    pub fn insert(&self, place: u64, value: &T) -> Result<(), CallError> {
        self.raw.insert(place, Bytes::of(value)?)
    }

    /// The value at this place; `None` behind the end.
    pub fn get(&self, place: u64) -> Result<Option<T>, CallError> {
        option(self.raw.get(place)?)
    }

    /// Puts a value to this place, and gives what was there; behind the end it does nothing and gives `None`.
    pub fn set(&self, place: u64, value: &T) -> Result<Option<T>, CallError> {
        option(self.raw.set(place, Bytes::of(value)?)?)
    }

    /// Removes the value at this place; `None` behind the end.
    pub fn remove(&self, place: u64) -> Result<Option<T>, CallError> {
        option(self.raw.remove(place)?)
    }

    /// Removes the last value.
    pub fn pop(&self) -> Result<Option<T>, CallError> {
        option(self.raw.pop()?)
    }

    /// The first place of this value.
    pub fn index(&self, value: &T) -> Result<Option<u64>, CallError> {
        self.raw.index(Bytes::of(value)?)
    }

    /// How many there are.
    pub fn len(&self) -> Result<u64, CallError> {
        self.raw.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, CallError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    pub fn clear(&self) -> Result<(), CallError> {
        self.raw.clear()
    }

    /// Turns the order round.
    pub fn reverse(&self) -> Result<(), CallError> {
        self.raw.reverse()
    }

    /// All of it, as of one moment.
    pub fn copy(&self) -> Result<Vec<T>, CallError> {
        all(self.raw.copy()?)
    }
}

typed! {
    /// A set in a server, in no order. All methods give a [`CallError`] if the server cannot be asked. (MP054)
    ///
    /// ```
    /// use inkle::multiprocessing::{Address, Manager, Server};
    ///
    /// let server = Server::bind(Address::unique()?)?;
    /// let seen = Manager::connect(server.address()).set::<u32>()?;
    /// assert!(seen.insert(&7)? && !seen.insert(&7)?);
    /// assert!(seen.contains(&7)? && !seen.contains(&8)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SetProxy<T> over RawSet
}

impl<T: Serialize + DeserializeOwned> SetProxy<T> {
    /// Adds a value; whether it is new.
    pub fn insert(&self, value: &T) -> Result<bool, CallError> {
        self.raw.insert(Bytes::of(value)?)
    }

    /// Adds all of these, in one call.
    pub fn extend<'a>(&self, values: impl IntoIterator<Item = &'a T>) -> Result<(), CallError>
    where
        T: 'a,
    {
        self.raw.extend(values.into_iter().map(Bytes::of).collect::<Result<_, _>>()?)
    }

    /// Removes a value; whether it was there.
    pub fn remove(&self, value: &T) -> Result<bool, CallError> {
        self.raw.remove(Bytes::of(value)?)
    }

    /// Whether it is there.
    pub fn contains(&self, value: &T) -> Result<bool, CallError> {
        self.raw.contains(Bytes::of(value)?)
    }

    /// How many there are.
    pub fn len(&self) -> Result<u64, CallError> {
        self.raw.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, CallError> {
        Ok(self.len()? == 0)
    }

    /// Removes all.
    pub fn clear(&self) -> Result<(), CallError> {
        self.raw.clear()
    }

    /// All of it, as of one moment.
    pub fn copy(&self) -> Result<Vec<T>, CallError> {
        all(self.raw.copy()?)
    }
}

typed! {
    /// Values of any types by name, in a server. All methods give a [`CallError`] if the server cannot be asked.
    /// (MP054)
    ///
    /// ```
    /// use inkle::multiprocessing::{Address, Manager, Server};
    ///
    /// let server = Server::bind(Address::unique()?)?;
    /// let settings = Manager::connect(server.address()).namespace()?;
    /// settings.set("threads", &4u32)?;
    /// settings.set("cloth", "linen")?;
    /// assert_eq!(settings.get::<u32>("threads")?, Some(4));
    /// assert_eq!(settings.names()?, ["cloth", "threads"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    NamespaceProxy<> over RawNamespace
}

impl NamespaceProxy {
    /// Puts a value to a name.
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), CallError> {
        self.raw.set(name.to_owned(), Bytes::of(value)?)
    }

    /// The value of a name, which is to be of this type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CallError> {
        option(self.raw.get(name.to_owned())?)
    }

    /// Removes a name; whether it was there.
    pub fn remove(&self, name: &str) -> Result<bool, CallError> {
        self.raw.remove(name.to_owned())
    }

    /// All names, in order.
    pub fn names(&self) -> Result<Vec<String>, CallError> {
        self.raw.names()
    }
}

typed! {
    /// A value in a server. For a number that many processes change, take one in shared memory instead. All methods
    /// give a [`CallError`] if the server cannot be asked. (MP054)
    ///
    /// ```
    /// use inkle::multiprocessing::{Address, Manager, Server};
    ///
    /// let server = Server::bind(Address::unique()?)?;
    /// let state = Manager::connect(server.address()).value(&"idle".to_owned())?;
    /// // Only one of all who try gets it.
    /// assert!(state.compare_exchange(&"idle".to_owned(), &"busy".to_owned())?);
    /// assert!(!state.compare_exchange(&"idle".to_owned(), &"busy".to_owned())?);
    /// assert_eq!(state.get()?, "busy");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ValueProxy<T> over RawValue
}

impl<T: Serialize + DeserializeOwned> ValueProxy<T> {
    /// The value.
    pub fn get(&self) -> Result<T, CallError> {
        self.raw.get()?.to()
    }

    /// Puts another.
    pub fn set(&self, value: &T) -> Result<(), CallError> {
        self.raw.replace(Bytes::of(value)?).map(drop)
    }

    /// Puts another, and gives what was there.
    pub fn replace(&self, value: &T) -> Result<T, CallError> {
        self.raw.replace(Bytes::of(value)?)?.to()
    }

    /// Puts `new` if the value is `current`; whether it was.
    pub fn compare_exchange(&self, current: &T, new: &T) -> Result<bool, CallError> {
        self.raw.compare_exchange(Bytes::of(current)?, Bytes::of(new)?)
    }
}
