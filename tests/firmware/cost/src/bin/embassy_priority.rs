//! Words by size through embassy's priority channel.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::priority_channel::{Min, PriorityChannel};

static CHANNEL: PriorityChannel<CriticalSectionRawMutex, u32, Min, 8> = PriorityChannel::new();

cost::image! {
    queue CHANNEL;
    put(item) { CHANNEL.try_send(item).is_ok() }
    take(_) { CHANNEL.try_receive().unwrap_or(0) }
}
