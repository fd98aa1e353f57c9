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
        if !desk.post.begin(number) {
            await_death();
        }
        let (kind, cargo) = answer(place(head), received).into_parts();
        if desk.post.put(Way::Replies, number, kind, &cargo, Deadline::NEVER).is_err() {
            return;
        }
        // Afterwards: see `mailbox`.
        if !desk.post.end(number) {
            await_death();
        }
        jobs += 1;
        let is_spent = desk.most_jobs.is_some_and(|most| jobs >= most)
            || desk.most_memory.is_some_and(|most| memory() > most);
        desk.bell.head().0.ring(u32::MAX);
        if is_spent {
            return;
        }
    }
}

/// The pool has decided to kill this process.
fn await_death() -> ! {
    loop {
        std::thread::park();
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

/// For `multiprocessing::fuzzed`: letters to a worker and of a worker, after the other side has written to what they
/// share.
#[cfg(inkle_fuzz)]
pub fn fuzzed(mut bytes: &[u8]) {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::reply::Ending;
    use crate::multiprocessing::fuzzed::{spoil, take};
    use crate::multiprocessing::parcel::Parcel;
    use crate::os::memory::Mapping;

    let Ok((ours, theirs)) = Post::pair() else { return };
    let bytes = &mut bytes;
    let [choices] = take(bytes);
    for _ in 0..choices % 4 {
        let [length, number] = take(bytes);
        let (inside, rest) = bytes.split_at(bytes.len().min(length.into()));
        *bytes = rest;
        let Ok(cargo) = Cargo::of(Parcel { bytes: inside.to_vec(), fds: Vec::new() }) else {
            return;
        };
        let head = [take(bytes), take(bytes)].map(u64::from_le_bytes);
        let number = u64::from(number);
        let _ = ours.put(Way::Orders, number, self::head(head.into()), &cargo, Deadline::PASSED);
        let _ = theirs.put(Way::Replies, number, take::<1>(bytes), &cargo, Deadline::PASSED);
    }
    if choices & 4 != 0 {
        let (file, stream) = ours.shared();
        let Ok(mapping) = Mapping::sealed(file.as_fd()) else { return };
        spoil(bytes, &mapping);
        let (length, mut stream) = (
            bytes.len().min(200),
            std::fs::File::from(match stream.try_clone() {
                Ok(stream) => stream,
                Err(_) => return,
            }),
        );
        if choices & 8 != 0 && stream.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
    for number in 0..4 {
        if let Ok(letter) = theirs.get::<HEAD>(Way::Orders, Deadline::PASSED) {
            let _ = (theirs.begin(letter.number), theirs.end(letter.number));
            let is_here =
                image::own().is_some_and(|image| Task::at(place(letter.head), image).is_some());
            assert!(
                is_here || matches!(answer(place(letter.head), letter.received), Reply::NoTask)
            );
        }
        if let Ok(letter) = ours.get::<1>(Way::Replies, Deadline::PASSED) {
            let _ = Ending::of(letter.head, letter.received).unit();
        }
        let _ = (ours.doom(number), ours.has_begun(number));
    }
    ours.dismiss();
}
