//! Bytes through bbqueue, four at a time.
#![no_std]
#![no_main]

#[cfg(target_has_atomic = "ptr")]
use bbqueue::nicknames::Churrasco as Bytes;
// Where there is no compare-and-swap it has only this one.
#[cfg(not(target_has_atomic = "ptr"))]
use bbqueue::nicknames::Jerk as Bytes;
use cost as _;

static QUEUE: Bytes<32> = Bytes::new();

cost::image! {
    queue QUEUE;
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
