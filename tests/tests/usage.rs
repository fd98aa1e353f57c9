//! What a program has used: `inkle::subprocess::Usage`. (SP054)
#![cfg(target_os = "linux")]

use std::time::Duration;

use inkle::subprocess::{Command, Usage};
use inkle_tests::{block_on, watchdog};

const BUSY: &str = "n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); done";

fn time(usage: Option<Usage>) -> Duration {
    let usage = usage.unwrap();
    usage.user + usage.system
}

#[test]
fn sp054_time_of_a_program_and_of_those_it_has_waited_for() {
    let _watch = watchdog();
    let idle = time(Command::new("true").run().unwrap().usage);
    let own = time(Command::shell(BUSY).run().unwrap().usage);
    let others = time(Command::shell(format!("({BUSY}) & wait")).run().unwrap().usage);
    assert!(own > idle && others > idle, "{idle:?} {own:?} {others:?}");
    // It does not count what runs on.
    let left = Command::shell("sleep 0.1 &").run().unwrap();
    assert!(left.usage.is_some());
}

#[test]
fn sp054_memory() {
    let _watch = watchdog();
    const BYTES: u64 = 100_000_000;
    let line = format!("text=$(head -c {BYTES} /dev/zero | tr '\\0' x); echo ${{#text}}");
    let done = Command::shell(line).capture_output().run().unwrap();
    assert_eq!(done.output.stdout_lossy(), format!("{BYTES}\n"));
    let used = done.usage.unwrap().max_memory;
    assert!(used > BYTES && used < 20 * BYTES, "{used}");
}

#[test]
fn sp054_known_when_it_has_ended_and_told_with_every_result() {
    let _watch = watchdog();
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    assert_eq!(child.usage(), None);
    child.kill().unwrap();
    block_on((&child).into_future()).unwrap();
    assert!(child.usage().is_some());
    // It does not change.
    assert_eq!(child.usage(), child.usage());

    let stages = Command::shell(BUSY).pipe(Command::new("true")).run().unwrap();
    assert!(stages.iter().all(|stage| stage.usage.is_some()));
    assert!(time(stages[0].usage) > time(stages[1].usage));
}
