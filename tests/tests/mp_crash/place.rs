//! The bytes of something shared, as they are.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, read_to_string};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

/// Where something shared lies in this process.
///
/// Its bytes are read and written by the system, for which they are not atomics, nor padding, nor anybody's.
pub(crate) struct Place {
    memory: File,
    start: u64,
    len: usize,
}

/// Makes something that is one file in memory, and finds it. Here alone this program makes such things.
pub(crate) fn placed<T>(make: impl FnOnce() -> T) -> (T, Place) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = mapped();
    let made = make();
    let new: Vec<_> = mapped().difference(&before).cloned().collect();
    let [line] = &new[..] else { panic!("one mapping is expected: {new:?}") };
    let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
    let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem").unwrap();
    (made, Place { memory, start, len: (end - start) as usize })
}

/// What the system says of each mapping of shared memory, the number of the file included.
fn mapped() -> BTreeSet<String> {
    let maps = read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:inkle (")).map(str::to_owned).collect()
}

impl Place {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.memory.read_exact_at(&mut bytes, self.start).unwrap();
        bytes
    }

    pub(crate) fn fill(&self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.len);
        self.memory.write_all_at(bytes, self.start).unwrap();
    }
}
