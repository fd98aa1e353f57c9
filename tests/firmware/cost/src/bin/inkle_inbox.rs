//! Words through an `Inbox`, whose owner takes all at once.
#![no_std]
#![no_main]

use inkle_core::queue::inbox::Inbox;

static INBOX: Inbox<u32, 8> = Inbox::new();

cost::image! {
    queue INBOX;
    put(item) { INBOX.try_push(item).is_ok() }
    take(_) { INBOX.take_all().sum() }
}
