//! Bytes through bbqueue, four at a time and without a copy.
#![no_std]
#![no_main]

use bbqueue::nicknames::Churrasco;
use cost as _;

static QUEUE: Churrasco<32> = Churrasco::new();

cost::image! {
    put(item) {
        QUEUE.stream_producer().grant_exact(4).is_ok_and(|mut grant| {
            grant.copy_from_slice(&item.to_le_bytes());
            grant.commit(4);
            true
        })
    }
    take(_) {
        QUEUE.stream_consumer().read().map_or(0, |grant| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&grant[..4]);
            grant.release(4);
            u32::from_le_bytes(bytes)
        })
    }
}
