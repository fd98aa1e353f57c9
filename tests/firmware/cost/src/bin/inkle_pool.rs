//! A slot of a `Pool`.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::slab::Pool;

static POOL: Pool<8> = Pool::new();
static SLOT: Late<Option<usize>> = Late::new();

cost::image! {
    of POOL;
    setup { SLOT.fill(None) }
    put(_) {
        *SLOT.get() = POOL.claim();
        SLOT.get().is_some()
    }
    take(item) {
        if let Some(slot) = SLOT.get().take() {
            // SAFETY: `put` has claimed it, and has forgotten it by now.
            unsafe { POOL.release(slot) };
        }
        item
    }
}
