//! Words in a `Slab`.
#![no_std]
#![no_main]

use cost::Late;
use inkle_core::slab::{Handle, Slab};

static SLAB: Slab<u32, 8> = Slab::new();
static HANDLE: Late<Option<Handle>> = Late::new();

cost::image! {
    of SLAB;
    setup { HANDLE.fill(None) }
    put(item) {
        *HANDLE.get() = SLAB.insert(item).ok();
        HANDLE.get().is_some()
    }
    take(_) { HANDLE.get().take().and_then(|handle| SLAB.remove(handle)).unwrap_or(0) }
}
