//! Context variables that have travelled.
#![no_main]

use inkle::contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u32> = ContextVar::new("number").travelling();
static TEXTS: ContextVar<Vec<String>> = ContextVar::new("texts").travelling();
/// Used for the first time when its value has arrived.
static LATE: ContextVar<Option<(u8, String)>> = ContextVar::new("late").travelling();

libfuzzer_sys::fuzz_target!(init: known(), |bytes: &[u8]| {
    // As they are, or behind the mark.
    for bytes in [bytes, &[b"ikc1", bytes].concat()] {
        let Ok(context) = Context::unpack(bytes) else { continue };
        let (number, texts, late) = (context.get(&NUMBER), context.get(&TEXTS), context.get(&LATE));
        let packed = context.pack().expect("it was unpacked");
        let same = Context::unpack(&packed).expect("it was packed");
        assert_eq!((same.get(&NUMBER), same.get(&TEXTS), same.get(&LATE)), (number, texts, late));
        assert_eq!(same.pack().as_ref(), Ok(&packed));
    }
});

fn known() {
    let _ = (NUMBER.get(), TEXTS.get());
}
