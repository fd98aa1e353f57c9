//! Words through embassy's channel, without a wait.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;

static CHANNEL: Channel<CriticalSectionRawMutex, u32, 8> = Channel::new();

cost::image! {
    queue CHANNEL;
    put(item) { CHANNEL.try_send(item).is_ok() }
    take(_) { CHANNEL.try_receive().unwrap_or(0) }
}
