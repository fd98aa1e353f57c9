//! How work that runs is asked to stop: the cancel token of the task that a thread is doing, and the way
//! to it from the task's future.
//!
//! # Layout
//!
//! A token is made when the task first asks for it ([`with_token`]), on the stack of the thread that does
//! the task, in its [frame](super::here). Only then is it shown in the [`Bell`] beside the task's future, so
//! a task that never asks costs nothing.
//!
//! # Invariants
//!
//! 1. A bell shows a token only while that lives: it is hidden again, under the bell's lock, before the
//!    frame ends; and who rings cancels it under the same lock.
//! 2. No ring is lost: who comes first, the ring or the token, leaves word under the lock for the other.
//!
//! # Linearization point
//!
//! Taking the bell's lock.

use std::ptr::NonNull;
use std::sync::Mutex;

use super::here;
use crate::threading::{CancelToken, Reason, locked};

/// How far somebody goes to call work off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallOff {
    /// Only work that has not begun.
    Pending,
    /// Also work that runs: it is asked to stop.
    Running,
}

/// Where those who want work to stop find it.
pub(super) struct Bell(Mutex<State>);

enum State {
    Silent,
    /// Before there was a token.
    Rung,
    Shows(NonNull<CancelToken<'static>>),
}

// SAFETY: a token may be cancelled by any thread (it is `Sync`), and is there while it is shown
// (invariant 1).
unsafe impl Send for State {}

impl Bell {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State::Silent))
    }

    /// Asks the work to stop, now or when it looks.
    pub(super) fn ring(&self) {
        let mut state = locked(&self.0);
        match *state {
            // SAFETY: it lives as long as we have the lock (invariant 1).
            State::Shows(token) => _ = unsafe { token.as_ref() }.cancel(Reason::REQUESTED),
            State::Silent | State::Rung => *state = State::Rung,
        }
    }

    /// Whether it was rung and no token heard it.
    pub(super) fn is_rung(&self) -> bool {
        matches!(*locked(&self.0), State::Rung)
    }

    /// Has `token` cancelled when it is rung, or at once if it was.
    ///
    /// # Safety
    ///
    /// The token stays where it is until [`hide`](Self::hide).
    pub(super) unsafe fn show(&self, token: &CancelToken<'static>) {
        let mut state = locked(&self.0);
        if matches!(*state, State::Rung) {
            drop(state);
            token.cancel(Reason::REQUESTED);
        } else {
            *state = State::Shows(NonNull::from(token));
        }
    }

    /// From here on the token may go.
    pub(super) fn hide(&self) {
        *locked(&self.0) = State::Silent;
    }
}

/// Shows `look` the cancel token of the task that the calling thread does; `None` if it does none.
///
/// The token is cancelled when the task's future is asked to [stop](super::Future::stop), and when its
/// [`ThreadPoolExecutor`](super::ThreadPoolExecutor) is
/// [shut down](super::ThreadPoolExecutor::shutdown_with) with all that runs in it. A task that asks it now
/// and then, or waits with it, stops early. (CF065)
///
/// ```
/// use inkle::concurrent::{Halt, Spawn, ThreadPoolExecutor, with_token};
/// use inkle::threading::Reason;
///
/// let executor = ThreadPoolExecutor::new(2).unwrap();
/// let [one, other] = [(); 2].map(|()| {
///     executor.submit(|| with_token(|token| token.map(|token| token.wait()))).unwrap()
/// });
/// while !(one.is_running() && other.is_running()) {
///     std::thread::yield_now();
/// }
/// assert!(one.stop());
/// assert_eq!(one.join().unwrap(), Some(Reason::REQUESTED));
/// executor.shutdown_with(Halt { cancel_running: true, ..Halt::WAIT });
/// assert_eq!(other.join().unwrap(), Some(Reason::SHUTDOWN));
/// assert!(with_token(|token| token.is_none()));
/// ```
pub fn with_token<R>(look: impl FnOnce(Option<&CancelToken<'_>>) -> R) -> R {
    here::with_token(look)
}
