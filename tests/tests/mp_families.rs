//! Parents and children, seen from outside: `src/bin/families.rs` has the programs. (MP005, MP015, MP016)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use inkle::multiprocessing::{Builder, Process, SpawnCause};
use inkle::subprocess::{Signal, Status};
use inkle_tests::{eventually, watchdog};

const FAMILIES: &str = env!("CARGO_BIN_EXE_families");

fn prints(program: impl AsRef<Path>, scenario: &str) -> Vec<String> {
    let output = Command::new(program.as_ref()).arg(scenario).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{scenario}: {}: {error}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether nothing runs by this number: what nobody has waited for yet is no life.
fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with(['Z', 'X']))
}

#[test]
fn mp015_the_end_of_a_process_waits_for_its_children() {
    let _watch = watchdog();
    assert_eq!(prints(FAMILIES, "joined"), ["main returns", "the child ends"]);
}

#[test]
fn mp015_the_end_of_a_process_ends_its_daemons() {
    let _watch = watchdog();
    let pids = prints(FAMILIES, "daemon");
    assert_eq!(pids.len(), 1);
    assert!(is_gone(&pids[0]), "it was waited for");
}

#[test]
fn mp015_a_daemon_that_does_not_listen_is_killed() {
    let _watch = watchdog();
    let mut said = prints(FAMILIES, "stubborn daemon");
    said.retain(|line| line != "deaf");
    eventually(|| is_gone(&said[0]));
}

#[test]
fn mp015_a_child_that_does_not_end_in_time_ends_with_its_parent() {
    let _watch = watchdog();
    let pids = prints(FAMILIES, "straggler");
    eventually(|| is_gone(&pids[0]));
}

#[test]
fn mp015_shutdown_waits_for_children_and_then_none_starts() {
    let _watch = watchdog();
    let said = prints(FAMILIES, "shutdown");
    assert_eq!(said, ["the child ends", "no process starts at the end of the process"]);
}

/// Ended with the test that has it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mp016_a_parent_that_is_killed_takes_all_descendants_with_it() {
    let _watch = watchdog();
    let mut program = Command::new(FAMILIES);
    let child = program.arg("three generations").stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let pids: Vec<_> = output.lines().take(2).map(Result::unwrap).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| !is_gone(pid)));
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    eventually(|| pids.iter().all(|pid| is_gone(pid)));
}

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("inkle-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A shell script.
    fn script(&self, name: &str, line: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn product(a: u64, b: u64) -> u64 {
    a * b
}

#[test]
fn a_program_whose_file_was_replaced_goes_on_with_the_old_one() {
    let _watch = watchdog();
    let folder = Folder::new("replaced");
    let copy = folder.0.join("families");
    fs::copy(FAMILIES, &copy).unwrap();
    assert_eq!(prints(&copy, "replaced"), ["42"]);
}

#[test]
fn mp005_another_program_or_a_copy_is_refused_with_both_named() {
    let _watch = watchdog();
    let folder = Folder::new("copies");
    let copy = folder.0.join("copy");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let patched = folder.0.join("patched");
    let mut bytes = fs::read(&copy).unwrap();
    // At the end of the file, where nothing is loaded from: only the length tells.
    bytes.extend(b"patched");
    fs::write(&patched, bytes).unwrap();
    fs::set_permissions(&patched, fs::Permissions::from_mode(0o755)).unwrap();
    for other in [Path::new(FAMILIES), &copy, &patched] {
        let error = Builder::new().executable(other).spawn(product, (6, 7)).unwrap_err();
        match error.cause() {
            SpawnCause::OtherImage { ours, theirs } => assert_ne!(ours, theirs),
            cause => panic!("{other:?}: {cause:?}"),
        }
        assert_eq!(error.into_inner(), (6, 7), "the arguments come back");
    }
    let same = std::env::current_exe().unwrap();
    let process = Builder::new().executable(same).spawn(product, (6, 7)).unwrap();
    assert_eq!(process.join().unwrap(), 42);
}

#[test]
fn a_function_of_another_program_is_found_by_its_name() {
    let _watch = watchdog();
    let there = Builder::new().executable(FAMILIES);
    let process: Process<u64> = there.spawn_named("families.product", (6_u64, 7_u64)).unwrap();
    assert_eq!(process.join().unwrap(), 42);
    let cause = |name: &str| {
        let error = there.spawn_named::<u64, _>(name, (6_u32, 7_u64)).unwrap_err();
        assert_eq!(error.to_string(), error.cause().to_string());
        format!("{:?}", error.cause())
    };
    assert_eq!(cause("families.quotient"), "NoSuchFunction");
    let types = r#"OtherTypes { ours: "fn(u32, u64) -> u64", theirs: "fn(u64, u64) -> u64" }"#;
    assert_eq!(cause("families.product"), types);
    assert!(cause("families.twice").contains("two functions"), "{}", cause("families.twice"));
}

#[test]
fn a_child_that_ends_before_it_listens_has_never_started() {
    let _watch = watchdog();
    let folder = Folder::new("scripts");
    for (line, status) in [
        ("exit 7", Status::Exited(7)),
        ("kill -9 $$", Status::Killed { signal: Signal::KILL, core_dumped: false }),
    ] {
        let script = folder.script("early", line);
        let error = Builder::new().executable(script).spawn(product, (6, 7)).unwrap_err();
        match error.cause() {
            SpawnCause::NeverStarted(ended) => assert_eq!(*ended, status),
            cause => panic!("{cause:?}"),
        }
    }
}

#[test]
fn a_child_that_never_listens_is_ended_at_the_deadline() {
    let _watch = watchdog();
    let folder = Folder::new("deaf");
    let pid = folder.0.join("pid");
    let script = folder.script("deaf", &format!("echo $$ > {}; exec sleep 3600", pid.display()));
    let builder = Builder::new().executable(script).startup_timeout(Duration::from_millis(300));
    let error = builder.spawn(product, (6, 7)).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::TimedOut), "{error}");
    let pid = fs::read_to_string(pid).unwrap_or_default();
    assert!(pid.is_empty() || is_gone(pid.trim()));
}

#[test]
fn what_is_no_program_is_refused() {
    let _watch = watchdog();
    let error = Builder::new().executable("/no/such/program").spawn(product, (6, 7)).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::Refused(_)), "{error}");
    let nul = Builder::new().executable("a\0b").spawn(product, (6, 7)).unwrap_err();
    assert!(matches!(nul.cause(), SpawnCause::Refused(_)), "{nul}");
}

#[test]
fn a_marker_that_is_not_for_this_program_does_nothing() {
    let _watch = watchdog();
    for marker in ["", "0.1.0", "0.1.0 0 1", "0.1.0 9 1", "0.1.0 99999999999 x", "9.9.9 3 1"] {
        let mut program = Command::new(FAMILIES);
        let output = program.arg("joined").env("INKLE_CHILD", marker).output().unwrap();
        assert!(output.status.success(), "{marker}: {output:?}");
        assert!(output.stdout.starts_with(b"main returns"), "{marker}: {output:?}");
    }
}
