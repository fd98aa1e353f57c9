//! The values of a context: rows of entries by the variables' slots, shared until somebody changes them.
//!
//! Slots below [`FIRST`] lie in one row; those above in rows of [`ROW`], found through a row of rows. So
//! with few variables a read looks at one place, and with many a change copies `FIRST` entries at most,
//! or one row and the row of rows. A clone of a map is a share in all of it.
//!
//! A copy calls the values' `clone`, and what is given up may be dropped: code of the user's, which may
//! use the same variables. So nothing here changes a map while such code runs.

use std::sync::Arc;

use super::entry::{Entry, Key};

/// Entries of the first row, at most.
pub(super) const FIRST: usize = 32;
/// Entries of every other row.
const ROW: usize = 16;
/// A first row has no less.
const LEAST: usize = 4;

type Row = Option<Arc<[Entry]>>;

/// See the module. Without a value nothing is allocated.
#[derive(Clone, Default)]
pub(super) struct Map {
    first: Row,
    more: Option<Arc<[Row]>>,
    /// Whether there may be private entries.
    has_private: bool,
}

impl Map {
    pub(super) const EMPTY: Self = Self { first: None, more: None, has_private: false };

    /// The first row.
    #[inline(always)]
    pub(super) fn first(&self) -> &[Entry] {
        self.first.as_deref().unwrap_or_default()
    }

    /// The entry with this key.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&Entry> {
        let slot = key.slot();
        let entry = if slot < FIRST {
            self.first().get(slot)
        } else {
            let (row, at) = position(slot);
            self.more.as_deref()?.get(row)?.as_deref()?.get(at)
        };
        entry.filter(|entry| entry.key() == key)
    }

    /// The place of the key's entry, if there is room for it that no other map has a share in.
    pub(super) fn own_place(&mut self, key: Key) -> Option<&mut Entry> {
        let slot = key.slot();
        if slot < FIRST {
            Arc::get_mut(self.first.as_mut()?)?.get_mut(slot)
        } else {
            let (row, at) = position(slot);
            let row = Arc::get_mut(self.more.as_mut()?)?.get_mut(row)?;
            Arc::get_mut(row.as_mut()?)?.get_mut(at)
        }
    }

    /// A map with the same entries and [a place](Self::own_place) for the key's. Calls `clone` of values.
    pub(super) fn with_place(&self, key: Key) -> Self {
        let slot = key.slot();
        let has_private = self.has_private || key.is_private();
        if slot < FIRST {
            let len = (slot + 1).next_power_of_two().clamp(LEAST, FIRST);
            let first = Some(longer(self.first(), len));
            return Self { first, more: self.more.clone(), has_private };
        }
        let (row, _) = position(slot);
        let rows = self.more.as_deref().unwrap_or_default();
        let mut more: Vec<Row> = rows.to_vec();
        more.resize_with(rows.len().max(row + 1), || None);
        let old = rows.get(row).and_then(|row| row.as_deref()).unwrap_or_default();
        more[row] = Some(longer(old, ROW));
        Self { first: self.first.clone(), more: Some(more.into()), has_private }
    }

    /// Whether the two are shares in the same entries.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        fn same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            }
        }
        same(self.first.as_ref(), other.first.as_ref())
            && same(self.more.as_ref(), other.more.as_ref())
    }

    /// All values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let more = self.more.as_deref().unwrap_or_default();
        let rows = more.iter().flat_map(|row| row.as_deref().unwrap_or_default());
        self.first().iter().chain(rows).filter(|entry| !entry.is_empty())
    }

    /// What others may inherit. Calls `clone` of values if some are private.
    pub(super) fn without_private(&self) -> Self {
        if !self.has_private {
            return self.clone();
        }
        let public = |row: &[Entry]| -> Arc<[Entry]> {
            let keep = |entry: &Entry| {
                if entry.key().is_private() { Entry::EMPTY } else { entry.clone() }
            };
            row.iter().map(keep).collect()
        };
        let first = self.first.as_deref().map(public);
        let more = self
            .more
            .as_deref()
            .map(|rows| rows.iter().map(|row| row.as_deref().map(public)).collect());
        Self { first, more, has_private: false }
    }
}

/// Which of the rows behind the first, and where in it.
fn position(slot: usize) -> (usize, usize) {
    ((slot - FIRST) / ROW, (slot - FIRST) % ROW)
}

/// A copy with room for `len` entries or more.
fn longer(row: &[Entry], len: usize) -> Arc<[Entry]> {
    let empty = (row.len()..len).map(|_| Entry::EMPTY);
    row.iter().cloned().chain(empty).collect()
}
