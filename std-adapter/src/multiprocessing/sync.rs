//! Locks and their kin between processes, each in memory of its own.
//!
//! They are [`in_place`] types behind handles, and have all of those's methods. If a process dies, whoever waits
//! for anything but a barrier looks again.

use std::io;
use std::ops::Deref;

use super::in_place;
use super::memory::Shared;
use super::travel::travels_as_its_field;
use crate::platform;

macro_rules! handles {
    ($($(#[$meta:meta])* $name:ident($($argument:ident: $type:ty)?) => $make:expr;)+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug)]
            pub struct $name(Shared<in_place::$name>);

            impl $name {
                /// A new one, in memory of its own.
                ///
                /// Errors: the system's.
                pub fn new($($argument: $type)?) -> io::Result<Self> {
                    Ok(Self(Shared::new($make)?))
                }
            }

            impl Deref for $name {
                type Target = in_place::$name;

                #[inline]
                fn deref(&self) -> &in_place::$name {
                    &self.0
                }
            }

            travels_as_its_field!($name);
        )+
    };
}

handles! {
    /// One at a time; any process or thread may release it. (MP038, MP039)
    ///
    /// If the process that holds it dies, the next one gets it and is told: what the lock protects may be half-changed.
    /// (MP044)
    ///
    /// ```
    /// use inkle::multiprocessing::Lock;
    ///
    /// let lock = Lock::new()?;
    /// let guard = lock.guard();
    /// if guard.found().is_abandoned() {
    ///     // Set right what is half-changed.
    /// }
    /// assert!(lock.try_guard().is_none());
    /// # drop(guard);
    /// assert!(lock.release().is_err(), "nobody holds it");
    /// # std::io::Result::Ok(())
    /// ```
    Lock() => in_place::Lock::new();

    /// One at a time, and its owner, a thread, again and again; only the owner may release it. (MP038, MP040)
    ///
    /// As a [`Lock`] it outlives its holder. (MP044)
    ///
    /// ```
    /// use inkle::multiprocessing::RLock;
    ///
    /// let lock = RLock::new()?;
    /// let outer = lock.guard()?;
    /// let inner = lock.guard()?;
    /// let other = std::thread::scope(|threads| threads.spawn(|| lock.release()).join().unwrap());
    /// assert!(other.is_err(), "not its owner");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    RLock() => in_place::RLock::new();

    /// At most so many at a time. (MP038, MP041)
    ///
    /// It does not know who has its permits: those of a process that dies stay taken.
    ///
    /// ```
    /// use inkle::multiprocessing::Semaphore;
    ///
    /// let seats = Semaphore::new(2)?;
    /// seats.acquire();
    /// assert_eq!(seats.available(), 1);
    /// # std::io::Result::Ok(())
    /// ```
    Semaphore(permits: u32) => in_place::Semaphore::new(permits);

    /// At most so many at a time, and never more permits than at first. (MP038, MP041)
    ///
    /// It does not know who has its permits: those of a process that dies stay taken.
    ///
    /// ```
    /// use inkle::multiprocessing::BoundedSemaphore;
    ///
    /// let seats = BoundedSemaphore::new(1)?;
    /// assert!(seats.release(1).is_err(), "nobody has taken one");
    /// # std::io::Result::Ok(())
    /// ```
    BoundedSemaphore(permits: u32) => in_place::BoundedSemaphore::new(permits);

    /// A flag that processes can wait for. (MP038, MP043)
    ///
    /// It may be set from a signal handler. (MP043)
    ///
    /// ```
    /// use inkle::multiprocessing::Event;
    ///
    /// let ready = Event::new()?;
    /// ready.set();
    /// ready.wait();
    /// # std::io::Result::Ok(())
    /// ```
    Event() => in_place::Event::new();

    /// Waits, with the guard of a [`Lock`] or an [`RLock`], until told that what the lock protects has changed. (MP038,
    /// MP042)
    ///
    /// The guard tells afterwards whether somebody died with the lock meanwhile. A notification never waits for those
    /// who are notified.
    ///
    /// ```
    /// use inkle::multiprocessing::{Condition, Lock, RawValue, memory::Cell};
    ///
    /// let (lock, changed) = (Lock::new()?, Condition::new()?);
    /// let count = RawValue::new(Cell::new(1))?;
    /// let mut guard = lock.guard();
    /// changed.wait_for(&mut guard, |_| count.get() > 0);
    /// # std::io::Result::Ok(())
    /// ```
    Condition() => in_place::Condition::new();
}

/// Everybody waits until all have come, again and again. (MP038)
///
/// If a process ends, killed or not, while one of its threads waits there, the barrier is broken for all until it is
/// reset. One that ends before it has come is waited for as before: where that may happen wait with a deadline. For at
/// most 128 parties.
///
/// ```
/// use inkle::multiprocessing::Barrier;
///
/// let start = Barrier::new(2)?;
/// let (ours, theirs) = std::thread::scope(|threads| {
///     let there = threads.spawn(|| start.wait().unwrap());
///     (start.wait().unwrap(), there.join().unwrap())
/// });
/// assert_eq!(ours + theirs, 1, "one is 0, one is 1");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Barrier(Shared<in_place::Barrier>);

impl Barrier {
    /// A barrier for so many parties, in memory of its own.
    ///
    /// Errors: of the kind `InvalidInput` for none, and for more than a barrier can have; the system's.
    pub fn new(parties: u32) -> io::Result<Self> {
        let barrier = in_place::Barrier::new(parties).ok_or_else(|| {
            let text = format!("a barrier cannot be for {parties} parties");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        Ok(Self(Shared::new(barrier)?))
    }
}

impl Deref for Barrier {
    type Target = in_place::Barrier;

    #[inline]
    fn deref(&self) -> &in_place::Barrier {
        &self.0
    }
}

travels_as_its_field!(Barrier);

/// Holds a [`Lock`] until it is dropped, and knows how it was found.
///
/// ```
/// use inkle::multiprocessing::{Lock, LockGuard};
///
/// fn critical(_proof: &LockGuard<'_>) {}
///
/// let lock = Lock::new()?;
/// critical(&lock.guard());
/// # std::io::Result::Ok(())
/// ```
pub type LockGuard<'a> = inkle_core::robust::LockGuard<'a, platform::Shared>;

/// Holds one level of an [`RLock`] until it is dropped, and knows how it was found.
///
/// ```
/// use inkle::multiprocessing::{RLock, RLockGuard};
///
/// fn critical(_proof: &RLockGuard<'_>) {}
///
/// let lock = RLock::new()?;
/// critical(&lock.guard()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type RLockGuard<'a> = inkle_core::robust::RLockGuard<'a, platform::Shared>;
