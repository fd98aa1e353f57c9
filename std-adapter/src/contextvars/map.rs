//! The values of a context: rows of entries by the variables' slots, shared until somebody changes them.
//!
//! Slots below [`FIRST`] lie in the first row; those above in rows of [`ROW`], and then all rows are found
//! through a row of rows. So with few variables a read looks at one place, and with many a change copies
//! one row and the row of rows. A clone of a map is one share in all of it.
//!
//! A copy calls the values' `clone`, and what is given up may be dropped: code of the user's, which may
//! use the same variables. So nothing here changes a map while such code runs.

use std::sync::Arc;

use inkle_core::atomic::{Ordering, fence};

use super::entry::{Entry, Key};

/// Entries of the first row, at most.
const FIRST: usize = 32;
/// Entries of every other row.
const ROW: usize = 16;
/// A first row has no less.
const LEAST: usize = 4;

type Row = Arc<[Entry]>;

/// Shares in a map's rows. Without a value nothing is allocated.
#[derive(Clone, Default)]
enum Rows {
    #[default]
    None,
    /// The first.
    One(Row),
    /// By number, the first among them.
    Many(Arc<[Option<Row>]>),
}

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Map {
    rows: Rows,
    /// Whether there may be private entries.
    has_private: bool,
}

impl Map {
    pub(super) const EMPTY: Self = Self { rows: Rows::None, has_private: false };

    /// Whether there are no values and no rows for them.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.rows, Rows::None)
    }

    fn row(&self, row: usize) -> Option<&Row> {
        match &self.rows {
            Rows::One(first) if row == 0 => Some(first),
            Rows::Many(rows) => rows.get(row)?.as_ref(),
            _ => None,
        }
    }

    /// The first row.
    #[inline]
    pub(super) fn first(&self) -> &[Entry] {
        match &self.rows {
            Rows::None => &[],
            Rows::One(first) => first,
            Rows::Many(rows) => rows.first().and_then(Option::as_deref).unwrap_or_default(),
        }
    }

    /// The entry with this key.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&Entry> {
        let (row, at) = position(key.slot());
        self.row(row)?.get(at).filter(|entry| entry.key() == key)
    }

    /// The place of the key's entry, if there is room for it that no other map has a share in.
    #[inline(always)]
    pub(super) fn own_place(&mut self, key: Key) -> Option<&mut Entry> {
        // Whoever asks for the place fills it, here and nowhere else.
        self.has_private |= key.is_private();
        match &mut self.rows {
            Rows::None => None,
            // No longer than `FIRST`: the places of other rows are not in it.
            Rows::One(first) => own(first)?.get_mut(key.slot()),
            Rows::Many(rows) => own_of_many(rows, key),
        }
    }

    /// A map with the same entries and [a place](Self::own_place) for the key's. Calls `clone` of values.
    pub(super) fn with_place(&self, key: Key) -> Self {
        let (row, at) = position(key.slot());
        let len = if row == 0 { (at + 1).next_power_of_two().clamp(LEAST, FIRST) } else { ROW };
        let new = longer(self.row(row).map(|row| &**row).unwrap_or_default(), len);
        let rows = match &self.rows {
            Rows::None | Rows::One(_) if row == 0 => Rows::One(new),
            old => {
                let mut rows = match old {
                    Rows::None => Vec::new(),
                    Rows::One(first) => vec![Some(first.clone())],
                    Rows::Many(rows) => rows.to_vec(),
                };
                rows.resize_with(rows.len().max(row + 1), || None);
                rows[row] = Some(new);
                Rows::Many(rows.into())
            }
        };
        Self { rows, has_private: self.has_private }
    }

    /// A map with the same entries and this one.
    #[cfg(feature = "serde")]
    pub(super) fn with(&self, key: Key, entry: Entry) -> Self {
        let mut map = self.with_place(key);
        if let Some(place) = map.own_place(key) {
            *place = entry;
        }
        map
    }

    /// Whether the two are shares in the same entries.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.rows, &other.rows) {
            (Rows::None, Rows::None) => true,
            (Rows::One(one), Rows::One(other)) => Arc::ptr_eq(one, other),
            (Rows::Many(one), Rows::Many(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// All values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let (one, many) = match &self.rows {
            Rows::None => (None, None),
            Rows::One(first) => (Some(first), None),
            Rows::Many(rows) => (None, Some(rows.iter().flatten())),
        };
        let rows = one.into_iter().chain(many.into_iter().flatten());
        rows.flat_map(|row| row.iter()).filter(|entry| !entry.is_empty())
    }

    /// What others may inherit. Calls `clone` of values if some are private.
    pub(super) fn without_private(&self) -> Self {
        if !self.has_private {
            return self.clone();
        }
        let public = |row: &Row| -> Row {
            let keep = |entry: &Entry| {
                if entry.key().is_private() { Entry::EMPTY } else { entry.clone() }
            };
            row.iter().map(keep).collect()
        };
        let rows = match &self.rows {
            Rows::None => Rows::None,
            Rows::One(first) => Rows::One(public(first)),
            Rows::Many(rows) => {
                Rows::Many(rows.iter().map(|row| row.as_ref().map(public)).collect())
            }
        };
        Self { rows, has_private: false }
    }
}

/// Which row, and where in it.
#[inline(always)]
fn position(slot: usize) -> (usize, usize) {
    match slot.checked_sub(FIRST) {
        None => (0, slot),
        Some(behind) => (1 + behind / ROW, behind % ROW),
    }
}

/// As [`Arc::get_mut`], without its read-modify-write: that is for weak shares, which nobody makes of a
/// row.
#[inline(always)]
fn own<T>(row: &mut Arc<[T]>) -> Option<&mut [T]> {
    if Arc::strong_count(row) != 1 {
        return None;
    }
    // Acquire, pairs with the Release of the share that was given up last: what its owner has read is
    // read before we change it. Without it that would be a race.
    fence(Ordering::Acquire);
    // SAFETY: there is one share, and this is it: a further one can only be made of this one, which is
    // borrowed, or of a weak one, and this module makes none and lets none be made: an `Arc` of a row does
    // not leave it. So nobody else has a reference to the entries while ours lives. The pointer is the
    // `Arc`'s own, good for writing.
    Some(unsafe { &mut *Arc::as_ptr(row).cast_mut() })
}

#[inline(never)]
fn own_of_many(rows: &mut Arc<[Option<Row>]>, key: Key) -> Option<&mut Entry> {
    let (row, at) = position(key.slot());
    own(own(rows)?.get_mut(row)?.as_mut()?)?.get_mut(at)
}

/// A copy with room for `len` entries or more.
fn longer(row: &[Entry], len: usize) -> Row {
    let empty = (row.len()..len).map(|_| Entry::EMPTY);
    row.iter().cloned().chain(empty).collect()
}
