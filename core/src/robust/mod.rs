//! Floor 5: locks and queues that outlive any process that uses them.
//!
//! Everything here is meant for memory that several processes map, each of which may be killed between
//! any two instructions. What is promised then:
//!
//! - a lock whose holder died goes to the next one, who is told ([`Found::Abandoned`]);
//! - a queue loses at most the record that the dead process was putting, or had just taken;
//! - a barrier breaks if one who had come to it dies;
//! - nobody waits for ever for what the dead process would have done.
//!
//! | want | take |
//! |---|---|
//! | one at a time, released by anybody | [`Lock`] |
//! | the same, again and again by the thread that has it | [`RLock`] |
//! | records of bytes, from many to many, in order | [`Records`] |
//! | to wait until all have come, or one of them is dead | [`Barrier`] |
//! | to sleep until something in shared memory may have changed | [`Bell`] |
//!
//! From [`sync`](crate::sync) `Event`, `Semaphore`, `BoundedSemaphore` and `Condition` do as they are, on a
//! [`Mortal`] ground: they are [`Survivor`]s too. A condition waits with the guards of both.
//!
//! # Who learns of a death
//!
//! Whoever does, mostly the parent of the dead process, calls [`bury`](Survivor::bury) on each object that
//! both used. That hands on what the dead process held and repeats every wake-up that it may not have got
//! to make. So no operation has to be one step with its wake-up; the rule is only that *the words mean
//! something sound after each single step*, and that the dead leave nothing behind but locks they held and
//! wake-ups they did not make.
//!
//! For deaths that nobody reports there is a net: whoever sleeps here looks up every second. Then whoever
//! waits for a lock asks whether its holder is alive, and whoever waits at a barrier asks it of all who have
//! come. What is taken from `sync` has no such net.
//!
//! # Hostile bytes
//!
//! Another process may write what it likes into the memory. Then operations give wrong data, an error, or
//! wait for as long as they were asked to; they touch nothing outside of the object and do nothing
//! undefined. All bytes 0 is a new object, but for a barrier.
mod barrier;
mod bell;
mod life;
mod lock;
mod records;
mod rlock;
mod survivor;

pub use barrier::Barrier;
pub use bell::Bell;
pub use life::{Life, Mortal};
pub use lock::{Found, Lock, LockGuard};
pub use records::{Header, Record, Records};
pub use rlock::{RLock, RLockGuard};
pub use survivor::Survivor;

use core::time::Duration;

use crate::platform::{Deadline, Platform};

/// How long a sleeper sleeps before it looks for itself: the net for deaths that nobody reports.
const NET: Duration = Duration::from_secs(1);

/// Until when to sleep for now, on the way to `deadline`.
fn until_next_look<P: Platform>(deadline: Deadline) -> Deadline {
    let next = Deadline::after::<P>(NET);
    if next < deadline { next } else { deadline }
}
