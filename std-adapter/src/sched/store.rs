//! What is to come, in order: time, then priority, then sequence.
//!
//! Adding, removing and taking the first cost the logarithm of how many there are. Nothing is left of
//! what was removed, and no two entries have the same sequence number, so that a removal is exact
//! (SC005, SC018).

use std::collections::BTreeMap;

/// Where an entry is, which is also when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Nanoseconds on the scheduler's clock; [`NEVER`] is no time at all.
    pub(super) time: u64,
    pub(super) priority: i32,
    pub(super) sequence: u64,
}

/// The end of time: what is due then never is.
pub(super) const NEVER: u64 = u64::MAX;

pub(super) struct Store<J> {
    jobs: BTreeMap<Place, J>,
}

impl<J> Store<J> {
    pub(super) const fn new() -> Self {
        Self { jobs: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn add(&mut self, time: u64, priority: i32, sequence: u64, job: J) -> Place {
        let place = Place { time, priority, sequence };
        self.jobs.insert(place, job);
        place
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<J> {
        self.jobs.remove(&place)
    }

    /// When the first entry is due.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.jobs.first_key_value().map(|(place, _)| place.time)
    }

    /// Takes the first entry if it is due at `now`.
    pub(super) fn take_due(&mut self, now: u64) -> Option<(Place, J)> {
        let time = self.earliest()?;
        if time == NEVER || time > now {
            return None;
        }
        self.jobs.pop_first()
    }

    pub(super) fn snapshot(&self) -> impl Iterator<Item = (Place, &J)> {
        self.jobs.iter().map(|(place, job)| (*place, job))
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = J> + use<J> {
        std::mem::take(&mut self.jobs).into_values()
    }
}
