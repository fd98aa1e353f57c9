//! A `Once`, made at the first time and read after that.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::Once;

static WORD: Once<u32, Ground> = Once::new();

cost::image! {
    of WORD;
    put(item) { *WORD.get_or_init(|| item) != 0 }
    take(item) {  if WORD.get().is_some() { item } else { 0 }  }
}
