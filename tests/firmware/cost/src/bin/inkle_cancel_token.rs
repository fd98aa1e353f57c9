//! A `CancelToken` asked twice, nobody cancels it.
#![no_std]
#![no_main]

use cost::Ground;
use inkle_core::sync::CancelToken;

static STOP: CancelToken<'static, Ground> = CancelToken::new();

cost::image! {
    of STOP;
    put(_) { !STOP.is_cancelled() }
    take(item) {  if STOP.is_cancelled() { 0 } else { item }  }
}
