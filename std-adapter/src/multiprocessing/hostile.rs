//! Shared memory that somebody writes to who means no good, and descriptors that are not what they should be: errors
//! and wrong data, and no more than that.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use inkle_core::robust::Life;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::memory::graves::{Grave, bury_everywhere};
use super::memory::{Region, Share, Shared, SharedMemory, Words};
use super::parcel::{Lent, Parcel};
use super::queue::Queue;
use super::*;
use crate::os::memory::{Mapping, create};
use crate::platform::{Deadline, after};

/// Long enough to be waited for, short enough for thousands of times.
const MOMENT: Duration = Duration::from_micros(10);
/// Bytes before the head of a region.
const HEAD: usize = 64;

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }

    /// Bits of any sort: many, few, a single one, or almost all.
    fn bits(&mut self) -> u64 {
        let bits = self.roll() << 32 | self.roll();
        match self.roll() % 4 {
            0 => bits,
            1 => bits >> (self.roll() % 64),
            2 => 1 << (bits % 64),
            _ => !(bits >> (self.roll() % 64)),
        }
    }

    /// Overwrites some of the bytes from `from` on, in units of four.
    fn spoil(&mut self, mapping: &Mapping, from: usize) {
        // SAFETY: the words are mapped, whole pages of them.
        let words = unsafe { Words::new(mapping.start(), mapping.len().div_ceil(8)) };
        let count = (mapping.len().min(from + 1024) - from) / 4;
        for _ in 0..1 + self.roll() % 8 {
            let at = from + 4 * (self.roll() as usize % count);
            words.write(at, &(self.bits() as u32).to_ne_bytes());
        }
    }
}

fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> T {
    Parcel::pack(value).unwrap().unpack().unwrap()
}

/// What arrives if a handle of type `T` was sent with this file.
fn arrived<T: DeserializeOwned>(fd: &Arc<OwnedFd>) -> Result<T, DecodeError> {
    Parcel::pack(&Lent(fd)).unwrap().unpack()
}

/// The file that a handle is sent with.
fn file<T: Serialize>(value: &T) -> Arc<OwnedFd> {
    Arc::clone(&Parcel::pack(value).unwrap().fds[0])
}

#[test]
fn a_handle_that_travels_in_one_process_is_the_same_thing() {
    let value = Value::new(7).unwrap();
    travelled(&value).set(8);
    assert_eq!(value.get(), 8);
    let queue = Queue::bounded(3).unwrap();
    queue.put("yarn".to_owned()).unwrap();
    let same = travelled(&queue);
    assert_eq!((same.capacity(), same.get()), (Some(3), Ok("yarn".to_owned())));
    let array = travelled(&Array::from_slice(&[1, 2, 3]).unwrap());
    assert_eq!((array.len(), array.raw().to_vec()), (3, vec![1, 2, 3]));
}

#[test]
fn what_arrives_as_another_type_is_refused() {
    let value = Value::new(0_u64).unwrap();
    let fd = file(&value);
    assert!(arrived::<Value<u64>>(&fd).is_ok());
    let error = arrived::<Value<i64>>(&fd).unwrap_err().to_string();
    assert!(error.contains("no shared memory for") || error.contains("Serde"), "{error}");
    assert!(arrived::<Shared<in_place::Lock>>(&fd).is_err());
    assert!(arrived::<Queue<u64>>(&fd).is_err());
    assert!(arrived::<Array<u64>>(&fd).is_err());
    let queue = Queue::<u64>::new().unwrap();
    assert!(arrived::<Queue<i64>>(&file(&queue)).is_err());
}

#[test]
fn files_that_may_get_shorter_or_are_too_short_are_refused() {
    let name = CString::new("inkle-test").unwrap();
    // SAFETY: a name and no flags.
    let bare = unsafe { libc::memfd_create(name.as_ptr(), 0) };
    // SAFETY: it is open and nobody else's.
    let bare: OwnedFd = unsafe { std::os::fd::FromRawFd::from_raw_fd(bare) };
    rustix::fs::ftruncate(&bare, 4096).unwrap();
    assert!(arrived::<Lock>(&Arc::new(bare)).is_err());
    for length in [1, 8, 63, 64, 67, 127] {
        let short = Arc::new(create("inkle-test", length).unwrap());
        assert!(arrived::<Lock>(&short).is_err(), "{length}");
        assert!(arrived::<Queue<u8>>(&short).is_err(), "{length}");
    }
    let zeros = Arc::new(create("inkle-test", 4096).unwrap());
    assert!(arrived::<Lock>(&zeros).is_err());
}

/// Spoils the head and the tail of what a handle stands for, again and again, and uses it after each time.
fn spoil_and<T: Serialize + DeserializeOwned>(make: impl Fn() -> T, mut spoilt: impl FnMut(T)) {
    let mut dice = Dice(7);
    for _ in 0..2_000 {
        let value = make();
        let fd = file(&value);
        let mapping = Mapping::sealed(fd.as_fd()).unwrap();
        dice.spoil(&mapping, HEAD);
        leave_room_for_waiters(&mapping);
        // As one who has it already, or who gets it now.
        let arrived = if dice.roll() % 2 == 0 { Ok(value) } else { arrived(&fd) };
        if let Ok(value) = arrived {
            spoilt(value);
        }
    }
}

/// What the kernel's `sync` types count waiters in is second in a head, in the lower 15 bits. When it is full whoever
/// comes spins at the door, whatever its deadline: the one thing in which they are not safe from a hostile process.
/// Elsewhere the bits are as good as any others.
fn leave_room_for_waiters(mapping: &Mapping) {
    // SAFETY: as in `spoil`.
    let words = unsafe { Words::new(mapping.start(), mapping.len().div_ceil(8)) };
    let mut count = [0; 2];
    words.read(HEAD + 4, &mut count);
    words.write(HEAD + 4, &(u16::from_ne_bytes(count) & !1).to_ne_bytes());
}

/// Somebody.
fn dead() -> Life {
    Life::new(1 << 29).unwrap()
}

#[test]
fn spoilt_locks() {
    spoil_and(
        || Lock::new().unwrap(),
        |lock| {
            let found = lock.acquire_timeout(MOMENT);
            lock.bury(dead());
            let _ = (lock.release(), found, lock.try_guard().is_some(), lock.holder());
        },
    );
    spoil_and(
        || RLock::new().unwrap(),
        |lock| {
            let _ = (lock.acquire_timeout(MOMENT), lock.try_acquire(), lock.release());
            lock.bury(dead());
        },
    );
    spoil_and(
        || Value::new([0_u32; 5]).unwrap(),
        |value| {
            if let Ok(guard) = value.lock_timeout(MOMENT) {
                guard.modify(|numbers| numbers);
            }
            let _ = value.raw().get();
        },
    );
    spoil_and(
        || Value::new([true; 5]).unwrap(),
        |value| {
            assert!(value.raw().get().iter().all(|flag| u8::from(*flag) < 2));
        },
    );
}

#[test]
fn spoilt_semaphores_events_conditions_and_barriers() {
    spoil_and(
        || Semaphore::new(2).unwrap(),
        |seats| {
            let _ = (seats.acquire_timeout(MOMENT), seats.release(1), seats.available());
            seats.bury(dead());
        },
    );
    spoil_and(
        || BoundedSemaphore::new(2).unwrap(),
        |seats| {
            let _ = (seats.acquire_timeout(MOMENT), seats.release(1));
            seats.bury(dead());
        },
    );
    spoil_and(
        || Event::new().unwrap(),
        |event| {
            let _ = event.wait_timeout(MOMENT);
            event.set();
            event.clear();
            event.bury(dead());
        },
    );
    let lock = Lock::new().unwrap();
    spoil_and(
        || Condition::new().unwrap(),
        |changed| {
            let _ = changed.wait_timeout(&mut lock.guard(), MOMENT);
            changed.notify(1);
            changed.notify_all();
            changed.bury(dead());
        },
    );
    spoil_and(
        || Barrier::new(2).unwrap(),
        |barrier| {
            let _ = (barrier.wait_timeout(MOMENT), barrier.waiting(), barrier.is_broken());
            barrier.abort();
            barrier.reset();
            barrier.bury(dead());
        },
    );
}

#[test]
fn spoilt_queues() {
    let (mut errors, mut items) = (0, 0);
    let make = || {
        let queue = Queue::with_bytes(3, 200).unwrap();
        queue.put("skein".to_owned()).unwrap();
        queue.put("loom".to_owned()).unwrap();
        JoinableQueue(queue)
    };
    spoil_and(make, |queue| {
        let put = queue.put_timeout("yarn".to_owned(), MOMENT);
        for _ in 0..4 {
            match queue.get_timeout(MOMENT) {
                Ok(_) => items += 1,
                Err(GetError::Decode(_) | GetError::Corrupt) => errors += 1,
                Err(_) => {}
            }
        }
        let _ = (put, queue.task_done());
        let _ = (queue.join_timeout(MOMENT), queue.len(), queue.is_full(), queue.unfinished());
        queue.shutdown(Shutdown::Immediate);
        let _ = queue.get_timeout(MOMENT);
    });
    assert!(errors > 100 && items > 100, "{errors} {items}");
}

#[test]
fn spoilt_arrays() {
    let (mut refused, mut taken) = (0, 0);
    let mut dice = Dice(3);
    for _ in 0..2_000 {
        let array = Array::from_slice(&[1_u16; 50]).unwrap();
        let fd = file(&array);
        dice.spoil(&Mapping::sealed(fd.as_fd()).unwrap(), HEAD);
        assert_eq!(array.len(), 50, "who has it knows how long it is");
        array.raw().set(49, 7).unwrap();
        match arrived::<Array<u16>>(&fd) {
            Ok(array) => {
                assert_eq!(array.raw().to_vec().len(), array.len());
                taken += 1;
            }
            Err(_) => refused += 1,
        }
        let _ = array.lock_until(after(MOMENT)).is_ok();
    }
    assert!(refused > 10 && taken > 100, "{refused} {taken}");
}

/// As a list, but for what is looked at when it arrives.
struct Bytes(SharedMemory);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SharedMemory::deserialize(deserializer).map(Self)
    }
}

#[test]
fn spoilt_lists() {
    let (mut refused, mut corrupt, mut items) = (0, 0, 0);
    let mut dice = Dice(9);
    for _ in 0..3_000 {
        let list = ShareableList::new([Item::from("yarn"), 7.into(), 0.5.into()]).unwrap();
        let Bytes(memory) = Parcel::pack(&list).unwrap().unpack().unwrap();
        for _ in 0..1 + dice.roll() % 3 {
            let at = 4 * (dice.roll() as usize % (memory.len() / 4));
            // Not to the lock: with that the list waits for as long as somebody may hold it.
            if !(16..24).contains(&at) {
                memory.write_at(at, &(dice.bits() as u32).to_ne_bytes()).unwrap();
            }
        }
        let again: Result<ShareableList, _> = Parcel::pack(&list).unwrap().unpack();
        refused += usize::from(again.is_err());
        for list in again.into_iter().chain([list]) {
            for index in 0..list.len().min(9) {
                match list.get(index) {
                    Ok(_) => items += 1,
                    Err(error) => {
                        assert_eq!(error, ListError::Corrupt);
                        corrupt += 1;
                    }
                }
                let _ = list.set(index, "loom");
            }
            let _ = (list.format(), list.count(&Item::None), list.index(&Item::from(7)));
        }
    }
    assert!(refused > 100 && corrupt > 100 && items > 100, "{refused} {corrupt} {items}");
}

#[test]
fn what_is_buried_is_told_to_all_that_is_mapped_and_to_nothing_else() {
    use std::sync::Mutex;

    struct Told(Mutex<Vec<Life>>);
    // SAFETY: for this test alone, which keeps it in this process.
    unsafe impl Share for Told {
        fn bury(&self, dead: Life) {
            self.0.lock().unwrap().push(dead);
        }
    }
    let told = Told(Mutex::new(Vec::new()));
    let region = Region::create(told, 0).unwrap();
    let list = ShareableList::new([1]).unwrap();
    // Nobody asks how it ended, so its number stays its own.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = child.id();
    let life = crate::os::life::life_of_child(pid).unwrap();
    bury_everywhere(pid as i32);
    assert_eq!(*region.head().0.lock().unwrap(), [life]);
    child.wait().unwrap();
    bury_everywhere(i32::MAX);
    assert_eq!(region.head().0.lock().unwrap().len(), 1, "nobody has that number");
    drop(list);
    Grave::bury(&*region, life);
    assert_eq!(region.head().0.lock().unwrap().len(), 2);
}

#[test]
fn a_drained_queue_gives_its_memory_back() {
    let queue = Queue::with_bytes(0, 4 << 20).unwrap();
    let fd = file(&queue);
    let used = || rustix::fs::fstat(&fd).unwrap().st_blocks as usize * 512;
    assert!(used() < 1 << 16, "{} before", used());
    for round in 0..3 {
        for _ in 0..30 {
            queue.put(vec![1_u8; 100_000]).unwrap();
        }
        assert!(used() > 2 << 20, "{} in round {round}", used());
        queue.put(vec![2]).unwrap();
        for _ in 0..30 {
            assert_eq!(queue.get(), Ok(vec![1_u8; 100_000]));
        }
        assert_eq!(queue.get(), Ok(vec![2]));
        assert_eq!(queue.get_until(Deadline::PASSED), Err(GetError::TimedOut));
        assert!(used() < 1 << 16, "{} after round {round}", used());
    }
}
