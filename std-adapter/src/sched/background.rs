//! A thread that runs a scheduler until it is stopped, at the latest at the end of the process.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use super::hub::{Hub, Span};
use crate::platform::Deadline;
use crate::threading::{Builder, SpawnCause, Thread, before_joining, locked};

/// The schedulers that a thread runs, and whether that is a daemon.
static SERVED: Mutex<Vec<(Weak<Hub>, bool)>> = Mutex::new(Vec::new());

pub(super) fn start(hub: &Arc<Hub>, builder: &Builder) -> Result<Thread<()>, SpawnCause> {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    if !HOOKED.get_or_init(|| before_joining(close)) {
        return Err(SpawnCause::Exiting);
    }
    let its = Arc::clone(hub);
    // It serves until the stop, which is what it says then.
    let body = move || drop(its.run(Span::Stop));
    let thread = builder.spawn(body).map_err(|error| error.cause)?;
    let mut served = locked(&SERVED);
    served.retain(|(hub, _)| hub.strong_count() > 0);
    served.push((Arc::downgrade(hub), thread.is_daemon()));
    Ok(thread)
}

/// The end of the process: no action begins any more. Those of a daemon are not waited for.
fn close(deadline: Deadline) -> Vec<crate::threading::ThreadInfo> {
    let served = std::mem::take(&mut *locked(&SERVED));
    let mut left = Vec::new();
    for (hub, daemon) in served {
        if let Some(hub) = hub.upgrade() {
            let deadline = if daemon { Deadline::PASSED } else { deadline };
            let running = hub.stop(deadline).running;
            // A thread that is no daemon is waited for, and named, after this.
            left.extend(running.into_iter().filter(|thread| !daemon && thread.is_daemon()));
        }
    }
    left
}
