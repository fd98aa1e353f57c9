//! The core's shared cases (`inkle-cases`) on the ground of threads. (On that of shared memory tasks
//! cannot wait, which is what some of the cases do.) And its bags, and the
//! deque of work stealing, in the hands of several threads.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use inkle::platform::Private;
use inkle_cases::bag::{Bags, Sharing, Worker, settle};
use inkle_core::queue::steal::{Deque, Steal};
use inkle_tests::watchdog;

inkle_cases::host_tests!(Private);

#[test]
fn every_item_of_every_bag_is_accounted_for() {
    static BAGS: Bags<Private> = Bags::new();
    BAGS.each(|subject| {
        let workers = [1, 2, 3].map(Worker::new);
        while workers[0].take(subject) {}
        let workers = [1, 2, 3].map(Worker::new);
        thread::scope(|scope| {
            for (number, worker) in workers.iter().enumerate() {
                let (puts, takes) = match subject.sharing {
                    Sharing::OneEach => (number == 0, number == 1),
                    _ => (true, true),
                };
                scope.spawn(move || (0..20_000).for_each(|_| worker.turn(subject, puts, takes)));
            }
        });
        settle(subject, &workers.each_ref());
    });
}

/// An owner pushes all tasks, doing some of them itself, and three thieves take what they can. Each task
/// is done once, and who does it sees what was written before it was pushed.
fn each_task_is_done_once<const N: usize>(deque: &Deque<Task, N>) {
    const TASKS: u32 = 60_000;
    let mut tasks: Vec<Task> = (0..TASKS).map(|_| Task::default()).collect();
    let (first, over) =
        (NonNull::from(tasks.as_mut_slice()).cast::<Task>(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    // Before the look: what is pushed later is not missed.
                    let is_last = over.load(Ordering::Acquire);
                    match deque.steal() {
                        // SAFETY: it was pushed, and taken by us alone.
                        Steal::Taken(task) => unsafe { Task::run(task) },
                        Steal::Retry => {}
                        Steal::Empty if is_last => break,
                        Steal::Empty => thread::yield_now(),
                    }
                }
            });
        }
        let mut owner = deque.owner().expect("nobody else wants it");
        for number in 0..TASKS {
            // SAFETY: within the tasks, and nobody else has this one yet.
            let task = unsafe {
                let task = first.add(number as usize);
                (*task.as_ptr()).number = number + 1;
                task
            };
            let refused = owner.push(task).err();
            let own = if number % 3 == 0 { owner.pop() } else { None };
            for task in refused.into_iter().chain(own) {
                // SAFETY: handed back to us, or taken by us alone.
                unsafe { Task::run(task) };
            }
        }
        over.store(true, Ordering::Release);
        while let Some(task) = owner.pop() {
            // SAFETY: taken by us alone.
            unsafe { Task::run(task) };
        }
    });
    for (number, task) in (1..).zip(&tasks) {
        assert_eq!((task.done, task.number), (number, number));
    }
    assert_eq!((deque.steal(), deque.len()), (Steal::Empty, 0));
}

/// What is done is plain memory: two who do it at once would race.
#[derive(Default)]
struct Task {
    number: u32,
    done: u32,
}

impl Task {
    /// # Safety
    ///
    /// It was numbered before, and nobody else has it.
    unsafe fn run(task: NonNull<Self>) {
        // SAFETY: the caller's promise.
        let task = unsafe { &mut *task.as_ptr() };
        assert_ne!(task.number, 0, "taken before it was there");
        task.done += task.number;
    }
}

#[test]
fn each_task_of_a_deque_is_done_once() {
    let _watch = watchdog();
    each_task_is_done_once(&Deque::<_, 1>::new());
    each_task_is_done_once(&Deque::<_, 2>::starting_at(usize::MAX - 10_000));
    each_task_is_done_once(&Deque::<_, 64>::new());
    each_task_is_done_once(&Deque::<_, 64>::starting_at(usize::MAX / 2 - 10_000));
}
