//! What the scheduler has to come, against a plain map. The adapter keeps it to itself: these are its own
//! files, compiled once more.
#![no_main]

use inkle_cases::dice::Bytes;
use inkle_core as kernel;

#[path = "../../../../std-adapter/src/agenda/mod.rs"]
mod agenda;
#[path = "../../../../std-adapter/src/agenda/tests/play.rs"]
mod play;

libfuzzer_sys::fuzz_target!(|choices: &[u8]| {
    let Some((first, choices)) = choices.split_first() else { return };
    let now = if first % 2 == 0 { play::TODAY } else { 0 };
    play::play(Bytes(choices), now, u64::MAX);
});
