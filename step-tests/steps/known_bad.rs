//! What must not pass, or the tests test nothing. `FastFifo`, `Heap` and all that waits are others.

use inkle_core::atomic::{AtomicU32, Ordering::Relaxed, spin_loop};

use crate::subject::{States, Subject, op, say};

type Word = AtomicU32;

fn word() -> States<Word> {
    vec![("zero", || Word::new(0))]
}

fn value(word: Word) -> String {
    say(word.load(Relaxed))
}

/// Takes a lock of one word, adds, and gives it back.
fn add_under_lock(word: &Word) -> String {
    while word.compare_exchange(0, 1, Relaxed, Relaxed).is_err() {
        spin_loop();
    }
    word.store(0, Relaxed);
    String::new()
}

#[test]
#[should_panic(
    expected = "Threads, Turns at step 2: a spin lock, zero: add(1) before step 1, inside it add(2)"
)]
fn who_holds_a_lock_holds_others_up() {
    let operations = vec![op("add", |word: &Word, _| add_under_lock(word))];
    Subject::new("a spin lock", &[], word(), operations, value).check();
}

#[test]
#[should_panic(expected = "said to wait for what never holds it up: add on Threads")]
fn who_says_that_it_waits_must() {
    let operations =
        vec![op("add", |word: &Word, _| say(word.fetch_add(1, Relaxed))).waits_for(&["add"])];
    Subject::new("a counter", &[], word(), operations, value).check();
}

#[test]
#[should_panic(expected = "led to Outcome { answers: [\"0\", \"0\"], end: \"1\" }")]
fn a_lost_update_is_no_order() {
    let operations = vec![op("add", |word: &Word, _| {
        let seen = word.load(Relaxed);
        word.store(seen + 1, Relaxed);
        say(seen)
    })];
    Subject::new("a counter that loses", &[], word(), operations, value).check();
}

#[test]
#[should_panic(expected = "add with add and add before each step: Turns, limit 20")]
fn who_tries_again_is_not_wait_free() {
    let operations = vec![
        op("add", |word: &Word, _| {
            let mut seen = word.load(Relaxed);
            while let Err(now) = word.compare_exchange(seen, seen + 1, Relaxed, Relaxed) {
                seen = now;
            }
            say(seen)
        })
        .wait_free(20),
    ];
    Subject::new("a counter", &[], word(), operations, value).check();
}
