//! Words of four levels through `Levels`.
#![no_std]
#![no_main]

use inkle_core::queue::priority::{Level, Levels};

static LEVELS: Levels<u32, 4, 8> = Levels::new();

cost::image! {
    queue LEVELS;
    put(item) {
        Level::new(item as usize % 4).is_some_and(|level| LEVELS.try_push(level, item).is_ok())
    }
    take(_) { LEVELS.try_pop().map_or(0, |(_, item)| item) }
}
