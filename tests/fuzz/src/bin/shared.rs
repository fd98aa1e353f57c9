//! Memory in use, which somebody writes to who means no good.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::shared(bytes));
