//! The lock for many readers or one writer. Its value lies in loom's cell, so a writer beside anybody is
//! a data race. Under loom at most two readers are let in at a time.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use inkle_core::platform::Deadline;
use inkle_core::select::{Arm, Select};
use inkle_core::sync::{CancelToken, Reason, RwLock};
use loom::thread::spawn;

use Op::{
    CancelReading, CancelWriting, Downgrade, PollRead, PollWrite, Read, ReadAsync, ReadDropped,
    ReadUnless, SoonRead, SoonWrite, TryRead, TryWrite, Write, WriteAsync, WriteDropped,
    WriteUnless,
};

use super::{SLOW, THREE};
use crate::kit::{self, Loom, Model, SOON, Stage, block_on, poll_once, timeouts, until_asleep};

pub const MODELS: &[Model] = &[
    // Two threads: writers.
    Model::full("write_write", || play(&[&[Write], &[Write]])),
    Model::full("write_try", || play(&[&[Write], &[TryWrite, TryRead]])),
    Model::bounded("write_poll", 6, SLOW, || play(&[&[Write], &[PollWrite, PollRead]])),
    Model::full("write_soon", || play(&[&[Write], &[SoonWrite]])),
    Model::bounded("write_async", 5, SLOW, || play(&[&[Write], &[WriteAsync]])),
    Model::bounded("write_dropped", 5, SLOW, || play(&[&[Write], &[WriteDropped]])),
    Model::bounded("async_async", 5, SLOW, || play(&[&[WriteAsync], &[WriteAsync]])),
    Model::bounded("write_unless", 5, SLOW, || play(&[&[Write], &[WriteUnless]])),
    Model::bounded("cancel_write", 3, SLOW, || play(&[&[CancelReading], &[WriteUnless]])),
    // A writer and a reader.
    Model::full("write_read", || play(&[&[Write], &[Read]])),
    Model::bounded("write_read_read", 4, SLOW, || play(&[&[Write], &[Read, Read]])),
    Model::full("read_soon_write", || play(&[&[Read], &[SoonWrite]])),
    Model::full("write_soon_read", || play(&[&[Write], &[SoonRead]])),
    Model::full("write_async_read", || play(&[&[WriteAsync], &[Read]])),
    Model::bounded("write_read_async", 4, SLOW, || play(&[&[Write], &[ReadAsync]])),
    Model::bounded("both_async", 5, SLOW, || play(&[&[WriteAsync], &[ReadAsync]])),
    Model::bounded("write_dropped_read", 4, SLOW, || play(&[&[Read], &[WriteDropped, Read]])),
    Model::bounded("write_read_dropped", 4, SLOW, || play(&[&[Write], &[ReadDropped, TryRead]])),
    Model::bounded("write_read_unless", 5, SLOW, || play(&[&[Write], &[ReadUnless]])),
    Model::bounded("cancel_read", 3, SLOW, || play(&[&[CancelWriting], &[ReadUnless]])),
    Model::full("downgrade_read", || play(&[&[Downgrade], &[Read]])),
    Model::full("downgrade_write", || play(&[&[Downgrade], &[Write]])),
    Model::full("downgrade_downgrade", || play(&[&[Downgrade], &[Downgrade]])),
    Model::bounded("downgrade_async", 5, SLOW, || play(&[&[Downgrade], &[ReadAsync]])),
    // Readers alone.
    Model::full("read_read", || play(&[&[Read, Read], &[Read, TryRead]])),
    // With early returns.
    Model::full("early_write_write", || early(&[&[Write], &[SoonWrite]])),
    Model::full("early_write_read", || early(&[&[Write], &[SoonRead]])),
    Model::full("early_read_write", || early(&[&[Read], &[SoonWrite]])),
    Model::bounded("early_async", 5, SLOW, || early(&[&[WriteAsync], &[Read]])),
    // What is promised.
    Model::full("preferred", || preferred(false)),
    Model::full("preferred_async", || preferred(true)),
    Model::bounded("waited", 1, SLOW, waited),
    // Who gives up keeps nobody out: the first still reads when the last reads.
    Model::bounded("gone_soon", 2, THREE, || gone(Gone::Soon)),
    Model::bounded("gone_dropped", 4, THREE, || gone(Gone::Dropped)),
    Model::bounded("gone_cancelled", 3, THREE, || gone(Gone::Cancelled)),
    Model::bounded("gone_select", 2, THREE, || gone(Gone::Select)),
    Model::bounded("gone_beside", 1, THREE, gone_beside),
    // Three threads.
    Model::bounded("readers_2", 2, THREE, || play(&[&[Write], &[Read], &[Read]])),
    Model::bounded("writers_2", 2, THREE, || play(&[&[Read], &[Write], &[Write]])),
    Model::bounded("writers_3", 2, THREE, || play(&[&[Write], &[Write], &[Write]])),
    Model::bounded("downgrade_3", 2, THREE, || play(&[&[Downgrade], &[Read], &[Write]])),
    Model::bounded("full_house", 4, THREE, || play(&[&[Read], &[Read], &[Read]])),
    Model::bounded("full_house_async", 3, THREE, || play(&[&[ReadAsync], &[Read], &[Read]])),
    Model::bounded("mixed_3", 2, THREE, || play(&[&[WriteAsync], &[ReadAsync], &[Write]])),
    Model::bounded("dropped_3", 2, THREE, || play(&[&[Read], &[WriteDropped], &[WriteAsync]])),
    Model::bounded("early_3", 2, THREE, || early(&[&[Read], &[SoonWrite], &[Read]])),
    Model::bounded("early_writers_3", 2, THREE, || early(&[&[Write], &[SoonWrite], &[Write]])),
];

#[derive(Clone, Copy)]
enum Op {
    Read,
    TryRead,
    /// `read_until` a deadline that may pass; one that has passed.
    SoonRead,
    PollRead,
    ReadAsync,
    /// `read_async`, polled once and dropped.
    ReadDropped,
    /// `read_unless` the token that `Cancel` cancels.
    ReadUnless,
    Write,
    TryWrite,
    SoonWrite,
    PollWrite,
    WriteAsync,
    WriteDropped,
    WriteUnless,
    /// Writes, then reads without letting another writer in.
    Downgrade,
    /// Cancels the token while reading, or while writing.
    CancelReading,
    CancelWriting,
}

struct Shared {
    lock: RwLock<u32, Loom>,
    token: CancelToken<'static, Loom>,
}

impl Shared {
    fn new() -> Self {
        Self { lock: RwLock::new(0), token: CancelToken::new() }
    }
}

impl Stage for Shared {
    type Op = Op;

    /// Gives 1 if it has written.
    fn run(&self, op: Op) -> i32 {
        let lock = &self.lock;
        let writer = match op {
            Write => Some(lock.write()),
            TryWrite => lock.try_write(),
            SoonWrite => lock.write_until(SOON).ok(),
            PollWrite => lock.write_until(Deadline::PASSED).ok(),
            WriteAsync => Some(block_on(lock.write_async())),
            WriteDropped => poll_once(lock.write_async()),
            WriteUnless => lock.write_unless(&self.token).ok(),
            _ => None,
        };
        if let Some(mut guard) = writer {
            *guard += 1;
            return 1;
        }
        let reader = match op {
            Read => Some(lock.read()),
            TryRead => lock.try_read(),
            SoonRead => lock.read_until(SOON).ok(),
            PollRead => lock.read_until(Deadline::PASSED).ok(),
            ReadAsync => Some(block_on(lock.read_async())),
            ReadDropped => poll_once(lock.read_async()),
            ReadUnless => lock.read_unless(&self.token).ok(),
            _ => None,
        };
        if let Some(guard) = reader {
            // Twice, so that a writer has the time to come in between.
            let first = *guard;
            assert_eq!(first, *guard);
        }
        match op {
            Downgrade => {
                let mut guard = lock.write();
                *guard += 1;
                let written = *guard;
                assert_eq!(*guard.downgrade(), written);
                1
            }
            CancelReading => {
                let _guard = lock.read();
                self.token.cancel(Reason::REQUESTED);
                0
            }
            CancelWriting => {
                let mut guard = lock.write();
                *guard += 1;
                self.token.cancel(Reason::REQUESTED);
                1
            }
            _ => 0,
        }
    }
}

fn play(scripts: &'static [&'static [Op]]) {
    let (stage, written) = kit::play(Shared::new(), scripts);
    let nobody = stage.lock.try_write().expect("all have left, and nobody waits");
    assert_eq!(*nobody as i32, written);
    drop(nobody);
    let (_one, _two) = (stage.lock.try_read().unwrap(), stage.lock.try_read().unwrap());
    assert!(stage.lock.try_read().is_none(), "more readers than there is room for");
}

fn early(scripts: &'static [&'static [Op]]) {
    timeouts(1);
    play(scripts);
}

/// While a writer waits no new reader comes in, though another one is in.
fn preferred(task: bool) {
    let shared = Arc::new(Shared::new());
    let reader = shared.lock.read();
    let writer = {
        let shared = shared.clone();
        spawn(move || shared.run(if task { WriteAsync } else { Write }))
    };
    until_asleep(1);
    assert!(shared.lock.try_read().is_none());
    assert!(shared.lock.read_until(Deadline::PASSED).is_err());
    drop(reader);
    // Sees what was written, whenever it comes in.
    assert_eq!(*shared.lock.read(), 1);
    writer.join().unwrap();
}

/// A reader that has waited while a writer was in does not wait for one that only waits.
fn waited() {
    let shared = Arc::new(Shared::new());
    let lock = &shared.lock;
    let writer = lock.write();
    let mut reading = pin!(lock.read_async());
    let mut writing = pin!(lock.write_async());
    let mut context = Context::from_waker(Waker::noop());
    assert!(reading.as_mut().poll(&mut context).is_pending());
    assert!(writing.as_mut().poll(&mut context).is_pending());
    let other = {
        let shared = shared.clone();
        spawn(move || shared.run(Write))
    };
    drop(writer);
    assert!(lock.try_read().is_none(), "it has not waited");
    // Now, or after the other writer.
    let _guard = block_on(&mut reading);
    assert!(writing.as_mut().poll(&mut context).is_pending());
    drop(_guard);
    drop(block_on(writing));
    other.join().unwrap();
}

/// How a writer gives up.
#[derive(Clone, Copy)]
enum Gone {
    Soon,
    Dropped,
    Cancelled,
    /// By a select whose other arm is done; and it keeps the operation.
    Select,
}

/// One reads all the time. A writer waits and gives up. Another reader, who may have come to wait behind
/// the writer, gets in.
fn gone(how: Gone) {
    // A reader that waits without limit may also wake for no reason, so the other one has two.
    timeouts(match how {
        Gone::Soon => 2,
        _ => 0,
    });
    let shared = Arc::new(Shared::new());
    let guard = shared.lock.read();
    let reader = {
        let shared = shared.clone();
        spawn(move || drop(shared.lock.read()))
    };
    let writer = {
        let shared = shared.clone();
        spawn(move || match how {
            Gone::Soon => {
                let _ = shared.lock.write_until(SOON).map(|mut guard| *guard += 1);
            }
            Gone::Dropped => drop(poll_once(shared.lock.write_async())),
            Gone::Cancelled => drop(shared.lock.write_unless(&shared.token)),
            Gone::Select => {
                let (mut write, mut cancelled) =
                    (shared.lock.write_async(), shared.token.wait_async());
                let arms: &mut [&mut dyn Arm<Loom>] = &mut [&mut cancelled, &mut write];
                assert_eq!(Select::new().wait(arms, Deadline::NEVER), Ok(0));
                // Tried again without waiting: that too keeps nobody out afterwards.
                assert!(write.until(Deadline::PASSED).is_err());
                // While `write` lives.
                drop(shared.lock.read());
            }
        })
    };
    match how {
        Gone::Soon => {
            // Whether the time-out happens is explored; without it the writer has to get in.
            drop(guard);
            writer.join().unwrap();
            reader.join().unwrap();
        }
        _ => {
            shared.token.cancel(Reason::REQUESTED);
            reader.join().unwrap();
            writer.join().unwrap();
            drop(guard);
        }
    }
    assert!(shared.lock.try_write().is_some());
}

/// Of two writers that wait one gives up: the other still gets in, and then the reader.
fn gone_beside() {
    timeouts(1);
    let shared = Arc::new(Shared::new());
    let guard = shared.lock.read();
    let others = [SoonWrite, Write].map(|op| {
        let shared = shared.clone();
        spawn(move || shared.run(op))
    });
    drop(guard);
    drop(shared.lock.read());
    let written: i32 = others.map(|other| other.join().unwrap()).iter().sum();
    assert_eq!(*shared.lock.try_read().unwrap() as i32, written);
}
