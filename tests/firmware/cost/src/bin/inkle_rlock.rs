//! An `RLock`, acquired twice and released twice.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::RLock;

static TREE: RLock<Ground> = RLock::new();

cost::image! {
    of TREE;
    put(_) { TREE.try_acquire().is_ok() && TREE.try_acquire().is_ok() }
    take(item) {  if TREE.release().is_ok() && TREE.release().is_ok() { item } else { 0 }  }
}
