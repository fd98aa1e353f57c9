//! The errors of the kernel: values, one small family, and a rejected item is always handed back.
//!
//! Two floors, two pairs. A queue that never blocks says [`PushError`] or [`PopError`]; a channel,
//! which may also run out of time, says [`PutError`] or [`GetError`].

use core::error::Error;
use core::fmt;

use crate::sync::Reason;

/// Why a queue did not take an item. The item comes back.
///
/// ```
/// use inkle_core::queue::{Queue, word::WordRing};
/// use inkle_core::PushError;
///
/// let queue = WordRing::<u32, 1>::new();
/// queue.try_push(1).unwrap();
/// assert_eq!(queue.try_push(2), Err(PushError::Full(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// There is no free slot.
    Full(T),
    /// The queue is closed and takes nothing any more.
    Closed(T),
}

impl<T> PushError<T> {
    /// The item that was not taken.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

/// Why a queue gave no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopError {
    /// There is nothing in the queue.
    Empty,
    /// The queue is closed and everything that was in it has been taken.
    Closed,
}

/// Why a channel did not take an item. The item comes back.
///
/// ```
/// use inkle_core::channel::{Channel, Shutdown};
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::queue::word::WordRing;
/// use inkle_core::PutError;
///
/// let channel: Channel<WordRing<u32, 1>, Spin<NoBoard>> = Channel::new(WordRing::new());
/// channel.try_put(1).unwrap();
/// assert_eq!(channel.try_put(2), Err(PutError::Full(2)));
/// channel.shutdown(Shutdown::Graceful);
/// assert_eq!(channel.try_put(3).unwrap_err().into_inner(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError<T> {
    /// There is no free slot, and the call was not to wait.
    Full(T),
    /// There was no free slot until the deadline.
    TimedOut(T),
    /// The channel has been shut down.
    ShutDown(T),
    /// The token that the call was made with is cancelled.
    Cancelled(T, Reason),
}

impl<T> PutError<T> {
    /// The item that was not taken.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item)
            | Self::TimedOut(item)
            | Self::ShutDown(item)
            | Self::Cancelled(item, _) => item,
        }
    }
}

/// Why a channel gave no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// There is nothing in the channel, and the call was not to wait.
    Empty,
    /// There was nothing until the deadline.
    TimedOut,
    /// The channel has been shut down and nothing is left in it.
    ShutDown,
    /// The token that the call was made with is cancelled.
    Cancelled(Reason),
}

/// The deadline passed first. Nothing was taken, nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

/// The token that the call was made with is cancelled, for this reason. Nothing was taken, nothing was
/// changed.
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::{CancelToken, Reason};
///
/// let token = CancelToken::<Spin<NoBoard>>::new();
/// token.cancel(Reason::FAILED);
/// let error = token.check().unwrap_err();
/// assert_eq!(error.to_string(), "cancelled: another part of the work has failed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled(
    /// Why.
    pub Reason,
);

/// A lock was released that nobody held. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHeld;

/// Why a re-entrant lock was not acquired. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RLockError {
    /// Another thread holds it, and the call was not to wait.
    Held,
    /// Another thread held it until the deadline.
    TimedOut,
    /// The token that the call was made with is cancelled.
    Cancelled(Reason),
    /// Its owner holds as many levels as can be counted.
    TooDeep,
}

impl From<Cancelled> for RLockError {
    fn from(Cancelled(reason): Cancelled) -> Self {
        Self::Cancelled(reason)
    }
}

/// Why a re-entrant lock was not released. Nothing was changed.
///
/// ```
/// use inkle_core::error::ReleaseError;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::RLock;
///
/// let lock: RLock<Spin<NoBoard>> = RLock::new();
/// assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseError {
    /// Nobody holds it.
    NotHeld,
    /// Another thread holds it.
    NotOwner,
}

impl From<NotHeld> for ReleaseError {
    fn from(NotHeld: NotHeld) -> Self {
        Self::NotHeld
    }
}

/// Why a round at a barrier was not completed, for the one who is told.
///
/// ```
/// use inkle_core::error::BarrierError;
/// use inkle_core::platform::{Deadline, NoBoard, Spin};
/// use inkle_core::sync::Barrier;
///
/// let barrier: Barrier<Spin<NoBoard>> = Barrier::new(2).unwrap();
/// assert_eq!(barrier.wait_until(Deadline::PASSED), Err(BarrierError::TimedOut));
/// assert_eq!(barrier.wait(), Err(BarrierError::Broken));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarrierError {
    /// The barrier is broken, or was broken or reset while the caller waited.
    Broken,
    /// The deadline passed first. If the caller had arrived, the barrier is broken now.
    TimedOut,
    /// The token that the call was made with is cancelled. If the caller had arrived, the barrier is
    /// broken now.
    Cancelled(Reason),
}

/// A semaphore was released beyond the largest count it can hold. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyPermits;

/// `task_done` was called more often than items were put. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDone;

/// A latch was to be counted down below zero. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BelowZero;

/// Why a promise gave no value.
///
/// ```
/// use inkle_core::error::TakeError;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Promise;
///
/// let promise = Promise::<u32, Spin<NoBoard>>::new();
/// assert_eq!(promise.try_take(), Err(TakeError::Empty));
/// promise.abandon();
/// assert_eq!(promise.take(), Err(TakeError::Broken));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// There is no value yet, and the call was not to wait.
    Empty,
    /// There was no value until the deadline.
    TimedOut,
    /// There was a value, and somebody else has taken it.
    Taken,
    /// The promise has been abandoned: there will be no value.
    Broken,
    /// The token that the call was made with is cancelled.
    Cancelled(Reason),
}

/// Why an outcome gave no value.
///
/// ```
/// use inkle_core::error::OutcomeError;
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::Outcome;
///
/// let outcome = Outcome::<u32, Spin<NoBoard>>::new();
/// assert_eq!(outcome.try_get(), Err(OutcomeError::NotDone));
/// outcome.cancel();
/// assert_eq!(outcome.get(), Err(OutcomeError::Cancelled));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutcomeError {
    /// The work is not done yet, and the call was not to wait.
    NotDone,
    /// The work was not done until the deadline.
    TimedOut,
    /// The work has been cancelled: there will be no value.
    Cancelled,
    /// The token that the call was made with is cancelled.
    CalledOff(Reason),
}

/// Why a wheel took no timer. The value comes back.
///
/// ```
/// use inkle_core::timer::{Tick, Wheel};
/// use inkle_core::ScheduleError;
///
/// let wheel = Wheel::<char, 1>::new(Tick::new(0));
/// let never = Tick::new(0).after(u32::MAX);
/// assert_eq!(wheel.schedule(never, 'a'), Err(ScheduleError::TooFar('a')));
/// assert!(wheel.schedule(Tick::new(9), 'b').is_ok());
/// assert_eq!(wheel.schedule(Tick::new(9), 'c').unwrap_err().into_inner(), 'c');
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError<T> {
    /// There is no free slot.
    Full(T),
    /// The deadline lies too far ahead to be told from one that has passed.
    TooFar(T),
}

impl<T> ScheduleError<T> {
    /// The value that was not taken.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::TooFar(value) => value,
        }
    }
}

/// Why a timer was not moved to another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RescheduleError {
    /// There is no free slot. The timer stays as it was.
    Full,
    /// The deadline lies too far ahead to be told from one that has passed. The timer stays as it was.
    TooFar,
    /// The timer has fired, fires just now, or was cancelled.
    TooLate,
}

/// The timer has fired, fires just now, or was cancelled before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

/// Why a timer was not taken back by who would wait for its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// The timer is over; its action does not run any more, unless the caller is the action.
    TooLate,
    /// The timer's action ran until the deadline.
    TimedOut,
}

/// A task could not sleep: there is no free slot in the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WheelFull;

/// Why a future with a deadline gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SleepError {
    /// The deadline passed first.
    TimedOut,
    /// The future was not ready, and there is no free slot in the wheel for the deadline.
    Full,
}

/// Why a queue in shared memory did not take a record. Nothing was changed.
///
/// See [`Records`](crate::robust::Records) for an example.
#[cfg(any(target_has_atomic = "64", inkle_loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutRecordError {
    /// There is no room, and the call was not to wait.
    Full,
    /// There was no room until the deadline, or others were in the middle of their puts until then.
    TimedOut,
    /// The queue has been shut down.
    ShutDown,
    /// The record does not fit into the queue even when that is empty.
    TooLarge,
    /// What lies in the memory makes no sense: somebody has written to it who should not.
    Corrupt,
}

/// Why a queue in shared memory gave no record. Nothing was changed.
#[cfg(any(target_has_atomic = "64", inkle_loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetRecordError {
    /// There is no record, and the call was not to wait.
    Empty,
    /// There was no record until the deadline, or others were in the middle of their gets until then.
    TimedOut,
    /// The queue has been shut down and nothing is left in it.
    ShutDown,
    /// The buffer is smaller than the next record.
    TooSmall {
        /// How many bytes the record has.
        len: usize,
    },
    /// What lies in the memory makes no sense: somebody has written to it who should not.
    Corrupt,
}

/// All slots for context variables are taken by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSlot;

/// Why a context variable was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// All slots are taken by other variables.
    NoSlot,
    /// The caller has interrupted a change of the context that it runs in.
    Busy,
}

/// Why a context variable was not reset. The token comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetError<T> {
    /// The token is another variable's.
    OtherVariable(T),
    /// The token is from another context than the current one.
    OtherContext(T),
    /// The caller has interrupted a change of the context that it runs in.
    Busy(T),
}

impl<T> ResetError<T> {
    /// The token that was not used.
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::OtherVariable(token) | Self::OtherContext(token) | Self::Busy(token) => token,
        }
    }
}

/// Somebody runs in the context already. What was not called comes back.
///
/// ```
/// use inkle_core::error::Entered;
///
/// let refused = Entered(|| 6 * 7);
/// assert_eq!(refused.into_inner()(), 42);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entered<F>(pub F);

impl<F> Entered<F> {
    /// What was not called.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for Entered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entered(..)")
    }
}

impl<F> fmt::Display for Entered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody runs in the context already")
    }
}

impl<F> Error for Entered<F> {}

/// Implements `Debug` (without asking it of the item), `Display` and `Error` for an enum that
/// carries the rejected item.
macro_rules! error_with_item {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant(..) => concat!(stringify!($variant), "(..)")),+ })
            }
        }
        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant(..) => $text),+ })
            }
        }
        impl<T> Error for $name<T> {}
    };
}

/// Implements `Display` and `Error` for a plain enum.
macro_rules! error_plain {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant { .. } => $text),+ })
            }
        }
        impl Error for $name {}
    };
    ($name:ident, $text:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }
        impl Error for $name {}
    };
}

error_with_item!(PushError { Full => "the queue is full", Closed => "the queue is closed" });
error_with_item!(PutError {
    Full => "the channel is full",
    TimedOut => "the channel stayed full until the deadline",
    ShutDown => "the channel has been shut down",
    Cancelled => "the put was cancelled",
});
error_plain!(PopError { Empty => "the queue is empty", Closed => "the queue is closed and drained" });
error_plain!(GetError {
    Empty => "the channel is empty",
    TimedOut => "the channel stayed empty until the deadline",
    ShutDown => "the channel has been shut down and is drained",
    Cancelled => "the get was cancelled",
});
#[cfg(any(target_has_atomic = "64", inkle_loom))]
error_plain!(PutRecordError {
    Full => "the queue is full",
    TimedOut => "the queue stayed full until the deadline",
    ShutDown => "the queue has been shut down",
    TooLarge => "the record is larger than the queue",
    Corrupt => "what lies in the queue's memory makes no sense",
});
#[cfg(any(target_has_atomic = "64", inkle_loom))]
error_plain!(GetRecordError {
    Empty => "the queue is empty",
    TimedOut => "the queue stayed empty until the deadline",
    ShutDown => "the queue has been shut down and is drained",
    TooSmall => "the next record is larger than the buffer",
    Corrupt => "what lies in the queue's memory makes no sense",
});
error_plain!(TakeError {
    Empty => "the promise is not kept yet",
    TimedOut => "the promise was not kept until the deadline",
    Taken => "the promised value has been taken",
    Broken => "the promise has been abandoned",
    Cancelled => "the wait for the promise was cancelled",
});
error_plain!(OutcomeError {
    NotDone => "the work is not done yet",
    TimedOut => "the work was not done until the deadline",
    Cancelled => "the work has been cancelled",
    CalledOff => "the wait for the work was called off",
});
error_with_item!(ScheduleError {
    Full => "the wheel is full",
    TooFar => "the deadline lies beyond the wheel's horizon",
});
error_plain!(RescheduleError {
    Full => "the wheel is full",
    TooFar => "the deadline lies beyond the wheel's horizon",
    TooLate => "the timer is over",
});
error_plain!(TooLate, "the timer is over");
error_plain!(CancelError {
    TooLate => "the timer is over",
    TimedOut => "the timer's action ran until the deadline",
});
error_plain!(WheelFull, "the wheel is full");
error_plain!(SleepError { TimedOut => "the deadline passed", Full => "the wheel is full" });
error_plain!(NoSlot, "all slots for context variables are taken");
error_plain!(SetError {
    NoSlot => "all slots for context variables are taken",
    Busy => "a change of the context is interrupted here",
});
error_with_item!(ResetError {
    OtherVariable => "the token is another variable's",
    OtherContext => "the token is from another context",
    Busy => "a change of the context is interrupted here",
});
error_plain!(BelowZero, "a latch counted down below zero");
error_plain!(TimedOut, "the deadline passed");
error_plain!(NotHeld, "release of a lock that is not held");
error_plain!(RLockError {
    Held => "another thread holds the lock",
    TimedOut => "another thread held the lock until the deadline",
    Cancelled => "the acquisition was cancelled",
    TooDeep => "the lock is held too many levels deep",
});
error_plain!(ReleaseError {
    NotHeld => "release of a lock that is not held",
    NotOwner => "release of a lock that another thread holds",
});
error_plain!(BarrierError {
    Broken => "the barrier is broken",
    TimedOut => "the deadline passed at the barrier",
    Cancelled => "the wait at the barrier was cancelled",
});
error_plain!(TooManyPermits, "release beyond the largest semaphore count");
error_plain!(TooManyDone, "task_done called more often than items were put");

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled: {}", self.0)
    }
}

impl Error for Cancelled {}
