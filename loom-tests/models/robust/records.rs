//! The queue of records: linearizable as a channel is, and whoever dies at one end takes at most its own
//! record along.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use inkle_core::atomic::AtomicUsize;
use inkle_core::channel::Shutdown;
use inkle_core::error::{GetRecordError, PutRecordError};
use inkle_core::platform::Deadline;
use inkle_core::robust::{Header, Mortal, Records, Survivor};
use loom::thread::spawn;

use super::{LONG, THREE};
use crate::kit::{Loom, Model, Plain, SOON, life, timeouts};
use crate::shapes::Op::*;
use crate::shapes::{Counted, Exact, Ledger, Op, Ret, Subject, play};

type Scripts = &'static [&'static [Op]];

pub const MODELS: &[Model] = &[
    // Two threads, without waiting.
    Model::bounded("put_put", 4, LONG, || words::<2>(0, &[&[Push(1)], &[Push(2)]])),
    Model::bounded("get_get", 4, LONG, || words::<2>(2, &[&[Pop], &[Pop]])),
    Model::full("put_get_empty", || words::<1>(0, &[&[Push(1)], &[Pop]])),
    Model::full("put_get_full", || words::<1>(1, &[&[Push(1), Pop], &[Pop]])),
    Model::bounded("put_get_twice", 4, LONG, || words::<1>(0, &[&[Push(1), Pop], &[Push(2), Pop]])),
    Model::bounded("stale", 4, LONG, || words::<1>(0, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::bounded("stale_2", 4, LONG, || words::<2>(1, &[&[Push(1), Push(2)], &[Pop, Pop]])),
    Model::bounded("overtake_put", 4, LONG, || words::<1>(0, &[&[Push(1)], &[Pop, Push(2), Pop]])),
    // Waiting for a record, for room.
    Model::full("get_put", || words::<1>(0, &[&[Get], &[Put(1)]])),
    Model::full("put_get", || words::<1>(1, &[&[Put(1)], &[Get]])),
    Model::bounded("get_put_twice", 3, LONG, || words::<1>(0, &[&[Get, Get], &[Put(1), Put(2)]])),
    Model::bounded("put_put_get", 3, LONG, || words::<1>(1, &[&[Put(1), Put(2)], &[Get, Get]])),
    Model::full("get_soon_put", || early::<1>(0, &[&[GetSoon], &[Put(1)]])),
    Model::full("put_soon_get", || early::<1>(1, &[&[PutSoon(1)], &[Get]])),
    Model::full("get_put_spurious", || early::<1>(0, &[&[Get], &[Put(1)]])),
    // Shutdown.
    Model::full("close_put", || words::<1>(0, &[&[Close, Pop], &[Put(1)]])),
    Model::full("close_put_full", || words::<1>(1, &[&[Close], &[Put(1)]])),
    Model::full("close_get", || words::<1>(0, &[&[Close], &[Get]])),
    Model::full("told_by_get", || {
        announce(|queue| queue.get(&mut [0]) == Err(GetRecordError::ShutDown));
    }),
    Model::full("told_by_put", || {
        announce(|queue| queue.try_put(&[&[1]]) == Err(PutRecordError::ShutDown));
    }),
    Model::full("stop_put", || words::<1>(0, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::full("stop_put_full", || words::<1>(1, &[&[Stop, Unfinished], &[Put(1)]])),
    Model::bounded("stop_get", 4, LONG, || words::<2>(2, &[&[Stop], &[Get, TaskDone]])),
    Model::full("stop_stop", || words::<2>(2, &[&[Stop], &[Stop]])),
    // Tasks.
    Model::full("join_done", || words::<1>(1, &[&[Join], &[Get, TaskDone]])),
    Model::bounded("put_join", 4, LONG, || words::<1>(0, &[&[Put(1), Join], &[Get, TaskDone]])),
    Model::full("join_stop", || words::<1>(1, &[&[Join], &[Stop]])),
    Model::bounded("done_put_done", 4, LONG, || {
        words::<2>(1, &[&[Pop, TaskDone], &[Push(2), Pop, TaskDone]])
    }),
    Model::full("done_shows_the_work", done_shows_the_work),
    Model::full("too_many_done", || words::<1>(1, &[&[TaskDone, Push(1)], &[TaskDone, TaskDone]])),
    // What only looks.
    Model::bounded("look_put", 4, LONG, || {
        words::<2>(0, &[&[Len, Unfinished, Push(1)], &[Push(2), IsEmpty]])
    }),
    // Three threads.
    Model::bounded("get_get_put", 2, THREE, || words::<2>(0, &[&[Put(1), Put(2)], &[Get], &[Get]])),
    Model::bounded("put_put_get_3", 2, THREE, || {
        words::<1>(1, &[&[Get, Get], &[Put(1)], &[Put(2)]])
    }),
    Model::bounded("get_soon_get_put", 2, THREE, || {
        early::<1>(0, &[&[Put(1), Put(2)], &[GetSoon], &[Get]])
    }),
    Model::bounded("close_get_get", 2, THREE, || words::<1>(0, &[&[Close], &[Get], &[Get]])),
    Model::bounded("close_put_get", 2, THREE, || words::<1>(0, &[&[Close], &[Put(1)], &[Get]])),
    Model::bounded("join_done_done", 2, THREE, || {
        words::<2>(2, &[&[Join], &[Get, TaskDone], &[Get, TaskDone]])
    }),
    // One dies.
    Model::dies("putter_dies", 3, putter_dies),
    Model::dies("getter_dies", 3, getter_dies),
    Model::dies("putter_dies_before_it_rings", 3, || ringer_dies(true)),
    Model::dies_in_vain("not_buried", 3, || ringer_dies(false)),
    Model::dies("getter_dies_before_it_rings", 2, room_maker_dies),
    Model::dies("waiting_getter_dies", 1, waiting_getter_dies),
    Model::dies("closer_dies", 2, closer_dies),
    Model::dies("task_done_dies", 3, task_done_dies),
];

/// The memory of a queue of records of one byte, two words each.
struct Memory {
    header: Header<Loom>,
    words: Box<[AtomicUsize]>,
}

impl Memory {
    fn new(records: usize) -> Self {
        let words = (0..2 * records).map(|_| AtomicUsize::new(0)).collect();
        Self { header: Header::new(), words }
    }

    fn queue(&self) -> Records<'_, Loom> {
        Records::new(&self.header, &self.words, 0).expect("there are words")
    }
}

fn put(result: Result<(), PutRecordError>) -> Ret {
    match result {
        Ok(()) => Ret::Ok,
        Err(PutRecordError::Full) => Ret::Full,
        Err(PutRecordError::TimedOut) => Ret::TimedOut,
        Err(PutRecordError::ShutDown) => Ret::Closed,
        Err(error) => panic!("{error}"),
    }
}

fn got(result: Result<usize, GetRecordError>, buffer: [u8; 1]) -> Ret {
    match result {
        Ok(len) => {
            assert_eq!(len, 1);
            Ret::Item(buffer[0])
        }
        Err(GetRecordError::Empty) => Ret::Empty,
        Err(GetRecordError::TimedOut) => Ret::TimedOut,
        Err(GetRecordError::ShutDown) => Ret::Closed,
        Err(error) => panic!("{error}"),
    }
}

impl Subject for Memory {
    const AT_END: &[Op] = &[Close, Unfinished];

    fn apply(&self, op: Op, _ledger: &Ledger) -> Ret {
        let queue = self.queue();
        let mut buffer = [0];
        match op {
            Push(item) => put(queue.try_put(&[&[item]])),
            Put(item) => put(queue.put(&[&[item]])),
            PutSoon(item) => put(queue.put_until(&[&[item]], SOON)),
            Pop => got(queue.try_get(&mut buffer), buffer),
            Get => got(queue.get(&mut buffer), buffer),
            GetSoon => got(queue.get_until(&mut buffer, SOON), buffer),
            TaskDone => Ret::Flag(queue.task_done().is_ok()),
            Unfinished => Ret::Count(queue.unfinished()),
            Join => {
                queue.join();
                Ret::Ok
            }
            Close => {
                queue.shutdown(Shutdown::Graceful);
                Ret::Ok
            }
            Stop => {
                queue.shutdown(Shutdown::Immediate);
                Ret::Ok
            }
            Len => Ret::Count(queue.len()),
            IsEmpty => Ret::Flag(queue.is_empty()),
            other => unreachable!("{other:?} is not an operation of this queue"),
        }
    }
}

/// Plays on a queue of `N` records that goes round with the next one.
fn words<const N: usize>(inside: u8, scripts: Scripts) {
    let memory = Memory::new(N);
    for _ in 0..2 * N - 1 {
        let queue = memory.queue();
        queue.try_put(&[&[0]]).unwrap();
        assert_eq!((queue.try_get(&mut [0]), queue.task_done()), (Ok(1), Ok(())));
    }
    play(memory, Counted::new(Exact::new(N), N), inside, scripts);
}

/// As [`words`]; one sleep may end early.
fn early<const N: usize>(inside: u8, scripts: Scripts) {
    timeouts(1);
    words::<N>(inside, scripts);
}

/// Whoever is told of a shutdown sees what was done before it.
fn announce(is_told: fn(Records<'_, Loom>) -> bool) {
    let (memory, said) = (Arc::new(Memory::new(1)), Arc::new(Plain::new(0)));
    let other = {
        let (memory, said) = (memory.clone(), said.clone());
        spawn(move || {
            said.set(1);
            memory.queue().shutdown(Shutdown::Graceful);
        })
    };
    if is_told(memory.queue()) {
        assert_eq!(said.get(), 1);
    }
    other.join().unwrap();
}

/// Takes all that is there.
fn drain(queue: Records<'_, Loom>) -> VecDeque<u8> {
    let mut items = VecDeque::new();
    let mut buffer = [0];
    loop {
        match queue.try_get(&mut buffer) {
            Ok(_) => items.push_back(buffer[0]),
            Err(GetRecordError::Empty | GetRecordError::ShutDown) => return items,
            Err(error) => panic!("{error}"),
        }
    }
}

/// What the mortal knows to have done.
type Done = Arc<Mutex<Vec<u8>>>;

/// A putter dies beside another one: of its two records the first ones are there, whole and in order, as
/// many as it knows of and perhaps one more; the other's is there.
fn putter_dies() {
    let memory = Arc::new(Memory::new(3));
    let done = Done::default();
    let (work, grave, known) = (memory.clone(), memory.clone(), done.clone());
    let mortal = life(
        move || {
            for item in [1, 2] {
                if work.queue().try_put(&[&[item]]).is_ok() {
                    known.lock().unwrap().push(item);
                }
            }
        },
        move || grave.header.bury(Loom::life()),
    );
    memory.queue().put(&[&[9]]).unwrap();
    mortal.end();
    let known = done.lock().unwrap().len();
    let mut items = drain(memory.queue());
    items.retain(|item| *item != 9);
    assert!(items == [1] || items == [1, 2] || items.is_empty(), "{items:?}");
    assert!((known..=known + 1).contains(&items.len()), "{items:?}, {known}");
    // And it goes on.
    memory.queue().try_put(&[&[8]]).unwrap();
    assert_eq!(drain(memory.queue()), [8]);
    mortal.rest();
}

/// A getter dies beside another one: at most one record is lost, and what is taken is in order.
fn getter_dies() {
    let memory = Arc::new(Memory::new(3));
    for item in [1, 2, 3] {
        memory.queue().put(&[&[item]]).unwrap();
    }
    let done = Done::default();
    let (work, grave, known) = (memory.clone(), memory.clone(), done.clone());
    let mortal = life(
        move || {
            let mut buffer = [0];
            for _ in 0..2 {
                if work.queue().try_get(&mut buffer).is_ok() {
                    known.lock().unwrap().push(buffer[0]);
                }
            }
        },
        move || grave.header.bury(Loom::life()),
    );
    let mut buffer = [0];
    memory.queue().get(&mut buffer).unwrap();
    let died = mortal.end();
    let known = done.lock().unwrap().clone();
    let rest = drain(memory.queue());
    assert!(known.is_sorted() && rest.iter().is_sorted());
    let mut all: Vec<u8> = known.iter().chain(&rest).copied().chain(buffer).collect();
    all.sort();
    let lost = 3 - all.len();
    assert!(lost <= usize::from(died), "{all:?}");
    all.dedup();
    assert_eq!(all.len(), 3 - lost);
    mortal.rest();
}

/// Somebody waits for a record of one who dies, perhaps when it was put and the bell was not rung.
fn ringer_dies(is_buried: bool) {
    let memory = Arc::new(Memory::new(1));
    let (work, grave) = (memory.clone(), memory.clone());
    let mortal = life(
        move || _ = work.queue().try_put(&[&[1]]),
        move || {
            if is_buried {
                grave.header.bury(Loom::life());
            }
        },
    );
    let other = {
        let memory = memory.clone();
        spawn(move || memory.queue().get(&mut [0]).unwrap())
    };
    mortal.end();
    // If it was not put.
    if memory.header_is_untouched() {
        memory.queue().put(&[&[2]]).unwrap();
    }
    other.join().unwrap();
    mortal.rest();
}

impl Memory {
    /// Whether nothing was ever put.
    fn header_is_untouched(&self) -> bool {
        self.queue().unfinished() == 0
    }
}

/// Somebody waits for room that one makes who dies.
fn room_maker_dies() {
    let memory = Arc::new(Memory::new(1));
    memory.queue().put(&[&[1]]).unwrap();
    let (work, grave) = (memory.clone(), memory.clone());
    let mortal =
        life(move || _ = work.queue().try_get(&mut [0]), move || grave.header.bury(Loom::life()));
    let other = {
        let memory = memory.clone();
        spawn(move || memory.queue().put(&[&[2]]).unwrap())
    };
    if mortal.end() {
        // If it was not taken.
        let mut buffer = [0];
        let _ = memory.queue().try_get(&mut buffer);
        if buffer == [2] {
            memory.queue().put(&[&[2]]).unwrap();
        }
    }
    other.join().unwrap();
    assert_eq!(drain(memory.queue()), [2]);
    mortal.rest();
}

/// Two wait for a record, and one of them dies, perhaps as the one who was woken.
fn waiting_getter_dies() {
    let memory = Arc::new(Memory::new(2));
    let (work, grave) = (memory.clone(), memory.clone());
    let mortal =
        life(move || _ = work.queue().get(&mut [0]), move || grave.header.bury(Loom::life()));
    let other = {
        let memory = memory.clone();
        spawn(move || memory.queue().get(&mut [0]).unwrap())
    };
    memory.queue().put(&[&[1]]).unwrap();
    memory.queue().put(&[&[2]]).unwrap();
    other.join().unwrap();
    mortal.end();
    assert!(drain(memory.queue()).len() <= 1);
    memory.queue().shutdown(Shutdown::Graceful);
    mortal.rest();
}

/// One dies in the middle of a shutdown for which others wait.
fn closer_dies() {
    let memory = Arc::new(Memory::new(1));
    let (work, grave) = (memory.clone(), memory.clone());
    let mortal = life(
        move || work.queue().shutdown(Shutdown::Immediate),
        move || grave.header.bury(Loom::life()),
    );
    let other = {
        let memory = memory.clone();
        spawn(move || assert_eq!(memory.queue().get(&mut [0]), Err(GetRecordError::ShutDown)))
    };
    mortal.end();
    if !memory.queue().is_shut_down() {
        memory.queue().shutdown(Shutdown::Graceful);
    }
    other.join().unwrap();
    mortal.rest();
}

/// One dies on the way to say that it is done, and somebody waits for that.
fn task_done_dies() {
    let memory = Arc::new(Memory::new(1));
    memory.queue().put(&[&[1]]).unwrap();
    let (work, grave) = (memory.clone(), memory.clone());
    let mortal =
        life(move || _ = work.queue().task_done(), move || grave.header.bury(Loom::life()));
    let other = {
        let memory = memory.clone();
        spawn(move || memory.queue().join())
    };
    mortal.end();
    if memory.queue().unfinished() != 0 {
        memory.queue().task_done().unwrap();
    }
    other.join().unwrap();
    mortal.rest();
}

/// Whoever finds all done sees what was done before each `task_done`.
fn done_shows_the_work() {
    let memory = Memory::new(2);
    for _ in 0..2 {
        memory.queue().try_put(&[&[1]]).unwrap();
        memory.queue().try_get(&mut [0]).unwrap();
    }
    let all = Arc::new((memory, [Plain::new(0), Plain::new(0)]));
    let other = {
        let all = all.clone();
        spawn(move || {
            all.1[1].set(1);
            all.0.queue().task_done().unwrap();
        })
    };
    all.1[0].set(1);
    all.0.queue().task_done().unwrap();
    if all.0.queue().join_until(Deadline::PASSED).is_ok() {
        assert!(all.1.iter().all(|result| result.get() == 1));
    }
    other.join().unwrap();
}
