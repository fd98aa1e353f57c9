//! `inkle::subprocess::Pipeline` against real programs. (SP053)
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use inkle::subprocess::{Command, CommunicateError, PipelineError, Signal, StartCause, Stdio};
use inkle_tests::{PATIENCE, eventually, watchdog};

const SHORT: Duration = Duration::from_millis(200);

fn sh(line: &str) -> Command {
    Command::shell(line)
}

#[test]
fn each_stage_has_its_status_and_its_errors() {
    let _watch = watchdog();
    let pipeline = sh("cat; echo one >&2; exit 1")
        .pipe(sh("tr a-z A-Z; echo two >&2; exit 2"))
        .pipe(sh("rev; echo three >&2"))
        .capture_output();
    assert!(pipeline.to_string().contains(" | /bin/sh -c 'tr a-z A-Z;"), "{pipeline}");
    let done = pipeline.clone().input("warp\n").run().unwrap();
    let codes: Vec<_> = done.iter().map(|stage| stage.status.code()).collect();
    assert_eq!(codes, [Some(1), Some(2), Some(0)]);
    let errors: Vec<_> = done.iter().map(|stage| stage.output.stderr_lossy()).collect();
    assert_eq!(errors, ["one\n", "two\n", "three\n"]);
    let outputs: Vec<_> = done.iter().map(|stage| stage.output.stdout_lossy()).collect();
    assert_eq!(outputs, ["", "", "PRAW\n"]);
    let failed = pipeline.check(true).run().unwrap_err();
    assert!(failed.to_string().ends_with("failed: exit code 2"), "{failed}");
    let PipelineError::Failed { stage: 1, done } = failed else { panic!("{failed}") };
    assert_eq!(done.len(), 3);
}

#[test]
fn who_has_no_reader_gets_sigpipe() {
    let _watch = watchdog();
    let done = Command::new("yes")
        .pipe(Command::new("cat"))
        .pipe(Command::new("head").args(["-n", "2"]))
        .capture_output()
        .check(true)
        .run()
        .unwrap();
    let signals: Vec<_> = done.iter().map(|stage| stage.status.signal()).collect();
    assert_eq!(signals, [Some(Signal::PIPE), Some(Signal::PIPE), None]);
    assert_eq!(done[2].output.stdout, b"y\ny\n");
    // The last one's is a failure.
    let last = sh("exit 0").pipe(sh("kill -PIPE $$")).check(true).run().unwrap_err();
    assert!(matches!(last, PipelineError::Failed { stage: 1, .. }));
}

#[test]
fn much_goes_through() {
    let _watch = watchdog();
    let input: Vec<u8> = (0..20_000_000u32).map(|n| (n / 7) as u8).collect();
    let first = sh("cat; head -c 300000 /dev/zero >&2");
    let done = first.pipe(sh("cat; head -c 300000 /dev/zero >&2")).capture_output();
    let done = done.input(input.clone()).run().unwrap();
    assert!(done[1].output.stdout == input);
    assert!(done.iter().all(|stage| stage.output.stderr.len() == 300_000));
}

#[test]
fn errors_may_go_into_the_pipe_too() {
    let _watch = watchdog();
    let first = sh("echo out; echo err >&2").stderr(Stdio::Stdout);
    let done = first.pipe(Command::new("sort")).capture_output().run().unwrap();
    assert_eq!(done[1].output.stdout, b"err\nout\n");
}

/// The processes of this one's whose first argument has this in it.
fn running(marker: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(marker)).count()
}

#[test]
fn nothing_is_left_if_a_later_stage_does_not_start() {
    let _watch = watchdog();
    // These tests may run twice at once.
    let marker = &format!("600.{}", std::process::id());
    let sleep = || Command::new("sleep").arg(marker);
    let error = sleep().pipe(sleep()).pipe(Command::new("no-such-program")).spawn().unwrap_err();
    assert!(matches!(error.cause(), StartCause::NotFound));
    assert_eq!(error.program(), "no-such-program");
    // They are not only killed, but waited for.
    assert_eq!(running(marker), 0);
    for conflicting in [
        sleep().stdout(Stdio::Null).pipe(sleep()).spawn(),
        sleep().pipe(sleep().stdin(Stdio::Null)).spawn(),
        sleep().stdin(Stdio::Null).pipe(sleep()).input("x").spawn(),
    ] {
        let error = conflicting.unwrap_err();
        assert!(matches!(error.cause(), StartCause::Conflict(_)), "{error}");
    }
    assert_eq!(running(marker), 0);
}

#[test]
fn a_timeout_ends_all_and_keeps_what_was_read() {
    let _watch = watchdog();
    let slow = sh("echo begun; echo err >&2; exec sleep 600");
    let slow = slow.pipe(Command::new("cat")).capture_output();
    // However long it takes until both have come through: what counts is that they are kept.
    let mut timeout = SHORT;
    loop {
        let late = slow.clone().timeout(timeout).run().unwrap_err();
        let PipelineError::TimedOut(done) = late else { panic!("{late}") };
        assert_eq!(done[0].status.signal(), Some(Signal::KILL));
        let read = (&done[0].output.stderr[..], &done[1].output.stdout[..]);
        if read == (b"err\n", b"begun\n") {
            break;
        }
        assert!(timeout < PATIENCE, "{read:?} after {timeout:?}");
        timeout *= 2;
    }
}

#[test]
fn it_can_be_waited_for_talked_to_and_killed() {
    let _watch = watchdog();
    let line = "read line; echo got $line; read line; exit 4";
    let stages = sh(line).stdin(Stdio::Pipe).pipe(Command::new("cat")).capture_output();
    let stages = stages.spawn().unwrap();
    assert!(stages.poll().is_none() && stages.wait_timeout(SHORT / 10).is_err());
    assert!(stages.children()[0].take_stdin().is_none());
    // All of them stopped, so that the time passes before anything happens.
    for child in stages.children() {
        child.send_signal(Signal::STOP).unwrap();
    }
    let late = stages.communicate_timeout("weft\n", SHORT / 10);
    assert!(matches!(late, Err(CommunicateError::TimedOut(_))));
    for child in stages.children() {
        child.send_signal(Signal::CONT).unwrap();
    }
    let outputs = stages.communicate([]).unwrap();
    assert_eq!(outputs[1].stdout, b"got weft\n");
    let codes: Vec<_> = stages.wait().iter().map(|status| status.code()).collect();
    assert_eq!(codes, [Some(4), Some(0)]);
    assert!(stages.poll().is_some() && stages.kill().is_ok());

    let stages = Command::new("sleep").arg("60").pipe(sh("exec sleep 60")).spawn().unwrap();
    stages.kill().unwrap();
    let ended = stages.wait_timeout(PATIENCE).unwrap();
    assert!(ended.iter().all(|status| status.signal() == Some(Signal::KILL)));
}

#[test]
fn dropped_it_runs_on_and_leaves_nothing() {
    let _watch = watchdog();
    let marker = &format!("0.4{:07}", std::process::id());
    drop(Command::new("sleep").arg(marker).pipe(Command::new("sleep").arg(marker)).spawn());
    // A zombie has no arguments any more, so this is not about those: `sp043` is.
    eventually(|| running(marker) == 0);
}
