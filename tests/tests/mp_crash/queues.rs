//! Queues.

use super::crash::outcomes;
use super::stage::Stage;
use super::steps;
use inkle::Deadline;
use inkle::multiprocessing::{GetError, JoinableQueue, PutError, Shutdown};

type Queue = JoinableQueue<String>;

/// Three words long, with the one for its length: a letter ten times.
fn item(letter: char) -> String {
    letter.to_string().repeat(10)
}

/// A queue of eight words, where these items have been put after two that are gone: the second goes around the end.
fn queue_of(limit: u32, letters: &str) -> Queue {
    let queue = Queue::with_bytes(limit, 64).unwrap();
    queue.put(item('x')).unwrap();
    queue.get().unwrap();
    queue.task_done().unwrap();
    letters.chars().for_each(|letter| queue.put(item(letter)).unwrap());
    queue
}

/// The letters of what comes out, each whole; and it goes on.
fn drained(queue: &Queue) -> String {
    let mut letters = String::new();
    loop {
        match queue.try_get() {
            Ok(text) => {
                let letter = text.chars().next().unwrap();
                assert_eq!(text, item(letter));
                letters.push(letter);
            }
            Err(end) => {
                let is_shut_down = queue.is_shut_down();
                let expected = if is_shut_down { GetError::ShutDown } else { GetError::Empty };
                assert_eq!(end, expected);
                return letters;
            }
        }
    }
}

fn look(queue: &Queue) -> String {
    let letters = drained(queue);
    queue.try_put(item('y')).unwrap();
    queue.try_put(item('z')).unwrap();
    assert_eq!(drained(queue), "yz");
    letters
}

#[test]
fn mp035_a_put_has_put_its_item_or_nothing() {
    fn act(queue: Queue, stage: Stage) {
        stage.perform(|| queue.put(item('b')).unwrap());
    }
    let Some(_watch) = steps::watched() else { return };
    // Around the end of the ring; within it.
    assert_eq!(outcomes(|| queue_of(0, "a"), act, look), ["a", "ab"]);
    assert_eq!(outcomes(|| queue_of(5, ""), act, look), ["", "b"]);
}

#[test]
fn mp035_a_get_has_taken_the_first_item_or_nothing() {
    fn act(queue: Queue, stage: Stage) {
        stage.perform(|| {
            queue.get().unwrap();
            queue.get().unwrap();
            assert_eq!(queue.try_get(), Err(GetError::Empty));
        });
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(|| queue_of(0, "ab"), act, look), ["ab", "b", ""]);
}

#[test]
fn mp035_who_dies_at_an_end_of_the_queue_leaves_it_as_it_is() {
    fn full(queue: Queue, stage: Stage) {
        stage.perform(|| {
            assert_eq!(queue.try_put(item('c')), Err(PutError::Full(item('c'))));
            let _ = queue.put(item('c'));
        });
    }
    fn empty(queue: Queue, stage: Stage) {
        stage.perform(|| {
            assert_eq!(queue.try_get(), Err(GetError::Empty));
            let _ = queue.get();
        });
    }
    fn unfinished(queue: Queue, stage: Stage) {
        stage.perform(|| queue.join());
    }
    let Some(_watch) = steps::watched() else { return };
    // No room for the bytes; for as many; none there; some not done.
    assert_eq!(outcomes(|| queue_of(0, "ab"), full, look), ["ab"]);
    assert_eq!(outcomes(|| queue_of(2, "ab"), full, look), ["ab"]);
    assert_eq!(outcomes(|| queue_of(0, ""), empty, look), [""]);
    assert_eq!(outcomes(|| queue_of(0, "a"), unfinished, look), ["a"]);
}

#[test]
fn mp036_a_task_is_done_or_not() {
    fn act(queue: Queue, stage: Stage) {
        stage.perform(|| queue.task_done().unwrap());
    }
    fn look(queue: &Queue) -> usize {
        let unfinished = queue.unfinished();
        (0..unfinished).for_each(|_| queue.task_done().unwrap());
        assert!(queue.task_done().is_err());
        queue.join();
        unfinished
    }
    let Some(_watch) = steps::watched() else { return };
    assert_eq!(outcomes(|| queue_of(0, "a"), act, look), [1, 0]);
    assert_eq!(outcomes(|| queue_of(0, "ab"), act, look), [2, 1]);
}

#[test]
fn mp037_a_shutdown_has_come_to_nothing_to_a_graceful_one_or_to_an_immediate_one() {
    fn act(queue: Queue, stage: Stage) {
        stage.perform(|| queue.shutdown(Shutdown::Immediate));
    }
    fn look(queue: &Queue) -> (bool, String) {
        let is_shut_down = queue.is_shut_down();
        assert_eq!(
            queue.put_until(item('c'), Deadline::PASSED).is_err(),
            is_shut_down || queue.is_full()
        );
        let letters = drained(queue);
        letters.chars().for_each(|_| queue.task_done().unwrap());
        queue.shutdown(Shutdown::Immediate);
        queue.join();
        (is_shut_down, letters)
    }
    let Some(_watch) = steps::watched() else { return };
    let seen = outcomes(|| queue_of(2, "ab"), act, look);
    assert_eq!(seen, [(false, "ab".into()), (true, "ab".into()), (true, String::new())]);
}
