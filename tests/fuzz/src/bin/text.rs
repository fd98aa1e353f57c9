//! What a child has written, as text.
#![no_main]

use inkle::subprocess::Encoding::{Ascii, Latin1, Utf8, Utf16, Utf16Be, Utf16Le};
use inkle::subprocess::Errors::{Escape, Ignore, Replace, Strict};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(Utf8.decode(bytes, Replace).as_deref(), Ok(&*String::from_utf8_lossy(bytes)));
    assert_eq!(Utf8.decode(bytes, Strict).ok(), String::from_utf8(bytes.to_vec()).ok());
    for encoding in [Utf8, Ascii, Latin1, Utf16, Utf16Le, Utf16Be] {
        for errors in [Replace, Ignore, Escape] {
            assert!(encoding.decode(bytes, errors).is_ok(), "{encoding}");
        }
        match encoding.decode(bytes, Strict) {
            Ok(text) => {
                let lenient = encoding.decode(bytes, Ignore);
                assert_eq!(lenient.as_ref(), Ok(&text), "nothing was wrong");
                let again = encoding.encode(&text, Strict).expect("it came from there");
                assert_eq!(encoding.decode(&again, Strict), Ok(text), "{encoding}");
            }
            Err(error) => assert!(error.position() < bytes.len()),
        }
    }
});
