//! A list of short items in shared memory.
//!
//! # Layout
//!
//! Words: a mark, how many slots there are, and a word with the lock in it; then for each slot, and for the end, the
//! number of its first word; then the slots. A slot is a state, `length << 4 | which << 3 | kind`, and two places of the
//! same size, of which `which` has the item.
//!
//! # Invariants
//!
//! 1. Slots stay where they are. Whoever attaches looks at the numbers once and keeps them.
//! 2. A slot is read and written with the lock held. A new item goes to the place that is not in use; then one store
//!    of the state makes it the item. So whoever dies in between has changed nothing.

mod item;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use inkle_core::atomic::{AtomicU32, Ordering};
use inkle_core::error::TimedOut;
use inkle_core::robust::{Life, Survivor};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use item::Item;
use item::Kind;

use super::in_place::Lock;
use super::memory::graves::{self, Grave};
use super::memory::{OutOfBounds, SharedMemory, WORD, Words};
use super::sync::LockGuard;

const MARK: usize = u32::from_ne_bytes(*b"ikl1") as usize;
/// Words before the numbers of the slots.
const HEAD: usize = 3;
const COUNT: usize = 1;
const LOCK: usize = 2;
/// Of a state.
const WHICH: usize = 1 << Kind::BITS;
const LENGTH: u32 = Kind::BITS + 1;
/// What every slot has room for: a number.
const LEAST: usize = 8;

/// A list of a fixed length whose items are numbers, truth values, short texts or bytes, or nothing, in shared memory.
/// (MP052)
///
/// A slot has room for the item that it was made with, rounded up to eight bytes. It may get an item of another kind that
/// fits. Each access takes a lock for as long as it copies; a process that dies at it changes nothing, or all of the item.
/// Zeros at the end of texts and bytes are kept, where Python loses them.
///
/// A list without a name goes to other processes as an argument or in a message. Of one with a name the owner is who made
/// it, as of [`SharedMemory`].
///
/// ```
/// use inkle::multiprocessing::{Item, ShareableList};
///
/// let list = ShareableList::new([Item::from("howdy"), 273.15.into(), true.into(), ().into()])?;
/// list.set(0, "yarn\0")?;
/// assert_eq!(list.get(0)?, Item::from("yarn\0"));
/// assert!(list.set(0, "much too long").is_err());
/// assert_eq!(list.index(&Item::from(true))?, Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ShareableList(Arc<List>);

struct List {
    memory: SharedMemory,
    /// The first word of each slot, and of what lies behind the last.
    slots: Box<[usize]>,
}

/// Who holds the lock for so long does not copy.
const LONG: Duration = Duration::from_secs(10);

/// Words of each of a slot's two places, for an item of so many bytes.
fn words_of_place(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(LEAST).div_ceil(WORD)
}

impl ShareableList {
    /// A list without a name.
    ///
    /// Errors: the system's.
    pub fn new(items: impl IntoIterator<Item = impl Into<Item>>) -> io::Result<Self> {
        let items = collect(items);
        let memory = SharedMemory::anonymous(size(&items))?;
        lay_out(&items, memory.words());
        Self::attach(memory)
    }

    /// A list that others find by this name, owned by the caller.
    ///
    /// Errors: as [`SharedMemory::create`].
    pub fn create(
        name: &str,
        items: impl IntoIterator<Item = impl Into<Item>>,
    ) -> io::Result<Self> {
        let items = collect(items);
        Self::attach(SharedMemory::create_filled(name, size(&items), |words| {
            lay_out(&items, words)
        })?)
    }

    /// The list of that name.
    ///
    /// Errors: as [`SharedMemory::open`]; of the kind `InvalidData` if it is no list.
    pub fn open(name: &str) -> io::Result<Self> {
        Self::attach(SharedMemory::open(name)?)
    }

    fn attach(memory: SharedMemory) -> io::Result<Self> {
        let slots = slots(memory.words()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the memory holds no list")
        })?;
        let list = Arc::new(List { memory, slots });
        let grave: Weak<dyn Grave> = Arc::downgrade(&list) as Weak<List>;
        graves::register(list.address(), grave);
        Ok(Self(list))
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.slots.len() - 1
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name that it was created or opened with.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.memory.name()
    }

    /// Bytes of the longest text that slot `index` has room for.
    ///
    /// Errors: [`ListError::OutOfBounds`].
    pub fn capacity(&self, index: usize) -> Result<usize, ListError> {
        Ok(self.slot(index)?.place * WORD)
    }

    /// The item at `index`.
    ///
    /// Errors: [`ListError::OutOfBounds`], [`ListError::Corrupt`], [`ListError::Busy`]. Progress: blocking, while others copy.
    pub fn get(&self, index: usize) -> Result<Item, ListError> {
        let slot = self.slot(index)?;
        let (state, bytes) = {
            let _guard = self.locked()?;
            let state = slot.state(self.0.memory.words())?;
            let mut bytes = vec![0; state.len];
            self.0.memory.words().read(slot.bytes_of(state.which), &mut bytes);
            (state, bytes)
        };
        Item::of(state.kind, bytes).ok_or(ListError::Corrupt)
    }

    /// Another item at `index`.
    ///
    /// Errors: [`ListError::OutOfBounds`], [`ListError::TooLong`], [`ListError::Busy`]; the item is as before. Progress: blocking, while others
    /// copy.
    pub fn set(&self, index: usize, item: impl Into<Item>) -> Result<(), ListError> {
        let (slot, item) = (self.slot(index)?, item.into());
        let (len, capacity) = (item.len(), slot.place * WORD);
        if len > capacity {
            return Err(ListError::TooLong { len, capacity });
        }
        let words = self.0.memory.words();
        let _guard = self.locked()?;
        // Whatever was there is overwritten, so it may be corrupt.
        let which = slot.state(words).map_or(0, |state| state.which ^ 1);
        item.with_bytes(|bytes| words.write(slot.bytes_of(which), bytes));
        // Release: the bytes are there before the state says so, should we die in between. Pairs with nothing but the
        // lock, by which the next one comes here.
        words.word(slot.first).store(state(&item, which), Ordering::Release);
        Ok(())
    }

    /// The items, each as it is when its turn comes.
    pub fn iter(&self) -> impl Iterator<Item = Result<Item, ListError>> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// How many items are equal to `item`.
    ///
    /// Errors: [`ListError::Corrupt`], [`ListError::Busy`].
    pub fn count(&self, item: &Item) -> Result<usize, ListError> {
        self.iter().try_fold(0, |count, other| Ok(count + usize::from(other? == *item)))
    }

    /// Where the first item is that is equal to `item`.
    ///
    /// Errors: [`ListError::Corrupt`], [`ListError::Busy`].
    pub fn index(&self, item: &Item) -> Result<Option<usize>, ListError> {
        for (index, other) in self.iter().enumerate() {
            if other? == *item {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// What the slots hold, in the letters of Python's `struct`: `q` a whole number, `d` a number, `8s` text or bytes of up
    /// to eight, `xxxxxxx?` a truth value, `xxxxxx?x` nothing.
    ///
    /// Errors: [`ListError::Corrupt`], [`ListError::Busy`].
    pub fn format(&self) -> Result<String, ListError> {
        let _guard = self.locked()?;
        (0..self.len())
            .map(|index| {
                let slot = self.slot(index)?;
                Ok(slot.state(self.0.memory.words())?.kind.format(slot.place * WORD))
            })
            .collect()
    }

    /// Nobody holds it for longer than it takes to copy an item. If that died it has left nothing half-done.
    fn locked(&self) -> Result<LockGuard<'_>, ListError> {
        self.0.lock().guard_timeout(LONG).map_err(|TimedOut| ListError::Busy)
    }

    fn slot(&self, index: usize) -> Result<Slot, ListError> {
        match self.0.slots.get(index..).and_then(|slots| slots.get(..2)) {
            Some(&[first, end]) => Ok(Slot { first, place: (end - first - 1) / 2 }),
            _ => Err(OutOfBounds { offset: index, count: 1, len: self.len() }.into()),
        }
    }
}

fn collect(items: impl IntoIterator<Item = impl Into<Item>>) -> Vec<Item> {
    items.into_iter().map(Into::into).collect()
}

/// Bytes of a list of these.
fn size(items: &[Item]) -> usize {
    let slots: usize = items.iter().map(|item| 2 + 2 * words_of_place(item.len())).sum();
    (HEAD + slots + 1) * WORD
}

/// Writes a list of these to memory that nobody else knows of yet.
fn lay_out(items: &[Item], words: Words<'_>) {
    // Relaxed, all: whoever gets the memory gets it by a message or by a name, which orders.
    let mut slot = HEAD + items.len() + 1;
    for (index, item) in items.iter().enumerate() {
        words.word(HEAD + index).store(slot, Ordering::Relaxed);
        words.word(slot).store(state(item, 0), Ordering::Relaxed);
        item.with_bytes(|bytes| words.write((slot + 1) * WORD, bytes));
        slot += 1 + 2 * words_of_place(item.len());
    }
    words.word(HEAD + items.len()).store(slot, Ordering::Relaxed);
    words.word(COUNT).store(items.len(), Ordering::Relaxed);
    words.word(0).store(MARK, Ordering::Relaxed);
}

/// Where the slots are, if it is a list and all of them lie within it, in order.
fn slots(words: Words<'_>) -> Option<Box<[usize]>> {
    let end = words.len() / WORD;
    // Relaxed, all: as in `lay_out`. Each is read once.
    if end <= HEAD || words.word(0).load(Ordering::Relaxed) != MARK {
        return None;
    }
    let count = words.word(COUNT).load(Ordering::Relaxed);
    let mut least = count.checked_add(HEAD + 1).filter(|first| *first <= end)?;
    let slots: Box<[usize]> =
        (0..=count).map(|index| words.word(HEAD + index).load(Ordering::Relaxed)).collect();
    for (index, slot) in slots.iter().enumerate() {
        if *slot < least || *slot > end {
            return None;
        }
        // A state and two places of a word at least.
        least = if index < count { slot + 3 } else { end };
    }
    Some(slots)
}

fn state(item: &Item, which: usize) -> usize {
    (item.len() << LENGTH) | (which * WHICH) | item.kind() as usize
}

/// A slot: its first word, and how many words each of its places has.
#[derive(Clone, Copy)]
struct Slot {
    first: usize,
    place: usize,
}

/// A state, taken apart.
#[derive(Clone, Copy)]
struct State {
    kind: Kind,
    which: usize,
    len: usize,
}

impl Slot {
    fn state(self, words: Words<'_>) -> Result<State, ListError> {
        // Relaxed: the caller holds the lock.
        let state = words.word(self.first).load(Ordering::Relaxed);
        let len = state >> LENGTH;
        match Kind::of(state & (WHICH - 1)) {
            Some(kind) if len <= self.place * WORD => {
                Ok(State { kind, which: (state / WHICH) & 1, len })
            }
            _ => Err(ListError::Corrupt),
        }
    }

    /// The first byte of one of its places.
    fn bytes_of(self, which: usize) -> usize {
        (self.first + 1 + which * self.place) * WORD
    }
}

impl List {
    fn address(&self) -> usize {
        self.memory.as_ptr().addr().get()
    }

    fn lock(&self) -> &Lock {
        const { assert!(size_of::<Lock>() == size_of::<AtomicU32>() && align_of::<Lock>() <= WORD) };
        // SAFETY: within the memory, as `slots` has seen, mapped for as long as `self` lives, and aligned. Any bits are a
        // lock. Whoever writes to it otherwise, in this process by a handle of the memory or in another, does so by atomic
        // accesses too; that they are of whole words makes no difference to a processor.
        unsafe { self.memory.as_ptr().add(LOCK * WORD).cast().as_ref() }
    }
}

impl Grave for List {
    fn bury(&self, dead: Life) {
        Survivor::bury(self.lock(), dead);
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // Before it is unmapped.
        graves::forget(self.address());
    }
}

impl fmt::Debug for ShareableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for ShareableList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.memory.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ShareableList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::attach(SharedMemory::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why a list did not give or take an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListError {
    /// There is no such item.
    OutOfBounds(OutOfBounds),
    /// The slot has no room for it; the item is as before.
    TooLong {
        /// Bytes of the item.
        len: usize,
        /// Bytes of the slot.
        capacity: usize,
    },
    /// Another process, or thread, has been at the list for ten seconds: it is stopped. Nothing is changed.
    Busy,
    /// Somebody else than this crate has written to the memory.
    Corrupt,
}

impl From<OutOfBounds> for ListError {
    fn from(error: OutOfBounds) -> Self {
        Self::OutOfBounds(error)
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds(error) => error.fmt(f),
            Self::TooLong { len, capacity } => {
                write!(f, "an item of {len} bytes does not fit into a slot of {capacity}")
            }
            Self::Busy => f.write_str("somebody is stopped in the middle of an access to the list"),
            Self::Corrupt => f.write_str("the list has been written to by somebody else"),
        }
    }
}

impl Error for ListError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::OutOfBounds(error) => Some(error),
            _ => None,
        }
    }
}
