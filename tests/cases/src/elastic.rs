//! A queue with a backlog; here the backlog is a fixed list.

use inkle_core::elastic::Elastic;
use inkle_core::queue::Queue;
use inkle_core::queue::fifo::Fifo;
use inkle_core::{Platform, PushError};

use crate::Effort;
use crate::model::{Order::OldestFirst, compare, nothing};
use crate::queues::List;

/// A backlog that never runs out within a model's bounds, and one that is not there.
pub fn grows_and_shrinks<P: Platform>(effort: Effort) {
    let elastic = Elastic::<_, _, P>::new(Fifo::<u32, 2>::new(), List::default(), List::default());
    assert_eq!(elastic.capacity(), None);
    compare(&elastic, OldestFirst, effort, &nothing);

    let fixed = Elastic::<_, List, P>::fixed(Fifo::<u32, 2>::new());
    assert_eq!((fixed.try_push(1), fixed.try_push(2)), (Ok(()), Ok(())));
    assert_eq!(fixed.try_push(3), Err(PushError::Full(3)));
    assert_eq!(fixed.try_pop(), Ok(1));
}
