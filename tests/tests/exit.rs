//! The end of a process, seen from outside: `src/bin/exits.rs` has the programs.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use inkle_tests::watchdog;

fn program(scenario: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exits"));
    command.arg(scenario);
    // A panic's report has its own length otherwise.
    command.env("RUST_BACKTRACE", "0");
    command
}

fn run(scenario: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(scenario).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// What a scenario prints, that ends well and says nothing on stderr.
#[track_caller]
fn prints(scenario: &str, lines: &[&str]) {
    exits(scenario, 0, lines);
}

#[track_caller]
fn exits(scenario: &str, code: i32, lines: &[&str]) {
    let (status, stdout, stderr) = run(scenario);
    assert_eq!(stdout.lines().collect::<Vec<_>>(), lines, "{scenario}: {stderr}");
    assert_eq!((status, stderr.as_str()), (Some(code), ""), "{scenario}");
}

#[test]
fn ex001_hooks_newest_first_then_threads_are_joined() {
    let _watch = watchdog();
    prints("order", &["main returns", "hook 3", "hook 2", "hook 1", "thread ends"]);
}

#[test]
fn ex001_threads_that_start_meanwhile_are_joined_too() {
    let _watch = watchdog();
    prints("nested", &["main returns", "outer ends", "inner ends"]);
}

#[test]
fn ex003_daemons_are_left_without_unwinding() {
    let _watch = watchdog();
    prints("daemon", &["main returns", "hook"]);
}

#[test]
fn th002_threads_started_by_foreign_threads_are_daemons() {
    let _watch = watchdog();
    prints("foreign", &["main returns"]);
}

#[test]
fn ex001_the_main_thread_need_not_know() {
    let _watch = watchdog();
    prints("foreign, waited for", &["main returns", "thread ends"]);
}

#[test]
fn ex001_exit_on_the_main_thread_joins() {
    let _watch = watchdog();
    exits("exit on main", 3, &["main exits", "thread ends"]);
}

#[test]
fn ex001_exit_elsewhere_calls_hooks_and_waits_for_nobody() {
    let _watch = watchdog();
    exits("exit elsewhere", 4, &["hook in exiting"]);
}

#[test]
fn ex001_a_thread_that_exits_while_it_is_waited_for_is_a_straggler() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("exit in a joined thread");
    assert_eq!((status, stdout.as_str()), (Some(0), ""));
    assert_eq!(stderr, "inkle: still running at exit: exiting\n");
}

#[test]
fn ex001_a_panic_in_main_joins() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("panic");
    assert_eq!((status, stdout.as_str()), (Some(101), "thread ends\n"));
    assert!(stderr.contains("out of yarn"));
}

#[test]
fn th081_stragglers_are_named() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("stragglers");
    assert_eq!((status, stdout.as_str()), (Some(0), "main returns\n"));
    assert_eq!(stderr, "inkle: still running at exit: weaver, spinner\n");
}

#[test]
fn ex001_a_hook_that_panics_stops_nothing_else() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("hook panics");
    assert_eq!((status, stdout.as_str()), (Some(0), "thread ends\n"));
    assert!(stderr.contains("a hook without yarn"));
}

#[test]
fn ex004_ex005_too_late_is_an_error() {
    let _watch = watchdog();
    let lines = ["the process has begun to end", "never printed", "thread ends", "all over"];
    prints("late", &lines);
}

#[test]
fn the_end_needs_no_thread_local_value() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("without thread-locals");
    assert_eq!((status, stdout.as_str()), (Some(0), "all well\n"), "{stderr}");
}

#[test]
fn th081_an_explicit_shutdown_reports() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("shutdown");
    let lines = "hook\na hook without yarn\n";
    assert_eq!((status, stdout.as_str()), (Some(0), lines), "{stderr}");
    assert!(!stderr.contains("still running"), "it was in the report");
}

#[test]
fn a_hook_that_shuts_down_does_nothing() {
    let _watch = watchdog();
    prints("shutdown in a hook", &["hook", "thread ends"]);
}

#[test]
fn a_thread_that_shuts_down_does_not_wait_for_itself() {
    let _watch = watchdog();
    prints("shutdown in a thread", &["hook", "thread ends"]);
}

#[test]
fn th057_timers_that_are_not_due_are_cancelled_and_functions_waited_for() {
    let _watch = watchdog();
    prints("timers", &["main returns", "cancelled", "function ends"]);
}

#[test]
fn sc019_schedulers_are_stopped_and_actions_waited_for() {
    let _watch = watchdog();
    prints(
        "schedulers",
        &["main returns", "action ends", "no thread starts at the end of the process"],
    );
}

#[test]
fn cf038_thousands_of_queued_tasks_are_done_at_exit_but_for_daemons() {
    let _watch = watchdog();
    prints("pools", &["main returns", "5000 tasks"]);
}

#[test]
fn cf064_a_pool_cannot_hold_the_end_beyond_its_deadline() {
    let _watch = watchdog();
    let (status, stdout, stderr) = run("a pool that hangs");
    assert_eq!((status, stdout.as_str()), (Some(0), "main returns\n"));
    assert_eq!(stderr, "inkle: still running at exit: weaver_0\n");
}

#[test]
fn th081_ctrl_c_ends_the_wait() {
    let _watch = watchdog();
    let mut child = program("stuck").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "at exit\n");
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
}

fn interrupt(process: u32) {
    // SAFETY: sends a signal to a child that has not been waited for: its number is its own.
    assert_eq!(unsafe { libc::kill(process as i32, libc::SIGINT) }, 0);
}

#[test]
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn fk001_a_forked_child_has_its_own_number_and_waits_for_nobody() {
    let _watch = watchdog();
    prints("fork", &["child: 0", "thread ends"]);
}

#[test]
fn lt009_exit_on_the_main_thread_is_a_silent_panic() {
    let _watch = watchdog();
    exits("leave main", 101, &["thread ends"]);
}
