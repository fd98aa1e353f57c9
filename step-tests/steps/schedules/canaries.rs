//! What the schedules must not let pass, or they find nothing.

use std::collections::BTreeSet;

use inkle_core::Platform;
use inkle_core::atomic::{AtomicU32, Ordering::SeqCst};
use inkle_core::platform::Deadline;

use super::{Explored, Program, Way};
use crate::ground::Steps;
use crate::queues;
use crate::subject::{Answer, Operation, Subject, op, say};
use crate::tried::{FIRST, Plan};

/// A subject of one state.
fn subject<S: 'static>(
    name: &'static str,
    state: fn() -> S,
    operations: Vec<Operation<S>>,
    end: fn(S) -> Answer,
) -> Plan {
    Subject::new(name, &[], vec![("new", state)], operations, end).plan()
}

impl Plan {
    /// The program of these calls in that state.
    fn program(&self, state: usize, threads: &[&[&str]]) -> Program {
        let mut number = FIRST..;
        let mut call = |name: &&str| {
            let at = self.operations.iter().position(|about| about.name == *name);
            (at.expect("an operation"), number.next().expect("few calls"))
        };
        let threads = threads.iter().map(|calls| calls.iter().map(&mut call).collect());
        Program { state, threads: threads.collect() }
    }

    /// All schedules of a program; it must have an end.
    fn whole(&self, program: &Program, lax: bool) -> Explored {
        let result = self.explored(program, Way::Search(u32::MAX), 1_000_000, 0, lax);
        assert!(result.complete, "more than {} schedules", result.executions);
        result
    }
}

#[test]
#[should_panic(expected = "no order explains")]
fn a_lost_update_is_found() {
    let operations = vec![op("add", |word: &AtomicU32, _| {
        let seen = word.load(SeqCst);
        word.store(seen + 1, SeqCst);
        say(seen)
    })];
    let end = |word: AtomicU32| say(word.load(SeqCst));
    subject("a counter that loses", || AtomicU32::new(0), operations, end).interleave();
}

/// Two cells: a push claims one and fills it later, and a pop that finds the next cell not filled yet says
/// `Empty`, whatever lies behind it.
struct Claims {
    tail: AtomicU32,
    head: AtomicU32,
    cells: [AtomicU32; 8],
}

fn claims() -> Plan {
    let operations = vec![
        op("push", |q: &Claims, n| {
            let at = q.tail.fetch_add(1, SeqCst);
            say(q.cells[at as usize].store(n.into(), SeqCst))
        }),
        op("pop", |q: &Claims, _| {
            let at = q.head.load(SeqCst);
            match q.cells[at as usize].load(SeqCst) {
                0 => "Empty".into(),
                item => match q.head.compare_exchange(at, at + 1, SeqCst, SeqCst) {
                    Ok(_) => say(item),
                    Err(_) => "Lost".into(),
                },
            }
        })
        // Another pop was faster.
        .weak("Lost"),
    ];
    let new = || Claims {
        tail: AtomicU32::new(0),
        head: AtomicU32::new(0),
        cells: [const { AtomicU32::new(0) }; 8],
    };
    subject("a queue that overlooks", new, operations, |_| String::new())
}

#[test]
#[should_panic(expected = "pop(3) -> Empty")]
fn an_item_that_is_overlooked_is_found() {
    let plan = claims();
    let program = plan.program(0, &[&["push"], &["push", "pop"]]);
    plan.whole(&program, true);
}

#[test]
fn it_is_overlooked_only_behind_one_that_is_not_finished() {
    let plan = claims();
    let alone = plan.program(0, &[&["push"], &["pop"]]);
    assert!(plan.whole(&alone, true).executions >= 3);
}

/// Only the clock tells: the second read begins when the first has returned, on another thread.
#[test]
#[should_panic(expected = "no order explains")]
fn what_only_real_time_forbids_is_found() {
    // A write is two stores; who reads takes the first place if the writer is still there.
    let operations = vec![
        op("write", |two: &[AtomicU32; 2], _| {
            two[0].store(1, SeqCst);
            two[1].store(1, SeqCst);
            String::new()
        }),
        op("read early", |two: &[AtomicU32; 2], _| say(two[0].load(SeqCst))),
        op("read late", |two: &[AtomicU32; 2], _| say(two[1].load(SeqCst))),
    ];
    let new = || [const { AtomicU32::new(0) }; 2];
    let plan = subject("two places", new, operations, |_| String::new());
    let program = plan.program(0, &[&["write"], &["read early"], &["read late"]]);
    plan.whole(&program, true);
}

#[test]
#[should_panic(expected = "waits for ever")]
fn a_lost_wake_up_is_found() {
    let operations = vec![
        op("set", |word: &AtomicU32, _| {
            // Who has looked and does not sleep yet is overlooked.
            Steps::wake(word, 1);
            say(word.store(1, SeqCst))
        }),
        op("wait", |word: &AtomicU32, _| {
            while word.load(SeqCst) == 0 {
                Steps::wait(word, 0, Deadline::NEVER);
            }
            String::new()
        }),
    ];
    subject("a flag", || AtomicU32::new(0), operations, |_| String::new()).interleave();
}

#[test]
fn who_is_woken_after_the_store_always_wakes() {
    let operations = vec![
        op("set", |word: &AtomicU32, _| {
            word.store(1, SeqCst);
            say(Steps::wake(word, u32::MAX))
        }),
        op("wait", |word: &AtomicU32, _| {
            while word.load(SeqCst) == 0 {
                Steps::wait(word, 0, Deadline::NEVER);
            }
            String::new()
        }),
    ];
    subject("a flag", || AtomicU32::new(0), operations, |_| String::new()).interleave();
}

#[test]
#[should_panic(expected = "one is lost")]
fn what_is_lost_at_the_end_is_found() {
    let operations = vec![op("add", |[sum, calls]: &[AtomicU32; 2], _| {
        let seen = sum.load(SeqCst);
        sum.store(seen + 1, SeqCst);
        calls.fetch_add(1, SeqCst);
        String::new()
    })];
    let end = |[sum, calls]: [AtomicU32; 2]| {
        assert_eq!(sum.load(SeqCst), calls.load(SeqCst), "one is lost");
        String::new()
    };
    let new = || [const { AtomicU32::new(0) }; 2];
    let plan = subject("a counter that loses", new, operations, end);
    plan.whole(&plan.program(0, &[&["add"], &["add"]]), true);
}

/// The search sees each interleaving of two threads of two steps, after one choice of who begins.
#[test]
fn the_search_is_whole() {
    let operations = vec![
        op("step twice", |word: &AtomicU32, n| {
            let seen = word.fetch_add(u32::from(n), SeqCst);
            say((seen, word.fetch_add(10 * u32::from(n), SeqCst)))
        })
        .loose(),
    ];
    let plan =
        subject("two steps", || AtomicU32::new(0), operations, |word| say(word.load(SeqCst)));
    let program = plan.program(0, &[&["step twice"], &["step twice"]]);
    // Who makes each of the four steps.
    let orders =
        [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]];
    let answers = orders.map(|order| {
        let (mut word, mut seen) = (0, [const { Vec::new() }; 2]);
        for who in order {
            seen[who].push(word);
            word += [1, 10][seen[who].len() - 1] * (who + 1);
        }
        seen.map(|of| Some(say((of[0], of[1])))).to_vec()
    });
    assert_eq!(plan.outcomes(&program), BTreeSet::from(answers));
}

/// What a type promises less than the strongest is needed: without it these fail.
macro_rules! lax_only {
    ($($test:ident: $subject:ident, $state:literal, [$($calls:expr),*];)*) => {$(
        #[test]
        #[should_panic(expected = "no order explains")]
        fn $test() {
            let plan = queues::$subject().plan();
            let program = plan.program($state, &[$(&$calls),*]);
            let way = Way::Search(3);
            assert!(plan.explored(&program, way, 100_000, 0, true).complete);
            plan.explored(&program, way, 100_000, 0, false);
        }
    )*};
}

lax_only! {
    a_fifo_is_full_while_another_copies_in: fifo, 1, [["try_push"], ["try_push", "try_pop", "try_pop"]];
    a_thief_may_have_to_try_again: deque, 1, [["steal"], ["steal"]];
}
