//! No structure: what all images have.
#![no_std]
#![no_main]

use cost as _;

cost::image! {
    of ();
    put(_) { true }
    take(item) { item }
}
