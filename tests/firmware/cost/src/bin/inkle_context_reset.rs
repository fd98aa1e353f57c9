//! A context variable, set and given back what it had.
#![no_std]
#![no_main]

use cost as _;
use inkle_core::context::{ContextVar, Slots};

// SAFETY: one core, and no tasks.
inkle_core::single_core_context!(unsafe App: Slots<4>);

static WORD: ContextVar<u32, App> = ContextVar::with_default("word", 0);

cost::image! {
    of WORD;
    setup { let _ = WORD.register(); }
    put(item) { WORD.set(item).is_ok_and(|token| WORD.reset(token).is_ok()) }
    take(item) { item + WORD.get().unwrap_or(0) }
}
