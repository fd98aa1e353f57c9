//! The variables' numbers: dense, from 0, given at first use.
//!
//! # Layout and invariants
//!
//! An entry for each number, null or the variable that has it. An entry is written once, and all entries
//! before a written one are written. A variable looks for itself or a null from the first on, so two who
//! register the same one meet at the same entry, and it never gets two numbers.
//!
//! # Linearization point
//!
//! The exchange of an entry from null.
//!
//! # Progress and cost
//!
//! Wait-free: each step finds an entry that is somebody's for ever. One exchange for a variable's first
//! use; afterwards the variable knows its number.

use core::fmt;
use core::ptr;

use super::Ground;
use super::slots::hidden::SlotArray;
use crate::atomic::{AtomicPtr, AtomicU32, Ordering, PlainU32};
use crate::error::NoSlot;

/// What a variable is to those who do not know its type: its name and its number.
///
/// ```
/// # use inkle_core::context::{Context, ContextVar, Slots};
/// # // SAFETY: one core, and no tasks.
/// # inkle_core::single_core_context!(unsafe App: Slots<4>);
/// static USER: ContextVar<u32, App> = ContextVar::new("user");
///
/// USER.set(7).unwrap();
/// assert!(Context::<App>::copy_current().iter().map(|variable| variable.name()).eq(["user"]));
/// ```
pub struct Variable {
    name: &'static str,
    /// One more than the number; 0 as long as there is none.
    number: PlainU32,
}

impl Variable {
    const_fn! {
        pub(super) const fn new(name: &'static str) -> Self {
            Self { name, number: PlainU32::new(0) }
        }
    }

    /// The name it was declared with.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its number, if it has one.
    #[inline(always)]
    pub(super) fn number(&self) -> Option<usize> {
        // Relaxed: it says all there is to know. Who has found a value in a context without it, because
        // this is not seen yet, has found a value that was set at the same time as it looked.
        (self.number.load(Ordering::Relaxed) as usize).checked_sub(1)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A number, and who has it.
pub struct Entry(AtomicPtr<Variable>);

debug_name!(impl[] Entry: "Entry";);

impl Entry {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }
    }

    fn variable(&self) -> Option<&'static Variable> {
        // Acquire, pairs with the Release of `claim`: the variable's name is written, which need not have
        // been so from the start of the program (a leaked box). The models do not see it: a name is no
        // word of loom's.
        let variable = self.0.load(Ordering::Acquire);
        // SAFETY: null, or a variable that lives for ever, see `claim`.
        unsafe { variable.as_ref() }
    }

    /// Whether the number is `variable`'s now.
    fn claim(&self, variable: &'static Variable) -> bool {
        let this = ptr::from_ref(variable).cast_mut();
        // Release, pairs with the Acquire of `variable`. Relaxed on failure: only addresses are compared.
        let claimed =
            self.0.compare_exchange(ptr::null_mut(), this, Ordering::Release, Ordering::Relaxed);
        claimed.map_or_else(|other| ptr::eq(other, this), |_| true)
    }
}

/// Which variables a program has: a number for each, given at the first use.
///
/// See [the module](super) for a full example.
pub struct Registry<G: Ground> {
    entries: <G::Slots as SlotArray>::Entries,
    /// How many contexts have a number.
    contexts: AtomicU32,
}

impl<G: Ground> Registry<G> {
    const_fn! {
        /// A registry without variables.
        #[must_use]
        pub const fn new() -> Self {
            #[cfg(not(inkle_loom))]
            let entries = <G::Slots as SlotArray>::ENTRIES;
            #[cfg(inkle_loom)]
            let entries = <G::Slots as SlotArray>::entries();
            Self { entries, contexts: AtomicU32::new(0) }
        }
    }

    /// The variable's number, a new one if it has none.
    pub(super) fn register(&self, variable: &'static Variable) -> Result<usize, NoSlot> {
        if let Some(number) = variable.number() {
            return Ok(number);
        }
        let entries = self.entries.as_ref();
        let number = entries.iter().position(|entry| entry.claim(variable)).ok_or(NoSlot)?;
        // Relaxed: see `number`. Others who do this at the same time store the same.
        variable.number.store(number as u32 + 1, Ordering::Relaxed);
        Ok(number)
    }

    /// The variable with this number.
    pub(super) fn variable(&self, number: usize) -> Option<&'static Variable> {
        self.entries.as_ref().get(number)?.variable()
    }

    /// A number that no other context of the last four thousand million has, and not 0.
    pub(super) fn number_for_context(&self) -> u32 {
        loop {
            // Relaxed: a number, and nothing with it.
            let number = self.contexts.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if number != 0 {
                return number;
            }
        }
    }
}

impl<G: Ground> Default for Registry<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Ground> fmt::Debug for Registry<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.as_ref().iter().map_while(Entry::variable)).finish()
    }
}

/// The variables that have a value in a context; see [`Context::iter`](super::Context::iter).
pub struct Variables<G: Ground> {
    registry: &'static Registry<G>,
    /// A bit for each number to come.
    left: u32,
}

impl<G: Ground> Variables<G> {
    pub(super) fn new(left: u32) -> Self {
        Self { registry: G::registry(), left }
    }
}

impl<G: Ground> Iterator for Variables<G> {
    type Item = &'static Variable;

    fn next(&mut self) -> Option<&'static Variable> {
        if self.left == 0 {
            return None;
        }
        let number = self.left.trailing_zeros();
        self.left &= self.left - 1;
        self.registry.variable(number as usize)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left.count_ones() as usize;
        (left, Some(left))
    }
}

impl<G: Ground> fmt::Debug for Variables<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").field("left", &self.left.count_ones()).finish()
    }
}
