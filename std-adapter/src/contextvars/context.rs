//! A context that one can hold in one's hands.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::error::Entered;

use super::carrier::Load;
use super::entry::Entry;
use super::here::{Frame, here};
use super::map::Map;
use super::{ContextVar, InContext, Inherited, Value, registry};

/// The values of the current context as they are now. Costs the same for any number of values. (CV010)
///
/// ```
/// use inkle::contextvars::{ContextVar, copy_context};
///
/// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", 0);
///
/// let context = copy_context();
/// context.run(|| drop(DEPTH.set(1))).unwrap();
/// assert_eq!((DEPTH.get(), context.get(&DEPTH)), (Ok(0), Some(1)));
/// ```
#[inline]
#[must_use]
pub fn copy_context() -> Context {
    Context::from_parts(here(|here| here.map()), Load::capture())
}

/// Values of variables that belong together: a task's, a request's.
///
/// Code [runs](Self::run) in it, and its changes stay there. Beside that it can be read, by anybody at any
/// time, and copied. A clone is a [copy](Self::copy).
///
/// ```
/// use inkle::contextvars::{Context, ContextVar};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let context = Context::new();
/// context.run(|| drop(USER.set(String::from("weaver")))).unwrap();
/// for item in context.iter() {
///     assert_eq!(item.name(), "user");
///     assert_eq!(item.value().downcast_ref(), Some(&String::from("weaver")));
/// }
/// ```
pub struct Context {
    frame: Frame,
    /// 1 while somebody runs in it.
    entered: AtomicU32,
    load: Load,
}

// SAFETY: of a frame, only the map is for others than who runs in it, and that goes by the frame's lock:
// it is a shared one. Who runs in it is one at a time, by `entered`, and hands the rest on by it.
unsafe impl Sync for Context {}

impl Context {
    /// A context without values. (CV011)
    #[must_use]
    pub const fn new() -> Self {
        Self::from_parts(Map::EMPTY, Load::NONE)
    }

    #[inline]
    const fn from_parts(map: Map, load: Load) -> Self {
        Self { frame: Frame::shared(map), entered: AtomicU32::new(0), load }
    }

    fn map(&self) -> Map {
        // SAFETY: the frame is a shared one.
        unsafe { self.frame.look() }
    }

    /// What is in it, for one thread at a time alone.
    pub(crate) fn into_inherited(self) -> Inherited {
        Inherited::new(self.frame.into_map(), self.load)
    }

    /// A context with the values that this one has now, of which neither sees what is set in the other
    /// later. Costs the same for any number of values. (CV011)
    pub fn copy(&self) -> Self {
        Self::from_parts(self.map(), self.load.clone())
    }

    /// Calls `f` in this context: it sees the values that are here, and what it sets stays here, also if
    /// it panics. Then the caller's context is again the current one. (CV012)
    ///
    /// Errors: [`Entered`], with `f`, if somebody runs in it, in this thread or another (CV013).
    ///
    /// ```
    /// use inkle::contextvars::Context;
    ///
    /// let context = Context::new();
    /// let again = context.run(|| context.run(|| 7)).unwrap();
    /// // The function comes back.
    /// assert_eq!(again.unwrap_err().into_inner()(), 7);
    /// ```
    pub fn run<R, F: FnOnce() -> R>(&self, f: F) -> Result<R, Entered<F>> {
        struct Leaving<'a>(&'a AtomicU32);
        impl Drop for Leaving<'_> {
            fn drop(&mut self) {
                // Release, pairs with the Acquire of the next who enters: he finds the values.
                self.0.store(0, Ordering::Release);
            }
        }

        // Acquire, pairs with the Release of `Leaving`.
        if self.entered.swap(1, Ordering::Acquire) != 0 {
            return Err(Entered(f));
        }
        let _leaving = Leaving(&self.entered);
        Ok(here(|here| here.within(&self.frame, || self.load.within(f))))
    }

    /// A function that calls `f` in this context: to give it to a thread, a timer or a callback that
    /// would run in a copy of its maker's.
    ///
    /// ```
    /// use inkle::contextvars::{Context, ContextVar};
    /// use inkle::threading;
    ///
    /// static USER: ContextVar<u32> = ContextVar::new("user");
    ///
    /// let _user = USER.bind(1);
    /// let alone = Context::new().bind(|| USER.get().is_err());
    /// assert!(threading::spawn(alone).unwrap().join().unwrap());
    /// ```
    pub fn bind<R>(self, f: impl FnOnce() -> R) -> impl FnOnce() -> R {
        let inside = self.into_inherited();
        move || inside.run(f)
    }

    /// A future that runs in this context each time it is polled; see
    /// [`with_context`](super::FutureExt::with_context).
    pub fn wrap<F: Future>(self, future: F) -> InContext<F> {
        InContext::new(self.frame.into_map(), self.load, future)
    }

    /// The values of the [travelling](ContextVar::travelling) variables, for
    /// [`unpack`](Self::unpack) in another process; those of all others stay here.
    ///
    /// Errors: [`PackError`](super::PackError) if a type's `Serialize` refuses.
    ///
    /// ```
    /// use inkle::contextvars::{Context, ContextVar, copy_context};
    ///
    /// static REQUEST: ContextVar<u32> = ContextVar::new("request").travelling();
    ///
    /// let _request = REQUEST.bind(7);
    /// let bytes = copy_context().pack().unwrap();
    /// // In another process:
    /// let context = Context::unpack(&bytes).unwrap();
    /// assert_eq!(context.run(|| REQUEST.get()).unwrap(), Ok(7));
    /// ```
    #[cfg(feature = "serde")]
    pub fn pack(&self) -> Result<Vec<u8>, super::PackError> {
        super::travel::pack(&self.map())
    }

    /// A context with the values that were [packed](Self::pack), perhaps in another process.
    ///
    /// Values whose variables nobody has used here yet wait until somebody does. Those of variables that
    /// are unknown here for good are kept all the same, and packed again with the context. (They are not
    /// among its items.)
    ///
    /// Errors: [`UnpackError`](super::UnpackError) if the bytes are something else, incomplete, or have a
    /// value that is not of its variable's type. One that waits is looked at when its variable is used: if
    /// it cannot be read then, the variable has no value.
    #[cfg(feature = "serde")]
    pub fn unpack(bytes: &[u8]) -> Result<Self, super::UnpackError> {
        Ok(Self::from_parts(super::travel::unpack(bytes)?, Load::NONE))
    }

    /// The variable's value here, if it has one: defaults do not count. (CV003, CV014)
    pub fn get<T: Value>(&self, variable: &ContextVar<T>) -> Option<T> {
        let map = self.map();
        match variable.known_key().and_then(|key| map.get(key)) {
            // SAFETY: the key is that of a variable of `T`.
            Some(entry) => Some(unsafe { entry.value::<T>() }.clone()),
            None => variable.arrived_in(&map),
        }
    }

    /// Whether the variable has a value here. (CV014)
    pub fn contains<T>(&self, variable: &ContextVar<T>) -> bool {
        let map = self.map();
        variable.known_key().is_some_and(|key| map.get(key).is_some())
            || variable.has_arrived_in(&map)
    }

    /// The variables that have a value here, and their values, as they are now. Those of variables that
    /// have been dropped are not among them. (CV014, CV016)
    pub fn iter(&self) -> Items {
        let item = |entry: &Entry| {
            let name = registry::name(entry.key())?;
            Some(Item { name, entry: entry.clone() })
        };
        let items: Vec<_> = self.map().iter().filter_map(item).collect();
        Items(items.into_iter())
    }

    /// How many variables have a value here. (CV014)
    pub fn len(&self) -> usize {
        self.map().iter().filter(|entry| registry::name(entry.key()).is_some()).count()
    }

    /// Whether no variable has a value here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Clone for Context {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|item| item.name)).finish()
    }
}

impl IntoIterator for &Context {
    type Item = Item;
    type IntoIter = Items;

    fn into_iter(self) -> Items {
        self.iter()
    }
}

/// What a context has: [`Context::iter`].
#[derive(Debug)]
pub struct Items(std::vec::IntoIter<Item>);

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Items {}

/// A variable's name, and its value in a context.
pub struct Item {
    name: Cow<'static, str>,
    entry: Entry,
}

impl Item {
    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, of whatever type.
    #[must_use]
    pub fn value(&self) -> &(dyn Any + Send + Sync) {
        self.entry.any()
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("name", &self.name).finish_non_exhaustive()
    }
}
