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
use super::map::{FIRST, Map};
use crate::threading::{Lock, drop_quietly};

/// A context's values while somebody may run in it.
pub(super) struct Frame {
    map: UnsafeCell<ManuallyDrop<Map>>,
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
    pub(super) const fn shared(map: Map) -> Self {
        Self::with_lock(map, Some(Lock::new()))
    }

    const fn with_lock(map: Map, lock: Option<Lock>) -> Self {
        Self { map: UnsafeCell::new(ManuallyDrop::new(map)), number: Cell::new(0), lock }
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

    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        let Some(lock) = &self.lock else { return section() };
        lock.acquire();
        let result = section();
        // It was acquired above. Nothing in a section panics.
        let _ = lock.release();
        result
    }

    fn number(&self) -> usize {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        if self.number.get() == 0 {
            // Relaxed: a number, and nothing with it.
            self.number.set(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1));
        }
        self.number.get()
    }

    /// Takes the values out.
    pub(super) fn into_map(mut self) -> Map {
        mem::take(self.map.get_mut())
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        drop(mem::take::<Map>(self.map.get_mut()));
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
    HERE.with(f)
}

impl Here {
    fn frame(&self) -> &Frame {
        // SAFETY: null, or a frame that lives as long as it is current, see `within`; whoever calls this
        // is called by what runs in it.
        unsafe { self.frame.get().as_ref() }.unwrap_or(&self.root)
    }

    /// Calls `f` with `frame` as the current one. Nobody else runs in it: that, and not this, is
    /// `Context`'s to see to.
    pub(super) fn within<R>(&self, frame: &Frame, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Here, *const Frame);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.frame.set(self.1);
                self.0.refresh();
            }
        }

        let _back = Back(self, self.frame.replace(frame));
        self.refresh();
        f()
    }

    /// See invariant 4.
    fn refresh(&self) {
        // SAFETY: it is this thread's to change, so nobody changes it now (invariant 1).
        self.first.set(unsafe { (*self.frame().map.get()).first() });
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
    pub(super) fn with_entry<R>(&self, key: Key, f: impl FnOnce(Option<&Entry>) -> R) -> R {
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

        let before = self.reading.get();
        self.reading.set(before + 1);
        let _reading = Reading(self, before);
        // SAFETY: the row stays as it is and where it is while we read (invariants 3 and 4).
        let first = unsafe { &*self.first.get() };
        if key.slot() < FIRST {
            return f(first.get(key.slot()).filter(|entry| entry.key() == key));
        }
        // SAFETY: no other thread changes it (invariant 1). A change by `f` itself leaves the rows behind
        // this as they are (invariant 3); the map is not looked at after `f` was called.
        f(unsafe { (*self.frame().map.get()).get(key) })
    }

    /// Puts an entry into the current context, or takes the value away; what was there.
    pub(super) fn put(&self, key: Key, entry: Entry) -> Entry {
        if self.frame.get().is_null() {
            // Too late for it if the thread is all but over: then nobody drops the value.
            let _ = AT_END.try_with(|_| ());
        }
        let mut entry = Some(entry);
        if self.reading.get() == 0 {
            let old = self.change(|map| {
                let place = map.own_place(key)?;
                Some(mem::replace(place, entry.take()?))
            });
            if let Some(old) = old {
                return old;
            }
        }
        self.put_anew(key, entry.unwrap_or(Entry::EMPTY))
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
                let place = after.own_place(key)?;
                mem::swap(place, &mut entry);
                Some(mem::replace(map, mem::take(&mut after)))
            });
            if let Some(outdated) = changed {
                self.give_up(outdated);
                return entry;
            }
        }
    }

    /// Drops rows, or keeps them while somebody reads.
    fn give_up(&self, rows: Map) {
        if self.reading.get() == 0 {
            return;
        }
        // SAFETY: nobody else comes here while this runs: it calls nothing of the user's.
        unsafe { (*self.outdated.get()).push(rows) };
        self.has_outdated.set(true);
    }

    #[cold]
    fn drop_outdated(&self) {
        self.has_outdated.set(false);
        // SAFETY: as above. What is dropped behind this is no more in there.
        let outdated = unsafe { mem::take(&mut **self.outdated.get()) };
        drop_quietly(outdated);
    }

    /// The current context's values.
    pub(super) fn map(&self) -> Map {
        // SAFETY: only this thread changes it. A clone of a map calls no user code.
        Map::clone(unsafe { &*self.frame().map.get() })
    }

    /// What tokens know the current context by.
    pub(super) fn number(&self) -> usize {
        self.frame().number()
    }
}
