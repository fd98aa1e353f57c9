//! Timers on a coarse `Wheel`, scheduled and fired.
#![no_std]
#![no_main]

use cost as _;

cost::wheel!(inkle_core::timer::Coarse<4>);
