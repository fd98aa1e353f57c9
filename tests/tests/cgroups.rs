//! Programs in control groups of their own: `Command::new_cgroup`, `Reach::Cgroup`. (SP051, SP053)
//!
//! Not every machine lets a process make such groups. What could not be run there each test says in a line, past
//! the harness, which would keep it for itself.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{ErrorKind, Write, stderr};
use std::path::PathBuf;
use std::time::Duration;

use inkle::subprocess::{Child, Command, Output, Reach, Sink, StartCause, Stdio};
use inkle_tests::{PATIENCE, eventually, watchdog};

/// The child, if there can be one.
fn start(command: Command) -> Option<Child> {
    match command.new_cgroup().spawn() {
        Ok(child) => Some(child),
        Err(error) => {
            assert!(matches!(error.cause(), StartCause::ControlGroup { .. }), "{error}");
            let test = std::thread::current();
            let name = test.name().unwrap_or_default();
            let line = format!("cgroups, {name}: not run here: {error}\n");
            let _ = stderr().write_all(line.as_bytes());
            None
        }
    }
}

/// Where the group of a process is that runs.
fn folder(child: &Child) -> PathBuf {
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", child.pid())).unwrap();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    assert!(group.contains(&format!("inkle-{}-", std::process::id())), "{group}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 ")).unwrap();
    let mut fields = mount.split(' ').skip(3);
    let (root, place) = (fields.next().unwrap(), fields.next().unwrap());
    let folder = PathBuf::from(place).join(PathBuf::from(group).strip_prefix(root).unwrap());
    assert!(folder.is_dir());
    folder
}

/// A zombie does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// One in its group, one in a session of its own, and one there whose parent has ended; a line when all run.
const MANY: &str = "sleep 601 & echo $!; setsid sh -c 'echo $$; exec sleep 602' & \
                    setsid sh -c 'sleep 603 & echo $!' & wait $!; echo all; wait";

/// Reads until so many lines have come.
fn lines(child: &Child, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut time = Duration::from_millis(10);
    let mut sink = Sink::new();
    while seen.len() < count {
        assert!(time < PATIENCE, "{seen:?}");
        let so_far =
            match child.communicate_async([]).timeout(time).to(&mut sink, &mut Sink::new()).run() {
                Err(inkle::subprocess::CommunicateError::TimedOut(output)) => output,
                other => panic!("{other:?}"),
            };
        seen = Output::stdout_lossy(&so_far).lines().map(str::to_owned).collect();
        time *= 2;
    }
    seen
}

#[test]
fn sp051_all_end_whatever_session_they_are_in() {
    let _watch = watchdog();
    let command = Command::shell(MANY).stdin(Stdio::Null).stdout(Stdio::Pipe);
    let Some(child) = start(command) else { return };
    let folder = folder(&child);
    let lines = lines(&child, 4);
    let pids: Vec<_> = lines.iter().filter(|line| *line != "all").collect();
    assert!(pids.len() == 3 && pids.iter().all(|pid| runs(pid)), "{lines:?}");
    assert!(!child.kill_tree(Reach::Cgroup, Duration::ZERO).unwrap().success());
    eventually(|| !pids.iter().any(|pid| runs(pid)));
    // None of them holds the pipe any more.
    assert!(!child.communicate([]).unwrap().left_open);
    assert!(folder.is_dir());
    drop(child);
    eventually(|| !folder.exists());
}

#[test]
fn sp053_all_are_asked_first() {
    let _watch = watchdog();
    // The one in a session of its own says that it was asked, and all end of themselves.
    let line = "trap 'echo first; exit 7' TERM; \
                setsid sh -c 'trap \"echo other; exit\" TERM; echo; while :; do sleep 0.01; done' & \
                echo; while :; do sleep 0.01; done";
    let command = Command::shell(line).stdout(Stdio::Pipe).stderr(Stdio::Null);
    let Some(child) = start(command) else { return };
    lines(&child, 2);
    let status = child.kill_tree(Reach::Cgroup, PATIENCE).unwrap();
    assert_eq!(status.code(), Some(7));
    let output = child.communicate([]).unwrap().stdout_lossy();
    assert!(output.contains("first") && output.contains("other"), "{output}");
}

#[test]
fn groups_below_it_end_and_go_too() {
    let _watch = watchdog();
    let Some(child) = start(Command::new("sleep").arg("600")) else { return };
    let folder = folder(&child);
    let below = folder.join("below");
    fs::create_dir(&below).unwrap();
    let other = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(below.join("cgroup.procs"), other.pid().to_string()).unwrap();
    child.kill_tree(Reach::Cgroup, Duration::ZERO).unwrap();
    assert!(other.wait_timeout(PATIENCE).is_ok());
    drop(child);
    eventually(|| !folder.exists());
}

#[test]
fn sp043_a_dropped_child_leaves_no_group() {
    let _watch = watchdog();
    let line = "setsid sleep 600 & echo $!; exec sleep 600";
    let Some(child) = start(Command::shell(line).stdout(Stdio::Pipe)) else { return };
    let folder = folder(&child);
    let pid = lines(&child, 1).remove(0);
    let kill = |pid: &str| assert!(Command::new("kill").arg(pid).run().unwrap().status.success());
    let own = child.pid().to_string();
    drop(child);
    kill(&own);
    eventually(|| !runs(&own));
    // The other one is still in it.
    assert!(folder.is_dir());
    kill(&pid);
    eventually(|| !folder.exists());
}

#[test]
fn sp029_a_failed_start_leaves_no_group() {
    let _watch = watchdog();
    let Some(child) = start(Command::new("sleep").arg("600")) else { return };
    // The next have the next numbers: one that is left would have one of them.
    let folder = folder(&child);
    let (name, number) = folder.to_str().unwrap().rsplit_once('-').unwrap();
    let number: u32 = number.parse().unwrap();
    child.kill().unwrap();
    for _ in 0..20 {
        let error = Command::new("no-such-program").new_cgroup().spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::NotFound));
    }
    drop(child);
    // The other tests start fewer.
    let left = || (number..number + 20).filter(|n| PathBuf::from(format!("{name}-{n}")).exists());
    eventually(|| left().count() < 8);
}

#[test]
fn it_dies_with_its_parent_too() {
    let _watch = watchdog();
    let signal = inkle::subprocess::Signal::KILL;
    let command = Command::new("cat").stdin(Stdio::Pipe).die_with_parent(signal);
    let Some(child) = start(command) else { return };
    folder(&child);
    child.communicate([]).unwrap();
    assert!(child.wait().success());
}

#[test]
fn what_has_none_is_refused() {
    let _watch = watchdog();
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    let error = child.kill_tree(Reach::Cgroup, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    child.kill().unwrap();
}

#[test]
fn who_was_given_none_is_told_so() {
    let _watch = watchdog();
    // SAFETY: asks only.
    if unsafe { libc::geteuid() } != 0 {
        let line = "cgroups, who_was_given_none_is_told_so: not run here: it takes root\n";
        let _ = stderr().write_all(line.as_bytes());
        return;
    }
    let helper = Command::new(env!("CARGO_BIN_EXE_spawns")).arg("not delegated");
    let done = helper.capture_output().run().unwrap();
    assert!(done.status.success(), "{}", done.output.stderr_lossy());
}
