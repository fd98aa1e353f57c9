//! Who has no key is not admitted, whatever he says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inkle::multiprocessing::fuzzed::handshake(bytes));
