//! A context: slots, and who runs in it.
//!
//! # Layout
//!
//! ```text
//! hold      0 nobody runs in it, 1 somebody does
//! changing  1 while whoever runs in it changes a value
//! number    what its tokens know it by; 0 until it has one
//! slots     see slots.rs
//! ```
//!
//! # Invariants
//!
//! 1. `hold` leaves 0 by an exchange, so one runs in it at a time. A context that is made current by
//!    [`Current::switch`](super::Current::switch) leaves it alone: there the caller sees to it.
//! 2. `number` and the slots change while `changing` is 1, and who finds it 1 changes nothing: one changes
//!    at a time. Whoever runs in the context stores to it, or an interrupt handler that does so in between
//!    and has put it back.

use core::fmt;
use core::future::Future;

use super::slots::{Reader, hidden::SlotArray};
use super::value::Value;
use super::{ContextVar, Ground, Variable, Variables, Within};
use crate::atomic::{AtomicU32, Ordering, PlainU32, compiler_fence};
use crate::error::Entered;

const FREE: u32 = 0;
const ENTERED: u32 = 1;

/// Values of variables that belong together: a task's, a request's, an interrupt handler's.
///
/// Code [runs](Self::run) in it, one at a time, and its changes stay there. 12 bytes and those that
/// [`Slots`](super::Slots) has; no pointers to itself, so it may be moved while nobody runs in
/// it.
///
/// ```
/// # use inkle_core::context::{Context, ContextVar, Slots};
/// # // SAFETY: one core, and no tasks.
/// # inkle_core::single_core_context!(unsafe App: Slots<4>);
/// static LEVEL: ContextVar<u8, App> = ContextVar::new("level");
///
/// LEVEL.set(1).unwrap();
/// let inner = Context::<App>::copy_current();
/// inner.run(|| LEVEL.set(2).unwrap()).unwrap();
/// assert_eq!((LEVEL.get(), inner.get(&LEVEL)), (Some(1), Some(2)));
/// assert!(inner.run(|| inner.run(|| ()).is_err()).unwrap());
/// ```
#[repr(C)]
pub struct Context<G: Ground> {
    hold: AtomicU32,
    changing: PlainU32,
    number: PlainU32,
    slots: G::Slots,
}

impl<G: Ground> Context<G> {
    const_fn! {
        /// A context without values. (CV011)
        #[must_use]
        pub const fn new() -> Self {
            #[cfg(not(inkle_loom))]
            let slots = <G::Slots as SlotArray>::EMPTY;
            #[cfg(inkle_loom)]
            let slots = <G::Slots as SlotArray>::empty();
            Self::with(FREE, slots)
        }
    }

    const_fn! {
        /// That of whoever has entered no other. It is never free.
        pub(super) const fn root() -> Self {
            #[cfg(not(inkle_loom))]
            let slots = <G::Slots as SlotArray>::EMPTY;
            #[cfg(inkle_loom)]
            let slots = <G::Slots as SlotArray>::empty();
            Self::with(ENTERED, slots)
        }
    }

    const_fn! {
        const fn with(hold: u32, slots: G::Slots) -> Self {
            Self {
                hold: AtomicU32::new(hold),
                changing: PlainU32::new(0),
                number: PlainU32::new(0),
                slots,
            }
        }
    }

    /// A context with the values that this one has at one moment. Later changes of the one are not seen
    /// in the other. (CV010, CV011)
    ///
    /// It does not matter who runs in it, or whether this interrupts a change. Progress: lock-free, it
    /// repeats if another processor has changed a value meanwhile. Interrupt-safe: yes. Ordering:
    /// acquire, pairs with the release of a [`set`](ContextVar::set).
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::with(FREE, self.slots.copy())
    }

    /// As [`copy`](Self::copy), of the context that the caller runs in. (CV010)
    #[must_use]
    pub fn copy_current() -> Self {
        G::current(|current| current.with(Self::copy))
    }

    /// Calls `f` in this context: it sees the values that are here and what it sets stays here, also if
    /// it panics. Then the caller's context is again the current one. (CV012)
    ///
    /// Errors: [`Entered`], with `f`, if somebody runs in it, here or elsewhere (CV013). Progress:
    /// wait-free, one exchange. Interrupt-safe: yes. Ordering: acquire and, when left, release: who enters
    /// a context sees all that those before did in it.
    pub fn run<R, F: FnOnce() -> R>(&self, f: F) -> Result<R, Entered<F>> {
        // Acquire, pairs with the Release of `Running`. Relaxed: who fails learns nothing.
        let entered =
            self.hold.compare_exchange(FREE, ENTERED, Ordering::Acquire, Ordering::Relaxed);
        if entered.is_err() {
            return Err(Entered(f));
        }
        let _running = Running(self);
        // SAFETY: it is entered, and stays so until `_running` is dropped, behind this.
        Ok(unsafe { super::current::switched(self, f) })
    }

    /// A future that runs in this context each time it is polled, on any executor; the context goes with
    /// it. (CV018)
    pub fn wrap<F: Future>(self, future: F) -> Within<F, G> {
        Within::new(self, future)
    }

    /// The variable's value here, whoever runs in it. Without one it is `None`: defaults do not count.
    /// (CV014)
    ///
    /// Progress, interrupt safety and ordering: as [`copy`](Self::copy).
    #[must_use]
    pub fn get<T: Value>(&self, variable: &ContextVar<T, G>) -> Option<T> {
        let number = variable.variable().number()?;
        // SAFETY: the slot is the variable's: its values are `T`s.
        unsafe { self.slots.read(number, Reader::Elsewhere) }
    }

    /// The variables that have a value here, in the order of their first uses. (CV014)
    ///
    /// Progress, interrupt safety and ordering: as [`copy`](Self::copy).
    pub fn iter(&self) -> Variables<G> {
        Variables::new(self.slots.present(Reader::Elsewhere))
    }

    /// How many variables have a value here. (CV014)
    ///
    /// Progress, interrupt safety and ordering: as [`copy`](Self::copy).
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.present(Reader::Elsewhere).count_ones() as usize
    }

    /// Whether no variable has a value here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in a slot.
    ///
    /// # Safety
    ///
    /// The slot's variable is one of `T`, and the caller runs in this context.
    #[inline(always)]
    pub(super) unsafe fn read<T: Value>(&self, slot: usize) -> Option<T> {
        // SAFETY: the caller's promise. Only an interrupt handler changes the context meanwhile.
        unsafe { self.slots.read(slot, Reader::Here) }
    }

    /// Puts a value into a slot, or takes it away: the context's number, and what was there. `None` if
    /// this interrupts a change.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read).
    #[inline(always)]
    pub(super) unsafe fn write<T: Value>(
        &self,
        slot: usize,
        value: Option<T>,
    ) -> Option<(u32, Option<T>)> {
        // Relaxed, as the stores below: only this thread of execution looks at it (invariant 2), and
        // what interrupts it in between has put it back.
        if self.changing.load(Ordering::Relaxed) != 0 {
            return None;
        }
        self.changing.store(1, Ordering::Relaxed);
        // A handler that comes while something is being changed finds it said.
        compiler_fence(Ordering::SeqCst);
        let mut number = self.number();
        if number == 0 {
            number = G::registry().number_for_context();
            self.number.store(number, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise; nobody else changes it (invariant 2).
        let old = unsafe { self.slots.write(slot, value) };
        compiler_fence(Ordering::SeqCst);
        self.changing.store(0, Ordering::Relaxed);
        Some((number, old))
    }

    /// What tokens know it by; 0 as long as none can.
    #[inline(always)]
    pub(super) fn number(&self) -> u32 {
        // Relaxed, as the store: whoever asks runs in it.
        self.number.load(Ordering::Relaxed)
    }
}

/// Leaves the context.
struct Running<'a, G: Ground>(&'a Context<G>);

impl<G: Ground> Drop for Running<'_, G> {
    fn drop(&mut self) {
        // Release, pairs with the Acquire of `run`.
        self.0.hold.store(FREE, Ordering::Release);
    }
}

/// As [`copy`](Context::copy).
impl<G: Ground> Clone for Context<G> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

/// As [`iter`](Context::iter).
impl<G: Ground> IntoIterator for &Context<G> {
    type Item = &'static Variable;
    type IntoIter = Variables<G>;

    fn into_iter(self) -> Variables<G> {
        self.iter()
    }
}

impl<G: Ground> Default for Context<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Ground> fmt::Debug for Context<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|variable| variable.name())).finish()
    }
}
