//! Who makes the wheel turn: one at a time, for as long as it likes.
//!
//! A turn is made of steps, each of which is O(1): file an arrival, reclaim a cancelled slot, move to
//! the next bucket that is due, look at one slot of it. Between any two steps a turn may end for want of
//! budget; the next one goes on there.

use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};

use super::buckets::{Buckets, Step, before, filed};
use super::geometry::Geometry;
use super::slot::{Due, PHASE_BITS, Phase, Slots};
use super::tick::Tick;
use super::wheel::{WheelOver, state};
use crate::atomic::{Ordering, fence};
use crate::queue::{Native, Width};

/// What only the driver touches.
pub(super) struct Middle<G: Geometry> {
    buckets: Buckets<G>,
    /// The link numbers of what has been taken from the edge and not yet been gone through.
    arrivals: u32,
    cancelled: u32,
}

impl<G: Geometry> Middle<G> {
    pub(super) const fn new(buckets: Buckets<G>) -> Self {
        Self { buckets, arrivals: 0, cancelled: 0 }
    }
}

/// What becomes of a timer that has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then<T, At = Tick> {
    /// It is over, and its slot free.
    Done,
    /// It fires again at that time, with this value, under the same handle. A time that has passed is
    /// at once: still in this turn, if there is budget. (For a period without drift, count from the last
    /// deadline.)
    Again(At, T),
}

/// What a turn of the wheel has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an incomplete turn has to be continued"]
#[non_exhaustive]
pub struct Turn {
    /// So many timers have fired.
    pub fired: u32,
    /// `false` if the budget was used up: there may be more to do at once.
    pub is_complete: bool,
    /// As [`next_deadline`](WheelOver::next_deadline) behind the turn. It has passed if there is more to
    /// do, or if somebody has just scheduled with an older look at the clock.
    pub next: Tick,
    /// That is earlier than it was behind the last turn. A schedule whose timer this turn has met may have
    /// found it here and leave it to us to tell: if somebody else sleeps until then, wake it.
    pub is_sooner: bool,
}

/// The right to make a [`wheel`](WheelOver) turn. There is one at a time; [`try_drive`](WheelOver::try_drive)
/// gives it, and dropping it gives it up.
pub struct Driver<'a, S: Slots, G: Geometry, W: Width = Native> {
    wheel: &'a WheelOver<S, G, W>,
    /// What was shown as the first deadline when the edge was last taken.
    known: Tick,
}

impl<'a, S: Slots, G: Geometry, W: Width> Driver<'a, S, G, W> {
    pub(super) fn new(wheel: &'a WheelOver<S, G, W>) -> Self {
        // Relaxed: only the driver writes it.
        Self { known: Tick::new(wheel.shown.filed.load(Ordering::Relaxed)), wheel }
    }

    /// Fires everything that is due at `now`, in the order of the deadlines (coarsely, if the wheel is
    /// coarse); in no particular order within a tick. A time before that of the last call is taken for
    /// that.
    ///
    /// `action` gets each timer's value. It may use the wheel, but not drive it; while it runs, other
    /// timers wait. A timer that it schedules for a time that has passed fires in the next turn. If it
    /// panics, its timer is over and the turn may be continued.
    ///
    /// `budget` bounds the steps of this call, each of them O(1): a timer takes one to be filed, one for
    /// each time that it is moved and one to fire, a cancelled one takes one more, and so does each
    /// bucket. What is left is done by the next call.
    ///
    /// Progress: wait-free but for lost exchanges, and for what `action` does. Interrupt-safe: yes.
    /// Ordering: acquire, pairs with the release of [`schedule`](WheelOver::schedule).
    pub fn advance(
        &mut self,
        now: Tick,
        budget: u32,
        mut action: impl FnMut(S::Value) -> Then<S::Value>,
    ) -> Turn {
        self.advance_far(now, budget, |value| match action(value) {
            Then::Done => Then::Done,
            Then::Again(tick, value) => Then::Again(Due::at(tick), value),
        })
    }

    /// [`advance`](Self::advance) for timers that may fire again beyond the horizon.
    #[inline]
    pub(super) fn advance_far(
        &mut self,
        now: Tick,
        budget: u32,
        mut action: impl FnMut(S::Value) -> Then<S::Value, Due>,
    ) -> Turn {
        let mut left = budget;
        let mut fired: u32 = 0;
        let mut is_complete = self.collect(&mut left, Some(now));
        if is_complete {
            is_complete = loop {
                if left == 0 {
                    break false;
                }
                left -= 1;
                // SAFETY: we are the driver.
                match self.middle(|middle| unsafe { middle.buckets.step(&self.wheel.slots.0, now) })
                {
                    Step::Look(index) => fired = fired.wrapping_add(self.look(index, &mut action)),
                    Step::Moved => {}
                    Step::Rest => break true,
                }
            };
        }
        self.show(fired, is_complete)
    }

    /// Gives the slots of cancelled timers back, without firing anything. `budget` is that of
    /// [`advance`](Self::advance).
    ///
    /// Progress: wait-free but for lost exchanges. Interrupt-safe: yes.
    pub fn tidy(&mut self, budget: u32) -> Turn {
        let mut left = budget;
        let is_complete = self.collect(&mut left, None);
        self.show(0, is_complete)
    }

    /// Moves the wheel's position to `now`, or as far as nothing is due, and fires nothing. With no timer
    /// inside, `now` may be any tick, also one that seems to have passed: so a wheel that was not driven
    /// for longer than it should have been begins anew.
    ///
    /// `budget` and progress are those of [`tidy`](Self::tidy).
    pub fn approach(&mut self, now: Tick, budget: u32) -> Turn {
        let mut left = budget;
        let is_complete = self.collect(&mut left, Some(now));
        self.middle(|Middle { buckets, arrivals, .. }| {
            if *arrivals == 0 {
                buckets.approach(now);
            }
        });
        self.show(0, is_complete)
    }

    #[inline(always)]
    fn middle<R>(&self, f: impl FnOnce(&mut Middle<G>) -> R) -> R {
        // SAFETY: we are the only driver, and no `f` calls this again or calls foreign code.
        self.wheel.middle.with_mut(|middle| f(unsafe { &mut *middle }))
    }

    /// Goes through what a turn before has left over, and then through what is new at the edge.
    fn collect(&mut self, left: &mut u32, now: Option<Tick>) -> bool {
        if !self.go_through(left) {
            return false;
        }
        self.known = self.middle(|middle| {
            let Middle { buckets, arrivals, cancelled } = middle;
            let edge = self.wheel.take_edge(now.unwrap_or(buckets.position));
            (*arrivals, *cancelled) = (edge.arrived, edge.cancelled);
            if let (Some(now), true) = (now, buckets.is_empty()) {
                // Nothing lies before the first arrival; so they need not be moved on the way there.
                let ahead = buckets.position.until(edge.first.min(now));
                buckets.position = buckets.position.after(ahead);
            }
            edge.known
        });
        self.go_through(left)
    }

    /// The arrivals first, then the cancelled ones. (See the wheel's invariant 1.)
    fn go_through(&mut self, left: &mut u32) -> bool {
        self.middle(|middle| {
            while middle.arrivals != 0 {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
                self.file_arrival(middle);
            }
            self.reclaim(middle, left);
            middle.cancelled == 0
        })
    }

    fn file_arrival(&self, middle: &mut Middle<G>) {
        let index = before(middle.arrivals);
        let slot = self.wheel.slot(index);
        // SAFETY: an arrival that we have taken is ours.
        let (due, next) = unsafe { filed(slot, |filed| (filed.due, filed.next)) };
        middle.arrivals = next;
        // Relaxed: only to spare the work. One that is cancelled here stays filed nowhere; one that is
        // cancelled behind this is taken out when it is reclaimed.
        if slot.state.load(Ordering::Relaxed) % (1 << PHASE_BITS) == Phase::Pending as u32 {
            // SAFETY: we are the driver, and an arrival is filed nowhere.
            unsafe { middle.buckets.file(&self.wheel.slots.0, index, due) };
        }
    }

    /// Reclaims cancelled slots, within the budget, and gives them back together: they are linked already.
    fn reclaim(&self, middle: &mut Middle<G>, left: &mut u32) {
        let first = middle.cancelled;
        let (mut last, mut count) = (first, 0);
        while middle.cancelled != 0 && *left > 0 {
            *left -= 1;
            count += 1;
            last = middle.cancelled;
            let index = before(last);
            // Relaxed: it came with the list.
            middle.cancelled = self.wheel.slot(index).link.load(Ordering::Relaxed);
            // SAFETY: we are the driver; the slot was put here once, after it was put among the arrivals,
            // which have all been collected since; so it is in no list any more behind this.
            unsafe {
                middle.buckets.unlink(&self.wheel.slots.0, index);
                self.wheel.retire(index);
            }
        }
        if count > 0 {
            // SAFETY: these have been retired, and from the first to the last one each is linked to the next.
            unsafe { self.wheel.give_back(before(first), before(last), count) };
        }
    }

    /// Looks at a slot that has been taken out of a bucket: fires it, or files it anew. How many have
    /// fired.
    #[inline]
    fn look(
        &mut self,
        index: usize,
        action: &mut impl FnMut(S::Value) -> Then<S::Value, Due>,
    ) -> u32 {
        let slot = self.wheel.slot(index);
        // SAFETY: what was in a bucket is ours.
        let mut due = unsafe { filed(slot, |filed| filed.due) };
        let is_early = self.middle(|middle| {
            let position = middle.buckets.position;
            if !position.is_before(due.tick) && due.rests != 0 {
                due.tick = due.tick.after(WheelOver::<S, G, W>::REST);
                due.rests = if due.rests == Due::EVER { Due::EVER } else { due.rests - 1 };
            }
            let is_early = position.is_before(due.tick);
            if is_early {
                // SAFETY: we are the driver, and it has just been taken out.
                unsafe { middle.buckets.file(&self.wheel.slots.0, index, due) };
            }
            is_early
        });
        if is_early {
            return 0;
        }
        // Relaxed, all three: what the slot holds came with the arrivals. The exchange is only about who is
        // first, we or a cancel. Behind it, a cancel is too late.
        let generation = slot.state.load(Ordering::Relaxed) >> PHASE_BITS;
        let [from, to] = [Phase::Pending, Phase::Firing].map(|phase| state(generation, phase));
        if slot.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            // Cancelled: filed nowhere now, and about to be reclaimed.
            return 0;
        }
        // SAFETY: the exchange made us the value's owner; the only read.
        let value = slot.value.with(|cell| unsafe { (*cell).assume_init_read() });
        let over = Over { driver: self, index };
        if let Then::Again(due, value) = action(value) {
            let this = ManuallyDrop::new(over);
            this.driver.again(index, due, value);
        }
        1
    }

    /// Makes a slot whose action has run a timer again.
    fn again(&self, index: usize, due: Due, value: S::Value) {
        let slot = self.wheel.slot(index);
        // SAFETY: while it is firing, the value's place is ours, and the value was moved out.
        slot.value.with_mut(|cell| unsafe { *cell = MaybeUninit::new(value) });
        self.middle(|middle| {
            // SAFETY: we are the driver, and it is in no bucket since it was taken out.
            unsafe { middle.buckets.file(&self.wheel.slots.0, index, due) };
        });
        // Relaxed: only the driver changes the state of a slot that is firing.
        let generation = slot.state.load(Ordering::Relaxed) >> PHASE_BITS;
        // Release, pairs with the Acquire of `cancel`: the new value, and of `is_firing`: what the action
        // did.
        slot.state.store(state(generation, Phase::Pending), Ordering::Release);
    }

    /// Shows where the wheel stands.
    fn show(&mut self, fired: u32, is_complete: bool) -> Turn {
        let shown = &self.wheel.shown;
        let is_sooner = self.middle(|Middle { buckets, arrivals, cancelled: _ }| {
            // Relaxed: a look at an old position makes a schedule stricter, nothing else.
            shown.position.store(buckets.position.get(), Ordering::Relaxed);
            // With arrivals left over, or something due, `filed` stays where it is: not after them.
            if *arrivals == 0 && !buckets.has_due() {
                let rest = WheelOver::<S, G, W>::REST;
                // SAFETY: we are the driver.
                let earliest = unsafe { buckets.earliest(&self.wheel.slots.0, rest) };
                // Relaxed: the fence below orders it. Who reads it and finds `arriving` set back has
                // also had that from us.
                shown.filed.store(earliest.get(), Ordering::Relaxed);
            }
            // Relaxed: ours. A schedule that finds its own deadline there, or an earlier one that stands
            // for it, takes it for another timer's, and is silent.
            Tick::new(shown.filed.load(Ordering::Relaxed)).is_before(self.known)
        });
        // Pairs with the fence of a schedule behind its lowering of `arriving`: either that schedule sees
        // our `filed`, and says that it is the first, or we see its `arriving` now.
        fence(Ordering::SeqCst);
        Turn { fired, is_complete, next: self.wheel.next_deadline(), is_sooner }
    }
}

/// A slot whose action runs: given back when it has returned, or panicked.
struct Over<'d, 'a, S: Slots, G: Geometry, W: Width> {
    driver: &'d Driver<'a, S, G, W>,
    index: usize,
}

impl<S: Slots, G: Geometry, W: Width> Drop for Over<'_, '_, S, G, W> {
    fn drop(&mut self) {
        // SAFETY: we are the driver; the value was moved out, and the slot taken out of its bucket.
        unsafe {
            self.driver.wheel.retire(self.index);
            self.driver.wheel.give_back(self.index, self.index, 1);
        }
    }
}

impl<S: Slots, G: Geometry, W: Width> Drop for Driver<'_, S, G, W> {
    fn drop(&mut self) {
        // Release, pairs with the Acquire of the next driver's `try_drive`: what is in the middle. (Behind a
        // turn the fence in `show` does the same, so that no model notices if this is relaxed. It is for a
        // turn that an action's panic has ended.)
        self.wheel.shown.driver.store(0, Ordering::Release);
    }
}

impl<S: Slots, G: Geometry, W: Width> fmt::Debug for Driver<'_, S, G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
