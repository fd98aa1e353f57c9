extern crate std;

use std::vec::Vec;

use super::*;

include!("../alone.rs");

const W: usize = size_of::<usize>();

struct Memory<const N: usize> {
    header: Header<Alone>,
    words: [AtomicUsize; N],
}

impl<const N: usize> Memory<N> {
    fn new() -> Self {
        Self { header: Header::new(), words: core::array::from_fn(|_| AtomicUsize::new(0)) }
    }

    fn queue(&self, limit: u32) -> Records<'_, Alone> {
        Records::new(&self.header, &self.words, limit).unwrap()
    }
}

fn take(queue: Records<'_, Alone>) -> Result<Vec<u8>, GetRecordError> {
    queue.try_get_with(|record| {
        let mut bytes = std::vec![0; record.len()];
        assert_eq!(record.copy_to(&mut bytes), record.len());
        bytes
    })
}

#[test]
fn mp029_any_length_at_any_place_in_any_pieces() {
    let memory = Memory::<7>::new();
    let queue = memory.queue(0);
    assert_eq!(queue.max_len(), 6 * W);
    let text: Vec<u8> = (1..=255).collect();
    for len in (0..=6 * W).cycle().take(40 * W) {
        for cut in [0, 1, W / 2, W, W + 3, len] {
            let text = &text[..len];
            let (first, second) = text.split_at(cut.min(len));
            queue.try_put(&[first, &[], second]).unwrap();
            assert_eq!(queue.len(), 1);
            assert_eq!(take(queue).unwrap(), text);
        }
    }
}

#[test]
fn a_record_may_be_read_in_pieces_or_not_to_its_end() {
    let memory = Memory::<9>::new();
    let queue = memory.queue(0);
    let text: Vec<u8> = (0..3 * W as u8 + 3).collect();
    for chunk in 1..text.len() + 2 {
        queue.put(&[&text]).unwrap();
        queue
            .get_with(|record| {
                let mut read = Vec::new();
                let mut buffer = std::vec![0; chunk];
                while record.remaining() > 0 {
                    let count = record.copy_to(&mut buffer);
                    read.extend_from_slice(&buffer[..count]);
                }
                assert_eq!((read, record.copy_to(&mut buffer)), (text.clone(), 0));
            })
            .unwrap();
    }
    queue.put(&[&text]).unwrap();
    queue.put(&[b"next"]).unwrap();
    assert_eq!(queue.get_with(|record| record.copy_to(&mut [0; 5])), Ok(5));
    assert_eq!(take(queue).unwrap(), b"next");
}

#[test]
fn two_limits() {
    let memory = Memory::<4>::new();
    let queue = memory.queue(2);
    assert_eq!(queue.try_put(&[&[0; 3 * W + 1]]), Err(PutRecordError::TooLarge));
    queue.try_put(&[]).unwrap();
    queue.try_put(&[]).unwrap();
    assert_eq!(queue.try_put(&[]), Err(PutRecordError::Full), "of records");
    assert_eq!(queue.put_until(&[], Deadline::PASSED), Err(PutRecordError::TimedOut));
    take(queue).unwrap();
    assert_eq!(queue.try_put(&[&[0; 2 * W + 1]]), Err(PutRecordError::Full), "of bytes");
    queue.try_put(&[&[0; 2 * W]]).unwrap();
    assert_eq!(queue.len(), 2);
}

#[test]
fn a_buffer_that_is_too_small_loses_nothing() {
    let memory = Memory::<4>::new();
    let queue = memory.queue(0);
    queue.put(&[b"abc"]).unwrap();
    let mut buffer = [0; 3];
    assert_eq!(queue.get(&mut buffer[..2]), Err(GetRecordError::TooSmall { len: 3 }));
    assert_eq!(queue.get(&mut buffer), Ok(3));
    assert_eq!(&buffer, b"abc");
    assert_eq!(queue.get_until(&mut buffer, Deadline::PASSED), Err(GetRecordError::TimedOut));
}

#[test]
fn a_sink_that_panics_leaves_the_record() {
    let memory = Memory::<4>::new();
    let queue = memory.queue(0);
    queue.put(&[b"abc"]).unwrap();
    let panics = || queue.get_with(|_| panic!("on purpose"));
    assert!(std::panic::catch_unwind(core::panic::AssertUnwindSafe(panics)).is_err());
    assert_eq!(take(queue).unwrap(), b"abc");
}

#[test]
fn mp036_qu018_qu020_tasks_and_shutdown() {
    let memory = Memory::<8>::new();
    let queue = memory.queue(0);
    assert_eq!(queue.task_done(), Err(TooManyDone));
    for _ in 0..3 {
        queue.put(&[b"a"]).unwrap();
    }
    take(queue).unwrap();
    assert_eq!((queue.unfinished(), queue.join_until(Deadline::PASSED)), (3, Err(TimedOut)));
    queue.shutdown(Shutdown::Graceful);
    assert_eq!(queue.put(&[b"a"]), Err(PutRecordError::ShutDown));
    take(queue).unwrap();
    queue.shutdown(Shutdown::Immediate);
    assert_eq!((queue.len(), take(queue)), (0, Err(GetRecordError::ShutDown)));
    assert_eq!(queue.unfinished(), 2, "those that were taken");
    queue.task_done().unwrap();
    queue.task_done().unwrap();
    queue.join();
    assert_eq!(queue.task_done(), Err(TooManyDone));
    queue.shutdown(Shutdown::Graceful);
    assert!(queue.is_shut_down() && queue.is_empty());
}

#[test]
fn whatever_lies_in_the_memory_is_an_error_or_wrong_data() {
    // A small generator: the same numbers each time.
    let mut state = 1_u64;
    let mut dice = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 32
    };
    let (mut corrupt, mut sound) = (0, 0);
    for _ in 0..20_000 {
        let memory = Memory::<5>::new();
        for end in [&memory.header.tail, &memory.header.head] {
            // Flags, count and position: what makes sense is mixed with what does not.
            let place = ((dice() % 16 / 15) << 63) | ((dice() % 4) << 32) | (dice() % 12);
            end.0.place.store(place, Ordering::Relaxed);
        }
        for word in &memory.words {
            let bits = dice() % 64;
            word.store((dice() << 32 | dice()) as usize >> bits, Ordering::Relaxed);
        }
        let queue = memory.queue(0);
        let got = queue.try_get(&mut [0; 64]);
        let put = queue.try_put(&[b"abc"]);
        let _ = (queue.len(), queue.unfinished(), queue.task_done(), queue.is_shut_down());
        corrupt += u32::from(got == Err(GetRecordError::Corrupt));
        corrupt += u32::from(put == Err(PutRecordError::Corrupt));
        sound += u32::from(got.is_ok()) + u32::from(put.is_ok());
    }
    assert!(corrupt > 100 && sound > 100, "{corrupt} {sound}");
}

#[test]
fn what_holds_no_record_may_be_overwritten() {
    let memory = Memory::<7>::new();
    let queue = memory.queue(0);
    let trash = |expected: usize| {
        let mut words = 0;
        queue.with_unused(|run| {
            run.iter().for_each(|word| word.store(usize::MAX, Ordering::Relaxed));
            words += run.len();
        });
        assert_eq!(words, expected);
    };
    trash(7);
    for (first, second) in (0..20).map(|number| (number, number + 1)) {
        queue.try_put(&[&[first; W]]).unwrap();
        trash(5);
        queue.try_put(&[&[second; 2 * W + 1]]).unwrap();
        trash(1);
        assert_eq!(take(queue).unwrap(), [first; W]);
        trash(3);
        assert_eq!(take(queue).unwrap(), [second; 2 * W + 1]);
        trash(7);
    }
    let _putting = memory.header.tail.0.lock.guard();
    trash(0);
}
