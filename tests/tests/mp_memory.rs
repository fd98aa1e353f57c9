//! Shared memory with and without a name, arrays and lists in it. (MP047 to MP053)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs::{read_dir, read_link, read_to_string};
use std::io::ErrorKind;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::sleep;

use inkle::multiprocessing::memory::{Cell, Shared, SharedMemory, SharedMemoryManager};
use inkle::multiprocessing::{
    Array, Event, Found, Item, ListError, Process, Queue, ShareableList, Value,
};
use inkle_tests::{PATIENCE, SCALE, watchdog};

fn idle() {
    sleep(PATIENCE);
}

/// A name of this run's own.
fn name(of: &str) -> String {
    format!("inkle-test-{}-{of}", process::id())
}

#[test]
fn mp049_other_processes_find_memory_by_its_name() {
    fn answer(name: String) -> usize {
        let memory = SharedMemory::open(&name).unwrap();
        let mut bytes = [0; 8];
        memory.read_at(100, &mut bytes).unwrap();
        bytes.reverse();
        memory.write_at(203, &bytes).unwrap();
        memory.len()
    }
    let _watch = watchdog();
    let name = name("found");
    let memory = SharedMemory::create(&name, 1234).unwrap();
    memory.write_at(100, b"yarnball").unwrap();
    assert_eq!(Process::spawn(answer, (name,)).unwrap().join().unwrap(), 1234);
    // SAFETY: the other process has ended, and this is the one handle here.
    assert_eq!(&unsafe { memory.as_slice() }[203..211], b"llabnray");
}

#[test]
fn mp049_a_handle_goes_to_another_process_and_owns_nothing_there() {
    fn fill(named: SharedMemory, unnamed: SharedMemory) -> (bool, bool) {
        named.write_at(0, b"named").unwrap();
        unnamed.write_at(1, b"unnamed").unwrap();
        (named.is_owner(), unnamed.has_name())
    }
    let _watch = watchdog();
    let (named, unnamed) =
        (SharedMemory::create_unique(5).unwrap(), SharedMemory::anonymous(8).unwrap());
    let process = Process::spawn(fill, (named.clone(), unnamed.clone())).unwrap();
    assert_eq!(process.join().unwrap(), (false, false));
    let mut bytes = [0; 8];
    unnamed.read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0unnamed");
    named.read_at(0, &mut bytes[..5]).unwrap();
    assert_eq!(&bytes[..5], b"named");
    assert!(named.has_name() && named.is_owner());
}

#[test]
fn mp050_bad_sizes_and_names_are_refused() {
    let kind = |result: std::io::Result<SharedMemory>| result.unwrap_err().kind();
    let name = name("bad");
    assert_eq!(kind(SharedMemory::create(&name, 0)), ErrorKind::InvalidInput);
    assert_eq!(kind(SharedMemory::anonymous(0)), ErrorKind::InvalidInput);
    assert_eq!(kind(SharedMemory::anonymous(usize::MAX)), ErrorKind::InvalidInput);
    assert_eq!(kind(SharedMemory::open(&name)), ErrorKind::NotFound);
    for bad in ["", ".", "..", "a/b", "/a", "a\0b", &"x".repeat(256)] {
        assert_eq!(kind(SharedMemory::create(bad, 8)), ErrorKind::InvalidInput, "{bad:?}");
        assert_eq!(kind(SharedMemory::open(bad)), ErrorKind::InvalidInput, "{bad:?}");
    }
    let memory = SharedMemory::create(&name, 8).unwrap();
    assert_eq!(kind(SharedMemory::create(&name, 8)), ErrorKind::AlreadyExists);
    assert!(memory.has_name(), "the other one has not touched it");
    let error = memory.read_at(4, &mut [0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "5 from 4 on are not all within 8");
    assert!(memory.write_at(usize::MAX, &[1]).is_err() && memory.write_at(8, &[]).is_ok());

    SharedMemory::unlink(&name).unwrap();
    assert_eq!(SharedMemory::unlink(&name).unwrap_err().kind(), ErrorKind::NotFound);
    memory.write_at(0, &[1]).unwrap();
    let other = SharedMemory::create(&name, 8).unwrap();
    drop(memory);
    assert!(other.has_name(), "an owner takes away the name of its own memory alone");
}

#[test]
fn mp051_who_only_attached_never_takes_the_name_away() {
    fn attach(name: String) {
        drop(SharedMemory::open(&name).unwrap());
    }
    fn attach_and_stay(name: String, attached: Event) {
        let _memory = SharedMemory::open(&name).unwrap();
        attached.set();
        idle();
    }
    let _watch = watchdog();
    let memory = SharedMemory::create(&name("attached"), 8).unwrap();
    let name = memory.name().unwrap().to_owned();
    Process::spawn(attach, (name.clone(),)).unwrap().join().unwrap();
    let attached = Event::new().unwrap();
    let process = Process::spawn(attach_and_stay, (name.clone(), attached.clone())).unwrap();
    attached.wait();
    process.kill().unwrap();
    process.wait();
    assert!(memory.has_name());
    drop(memory);
    assert_eq!(SharedMemory::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn mp046_mp051_what_a_killed_owner_leaves_is_seen_and_taken_over() {
    fn own(name: String, created: Event) {
        let memory = SharedMemory::create(&name, 8).unwrap();
        memory.write_at(0, b"leftover").unwrap();
        created.set();
        idle();
    }
    let _watch = watchdog();
    let (name, created) = (name("orphan"), Event::new().unwrap());
    let process = Process::spawn(own, (name.clone(), created.clone())).unwrap();
    created.wait();
    let mut memory = SharedMemory::open(&name).unwrap();
    let mut late = memory.clone();
    assert!(!memory.is_orphan().unwrap());
    assert_eq!(memory.take_over().unwrap_err().kind(), ErrorKind::WouldBlock);
    process.kill().unwrap();
    process.wait();
    assert!(memory.is_orphan().unwrap());
    memory.take_over().unwrap();
    assert!(memory.is_owner() && !late.is_orphan().unwrap());
    assert_eq!(late.take_over().unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut bytes = [0; 8];
    memory.read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"leftover");
    drop(memory);
    assert!(!late.has_name());
    assert_eq!(late.take_over().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_owner_may_give_up_and_the_name_stays() {
    let name = name("kept");
    let mut memory = SharedMemory::create(&name, 8).unwrap();
    let clone = memory.clone();
    assert!(!memory.keep(), "the other handle owns it too");
    drop(clone);
    assert!(memory.keep() && !memory.is_owner());
    drop(memory);
    let memory = SharedMemory::open(&name).unwrap();
    assert!(memory.is_orphan().unwrap());
    SharedMemory::unlink(&name).unwrap();
    assert!(!memory.is_orphan().unwrap(), "there is no name to be left over");
}

#[test]
fn mp053_a_manager_takes_all_names_away() {
    let manager = SharedMemoryManager::new();
    let (first, second) = (manager.create(8).unwrap(), manager.create(8).unwrap());
    assert!(first.has_name() && second.has_name());
    manager.shutdown();
    assert!(!first.has_name() && !second.has_name());
    let third = manager.adopt(SharedMemory::create_unique(8).unwrap());
    assert!(third.has_name() && !third.is_owner());
    drop(manager);
    assert!(!third.has_name());
    third.write_at(0, b"mapped").unwrap();
}

#[test]
fn mp047_mp048_arrays_of_any_plain_type() {
    fn square(numbers: Array<i32>, flags: Array<bool>, pairs: Array<[u8; 3]>) {
        let guard = numbers.lock();
        for index in 0..guard.len() {
            guard.set(index, guard.get(index).unwrap().pow(2)).unwrap();
        }
        flags.raw().write(1, &[true, true]).unwrap();
        pairs.raw().set(1, [7, 8, 9]).unwrap();
    }
    let _watch = watchdog();
    let numbers = Array::from_slice(&[1, -2, 3, -4, 5]).unwrap();
    let (flags, pairs) = (Array::<bool>::new(4).unwrap(), Array::<[u8; 3]>::new(3).unwrap());
    let arguments = (numbers.clone(), flags.clone(), pairs.clone());
    Process::spawn(square, arguments).unwrap().join().unwrap();
    assert_eq!(numbers.raw().to_vec(), [1, 4, 9, 16, 25]);
    assert_eq!(flags.raw().to_vec(), [false, true, true, false]);
    assert_eq!(pairs.raw().to_vec(), [[0; 3], [7, 8, 9], [0; 3]]);
    let mut some = [0; 3];
    numbers.raw().read(2, &mut some).unwrap();
    assert_eq!(some, [9, 16, 25]);
    assert!(numbers.raw().read(3, &mut some).is_err() && numbers.raw().set(5, 0).is_err());
    assert!(Array::<u64>::new(usize::MAX).is_err());
    assert!(Array::<f64>::new(0).unwrap().raw().to_vec().is_empty());
    assert!(Array::<[u8; 0]>::new(9).unwrap().raw().get(8).is_ok());
}

#[test]
fn mp048_a_raw_number_is_never_half_of_one_and_half_of_another() {
    fn alternate(numbers: Array<u32>, cell: Shared<Cell<u64>>) {
        for round in 0..20_000 * SCALE {
            let bits = if round % 2 == 0 { 0 } else { u32::MAX };
            numbers.raw().set(1, bits).unwrap();
            cell.set(u64::from(bits) << 32 | u64::from(bits));
        }
    }
    let _watch = watchdog();
    let numbers = Array::<u32>::new(3).unwrap();
    let cell = Shared::new(Cell::new(0)).unwrap();
    let process = Process::spawn(alternate, (numbers.clone(), cell.clone())).unwrap();
    while process.is_alive() {
        let neighbour = numbers.raw().get(0).unwrap() + 1;
        numbers.raw().set(0, neighbour).unwrap();
        assert!([0, u32::MAX].contains(&numbers.raw().get(1).unwrap()));
        assert!([0, u64::MAX].contains(&cell.get()));
        assert_eq!(numbers.raw().get(0).unwrap(), neighbour, "its neighbours' writes leave it");
    }
    process.join().unwrap();
}

#[test]
fn mp047_an_array_tells_of_a_death_with_its_lock() {
    fn die(numbers: Array<u8>) {
        std::mem::forget(numbers.lock());
        process::abort();
    }
    let _watch = watchdog();
    let numbers = Array::<u8>::new(4).unwrap();
    assert!(Process::spawn(die, (numbers.clone(),)).unwrap().join().is_err());
    assert_eq!(numbers.lock().found(), Found::Abandoned);
    assert_eq!(numbers.try_lock().unwrap().found(), Found::Clean);
}

#[test]
fn mp052_lists_hold_items_of_several_kinds() {
    fn change(list: ShareableList) {
        list.set(0, "yarn\0\0").unwrap();
        list.set(1, "12345678").unwrap();
        list.set(5, 7).unwrap();
    }
    let _watch = watchdog();
    let items: [Item; 6] = [
        "howdy".into(),
        273.15.into(),
        (-7).into(),
        true.into(),
        b"\0\x01\0".as_slice().into(),
        ().into(),
    ];
    let list = ShareableList::new(items.clone()).unwrap();
    assert!(list.iter().map(Result::unwrap).eq(items));
    assert_eq!(list.format().unwrap(), "8sdqxxxxxxx?8sxxxxxx?x");
    assert_eq!(list.index(&Item::None).unwrap(), Some(5));
    assert_eq!(list.count(&Item::Int(1)).unwrap(), 0);
    Process::spawn(change, (list.clone(),)).unwrap().join().unwrap();
    assert_eq!(list.get(0).unwrap(), Item::from("yarn\0\0"), "zeros at the end stay");
    assert_eq!(list.get(1).unwrap(), Item::from("12345678"));
    assert_eq!(list.get(5).unwrap(), Item::from(7));
    assert_eq!(list.set(1, "123456789"), Err(ListError::TooLong { len: 9, capacity: 8 }));
    assert!(matches!(list.get(6), Err(ListError::OutOfBounds(_))));
    assert_eq!((list.len(), list.capacity(0)), (6, Ok(8)));
    assert!(ShareableList::new(Vec::<i64>::new()).unwrap().is_empty());
}

#[test]
fn mp052_a_list_is_found_by_its_name() {
    fn read(name: String) -> String {
        ShareableList::open(&name).unwrap().get(0).unwrap().to_string()
    }
    let _watch = watchdog();
    let name = name("list");
    let list = ShareableList::create(&name, ["a text of twenty-six bytes"]).unwrap();
    assert_eq!(Process::spawn(read, (name.clone(),)).unwrap().join().unwrap().len(), 26);
    drop(list);
    assert!(ShareableList::open(&name).is_err());
    let no_list = SharedMemory::create(&name, 100).unwrap();
    assert_eq!(ShareableList::open(&name).unwrap_err().kind(), ErrorKind::InvalidData);
    drop(no_list);
}

#[test]
fn mp052_a_process_killed_at_a_set_leaves_the_item_before_or_after_it() {
    fn write(list: ShareableList) {
        for number in 0.. {
            let letter = char::from(b'a' + (number % 26) as u8);
            list.set(0, letter.to_string().repeat(200 + number % 800)).unwrap();
        }
    }
    let _watch = watchdog();
    let list = ShareableList::new(["x".repeat(1000)]).unwrap();
    for _ in 0..10 {
        let process = Process::spawn(write, (list.clone(),)).unwrap();
        for round in 0..300 {
            let Item::Str(text) = list.get(0).unwrap() else { panic!("a text") };
            let first = text.chars().next().unwrap();
            assert!(text.len() >= 200 && text.chars().all(|other| other == first), "{text}");
            if round == 250 {
                process.kill().unwrap();
            }
        }
        process.wait();
        list.set(0, "x".repeat(1000)).unwrap();
    }
}

#[test]
fn shared_values_are_the_same_everywhere() {
    fn add(counters: Shared<[AtomicU64; 3]>, index: usize) {
        counters[index].fetch_add(1, SeqCst);
    }
    let _watch = watchdog();
    let counters = Shared::new([const { AtomicU64::new(5) }; 3]).unwrap();
    let processes = [0, 2, 2].map(|index| Process::spawn(add, (counters.clone(), index)).unwrap());
    for process in processes {
        process.join().unwrap();
    }
    assert_eq!(counters.each_ref().map(|counter| counter.load(SeqCst)), [6, 5, 7]);
}

#[test]
fn nothing_is_left_when_the_handles_are_gone() {
    /// How many files in memory this process has open, and mapped.
    fn ours() -> (usize, usize) {
        let is_ours = |text: &str| text.contains("memfd:inkle") || text.contains("/dev/shm/");
        let files = read_dir("/proc/self/fd").unwrap();
        let open = files.filter(|file| {
            let target = read_link(file.as_ref().unwrap().path()).unwrap_or_default();
            is_ours(&target.to_string_lossy())
        });
        let maps = read_to_string("/proc/self/maps").unwrap();
        (open.count(), maps.lines().filter(|line| is_ours(line)).count())
    }
    fn nothing(_queue: Queue<u8>, _value: Value<u8>, _list: ShareableList, _memory: SharedMemory) {}
    /// Alone in its process.
    fn use_and_drop() -> ((usize, usize), (usize, usize), (usize, usize)) {
        let before = ours();
        let (queue, value) = (Queue::<u8>::new().unwrap(), Value::<u8>::new(1).unwrap());
        let list = ShareableList::new([1]).unwrap();
        let memory = SharedMemory::create_unique(8).unwrap();
        let arguments = (queue.clone(), value.clone(), list.clone(), memory.clone());
        Process::spawn(nothing, arguments).unwrap().join().unwrap();
        let within = ours();
        drop((queue, value, list, memory));
        (before, within, ours())
    }
    let _watch = watchdog();
    let (before, within, after) = Process::spawn(use_and_drop, ()).unwrap().join().unwrap();
    assert_eq!(before, after);
    // One more file: what an owner has.
    assert_eq!((within.0 - before.0, within.1 - before.1), (5, 4));
}
