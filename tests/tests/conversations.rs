//! `inkle::subprocess::Conversation`: with a program or with those of a pipeline, run or awaited, until a moment
//! or a token, with the output where it is wanted. (SP033, SP034, SP052, SP053, TH077)
#![cfg(target_os = "linux")]

use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use inkle::platform::Deadline;
use inkle::subprocess::{
    Child, Command, CommunicateError, Conversation, Output, Sink, Stages, Status, Stdio, WaitError,
};
use inkle::threading::{CancelToken, Reason};
use inkle_tests::{PATIENCE, SETTLE, block_on, eventually, poll_once, watchdog};

fn sh(line: &str) -> Command {
    Command::shell(line)
}

/// Says something, and does not end by itself.
fn slow() -> Child {
    sh("echo begun; exec sleep 600").capture_output().spawn().unwrap()
}

/// Both stages say what they are, and neither ends by itself.
fn slow_stages() -> Stages {
    let first = sh("echo one >&2; echo line; exec sleep 600");
    first.pipe(sh("echo two >&2; exec cat")).capture_output().spawn().unwrap()
}

/// Tries, with ever more time, until the program had the time to say so much.
fn in_time<O>(said: impl Fn(&O) -> bool, mut talk: impl FnMut(Duration) -> O) -> O {
    let mut time = Duration::from_millis(10);
    loop {
        let result = talk(time);
        if said(&result) {
            return result;
        }
        assert!(time < PATIENCE, "it never said so much");
        time *= 2;
    }
}

#[test]
fn sp034_an_awaited_one_has_a_deadline_and_loses_nothing() {
    let _watch = watchdog();
    let child = slow();
    let so_far = in_time(
        |output: &Output| output.stdout == b"begun\n",
        |time| match block_on(child.communicate_async([]).timeout(time)) {
            Err(CommunicateError::TimedOut(output)) => output,
            other => panic!("{other:?}"),
        },
    );
    assert!(so_far.left_open);
    // One that has passed polls.
    let late = poll_once(child.communicate_async([]).until(Deadline::PASSED));
    assert!(matches!(late, Some(Err(CommunicateError::TimedOut(_)))), "{late:?}");
    child.kill().unwrap();
    assert_eq!(block_on(child.communicate_async([])).unwrap().stdout, b"begun\n");
}

#[test]
fn sp004_who_holds_the_pipe_holds_no_deadline_of_an_awaited_one() {
    let _watch = watchdog();
    let line = "sleep 600 & echo $!";
    let child = sh(line).stdout(Stdio::Pipe).spawn().unwrap();
    child.wait();
    let output = block_on(child.communicate_async([]).timeout(SETTLE)).unwrap();
    assert!(output.left_open);
    let pid = output.stdout_lossy();
    assert!(sh("kill $0").arg(pid.trim()).run().unwrap().status.success());
}

#[test]
fn th077_a_token_ends_an_awaited_one() {
    let _watch = watchdog();
    let child = slow();
    let token = CancelToken::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SETTLE);
            token.cancel(Reason::REQUESTED);
        });
        let result = block_on(child.communicate_async([]).unless(&token));
        let Err(CommunicateError::Cancelled(_, Reason::REQUESTED)) = result else {
            panic!("{result:?}")
        };
    });
    // One that passes its own deadline.
    let token = CancelToken::until(inkle::platform::after(SETTLE));
    let result = block_on(child.communicate_async([]).unless(&token));
    assert!(matches!(result, Err(CommunicateError::Cancelled(_, Reason::DEADLINE))), "{result:?}");
    // One that goes on beyond the conversation's.
    let token = CancelToken::until(inkle::platform::after(PATIENCE));
    let result = block_on(child.communicate_async([]).unless(&token).timeout(SETTLE));
    assert!(matches!(result, Err(CommunicateError::TimedOut(_))), "{result:?}");
    let result = child.communicate_async([]).unless(&token).timeout(SETTLE).run();
    assert!(matches!(result, Err(CommunicateError::TimedOut(_))), "{result:?}");
    child.kill().unwrap();
    assert_eq!(block_on(child.communicate_async([])).unwrap().stdout, b"begun\n");
}

#[test]
fn sp052_an_awaited_one_gives_lines_as_they_come() {
    let _watch = watchdog();
    let lines = Mutex::new(Vec::new());
    let mut teed = Vec::new();
    let child = sh("echo warp; read go; echo weft; echo err >&2")
        .stdin(Stdio::Pipe)
        .capture_output()
        .spawn()
        .unwrap();
    let stdin = child.take_stdin().unwrap();
    let mut stdout = Sink::new().lines(|line| lines.lock().unwrap().push(line.to_vec())).limit(6);
    let mut stderr = Sink::new().tee(&mut teed);
    thread::scope(|scope| {
        scope.spawn(|| {
            // It writes the second only when the first has been seen.
            eventually(|| lines.lock().unwrap().len() == 1);
            std::fs::File::from(stdin).write_all(b"go\n").unwrap();
        });
        let talk = child.communicate_async([]).to(&mut stdout, &mut stderr);
        let output = block_on(talk).unwrap();
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"warp\nw"[..], &b"err\n"[..]));
    });
    assert_eq!(stdout.total(), 10);
    drop((stdout, stderr));
    assert_eq!(lines.into_inner().unwrap(), [b"warp", b"weft"]);
    assert_eq!(teed, b"err\n");
}

#[test]
fn sp053_what_is_kept_of_much_output_has_a_limit_and_the_rest_is_in_a_file() {
    let _watch = watchdog();
    let path = std::env::temp_dir().join(format!("inkle-spill-{}", std::process::id()));
    let file = std::fs::File::create(&path).unwrap();
    let child = sh("head -c 3000000 /dev/zero").stdout(Stdio::Pipe).spawn().unwrap();
    let mut stdout = Sink::new().spill(1000, file);
    let talk = child.communicate_async([]).to(&mut stdout, &mut Sink::new()).run();
    let spilt = std::fs::metadata(&path).map(|file| file.len());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(talk.unwrap().stdout.len(), 1000);
    assert_eq!((stdout.total(), spilt.unwrap()), (3_000_000, 2_999_000));
}

#[test]
fn sp053_a_pipeline_may_be_awaited() {
    let _watch = watchdog();
    let stages =
        sh("read line; exit 3").stdin(Stdio::Pipe).pipe(sh("cat; exit 4")).spawn().unwrap();
    assert!(poll_once((&stages).into_future()).is_none());
    // Closes the first one's input.
    stages.communicate([]).unwrap();
    let statuses = block_on((&stages).into_future()).unwrap();
    assert_eq!(statuses, [Status::Exited(3), Status::Exited(4)]);

    let input: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7) as u8).collect();
    let first = sh("cat; echo one >&2").stdin(Stdio::Pipe);
    let stages = first.pipe(sh("cat; echo two >&2")).capture_output().spawn().unwrap();
    assert!(poll_once(stages.communicate_async(input.clone())).is_none());
    let again = block_on(stages.communicate_async("more"));
    assert!(matches!(again, Err(CommunicateError::Begun(_))));
    let outputs = block_on(stages.communicate_async([])).unwrap();
    assert!(outputs[1].stdout == input);
    let errors: Vec<_> = outputs.iter().map(Output::stderr_lossy).collect();
    assert_eq!(errors, ["one\n", "two\n"]);
    assert!(matches!(block_on(stages.communicate_async([])), Err(CommunicateError::Done)));
}

#[test]
fn sp053_a_pipeline_s_outputs_go_where_they_are_sent() {
    let _watch = watchdog();
    let (mut first, mut lines) = (Vec::new(), 0);
    let stages = sh("printf 'a\\nb\\nc\\n'; echo one >&2").pipe(sh("cat; echo two >&2"));
    let stages = stages.capture_output().spawn().unwrap();
    let mut stdout = Sink::new().lines(|_| lines += 1).limit(2);
    // None for the second one's error: that is kept.
    let mut errors = [Sink::new().tee(&mut first).limit(0)];
    let outputs = stages.communicate_async([]).to(&mut stdout, &mut errors).run().unwrap();
    drop((stdout, errors));
    assert_eq!((lines, &first[..]), (3, &b"one\n"[..]));
    assert_eq!((&outputs[1].stdout[..], &outputs[1].stderr[..]), (&b"a\n"[..], &b"two\n"[..]));
    assert_eq!(outputs[0].stderr, b"");
}

#[test]
fn th077_a_token_ends_the_waits_for_a_pipeline() {
    let _watch = watchdog();
    let stages = slow_stages();
    let token = CancelToken::new();
    let so_far = in_time(
        |outputs: &Vec<Output>| {
            outputs[1].stdout == b"line\n" && outputs.iter().all(|output| !output.stderr.is_empty())
        },
        |time| {
            let step = token.child_timeout(time);
            match stages.communicate_unless([], &step) {
                Err(CommunicateError::Cancelled(outputs, Reason::DEADLINE)) => outputs,
                other => panic!("{other:?}"),
            }
        },
    );
    assert_eq!(so_far[0].stderr, b"one\n");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SETTLE);
            token.cancel(Reason::SHUTDOWN);
        });
        let waited = stages.wait_unless(&token);
        assert!(matches!(waited, Err(WaitError::Cancelled(Reason::SHUTDOWN))), "{waited:?}");
    });
    let talk = block_on(stages.communicate_async([]).unless(&token));
    assert!(matches!(talk, Err(CommunicateError::Cancelled(_, Reason::SHUTDOWN))), "{talk:?}");
    stages.kill().unwrap();
    let outputs = stages.communicate([]).unwrap();
    assert_eq!((&outputs[1].stdout[..], &outputs[1].stderr[..]), (&b"line\n"[..], &b"two\n"[..]));
    // Those that have ended are no reason to ask the token.
    assert_eq!(stages.wait_unless(&token).unwrap().len(), 2);
}

#[test]
fn a_conversation_may_go_to_another_thread() {
    fn goes<T: Send>(_: &T) {}
    let child = Command::new("true").spawn().unwrap();
    let token = CancelToken::new();
    let (mut stdout, mut stderr) = (Sink::new().lines(|_| {}), Sink::new().tee(std::io::stdout()));
    let talk: Conversation<'_> = child.communicate_async([]).unless(&token);
    let talk = talk.to(&mut stdout, &mut stderr);
    goes(&talk);
    drop(talk);
    child.wait();
}
