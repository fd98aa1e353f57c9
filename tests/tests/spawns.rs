//! `inkle::subprocess` in odd circumstances: `src/bin/spawns.rs` has the parents, each in a process of its
//! own. What needs none is at the end.
#![cfg(target_os = "linux")]

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::process::{Command as Plain, Output};
use std::task::Poll;
use std::time::Duration;

use inkle::platform::{Deadline, after};
use inkle::subprocess::{CheckError, Command, CommunicateError, Signal, Sink, Stdio};
use inkle_tests::{SCALE, block_on, eventually, is_stopped, kill_all, poll_once, watchdog};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

#[track_caller]
fn checks_out(scenario: &str, argument: u32) {
    let _watch = watchdog();
    let program = env!("CARGO_BIN_EXE_spawns");
    let Output { status, stderr, .. } =
        Plain::new(program).args([scenario, &argument.to_string()]).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{scenario} {argument}: {status} {stderr}");
}

#[test]
fn sp040_sigchld_is_ignored() {
    checks_out("sigchld ignored", 0);
}

#[test]
fn sp040_no_zombies_are_wanted() {
    checks_out("no zombies", 0);
}

#[test]
fn sp040_somebody_waits_for_all_children() {
    checks_out("foreign wait", 0);
}

#[test]
fn sp015_standard_streams_that_are_closed() {
    for which in 0..8 {
        checks_out("closed", which);
    }
}

#[test]
fn sp029_no_descriptors_left() {
    checks_out("exhausted", 0);
}

/// Ten thousand of them with optimisation.
#[test]
fn sp027_sp029_nothing_is_left_of_many() {
    checks_out("many", 1250 * SCALE);
}

#[test]
fn sp045_a_stop_is_no_end() {
    let _watch = watchdog();
    let child = Command::shell("read line; echo got $line; exit 3")
        .stdin(Stdio::Pipe)
        .stdout(Stdio::Pipe)
        .spawn()
        .unwrap();
    child.send_signal(Signal::STOP).unwrap();
    eventually(|| is_stopped(child.pid()));
    assert!(child.poll().is_none() && child.wait_timeout(Duration::from_millis(20)).is_err());
    let stopped = child.communicate_timeout(b"warp\n", Duration::from_millis(20));
    assert!(matches!(stopped, Err(CommunicateError::TimedOut(_))));
    child.send_signal(Signal::CONT).unwrap();
    assert_eq!(child.communicate([]).unwrap().stdout, b"got warp\n");
    assert_eq!(child.wait().code(), Some(3));
    // One that is stopped can be ended; a request to end waits until it goes on.
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    child.send_signal(Signal::STOP).unwrap();
    eventually(|| is_stopped(child.pid()));
    assert_eq!(child.stop(Duration::from_millis(20)).unwrap().signal(), Some(Signal::KILL));
}

#[test]
fn sp004_sp051_a_session_of_its_own_holds_the_pipe() {
    let _watch = watchdog();
    let line = "setsid sh -c 'echo $$; exec sleep 3600' & wait";
    for end in ["", "; exit 3"] {
        let command = Command::shell(format!("{line}{end}")).capture_output();
        let mut timeout = SHORT;
        // Until that was enough for it to say its number.
        loop {
            let result = command.clone().timeout(timeout).run();
            let CheckError::TimedOut(expired) = result.unwrap_err() else { panic!() };
            kill_all(&expired.output.stdout);
            if !expired.output.stdout.is_empty() {
                break;
            }
            timeout *= 2;
        }
    }
    // It has ended and the other has not.
    let child = Command::shell("setsid sh -c 'echo $$; exec sleep 3600' & read line; exit 4")
        .stdin(Stdio::Pipe)
        .stdout(Stdio::Pipe)
        .spawn()
        .unwrap();
    let stdin = child.take_stdin();
    eventually(|| match child.communicate_until([], Deadline::PASSED) {
        Err(CommunicateError::TimedOut(partial)) => partial.stdout.ends_with(b"\n"),
        other => panic!("it has ended: {other:?}"),
    });
    drop(stdin);
    assert_eq!(child.wait().code(), Some(4));
    let output = child.communicate_timeout([], SHORT).unwrap();
    assert!(output.left_open);
    kill_all(&output.stdout);
}

#[test]
fn sp003_a_program_that_never_pauses_has_a_deadline_too() {
    let _watch = watchdog();
    // One that could not be noticed in between would fill the memory, which is limited.
    let command = Command::new("yes").stdout(Stdio::Pipe);
    let mut timeout = SHORT;
    // Until that was enough for it to begin.
    loop {
        let result = command.clone().timeout(timeout).run();
        let CheckError::TimedOut(expired) = result.unwrap_err() else { panic!() };
        if !expired.output.stdout.is_empty() {
            return assert!(expired.output.stdout.starts_with(b"y\n"));
        }
        timeout *= 2;
    }
}

#[test]
fn sp052_lines_come_as_they_are_written() {
    let _watch = watchdog();
    // It goes on only after its first line was seen, and ends only when it is told to.
    let line = "printf 'wa'; sleep 0.05; printf 'rp\\r\\n\\nweft\\n'; read line; echo no";
    let child = Command::shell(line).stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    let _stdin = child.take_stdin();
    let mut lines = Vec::new();
    let mut stdout = Sink::new().lines(|line| {
        lines.push(String::from_utf8(line.to_vec()).unwrap());
        if line == b"weft" {
            child.kill().unwrap();
        }
    });
    let output = child.communicate_to([], after(LONG), &mut stdout, &mut Sink::new()).unwrap();
    drop(stdout);
    assert_eq!(lines, ["warp", "", "weft"]);
    assert_eq!(output.stdout, b"warp\r\n\nweft\n");
    assert_eq!(child.wait().signal(), Some(Signal::KILL));
}

#[test]
fn sp034_what_is_written_just_before_the_end_is_not_lost_to_a_deadline() {
    let _watch = watchdog();
    let line = "echo warp; read line; echo weft";
    let child = Command::shell(line).stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    let mut stdin = child.take_stdin();
    // It writes more and ends while its first line is being looked at.
    let mut stdout = Sink::new().lines(|_| {
        drop(stdin.take());
        child.wait();
    });
    let output = loop {
        match child.communicate_to([], Deadline::PASSED, &mut stdout, &mut Sink::new()) {
            Err(CommunicateError::TimedOut(_)) => std::thread::sleep(SHORT / 100),
            ended => break ended.unwrap(),
        }
    };
    assert_eq!((&output.stdout[..], output.left_open), (&b"warp\nweft\n"[..], false));
}

#[test]
fn sp053_what_is_kept_has_a_limit() {
    let _watch = watchdog();
    let child = Command::shell("head -c 5000000 /dev/zero; printf err >&2; printf end");
    let child = child.capture_output().spawn().unwrap();
    let (mut all, mut rest, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut stdout = Sink::new().tee(&mut all).spill(1000, &mut rest);
    let mut stderr = Sink::new().limit(0).tee(&mut errors);
    let output = child.communicate_to([], after(LONG), &mut stdout, &mut stderr).unwrap();
    assert_eq!((stdout.total(), stderr.total()), (5_000_003, 3));
    drop((stdout, stderr));
    assert_eq!((output.stdout.len(), output.stderr.len(), &errors[..]), (1000, 0, &b"err"[..]));
    assert!(all.len() == 5_000_003 && all.ends_with(b"\0end"));
    assert_eq!([output.stdout, rest].concat().len(), all.len());
}

#[test]
fn sp052_a_writer_that_fails_ends_nothing() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let _watch = watchdog();
    let child = Command::new("echo").arg("warp").capture_output().spawn().unwrap();
    let failed =
        child.communicate_to([], after(LONG), &mut Sink::new().tee(Full), &mut Sink::new());
    let Err(CommunicateError::Io(error)) = failed else { panic!() };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(child.communicate([]).unwrap().stdout, b"warp\n");
}

#[test]
fn a_child_may_be_awaited() {
    let _watch = watchdog();
    let child = Command::shell("read line; exit 3").stdin(Stdio::Pipe).spawn().unwrap();
    let stdin = child.take_stdin().unwrap();
    assert!(poll_once((&child).into_future()).is_none());
    drop(stdin);
    assert_eq!(block_on((&child).into_future()).unwrap().code(), Some(3));
    // Two hundred at once, each waited for by a task of its own, in one thread.
    let children = [(); 200].map(|()| Command::shell("sleep 0.1; exit 5").spawn().unwrap());
    let mut waiting: Vec<_> = children.iter().map(|child| child.into_future()).collect();
    block_on(poll_fn(|cx| {
        waiting.retain_mut(|ended| match Pin::new(ended).poll(cx) {
            Poll::Ready(status) => {
                assert_eq!(status.unwrap().code(), Some(5));
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
}

#[test]
fn a_conversation_may_be_awaited() {
    let _watch = watchdog();
    let input: Vec<u8> = (0..5_000_000u32).map(|n| (n / 7) as u8).collect();
    let child = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    // One that is dropped loses nothing.
    assert!(poll_once(child.communicate_async(input.clone())).is_none());
    let again = block_on(child.communicate_async("more"));
    assert!(matches!(again, Err(CommunicateError::Begun(_))));
    let output = block_on(child.communicate_async([])).unwrap();
    assert!(output.stdout == input);
    assert!(matches!(block_on(child.communicate_async([])), Err(CommunicateError::Done)));
    // Nor does it keep a pipe open: this would wait for the end of its input.
    let child = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn().unwrap();
    child.send_signal(Signal::STOP).unwrap();
    let much = vec![b'x'; 200_000];
    assert!(poll_once(child.communicate_async(much)).is_none());
    child.send_signal(Signal::CONT).unwrap();
    assert_eq!(child.communicate([]).unwrap().stdout.len(), 200_000);
}
