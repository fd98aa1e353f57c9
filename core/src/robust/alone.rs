// The ground of the examples and unit tests of this folder: one process, which lives.
use inkle_core::atomic::AtomicU32;
use inkle_core::platform::{Deadline, NoBoard, Platform, Spin, Wake};
use inkle_core::robust::{Life, Mortal};

pub(crate) struct Alone;

impl Platform for Alone {
    const SHARED: bool = true;

    fn now() -> u64 {
        1
    }

    fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> Wake {
        Spin::<NoBoard>::wait(word, expected, deadline)
    }

    fn wake(_word: *const AtomicU32, _count: u32) {}

    fn current() -> usize {
        1
    }

    fn relax(_round: u32) -> bool {
        false
    }
}

impl Mortal for Alone {
    fn life() -> Life {
        Life::new(1).expect("a number of 30 bits")
    }

    fn is_alive(life: Life) -> bool {
        life == Self::life()
    }
}
