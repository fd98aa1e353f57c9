//! Facts of `inkle::subprocess` that `tests/subprocess.rs` leaves, by their ids.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use inkle::subprocess::{
    CheckError, Command, CommunicateError, PipelineError, Signal, StartCause, Status, Stdio,
    getstatusoutput,
};
use inkle::threading::{CancelToken, Reason};
use inkle_tests::{PATIENCE, SETTLE, watchdog};

/// Of this test alone, with those permissions; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(mode: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("inkle-programs-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    fn script(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Somebody may have been faster.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sh(line: &str) -> Command {
    Command::shell(line)
}

/// Until so much has been read, killed in ever more time.
#[track_caller]
fn expired(command: &Command, said: &[u8]) {
    let mut time = Duration::from_millis(10);
    loop {
        let Err(CheckError::TimedOut(expired)) = command.clone().timeout(time).run() else {
            panic!("it has ended")
        };
        if expired.output.stdout == said {
            assert_eq!(expired.output.stderr, b"");
            return;
        }
        // Nothing, or a part of it; empty rather than absent.
        assert!(said.starts_with(&expired.output.stdout) && time < PATIENCE);
        time *= 2;
    }
}

#[test]
fn sp010_what_was_read_until_a_timeout_is_bytes() {
    let _watch = watchdog();
    expired(&sh(r"printf 'a\377\r\n'; exec sleep 600").capture_output(), b"a\xff\r\n");
    expired(&sh("exec sleep 600").capture_output(), b"");
}

/// A directory that only root may enter, a user that is not root: it is entered before.
#[test]
fn sp023_the_directory_comes_before_the_user() {
    let _watch = watchdog();
    let folder = Folder::new(0o700);
    let command = sh("pwd -P; id -u; ulimit -n; umask")
        .current_dir(&folder.0)
        .user(65_534)
        .umask(0o77)
        .limit(libc::RLIMIT_NOFILE, 77, 77)
        .capture_output();
    // SAFETY: asks only.
    if unsafe { libc::geteuid() } != 0 {
        let error = command.spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::Refused { .. }), "{error}");
        return;
    }
    let done = command.run().unwrap();
    let there = fs::canonicalize(&folder.0).unwrap();
    let text = format!("{}\n65534\n77\n0077\n", there.display());
    assert_eq!(done.output.stdout_lossy(), text, "{}", done.output.stderr_lossy());
}

#[test]
fn sp023_the_first_error_that_is_not_not_found_is_told() {
    let _watch = watchdog();
    let (bad, good, none) = (Folder::new(0o755), Folder::new(0o755), Folder::new(0o755));
    bad.script("weave", "no program", 0o644);
    good.script("weave", "#!/bin/sh\necho woven\n", 0o755);
    let weave = |folders: [&Folder; 3]| {
        let path = std::env::join_paths(folders.map(|folder| &folder.0)).unwrap();
        Command::new("weave").env("PATH", path).capture_output()
    };
    // It looks further, as a shell does.
    assert_eq!(weave([&none, &bad, &good]).run().unwrap().output.stdout, b"woven\n");
    for folders in [[&none, &none, &bad], [&bad, &none, &none]] {
        let error = weave(folders).spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::NotExecutable(_)), "{error}");
    }
    assert!(matches!(
        weave([&none, &none, &none]).spawn().unwrap_err().cause(),
        StartCause::NotFound
    ));
}

#[test]
fn sp027_a_shell_tells_by_its_code_alone() {
    let _watch = watchdog();
    assert_eq!(getstatusoutput("no-such-program").unwrap().0, Status::Exited(127));
    let folder = Folder::new(0o755);
    folder.script("data", "no program", 0o644);
    let path = folder.0.join("data");
    assert_eq!(getstatusoutput(path).unwrap().0, Status::Exited(126));
}

/// How often this thread has gone to sleep.
fn sleeps() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// Python up to 3.14 looked twelve times in so long, and then twenty times a second.
#[test]
fn sp032_sp055_a_wait_with_a_limit_does_not_look_again_and_again() {
    let _watch = watchdog();
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    let slept = |wait: &dyn Fn()| {
        let before = sleeps();
        wait();
        sleeps() - before
    };
    let limit = Duration::from_millis(400);
    // The system may have reasons of its own for a few.
    let least = |wait: &dyn Fn()| (0..3).map(|_| slept(wait)).min().unwrap();
    let waits = least(&|| assert!(child.wait_timeout(limit).is_err()));
    let talks = least(&|| assert!(child.communicate_timeout([], limit).is_err()));
    let token = || CancelToken::until(inkle::platform::after(limit));
    let tokens = least(&|| assert!(child.wait_unless(&token()).is_err()));
    assert!(waits <= 3 && talks <= 3 && tokens <= 3, "{waits} {talks} {tokens}");
    child.kill().unwrap();
}

#[test]
fn sp041_a_drop_waits_for_nobody() {
    let _watch = watchdog();
    // Python's `with` would wait for both, without a limit.
    let child = sh("exec sleep 600").stdin(Stdio::Pipe).capture_output().spawn().unwrap();
    let pid = child.pid();
    drop(child);
    let stages = sh("exec sleep 600").pipe(sh("exec sleep 600")).spawn().unwrap();
    let pids: Vec<_> = stages.children().iter().map(|child| child.pid()).collect();
    drop(stages);
    for pid in pids.into_iter().chain([pid]) {
        // SAFETY: a child of ours that has not ended, so the number is its.
        assert_eq!(unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) }, 0);
    }
}

#[test]
fn sp044_what_it_tells_of_itself() {
    let _watch = watchdog();
    let child = Command::from_args(["sh", "-c", "echo $$"]).executable("/bin/sh");
    let child = child.stdout(Stdio::Pipe).spawn().unwrap();
    assert_eq!(child.args(), ["sh", "-c", "echo $$"]);
    let said = child.communicate([]).unwrap().stdout_lossy();
    assert_eq!(said.trim(), child.pid().to_string());
    assert!(child.take_stdin().is_none() && child.take_stderr().is_none());
    assert_eq!(child.poll().and_then(Status::returncode), Some(0));
    let killed = sh("kill -9 $$").run().unwrap();
    assert_eq!(killed.status.returncode(), Some(-9));
}

#[test]
fn sp049_much_input_for_who_reads_none_has_a_deadline() {
    let _watch = watchdog();
    let much = vec![b'x'; 10_000_000];
    let child = sh("exec sleep 600").stdin(Stdio::Pipe).spawn().unwrap();
    let talk = child.communicate_timeout(much.clone(), SETTLE);
    assert!(matches!(talk, Err(CommunicateError::TimedOut(_))));
    child.kill().unwrap();
    child.communicate([]).unwrap();
    let late = sh("exec sleep 600").input(much).timeout(SETTLE).run();
    assert!(matches!(late, Err(CheckError::TimedOut(_))));
}

#[test]
fn th077_a_run_may_be_called_off() {
    let _watch = watchdog();
    let token = CancelToken::new();
    let (read, write) = std::io::pipe().unwrap();
    // The descriptor is closed when the last that has it has ended.
    let line =
        format!("echo begun; echo >&{0}; exec sleep 600", std::os::fd::AsRawFd::as_raw_fd(&write));
    let command = sh(&line).pass_fd(write).capture_output();
    thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Read;
            let mut byte = [0];
            (&read).read_exact(&mut byte).unwrap();
            token.cancel(Reason::REQUESTED);
        });
        let error = command.run_unless(&token).unwrap_err();
        assert!(error.to_string().ends_with("was cancelled: asked to stop"), "{error}");
        let CheckError::Cancelled { output, reason: Reason::REQUESTED, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(output.stdout, b"begun\n");
    });
    let stages = sh("exec sleep 600").pipe(sh("exec cat")).capture_output();
    let PipelineError::Cancelled(done, Reason::REQUESTED) = stages.run_unless(&token).unwrap_err()
    else {
        panic!()
    };
    assert_eq!(done[0].status.signal(), Some(Signal::KILL));
    assert_eq!(done.len(), 2);
    // One that ends before is no affair of the token's.
    let token = CancelToken::new();
    assert!(sh("exit 0").check(true).run_unless(&token).is_ok());
    assert_eq!(
        sh("cat").pipe(sh("cat")).input("a").capture_output().run_unless(&token).unwrap()[1]
            .output
            .stdout,
        b"a"
    );
    // The run's own deadline.
    let late = sh("exec sleep 600").timeout(SETTLE).run_unless(&token);
    assert!(matches!(late, Err(CheckError::TimedOut(_))));
}
