//! What a worker knows of itself: whose it is, and the token of the job that it runs.

use std::cell::Cell;
use std::ptr;

use crate::threading::CancelToken;

thread_local! {
    /// Plain pointers without a destructor: also there while the thread ends.
    static HERE: Cell<Option<Here>> = const { Cell::new(None) };
}

/// What a worker can do for the job that it runs.
pub(super) trait Site {
    /// See [`Roster::go_away`](inkle_core::roster::Roster::go_away). Starts whoever is needed. Whether
    /// to come back.
    fn go_away(&self) -> bool;
    fn come_back(&self);
    /// Which pool it is.
    fn pool(&self) -> *const ();
}

#[derive(Clone, Copy)]
struct Here {
    site: *const dyn Site,
    token: *const CancelToken<'static>,
}

/// Calls `job` with `site` and `token` as those of the calling thread.
pub(super) fn within<R>(site: &dyn Site, token: &CancelToken<'_>, job: impl FnOnce() -> R) -> R {
    struct Restore(Option<Here>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let token = ptr::from_ref(token).cast::<CancelToken<'static>>();
    // SAFETY: only the lifetime of what the pointer points to changes, and nobody follows it after
    // `within` has returned: it is taken back before.
    let site: *const dyn Site = unsafe { std::mem::transmute(ptr::from_ref(site)) };
    let _restore = Restore(HERE.replace(Some(Here { site, token })));
    job()
}

/// Calls `wait`, which may block for long, while the pool of the calling worker goes on with as many
/// workers as before. Just calls it, if the caller is no worker.
///
/// `wait` must wait for something that other jobs do; it runs no other job of the pool.
pub(crate) fn compensate<R>(wait: impl FnOnce() -> R) -> R {
    struct Return<'a>(&'a dyn Site);
    impl Drop for Return<'_> {
        fn drop(&mut self) {
            self.0.come_back();
        }
    }
    let _away = HERE.get().and_then(|here| {
        // SAFETY: `within` is on this thread's stack, below us, and keeps what it was given borrowed.
        let site = unsafe { &*here.site };
        site.go_away().then_some(Return(site))
    });
    wait()
}

/// Whether the calling thread runs a job of that pool.
pub(super) fn is_in(pool: *const ()) -> bool {
    // SAFETY: as in `compensate`.
    HERE.get().is_some_and(|here| unsafe { &*here.site }.pool() == pool)
}

/// Shows `look` the token of the job that the calling thread runs; `None` if it runs none.
///
/// The token is cancelled when the job's pool is shut down with everything that runs in it. A job that
/// asks now and then, or waits with the token, can stop early.
pub fn with_token<R>(look: impl FnOnce(Option<&CancelToken<'_>>) -> R) -> R {
    // SAFETY: as in `compensate`; and the closure cannot keep the reference, whose lifetime it does not
    // know.
    look(HERE.get().map(|here| unsafe { &*here.token }))
}
