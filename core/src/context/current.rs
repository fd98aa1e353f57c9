//! Which context runs here: one word.

use core::fmt;
use core::ptr;

use super::{Context, Ground};
use crate::atomic::{Ordering, PlainPtr};

/// Says which context runs on a core, or in a thread; and holds the one that runs while no other is
/// entered.
///
/// See [the module](super) for a full example.
#[repr(C)]
pub struct Current<G: Ground> {
    /// Null is `root`.
    context: PlainPtr<Context<G>>,
    root: Context<G>,
}

impl<G: Ground> Current<G> {
    const_fn! {
        /// Nothing entered.
        #[must_use]
        pub const fn new() -> Self {
            Self { context: PlainPtr::new(ptr::null_mut()), root: Context::root() }
        }
    }

    /// Makes `context` the current one, in one store, and says which was; null is that of whoever has
    /// entered none. For the switch of a scheduler's tasks: give each task a context and switch it with
    /// the stack.
    ///
    /// Progress: wait-free, one load and one store. Interrupt-safe: yes. Ordering: relaxed, it is read
    /// where it is written.
    ///
    /// # Safety
    ///
    /// `context` is null, or what this has returned before, or points to a context; and nobody else runs
    /// in it. That goes for null too: of several tasks that preempt each other one may have it. It lives,
    /// in its place, and nobody [runs](Context::run) in it, until another has been made the current one
    /// here and everything that ran in it has ended or been switched away.
    pub unsafe fn switch(&self, context: *const Context<G>) -> *const Context<G> {
        // Relaxed, here and in `with`: stored and loaded by the same thread of execution.
        let before = self.context.load(Ordering::Relaxed);
        self.context.store(context.cast_mut(), Ordering::Relaxed);
        before
    }

    /// Calls `f` with the context that runs here.
    #[inline(always)]
    pub(super) fn with<R>(&self, f: impl FnOnce(&Context<G>) -> R) -> R {
        let context = self.context.load(Ordering::Relaxed);
        // SAFETY: null, or it lives as long as it is current, by the promise to `switch`; `f` ends before
        // that, as it is called by what runs in it.
        f(unsafe { context.as_ref() }.unwrap_or(&self.root))
    }
}

/// Calls `f` with `context` as the current one.
///
/// # Safety
///
/// Nobody else runs in it until this returns.
pub(super) unsafe fn switched<G: Ground, R>(context: &Context<G>, f: impl FnOnce() -> R) -> R {
    // SAFETY: it is borrowed, so it lives, in its place, until `_back` has made another one current;
    // nobody else runs in it, by the caller's promise.
    let before = G::current(|current| unsafe { current.switch(context) });
    let _back = Back::<G>(before);
    f()
}

/// Goes back to what was current before.
struct Back<G: Ground>(*const Context<G>);

impl<G: Ground> Drop for Back<G> {
    fn drop(&mut self) {
        // SAFETY: that is what `switch` has returned.
        G::current(|current| unsafe { current.switch(self.0) });
    }
}

impl<G: Ground> Default for Current<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Ground> fmt::Debug for Current<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("root", &self.root).finish_non_exhaustive()
    }
}
