//! The barrier that breaks when somebody dies. What a party or the action writes is plain data, which all
//! read who get through.

use std::sync::{Arc, Mutex};

use inkle_core::error::BarrierError::{Broken, TimedOut};
use inkle_core::platform::Deadline;
use inkle_core::robust::{Barrier, Life, Mortal, Survivor};
use loom::thread::spawn;

use Op::{Abort, Bury, Poll, Reset, Soon, Sum, Tell, Wait, With};

use super::{LONG, THREE};
use crate::kit::{
    self, Loom, Model, Plain, SOON, Stage, life, time_passes, timeouts, until_asleep,
};

pub const MODELS: &[Model] = &[
    // Two threads.
    Model::bounded("wait_wait_twice", 3, LONG, || all(2, 2, &[&[Wait, Wait], &[Wait, Wait]])),
    Model::bounded("with_with", 5, LONG, || all(2, 1, &[&[With], &[With]])),
    Model::bounded("with_wait_twice", 3, LONG, || all(2, 2, &[&[With, Wait], &[With, With]])),
    Model::bounded("one_party", 4, LONG, || all(1, 2, &[&[Wait], &[With]])),
    Model::bounded("poll_wait", 4, LONG, || some(2, &[&[Poll], &[Wait, Abort]])),
    Model::bounded("poll_with", 4, LONG, || some(2, &[&[Poll, Abort], &[With]])),
    Model::full("abort_wait", || some(2, &[&[Abort], &[Wait]])),
    Model::full("abort_with", || some(1, &[&[Abort], &[With]])),
    Model::bounded("abort_reset_poll", 4, LONG, || some(2, &[&[Abort, Reset], &[Poll, Poll]])),
    Model::full("wait_wait", || all(2, 1, &[&[Tell(0)], &[Tell(1)]])),
    Model::bounded("sum_sum", 4, LONG, || _ = play(2, &[&[Sum(0)], &[Sum(1)]])),
    Model::bounded("bury_nobody", 4, LONG, || all(2, 1, &[&[Bury, Wait, Bury], &[Wait]])),
    Model::bounded("early_wait_soon", 4, LONG, || early(2, &[&[Wait], &[Soon]])),
    Model::bounded("early_with_soon", 4, LONG, || early(2, &[&[With], &[Soon]])),
    // Three threads.
    Model::bounded("wait_3", 1, THREE, || all(3, 1, &[&[Tell(0)], &[Tell(1)], &[Tell(2)]])),
    Model::bounded("with_3", 1, THREE, || all(3, 1, &[&[With], &[With], &[With]])),
    Model::bounded("reset_wait", 1, THREE, || some(2, &[&[Reset, Abort], &[Wait], &[With]])),
    // One dies.
    Model::dies("party_dies", 2, || party_dies(Barrier::bury)),
    Model::dies_in_vain("not_buried", 2, || party_dies(|_, _| {})),
    Model::dies("last_one_dies", 4, || last_one_dies(Barrier::bury)),
    Model::dies_in_vain("last_one_not_buried", 4, || last_one_dies(|_, _| {})),
    Model::dies("dies_afterwards", 1, dies_afterwards),
    Model::dies("nobody_is_told", 4, nobody_is_told),
];

type Three = Barrier<Loom, 3>;

#[derive(Clone, Copy)]
enum Op {
    Wait,
    /// `wait_with` an action.
    With,
    /// `wait`, which all know who get through.
    Tell(usize),
    /// As `Tell`, with an action that sums up who has come.
    Sum(usize),
    /// `wait_until` a deadline that may pass.
    Soon,
    /// `wait_until` a deadline that has passed.
    Poll,
    Abort,
    Reset,
    /// Of somebody who is not here.
    Bury,
}

struct Meeting {
    barrier: Three,
    /// Written by the last one alone, and read by all.
    acted: Plain,
    /// Who has come.
    came: [Plain; 3],
    /// The numbers of those who got through.
    numbers: Mutex<Vec<u32>>,
}

impl Meeting {
    fn new(parties: u32) -> Self {
        Self {
            barrier: Barrier::new(parties).expect("three at most"),
            acted: Plain::new(0),
            came: std::array::from_fn(|_| Plain::new(0)),
            numbers: Mutex::new(Vec::new()),
        }
    }

    fn sum(&self) -> u32 {
        let parties = self.barrier.parties() as usize;
        self.came[..parties].iter().map(Plain::get).sum()
    }
}

impl Stage for Meeting {
    type Op = Op;

    /// Gives 1 if it got through.
    fn run(&self, op: Op) -> i32 {
        let barrier = &self.barrier;
        let result = match op {
            Wait => barrier.wait(),
            With => barrier.wait_with(|| _ = self.acted.add(1)),
            Tell(party) => {
                self.came[party].add(1);
                barrier.wait().inspect(|_| assert_eq!(self.sum(), barrier.parties()))
            }
            Sum(party) => {
                self.came[party].add(1);
                let result = barrier.wait_with(|| _ = self.acted.add(self.sum()));
                result.inspect(|_| assert_eq!(self.acted.get(), barrier.parties()))
            }
            Soon => barrier.wait_until(SOON),
            Poll => barrier.wait_until(Deadline::PASSED),
            Abort | Reset | Bury => {
                match op {
                    Abort => barrier.abort(),
                    Reset => barrier.reset(),
                    _ => barrier.bury(Life::new(99).expect("few bits")),
                }
                return 0;
            }
        };
        match result {
            Ok(number) => self.numbers.lock().unwrap().push(number),
            Err(TimedOut) => assert!(matches!(op, Soon | Poll)),
            Err(error) => assert_eq!(error, Broken),
        }
        i32::from(result.is_ok())
    }
}

/// Rounds pass as a whole: each number as often as any other.
fn some(parties: u32, scripts: &'static [&'static [Op]]) {
    play(parties, scripts);
}

fn play(parties: u32, scripts: &'static [&'static [Op]]) -> Meeting {
    let (meeting, through) = kit::play(Meeting::new(parties), scripts);
    assert_eq!(through as u32 % parties, 0);
    let mut numbers = meeting.numbers.lock().unwrap().clone();
    numbers.sort_unstable();
    let rounds = through as usize / parties as usize;
    let each = (0..parties).flat_map(|number| std::iter::repeat_n(number, rounds));
    assert_eq!(numbers, each.collect::<Vec<_>>());
    assert_eq!(meeting.barrier.waiting(), 0);
    meeting
}

/// So many rounds pass; each has an action at most.
fn all(parties: u32, rounds: u32, scripts: &'static [&'static [Op]]) {
    let meeting = play(parties, scripts);
    assert_eq!(meeting.numbers.lock().unwrap().len() as u32, parties * rounds);
    assert!(meeting.acted.get() <= rounds);
    assert!(!meeting.barrier.is_broken());
}

fn early(parties: u32, scripts: &'static [&'static [Op]]) {
    timeouts(1);
    some(parties, scripts);
}

/// One of three dies while another one comes or waits. If it had come, that one is told, and the dead is not
/// taken for one of three.
fn party_dies(bury: fn(&Three, Life)) {
    let barrier = Arc::new(Three::new(3).expect("three"));
    let (work, grave) = (barrier.clone(), barrier.clone());
    // It gives up if it lives, so that it comes to an end.
    let mortal =
        life(move || _ = work.wait_until(Deadline::PASSED), move || bury(&grave, Loom::life()));
    let other = {
        let barrier = barrier.clone();
        spawn(move || barrier.wait())
    };
    mortal.end();
    let expected = if barrier.is_broken() { Broken } else { TimedOut };
    assert_eq!(barrier.wait_until(Deadline::PASSED), Err(expected));
    assert_eq!(other.join().unwrap(), Err(Broken));
    mortal.rest();
}

/// One dies who comes last, perhaps in its action, or before it wakes the one who sleeps.
fn last_one_dies(bury: fn(&Three, Life)) {
    let barrier = Arc::new(Three::new(2).expect("two"));
    let other = {
        let barrier = barrier.clone();
        spawn(move || barrier.wait())
    };
    until_asleep(1);
    let (work, grave) = (barrier.clone(), barrier.clone());
    let mortal = life(
        // One step in the action, to die there.
        move || _ = work.wait_with(|| assert!(work.waiting() <= 2)),
        move || bury(&grave, Loom::life()),
    );
    mortal.end();
    if barrier.waiting() == 1 {
        // It had not come.
        assert_eq!(barrier.wait(), Ok(1));
    }
    let expected = if barrier.is_broken() { Err(Broken) } else { Ok(0) };
    assert_eq!(other.join().unwrap(), expected);
    barrier.abort();
    mortal.rest();
}

/// One dies in a round or when it is over; the next one is not its business, however often it is buried.
fn dies_afterwards() {
    let barrier = Arc::new(Three::new(2).expect("two"));
    let (work, grave) = (barrier.clone(), barrier.clone());
    let dead = Arc::new(Mutex::new(None));
    let name = dead.clone();
    let mortal = life(
        move || _ = work.wait(),
        move || {
            *name.lock().unwrap() = Some(Loom::life());
            grave.bury(Loom::life());
            // For the one who waits, if this one had not come.
            grave.abort();
        },
    );
    let _ = barrier.wait();
    mortal.end();
    barrier.reset();
    let other = {
        let barrier = barrier.clone();
        spawn(move || barrier.wait().is_ok())
    };
    let dead = dead.lock().unwrap().take();
    if let Some(dead) = dead {
        barrier.bury(dead);
    }
    assert!(barrier.wait().is_ok() && other.join().unwrap());
    barrier.abort();
    mortal.rest();
}

/// One dies who had come, nobody is told, and who waits asks for itself after a while.
fn nobody_is_told() {
    let barrier = Arc::new(Three::new(3).expect("three"));
    let work = barrier.clone();
    let mortal = life(move || _ = work.wait_until(Deadline::PASSED), || {});
    mortal.end();
    time_passes();
    if barrier.waiting() == 1 || barrier.is_broken() {
        assert_eq!(barrier.wait(), Err(Broken));
    }
    mortal.rest();
}
