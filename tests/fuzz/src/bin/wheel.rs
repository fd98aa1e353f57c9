//! The timer wheel against a plain list.
#![no_main]

libfuzzer_sys::fuzz_target!(|choices: &[u8]| inkle_cases::wheel::fuzz(choices));
