//! A context of four variables, entered for a store, and copied.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use cost as _;
use inkle_core::context::{Context, ContextVar, Slots};

// SAFETY: one core, and no tasks.
inkle_core::single_core_context!(unsafe App: Slots<4>);

static OTHER: Context<App> = Context::new();
static WORDS: [ContextVar<u32, App>; 4] = [const { ContextVar::new("word") }; 4];
static ITEM: AtomicU32 = AtomicU32::new(0);

cost::image! {
    of OTHER;
    setup {
        for word in &WORDS {
            let _ = word.set(1);
        }
    }
    put(item) { OTHER.run(|| ITEM.store(item, Ordering::Relaxed)).is_ok() }
    take(_) {
        black_box(Context::<App>::copy_current());
        ITEM.load(Ordering::Relaxed)
    }
}
