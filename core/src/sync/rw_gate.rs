//! Who may come in: the protocol of [`RwLock`](super::RwLock), without a value.
//!
//! # Layout
//!
//! One word, `phase << 27 | readers << 11 | waiting << 1 | writing`, and two queues to wait in.
//! `writing` says that a writer is in, `readers` how many readers are, `waiting` how many writers
//! wait. `phase` counts writers that have left, and wraps: a reader that finds another phase than when
//! it was first shut out has waited while a writer was in.
//!
//! # Invariants
//!
//! 1. `writing` is 0 or `readers` is 0.
//! 2. A writer that waits is counted once, until it is in or gives up. Beyond 1,023 it is not counted,
//!    waits all the same, and is not preferred.
//!
//! # Who is preferred
//!
//! A reader does not come in while writers are counted, so that readers who come one after another do
//! not keep a writer out. A reader that has waited through a phase does, so that writers who come one
//! after another do not keep readers out by waiting alone. Beyond that, whoever is first is in.
//!
//! Counted is who goes to sleep. Who only spins for a moment is not: a lock that is held for moments is
//! passed on with one exchange a turn.
//!
//! # Linearization points
//!
//! In: the exchange of the word. Out: the addition to it.
//!
//! # Why no wake-up is lost
//!
//! What shuts a writer out ends when the last reader or the writer leaves: each tells one writer, and
//! if somebody else is in by then, that one will tell again. What shuts a reader out ends when a writer
//! leaves or becomes a reader, when the last of the counted writers gives up, and when a reader leaves a
//! full house: each tells all readers. All are read-modify-writes of the one word that decides, followed
//! by the fence of the notification.

use crate::atomic::{AtomicU32, Ordering};
use crate::platform::{Deadline, Platform, Step};
use crate::waiting::{Place, WaitQueue};
use crate::watch;

const WRITING: u32 = 1;
/// One writer that waits.
const WAITING: u32 = 1 << 1;
/// As many as are counted.
const MAX_WAITING: u32 = (1 << 10) - 1;
/// One reader inside.
const READER: u32 = 1 << 11;
/// As many as may be inside. The model checker has to reach it.
const MAX_READERS: u32 = if cfg!(inkle_loom) { 2 } else { (1 << 16) - 1 };
/// One writer that has left.
const PHASE: u32 = 1 << 27;

const fn waiting(state: u32) -> u32 {
    state / WAITING % (MAX_WAITING + 1)
}

const fn readers(state: u32) -> u32 {
    state / READER % (PHASE / READER)
}

/// Lets many readers in, or one writer.
#[repr(C)]
pub(super) struct Gate<P: Platform> {
    readers: WaitQueue<P>,
    writers: WaitQueue<P>,
    state: AtomicU32,
}

impl<P: Platform> Gate<P> {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self {
                readers: WaitQueue::new(),
                writers: WaitQueue::new(),
                state: AtomicU32::new(0),
            }
        }
    }

    /// Where readers wait.
    pub(super) fn readers(&self) -> Place<'_, P> {
        self.readers.place()
    }

    /// Where writers wait.
    pub(super) fn writers(&self) -> Place<'_, P> {
        self.writers.place()
    }

    /// Lets a reader in, or gives up at `deadline`; says whether it is in.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn read(&self, deadline: Deadline) -> bool {
        if !self.read_now() {
            return self.read_slowly(deadline);
        }
        watch::tell::<P, _>(self, Step::Acquired);
        true
    }

    #[cold]
    #[cfg_attr(feature = "watch", track_caller)]
    fn read_slowly(&self, deadline: Deadline) -> bool {
        watch::tell::<P, _>(self, Step::Waits);
        let mut turn = ReadTurn::new(self);
        let waits = !deadline.has_passed::<P>();
        let is_in = waits && spin::<P>(|| self.read_now())
            || turn.attempt()
            || waits && self.readers.sleep(deadline, || turn.attempt().then_some(())).is_some();
        watch::tell::<P, _>(self, if is_in { Step::Acquired } else { Step::GaveUp });
        is_in
    }

    /// Lets a reader in, if there are none but readers and nobody else changes the word meanwhile.
    #[inline]
    fn read_now(&self) -> bool {
        // Relaxed: the exchange below checks it.
        let state = self.state.load(Ordering::Relaxed);
        state % READER == 0
            && readers(state) != MAX_READERS
            // Acquire: as in `ReadTurn::attempt`.
            && self
                .state
                .compare_exchange_weak(state, state + READER, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Lets a reader in if it may come in now; says whether it is in.
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn try_read(&self) -> bool {
        let is_in = ReadTurn::new(self).attempt();
        if is_in {
            watch::tell::<P, _>(self, Step::Tried);
        }
        is_in
    }

    /// Lets a writer in, or gives up at `deadline`; says whether it is in.
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn write(&self, deadline: Deadline) -> bool {
        if !self.write_now() {
            return self.write_slowly(deadline);
        }
        watch::tell::<P, _>(self, Step::Acquired);
        true
    }

    #[cold]
    #[cfg_attr(feature = "watch", track_caller)]
    fn write_slowly(&self, deadline: Deadline) -> bool {
        watch::tell::<P, _>(self, Step::Waits);
        let mut turn = WriteTurn::new(self);
        let waits = !deadline.has_passed::<P>();
        let is_in = waits && spin::<P>(|| self.write_now())
            || turn.attempt(false)
            || waits && self.writers.sleep(deadline, || turn.attempt(true).then_some(())).is_some();
        watch::tell::<P, _>(self, if is_in { Step::Acquired } else { Step::GaveUp });
        is_in
    }

    /// Lets a writer in, if there is nobody and nobody else changes the word meanwhile.
    #[inline]
    fn write_now(&self) -> bool {
        // Relaxed: the exchange below checks it.
        let state = self.state.load(Ordering::Relaxed);
        state % PHASE == 0
            // Acquire: as in `WriteTurn::attempt`.
            && self
                .state
                .compare_exchange_weak(state, state + WRITING, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Lets a writer in if it may come in now; says whether it is in.
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn try_write(&self) -> bool {
        let is_in = WriteTurn::new(self).attempt(false);
        if is_in {
            watch::tell::<P, _>(self, Step::Tried);
        }
        is_in
    }

    /// A reader leaves.
    #[inline]
    pub(super) fn leave_read(&self) {
        // Release, pairs with the Acquire of `WriteTurn::attempt`: the next writer comes after all that
        // this reader has read. The exchanges in between go on with its release sequence.
        let before = self.state.fetch_sub(READER, Ordering::Release);
        watch::tell::<P, _>(self, Step::Released);
        match readers(before) {
            1 => self.writers.notify_after_rmw(1),
            MAX_READERS => self.leave_full_house(),
            _ => {}
        }
    }

    #[cold]
    fn leave_full_house(&self) {
        // All: of two told by two who leave, the first to come may find the house full again.
        self.readers.notify_after_rmw(u32::MAX);
    }

    /// The writer leaves.
    #[inline]
    pub(super) fn leave_write(&self) {
        // Release, pairs with the Acquire of both turns: what the writer has written.
        self.state.fetch_add(PHASE - WRITING, Ordering::Release);
        watch::tell::<P, _>(self, Step::Released);
        self.readers.notify_after_rmw(u32::MAX);
        // After the same fence.
        self.writers.notify_ordered(1);
    }

    /// The writer becomes a reader.
    pub(super) fn downgrade(&self) {
        // Release, pairs with the Acquire of `ReadTurn::attempt`: what the writer has written.
        self.state.fetch_add(PHASE + READER - WRITING, Ordering::Release);
        self.readers.notify_after_rmw(u32::MAX);
    }
}

#[cfg(feature = "watch")]
impl<P: Platform> Drop for Gate<P> {
    fn drop(&mut self) {
        // Another one may lie at the same address soon.
        watch::tell::<P, _>(self, Step::Dropped);
    }
}

/// Tries again for a moment; says whether that has helped.
fn spin<P: Platform>(attempt: impl Fn() -> bool) -> bool {
    let mut round = 0;
    while P::relax(round) {
        if attempt() {
            return true;
        }
        round += 1;
    }
    false
}

/// A reader that wants to come in.
pub(super) struct ReadTurn<'a, P: Platform> {
    gate: &'a Gate<P>,
    /// The phase in which it was first shut out.
    since: Option<u32>,
}

impl<'a, P: Platform> ReadTurn<'a, P> {
    #[inline]
    pub(super) fn new(gate: &'a Gate<P>) -> Self {
        Self { gate, since: None }
    }

    /// One try; says whether it is in.
    #[inline]
    pub(super) fn attempt(&mut self) -> bool {
        // Relaxed: the exchange below checks it, and who is shut out is handed nothing.
        let mut state = self.gate.state.load(Ordering::Relaxed);
        loop {
            let phase = state / PHASE;
            let waits = waiting(state) != 0 && *self.since.get_or_insert(phase) == phase;
            if state & WRITING != 0 || waits || readers(state) == MAX_READERS {
                self.since.get_or_insert(phase);
                return false;
            }
            // Acquire, pairs with the Release of `leave_write` and `downgrade`: what was written.
            match self.gate.state.compare_exchange_weak(
                state,
                state + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// It waits no longer.
    pub(super) fn stop(&mut self) {
        self.since = None;
    }
}

/// A writer that wants to come in. Dropped, it waits no longer.
pub(super) struct WriteTurn<'a, P: Platform> {
    gate: &'a Gate<P>,
    /// Whether the word counts it as waiting.
    counted: bool,
}

impl<'a, P: Platform> WriteTurn<'a, P> {
    #[inline]
    pub(super) fn new(gate: &'a Gate<P>) -> Self {
        Self { gate, counted: false }
    }

    /// One try, counted as waiting after it if it `waits`; says whether it is in.
    #[inline]
    pub(super) fn attempt(&mut self, waits: bool) -> bool {
        // Relaxed: the exchange below checks it, and who is shut out is handed nothing.
        let mut state = self.gate.state.load(Ordering::Relaxed);
        loop {
            let free = state & WRITING == 0 && readers(state) == 0;
            let counted = if self.counted { WAITING } else { 0 };
            let next = if free {
                state - counted + WRITING
            } else if waits && !self.counted && waiting(state) < MAX_WAITING {
                state + WAITING
            } else {
                return false;
            };
            // Acquire, pairs with the Release of `leave_write`, what was written, and of `leave_read`:
            // without it we might write what somebody still reads.
            match self.gate.state.compare_exchange_weak(
                state,
                next,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.counted = !free;
                    return free;
                }
                Err(now) => state = now,
            }
        }
    }

    /// It waits no longer: readers that were kept out by it may come in.
    pub(super) fn stop(&mut self) {
        if core::mem::take(&mut self.counted) {
            // Relaxed: hands nothing over. Being a read-modify-write it goes on with the release
            // sequence of whoever left before.
            let before = self.gate.state.fetch_sub(WAITING, Ordering::Relaxed);
            if waiting(before) == 1 {
                self.gate.readers.notify_after_rmw(u32::MAX);
            }
        }
    }
}

impl<P: Platform> Drop for WriteTurn<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.stop();
    }
}
