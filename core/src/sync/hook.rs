//! One who is told when an [`Outcome`](super::Outcome) is there: a link and a function.
//!
//! # Layout
//!
//! Hooks stand in a chain, the newest first, whose head shares a word with the outcome's phase. So they
//! are aligned to what that needs. The link is written by the one who puts the hook into the chain, before
//! others can see it, and read by the one who has taken the chain out; nobody else looks.

use core::fmt;
use core::ptr::{self, NonNull, with_exposed_provenance_mut};

use crate::atomic::UnsafeCell;

/// The bits of an address of a [`Hook`] that are always 0.
pub(super) const ALIGNED: usize = align_of::<Hook>() - 1;

/// Somebody to be told once, with room for its place in the chain: the first field of a larger `repr(C)`
/// struct, as a rule, which the function knows.
///
/// See [`Outcome::hook`](super::Outcome::hook) for an example.
#[repr(C, align(16))]
pub struct Hook {
    next: UnsafeCell<usize>,
    tell: unsafe fn(NonNull<Hook>),
}

// SAFETY: the link is touched by one thread at a time: who enters the hook, then who has taken it out.
unsafe impl Sync for Hook {}

impl Hook {
    const_fn! {
        /// A hook that calls `tell` with its own address, once.
        ///
        /// From the moment of that call on the hook is `tell`'s: nobody touches it any more, so it may be
        /// freed there.
        pub const fn new(tell: unsafe fn(NonNull<Hook>)) -> Self {
            Self { next: UnsafeCell::new(0), tell }
        }
    }

    /// The hook at an address, which is without tag; `None` for 0.
    fn at(address: usize) -> Option<NonNull<Self>> {
        NonNull::new(with_exposed_provenance_mut(address))
    }

    /// The address of a hook, for [`at`](Self::at).
    pub(super) fn address(hook: NonNull<Self>) -> usize {
        hook.as_ptr().expose_provenance()
    }

    /// # Safety
    ///
    /// The hook is alive, and nobody else looks at its link.
    pub(super) unsafe fn link(hook: NonNull<Self>, next: usize) {
        // SAFETY: the caller's promise.
        let link = unsafe { &(*hook.as_ptr()).next };
        // SAFETY: the same.
        link.with_mut(|link| unsafe { *link = next });
    }

    /// Takes the first hook out of a chain, and tells the rest.
    ///
    /// # Safety
    ///
    /// All hooks of the chain are alive, and it is the caller's alone.
    unsafe fn split(chain: usize) -> Option<(NonNull<Self>, usize)> {
        let hook = Self::at(chain)?;
        // SAFETY: the caller's promise.
        let link = unsafe { &(*hook.as_ptr()).next };
        // SAFETY: the same.
        Some((hook, link.with(|link| unsafe { *link })))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

/// Hooks that are to be told, the oldest first.
pub(super) struct Chain(usize);

impl Chain {
    /// Turns a chain round that has the newest first.
    ///
    /// # Safety
    ///
    /// All hooks of it are alive, and it is the caller's alone.
    pub(super) unsafe fn turned(mut newest: usize) -> Self {
        let mut turned = 0;
        // SAFETY: the caller's promise.
        while let Some((hook, rest)) = unsafe { Hook::split(newest) } {
            // SAFETY: the same.
            unsafe { Hook::link(hook, turned) };
            turned = Hook::address(hook);
            newest = rest;
        }
        Self(turned)
    }

    /// Tells the oldest and takes it out; `false` if there is none.
    pub(super) fn tell_first(&mut self) -> bool {
        // SAFETY: the chain is ours alone, by the promise to `turned`, and who is in it was not told yet.
        let Some((hook, rest)) = (unsafe { Hook::split(self.0) }) else { return false };
        self.0 = rest;
        // SAFETY: alive until it is told.
        let tell = unsafe { ptr::read(&raw const (*hook.as_ptr()).tell) };
        // SAFETY: it is told once: it is out of the chain. Who entered it promised that this may be called.
        unsafe { tell(hook) };
        true
    }
}
