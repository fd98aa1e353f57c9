//! An `RwLock` around a word, written and read.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::RwLock;

static WORD: RwLock<u32, Ground> = RwLock::new(0);

cost::image! {
    of WORD;
    put(item) {
        WORD.try_write().is_some_and(|mut word| {
            *word = item;
            true
        })
     }
    take(item) {  WORD.try_read().map_or(0, |word| if *word == item { item } else { 0 })  }
}
