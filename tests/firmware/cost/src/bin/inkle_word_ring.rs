//! Bytes through a `WordRing`.
#![no_std]
#![no_main]

use inkle_core::queue::word::WordRing;

static RING: WordRing<u8, 8> = WordRing::new();

cost::image! {
    queue RING;
    put(item) { RING.try_push(item as u8).is_ok() }
    take(_) { RING.try_pop().map_or(0, u32::from) }
}
