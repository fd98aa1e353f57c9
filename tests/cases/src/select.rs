//! The first of several operations.

use inkle_core::channel::Channel;
use inkle_core::queue::word::WordRing;
use inkle_core::select::Select;
use inkle_core::{Deadline, Platform, TimedOut};

use crate::Effort;

/// Fair between arms that are ready, and nothing is done when none is.
pub fn the_first_of_several<P: Platform>(_: Effort) {
    let [left, right] = [(); 2].map(|()| Channel::<WordRing<u8, 4>, P>::new(WordRing::new()));
    for item in [1, 2] {
        assert_eq!(left.try_put(item), Ok(()));
    }
    assert_eq!(right.try_put(3), Ok(()));
    let mut select = Select::new();
    for expected in [1, 3, 2] {
        let (mut one, mut other) = (left.get_async(), right.get_async());
        let item = match select.wait(&mut [&mut one, &mut other], Deadline::NEVER) {
            Ok(0) => one.take(),
            Ok(_) => other.take(),
            Err(TimedOut) => None,
        };
        assert_eq!(item, Some(Ok(expected)));
    }
    let (mut one, mut other) = (left.get_async(), right.get_async());
    assert_eq!(select.wait(&mut [&mut one, &mut other], Deadline::PASSED), Err(TimedOut));
    assert_eq!((one.take(), other.take()), (None, None));
    assert_eq!(select.wait::<P>(&mut [], Deadline::NEVER), Err(TimedOut));
}
