//! The token of the job that the calling thread runs.

use std::cell::Cell;
use std::ptr;

use crate::threading::CancelToken;

thread_local! {
    /// A plain pointer without a destructor: also there while the thread ends.
    static TOKEN: Cell<*const CancelToken<'static>> = const { Cell::new(ptr::null()) };
}

/// Calls `job` with `token` as that of the calling thread.
#[inline]
pub(super) fn within<R>(token: &CancelToken<'_>, job: impl FnOnce() -> R) -> R {
    struct Restore(*const CancelToken<'static>);
    impl Drop for Restore {
        fn drop(&mut self) {
            TOKEN.set(self.0);
        }
    }
    // Only the lifetime is another; nobody follows it after `within` has returned: it is taken back
    // before.
    let token = ptr::from_ref(token).cast::<CancelToken<'static>>();
    let _restore = Restore(TOKEN.replace(token));
    job()
}

/// Shows `look` the cancel token of the task that the calling thread does for a
/// [`ThreadPoolExecutor`](super::super::ThreadPoolExecutor); `None` if it does none.
///
/// The token is cancelled when the executor is
/// [shut down](super::super::ThreadPoolExecutor::shutdown_with) with all that runs in it. A task that
/// asks it now and then, or waits with it, stops early. (CF065)
///
/// ```
/// use inkle::concurrent::{Halt, Spawn, ThreadPoolExecutor, with_token};
/// use inkle::threading::Reason;
///
/// let executor = ThreadPoolExecutor::new(1).unwrap();
/// let endless = executor.submit(|| with_token(|token| token.map(|token| token.wait()))).unwrap();
/// while !endless.is_running() {
///     std::thread::yield_now();
/// }
/// executor.shutdown_with(Halt { cancel_running: true, ..Halt::WAIT });
/// assert_eq!(endless.join().unwrap(), Some(Reason::SHUTDOWN));
/// assert!(with_token(|token| token.is_none()));
/// ```
pub fn with_token<R>(look: impl FnOnce(Option<&CancelToken<'_>>) -> R) -> R {
    // SAFETY: `within` is on this thread's stack, below us, and has the token borrowed; and the closure
    // cannot keep the reference, whose lifetime it does not know.
    look(unsafe { TOKEN.get().as_ref() })
}
