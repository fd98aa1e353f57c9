//! Channels: `put` and `get` that wait, each in its own way.

use std::sync::mpsc;

use inkle::queue::Queue;

use super::{InShapes, in_shapes, our_pipe, ours, peer, peer_pipe};
use crate::harness::{Bar, Row};
use crate::pipe::{CAPACITY, Get, Pipe, Put, round_trips};

/// Implements the ends of a channel from two expressions.
macro_rules! ends {
    ($put:ty: |$p:ident, $item:ident| $do_put:expr, $get:ty: |$g:ident| $do_get:expr) => {
        impl<T: Send + 'static> Put<T> for $put {
            #[inline(always)]
            fn put(&mut self, $item: T) {
                let $p = self;
                assert!($do_put.is_ok(), "the other side is open");
            }
        }

        impl<T: Send + 'static> Get<T> for $get {
            #[inline(always)]
            fn get(&mut self) -> T {
                let $g = self;
                $do_get.unwrap_or_else(|_| unreachable!("the other side is open"))
            }
        }
    };
}

ends!(Queue<T>: |q, item| Queue::put(q, item), Queue<T>: |q| Queue::get(q));
ends!(crossbeam_channel::Sender<T>: |s, item| s.send(item), crossbeam_channel::Receiver<T>: |r| r.recv());
ends!(async_channel::Sender<T>: |s, item| s.send_blocking(item), async_channel::Receiver<T>: |r| r.recv_blocking());
ends!(flume::Sender<T>: |s, item| s.send(item), flume::Receiver<T>: |r| r.recv());
ends!(kanal::Sender<T>: |s, item| s.send(item), kanal::Receiver<T>: |r| r.recv());
ends!(mpsc::SyncSender<T>: |s, item| s.send(item), mpsc::Receiver<T>: |r| r.recv());

// The unbounded channel of the standard library has a sender of its own and the receiver above.
impl<T: Send + 'static> Put<T> for mpsc::Sender<T> {
    #[inline(always)]
    fn put(&mut self, item: T) {
        assert!(self.send(item).is_ok(), "the other side is open");
    }
}

/// Names the pipes. `SLOTS` is the capacity, 0 means without limit.
macro_rules! pipes {
    ($($name:ident: $put:ty, $get:ty, |$consumers:ident| $open:expr;)+) => {$(
        struct $name<const SLOTS: usize>;

        impl<T: Send + 'static, const SLOTS: usize> Pipe<T> for $name<SLOTS> {
            type Put = $put;
            type Get = $get;

            fn open(producers: usize, $consumers: usize) -> (Vec<$put>, Vec<$get>) {
                let (put, gets) = $open;
                (vec![put; producers], gets)
            }
        }
    )+};
}

pipes! {
    Ours: Queue<T>, Queue<T>, |consumers| {
        let queue = match SLOTS {
            0 => Queue::unbounded(),
            slots => Queue::bounded(slots).expect("a small capacity"),
        };
        (queue.clone(), vec![queue; consumers])
    };
    Crossbeam: crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>, |consumers| {
        let (sender, receiver) = match SLOTS {
            0 => crossbeam_channel::unbounded(),
            slots => crossbeam_channel::bounded(slots),
        };
        (sender, vec![receiver; consumers])
    };
    AsyncChannel: async_channel::Sender<T>, async_channel::Receiver<T>, |consumers| {
        let (sender, receiver) = match SLOTS {
            0 => async_channel::unbounded(),
            slots => async_channel::bounded(slots),
        };
        (sender, vec![receiver; consumers])
    };
    Flume: flume::Sender<T>, flume::Receiver<T>, |consumers| {
        let (sender, receiver) = match SLOTS {
            0 => flume::unbounded(),
            slots => flume::bounded(slots),
        };
        (sender, vec![receiver; consumers])
    };
    Kanal: kanal::Sender<T>, kanal::Receiver<T>, |consumers| {
        let (sender, receiver) = match SLOTS {
            0 => kanal::unbounded(),
            slots => kanal::bounded(slots),
        };
        (sender, vec![receiver; consumers])
    };
    StdBounded: mpsc::SyncSender<T>, mpsc::Receiver<T>, |_one| {
        let (sender, receiver) = mpsc::sync_channel(SLOTS);
        (sender, vec![receiver])
    };
    StdUnbounded: mpsc::Sender<T>, mpsc::Receiver<T>, |_one| {
        let (sender, receiver) = mpsc::channel();
        (sender, vec![receiver])
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = in_shapes("bounded channel of u64", contenders::<CAPACITY>());
    rows.push(Row {
        group: "bounded channel of u64",
        shape: "round trip",
        contenders: vec![
            ours("Queue", Some(Bar::AS_FAST), round_trips::<u64, Ours<1>>),
            peer("crossbeam-channel", round_trips::<u64, Crossbeam<1>>),
            peer("async-channel", round_trips::<u64, AsyncChannel<1>>),
            peer("flume", round_trips::<u64, Flume<1>>),
            peer("kanal", round_trips::<u64, Kanal<1>>),
            peer("std mpsc", round_trips::<u64, StdBounded<1>>),
        ],
    });
    rows.extend(in_shapes("unbounded channel of u64", contenders::<0>()));
    rows
}

fn contenders<const SLOTS: usize>() -> Vec<InShapes> {
    let standard = match SLOTS {
        0 => peer_pipe::<u64, StdUnbounded<0>>("std mpsc"),
        _ => peer_pipe::<u64, StdBounded<SLOTS>>("std mpsc"),
    };
    // Its receiver belongs to one thread.
    let [alone, one_to_one, ..] = standard;
    vec![
        our_pipe::<u64, Ours<SLOTS>>("Queue", [Some(Bar::AS_FAST); 4]),
        peer_pipe::<u64, Crossbeam<SLOTS>>("crossbeam-channel"),
        peer_pipe::<u64, AsyncChannel<SLOTS>>("async-channel"),
        peer_pipe::<u64, Flume<SLOTS>>("flume"),
        peer_pipe::<u64, Kanal<SLOTS>>("kanal"),
        [alone, one_to_one, None, None],
    ]
}
