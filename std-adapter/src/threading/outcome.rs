//! What became of a function that ran for somebody else, in a thread of its own or a timer's.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use super::{JoinError, Panic, ThreadInfo, hook, locked};

/// What [`exit`] unwinds with. No other module can make one or see one.
struct Exit;

/// Leaves the function that the calling thread was started with; see
/// [`thread::exit`](crate::thread::exit).
pub(crate) fn exit() -> ! {
    // Not a panic: no hook hears of it.
    resume_unwind(Box::new(Exit))
}

/// Whether a function that unwound with this was left by [`exit`].
pub(crate) fn is_exit(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Exit>()
}

/// Filled once, emptied by the first who asks after that.
pub(super) struct Outcome<T> {
    result: Mutex<Option<Result<T, Failure>>>,
}

enum Failure {
    Panicked(PanicSlot),
    Exited,
    Cancelled,
}

/// Emptied by the first who asks for the panic: a join or the end of a scope.
pub(super) type PanicSlot = Arc<Mutex<Option<Panic>>>;

impl<T> Outcome<T> {
    pub(super) const fn new() -> Self {
        Self { result: Mutex::new(None) }
    }

    /// Keeps what the function returned or unwound with; of a panic, the hook hears first.
    pub(super) fn fill(&self, thread: &ThreadInfo, result: Result<T, Box<dyn Any + Send>>) {
        let result = result.map_err(|payload| {
            if is_exit(&*payload) {
                return Failure::Exited;
            }
            let panic = Panic::new(payload);
            hook::report(thread, &panic);
            Failure::Panicked(Arc::new(Mutex::new(Some(panic))))
        });
        *locked(&self.result) = Some(result);
    }

    pub(super) fn cancel(&self) {
        *locked(&self.result) = Some(Err(Failure::Cancelled));
    }

    pub(super) fn take(&self) -> Result<T, JoinError> {
        // A statement of its own: nothing of a user's is dropped under the lock.
        let result = locked(&self.result).take();
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(Failure::Exited)) => Err(JoinError::Exited),
            Some(Err(Failure::Cancelled)) => Err(JoinError::TimerCancelled),
            Some(Err(Failure::Panicked(slot))) => {
                Err(locked(&slot).take().map_or(JoinError::Taken, JoinError::Panicked))
            }
            None => Err(JoinError::Taken),
        }
    }

    /// Whether there is a result and it is as `test` wants it.
    pub(super) fn is(&self, test: impl FnOnce(&T) -> bool) -> bool {
        matches!(&*locked(&self.result), Some(Ok(value)) if test(value))
    }

    /// Where the panic is, if it is one.
    pub(super) fn panic(&self) -> Option<PanicSlot> {
        match &*locked(&self.result) {
            Some(Err(Failure::Panicked(slot))) => Some(Arc::clone(slot)),
            _ => None,
        }
    }
}
