//! Names that go with a scope.

use std::io;
use std::sync::Mutex;

use super::segment::SharedMemory;
use crate::threading::locked;

/// Owns shared memory: what it makes loses its name when it is shut down or dropped. (MP053)
///
/// Python starts a server process for this. Here what a killed process leaves behind is seen by
/// [`is_orphan`](SharedMemory::is_orphan).
///
/// ```
/// use inkle::multiprocessing::memory::{SharedMemory, SharedMemoryManager};
///
/// let manager = SharedMemoryManager::new();
/// let memory = manager.create(4096)?;
/// assert!(memory.has_name() && !memory.is_owner());
/// drop(manager);
/// assert!(!memory.has_name());
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Default)]
pub struct SharedMemoryManager {
    owned: Mutex<Vec<SharedMemory>>,
}

impl SharedMemoryManager {
    /// One that owns nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { owned: Mutex::new(Vec::new()) }
    }

    /// `size` zeros under a name of their own.
    ///
    /// Errors: as [`SharedMemory::create_unique`].
    pub fn create(&self, size: usize) -> io::Result<SharedMemory> {
        Ok(self.adopt(SharedMemory::create_unique(size)?))
    }

    /// From now on the name of `memory`, if the caller owns it, goes with this. Gives a handle that owns nothing.
    pub fn adopt(&self, memory: SharedMemory) -> SharedMemory {
        let handle = memory.borrowed();
        locked(&self.owned).push(memory);
        handle
    }

    /// Takes away the names of all that it owns. Whoever has the memory mapped keeps it.
    pub fn shutdown(&self) {
        let owned = std::mem::take(&mut *locked(&self.owned));
        drop(owned);
    }
}
