//! A cancel token that a thread which polls descriptors can see.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use inkle_core::sync::Reason;
use rustix::event::{EventfdFlags, eventfd};

use crate::platform::Deadline;
use crate::threading::CancelToken;

/// A descriptor that is readable once the token was cancelled.
pub(super) struct Alarm<'t> {
    bell: Arc<Bell>,
    token: &'t CancelToken<'t>,
}

struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It is full only if it was rung already.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

impl Alarm<'_> {
    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.bell.0
    }

    pub(super) fn is_rung(&self) -> bool {
        self.reason().is_some()
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        self.token.reason()
    }

    /// When the token cancels itself.
    pub(super) fn deadline(&self) -> Deadline {
        self.token.deadline()
    }
}

/// Calls `wait` with an alarm for the token.
///
/// Errors: there is no descriptor left for the alarm.
pub(super) fn with<R>(
    token: &CancelToken<'_>,
    wait: impl FnOnce(&Alarm<'_>) -> R,
) -> io::Result<R> {
    let bell = Arc::new(Bell(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?));
    let waker = Waker::from(Arc::clone(&bell));
    let mut cancelled = pin!(token.wait_async());
    // Ready or not, `wait` looks at the token itself. The bell stays with the token until this returns.
    let _ = cancelled.as_mut().poll(&mut Context::from_waker(&waker));
    Ok(wait(&Alarm { bell, token }))
}
