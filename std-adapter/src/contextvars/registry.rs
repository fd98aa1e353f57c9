//! Which variables there are: a place for each, and its name.

use std::borrow::Cow;
use std::sync::Mutex;

use super::entry::Key;
use crate::threading::locked;

static VARIABLES: Mutex<Variables> =
    Mutex::new(Variables { names: Vec::new(), free: Vec::new(), last_number: 0 });

struct Variables {
    /// By slot.
    names: Vec<Option<(Key, Cow<'static, str>)>>,
    free: Vec<usize>,
    last_number: u64,
}

/// A variable's key. Dropped, its slot goes to another variable.
pub(super) struct Registered(Key);

impl Registered {
    /// Panics: with more than a million variables.
    pub(super) fn new(name: Cow<'static, str>, is_private: bool) -> Self {
        Self::add(Some(name), is_private)
    }

    /// One without a name: nobody sees it in a context.
    #[cfg(feature = "serde")]
    pub(super) fn hidden() -> Self {
        Self::add(None, false)
    }

    fn add(name: Option<Cow<'static, str>>, is_private: bool) -> Self {
        let mut variables = locked(&VARIABLES);
        let slot = variables.free.pop().unwrap_or(variables.names.len());
        assert!(slot < Key::SLOTS, "too many context variables");
        variables.last_number += 1;
        let key = Key::new(variables.last_number, slot, is_private);
        if slot == variables.names.len() {
            variables.names.push(None);
        }
        variables.names[slot] = name.map(|name| (key, name));
        Self(key)
    }

    #[inline(always)]
    pub(super) fn key(&self) -> Key {
        self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut variables = locked(&VARIABLES);
        let slot = self.0.slot();
        variables.names[slot] = None;
        variables.free.push(slot);
    }
}

/// The name of the variable with this key, if it still lives.
pub(super) fn name(key: Key) -> Option<Cow<'static, str>> {
    match locked(&VARIABLES).names.get(key.slot()) {
        Some(Some((owner, name))) if *owner == key => Some(name.clone()),
        _ => None,
    }
}
