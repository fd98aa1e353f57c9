//! Has a child die at each instruction of what it does.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use inkle::multiprocessing::{Call, Process};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::{eventually, eventually_asleep, thread_number, timed};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::place::placed;
use super::stage::Stage;

/// Locks and queues look up by themselves after this time: see the kernel's `robust`.
const NET: Duration = Duration::from_secs(1);

/// A handle of something shared.
pub(crate) trait Handle: Clone + Send + Serialize + DeserializeOwned + 'static {}
impl<T: Clone + Send + Serialize + DeserializeOwned + 'static> Handle for T {}

/// Has a child do `act`, and shows what becomes of the object if it dies before the first instruction, the second, and
/// so on until it is done, or sleeps: what `look` sees, in this order, without repetitions.
///
/// Whoever dies leaves the memory as it is at that moment. So the child is stepped through once, and each state of the
/// memory is copied; when the child has been killed, and this process was told, `look` uses each copy. Deaths between
/// which no byte changed are the same death.
pub(crate) fn outcomes<T, F, O>(make: fn() -> T, act: F, look: fn(&T) -> O) -> Vec<O>
where
    T: Handle,
    F: Call<(T, Stage), Output = ()>,
    O: PartialEq + Debug,
{
    let (object, place) = placed(make);
    let stage = Stage::new();
    let child = Process::spawn(act, (object.clone(), stage.clone())).unwrap();
    let mut steps = stage.begin();
    let (mut states, mut count) = (vec![place.bytes()], 0);
    while !stage.is_over() && steps.step() {
        count += 1;
        let bytes = place.bytes();
        if states.last() != Some(&bytes) {
            states.push(bytes);
        }
    }
    let copies: Vec<T> = states
        .iter()
        .map(|bytes| {
            let (copy, place) = placed(make);
            place.fill(bytes);
            copy
        })
        .collect();
    drop(steps);
    // Whoever is told of the end is told after all that is mapped here.
    child.wait();
    println!("{count} instructions, {} states", states.len());
    let mut outcomes: Vec<O> = copies.iter().map(look).collect();
    outcomes.dedup();
    outcomes
}

/// What somebody waits for while a child dies.
#[derive(Clone, Copy)]
pub(crate) struct Beside<T> {
    pub(crate) make: fn() -> T,
    /// Waits, in a thread of this process, until it has happened.
    pub(crate) wait: fn(T),
    /// Whether there is something for the waiter, whatever has become of the child.
    pub(crate) is_done: fn(&T) -> bool,
    /// Does it if it was not done.
    pub(crate) aid: fn(&T),
    /// Done when the child sleeps, and after it the waiter: it may be for either of them, and the child is killed after it.
    pub(crate) turn: Option<fn(&T)>,
}

/// When a child is killed.
#[derive(Clone, Copy, Debug)]
enum When {
    /// After so many changes of the memory.
    Changes(usize),
    Steps(usize),
}

impl<T: Handle> Beside<T> {
    /// Kills a child that does `act` after each change that it makes, and at random instructions; the waiter must get
    /// what it waits for each time.
    pub(crate) fn kill<F: Call<(T, Stage), Output = ()>>(&self, act: F) {
        let mut steps = 0;
        for changes in 0.. {
            match self.kill_at(act, When::Changes(changes)) {
                Some(reached) => steps = reached,
                None => {
                    assert!(changes > 1 || self.turn.is_some(), "it changes something");
                    break;
                }
            }
        }
        let mut dice = Dice::new(11);
        for _ in 0..5 {
            self.kill_at(act, When::Steps(dice.roll(steps + 10)));
        }
    }

    /// How many steps it came; `None` if it was over before.
    ///
    /// The waiter must be woken, and not look up by itself. It may be late for other reasons, but not each time.
    fn kill_at<F: Call<(T, Stage), Output = ()>>(&self, act: F, when: When) -> Option<usize> {
        for _ in 0..10 {
            let (reached, delay) = self.kill_once(act, when);
            if delay < NET / 2 {
                return reached;
            }
        }
        panic!("{when:?}: nobody wakes the waiter");
    }

    fn kill_once<F>(&self, act: F, when: When) -> (Option<usize>, Duration)
    where
        F: Call<(T, Stage), Output = ()>,
    {
        let (object, place) = placed(self.make);
        let stage = Stage::new();
        let child = Process::spawn(act, (object.clone(), stage.clone())).unwrap();
        stage.is_set();
        let (waiter, mut steps);
        if let Some(turn) = self.turn {
            steps = stage.begin();
            while steps.leap() {}
            waiter = self.wait_elsewhere(&object);
            turn(&object);
        } else {
            waiter = self.wait_elsewhere(&object);
            steps = stage.begin();
        }
        let (mut state, mut changes, mut count) = (place.bytes(), 0, 0);
        let is_reached = loop {
            let is_time = match when {
                When::Changes(number) => changes == number,
                When::Steps(number) => count == number,
            };
            // If it sleeps (again), the other one's turn it was.
            if is_time || stage.is_over() || !steps.step() {
                break is_time;
            }
            count += 1;
            let bytes = place.bytes();
            if bytes != state {
                (state, changes) = (bytes, changes + 1);
            }
        };
        let is_done = (self.is_done)(&object);
        drop(steps);
        child.wait();
        if !is_done {
            (self.aid)(&object);
        }
        let (delay, _) = timed(|| waiter.join().unwrap());
        (is_reached.then_some(count), delay)
    }

    /// A thread that waits, asleep if all is well.
    fn wait_elsewhere(&self, object: &T) -> thread::JoinHandle<()> {
        let (wait, object) = (self.wait, object.clone());
        let number = std::sync::Arc::new(AtomicI32::new(0));
        let told = number.clone();
        let waiter = thread::spawn(move || {
            told.store(thread_number(), SeqCst);
            wait(object);
        });
        eventually(|| number.load(SeqCst) != 0);
        eventually_asleep(&[number.load(SeqCst)]);
        waiter
    }
}
