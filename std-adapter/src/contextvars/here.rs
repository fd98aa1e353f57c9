//! The calling thread's current context.
//!
//! # Invariants
//!
//! 1. A frame's map is changed by one thread only: the one whose current frame it is. Others look at it
//!    under the frame's lock, if it has one; without a lock there are no others. So that thread reads
//!    without the lock, and changes with it.
//! 2. No user code (`clone`, `drop`) runs while a map is borrowed to be changed, or a frame locked.
//! 3. While a value is borrowed (`reading`), no entry is replaced in its place and no row is dropped:
//!    changes go to new rows, the old ones to `outdated`, until nobody reads any more.
//! 4. `first` is the first row of the current frame's map.

use std::cell::{Cell, UnsafeCell};
use std::mem::{self, ManuallyDrop};
use std::ptr;

use inkle_core::atomic::{AtomicUsize, Ordering};

use super::entry::{Entry, Key};
use super::map::Map;
use crate::threading::{Lock, drop_quietly};

/// A context's values while somebody may run in it.
pub(super) struct Frame {
    map: UnsafeCell<Map>,
    /// What tokens know it by; 0 until it has a number.
    number: Cell<usize>,
    /// For others to look at the map; see invariant 1.
    lock: Option<Lock>,
}

impl Frame {
    /// Nobody but the thread that runs in it looks at it.
    pub(super) const fn alone(map: Map) -> Self {
        Self::with_lock(map, None)
    }

    /// Others may [look](Self::look).
    #[inline]
    pub(super) const fn shared(map: Map) -> Self {
        Self::with_lock(map, Some(Lock::new()))
    }

    #[inline]
    const fn with_lock(map: Map, lock: Option<Lock>) -> Self {
        Self { map: UnsafeCell::new(map), number: Cell::new(0), lock }
    }

    /// The values, whoever runs in it.
    ///
    /// # Safety
    ///
    /// It is [`shared`](Self::shared), or nobody runs in it.
    pub(super) unsafe fn look(&self) -> Map {
        self.locked(|| {
            // SAFETY: nobody changes it: under the lock, or by the caller's promise. A clone of a map
            // calls no user code.
            Map::clone(unsafe { &*self.map.get() })
        })
    }

    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        struct Held<'a>(&'a Lock);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                // It was acquired below.
                let _ = self.0.release();
            }
        }

        let _held = self.lock.as_ref().map(|lock| {
            lock.acquire();
            Held(lock)
        });
        section()
    }

    #[inline]
    fn number(&self) -> usize {
        if self.number.get() == 0 {
            self.give_number();
        }
        self.number.get()
    }

    #[cold]
    fn give_number(&self) {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: a number, and nothing with it.
        self.number.set(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1));
    }

    /// Takes the values out.
    pub(super) fn into_map(self) -> Map {
        self.map.into_inner()
    }
}

/// A thread's.
pub(super) struct Here {
    first: Cell<*const [Entry]>,
    /// Null is `root`.
    frame: Cell<*const Frame>,
    root: ManuallyDrop<Frame>,
    reading: Cell<u32>,
    has_outdated: Cell<bool>,
    outdated: UnsafeCell<ManuallyDrop<Vec<Map>>>,
}

thread_local! {
    // Without a destructor, so that it is there in every other destructor, and found quickest.
    static HERE: Here = const {
        Here {
            first: Cell::new(&[]),
            frame: Cell::new(ptr::null()),
            root: ManuallyDrop::new(Frame::alone(Map::EMPTY)),
            reading: Cell::new(0),
            has_outdated: Cell::new(false),
            outdated: UnsafeCell::new(ManuallyDrop::new(Vec::new())),
        }
    };
    static AT_END: AtEnd = const { AtEnd };
}

/// Drops what the thread has set outside of all contexts.
struct AtEnd;

/// How often a destructor may set values that are dropped too.
const ROUNDS: u32 = 4;

impl Drop for AtEnd {
    fn drop(&mut self) {
        // Again, as a value's destructor may set others; not for ever, as it may always do so.
        for _ in 0..ROUNDS {
            let root = here(|here| here.within(&here.root, || here.change(mem::take)));
            drop_quietly(root);
        }
    }
}

#[inline(always)]
pub(super) fn here<R>(f: impl FnOnce(&Here) -> R) -> R {
    let here = HERE.with(ptr::from_ref);
    // SAFETY: this thread's, and without a destructor: it is there as long as the thread, which is longer
    // than `f`. (As a reference's way out of `with`: a closure that only does this is always inlined.)
    f(unsafe { &*here })
}

impl Here {
    #[inline(always)]
    fn frame(&self) -> &Frame {
        // SAFETY: null, or a frame that lives as long as it is current, see `within`; whoever calls this
        // is called by what runs in it.
        unsafe { self.frame.get().as_ref() }.unwrap_or(&self.root)
    }

    /// Calls `f` with `frame` as the current one. Nobody else runs in it: that, and not this, is
    /// `Context`'s to see to.
    #[inline]
    pub(super) fn within<R>(&self, frame: &Frame, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Here, *const Frame, *const [Entry]);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.frame.set(self.1);
                // As it was: nobody changes a frame that is not the current one (invariant 1).
                self.0.first.set(self.2);
            }
        }

        let _back = Back(self, self.frame.replace(frame), self.first.get());
        self.refresh();
        f()
    }

    /// See invariant 4.
    #[inline]
    fn refresh(&self) {
        // SAFETY: it is this thread's to change, so nobody changes it now (invariant 1).
        self.first.set(unsafe { (*self.frame().map.get()).first() });
    }

    /// Whether the current map has no values.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        // SAFETY: it is that of the current frame's map (invariant 4), which only this thread changes, not
        // here (invariant 1); so too the map.
        unsafe { (&*self.first.get()).is_empty() && (*self.frame().map.get()).is_empty() }
    }

    /// Changes the current map.
    fn change<R>(&self, change: impl FnOnce(&mut Map) -> R) -> R {
        let frame = self.frame();
        frame.locked(|| {
            // SAFETY: it is this thread's to change, nobody looks (invariant 1), and `change` is not user
            // code that could come here again (invariant 2).
            let result = change(unsafe { &mut *frame.map.get() });
            self.refresh();
            result
        })
    }

    /// Calls `f` with the value's entry in the current context, if there is one. `f` may be user code.
    #[inline(always)]
    pub(super) fn with_entry<R>(&self, key: Key, f: impl FnOnce(&Entry) -> R) -> Option<R> {
        struct Reading<'a>(&'a Here, u32);
        impl Drop for Reading<'_> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.reading.set(self.1);
                if self.1 == 0 && self.0.has_outdated.get() {
                    self.0.drop_outdated();
                }
            }
        }

        let entry = self.find(key)?;
        let before = self.reading.get();
        self.reading.set(before + 1);
        let _reading = Reading(self, before);
        // SAFETY: no other thread changes it (invariant 1), and `f` itself leaves it as it is and where
        // it is while we read (invariant 3).
        Some(f(unsafe { &*entry }))
    }

    /// As [`with_entry`](Self::with_entry), where `f` is no code of the user's: nothing it does comes here
    /// again.
    #[inline(always)]
    pub(super) fn with_plain<R>(&self, key: Key, f: impl FnOnce(&Entry) -> R) -> Option<R> {
        let entry = self.find(key)?;
        // SAFETY: no other thread changes it (invariant 1), and `f` does not.
        Some(f(unsafe { &*entry }))
    }

    /// Good until somebody changes the map.
    #[inline(always)]
    fn find(&self, key: Key) -> Option<*const Entry> {
        // SAFETY: it is that of the current frame's map (invariant 4), which only this thread changes, not
        // here (invariant 1).
        let first = unsafe { &*self.first.get() };
        match first.get(key.slot()) {
            Some(entry) => (entry.key() == key).then_some(ptr::from_ref(entry)),
            None => self.find_far(key),
        }
    }

    fn find_far(&self, key: Key) -> Option<*const Entry> {
        // SAFETY: as above.
        unsafe { (*self.frame().map.get()).get(key) }.map(ptr::from_ref)
    }

    /// Puts an entry into the current context, or takes the value away; what was there.
    #[inline(always)]
    pub(super) fn put(&self, key: Key, entry: Entry) -> Entry {
        if self.frame.get().is_null() {
            // Too late for it if the thread is all but over: then nobody drops the value.
            let _ = AT_END.try_with(|_| ());
        }
        let frame = self.frame();
        if frame.lock.is_none() && self.reading.get() == 0 {
            // SAFETY: it is this thread's to change, and without a lock nobody looks (invariant 1). No
            // user code runs here (invariant 2), nobody reads (invariant 3), and the first row stays where
            // it is (invariant 4).
            if let Some(place) = unsafe { (*frame.map.get()).own_place(key) } {
                return mem::replace(place, entry);
            }
        }
        self.put_slowly(key, entry)
    }

    #[inline(never)]
    fn put_slowly(&self, key: Key, mut entry: Entry) -> Entry {
        let frame = self.frame();
        if self.reading.get() == 0 {
            // SAFETY: as in `put`, with the lock for those who look.
            let put = || match unsafe { (*frame.map.get()).own_place(key) } {
                Some(place) => {
                    mem::swap(place, &mut entry);
                    true
                }
                None => false,
            };
            if frame.locked(put) {
                return entry;
            }
        }
        self.put_anew(key, entry)
    }

    /// As `put`, with new rows.
    #[cold]
    fn put_anew(&self, key: Key, mut entry: Entry) -> Entry {
        loop {
            // SAFETY: only this thread changes it.
            let before = Map::clone(unsafe { &*self.frame().map.get() });
            // Here user code runs, and may come here.
            let mut after = before.with_place(key);
            let changed = self.change(|map| {
                if !map.is_same(&before) {
                    return None;
                }
                mem::swap(after.own_place(key)?, &mut entry);
                Some(mem::replace(map, mem::take(&mut after)))
            });
            if let Some(outdated) = changed {
                drop(self.keep_for_readers(outdated));
                return entry;
            }
        }
    }

    /// Keeps rows while somebody reads; gives them back for the caller to drop if nobody does.
    fn keep_for_readers(&self, rows: Map) -> Option<Map> {
        if self.reading.get() == 0 {
            return Some(rows);
        }
        // SAFETY: nobody else comes here while this runs: it calls nothing of the user's.
        unsafe { (*self.outdated.get()).push(rows) };
        self.has_outdated.set(true);
        None
    }

    #[cold]
    fn drop_outdated(&self) {
        self.has_outdated.set(false);
        // SAFETY: as above. What is dropped behind this is no more in there.
        let outdated = unsafe { mem::take(&mut **self.outdated.get()) };
        drop_quietly(outdated);
    }

    /// Makes the current context's values these again.
    #[inline]
    pub(super) fn restore(&self, map: &Map) {
        // SAFETY: only this thread changes it.
        if !unsafe { &*self.frame().map.get() }.is_same(map) {
            let outdated = self.change(|now| mem::replace(now, map.clone()));
            drop_quietly(self.keep_for_readers(outdated));
        }
    }

    /// The current context's values.
    #[inline]
    pub(super) fn map(&self) -> Map {
        // SAFETY: only this thread changes it. A clone of a map calls no user code.
        Map::clone(unsafe { &*self.frame().map.get() })
    }

    /// What tokens know the current context by.
    #[inline]
    pub(super) fn number(&self) -> usize {
        self.frame().number()
    }
}
