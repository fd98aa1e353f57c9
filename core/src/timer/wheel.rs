//! The wheel as everybody sees it: schedule, cancel, reschedule, and when the driver is needed.
//!
//! # Layout
//!
//! Slots (`slot.rs`); an *edge* that all write to: the list of the free slots, those of the arrivals and
//! of the cancelled ones, and `arriving`; what the driver *shows*: whether there is one, `position`, and
//! `filed`; and the *middle*, which only the driver touches (`buckets.rs`).
//!
//! # Invariants
//!
//! 1. A slot is free, or claimed, or among the arrivals, or filed or nowhere in the middle, and besides
//!    that at most once among the cancelled ones. It is put there only after it was put among the
//!    arrivals. So a driver who takes first the cancelled ones and then the arrivals has, with the arrivals
//!    gone through, met every slot that it finds cancelled, and may give it back.
//! 2. No timer is due before the earlier one of `arriving` and `filed`. A schedule lowers `arriving`. The
//!    driver moves that over: it lowers `filed`, then sets `arriving` back, then takes the arrivals, and
//!    raises `filed` only when all of them are in the buckets.
//!
//! # Why the second one holds
//!
//! A schedule puts its slot among the arrivals (A), then looks whether `arriving` is late (B). The
//! driver sets `arriving` back (C), then takes the arrivals (D). There is a sequentially consistent
//! fence between A and B and one between C and D. So either D finds the slot, or B sees what C or
//! somebody after it has written, and lowers that. A reader that finds `arriving` set back sees `filed`
//! lowered, since that came before.
//!
//! # Linearization points
//!
//! Schedule: when the slot is among the arrivals. Cancel: the exchange of the slot's state; with it the
//! timer will never fire, without it nothing has changed. Fire: the driver's exchange of the same word.
//!
//! # Progress and cost
//!
//! Schedule and cancel: lock-free, interrupt-safe, O(1): two exchanges each, and one more for an arrival
//! that is due before all others. `next_deadline`: wait-free, two loads. The driver: at most one at a time, nobody
//! waits for it; each step is O(1). A slot has 24 bytes beside the value. Interrupt-off window: none.

use core::fmt;
use core::mem::MaybeUninit;

use super::buckets::Buckets;
use super::driver::{Driver, Middle};
use super::geometry::{Exact, Geometry};
use super::handle::{Handle, Scheduled};
use super::slot::{Due, Filed, NOWHERE, PHASE_BITS, Phase, Slot, Slots};
use super::tick::Tick;
use crate::atomic::{AtomicU32, Ordering, UnsafeCell, fence_after_rmw};
use crate::error::{RescheduleError, ScheduleError, TooLate};
use crate::pad::Pad;
use crate::queue::tagged::{Nodes, TaggedList};
use crate::queue::{Native, Width, drop_each};

/// A timer wheel with room for `N` timers inside, each carrying a `T`.
pub type Wheel<T, const N: usize, G = Exact, W = Native> = WheelOver<[Slot<T>; N], G, W>;

/// A hierarchical timer wheel: any thread or interrupt handler schedules and cancels, one driver at a
/// time makes it turn.
///
/// [`Wheel`] is the one with an array inside; `S` is where its [slots](Slots) are, `G` how it files them:
/// [`Exact`] or [`Coarse`](super::Coarse). `W` limits generations and tags for models and tests; leave it
/// at [`Native`].
///
/// It has no clock: whoever drives it says what time it is, in [ticks](Tick) of any length. For a wheel on
/// a platform's clock, with futures and a driver that sleeps, see [`Timers`](super::Timers).
///
/// **Exactly once**: each successful schedule ends in one firing or in one successful cancel, and gives its
/// value to that one. A timer never fires early.
///
/// **Call [`advance`](Driver::advance) not later than [`next_deadline`](Self::next_deadline)**, which is
/// at most [`REST`](Self::REST) ticks away even if no timer is pending. Who is late, by less than 2^29 ticks,
/// gets late timers; beyond that, ticks wrap around and timers may seem to lie ahead again.
///
/// At most 2047 timers fit where the target has only 32-bit compare-and-swap, else 16 million (more do
/// not compile).
///
/// ```
/// use inkle_core::timer::{Then, Tick, Wheel};
///
/// static WHEEL: Wheel<&str, 8> = Wheel::new(Tick::new(0));
///
/// // Anywhere, also in an interrupt handler:
/// let blink = WHEEL.schedule(Tick::new(20), "blink").unwrap();
/// let timeout = WHEEL.schedule(Tick::new(50), "timeout").unwrap();
/// assert!(blink.is_first && !timeout.is_first);
/// assert_eq!(WHEEL.next_deadline(), Tick::new(20));
/// assert_eq!(WHEEL.cancel(timeout.handle), Ok("timeout"));
///
/// // In the driver, which may be an interrupt handler too:
/// let mut fired = None;
/// WHEEL.try_drive().unwrap().advance(Tick::new(60), u32::MAX, |name| {
///     fired = Some(name);
///     Then::Done
/// });
/// assert_eq!(fired, Some("blink"));
/// ```
pub struct WheelOver<S: Slots, G: Geometry = Exact, W: Width = Native> {
    edge: Pad<Edge<S, W>>,
    pub(super) shown: Pad<Shown>,
    pub(super) middle: UnsafeCell<Middle<G>>,
    pub(super) slots: Memory<S, W>,
}

/// The slots, as the list of the free ones sees them.
pub(super) struct Memory<S, W>(pub(super) S, core::marker::PhantomData<fn(W)>);

impl<S: Slots, W: Width> Nodes for Memory<S, W> {
    const LINK_BITS: u32 = S::LINK_BITS;
    type Tag = W;

    #[inline(always)]
    unsafe fn link(&self, index: usize) -> &AtomicU32 {
        // SAFETY: what is put on the list has a slot.
        unsafe { &self.0.get_unchecked(index).link }
    }
}

struct Edge<S: Slots, W: Width> {
    free: TaggedList<Memory<S, W>>,
    /// The link number of the newest arrival.
    arrived: AtomicU32,
    /// `count << 24 | link number` of the newest cancelled slot; the count stops at 255.
    cancelled: AtomicU32,
    /// Not after the first deadline among the arrivals.
    arriving: AtomicU32,
}

/// One in the count of the cancelled ones.
const COUNT: u32 = 1 << 24;

/// What the driver shows to everybody.
pub(super) struct Shown {
    /// 1 while somebody drives.
    pub(super) driver: AtomicU32,
    pub(super) position: AtomicU32,
    /// Not after the first deadline of what is not among the arrivals.
    pub(super) filed: AtomicU32,
}

// SAFETY: values go in on one thread and come out on another, never shared (`slot.rs`), which needs
// `Send` and no more; the middle is touched by the driver, of which there is one at a time.
unsafe impl<S: Slots + Sync, G: Geometry, W: Width> Sync for WheelOver<S, G, W> where S::Value: Send {}
// SAFETY: owning the wheel is owning the values.
unsafe impl<S: Slots + Send, G: Geometry, W: Width> Send for WheelOver<S, G, W> where S::Value: Send {}

impl<T, const N: usize, G: Geometry, W: Width> WheelOver<[Slot<T>; N], G, W> {
    const_fn! {
        /// A wheel without timers. `now` is the time that the first [`advance`](Driver::advance) is about
        /// to say, or not much earlier. `N` is at least 1, or this does not compile.
        #[must_use]
        pub const fn new(now: Tick) -> Self {
            const { assert!(N >= 1, "a wheel needs at least one slot") };
            let mut slots = array![Slot::new(); N];
            // All free: each is linked to the next one, the last to nothing.
            let mut index = 1;
            while index < N {
                slots[index - 1].link = AtomicU32::new(index as u32 + 1);
                index += 1;
            }
            Self::over(slots, now, 1)
        }
    }
}

impl<S: Slots, G: Geometry, W: Width> WheelOver<S, G, W> {
    /// The longest that the driver may rest, in ticks: see [`next_deadline`](Self::next_deadline). A
    /// deadline that is not further away than this is never too far.
    pub const REST: u32 = 1 << 29;

    /// The furthest deadline, in ticks from the driver's position.
    const HORIZON: u32 = 1 << 30;

    const GENERATIONS: u32 = {
        let room = u32::BITS - PHASE_BITS;
        let bits = if W::LAP_BITS < room { W::LAP_BITS } else { room };
        u32::MAX >> (u32::BITS - bits)
    };

    const_fn! {
        /// A wheel over slots of which none is free before they are [admitted](Self::admit).
        ///
        /// # Safety
        ///
        /// The slots are new: no wheel has used them.
        pub const unsafe fn with_slots(slots: S, now: Tick) -> Self {
            Self::over(slots, now, 0)
        }
    }

    const_fn! {
        const fn over(slots: S, now: Tick, first_free: u32) -> Self {
            const { assert!(S::LINK_BITS <= 24, "a wheel has at most 16 million slots") };
            let rest = now.after(Self::REST).get();
            Self {
                edge: Pad(Edge {
                    free: TaggedList::new(first_free),
                    arrived: AtomicU32::new(0),
                    cancelled: AtomicU32::new(0),
                    arriving: AtomicU32::new(rest),
                }),
                shown: Pad(Shown {
                    driver: AtomicU32::new(0),
                    position: AtomicU32::new(now.get()),
                    filed: AtomicU32::new(rest),
                }),
                middle: UnsafeCell::new(Middle::new(Buckets::new(now))),
                slots: Memory(slots, core::marker::PhantomData),
            }
        }
    }

    /// Has new slots used.
    ///
    /// Progress: lock-free. Interrupt-safe: yes.
    ///
    /// # Safety
    ///
    /// Each number in `indices` has a slot, and is admitted once.
    pub unsafe fn admit(&self, indices: core::ops::Range<usize>) {
        for index in indices {
            // SAFETY: the caller's promise; nobody else uses the slot so far.
            unsafe { self.edge.free.put(&self.slots, index, index, 1) };
        }
    }

    /// Where the slots are.
    #[must_use]
    pub fn slots(&self) -> &S {
        &self.slots.0
    }

    #[inline(always)]
    pub(super) fn slot(&self, index: usize) -> &Slot<S::Value> {
        // SAFETY: all who call have the index from a list of this wheel, or have claimed it.
        unsafe { self.slots.0.get_unchecked(index) }
    }

    /// Has `value` fired at `deadline`; one that has passed fires at the next turn. The handle can take
    /// it back. [`is_first`](Scheduled::is_first) tells whether this one is now the first to be due: then
    /// who sleeps until [`next_deadline`](Self::next_deadline) has to be woken, or a hardware alarm set.
    ///
    /// A slot is free again when its action has run, or after the first turn behind its cancel: see
    /// [`untidy`](Self::untidy).
    ///
    /// Errors: [`ScheduleError`], with the value: there is no free slot, or the deadline is too far ahead,
    /// which one within [`REST`](Self::REST) ticks never is. Progress: lock-free. Interrupt-safe: yes.
    /// Ordering: release, pairs with the acquire of who gets the value.
    #[inline]
    pub fn schedule(
        &self,
        deadline: Tick,
        value: S::Value,
    ) -> Result<Scheduled, ScheduleError<S::Value>> {
        self.schedule_due(Due::at(deadline), value)
    }

    /// [`schedule`](Self::schedule) for any time ahead, also beyond the horizon: so many ticks after `now`,
    /// which is that of the driver's clock. More than 2^61 ticks are never. The driver takes a step for each
    /// [`REST`](Self::REST) on the way.
    ///
    /// Errors, progress and so on: as `schedule`; `TooFar` only if the driver's position is not near `now`.
    ///
    /// ```
    /// use inkle_core::timer::{Tick, Wheel};
    ///
    /// static WHEEL: Wheel<&str, 2> = Wheel::new(Tick::new(0));
    /// let far = WHEEL.schedule_after(Tick::new(0), 1 << 40, "comet").unwrap();
    /// assert_eq!(WHEEL.cancel(far.handle), Ok("comet"));
    /// ```
    #[inline]
    pub fn schedule_after(
        &self,
        now: Tick,
        ahead: u64,
        value: S::Value,
    ) -> Result<Scheduled, ScheduleError<S::Value>> {
        self.schedule_due(Due::after(now, ahead, Self::REST), value)
    }

    #[inline]
    pub(super) fn schedule_due(
        &self,
        due: Due,
        value: S::Value,
    ) -> Result<Scheduled, ScheduleError<S::Value>> {
        if self.is_too_far(due.tick) {
            return Err(ScheduleError::TooFar(value));
        }
        match self.edge.free.take_one(&self.slots) {
            // SAFETY: it is ours.
            Ok(index) => Ok(unsafe { self.arm(index, due, value) }),
            Err(_) => Err(ScheduleError::Full(value)),
        }
    }

    fn is_too_far(&self, deadline: Tick) -> bool {
        // Relaxed: an older position only makes this stricter.
        let position = Tick::new(self.shown.position.load(Ordering::Relaxed));
        position.until(deadline) > Self::HORIZON
    }

    /// Makes a claimed slot a timer.
    ///
    /// # Safety
    ///
    /// The caller has claimed the slot, and gives it up.
    #[inline]
    unsafe fn arm(&self, index: usize, due: Due, value: S::Value) -> Scheduled {
        let slot = self.slot(index);
        // SAFETY: the slot is ours, ordered after its last owner by the list of the free ones; the
        // value that was there has been moved out.
        slot.value.with_mut(|cell| unsafe { *cell = MaybeUninit::new(value) });
        // Relaxed: nobody else changes the state of a free slot.
        let generation = slot.state.load(Ordering::Relaxed) >> PHASE_BITS;
        // Release, pairs with the Acquire of `cancel`: the value is complete.
        slot.state.store(state(generation, Phase::Pending), Ordering::Release);
        // Relaxed: the exchange checks it.
        let mut next = self.edge.arrived.load(Ordering::Relaxed);
        loop {
            // SAFETY: still ours.
            slot.filed.with_mut(|filed| unsafe { *filed = Filed { due, next, prev: NOWHERE } });
            // Release, pairs with the Acquire of the driver's `take`: what is in the slot.
            match self.edge.arrived.compare_exchange_weak(
                next,
                index as u32 + 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(newer) => next = newer,
            }
        }
        // Pairs with the driver's fence between setting `arriving` back and taking the arrivals: see
        // "why the second one holds".
        fence_after_rmw();
        let is_first = self.lower_arriving(due.tick);
        Scheduled { handle: Handle { index: index as u32, generation }, is_first }
    }

    /// Makes sure that `arriving` is not after `deadline`, and says whether nothing is due before.
    #[inline]
    fn lower_arriving(&self, deadline: Tick) -> bool {
        // Relaxed, and on failure: the fence before this orders it, and the exchange checks it.
        let mut arriving = self.edge.arriving.load(Ordering::Relaxed);
        loop {
            if !deadline.is_before(Tick::new(arriving)) {
                return false;
            }
            // Relaxed: the fences here and at the driver order the arrival before it; and who reads this
            // acquires what the driver has released before, whose exchange it continues.
            match self.edge.arriving.compare_exchange_weak(
                arriving,
                deadline.get(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => arriving = now,
            }
        }
        // Pairs with the driver's fence after it has raised `filed`: either we see that, or the driver's
        // next look at `arriving` sees ours.
        fence_after_rmw();
        // Relaxed: the fence does the work.
        deadline.is_before(Tick::new(self.shown.filed.load(Ordering::Relaxed)))
    }

    /// Takes a timer back: it will never fire. Only the first who asks gets the value.
    ///
    /// Errors: [`TooLate`] if it has fired or fires just now, or was cancelled before. A handle of
    /// another wheel is told as too late unless a timer of this one happens to have the same number and
    /// generation. Progress: lock-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of
    /// [`schedule`](Self::schedule).
    #[inline]
    pub fn cancel(&self, handle: Handle) -> Result<S::Value, TooLate> {
        let Handle { index, generation } = handle;
        let slot = self.slots.0.get(index as usize).ok_or(TooLate)?;
        let [from, to] = [Phase::Pending, Phase::Cancelled].map(|phase| state(generation, phase));
        // Acquire, pairs with the Release of `arm` and of `again`: the value is complete.
        let exchanged = slot.state.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed);
        exchanged.map_err(|_| TooLate)?;
        // SAFETY: the exchange made us the value's owner; the only read.
        let value = slot.value.with(|cell| unsafe { (*cell).assume_init_read() });
        // Relaxed: the exchange below checks it.
        let mut newest = self.edge.cancelled.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange.
            slot.link.store(newest % COUNT, Ordering::Relaxed);
            let count = newest.saturating_add(COUNT) / COUNT * COUNT;
            // Release, pairs with the Acquire of the driver's `take`: our read of the value comes before
            // the slot's next use.
            match self.edge.cancelled.compare_exchange_weak(
                newest,
                count | (index + 1),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(value),
                Err(newer) => newest = newer,
            }
        }
    }

    /// Moves a timer to another time, earlier or later: as one [`schedule`](Self::schedule) and one
    /// [`cancel`](Self::cancel), with the same value. The old handle is void after it.
    ///
    /// Errors: [`RescheduleError::Full`] (it needs a second slot until the driver's next turn) and
    /// [`TooFar`](RescheduleError::TooFar), which leave the timer as it is, and
    /// [`TooLate`](RescheduleError::TooLate). Progress: lock-free. Interrupt-safe: yes.
    pub fn reschedule(&self, handle: Handle, deadline: Tick) -> Result<Scheduled, RescheduleError> {
        self.reschedule_due(handle, Due::at(deadline))
    }

    pub(super) fn reschedule_due(
        &self,
        handle: Handle,
        due: Due,
    ) -> Result<Scheduled, RescheduleError> {
        if self.is_too_far(due.tick) {
            return Err(RescheduleError::TooFar);
        }
        let index = self.edge.free.take_one(&self.slots).map_err(|_| RescheduleError::Full)?;
        match self.cancel(handle) {
            // SAFETY: it is ours.
            Ok(value) => Ok(unsafe { self.arm(index, due, value) }),
            Err(TooLate) => {
                // SAFETY: it is ours, and we have not used it.
                unsafe { self.edge.free.put(&self.slots, index, index, 1) };
                Err(RescheduleError::TooLate)
            }
        }
    }

    /// Whether the timer has neither fired nor been cancelled: a snapshot.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn is_pending(&self, handle: Handle) -> bool {
        self.is_in(handle, Phase::Pending)
    }

    /// Whether the timer's action runs just now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire; after `false` for a timer that has
    /// fired, what its action did is visible.
    #[must_use]
    pub fn is_firing(&self, handle: Handle) -> bool {
        self.is_in(handle, Phase::Firing)
    }

    fn is_in(&self, handle: Handle, phase: Phase) -> bool {
        // Acquire, pairs with the Release of the driver when the action is over.
        let seen = self.slots.0.get(handle.index as usize).map(|s| s.state.load(Ordering::Acquire));
        seen == Some(state(handle.generation, phase))
    }

    /// When the driver is needed: not after the first deadline, and at most [`REST`](Self::REST) ticks after
    /// it last [advanced](Driver::advance), since ticks wrap around.
    ///
    /// It may be too early: where many timers lie far ahead together they are moved towards their deadlines
    /// in steps, and one that was cancelled may still count until the driver's next turn.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: covers every schedule that happened before.
    #[must_use]
    pub fn next_deadline(&self) -> Tick {
        // First `arriving`, then `filed`: what is moved over is in one of them. Acquire, pairs with the
        // Release of the driver when it sets `arriving` back: `filed` was lowered before.
        let arriving = Tick::new(self.edge.arriving.load(Ordering::Acquire));
        // Relaxed: not older than what the line above has acquired; and who reads a raised one finds
        // that the driver has all arrivals in its buckets.
        arriving.min(Tick::new(self.shown.filed.load(Ordering::Relaxed)))
    }

    /// How many cancelled timers wait for the driver, whose slots cannot be used before; more than 255
    /// count as 255. A driver that sleeps until [`next_deadline`](Self::next_deadline) may not come for a long
    /// time: if many timers are cancelled, anybody [tidies up](Driver::tidy) now and then.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn untidy(&self) -> u32 {
        // Relaxed: a snapshot.
        self.edge.cancelled.load(Ordering::Relaxed) / COUNT
    }

    /// All pending timers with their values, in no order.
    pub fn timers(&mut self) -> impl Iterator<Item = (Handle, &S::Value)> {
        let slots = &self.slots.0;
        (0..).map_while(|index| Some((index, slots.get(index as usize)?))).filter_map(
            |(index, slot)| {
                // Relaxed: whoever owns the wheel comes after everything else.
                let generation = slot.state.load(Ordering::Relaxed) >> PHASE_BITS;
                // SAFETY: a pending slot has a value, and while we are borrowed nobody else is here.
                let value = || slot.value.with(|cell| unsafe { (*cell).assume_init_ref() });
                has_value(slot).then(|| (Handle { index, generation }, value()))
            },
        )
    }

    /// Makes the caller the driver, unless there is one; until the guard is dropped.
    ///
    /// Progress: wait-free. Interrupt-safe: yes. Ordering: acquire, pairs with the release of the last
    /// driver.
    #[must_use]
    pub fn try_drive(&self) -> Option<Driver<'_, S, G, W>> {
        // Relaxed: the exchange checks it. A look first, so that who comes in vain writes nothing.
        let is_free = self.shown.driver.load(Ordering::Relaxed) == 0
            // Acquire, pairs with the Release of the last driver's `drop`: what is in the middle.
            && self
                .shown
                .driver
                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        // Not `then_some`: a guard that is dropped here would free what somebody else holds.
        is_free.then(|| Driver::new(self))
    }

    /// Whether somebody drives just now.
    ///
    /// Progress: wait-free. Interrupt-safe: yes.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        // Relaxed: a snapshot.
        self.shown.driver.load(Ordering::Relaxed) != 0
    }

    /// Moves what is at the edge over to the driver; as things stand, that is needed next a rest after
    /// `now`.
    pub(super) fn take_edge(&self, now: Tick) -> Taken {
        let rest = now.after(Self::REST).get();
        // Relaxed: only the driver writes `filed`.
        let known = Tick::new(self.shown.filed.load(Ordering::Relaxed));
        // Relaxed, here and when the exchange fails: that checks it, and the fence below orders what comes
        // after.
        let mut arriving = self.edge.arriving.load(Ordering::Relaxed);
        loop {
            // Relaxed: published by the exchange.
            self.shown.filed.store(known.min(Tick::new(arriving)).get(), Ordering::Relaxed);
            // Release, pairs with the Acquire of `next_deadline`: `filed` is lowered.
            match self.edge.arriving.compare_exchange(
                arriving,
                rest,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => arriving = now,
            }
        }
        // Pairs with the fence in `arm`: see "why the second one holds".
        fence_after_rmw();
        // First the cancelled ones: invariant 1.
        let cancelled = take(&self.edge.cancelled) % COUNT;
        Taken { cancelled, arrived: take(&self.edge.arrived), first: Tick::new(arriving), known }
    }

    /// Makes handles of a slot void, whose timer is over.
    ///
    /// # Safety
    ///
    /// The caller is the driver; the slot's value is moved out, and nobody else has the slot on a list.
    pub(super) unsafe fn retire(&self, index: usize) {
        let state_word = &self.slot(index).state;
        // Relaxed: only the driver changes the state of a slot whose timer is over.
        let generation = (state_word.load(Ordering::Relaxed) >> PHASE_BITS).wrapping_add(1);
        // Release, pairs with the Acquire of `is_firing`: what the action did.
        state_word.store(state(generation & Self::GENERATIONS, Phase::Free), Ordering::Release);
    }

    /// Gives slots back, so many, that are linked from `first` to `last`.
    ///
    /// # Safety
    ///
    /// The caller has retired them.
    pub(super) unsafe fn give_back(&self, first: usize, last: usize, count: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.edge.free.put(&self.slots, first, last, count) };
    }
}

/// What was at the edge: the link numbers of the newest cancelled slot and of the newest arrival, and a
/// moment that is not after the first deadline among the arrivals.
pub(super) struct Taken {
    pub(super) cancelled: u32,
    pub(super) arrived: u32,
    pub(super) first: Tick,
    /// What `filed` was before.
    pub(super) known: Tick,
}

/// Empties a list that all put on and only the driver takes from.
fn take(list: &AtomicU32) -> u32 {
    // Relaxed: ordered by the fence before it, or by what was acquired from another list. A look first:
    // where nothing is to be taken, nothing should be written.
    if list.load(Ordering::Relaxed) == 0 {
        return 0;
    }
    // Acquire, pairs with the Release of everybody who has put a slot there.
    list.swap(0, Ordering::Acquire)
}

/// For a caller to whom the wheel belongs.
fn has_value<T>(slot: &Slot<T>) -> bool {
    // Relaxed: whoever owns the wheel comes after everything else.
    slot.state.load(Ordering::Relaxed) % (1 << PHASE_BITS) == Phase::Pending as u32
}

#[inline(always)]
pub(super) const fn state(generation: u32, phase: Phase) -> u32 {
    generation << PHASE_BITS | phase as u32
}

impl<S: Slots, G: Geometry, W: Width> Drop for WheelOver<S, G, W> {
    fn drop(&mut self) {
        let mut index = 0;
        let slots = &self.slots.0;
        drop_each(|| {
            loop {
                let slot = slots.get(index)?;
                index = index.wrapping_add(1);
                if has_value(slot) {
                    // SAFETY: a pending slot has a value, and each slot is passed once.
                    return Some(slot.value.with(|cell| unsafe { (*cell).assume_init_read() }));
                }
            }
        });
    }
}

impl<S: Slots, G: Geometry, W: Width> fmt::Debug for WheelOver<S, G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("next_deadline", &self.next_deadline())
            .field("untidy", &self.untidy())
            .finish_non_exhaustive()
    }
}
