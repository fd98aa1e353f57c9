//! A context variable, and what undoes a change of it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use inkle_core::error::ResetError;

use super::entry::{Entry, Key, is_plain};
use super::here::here;
use super::map::Map;
use super::registry::Registered;
#[cfg(feature = "serde")]
use super::travel::Luggage;
use super::{LookupError, Value};

/// A variable whose value depends on the context. (CV001)
///
/// Declared as a `static`. It may also be made and dropped at run time; values that contexts have for it
/// then are never seen again and go with the contexts, or with the next change of them. (CV002)
///
/// The value is cloned when it is read. A small one without a destructor may also be cloned when a context
/// parts from the one it was copied from; all others are shared.
///
/// ```
/// use inkle::contextvars::ContextVar;
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// assert!(USER.get().is_err());
/// let token = USER.set(String::from("weaver"));
/// assert_eq!(USER.get().unwrap(), "weaver");
/// USER.reset(token).unwrap();
/// assert!(USER.get().is_err());
/// ```
pub struct ContextVar<T> {
    name: Cow<'static, str>,
    default: Default<T>,
    is_private: bool,
    #[cfg(feature = "serde")]
    luggage: Option<Luggage>,
    registered: OnceLock<Registered>,
}

enum Default<T> {
    None,
    Value(T),
    Make(fn() -> T),
}

impl<T> ContextVar<T> {
    /// A variable without a default. (CV001)
    pub const fn new(name: &'static str) -> Self {
        Self::declare(name, Default::None)
    }

    /// A variable with the value that it has where none was set. (CV003)
    ///
    /// ```
    /// use inkle::contextvars::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", 0);
    /// assert_eq!(DEPTH.get(), Ok(0));
    /// ```
    pub const fn with_default(name: &'static str, default: T) -> Self {
        Self::declare(name, Default::Value(default))
    }

    /// As [`with_default`](Self::with_default), for a value that a `static` cannot have: made anew each
    /// time it is asked for.
    ///
    /// ```
    /// use inkle::contextvars::ContextVar;
    ///
    /// static GREETING: ContextVar<String> =
    ///     ContextVar::with_default_fn("greeting", || String::from("hello"));
    /// assert_eq!(GREETING.get().unwrap(), "hello");
    /// ```
    pub const fn with_default_fn(name: &'static str, default: fn() -> T) -> Self {
        Self::declare(name, Default::Make(default))
    }

    /// As [`new`](Self::new), with a name made at run time.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), ..Self::new("") }
    }

    const fn declare(name: &'static str, default: Default<T>) -> Self {
        let name = Cow::Borrowed(name);
        Self {
            name,
            default,
            is_private: false,
            #[cfg(feature = "serde")]
            luggage: None,
            registered: OnceLock::new(),
        }
    }

    /// The variable's value stays behind when a context is inherited: in a new thread, timer, job or task
    /// it has none. A [copy](super::copy_context) that is asked for has it.
    ///
    /// ```
    /// use inkle::contextvars::ContextVar;
    /// use inkle::threading;
    ///
    /// static HERE: ContextVar<u32> = ContextVar::new("here").not_inherited();
    /// static ALL: ContextVar<u32> = ContextVar::new("all");
    ///
    /// let _bound = (HERE.bind(1), ALL.bind(2));
    /// threading::spawn(|| {
    ///     assert!(HERE.get().is_err());
    ///     assert_eq!(ALL.get(), Ok(2));
    /// }).unwrap().join().unwrap();
    /// ```
    pub const fn not_inherited(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// The variable's value may go to other processes: [`Context::pack`](super::Context::pack). It is
    /// known there by its name, so give each such variable a name of its own, and the same type on both
    /// sides. With the feature `serde`.
    ///
    /// ```
    /// use inkle::contextvars::{ContextVar, copy_context};
    ///
    /// static REQUEST: ContextVar<String> = ContextVar::new("request").travelling();
    ///
    /// let _request = REQUEST.bind(String::from("7"));
    /// assert!(!copy_context().pack().unwrap().is_empty());
    /// ```
    #[cfg(feature = "serde")]
    pub const fn travelling(mut self) -> Self
    where
        T: Value + serde::Serialize + serde::de::DeserializeOwned,
    {
        self.luggage = Some(Luggage::of::<T>());
        self
    }

    /// The name it was declared with. (CV001)
    pub fn name(&self) -> &str {
        &self.name
    }

    #[cold]
    fn register(&self) -> Key {
        let new = || Registered::new(self.name.clone(), self.is_private);
        #[cfg(feature = "serde")]
        let new = || {
            let registered = new();
            if let Some(luggage) = self.luggage {
                super::travel::add(registered.key(), self.name.clone(), luggage);
            }
            registered
        };
        self.registered.get_or_init(new).key()
    }

    /// The key, if the variable was ever set.
    #[inline(always)]
    pub(super) fn known_key(&self) -> Option<Key> {
        self.registered.get().map(Registered::key)
    }
}

/// Values that have come from another process before the variable was used in this one.
#[cfg(feature = "serde")]
impl<T> ContextVar<T> {
    pub(super) fn has_arrived_in(&self, map: &Map) -> bool {
        self.luggage.is_some() && super::travel::has_arrived(map, &self.name)
    }

    fn entry_arrived_in(&self, map: &Map) -> Option<Entry> {
        let luggage = self.luggage?;
        let key = self.known_key().unwrap_or_else(|| self.register());
        luggage.arrived(map, key, &self.name)
    }

    /// Unpacks the value if it has arrived and nobody has set another.
    #[cold]
    fn settle(&self) -> bool {
        let map = here(|here| here.map());
        if self.known_key().is_some_and(|key| map.get(key).is_some()) {
            return false;
        }
        let Some(entry) = self.entry_arrived_in(&map) else { return false };
        here(|here| drop(here.put(entry.key(), entry)));
        true
    }
}

#[cfg(not(feature = "serde"))]
impl<T> ContextVar<T> {
    pub(super) fn has_arrived_in(&self, _: &Map) -> bool {
        false
    }
}

impl<T: Value> ContextVar<T> {
    pub(super) fn arrived_in(&self, _map: &Map) -> Option<T> {
        #[cfg(feature = "serde")]
        // SAFETY: it is an entry of ours.
        return self.entry_arrived_in(_map).map(|entry| unsafe { entry.value::<T>() }.clone());
        #[cfg(not(feature = "serde"))]
        None
    }

    /// The value, where there seemed to be none.
    #[inline]
    fn arrived(&self) -> Option<T> {
        #[cfg(feature = "serde")]
        if self.luggage.is_some() && self.settle() {
            return self.value();
        }
        None
    }

    /// The value in the current context, or the default. (CV003)
    ///
    /// Does not block. Errors: [`LookupError`] if there is neither.
    #[inline]
    pub fn get(&self) -> Result<T, LookupError> {
        match self.value() {
            Some(value) => Ok(value),
            None => self.get_default(),
        }
    }

    /// As [`get`](Self::get), with `default` where no value was set, whatever the variable's own. (CV003)
    ///
    /// ```
    /// # use inkle::contextvars::ContextVar;
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", 0);
    /// assert_eq!(DEPTH.get_or(7), 7);
    /// ```
    #[inline]
    pub fn get_or(&self, default: T) -> T {
        self.value().or_else(|| self.arrived()).unwrap_or(default)
    }

    /// Calls `f` with the value itself, not a clone. `f` may change the variable; it sees that when it asks
    /// again.
    ///
    /// Errors: as [`get`](Self::get).
    ///
    /// ```
    /// # use inkle::contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let _user = USER.bind(String::from("weaver"));
    /// assert_eq!(USER.with(|user| user.len()), Ok(6));
    /// ```
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, LookupError> {
        let mut f = Some(f);
        let mut call = |value: &T| f.take().map(|f| f(value));
        let result = match self.read(&mut call) {
            Some(result) => result,
            None => self.arrived().or_else(|| self.default()).and_then(|default| call(&default)),
        };
        result.ok_or_else(|| self.unset())
    }

    /// A clone of the value.
    #[inline(always)]
    fn value(&self) -> Option<T> {
        if !is_plain::<T>() {
            return self.read(T::clone);
        }
        let key = self.known_key()?;
        // SAFETY: the key is ours.
        here(|here| here.with_plain(key, |entry| unsafe { entry.value::<T>() }.clone()))
    }

    /// `f` may be user code.
    #[inline(always)]
    fn read<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let key = self.known_key()?;
        // SAFETY: the key is ours.
        here(|here| here.with_entry(key, |entry| f(unsafe { entry.value() })))
    }

    #[inline(never)]
    fn get_default(&self) -> Result<T, LookupError> {
        self.arrived().or_else(|| self.default()).ok_or_else(|| self.unset())
    }

    fn default(&self) -> Option<T> {
        match &self.default {
            Default::None => None,
            Default::Value(value) => Some(value.clone()),
            Default::Make(make) => Some(make()),
        }
    }

    #[cold]
    fn unset(&self) -> LookupError {
        LookupError { name: self.name.clone() }
    }

    /// Changes the value, in the current context only. The token [undoes](Self::reset) it. (CV004)
    ///
    /// Does not block, but for somebody who looks at the same context at this moment.
    ///
    /// Panics: at a variable's first use with a million others; and when the `clone` of a value does,
    /// with nothing changed.
    #[inline]
    pub fn set(&self, value: T) -> Token<T> {
        #[cfg(feature = "serde")]
        if self.luggage.is_some() {
            self.settle();
        }
        let key = self.known_key().unwrap_or_else(|| self.register());
        let entry = Entry::new(key, value);
        here(|here| {
            let old = here.put(key, entry);
            Token { key, context: here.number(), old, value: PhantomData }
        })
    }

    /// Gives the variable the value that it had before the [`set`](Self::set) that made the token, or
    /// none if it had none. Tokens may be used in any order (CV006), and each once: it is used up.
    /// (CV005)
    ///
    /// Errors: [`ResetError::OtherVariable`] and [`ResetError::OtherContext`], with the token.
    ///
    /// ```
    /// use inkle::contextvars::{ContextVar, ResetError, copy_context};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
    ///
    /// let token = DEPTH.set(1);
    /// let elsewhere = copy_context().run(|| DEPTH.reset(token)).unwrap();
    /// let Err(ResetError::OtherContext(token)) = elsewhere else { unreachable!() };
    /// DEPTH.reset(token).unwrap();
    /// ```
    #[inline]
    pub fn reset(&self, token: Token<T>) -> Result<(), ResetError<Token<T>>> {
        if self.known_key() != Some(token.key) {
            return Err(ResetError::OtherVariable(token));
        }
        here(|here| {
            if here.number() != token.context {
                return Err(ResetError::OtherContext(token));
            }
            drop(here.put(token.key, token.old));
            Ok(())
        })
    }

    /// As [`set`](Self::set), until the guard is dropped; what is set in between goes with it. (CV008,
    /// CV009)
    ///
    /// ```
    /// # use inkle::contextvars::ContextVar;
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", 0);
    /// {
    ///     let _deeper = DEPTH.bind(1);
    ///     assert_eq!(DEPTH.get(), Ok(1));
    /// }
    /// assert_eq!(DEPTH.get(), Ok(0));
    /// ```
    pub fn bind(&self, value: T) -> Bound<'_, T> {
        Bound { variable: self, token: Some(self.set(value)), here: PhantomData }
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What undoes one [`ContextVar::set`]. (CV007)
///
/// ```
/// # use inkle::contextvars::ContextVar;
/// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
///
/// let first = DEPTH.set(1);
/// let second = DEPTH.set(2);
/// assert_eq!((first.old_value(), second.old_value()), (None, Some(&1)));
/// ```
#[must_use = "without the token the change cannot be undone; drop it if that is meant"]
pub struct Token<T> {
    key: Key,
    /// The context's number.
    context: usize,
    /// Empty if there was no value.
    old: Entry,
    value: PhantomData<T>,
}

impl<T: Value> Token<T> {
    /// The value before; `None` if there was none. (CV007)
    #[must_use]
    pub fn old_value(&self) -> Option<&T> {
        // SAFETY: it has the key of a variable of `T`, unless it is empty.
        (!self.old.is_empty()).then(|| unsafe { self.old.value() })
    }
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Undoes a change when dropped: [`ContextVar::bind`].
///
/// Dropped in another context than that it was made in, it changes nothing. It stays on its thread, so
/// that this does not happen by chance.
#[must_use = "dropped at once it undoes the change at once"]
pub struct Bound<'v, T: Value> {
    variable: &'v ContextVar<T>,
    token: Option<Token<T>>,
    here: PhantomData<*const ()>,
}

impl<T: Value> Drop for Bound<'_, T> {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            let _ = self.variable.reset(token);
        }
    }
}

impl<T: Value> fmt::Debug for Bound<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("name", &self.variable.name).finish_non_exhaustive()
    }
}
