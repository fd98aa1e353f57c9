//! Bytes through embassy's channel, without a wait.
#![no_std]
#![no_main]

use cost as _;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;

static CHANNEL: Channel<CriticalSectionRawMutex, u8, 8> = Channel::new();

cost::image! {
    queue CHANNEL;
    put(item) { CHANNEL.try_send(item as u8).is_ok() }
    take(_) { CHANNEL.try_receive().map_or(0, u32::from) }
}
