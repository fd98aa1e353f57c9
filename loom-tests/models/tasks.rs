//! Tasks at a channel: no lost wake-up, also beside threads, when a future is dropped, and when one
//! waits for several channels at once.

use std::sync::Arc;

use inkle_core::channel::Channel;
use inkle_core::error::GetError;
use inkle_core::platform::Deadline;
use inkle_core::queue::Narrow;
use inkle_core::queue::word::WordRing;
use inkle_core::select::{Arm, Select};
use loom::thread::spawn;

use crate::kit::{Loom, Model, SOON, block_on_elsewhere, timeouts};
use crate::shapes::Op::*;
use crate::shapes::{Counted, Exact, Op, Waiting, play};

type Ring<const N: usize> = WordRing<u8, N, Narrow<2>>;

/// Plays on a channel over a ring of `N` slots.
fn task<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    play(Waiting::new(Ring::<N>::new(), 0), Counted::new(Exact::new(N), N), inside, scripts);
}

/// As [`task`]; one sleep may end early, so a future may be polled for no reason.
fn early<const N: usize>(inside: u8, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    task::<N>(inside, scripts);
}

type Line = Channel<Ring<1>, Loom>;

/// Two channels of one slot each.
fn lines() -> Arc<[Line; 2]> {
    Arc::new([Channel::new(Ring::new()), Channel::new(Ring::new())])
}

/// Gets from whichever of the two has something first.
fn get_either(
    select: &mut Select,
    lines: &[Line; 2],
    deadline: Deadline,
) -> Option<(usize, Result<u8, GetError>)> {
    let (mut left, mut right) = (lines[0].get_async(), lines[1].get_async());
    let arms: &mut [&mut dyn Arm<Loom>] = &mut [&mut left, &mut right];
    match select.wait(arms, deadline).ok()? {
        0 => Some((0, left.take()?)),
        arm => Some((arm, right.take()?)),
    }
}

/// One puts into both, the other selects until it has both.
fn select_both() {
    let lines = lines();
    let theirs = lines.clone();
    let thread = spawn(move || {
        theirs[0].put(1).unwrap();
        theirs[1].put(2).unwrap();
    });
    let mut select = Select::new();
    let mut got = [0, 1].map(|_| get_either(&mut select, &lines, Deadline::NEVER));
    got.sort_by_key(|got| got.map(|(arm, _)| arm));
    assert_eq!(got, [Some((0, Ok(1))), Some((1, Ok(2)))]);
    thread.join().unwrap();
}

/// Two select the same two channels, and each gets one item.
fn select_select() {
    let lines = lines();
    let theirs = lines.clone();
    let thread = spawn(move || get_either(&mut Select::new(), &theirs, Deadline::NEVER));
    lines[0].put(1).unwrap();
    lines[1].put(2).unwrap();
    let ours = get_either(&mut Select::new(), &lines, Deadline::NEVER);
    let theirs = thread.join().unwrap();
    assert_ne!(ours.map(|(arm, _)| arm), theirs.map(|(arm, _)| arm));
}

/// A select that is told of both takes one; the other notification must reach the task that waits
/// there.
fn select_beside(wait: fn(&Line) -> Result<u8, GetError>) {
    let lines = lines();
    let threads = [
        spawn({
            let lines = lines.clone();
            move || {
                lines[1].put(2).unwrap();
                lines[0].put(1).unwrap();
            }
        }),
        spawn({
            let lines = lines.clone();
            move || assert_eq!(wait(&lines[1]), Ok(2))
        }),
    ];
    // Takes one of the two, or both if the other waiter comes late: then it gives one back.
    if let Some((1, Ok(item))) = get_either(&mut Select::new(), &lines, Deadline::NEVER) {
        lines[1].put(item).unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A moment that may pass: then nothing was taken.
fn select_soon() {
    timeouts(1);
    let lines = lines();
    let theirs = lines.clone();
    let thread = spawn(move || theirs[1].put(2).unwrap());
    let got = get_either(&mut Select::new(), &lines, SOON);
    thread.join().unwrap();
    assert_eq!(lines[1].len(), usize::from(got.is_none()));
}

/// Shutting down either ends the select.
fn select_close() {
    let lines = lines();
    let theirs = lines.clone();
    let thread = spawn(move || theirs[1].shutdown(inkle_core::channel::Shutdown::Graceful));
    let got = get_either(&mut Select::new(), &lines, Deadline::NEVER);
    assert_eq!(got, Some((1, Err(GetError::ShutDown))));
    thread.join().unwrap();
}

/// One waits to put into a full channel or to get from an empty one.
fn select_put_or_get() {
    let lines = lines();
    lines[0].put(1).unwrap();
    let theirs = lines.clone();
    let thread = spawn(move || theirs[0].get().unwrap());
    let (mut put, mut get) = (lines[0].put_async(2), lines[1].get_async());
    let arms: &mut [&mut dyn Arm<Loom>] = &mut [&mut get, &mut put];
    assert_eq!(Select::new().wait(arms, Deadline::NEVER), Ok(1));
    assert_eq!(put.take(), Some(Ok(())));
    assert_eq!(thread.join().unwrap(), 1);
    assert_eq!(lines[0].try_get(), Ok(2));
}

/// Between two polls a task gets another waker: that one is called, or the second poll finds the item.
fn moved_get() {
    let lines = lines();
    let theirs = lines.clone();
    let thread = spawn(move || theirs[0].put(1).unwrap());
    assert_eq!(block_on_elsewhere(lines[0].get_async()), Ok(1));
    thread.join().unwrap();
}

/// The same beside a thread that waits for an item too: neither is forgotten.
fn moved_get_beside() {
    let line: Arc<Channel<Ring<2>, Loom>> = Arc::new(Channel::new(Ring::new()));
    let threads = [
        spawn({
            let line = line.clone();
            move || (1..=2).for_each(|item| line.put(item).unwrap())
        }),
        spawn({
            let line = line.clone();
            move || assert!(line.get().is_ok())
        }),
    ];
    assert!(block_on_elsewhere(line.get_async()).is_ok());
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(line.is_empty());
}

const LARGE: &str = "one more: too many executions";

/// All models of this module.
pub const MODELS: &[Model] = &[
    Model::full("get_put", || task::<1>(0, &[&[GetAsync], &[Put(1)]])),
    Model::full("put_get", || task::<1>(1, &[&[PutAsync(1)], &[Get]])),
    Model::full("both", || task::<1>(0, &[&[GetAsync], &[PutAsync(1)]])),
    Model::bounded("both_twice", 4, LARGE, || {
        task::<1>(0, &[&[GetAsync, GetAsync], &[PutAsync(1), PutAsync(2)]])
    }),
    Model::full("join_done", || task::<1>(1, &[&[JoinAsync], &[Get, TaskDone]])),
    Model::full("close_get", || task::<1>(0, &[&[Close], &[GetAsync]])),
    Model::full("close_put", || task::<1>(1, &[&[Close], &[PutAsync(1)]])),
    Model::full("stop_put", || task::<1>(1, &[&[Stop], &[PutAsync(1)]])),
    Model::full("get_put_early", || early::<1>(0, &[&[GetAsync], &[Put(1)]])),
    Model::full("once_put", || task::<1>(0, &[&[GetOnce], &[Put(1)]])),
    Model::full("once_get", || task::<1>(1, &[&[PutOnce(1)], &[Get]])),
    Model::full("once_once", || task::<1>(0, &[&[GetOnce], &[PutOnce(1)]])),
    Model::bounded("moved_get", 4, "all of them take a minute", moved_get),
    Model::bounded("moved_get_beside", 3, LARGE, moved_get_beside),
    // Three: tasks beside tasks and threads; a dropped task passes its notification on.
    Model::bounded("two_tasks", 3, LARGE, || {
        task::<2>(0, &[&[Put(1), Put(2)], &[GetAsync], &[GetAsync]])
    }),
    Model::bounded("task_and_thread", 3, LARGE, || {
        task::<2>(0, &[&[Put(1), Put(2)], &[GetAsync], &[Get]])
    }),
    Model::bounded("dropped_beside_task", 4, LARGE, || {
        task::<2>(0, &[&[Put(1), Put(2)], &[GetAsync], &[GetOnce]])
    }),
    Model::bounded("close_two_tasks", 4, LARGE, || {
        task::<1>(0, &[&[Close], &[GetAsync], &[GetAsync]])
    }),
    Model::bounded("two_puts", 2, LARGE, || {
        task::<1>(1, &[&[Get, Get], &[PutAsync(1)], &[PutAsync(2)]])
    }),
    Model::bounded("select_both", 4, LARGE, select_both),
    Model::bounded("select_select", 4, LARGE, select_select),
    Model::bounded("select_soon", 5, LARGE, select_soon),
    Model::bounded("select_close", 5, LARGE, select_close),
    Model::bounded("select_put_or_get", 5, LARGE, select_put_or_get),
    Model::bounded("select_beside_thread", 3, LARGE, || select_beside(Channel::get)),
    Model::bounded("select_beside_task", 3, LARGE, || {
        select_beside(|line| crate::kit::block_on(line.get_async()))
    }),
];
