//! The workers, as an executor sees them: who beats, and who has which task.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::status::WorkerStatus;
use super::wire::Beat;

/// All workers that have beaten lately.
#[derive(Default)]
pub(super) struct Crew(HashMap<u64, Member>);

pub(super) struct Member {
    pub(super) beat: Beat,
    seen: Instant,
    pub(super) tasks: HashSet<u64>,
    /// It keeps answers until it is told which tasks we still wait for.
    pub(super) owes: bool,
    /// Nobody listened at its subject; until it beats again.
    is_deaf: bool,
}

impl Member {
    /// How full it is, if it has room.
    fn fill(&self, ahead: u32) -> Option<u64> {
        let most = u64::from(self.beat.slots) * u64::from(ahead);
        let has = self.tasks.len() as u64;
        let takes = self.beat.is_open && !self.is_deaf && has < most;
        takes.then(|| has * 1024 / u64::from(self.beat.slots.max(1)))
    }
}

impl Crew {
    /// A beat has come; whether the worker is a new one. One that says it is over is to be [taken
    /// off](Self::take).
    pub(super) fn feel(&mut self, beat: Beat, now: Instant) -> bool {
        match self.0.get_mut(&beat.worker) {
            Some(member) => {
                (member.beat, member.seen, member.is_deaf) = (beat, now, false);
                false
            }
            None if beat.is_over => false,
            None => {
                let (tasks, owes, is_deaf) = (HashSet::new(), false, false);
                let member = Member { seen: now, tasks, owes, is_deaf, beat };
                self.0.insert(member.beat.worker, member).is_none()
            }
        }
    }

    /// The one that is to get the next task: the least full.
    pub(super) fn pick(&self, ahead: u32) -> Option<u64> {
        let free = self.0.iter().filter_map(|(id, member)| Some((member.fill(ahead)?, *id)));
        free.min().map(|(_, id)| id)
    }

    pub(super) fn get(&mut self, worker: u64) -> Option<&mut Member> {
        self.0.get_mut(&worker)
    }

    pub(super) fn take(&mut self, worker: u64) -> Option<Member> {
        self.0.remove(&worker)
    }

    /// It gets nothing until it beats.
    pub(super) fn is_deaf(&mut self, worker: u64) {
        if let Some(member) = self.0.get_mut(&worker) {
            member.is_deaf = true;
        }
    }

    /// Those that have not beaten since.
    pub(super) fn silent(&self, since: Instant) -> Vec<u64> {
        self.0.iter().filter(|(_, member)| member.seen < since).map(|(id, _)| *id).collect()
    }

    /// Nothing could be heard until now: that was nobody's fault.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.0.values_mut().for_each(|member| member.seen = now);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Member)> {
        self.0.iter_mut().map(|(id, member)| (*id, member))
    }

    pub(super) fn status(&self, now: Instant) -> Vec<WorkerStatus> {
        let of = |member: &Member| WorkerStatus {
            host: member.beat.host.clone(),
            slots: member.beat.slots,
            load: member.beat.load,
            in_flight: member.tasks.len() as u64,
            draining: !member.beat.is_open,
            seen: now.saturating_duration_since(member.seen),
        };
        let mut all: Vec<_> = self.0.values().map(of).collect();
        all.sort_by(|a, b| a.host.cmp(&b.host));
        all
    }
}
