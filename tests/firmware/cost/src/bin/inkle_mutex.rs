//! A `Mutex` around a word, free both times.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::Mutex;

static WORD: Mutex<u32, Ground> = Mutex::new(0);

cost::image! {
    of WORD;
    put(item) {
        WORD.try_lock().is_some_and(|mut word| {
            *word = item;
            true
        })
     }
    take(item) {  WORD.try_lock().map_or(0, |word| if *word == item { item } else { 0 })  }
}
