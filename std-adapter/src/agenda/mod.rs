//! What is to come, in order: time, then priority, then sequence.
//!
//! A timer wheel for what lies ahead, and an ordered map for the ticks that have begun. An entry goes onto
//! the wheel under the tick in which it falls, and from there into the map when that tick begins; so the
//! wheel bears the mass, at a price that does not depend on how many there are, and the map the exact
//! order, among few.
//!
//! The wheel turns with the times that [`take_due`](Agenda::take_due) is called with. What is added for a
//! tick that has begun goes straight into the map, and so does what is never due.

mod segments;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use self::segments::Segments;
use crate::kernel::ScheduleError;
use crate::kernel::timer::{Exact, Handle, Then, Tick, WheelOver};

/// The end of time: what is due then never is.
pub(crate) const NEVER: u64 = u64::MAX;

/// Nanoseconds of a tick, as a power of two: about a millisecond.
const SHIFT: u32 = 20;

/// The wheel begins so many ticks before its first entry (four hours), so that what comes earlier finds
/// room on it too.
const LEAD: u64 = 1 << 24;

/// Cancelled entries whose slots are not yet given back.
const UNTIDY: u32 = 64;

type Wheel<J> = WheelOver<Segments<(Place, J)>, Exact>;

/// Where an entry is, which is also when its turn comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Nanoseconds; [`NEVER`] is no time at all.
    pub(crate) time: u64,
    /// The lowest first.
    pub(crate) priority: i32,
    /// No two entries have the same one.
    pub(crate) sequence: u64,
    /// On the wheel, as long as it is there.
    handle: Option<Handle>,
}

impl Place {
    const fn key(&self) -> (u64, i32, u64) {
        (self.time, self.priority, self.sequence)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

pub(crate) struct Agenda<J> {
    wheel: Wheel<J>,
    /// How many are on the wheel.
    filed: usize,
    /// Where the wheel is, in ticks, of which its own ones are the low bits.
    position: u64,
    /// What falls into ticks that have begun.
    near: BTreeMap<Place, J>,
}

impl<J> Agenda<J> {
    pub(crate) const fn new() -> Self {
        Self {
            // SAFETY: the slots are new.
            wheel: unsafe { WheelOver::with_slots(Segments::new(), Tick::new(0)) },
            filed: 0,
            position: 0,
            near: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.filed + self.near.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn add(&mut self, time: u64, priority: i32, sequence: u64, job: J) -> Place {
        let place = Place { time, priority, sequence, handle: None };
        let tick = time >> SHIFT;
        if self.filed == 0 && time != NEVER {
            self.begin(tick.saturating_sub(LEAD));
        }
        match self.file(place, job) {
            Ok(place) => place,
            Err(job) => {
                self.near.insert(place, job);
                place
            }
        }
    }

    /// Has the wheel, which is empty, begin at this tick.
    fn begin(&mut self, tick: u64) {
        self.position = tick;
        if let Some(mut driver) = self.wheel.try_drive() {
            let _ = driver.approach(Tick::new(tick as u32), u32::MAX);
        }
    }

    /// Puts an entry onto the wheel. Gives the job back if its tick has begun or never will, or if the wheel
    /// cannot grow any more.
    fn file(&mut self, place: Place, job: J) -> Result<Place, J> {
        let ahead = (place.time >> SHIFT).saturating_sub(self.position);
        if ahead == 0 || place.time == NEVER {
            return Err(job);
        }
        let mut entry = (place, job);
        loop {
            match self.wheel.schedule_after(Tick::new(self.position as u32), ahead, entry) {
                Ok(scheduled) => {
                    self.filed += 1;
                    return Ok(Place { handle: Some(scheduled.handle), ..place });
                }
                Err(ScheduleError::Full(back)) => {
                    let Some(numbers) = self.wheel.slots().grow() else { return Err(back.1) };
                    // SAFETY: the row is there, and its numbers are new.
                    unsafe { self.wheel.admit(numbers) };
                    entry = back;
                }
                Err(too_far) => return Err(too_far.into_inner().1),
            }
        }
    }

    /// Takes an entry out, if it is still there.
    pub(crate) fn remove(&mut self, place: Place) -> Option<J> {
        let filed = place.handle.and_then(|handle| self.wheel.cancel(handle).ok());
        let Some((_, job)) = filed else { return self.near.remove(&place) };
        self.filed -= 1;
        if self.wheel.untidy() >= UNTIDY {
            if let Some(mut driver) = self.wheel.try_drive() {
                let _ = driver.tidy(u32::MAX);
            }
        }
        Some(job)
    }

    /// When there is something to do: not after the first entry is due, and at most a tick before, unless
    /// that lies far ahead.
    pub(crate) fn earliest(&self) -> Option<u64> {
        let near = self.near.first_key_value().map(|(place, _)| place.time);
        let filed = self.next_tick().map(|tick| tick << SHIFT);
        near.into_iter().chain(filed).min()
    }

    /// The tick at which the wheel has something to give, or something to move.
    fn next_tick(&self) -> Option<u64> {
        let position = Tick::new(self.position as u32);
        let ahead = position.until(self.wheel.next_deadline());
        (self.filed > 0).then(|| self.position + u64::from(ahead))
    }

    /// When the first entry is due. The wheel turns to its tick, so that what is added for an earlier one
    /// goes into the map.
    pub(crate) fn first(&mut self) -> Option<u64> {
        loop {
            let near = self.near.first_key_value().map(|(place, _)| place.time);
            match self.next_tick() {
                Some(tick) if near.is_none_or(|near| tick <= near >> SHIFT) => self.turn(tick),
                _ => return near,
            }
        }
    }

    /// Takes the first entry if it is due at `now`.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<(Place, J)> {
        self.turn(now >> SHIFT);
        let first = self.near.first_entry()?;
        let time = first.key().time;
        (time <= now && time != NEVER).then(|| first.remove_entry())
    }

    /// Turns the wheel to a tick, or leaves it where it is if it has come further.
    fn turn(&mut self, tick: u64) {
        while self.position < tick {
            if self.filed == 0 {
                return self.begin(tick);
            }
            let hop = (tick - self.position).min(u64::from(Wheel::<J>::REST));
            self.position += hop;
            let Some(mut driver) = self.wheel.try_drive() else { return };
            let Self { near, filed, position, .. } = self;
            let _ = driver.advance(Tick::new(*position as u32), u32::MAX, |(place, job)| {
                *filed -= 1;
                near.insert(Place { handle: None, ..place }, job);
                Then::Done
            });
        }
    }

    /// All entries, in order.
    pub(crate) fn snapshot(&mut self) -> impl Iterator<Item = (Place, &J)> {
        let near = self.near.iter().map(|(place, job)| (*place, job));
        let filed = self
            .wheel
            .timers()
            .map(|(handle, (place, job))| (Place { handle: Some(handle), ..*place }, job));
        let mut all: Vec<_> = near.chain(filed).collect();
        all.sort_unstable_by_key(|(place, _)| *place);
        all.into_iter()
    }

    /// Takes all entries, in order.
    pub(crate) fn take_all(&mut self) -> Vec<J> {
        let places: Vec<_> = self.snapshot().map(|(place, _)| place).collect();
        places.into_iter().filter_map(|place| self.remove(place)).collect()
    }
}
