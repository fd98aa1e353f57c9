//! One event: the action in the agenda, and the handle outside.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, Weak};

use super::Moment;
use super::error::CancelError;
use super::hub::Hub;
use crate::agenda::Place;
use crate::threading::{drop_quietly, locked};

/// An event that was entered: Python's `Event`. (SC003)
///
/// Dropping it changes nothing.
///
/// | Python | here |
/// |---|---|
/// | `time`, `priority`, `sequence` | [`time`](Self::time), [`priority`](Self::priority), [`sequence`](Self::sequence) |
/// | `action`, `argument`, `kwargs` | in the closure, which the scheduler has |
///
/// ```
/// use std::time::Duration;
/// use inkle::platform::after;
/// use inkle::sched::Scheduler;
///
/// let scheduler = Scheduler::new();
/// let tea = after(Duration::from_secs(3600));
/// let event = scheduler.enter_at(tea, 2, || println!("tea")).unwrap();
/// assert_eq!((event.time(), event.priority()), (tea, 2));
/// scheduler.cancel(&event).unwrap();
/// ```
pub struct Event<T> {
    hub: Weak<Hub>,
    place: Place,
    /// `None`: a run of a periodic job.
    status: Option<Arc<Mutex<Status>>>,
    time: PhantomData<fn() -> T>,
}

/// What has become of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Queued,
    /// Taken out to be run.
    Running,
    Done,
    Cancelled,
}

/// What runs once.
pub(super) struct Once {
    pub(super) action: Box<dyn FnOnce() + Send>,
    pub(super) status: Arc<Mutex<Status>>,
}

impl Once {
    pub(super) fn new(action: impl FnOnce() + Send + 'static) -> Self {
        Self { action: Box::new(action), status: Arc::new(Mutex::new(Status::Queued)) }
    }

    /// It never runs. Not to be called under a lock: it drops what the action owns.
    pub(super) fn cancel(self) {
        *locked(&self.status) = Status::Cancelled;
        drop_quietly(self.action);
    }
}

impl<T: Moment> Event<T> {
    pub(super) fn new(hub: &Arc<Hub>, place: Place, status: Option<Arc<Mutex<Status>>>) -> Self {
        Self { hub: Arc::downgrade(hub), place, status, time: PhantomData }
    }

    /// When it is due.
    #[must_use]
    pub fn time(&self) -> T {
        T::at(self.place.time)
    }

    /// Lower is earlier among events of one time.
    #[must_use]
    pub fn priority(&self) -> i32 {
        self.place.priority
    }

    /// Which one it was of all that were ever entered: lower is earlier among events of one time and
    /// one priority.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.place.sequence
    }

    /// Whether it is one run of a periodic [`Job`](super::Job).
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        self.status.is_none()
    }

    pub(super) fn cancel(&self, hub: &Arc<Hub>) -> Result<(), CancelError> {
        if !std::ptr::eq(self.hub.as_ptr(), Arc::as_ptr(hub)) {
            return Err(CancelError::Elsewhere);
        }
        let status = self.status.as_ref().ok_or(CancelError::Periodic)?;
        match hub.remove(self.place) {
            Some(work) => {
                work.cancel();
                Ok(())
            }
            None => Err(match *locked(status) {
                Status::Queued | Status::Running => CancelError::Running,
                Status::Done => CancelError::Done,
                Status::Cancelled => CancelError::Cancelled,
            }),
        }
    }
}

impl<T> Clone for Event<T> {
    fn clone(&self) -> Self {
        let Self { hub, place, status, time } = self;
        Self { hub: hub.clone(), place: *place, status: status.clone(), time: *time }
    }
}

impl<T: Moment> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("time", &self.time())
            .field("priority", &self.priority())
            .field("sequence", &self.sequence())
            .finish_non_exhaustive()
    }
}
