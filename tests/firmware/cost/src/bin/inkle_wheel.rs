//! Timers on an exact `Wheel`, scheduled and fired.
#![no_std]
#![no_main]

use cost as _;

cost::wheel!(inkle_core::timer::Exact<3>);
