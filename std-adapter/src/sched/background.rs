//! A thread that runs a scheduler until it is stopped, at the latest at the end of the process.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use super::hub::{Hub, Span};
use crate::platform::Deadline;
use crate::threading::{Builder, SpawnCause, Thread, ThreadInfo, before_joining, locked};

static SERVED: Mutex<Served> = Mutex::new(Served { hubs: Vec::new(), closed: false });

struct Served {
    /// The schedulers that a thread runs, and whether that is a daemon.
    hubs: Vec<(Weak<Hub>, bool)>,
    /// The process is ending.
    closed: bool,
}

pub(super) fn start(hub: &Arc<Hub>, builder: &Builder) -> Result<Thread<()>, SpawnCause> {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    let hooked = *HOOKED.get_or_init(|| before_joining(close));
    // Held until the thread is on the list: the end of the process misses none.
    let mut served = locked(&SERVED);
    if !hooked || served.closed {
        return Err(SpawnCause::Exiting);
    }
    let its = Arc::clone(hub);
    // It serves until the stop, and that is its answer.
    let body = move || drop(its.run(Span::Stop));
    let thread = builder.spawn(body).map_err(|error| error.cause)?;
    served.hubs.retain(|(hub, _)| hub.strong_count() > 0);
    served.hubs.push((Arc::downgrade(hub), thread.is_daemon()));
    Ok(thread)
}

/// The end of the process: no action begins any more. Those of a daemon are not waited for.
fn close(deadline: Deadline) -> Vec<ThreadInfo> {
    let hubs = {
        let mut served = locked(&SERVED);
        served.closed = true;
        std::mem::take(&mut served.hubs)
    };
    let mut left = Vec::new();
    for (hub, daemon) in hubs {
        if let Some(hub) = hub.upgrade() {
            let deadline = if daemon { Deadline::PASSED } else { deadline };
            let running = hub.stop(deadline).running;
            // A thread that is no daemon is waited for, and named, after this.
            left.extend(running.into_iter().filter(|thread| !daemon && thread.is_daemon()));
        }
    }
    left
}
