//! Queues between processes, and what is lost when one is killed. (MP029 to MP037)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use inkle::Deadline;
use inkle::multiprocessing::memory::Shared;
use inkle::multiprocessing::{
    GetError, JoinableQueue, Lock, Process, PutError, Queue, Semaphore, Shutdown, SimpleQueue,
};
use inkle_tests::{PATIENCE, SCALE, SETTLE, eventually, watchdog};

/// Who put it, and the how manieth of that one it is.
type Mark = (u32, u32);

#[test]
fn mp029_mp030_each_item_comes_once_and_those_of_one_producer_in_order() {
    const EACH: u32 = 3_000 * SCALE;
    fn produce(queue: Queue<Mark>, id: u32) {
        for number in 0..EACH {
            queue.put((id, number)).unwrap();
        }
    }
    fn consume(queue: Queue<Mark>) -> Vec<Mark> {
        queue.iter().collect::<Result<_, _>>().unwrap()
    }
    let _watch = watchdog();
    let queue = Queue::bounded(100).unwrap();
    let producers: [_; 3] =
        std::array::from_fn(|id| Process::spawn(produce, (queue.clone(), id as u32)).unwrap());
    let consumers: [_; 2] =
        std::array::from_fn(|_| Process::spawn(consume, (queue.clone(),)).unwrap());
    for process in producers {
        process.join().unwrap();
    }
    queue.shutdown(Shutdown::Graceful);
    let got = consumers.map(|process| process.join().unwrap());
    for id in 0..3 {
        let of_id = |got: &Vec<Mark>| {
            let numbers = got.iter().filter(|(of, _)| *of == id).map(|(_, number)| *number);
            let numbers: Vec<_> = numbers.collect();
            assert!(numbers.is_sorted(), "of producer {id}");
            numbers
        };
        let mut all: Vec<_> = got.iter().flat_map(of_id).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..EACH), "of producer {id}");
    }
}

#[test]
fn mp031_what_cannot_be_sent_is_refused_at_once_and_comes_back() {
    let _watch = watchdog();
    let queue = JoinableQueue::new().unwrap();
    let no_text = PathBuf::from(OsStr::from_bytes(b"\xff"));
    match queue.put(no_text.clone()) {
        Err(PutError::Encode(item, error)) => {
            assert_eq!(item, no_text);
            assert!(error.to_string().starts_with("the value cannot be sent"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    queue.join();
    queue.put(PathBuf::from("yarn")).unwrap();
    assert_eq!(queue.get().unwrap(), PathBuf::from("yarn"));

    let locks = Queue::new().unwrap();
    let error = locks.put(Lock::new().unwrap()).unwrap_err();
    assert!(error.to_string().contains("handles do not go through queues"), "{error}");
    assert!(matches!(error, PutError::Encode(..)));
}

#[test]
fn what_is_too_large_is_refused_at_once_and_comes_back() {
    let _watch = watchdog();
    let queue = Queue::with_bytes(0, 1000).unwrap();
    assert_eq!(queue.max_item_size(), 992);
    let item = "x".repeat(1000);
    assert_eq!(queue.put(item.clone()), Err(PutError::TooLarge(item)));
    // Two bytes say how long it is.
    queue.put("x".repeat(990)).unwrap();
    assert_eq!(queue.try_put(String::new()), Err(PutError::Full(String::new())));
    assert_eq!(queue.get().map(|item| item.len()), Ok(990));
    assert!(Queue::<u32>::with_bytes(0, 0).is_err());
    assert!(Queue::<u32>::with_bytes(0, usize::MAX).is_err());
}

#[test]
fn mp032_a_full_and_an_empty_queue_say_so() {
    let _watch = watchdog();
    let queue = Queue::bounded(2).unwrap();
    assert_eq!(queue.try_get(), Err(GetError::Empty));
    assert_eq!(queue.get_until(Deadline::PASSED), Err(GetError::TimedOut));
    assert!(queue.is_empty() && !queue.is_full());
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
    assert_eq!(queue.put_timeout(3, Duration::from_millis(1)), Err(PutError::TimedOut(3)));
    assert!(queue.is_full());
    assert_eq!((queue.len(), queue.capacity()), (2, Some(2)));
    assert_eq!(queue.clone().get(), Ok(1));
}

#[test]
fn mp034_a_process_may_end_as_soon_as_it_has_put() {
    const ITEMS: usize = 1000;
    fn put_and_go(queue: Queue<Vec<u8>>) {
        for number in 0..ITEMS {
            queue.put(vec![number as u8; 1000]).unwrap();
        }
        // SAFETY: the process ends here: nothing is flushed, nothing is dropped.
        unsafe { libc::_exit(0) };
    }
    let _watch = watchdog();
    let queue = Queue::new().unwrap();
    let process = Process::spawn(put_and_go, (queue.clone(),)).unwrap();
    process.wait();
    assert_eq!(queue.len(), ITEMS);
    for number in 0..ITEMS {
        assert_eq!(queue.try_get().unwrap(), vec![number as u8; 1000]);
    }
    assert_eq!(queue.try_get(), Err(GetError::Empty));
}

/// Bytes from which one can see whose they are and whether all are there.
fn payload((id, number): Mark) -> Vec<u8> {
    vec![(id ^ number) as u8; (number % 61) as usize]
}

#[test]
fn mp035_a_killed_producer_has_put_its_items_up_to_some_point_and_holds_up_nobody() {
    fn produce(queue: Queue<(Mark, Vec<u8>)>, id: u32) {
        for number in 0.. {
            let mark = (id, number);
            if queue.put((mark, payload(mark))).is_err() {
                return;
            }
        }
    }
    let _watch = watchdog();
    // So small that a producer is in the middle of something most of the time.
    let queue = Queue::with_bytes(20, 2000).unwrap();
    let mut next = BTreeMap::<u32, u32>::new();
    let mut take = || {
        let ((id, number), bytes) = queue.get_timeout(PATIENCE).unwrap();
        assert_eq!(bytes, payload((id, number)));
        let expected = next.entry(id).or_default();
        assert_eq!(number, *expected, "of producer {id}");
        *expected += 1;
        id
    };
    let survivor = Process::spawn(produce, (queue.clone(), 0)).unwrap();
    for id in 1..=20 {
        let victim = Process::spawn(produce, (queue.clone(), id)).unwrap();
        while take() != id {}
        for _ in 0..id * 37 {
            take();
        }
        victim.kill().unwrap();
        let _ = victim.join();
        // What is left of it is inside now; the other one goes on.
        let mut others = 0;
        while others < 40 {
            others += u32::from(take() == 0);
        }
    }
    queue.shutdown(Shutdown::Immediate);
    survivor.join().unwrap();
}

#[test]
fn mp035_a_killed_consumer_loses_at_most_what_it_had_just_taken() {
    const ITEMS: u32 = 4_000;
    type Seen = [AtomicU8; ITEMS as usize];
    fn consume(queue: Queue<u32>, seen: Shared<Seen>) {
        while let Ok(number) = queue.get() {
            seen[number as usize].fetch_add(1, SeqCst);
        }
    }
    let _watch = watchdog();
    let queue = Queue::bounded(10).unwrap();
    let seen = Shared::new([const { AtomicU8::new(0) }; ITEMS as usize]).unwrap();
    let spawn = || Process::spawn(consume, (queue.clone(), seen.clone())).unwrap();
    let survivor = spawn();
    let mut victim = spawn();
    let mut killed = 0;
    for number in 0..ITEMS {
        queue.put_timeout(number, PATIENCE).unwrap();
        if number % 400 == 399 {
            victim.kill().unwrap();
            let _ = victim.join();
            killed += 1;
            victim = spawn();
        }
    }
    eventually(|| queue.is_empty());
    queue.shutdown(Shutdown::Graceful);
    survivor.join().unwrap();
    victim.join().unwrap();
    let times = |count: u8| seen.iter().filter(|seen| seen.load(SeqCst) == count).count();
    assert!(times(0) <= killed, "{} items are lost", times(0));
    assert_eq!(times(0) + times(1), ITEMS as usize, "none came twice");
}

#[test]
fn mp036_join_waits_for_the_work_of_other_processes() {
    fn work(tasks: JoinableQueue<u64>, sum: inkle::multiprocessing::Value<u64>) {
        for number in &*tasks {
            sum.lock().modify(|sum| sum + number.clone().unwrap());
            tasks.task_done().unwrap();
        }
    }
    let _watch = watchdog();
    let (tasks, sum) =
        (JoinableQueue::new().unwrap(), inkle::multiprocessing::Value::new(0).unwrap());
    (1..=100).for_each(|number| tasks.put(number).unwrap());
    assert!(tasks.join_timeout(Duration::from_millis(1)).is_err());
    assert_eq!(tasks.unfinished(), 100);
    let workers: [_; 2] =
        std::array::from_fn(|_| Process::spawn(work, (tasks.clone(), sum.clone())).unwrap());
    tasks.join();
    assert_eq!(sum.get(), 5050);
    assert!(tasks.task_done().is_err());
    tasks.shutdown(Shutdown::Graceful);
    for process in workers {
        process.join().unwrap();
    }
}

#[test]
fn mp037_a_shutdown_wakes_other_processes_that_put_or_get() {
    fn get(empty: Queue<u8>, begun: Semaphore) -> bool {
        begun.release(1).unwrap();
        empty.get() == Err(GetError::ShutDown)
    }
    fn put(full: Queue<u8>, begun: Semaphore) -> bool {
        begun.release(1).unwrap();
        full.put(2) == Err(PutError::ShutDown(2))
    }
    let _watch = watchdog();
    let (empty, full) = (Queue::new().unwrap(), Queue::bounded(1).unwrap());
    let begun = Semaphore::new(0).unwrap();
    full.put(1).unwrap();
    let getter = Process::spawn(get, (empty.clone(), begun.clone())).unwrap();
    let putter = Process::spawn(put, (full.clone(), begun.clone())).unwrap();
    begun.acquire();
    begun.acquire();
    sleep(SETTLE);
    empty.shutdown(Shutdown::Graceful);
    full.shutdown(Shutdown::Graceful);
    assert!(getter.join().unwrap() && putter.join().unwrap());
    assert_eq!(full.get(), Ok(1), "what is inside stays");
    assert_eq!(full.get(), Err(GetError::ShutDown));
    assert!(empty.is_shut_down());
}

#[test]
fn mp037_a_simple_queue_puts_and_gets() {
    fn echo(there: SimpleQueue<String>, back: SimpleQueue<String>) {
        for _ in 0..100 {
            back.put(there.get().unwrap() + "!").unwrap();
        }
    }
    let _watch = watchdog();
    let (there, back) = (SimpleQueue::new().unwrap(), SimpleQueue::new().unwrap());
    let process = Process::spawn(echo, (there.clone(), back.clone())).unwrap();
    for number in 0..100 {
        there.put(number.to_string()).unwrap();
        assert_eq!(back.get_timeout(PATIENCE).unwrap(), format!("{number}!"));
    }
    process.join().unwrap();
    assert!(back.is_empty() && back.try_get() == Err(GetError::Empty));
    assert_eq!(back.get_until(Deadline::PASSED), Err(GetError::TimedOut));
}
