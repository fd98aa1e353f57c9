//! The other side: what a worker's process does.

use std::fs;
use std::sync::Arc;

use inkle_core::robust::{Bell, Life, Survivor};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mailbox::{Cargo, Letter, Post, PostError, Received, Way};
use super::reply::Reply;
use crate::multiprocessing::call::{Place, Task};
use crate::multiprocessing::image;
use crate::multiprocessing::memory::{Region, Share};
use crate::multiprocessing::parcel::{Claimed, Lent};
use crate::platform::{Deadline, Shared};

/// What all workers ring.
#[repr(transparent)]
pub(super) struct Doorbell(pub(super) Bell<Shared>);

// SAFETY: one atomic word, of any bits.
unsafe impl Share for Doorbell {
    fn bury(&self, dead: Life) {
        Survivor::bury(&self.0, dead);
    }
}

/// What a worker is given when it starts.
pub(super) struct Desk {
    pub(super) post: Post,
    /// Rung when there is a reply.
    pub(super) bell: Arc<Region<Doorbell>>,
    pub(super) most_jobs: Option<u32>,
    pub(super) most_memory: Option<u64>,
}

impl Serialize for Desk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.post, Lent(self.bell.fd()), self.most_jobs, self.most_memory).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Desk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (post, bell, most_jobs, most_memory) =
            <(Post, Claimed, Option<u32>, Option<u64>)>::deserialize(deserializer)?;
        let bell = Region::attach(bell.0).map_err(D::Error::custom)?;
        Ok(Self { post, bell, most_jobs, most_memory })
    }
}

/// Of an order's record, before the cargo.
pub(super) const HEAD: usize = size_of::<Place>();

pub(super) fn head((offset, fingerprint): Place) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&offset.to_ne_bytes());
    head[8..].copy_from_slice(&fingerprint.to_ne_bytes());
    head
}

fn place(head: [u8; HEAD]) -> Place {
    let number = |part: &[u8]| part.try_into().map_or(0, u64::from_ne_bytes);
    (number(&head[..8]), number(&head[8..]))
}

/// Does what the pool orders, until it is dismissed or has had enough.
pub(super) fn serve(desk: Desk) {
    let mut jobs = 0;
    loop {
        let Letter { number, head, received } = match desk.post.get(Way::Orders, Deadline::NEVER) {
            Ok(letter) => letter,
            Err(PostError::NotNow) => continue,
            Err(PostError::ShutDown | PostError::Broken) => return,
        };
        desk.post.begin(number);
        let (kind, cargo) = answer(place(head), received).into_parts();
        if desk.post.put(Way::Replies, number, kind, &cargo, Deadline::NEVER).is_err() {
            return;
        }
        // Afterwards: see `mailbox`.
        desk.post.begin(0);
        jobs += 1;
        let is_spent = desk.most_jobs.is_some_and(|most| jobs >= most)
            || desk.most_memory.is_some_and(|most| memory() > most);
        desk.bell.head().0.ring(u32::MAX);
        if is_spent {
            return;
        }
    }
}

fn answer(place: Place, received: Received) -> Reply {
    let Some(task) = image::own().and_then(|image| Task::at(place, image)) else {
        return Reply::NoTask;
    };
    // SAFETY: `Order` was given the function, in a process of this image: the pool starts no others.
    let job = match unsafe { task.prepare(received.bytes(), received.fds().to_vec()) } {
        Ok(job) => job,
        Err(error) => return Reply::Unreadable(error),
    };
    drop(received);
    match job()
        .and_then(|parcel| Cargo::of(parcel).map_err(crate::multiprocessing::EncodeError::of))
    {
        Ok(cargo) => Reply::Done(cargo),
        Err(error) => Reply::Unsendable(error),
    }
}

/// What this process uses of the memory, in bytes; 0 if the system does not say.
fn memory() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}
