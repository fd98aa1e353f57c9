//! `inkle::subprocess` against real programs: by spec id, and what goes wrong.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::subprocess::{
    CheckError, Command, CommunicateError, Identity, Signal, StartCause, Status, Stdio, WaitError,
    call, check_call, check_output, getoutput, getstatusoutput, list2cmdline, run,
};
use inkle::threading::{self, CancelToken, Reason, Timer};
use inkle_tests::{eventually, is_stopped, kill_all, watchdog};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// A folder that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("inkle-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sh(line: &str) -> Command {
    Command::shell(line)
}

fn captured(line: &str) -> (Vec<u8>, Vec<u8>) {
    let output = sh(line).capture_output().run().unwrap().output;
    (output.stdout, output.stderr)
}

#[test]
fn sp001_run() {
    let _watch = watchdog();
    let done = sh("cat; echo err >&2; exit 3").input("in").capture_output().run().unwrap();
    assert_eq!((done.output.stdout, done.output.stderr), (b"in".to_vec(), b"err\n".to_vec()));
    assert_eq!((done.status.code(), done.args[0].to_str()), (Some(3), Some("/bin/sh")));
    let done = run(["sh", "-c", "exit 4"]).unwrap();
    let failed = done.check().unwrap_err();
    assert_eq!(failed.status, Status::Exited(4));
    let failed = sh("echo partial; exit 5").capture_output().check(true).run().unwrap_err();
    let CheckError::Failed(failed) = failed else { panic!("{failed}") };
    assert_eq!((failed.status.code(), &failed.output.stdout[..]), (Some(5), &b"partial\n"[..]));
}

#[test]
fn sp002_options_that_contradict_each_other() {
    let error = sh("cat").input("a").stdin(Stdio::Null).run().unwrap_err();
    let CheckError::Start(error) = error else { panic!("{error}") };
    assert!(matches!(error.cause(), StartCause::Conflict(_)));
    let error = sh("cat").stdout(Stdio::Stdout).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::Conflict(_)));
}

#[test]
fn sp003_sp004_a_timeout_kills_and_keeps_what_was_read() {
    let _watch = watchdog();
    // The sleeper in the background holds the pipe: nobody waits for it.
    let slow = sh("sleep 3600 & echo $!; echo err >&2; wait").capture_output();
    let mut timeout = SHORT;
    // Until that was enough for both lines.
    loop {
        let result = slow.clone().timeout(timeout).run();
        let CheckError::TimedOut(expired) = result.unwrap_err() else { panic!() };
        kill_all(&expired.output.stdout);
        if expired.output.stderr == b"err\n" {
            break assert!(expired.output.stdout.ends_with(b"\n"));
        }
        timeout *= 2;
    }
    let CheckError::TimedOut(expired) =
        Command::new("sleep").arg("30").deadline(Deadline::PASSED).run().unwrap_err()
    else {
        panic!()
    };
    assert!(expired.output.stdout.is_empty());
}

#[test]
fn sp005_whoever_holds_the_pipe_is_waited_for_without_a_deadline() {
    let _watch = watchdog();
    assert_eq!(captured("(sleep 0.3; echo late) &").0, b"late\n");
    let child = sh("sleep 600 & echo $!").stdout(Stdio::Pipe).spawn().unwrap();
    assert!(child.wait().success());
    let output = child.communicate_timeout([], SHORT).unwrap();
    kill_all(&output.stdout);
    assert!(output.stdout.ends_with(b"\n") && output.left_open);
}

#[test]
fn sp006_sp007_helpers() {
    assert_eq!(call(["false"]).unwrap().code(), Some(1));
    assert!(check_call(["true"]).is_ok());
    assert!(matches!(check_call(["false"]), Err(CheckError::Failed(_))));
    assert_eq!(check_output(["printf", "x"]).unwrap(), b"x");
    let (status, text) = getstatusoutput("printf 'a\\n\\n'; echo b >&2; exit 9").unwrap();
    assert_eq!((status.code(), &text[..]), (Some(9), "a\n\nb"));
    assert_eq!(getoutput("printf 'a\\n\\n'").unwrap(), "a\n");
    assert_eq!(getstatusoutput("no-such-program-here").unwrap().0.code(), Some(127));
}

#[test]
fn sp009_errors_name_what_has_happened() {
    let failed = sh("kill -TERM $$").check(true).run().unwrap_err();
    assert_eq!(failed.to_string(), "`/bin/sh -c 'kill -TERM $$'` failed: killed by SIGTERM");
    let expired = Command::new("sleep").arg("9").deadline(Deadline::PASSED).run().unwrap_err();
    assert_eq!(expired.to_string(), "`sleep 9` ran until the deadline");
}

#[test]
fn sp011_arguments() {
    let nothing: [&str; 0] = [];
    let error = Command::from_args(nothing).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::NoProgram));
    for bad in ["a\0b", "\0"] {
        let error = Command::new("echo").arg(bad).spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::Nul { .. }), "{error}");
    }
    assert!(matches!(Command::new("").spawn().unwrap_err().cause(), StartCause::NotFound));
    // A line is no program.
    assert!(Command::new("echo hello").spawn().is_err());
    let odd = ["", " ", "a'b", "$HOME", "*", "\n", "-n"];
    let done = Command::new("printf").arg("[%s]").args(odd).capture_output().run().unwrap();
    let expected: String = odd.iter().map(|arg| format!("[{arg}]")).collect();
    assert_eq!(done.output.stdout_text().unwrap(), expected);
}

#[test]
fn sp012_a_shell_is_given_the_rest_as_its_parameters() {
    let done = sh("echo $0-$1").args(["zero", "one"]).capture_output().run().unwrap();
    assert_eq!(done.output.stdout, b"zero-one\n");
}

#[test]
fn sp013_another_program_is_told_the_first_argument() {
    let command = Command::from_args(["told", "-c", "echo $0"]).executable("/bin/sh");
    assert_eq!(command.capture_output().run().unwrap().output.stdout, b"told\n");
}

#[test]
fn sp015_streams_go_where_they_are_sent() {
    let _watch = watchdog();
    let folder = Folder::new();
    let path = folder.0.join("file");
    let file = File::create(&path).unwrap();
    let command = sh("echo out; echo err >&2").stdout(file).stderr(Stdio::Stdout);
    command.run().unwrap();
    command.run().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "out\nerr\nout\nerr\n");
    let file = File::open(&path).unwrap();
    let done = Command::new("cat").stdin(file).stdout(Stdio::Pipe).run().unwrap();
    assert_eq!(done.output.stdout.len(), 16);
    let done = Command::new("cat").stdin(Stdio::Null).stdout(Stdio::Pipe).run().unwrap();
    assert!(done.output.stdout.is_empty());
    assert_eq!(captured("echo lost >/dev/null; echo err >&2").1, b"err\n");
}

#[test]
fn sp015_swapped_standard_streams() {
    let _watch = watchdog();
    let (mut out_read, out_write) = std::io::pipe().unwrap();
    let (mut err_read, err_write) = std::io::pipe().unwrap();
    let command = sh("echo out; echo err >&2")
        .stdout(OwnedFd::from(err_write))
        .stderr(OwnedFd::from(out_write));
    command.run().unwrap();
    drop(command);
    let mut texts = [String::new(), String::new()];
    out_read.read_to_string(&mut texts[0]).unwrap();
    err_read.read_to_string(&mut texts[1]).unwrap();
    assert_eq!(texts, ["err\n", "out\n"]);
}

#[test]
fn sp016_sp017_descriptors() {
    let _watch = watchdog();
    let folder = Folder::new();
    let file = File::create(folder.0.join("file")).unwrap();
    let number = file.as_raw_fd();
    // Open here, and not marked to be closed.
    let flags = rustix::io::FdFlags::empty();
    rustix::io::fcntl_setfd(&file, flags).unwrap();
    let asks = |number| sh(&format!("test -e /proc/self/fd/{number}"));
    let has = |command: Command| command.run().unwrap().status.success();
    assert!(!has(asks(number)), "closed by default");
    assert!(has(asks(number).close_fds(false)));
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::CLOEXEC).unwrap();
    assert!(!has(asks(number).close_fds(false)));
    let other = file.try_clone().unwrap();
    assert!(!has(asks(number).pass_fd(other)), "one that was not passed on");
    let command = asks(number).pass_fd(file);
    assert!(has(command.clone()) && has(command.close_fds(false)));
}

#[test]
fn sp018_the_directory() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("bin")).unwrap();
    let program = folder.0.join("bin/here");
    fs::write(&program, "#!/bin/sh\npwd\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    // The program's path counts from there.
    let done = Command::new("bin/here").current_dir(&folder.0).capture_output().run().unwrap();
    let there = fs::canonicalize(&folder.0).unwrap();
    assert_eq!(done.output.stdout_text().unwrap().trim_end(), there.to_str().unwrap());
    let error = Command::new("true").current_dir(folder.0.join("no")).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::Directory { .. }), "{error}");
    let error = Command::new("true").current_dir(&program).spawn().unwrap_err();
    assert!(error.to_string().contains("here"), "{error}");
}

#[test]
fn sp019_the_environment() {
    let echo = || sh("echo $ONE-$TWO-${HOME+home}").capture_output();
    let said = |command: Command| command.run().unwrap().output.stdout_text().unwrap();
    assert_eq!(said(echo().env_remove("HOME").env("ONE", "1").env("TWO", "a b")), "1-a b-\n");
    assert_eq!(said(echo().env("HOME", "x").env_clear().env("ONE", "2")), "2--\n");
    for bad in ["", "A=B"] {
        let error = sh("true").env(bad, "x").spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::BadVariable(_)));
    }
    assert!(sh("true").env("A", "x\0y").spawn().is_err());
    // The child's PATH is the one that counts.
    let folder = Folder::new();
    let program = folder.0.join("only-here");
    fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let command = Command::new("only-here").capture_output();
    assert!(matches!(command.spawn().unwrap_err().cause(), StartCause::NotFound));
    assert_eq!(said(command.env("PATH", &folder.0)), "found\n");
}

#[test]
fn sp021_signals_sessions_and_groups() {
    let _watch = watchdog();
    // Rust ignores SIGPIPE; a program is not to inherit that.
    let ended = sh("yes | head -n 1; kill -PIPE $$; echo alive").stdout(Stdio::Null).run().unwrap();
    assert_eq!(ended.status.signal(), Some(Signal::PIPE));
    let ignoring = sh("kill -PIPE $$; exit 7").restore_signals(false).run().unwrap();
    assert_eq!(ignoring.status.code(), Some(7));
    let ids = |command: Command| -> Vec<u32> {
        let done = command.stdout(Stdio::Pipe).run().unwrap();
        let text = done.output.stdout_text().unwrap();
        text.split_whitespace().map(|id| id.parse().unwrap()).collect()
    };
    // pid, process group, session: from the child's own entry in /proc.
    let line = "read a b c d pgrp session rest </proc/self/stat; echo $$ $pgrp $session";
    let [pid, group, session] = ids(sh(line).new_session())[..] else { panic!() };
    assert_eq!((pid, pid), (group, session));
    let [pid, group, session] = ids(sh(line).process_group(0))[..] else { panic!() };
    assert!(pid == group && pid != session);
    let error = sh("true").process_group(1).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::Refused { what: "its process group", .. }));
}

#[test]
fn sp022_users_groups_umask() {
    assert_eq!(getoutput("umask").unwrap().len(), 4);
    let done = sh("umask").umask(0o27).capture_output().run().unwrap();
    assert_eq!(done.output.stdout, b"0027\n");
    for unknown in [sh("true").user("no-such-user"), sh("true").group("no-such-group")] {
        let error = unknown.spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::NoSuchIdentity(_)), "{error}");
    }
    let other = sh("id -u; id -g; id -G")
        .user(Identity::from(65_534))
        .group(65_534)
        .extra_groups([65_534, 100])
        .capture_output();
    // SAFETY: asks only.
    if unsafe { libc::geteuid() } == 0 {
        assert_eq!(other.run().unwrap().output.stdout, b"65534\n65534\n65534 100\n");
        let root = sh("id -un").user("root").capture_output();
        assert_eq!(root.run().unwrap().output.stdout, b"root\n");
    } else {
        let error = other.spawn().unwrap_err();
        assert!(matches!(error.cause(), StartCause::Refused { .. }));
    }
}

#[test]
fn sp024_sp025_text() {
    let done = sh(r"printf 'a\r\nb\rc\n\303\244'").capture_output().run().unwrap();
    assert_eq!(done.output.stdout_text().unwrap(), "a\nb\nc\nä");
    let done = sh(r"printf 'a\377b'").capture_output().run().unwrap();
    assert!(done.output.stdout_text().is_err());
    assert_eq!((done.output.stdout_lossy(), done.output.stdout.len()), ("a\u{FFFD}b".into(), 3));
}

#[test]
fn sp026_pipe_size() {
    let child = sh("exec sleep 60").stdout(Stdio::Pipe).pipe_size(1 << 19).spawn().unwrap();
    let pipe = child.take_stdout().unwrap();
    assert_eq!(rustix::pipe::fcntl_getpipe_size(&pipe).unwrap(), 1 << 19);
    child.kill().unwrap();
    assert_eq!(child.wait().signal(), Some(Signal::KILL));
}

#[test]
fn sp027_what_is_no_program() {
    let folder = Folder::new();
    let path = folder.0.join("data");
    fs::write(&path, "no program").unwrap();
    let cause = |program: &PathBuf| Command::new(program).spawn().unwrap_err().to_string();
    assert!(cause(&path).contains("cannot be executed"), "{}", cause(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(cause(&path).contains("cannot be executed"), "{}", cause(&path));
    assert!(cause(&folder.0).contains("cannot be executed"), "{}", cause(&folder.0));
    assert!(cause(&folder.0.join("none")).contains("no such program"));
    assert!(cause(&path.join("below")).contains("no such program"));
}

#[test]
fn sp030_sp031_sp038_many_wait_and_signal() {
    let _watch = watchdog();
    let child = sh("exec sleep 60").spawn().unwrap();
    assert!(child.poll().is_none() && child.wait_timeout(Duration::ZERO).is_err());
    threading::scope(|scope| {
        let waiting = [(); 4].map(|()| scope.spawn(|| child.wait()).unwrap());
        let killing = scope.spawn(|| {
            while child.poll().is_none() {
                child.terminate().unwrap();
            }
        });
        killing.unwrap().join().unwrap();
        for thread in waiting {
            assert_eq!(thread.join().unwrap().signal(), Some(Signal::TERM));
        }
    })
    .unwrap();
    assert_eq!(child.poll().and_then(Status::returncode), Some(-15));
    // No process has it any more, and none is sent anything.
    assert!(child.kill().is_ok() && child.send_signal(Signal::USR1).is_ok());
}

#[test]
fn sp033_a_hundred_megabytes_both_ways() {
    let _watch = watchdog();
    let input: Vec<u8> = (0..100_000_000u32).map(|n| (n / 7) as u8).collect();
    let child = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    let output = child.communicate(input.clone()).unwrap();
    assert!(output.stdout == input, "{} bytes", output.stdout.len());
    assert!(child.wait().success());
}

#[test]
fn sp033_input_for_who_does_not_read_it() {
    let _watch = watchdog();
    let child = Command::new("true").stdin(Stdio::Pipe).spawn().unwrap();
    assert!(child.communicate(vec![0; 1 << 20]).is_ok());
    let child = Command::new("true").spawn().unwrap();
    let Err(CommunicateError::NoInput(input)) = child.communicate(b"x") else { panic!() };
    assert_eq!(input, b"x");
    assert!(child.communicate([]).is_ok());
}

#[test]
fn sp034_sp035_sp036_it_can_be_called_again() {
    let _watch = watchdog();
    // It goes on when it is told to.
    let line = "echo begun; cat; kill -STOP $$; echo ended";
    let child = sh(line).stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    let input = vec![b'x'; 300_000];
    let first = child.communicate_timeout(input.clone(), SHORT);
    assert!(matches!(first, Err(CommunicateError::TimedOut(_))));
    eventually(|| match child.communicate_timeout([], SHORT / 10) {
        Err(CommunicateError::TimedOut(partial)) => {
            assert!(b"begun\n".starts_with(&partial.stdout[..partial.stdout.len().min(6)]));
            partial.stdout.len() == "begun\n".len() + input.len() && is_stopped(child.pid())
        }
        other => panic!("{other:?}"),
    });
    child.send_signal(Signal::CONT).unwrap();
    let Err(CommunicateError::Begun(again)) = child.communicate(b"more") else { panic!() };
    assert_eq!(again, b"more");
    let output = child.communicate([]).unwrap();
    assert_eq!(output.stdout.len(), input.len() + "begun\nended\n".len());
    assert!(output.stdout.ends_with(b"xended\n") && !output.left_open);
    assert!(matches!(child.communicate([]), Err(CommunicateError::Done)));
}

#[test]
fn sp037_pipes_of_ones_own() {
    let _watch = watchdog();
    let child = sh("cat; echo err >&2")
        .stdin(Stdio::Pipe)
        .stdout(Stdio::Pipe)
        .stderr(Stdio::Pipe)
        .spawn()
        .unwrap();
    File::from(child.take_stdin().unwrap()).write_all(b"mine").unwrap();
    assert!(child.take_stdin().is_none());
    let output = child.communicate([]).unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"mine"[..], &b"err\n"[..]));
}

#[test]
fn sp043_a_dropped_child_leaves_nothing() {
    let _watch = watchdog();
    let mut pids = Vec::new();
    for n in 0..20 {
        let child = sh(if n % 2 == 0 { "exec sleep 0.2" } else { "exit 3" }).spawn().unwrap();
        pids.push(child.pid());
    }
    let deadline = after(LONG);
    // A zombie still has an entry.
    while pids.iter().any(|pid| fs::exists(format!("/proc/{pid}")).unwrap()) {
        assert!(!deadline.has_passed::<inkle::platform::Private>(), "zombies");
        threading::Event::new().wait_timeout(Duration::from_millis(10)).unwrap_err();
    }
}

#[test]
fn sp048_command_lines() {
    for (args, line) in [
        (&["ab", "c", "d"][..], "ab c d"),
        (&["a b c", "d", "e"], r#""a b c" d e"#),
        (&["ab\"c", "\\", "d"], r#"ab\"c \ d"#),
        (&["a\\\\\\b", "de fg", "h"], r#"a\\\b "de fg" h"#),
        (&["a\\\"b", "c", "d"], r#"a\\\"b c d"#),
        (&["a\\\\b c", "d", "e"], r#""a\\b c" d e"#),
        (&["ab", ""], r#"ab """#),
    ] {
        assert_eq!(list2cmdline(args), line);
    }
}

#[test]
fn sp053_a_stop_asks_first() {
    let _watch = watchdog();
    let polite = sh("exec sleep 60").spawn().unwrap();
    assert_eq!(polite.stop(LONG).unwrap().signal(), Some(Signal::TERM));
    let stubborn = sh("trap '' TERM; echo; exec sleep 60").stdout(Stdio::Pipe).spawn().unwrap();
    // It says so when it is.
    let mut line = [0];
    let mut pipe = File::from(stubborn.take_stdout().unwrap());
    while pipe.read(&mut line).is_err() {
        threading::Event::new().wait_timeout(Duration::from_millis(1)).unwrap_err();
    }
    assert_eq!(stubborn.stop(SHORT).unwrap().signal(), Some(Signal::KILL));
}

#[test]
fn sp054_children_that_go_with_their_parent() {
    let _watch = watchdog();
    let child = sh("exec sleep 60").die_with_parent(Signal::KILL).spawn().unwrap();
    // Not with the thread that has asked for it.
    let other = threading::spawn(|| {
        let command = Command::new("sleep").arg("60").die_with_parent(Signal::KILL);
        command.spawn().unwrap()
    });
    let other = other.unwrap().join().unwrap();
    assert!(other.wait_timeout(SHORT).is_err() && child.poll().is_none());
    for child in [child, other] {
        child.kill().unwrap();
        child.wait();
    }
}

#[test]
fn sp054_limits() {
    let done = sh("ulimit -n; ulimit -f").limit(libc::RLIMIT_NOFILE, 33, 44).capture_output();
    assert!(done.run().unwrap().output.stdout.starts_with(b"33\n"));
    let error = sh("true").limit(9999, 1, 1).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::Refused { what: "its limits", .. }));
}

#[test]
fn th077_a_token_ends_the_waits() {
    let _watch = watchdog();
    // More than a pipe holds: when it stops, somebody is reading.
    let line = "head -c 200000 /dev/zero; kill -STOP $$";
    let child = sh(line).stdout(Stdio::Pipe).spawn().unwrap();
    threading::scope(|scope| {
        let token = scope.token();
        let waiting = scope.spawn(|| child.wait_unless(token)).unwrap();
        let talking = scope.spawn(|| child.communicate_unless([], token)).unwrap();
        eventually(|| is_stopped(child.pid()));
        token.cancel(Reason::REQUESTED);
        let waited = waiting.join().unwrap();
        assert!(matches!(waited, Err(WaitError::Cancelled(Reason::REQUESTED))));
        let talked = talking.join().unwrap();
        let Err(CommunicateError::Cancelled(output, Reason::REQUESTED)) = talked else { panic!() };
        assert_eq!(output.stdout.len(), 200_000);
    })
    .unwrap();
    // A token that cancels itself.
    let token = CancelToken::new();
    let soon = token.child_timeout(SHORT);
    assert!(matches!(child.wait_unless(&soon), Err(WaitError::Cancelled(Reason::DEADLINE))));
    child.kill().unwrap();
    assert_eq!(child.wait_unless(&token).unwrap().signal(), Some(Signal::KILL));
}

#[test]
fn two_hundred_at_once() {
    let _watch = watchdog();
    let children: Vec<_> = (0..200)
        .map(|n| {
            let command =
                sh("read line; echo got $line; exit $1").arg("sh").arg((n % 100).to_string());
            command.stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap()
        })
        .collect();
    for (n, child) in children.iter().enumerate() {
        let output = child.communicate(format!("{n}\n")).unwrap();
        assert_eq!(output.stdout, format!("got {n}\n").as_bytes());
        assert_eq!(child.wait().code(), Some(n as i32 % 100));
    }
}

#[test]
fn a_timer_may_end_what_another_thread_waits_for() {
    let _watch = watchdog();
    let child = std::sync::Arc::new(sh("exec sleep 60").spawn().unwrap());
    let other = child.clone();
    let timer = Timer::start(SHORT, move || other.kill().is_ok()).unwrap();
    assert_eq!(child.wait().signal(), Some(Signal::KILL));
    assert!(timer.join().unwrap());
}
