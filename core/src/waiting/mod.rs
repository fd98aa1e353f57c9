//! Floor 2: threads and tasks that wait for the same thing.
//!
//! | file | holds |
//! |---|---|
//! | `list` | one who waits, and the list of them: plain data under somebody's lock |
//! | `guests` | the list with its lock: enter, leave, be told |
//! | `queue` | guests beside threads that sleep on an [event count](crate::event_count) |
//!
//! A *guest* is whoever does not sleep on the word of the thing it waits for: a task of an async
//! runtime, which leaves a [`Waker`](core::task::Waker), or a thread that waits for several things at
//! once ([`Select`](crate::select::Select)), which leaves the address of a word of its own.

mod guests;
mod list;
mod queue;

pub(crate) use guests::{Guests, Place};
pub(crate) use list::{Waiter, Whom};

pub(crate) use queue::WaitQueue;
