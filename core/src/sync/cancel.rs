//! A cancel token: one word that says "stop", a list of those who are to be told, and a parent.
//!
//! # Layout
//!
//! `state` is 0, or the code of the reason. A tree of tokens has one list of guests, that of its root:
//! a waiter stands in one list however deep its token is, and a child needs no place in its parent. To
//! cancel any token of a tree wakes every waiter of the tree; those it does not concern find nothing
//! and wait on. Cancelling is rare, so this is cheap where it matters.
//!
//! # Why no wake-up is lost
//!
//! `cancel` writes the reason, then goes through the list under its lock. A waiter that entered before
//! is found there; one that enters later does so under the same lock, so it sees the reason.
//!
//! # Linearization point
//!
//! The first exchange of `state` from 0, on the token or any of its parents.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::atomic::{AtomicU32, Ordering};
use crate::error::Cancelled;
use crate::operation::{Attempt, Operation};
use crate::platform::{Deadline, Platform};
use crate::waiting::Guests;

/// Why something was cancelled: a number, with names for the usual ones.
///
/// ```
/// use inkle_core::sync::Reason;
///
/// const OVERHEATED: Reason = Reason::custom(3);
/// assert_ne!(OVERHEATED, Reason::REQUESTED);
/// assert_eq!(OVERHEATED.number(), Some(3));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(NonZeroU32);

impl Reason {
    /// Somebody asked for it.
    pub const REQUESTED: Self = Self(NonZeroU32::MIN);
    /// The token's deadline has passed.
    pub const DEADLINE: Self = Self(NonZeroU32::MIN.saturating_add(1));
    /// Another part of the same work has failed.
    pub const FAILED: Self = Self(NonZeroU32::MIN.saturating_add(2));
    /// The program, or this part of it, is being shut down.
    pub const SHUTDOWN: Self = Self(NonZeroU32::MIN.saturating_add(3));

    /// How many numbers are taken by the constants above, or kept for more of them.
    const TAKEN: u32 = 0xff;

    /// A reason of the program's own.
    #[must_use]
    pub const fn custom(number: u16) -> Self {
        Self(NonZeroU32::MIN.saturating_add(Self::TAKEN + number as u32))
    }

    /// The number that was given to [`custom`](Self::custom).
    #[must_use]
    pub const fn number(self) -> Option<u16> {
        match self.0.get().checked_sub(Self::TAKEN + 1) {
            Some(number) => Some(number as u16),
            None => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.number()) {
            (_, Some(number)) => write!(f, "reason {number}"),
            (Self::REQUESTED, _) => f.write_str("asked to stop"),
            (Self::DEADLINE, _) => f.write_str("the deadline has passed"),
            (Self::FAILED, _) => f.write_str("another part of the work has failed"),
            (_, None) => f.write_str("shutting down"),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({self})")
    }
}

/// Calls off whatever waits with it.
///
/// Every blocking operation has a form that ends in [`Cancelled`] as soon as a token is cancelled:
/// `get_unless(&token)`, `acquire_unless(&token)`; and every [`Operation`] has
/// [`unless`](Operation::unless). A token is cancelled once, for ever, for one reason; also when its
/// deadline passes, and whenever its parent is cancelled. Cancelling a child leaves its parent alone.
///
/// The deadline of a token limits threads that block with it. A task that awaits
/// [`wait_async`](Self::wait_async) is woken by [`cancel`](Self::cancel) alone: nobody wakes it when a
/// deadline passes. Between processes a token can be asked but not waited with: that does not compile
/// ([`Platform::SHARED`]).
///
/// ```
/// use inkle_core::platform::{NoBoard, Spin};
/// use inkle_core::sync::{CancelToken, Event, Reason};
///
/// type Ground = Spin<NoBoard>;
/// static STOP: CancelToken<'_, Ground> = CancelToken::new();
/// static PRESSED: Event<Ground> = Event::new();
///
/// let step = STOP.child();
/// assert!(STOP.cancel(Reason::REQUESTED));
/// assert!(!STOP.cancel(Reason::SHUTDOWN), "only the first one counts");
/// assert_eq!(step.reason(), Some(Reason::REQUESTED));
/// assert_eq!(PRESSED.wait_unless(&step).unwrap_err().0, Reason::REQUESTED);
/// ```
pub struct CancelToken<'p, P> {
    state: AtomicU32,
    deadline: Deadline,
    parent: Option<&'p CancelToken<'p, P>>,
    /// Of the whole tree, if this is its root.
    guests: Guests<P>,
}

impl<P: Platform> CancelToken<'_, P> {
    const_fn! {
        /// A token by itself, not cancelled.
        #[must_use]
        pub const fn new() -> Self {
            Self::until(Deadline::NEVER)
        }
    }

    const_fn! {
        /// A token that is cancelled when `deadline` passes, if not before.
        #[must_use]
        pub const fn until(deadline: Deadline) -> Self {
            Self { state: AtomicU32::new(0), deadline, parent: None, guests: Guests::new() }
        }
    }

    /// A token that is cancelled with this one, or by itself.
    #[must_use]
    pub fn child(&self) -> CancelToken<'_, P> {
        self.child_until(Deadline::NEVER)
    }

    /// As [`child`](Self::child), and when `deadline` passes.
    #[must_use]
    pub fn child_until(&self, deadline: impl Into<Deadline>) -> CancelToken<'_, P> {
        CancelToken { parent: Some(self), ..CancelToken::until(deadline.into()) }
    }

    /// As [`child`](Self::child), and after `timeout`.
    #[must_use]
    pub fn child_timeout(&self, timeout: Duration) -> CancelToken<'_, P> {
        self.child_until(Deadline::after::<P>(timeout))
    }

    /// Cancels the token and wakes whoever waits with it; says whether this was the first time.
    ///
    /// Progress: lock-free, and with somebody waiting a short lock. Interrupt-safe: if the platform's
    /// [`masked`](Platform::masked) keeps handlers out. Ordering: release, pairs with the acquire of
    /// [`reason`](Self::reason). Source: TH077.
    pub fn cancel(&self, reason: Reason) -> bool {
        // Release, pairs with the Acquire of `own`: what came before the cancellation. Relaxed: who
        // comes second learns nothing.
        let first = self
            .state
            .compare_exchange(0, reason.0.get(), Ordering::Release, Ordering::Relaxed)
            .is_ok();
        if first && !P::SHARED {
            self.root().guests.place().notify(u32::MAX);
        }
        first
    }

    /// Whether the token, or any of its parents, is cancelled or past its deadline.
    ///
    /// Progress: wait-free; the depth of the tree. Interrupt-safe: yes. Ordering: acquire, pairs with
    /// the release of [`cancel`](Self::cancel).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the token is cancelled, if it is; the nearest token that is cancelled says. Progress and the
    /// rest: as [`is_cancelled`](Self::is_cancelled).
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.line().find_map(CancelToken::own)
    }

    /// `Err` if the token is cancelled: for loops that compute. `token.check()?`
    ///
    /// Errors: [`Cancelled`].
    pub fn check(&self) -> Result<(), Cancelled> {
        self.reason().map_or(Ok(()), |reason| Err(Cancelled(reason)))
    }

    /// The moment when the token or one of its parents passes its deadline.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.line().map(|token| token.deadline).min().unwrap_or(Deadline::NEVER)
    }

    /// To await, select or block on: done when the token is cancelled.
    pub fn wait_async(&self) -> WaitCancelled<'_, P> {
        Operation::new(Cancelling(self), self.root().guests.place())
    }

    /// Waits until the token is cancelled, and gives the reason.
    ///
    /// Progress: blocking. Interrupt-safe: no.
    pub fn wait(&self) -> Reason {
        match self.wait_until(Deadline::NEVER) {
            Some(reason) => reason,
            // Only a deadline ends the wait otherwise, and the only one is the token's own.
            None => Reason::DEADLINE,
        }
    }

    /// As [`wait`](Self::wait), until `deadline`: `None` if it passes first. A deadline that has passed
    /// polls.
    pub fn wait_until(&self, deadline: impl Into<Deadline>) -> Option<Reason> {
        let deadline = self.deadline().min(deadline.into());
        self.wait_async().until(deadline).ok().or_else(|| self.reason())
    }

    /// As [`wait`](Self::wait), for at most `timeout`: a sleep that can be called off.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Reason> {
        self.wait_until(Deadline::after::<P>(timeout))
    }

    /// The token itself, without its parents.
    fn own(&self) -> Option<Reason> {
        // Acquire, pairs with the Release of `cancel`.
        let state = self.state.load(Ordering::Acquire);
        match NonZeroU32::new(state) {
            Some(code) => Some(Reason(code)),
            None if self.deadline.has_passed::<P>() => Some(Reason::DEADLINE),
            None => None,
        }
    }

    /// The token, its parent, and so on.
    fn line(&self) -> impl Iterator<Item = &CancelToken<'_, P>> {
        let first: &CancelToken<'_, P> = self;
        core::iter::successors(Some(first), |token| token.parent)
    }

    fn root(&self) -> &CancelToken<'_, P> {
        self.line().last().unwrap_or(self)
    }
}

impl<P: Platform> Default for CancelToken<'_, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> fmt::Debug for CancelToken<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

/// Done when a token is cancelled; see [`CancelToken::wait_async`].
pub type WaitCancelled<'a, P> = Operation<'a, Cancelling<'a, P>, P>;

/// See [`WaitCancelled`].
pub struct Cancelling<'a, P>(&'a CancelToken<'a, P>);

debug_name!(impl[P] Cancelling<'_, P>: "Cancelling";);

impl<'a, P: Platform> Attempt for Cancelling<'a, P> {
    type Output = Reason;

    fn attempt(&mut self, _waited: bool) -> Option<Reason> {
        self.0.reason()
    }
}
