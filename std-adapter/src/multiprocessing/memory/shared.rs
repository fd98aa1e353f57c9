//! One value in memory of its own.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::region::Region;
use super::share::Share;
use crate::multiprocessing::parcel;

/// A value that lies in memory shared by processes: a handle, which goes to other processes as an argument, in a message,
/// or in a task.
///
/// The memory has no name. The kernel frees it when the last process that has a handle is gone, however it went. The
/// value's `drop` is never run.
///
/// It is serialized only on its way to another process: elsewhere that is an error. What arrives is looked at: a handle
/// that was sent as another type is refused.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use inkle::multiprocessing::memory::Shared;
///
/// let done = Shared::new([const { AtomicU64::new(0) }; 4])?;
/// let same = done.clone();
/// same[3].fetch_add(1, Relaxed);
/// assert_eq!(done[3].load(Relaxed), 1);
/// # std::io::Result::Ok(())
/// ```
pub struct Shared<T: Share> {
    region: Arc<Region<T>>,
}

impl<T: Share> Shared<T> {
    /// Puts `value` to memory of its own, a page at least.
    ///
    /// Errors: the system's, as for a process that has too many files open.
    pub fn new(value: T) -> io::Result<Self> {
        Ok(Self { region: Region::create(value, 0)? })
    }
}

impl<T: Share> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.region.head()
    }
}

impl<T: Share> Clone for Shared<T> {
    /// The same value, and in this process the same mapping.
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region) }
    }
}

impl<T: Share + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&**self).finish()
    }
}

impl<T: Share> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        parcel::lend(self.region.fd(), serializer)
    }
}

impl<'de, T: Share> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fd = parcel::claim(deserializer)?;
        Ok(Self { region: Region::attach(fd).map_err(D::Error::custom)? })
    }
}
