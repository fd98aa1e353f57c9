//! A panic as a value.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use super::place::{self, PanicPlace};

/// What a thread's function panicked with.
///
/// Dropping it drops the payload. If that panics in its turn, the second panic is reported by the
/// panic hook and goes no further: what it carries is leaked, because nobody knows how to drop it.
///
/// ```
/// use inkle::threading::{self, JoinError};
///
/// let thread = threading::spawn(|| panic!("out of yarn")).unwrap();
/// match thread.join() {
///     Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), Some("out of yarn")),
///     _ => unreachable!(),
/// }
/// ```
pub struct Panic {
    message: Option<String>,
    pub(super) place: Option<PanicPlace>,
    /// Never locked by two: the mutex is what lets an error with a payload that is only `Send` be
    /// shared between threads, as errors should be. Empty once the payload is taken.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = message(&*payload);
        let place = place::of(message.as_deref());
        Self { message, place, payload: Mutex::new(Some(payload)) }
    }

    /// One of which no more than this is known: its payload is its message.
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "multiprocessing"))]
    pub(crate) fn elsewhere(message: Option<String>, place: Option<(String, u32, u32)>) -> Self {
        let place = place.map(|(file, line, column)| PanicPlace { file, line, column });
        let payload: Box<dyn Any + Send> = match &message {
            Some(message) => Box::new(message.clone()),
            None => Box::new(()),
        };
        Self { message, place, payload: Mutex::new(Some(payload)) }
    }

    /// The message of an ordinary `panic!("...")`; `None` if the payload is something else.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The payload itself, to be downcast. It is an ordinary value from here on: if its `Drop`
    /// panics, that panic is the caller's.
    ///
    /// ```
    /// use inkle::threading::{self, JoinError};
    ///
    /// let thread = threading::spawn(|| std::panic::panic_any(7_u8)).unwrap();
    /// match thread.join() {
    ///     Err(JoinError::Panicked(panic)) => {
    ///         assert_eq!(panic.into_inner().downcast_ref(), Some(&7_u8));
    ///     }
    ///     _ => unreachable!(),
    /// }
    /// ```
    pub fn into_inner(mut self) -> Box<dyn Any + Send> {
        // Only this method takes the payload and it consumes the panic: the other arm is never seen.
        self.take().unwrap_or_else(|| Box::new(()))
    }

    /// Goes on panicking in the calling thread, without a second report.
    ///
    /// Panics: always, with the thread's payload.
    ///
    /// ```
    /// use inkle::threading::{self, JoinError};
    ///
    /// let outcome = std::panic::catch_unwind(|| {
    ///     match threading::spawn(|| panic!("out of yarn")).unwrap().join() {
    ///         Err(JoinError::Panicked(panic)) => panic.resume(),
    ///         _ => unreachable!(),
    ///     }
    /// });
    /// assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"out of yarn"));
    /// ```
    pub fn resume(self) -> ! {
        resume_unwind(self.into_inner())
    }

    fn take(&mut self) -> Option<Box<dyn Any + Send>> {
        self.payload.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        // An error is often dropped while its owner unwinds: a second panic that got out of here
        // would end the process.
        if let Some(payload) = self.take() {
            drop_quietly(payload);
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("message", &self.message)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message().unwrap_or("a payload that is not text"))
    }
}

/// The text of an ordinary `panic!("...")`.
pub(super) fn message(payload: &(dyn Any + Send)) -> Option<String> {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Some((*text).to_owned()),
        None => payload.downcast_ref::<String>().cloned(),
    }
}

/// Drops `value`. A panic of its `Drop` is reported by the panic hook and stops here.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // This one could panic again, and so on for ever.
        mem::forget(payload);
    }
}
