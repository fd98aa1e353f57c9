//! Doors for the fuzzer of `tests/fuzz`, which is another crate: what decodes bytes of other processes is private.
//!
//! Compiled only with `--cfg inkle_fuzz`, which nobody sets but that workspace. Each function takes what a hostile
//! process would have written and plays the other side. It may give errors and wrong data; it must not panic, wait
//! for ever, take memory that nobody sent, or give what cannot be packed and read again.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use inkle_core::robust::Life;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Task;
use super::fork::fuzzed as births;
use super::frame::Incoming;
use super::memory::{Share, Shared, SharedMemory, Words};
use super::parcel::{Lent, Parcel};
use super::process::{Function, Order, Report, Slot};
use super::*;
use crate::os::memory::Mapping;
use crate::platform::{Deadline, after};

pub use super::connection::fuzzed as handshake;
pub use super::manager::fuzzed as requests;
pub use super::pool::fuzzed as letters;

/// Long enough to be waited for, short enough for thousands of times.
const MOMENT: Duration = Duration::from_micros(10);
/// Bytes before the head of a region.
const HEAD: usize = 64;

/// The next bytes that were chosen; zeros when they are over.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (some, rest) = bytes.split_at(N.min(bytes.len()));
    *bytes = rest;
    let mut taken = [0; N];
    taken[..some.len()].copy_from_slice(some);
    taken
}

/// What comes over a stream: the first byte says how much is taken at most, and what is done with what is too long.
pub fn frames(mut bytes: &[u8]) {
    let [choices] = take(&mut bytes);
    let limit = 1 << (choices % 24);
    let Ok((ours, mut theirs)) = UnixStream::pair() else { return };
    // More than the socket holds would have to be read meanwhile.
    let sent = &bytes[..bytes.len().min(16 << 10)];
    if theirs.write_all(sent).is_err() {
        return;
    }
    let stays = choices & 64 != 0;
    let theirs = stays.then_some(theirs);
    let mut incoming = Incoming::default();
    let mut received = 0;
    // Each message has a header, or ends it all.
    for _ in 0..=sent.len() {
        match incoming.receive(ours.as_fd(), limit, Deadline::PASSED) {
            Ok(parcel) => {
                received += 16 + parcel.bytes.len();
                assert!(received <= sent.len(), "more has come than was sent");
                assert!(parcel.bytes.len() <= limit && parcel.fds.is_empty());
            }
            Err(RecvError::TooLong { length, .. }) => {
                assert!(length > limit as u64);
                if choices & 128 == 0 || incoming.skip(ours.as_fd(), Deadline::PASSED).is_err() {
                    return;
                }
            }
            Err(RecvError::Corrupt) => {
                let again = incoming.receive(ours.as_fd(), limit, Deadline::PASSED);
                assert!(matches!(again, Err(RecvError::Corrupt)), "for ever");
                return;
            }
            Err(error) => {
                assert_eq!(matches!(error, RecvError::TimedOut), theirs.is_some(), "{error:?}");
                return;
            }
        }
    }
    unreachable!("more messages than bytes");
}

/// A value that was read is one that can be packed, and comes out as the same bytes again.
fn again<T: Serialize + DeserializeOwned>(bytes: &[u8], fds: &[Arc<OwnedFd>]) {
    let parcel = Parcel { bytes: bytes.to_vec(), fds: fds.to_vec() };
    let Ok(value) = parcel.unpack::<T>() else { return };
    let Ok(packed) = Parcel::pack(&value) else { return };
    let same = Parcel { bytes: packed.bytes.clone(), fds: packed.fds }.unpack::<T>();
    let Ok(same) = same else { panic!("what was packed cannot be read") };
    assert_eq!(Parcel::pack(&same).map(|parcel| parcel.bytes), Ok(packed.bytes));
}

/// Descriptors of every sort that may come with a message.
fn descriptors() -> Vec<Arc<OwnedFd>> {
    let file = |value: Result<Parcel, EncodeError>| value.map_or(Vec::new(), |parcel| parcel.fds);
    let mut all = Vec::new();
    all.extend(Value::new(7_u64).map_or(Vec::new(), |value| file(Parcel::pack(&value))));
    all.extend(Queue::<String>::new().map_or(Vec::new(), |queue| file(Parcel::pack(&queue))));
    all.extend(UnixStream::pair().map_or(Vec::new(), |(one, _)| vec![Arc::new(one.into())]));
    all.extend(Slot::create().map_or(Vec::new(), |(_, memory)| vec![Arc::new(memory)]));
    all
}

/// A parcel, with descriptors beside it: the first byte says of which of the types that this crate sends.
pub fn messages(mut bytes: &[u8]) {
    let [kind] = take(&mut bytes);
    let fds = descriptors();
    let parcel = |bytes: &[u8]| Parcel { bytes: bytes.to_vec(), fds: fds.clone() };
    match kind % 10 {
        0 => {
            let Ok(order) = Order::unpack(parcel(bytes)) else { return };
            let _ = Slot::map(order.slot.as_fd()).map(|slot| slot.last());
            let _ = crate::contextvars::Context::unpack(&order.context);
            match order.function {
                Function::Here(_, place) => nowhere(place),
                Function::Named(name, types) => {
                    assert!(super::names::find(&name, &types).is_err(), "there are none");
                }
            }
        }
        1 => {
            let Ok(reply) = super::process::Reply::unpack(parcel(bytes)) else { return };
            let packed = reply.clone().pack().map(super::process::Reply::unpack);
            assert!(matches!(packed, Ok(Ok(same)) if same == reply));
        }
        2 => match Report::unpack(parcel(bytes)) {
            Ok(Report::Returned(parcel)) => drop(parcel.unpack::<(u32, String)>()),
            Ok(other) => assert!(other.pack().is_ok_and(|parcel| Report::unpack(parcel).is_ok())),
            Err(_) => {}
        },
        3 => nowhere((u64::from_le_bytes(take(&mut bytes)), u64::from_le_bytes(take(&mut bytes)))),
        4 => births(parcel(bytes)),
        5 => again::<(Value<u64>, Queue<String>, Option<Connection>)>(bytes, &fds),
        6 => again::<(RawValue<[u32; 3]>, Array<u16>, SharedMemory)>(bytes, &fds),
        7 => again::<(Address, Vec<(String, Option<f64>)>)>(bytes, &[]),
        8 => {
            let Ok((name, rest)) = parcel(bytes).unpack_front::<String>() else { return };
            assert!(name.len() + rest.bytes.len() <= bytes.len());
            drop(rest.unpack::<Vec<(u8, Vec<i32>)>>());
        }
        _ => {
            // What a child has written before it died.
            let Ok((slot, memory)) = Slot::create() else { return };
            let Ok(mapping) = Mapping::sealed(memory.as_fd()) else { return };
            // SAFETY: the words are mapped, whole pages of them.
            let words = unsafe { Words::new(mapping.start(), mapping.len() / 8) };
            words.write(0, &bytes[..bytes.len().min(mapping.len())]);
            let _ = slot.last();
        }
    }
}

/// No task lies there: none is known to whoever has not asked for its place.
fn nowhere((offset, types): (u64, u64)) {
    let Some(image) = super::image::own() else { return };
    if let Some(task) = Task::at((offset, types), image) {
        assert_eq!(task.place(image), (offset, types));
    }
}

/// Writes to memory that is in use: where, and what.
pub(super) fn spoil(bytes: &mut &[u8], mapping: &Mapping) {
    // SAFETY: the words are mapped, whole pages of them.
    let words = unsafe { Words::new(mapping.start(), mapping.len().div_ceil(8)) };
    let [count] = take(bytes);
    let end = mapping.len().min(HEAD + 1024);
    for _ in 0..1 + count % 8 {
        let [low, high] = take(bytes);
        let at = HEAD + 4 * (usize::from(u16::from_le_bytes([low, high])) % ((end - HEAD) / 4));
        words.write(at, &take::<4>(bytes));
    }
    // What counts waiters: when it is full whoever comes spins at the door, whatever its deadline. It is the one thing
    // in which heads are not safe from a hostile process (see `hostile`).
    let mut waiters = [0; 2];
    words.read(HEAD + 4, &mut waiters);
    words.write(HEAD + 4, &(u16::from_ne_bytes(waiters) & !1).to_ne_bytes());
}

/// The value after somebody has written to its memory: as one who had it, or who gets it now.
fn spoilt<T: Serialize + DeserializeOwned>(
    bytes: &mut &[u8],
    value: Result<T, impl Sized>,
) -> Option<T> {
    let value = value.ok()?;
    let fd = Arc::clone(Parcel::pack(&value).ok()?.fds.first()?);
    let mapping = Mapping::sealed(fd.as_fd()).ok()?;
    let [late] = take(bytes);
    spoil(bytes, &mapping);
    if late % 2 == 0 {
        return Some(value);
    }
    Parcel::pack(&Lent(&fd)).ok()?.unpack().ok()
}

/// Memory that others write to who mean no good: the first byte says what is in it, the next ones where they write
/// what, the rest what is done then.
pub fn shared(mut bytes: &[u8]) {
    let [kind] = take(&mut bytes);
    let bytes = &mut bytes;
    let Some(dead) = Life::new(1 << 29) else { return };
    match kind % 11 {
        0 => {
            let Some(lock) = spoilt(bytes, Lock::new()) else { return };
            let _ = (lock.acquire_timeout(MOMENT), lock.release(), lock.holder());
            lock.bury(dead);
            let _ = lock.try_guard().is_some();
        }
        1 => {
            let Some(lock) = spoilt(bytes, RLock::new()) else { return };
            let _ = (lock.acquire_timeout(MOMENT), lock.try_acquire(), lock.release());
            lock.bury(dead);
        }
        2 => {
            let Some(value) = spoilt(bytes, Value::new([true; 5])) else { return };
            if let Ok(guard) = value.lock_timeout(MOMENT) {
                guard.modify(|flags| flags.map(|flag| !flag));
            }
            assert!(value.raw().get().iter().all(|flag| u8::from(*flag) < 2));
        }
        3 => {
            let Some(seats) = spoilt(bytes, Semaphore::new(2)) else { return };
            let _ = (seats.acquire_timeout(MOMENT), seats.release(1), seats.available());
            seats.bury(dead);
        }
        4 => {
            let Some(seats) = spoilt(bytes, BoundedSemaphore::new(2)) else { return };
            let _ = (seats.acquire_timeout(MOMENT), seats.release(1));
            seats.bury(dead);
        }
        5 => {
            let Some(event) = spoilt(bytes, Event::new()) else { return };
            let _ = event.wait_timeout(MOMENT);
            event.set();
            event.clear();
            event.bury(dead);
        }
        6 => {
            let (Ok(lock), Some(changed)) = (Lock::new(), spoilt(bytes, Condition::new())) else {
                return;
            };
            let _ = changed.wait_timeout(&mut lock.guard(), MOMENT);
            changed.notify(1);
            changed.notify_all();
            changed.bury(dead);
        }
        7 => {
            let Some(barrier) = spoilt(bytes, Barrier::new(2)) else { return };
            let _ = (barrier.wait_timeout(MOMENT), barrier.waiting(), barrier.is_broken());
            barrier.abort();
            barrier.reset();
            barrier.bury(dead);
        }
        8 => {
            let queue = Queue::with_bytes(3, 200).ok().filter(|queue: &Queue<String>| {
                ["skein", "loom"].iter().all(|text| queue.put((*text).to_owned()).is_ok())
            });
            let Some(queue) = spoilt(bytes, queue.ok_or(()).map(JoinableQueue)) else { return };
            for _ in 0..6 {
                let _ = match take(bytes) {
                    [0..=99] => queue.get_timeout(MOMENT).is_ok(),
                    [100..=199] => queue.put_timeout("yarn".to_owned(), MOMENT).is_ok(),
                    [200..=239] => queue.task_done().is_ok(),
                    _ => queue.join_timeout(MOMENT).is_ok(),
                };
            }
            let _ = (queue.len(), queue.is_full(), queue.unfinished());
            queue.shutdown(Shutdown::Immediate);
            let _ = queue.get_timeout(MOMENT);
        }
        9 => {
            let Some(array) = spoilt(bytes, Array::from_slice(&[1_u16; 50])) else { return };
            assert_eq!(array.raw().to_vec().len(), array.len());
            let _ = array.raw().set(usize::from(take::<1>(bytes)[0]), 7);
            let _ = array.lock_until(after(MOMENT)).is_ok();
        }
        _ => list(bytes),
    }
}

/// A list of which all bytes but those of its lock are chosen: with that it waits for as long as somebody may hold it.
fn list(bytes: &mut &[u8]) {
    let Ok(list) = ShareableList::new([Item::from("yarn"), 7.into(), 0.5.into()]) else { return };
    let Ok(Parcel { bytes: handle, fds }) = Parcel::pack(&list) else { return };
    let parcel = || Parcel { bytes: handle.clone(), fds: fds.clone() };
    let Ok(memory) = parcel().unpack::<SharedMemory>() else { return };
    let [count] = take(bytes);
    for _ in 0..1 + count % 16 {
        let [at] = take(bytes);
        let at = 4 * (usize::from(at) % (memory.len() / 4));
        if !(16..24).contains(&at) {
            let _ = memory.write_at(at, &take::<4>(bytes));
        }
    }
    for list in parcel().unpack::<ShareableList>().into_iter().chain([list]) {
        assert!(list.len() * 8 < memory.len());
        for index in 0..list.len() {
            let _ = (list.get(index), list.set(index, "loom"), list.capacity(index));
        }
        let _ = (list.format(), list.count(&Item::None), list.index(&Item::from(7)));
    }
}

/// What is shared and was not made by this crate: memory of these bytes, taken for each of its types.
pub fn attached(mut bytes: &[u8]) {
    let [kind] = take(&mut bytes);
    let Ok(memory) = SharedMemory::anonymous(bytes.len().max(1)) else { return };
    let _ = memory.write_at(0, bytes);
    let Ok(Parcel { fds, .. }) = Parcel::pack(&memory) else { return };
    let arrived = Parcel::pack(&Lent(&fds[0]));
    let Ok(parcel) = arrived else { return };
    match kind % 4 {
        0 => drop(parcel.unpack::<Shared<in_place::Lock>>()),
        1 => drop(parcel.unpack::<Queue<String>>().map(|queue| queue.get_timeout(MOMENT))),
        2 => drop(parcel.unpack::<Array<u64>>().map(|array| array.raw().to_vec())),
        _ => {
            // Not its lock, as above.
            let _ = memory.write_at(16, &[0; 8]);
            let Ok(parcel) = Parcel::pack(&memory) else { return };
            let Ok(list) = parcel.unpack::<ShareableList>() else { return };
            let _ = (list.format(), list.iter().count(), list.set(0, 1));
        }
    }
}
