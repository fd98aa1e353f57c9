//! What this process maps of what processes share: whoever learns that a process has died tells all of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use inkle_core::robust::Life;

use crate::os::life::life_of_child;
use crate::threading::locked;

/// Something mapped, where a dead process may have left a lock held or a wake-up unmade.
pub(in crate::multiprocessing) trait Grave: Send + Sync {
    /// Hands on what the dead process held, and repeats what it may not have got to tell.
    fn bury(&self, dead: Life);
}

/// By the address of the mapping, which no two have at the same time.
static GRAVES: Mutex<BTreeMap<usize, Weak<dyn Grave>>> = Mutex::new(BTreeMap::new());

/// From now on [`bury_everywhere`] tells `grave`, until [`forget`].
pub(in crate::multiprocessing) fn register(address: usize, grave: Weak<dyn Grave>) {
    locked(&GRAVES).insert(address, grave);
}

/// To be called before the address may be another's.
pub(in crate::multiprocessing) fn forget(address: usize) {
    locked(&GRAVES).remove(&address);
}

/// To be called with the number of a child that has ended and was not asked yet how, so that the number is not another's.
/// Tells everything shared that this process maps.
///
/// May be called more than once, by anybody who knows, at the same time.
pub(crate) fn bury_everywhere(pid: i32) {
    if let Some(dead) = u32::try_from(pid).ok().and_then(life_of_child) {
        bury(dead);
    }
}

fn bury(dead: Life) {
    // Not under the lock: to drop the last handle is to forget it.
    let graves: Vec<Arc<dyn Grave>> = locked(&GRAVES).values().filter_map(Weak::upgrade).collect();
    for grave in graves {
        grave.bury(dead);
    }
}
