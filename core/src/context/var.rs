//! A context variable, and what undoes a change of it.

use core::fmt;
use core::marker::PhantomData;
use core::mem::size_of;

use super::slots::hidden::SlotArray;
use super::value::Value;
use super::{Context, Ground, Variable};
use crate::error::{NoSlot, ResetError, SetError};

/// A variable whose value depends on the context.
///
/// Declared as a `static`. It takes one of the ground's slots at its first [`set`](Self::set), or at
/// [`register`](Self::register), and keeps it. A value that has more words than a slot does not compile.
///
/// See [the module](super) for a full example. Source: CV001 to CV009.
///
/// ```
/// # use inkle_core::context::{ContextVar, Slots};
/// # // SAFETY: one core, and no tasks.
/// # inkle_core::single_core_context!(unsafe App: Slots<4>);
/// static UNIT: ContextVar<&str, App> = ContextVar::with_default("unit", "volt");
///
/// let token = UNIT.set("ampere").unwrap();
/// assert_eq!(UNIT.get(), Some("ampere"));
/// UNIT.reset(token).unwrap();
/// assert_eq!(UNIT.get(), Some("volt"));
/// ```
#[repr(C)]
pub struct ContextVar<T, G: Ground> {
    variable: Variable,
    default: Option<T>,
    ground: PhantomData<fn(G)>,
}

impl<T: Value, G: Ground> ContextVar<T, G> {
    const_fn! {
        /// A variable without a default. (CV001)
        #[must_use]
        pub const fn new(name: &'static str) -> Self {
            Self::with(name, None)
        }
    }

    const_fn! {
        /// A variable with the value that it has where none was set. (CV001, CV003)
        #[must_use]
        pub const fn with_default(name: &'static str, default: T) -> Self {
            Self::with(name, Some(default))
        }
    }

    const_fn! {
        const fn with(name: &'static str, default: Option<T>) -> Self {
            const {
                assert!(
                    size_of::<T>() <= <G::Slots as SlotArray>::WORDS * size_of::<usize>(),
                    "the value has more words than a slot"
                );
            }
            Self { variable: Variable::new(name), default, ground: PhantomData }
        }
    }

    /// The name it was declared with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.variable.name()
    }

    pub(super) fn variable(&self) -> &Variable {
        &self.variable
    }

    /// Takes a slot for it, if it has none, so that no [`set`](Self::set) can fail for want of one.
    ///
    /// Errors: [`NoSlot`] if all are taken by other variables. Progress: wait-free, a step for each
    /// variable there is. Interrupt-safe: yes. Ordering: release, pairs with the acquire of
    /// [`Context::iter`].
    pub fn register(&'static self) -> Result<(), NoSlot> {
        G::registry().register(&self.variable).map(drop)
    }

    /// The value in the current context, or the default, if there is one. (CV003)
    ///
    /// Progress: wait-free but for interrupt handlers that change the same context: a turn for each.
    /// Interrupt-safe: yes. Ordering: relaxed, values are read where they are set.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<T> {
        let Some(number) = self.variable.number() else { return self.default };
        // SAFETY: the slot is this variable's, whose values are `T`s, and we run in the context.
        let read = |context: &Context<G>| unsafe { context.read(number) };
        G::current(|current| current.with(read)).or(self.default)
    }

    /// Changes the value, in the current context only. The token [undoes](Self::reset) it. (CV004)
    ///
    /// Errors: [`SetError`]. Progress: wait-free; the first time also as [`register`](Self::register).
    /// Interrupt-safe: yes, but a handler that has interrupted a change of the same context is told
    /// [`SetError::Busy`]; one in a context of its own never is. Ordering: release, pairs with the
    /// acquire of [`Context::copy`].
    pub fn set(&'static self, value: T) -> Result<Token<T, G>, SetError> {
        let number = G::registry().register(&self.variable).map_err(|NoSlot| SetError::NoSlot)?;
        let (context, old) = self.write(number, Some(value)).ok_or(SetError::Busy)?;
        Ok(Token { number, context, old, ground: PhantomData })
    }

    /// Gives the variable the value that it had before the [`set`](Self::set) that made the token, or
    /// none if it had none. Tokens may be used in any order (CV006), and each once: it is used up.
    /// (CV005)
    ///
    /// Errors: [`ResetError`], with the token, if it is another variable's or from another context, or
    /// this interrupts a change. Progress, interrupt safety and ordering: as [`set`](Self::set).
    pub fn reset(&'static self, token: Token<T, G>) -> Result<(), ResetError<Token<T, G>>> {
        if self.variable.number() != Some(token.number) {
            return Err(ResetError::OtherVariable(token));
        }
        if G::current(|current| current.with(Context::number)) != token.context {
            return Err(ResetError::OtherContext(token));
        }
        match self.write(token.number, token.old) {
            Some(_) => Ok(()),
            None => Err(ResetError::Busy(token)),
        }
    }

    /// As [`set`](Self::set), until the guard is dropped. (CV008, CV009)
    ///
    /// Errors, progress and the rest: as [`set`](Self::set).
    pub fn bind(&'static self, value: T) -> Result<Bound<T, G>, SetError> {
        let token = Some(self.set(value)?);
        Ok(Bound { variable: self, token, here: PhantomData })
    }

    /// Changes the value in the current context: the context's number and the value before.
    fn write(&self, number: usize, value: Option<T>) -> Option<(u32, Option<T>)> {
        // SAFETY: as in `get`.
        G::current(|current| current.with(|context| unsafe { context.write(number, value) }))
    }
}

impl<T, G: Ground> fmt::Debug for ContextVar<T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.variable.name()).finish_non_exhaustive()
    }
}

/// What undoes one [`ContextVar::set`]. (CV007)
///
/// ```
/// # use inkle_core::context::{ContextVar, Slots};
/// # // SAFETY: one core, and no tasks.
/// # inkle_core::single_core_context!(unsafe App: Slots<4>);
/// static MODE: ContextVar<u8, App> = ContextVar::new("mode");
///
/// let token = MODE.set(1).unwrap();
/// assert_eq!(token.old_value(), None);
/// ```
#[must_use = "without the token the change cannot be undone; drop it if that is meant"]
pub struct Token<T, G: Ground> {
    /// The variable's.
    number: usize,
    /// The context's.
    context: u32,
    old: Option<T>,
    ground: PhantomData<fn(G)>,
}

impl<T: Value, G: Ground> Token<T, G> {
    /// The value before; `None` if there was none. (CV007)
    #[must_use]
    pub fn old_value(&self) -> Option<T> {
        self.old
    }
}

impl<T, G: Ground> fmt::Debug for Token<T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Undoes a change when dropped: [`ContextVar::bind`].
///
/// Dropped in another context than that it was made in, it changes nothing. It stays on its thread, so
/// that this does not happen by chance.
#[must_use = "dropped at once it undoes the change at once"]
pub struct Bound<T: Value, G: Ground> {
    variable: &'static ContextVar<T, G>,
    token: Option<Token<T, G>>,
    here: PhantomData<*const ()>,
}

impl<T: Value, G: Ground> Drop for Bound<T, G> {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            let _ = self.variable.reset(token);
        }
    }
}

impl<T: Value, G: Ground> fmt::Debug for Bound<T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("name", &self.variable.name()).finish_non_exhaustive()
    }
}
