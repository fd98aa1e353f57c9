//! Pools at the end of the process: no more jobs; what waits is still done, but by daemons.
//!
//! The workers of a pool are ordinary threads, which the end of the process waits for, or daemons. So
//! all there is to do here is to shut the pools down.

use std::sync::{Mutex, OnceLock, Weak};

use crate::threading::{before_joining, exit_has_begun, locked};

/// A pool that is told.
pub(crate) trait AtExit: Send + Sync {
    fn exit(&self);
}

static POOLS: Mutex<Vec<Weak<dyn AtExit>>> = Mutex::new(Vec::new());

/// Has `pool` told of the end of the process. Whether it will be: not if that has begun.
pub(crate) fn add(pool: Weak<dyn AtExit>) -> bool {
    static HOOKED: OnceLock<bool> = OnceLock::new();
    let hooked = *HOOKED.get_or_init(|| {
        before_joining(|_| {
            let pools = std::mem::take(&mut *locked(&POOLS));
            pools.iter().filter_map(Weak::upgrade).for_each(|pool| pool.exit());
            Vec::new()
        })
    });
    let mut pools = locked(&POOLS);
    pools.retain(|pool| pool.strong_count() > 0);
    pools.push(pool);
    drop(pools);
    // Afterwards: whoever is on the list before that is told.
    hooked && !exit_has_begun()
}
