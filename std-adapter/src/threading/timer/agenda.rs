//! What is to happen when. Adding, taking back and taking what is due cost the logarithm of how many
//! there are, and an entry taken back leaves nothing behind, which a plain heap would not give.

use std::collections::BTreeMap;

use crate::platform::{Deadline, Private};

/// Something to be done once, or not at all.
pub(super) trait Job: Send {
    /// Whether the end of the process waits for it while it runs.
    fn is_waited_for(&self) -> bool;

    /// Does not unwind.
    fn run(self: Box<Self>);
    /// Does not unwind.
    fn cancel(self: Box<Self>);
}

/// Where an entry is. Equal deadlines are kept in the order of their arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    deadline: Deadline,
    number: u64,
}

pub(super) struct Agenda {
    next: u64,
    jobs: BTreeMap<Place, Box<dyn Job>>,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self { next: 0, jobs: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn add(&mut self, deadline: Deadline, job: Box<dyn Job>) -> Place {
        let place = Place { deadline, number: self.next };
        self.next += 1;
        self.jobs.insert(place, job);
        place
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Box<dyn Job>> {
        self.jobs.remove(&place)
    }

    /// When the first entry is due.
    pub(super) fn earliest(&self) -> Option<Deadline> {
        self.jobs.first_key_value().map(|(place, _)| place.deadline)
    }

    /// Takes the first entry if its time has come.
    pub(super) fn take_due(&mut self) -> Option<Box<dyn Job>> {
        if !self.earliest()?.has_passed::<Private>() {
            return None;
        }
        self.jobs.pop_first().map(|(_, job)| job)
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Box<dyn Job>> + use<> {
        std::mem::take(&mut self.jobs).into_values()
    }
}
