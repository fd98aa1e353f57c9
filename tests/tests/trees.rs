//! `Child::kill_tree` against programs that start programs. (SP051, SP053)
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::thread::sleep;
use std::time::Duration;

use inkle::subprocess::{Child, Command, Reach, Signal, Stdio};
use inkle_tests::{eventually, process_state, watchdog};

/// Longer than the watchdog waits.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(200);

/// Started; with the numbers of the processes that say theirs, each in a line and behind its place, from 1.
fn start(command: Command, count: usize) -> (Child, Vec<i32>) {
    let child = command.stdout(Stdio::Pipe).stderr(Stdio::Null).spawn().unwrap();
    let mut pipe = File::from(child.take_stdout().unwrap());
    let mut text = String::new();
    while text.lines().count() < count || !text.ends_with('\n') {
        let mut some = [0; 100];
        match pipe.read(&mut some) {
            Ok(len) => text.push_str(str::from_utf8(&some[..len]).unwrap()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        sleep(SHORT / 100);
    }
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    (child, lines.iter().map(|line| line[2..].parse().unwrap()).collect())
}

/// A zombie does not.
fn runs(pid: i32) -> bool {
    process_state(pid).is_some_and(|state| state != 'Z')
}

#[track_caller]
fn all_end(pids: &[i32]) {
    eventually(|| !pids.iter().any(|pid| runs(*pid)));
}

/// It ran until now.
#[track_caller]
fn survived(pid: i32) {
    assert!(runs(pid));
    // SAFETY: ends a program of ours that runs, so the number is its.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// One child in its group, one in a group and one in a session of its own.
fn three() -> Command {
    let line =
        "sleep 600 & echo 1 $!; \"$1\" group & setsid sh -c 'echo 3 $$; exec sleep 600' & wait";
    Command::shell(line).args(["sh", env!("CARGO_BIN_EXE_spawns")])
}

#[test]
fn the_child_alone() {
    let _watch = watchdog();
    let (child, pids) = start(three(), 3);
    assert_eq!(child.kill_tree(Reach::Child, Duration::ZERO).unwrap().signal(), Some(Signal::KILL));
    pids.into_iter().for_each(survived);
    // It may be asked for again.
    assert!(child.kill_tree(Reach::Child, LONG).is_ok());
}

#[test]
fn its_group() {
    let _watch = watchdog();
    let (child, pids) = start(three().process_group(0), 3);
    child.kill_tree(Reach::Group, Duration::ZERO).unwrap();
    all_end(&pids[..1]);
    pids[1..].iter().copied().for_each(survived);
}

#[test]
fn its_session() {
    let _watch = watchdog();
    let (child, pids) = start(three().new_session(), 3);
    child.kill_tree(Reach::Session, Duration::ZERO).unwrap();
    all_end(&pids[..2]);
    survived(pids[2]);
}

#[test]
fn its_session_when_it_has_ended_itself() {
    let _watch = watchdog();
    let (child, pids) = start(Command::shell("sleep 600 & echo 1 $!").new_session(), 1);
    assert!(child.wait().success());
    assert!(child.kill_tree(Reach::Session, Duration::ZERO).unwrap().success());
    all_end(&pids);
}

#[test]
fn all_below_it() {
    let _watch = watchdog();
    let (child, pids) = start(three(), 3);
    child.kill_tree(Reach::Subtree, Duration::ZERO).unwrap();
    all_end(&pids);
    // Three levels, each in a session of its own.
    let line = "echo 1 $$; setsid sh -c 'echo 2 $$; \
                setsid sh -c \"echo 3 \\$\\$; sleep 600\" & wait' & wait";
    let (child, pids) = start(Command::shell(line), 3);
    child.kill_tree(Reach::Subtree, Duration::ZERO).unwrap();
    all_end(&pids);
}

#[test]
fn those_that_start_more_all_the_time() {
    let _watch = watchdog();
    for (reach, marker) in [(Reach::Subtree, 601), (Reach::Session, 602)] {
        // These tests may run twice at once.
        let marker = &format!("{marker}.{}", std::process::id());
        // Those that keep the number of children down end, and the others go on.
        let line = format!(
            "loop() {{ n=0; while [ $n -lt 200 ]; do n=$((n + 1)); sleep {marker} & done; wait; }}; \
             loop & loop & echo 1 0; wait"
        );
        let (child, _) = start(Command::shell(line).new_session(), 1);
        child.kill_tree(reach, Duration::ZERO).unwrap();
        eventually(|| with_argument(marker).is_empty());
        // And no other comes.
        sleep(SHORT / 4);
        assert_eq!(with_argument(marker), [0_i32; 0]);
    }
}

fn with_argument(marker: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes()) && runs(*pid)
    };
    pids.filter(has).collect()
}

#[test]
fn they_are_asked_first() {
    let _watch = watchdog();
    let polite = "trap 'exit 7' TERM; sh -c 'trap \"exit 8\" TERM; echo 1 $$; while :; do sleep 0.05; done' & \
                  while :; do sleep 0.05; done";
    for reach in [Reach::Group, Reach::Session, Reach::Subtree] {
        let (child, pids) = start(Command::shell(polite).new_session(), 1);
        assert_eq!(child.kill_tree(reach, LONG).unwrap().code(), Some(7), "{reach:?}");
        all_end(&pids);
    }
    // Its child does not hear it, and is ended although the parent has gone.
    let stubborn = "trap 'exit 7' TERM; sh -c 'trap \"\" TERM; echo 1 $$; while :; do sleep 0.05; done' & \
                    while :; do sleep 0.05; done";
    for reach in [Reach::Group, Reach::Session, Reach::Subtree] {
        let mut grace = SHORT;
        // Until that was enough for the parent.
        loop {
            let (child, pids) = start(Command::shell(stubborn).new_session(), 1);
            let status = child.kill_tree(reach, grace).unwrap();
            all_end(&pids);
            if status.code() == Some(7) {
                break;
            }
            assert_eq!(status.signal(), Some(Signal::KILL), "{reach:?}");
            grace *= 2;
        }
    }
}

#[test]
fn a_group_that_is_not_its_own_is_refused() {
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    for reach in [Reach::Group, Reach::Session] {
        let error = child.kill_tree(reach, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert!(child.poll().is_none());
    child.kill_tree(Reach::Subtree, Duration::ZERO).unwrap();
}
