//! Other programs: what it costs to start one and wait for it, from a small process and from one that uses
//! much memory; to read what it writes; to have much go through it; and to see that it has ended.

mod python;

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command as Std, Stdio as StdIo};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use inkle::subprocess::{Command, Stdio};
use subprocess::{Exec, Redirection};
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};

use super::{ours, peer};
use crate::harness::{Bar, Contender, Row};

const GROUP: &str = "subprocess";
/// Bytes of an operation where much goes through.
const BLOCK: usize = 1 << 20;
/// What a large process uses, in bytes.
const LARGE: usize = 1 << 30;
const LONG: Duration = Duration::from_secs(60);

/// The goal of the house.
const NEAR_STD: Bar = Bar { ratio: 1.05, against: Some("std Command") };

/// So often, one after the other.
fn times(count: u64, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        work();
    }
    start.elapsed()
}

fn tokio() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_current_thread().enable_all().build().expect("tokio makes a runtime")
    })
}

fn start_and_wait() -> Vec<Contender> {
    vec![
        ours("Command", Some(NEAR_STD), |count| {
            times(count, || assert!(Command::new("true").spawn().unwrap().wait().success()))
        }),
        peer("std Command", |count| {
            times(count, || assert!(Std::new("true").spawn().unwrap().wait().unwrap().success()))
        }),
        peer("duct", |count| times(count, || assert!(duct::cmd!("true").run().is_ok()))),
        peer("subprocess", |count| {
            times(count, || assert!(Exec::cmd("true").join().unwrap().success()))
        }),
        peer("tokio", |count| {
            tokio().block_on(async {
                let start = Instant::now();
                for _ in 0..count {
                    let status = tokio::process::Command::new("true").status().await;
                    assert!(status.unwrap().success());
                }
                start.elapsed()
            })
        }),
    ]
}

/// The same, while so much memory is in use.
fn in_a_large_process(contenders: Vec<Contender>) -> Vec<Contender> {
    let memory: Rc<std::cell::OnceCell<Vec<u8>>> = Rc::default();
    let large = |contender: Contender| {
        let memory = Rc::clone(&memory);
        let mut run = contender.run;
        let run = Box::new(move |count| {
            black_box(memory.get_or_init(|| vec![1; LARGE]));
            run(count)
        });
        Contender { name: contender.name, side: contender.side, run }
    };
    contenders.into_iter().map(large).collect()
}

fn short_output() -> Vec<Contender> {
    const SAID: &[u8] = b"woven\n";
    vec![
        ours("Command", Some(NEAR_STD), |count| {
            times(count, || {
                let done = Command::new("echo").arg("woven").capture_output().run().unwrap();
                assert_eq!(done.output.stdout, SAID);
            })
        }),
        peer("std Command", |count| {
            times(count, || {
                let output = Std::new("echo").arg("woven").stdin(StdIo::inherit()).output();
                assert_eq!(output.unwrap().stdout, SAID);
            })
        }),
        peer("duct", |count| {
            times(count, || {
                let run = duct::cmd!("echo", "woven").stdout_capture().stderr_capture().run();
                assert_eq!(run.unwrap().stdout, SAID);
            })
        }),
        peer("subprocess", |count| {
            times(count, || {
                let run = Exec::cmd("echo").arg("woven").stderr(Redirection::Pipe).capture();
                assert_eq!(run.unwrap().stdout, SAID);
            })
        }),
        peer("tokio", |count| {
            tokio().block_on(async {
                let start = Instant::now();
                for _ in 0..count {
                    let output = tokio::process::Command::new("echo").arg("woven").output().await;
                    assert_eq!(output.unwrap().stdout, SAID);
                }
                start.elapsed()
            })
        }),
    ]
}

/// What goes through, made before the clock runs, and whether all has come.
fn through(count: u64, work: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Duration {
    let len = count as usize * BLOCK;
    let input = vec![b'x'; len];
    let start = Instant::now();
    let output = work(input);
    let time = start.elapsed();
    assert_eq!(output.len(), len);
    time
}

fn both_ways() -> Vec<Contender> {
    vec![
        ours("communicate", Some(NEAR_STD), |count| {
            through(count, |input| {
                let cat = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe);
                cat.spawn().unwrap().communicate(input).unwrap().stdout
            })
        }),
        // With a thread that writes.
        peer("std Command", |count| {
            through(count, |input| {
                let mut cat = Std::new("cat");
                let mut child = cat.stdin(StdIo::piped()).stdout(StdIo::piped()).spawn().unwrap();
                let mut stdin = child.stdin.take().unwrap();
                let writer = std::thread::spawn(move || stdin.write_all(&input));
                let mut output = Vec::new();
                child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
                writer.join().unwrap().unwrap();
                child.wait().unwrap();
                output
            })
        }),
        peer("duct", |count| {
            through(count, |input| {
                duct::cmd!("cat").stdin_bytes(input).stdout_capture().run().unwrap().stdout.clone()
            })
        }),
        peer("subprocess", |count| {
            through(count, |input| Exec::cmd("cat").stdin(input).capture().unwrap().stdout)
        }),
        peer("tokio", |count| {
            through(count, |input| {
                tokio().block_on(async {
                    let mut cat = tokio::process::Command::new("cat");
                    cat.stdin(StdIo::piped()).stdout(StdIo::piped());
                    let mut child = cat.spawn().unwrap();
                    let mut stdin = child.stdin.take().unwrap();
                    let write = async {
                        stdin.write_all(&input).await.unwrap();
                        drop(stdin);
                    };
                    tokio::join!(write, child.wait_with_output()).1.unwrap().stdout
                })
            })
        }),
    ]
}

fn one_way() -> Vec<Contender> {
    let len = |count: u64| (count as usize * BLOCK).to_string();
    vec![
        ours("communicate", Some(NEAR_STD), move |count| {
            through(count, |_| {
                let head = Command::from_args(["head", "-c", &len(count), "/dev/zero"]);
                head.stdout(Stdio::Pipe).run().unwrap().output.stdout
            })
        }),
        peer("std Command", move |count| {
            through(count, |_| {
                let mut head = Std::new("head");
                head.args(["-c", &len(count), "/dev/zero"]).output().unwrap().stdout
            })
        }),
        peer("duct", move |count| {
            through(count, |_| {
                let head = duct::cmd("head", ["-c", &len(count), "/dev/zero"]);
                head.stdout_capture().run().unwrap().stdout
            })
        }),
        peer("subprocess", move |count| {
            through(count, |_| {
                let head = Exec::cmd("head").args(["-c", &len(count), "/dev/zero"]);
                head.capture().unwrap().stdout
            })
        }),
        peer("tokio", move |count| {
            through(count, |_| {
                let mut head = tokio::process::Command::new("head");
                head.args(["-c", &len(count), "/dev/zero"]);
                tokio().block_on(async { head.output().await }).unwrap().stdout
            })
        }),
    ]
}

/// From the signal that ends a program until a wait with a time limit has seen it.
fn ended<C>(count: u64, start: impl Fn() -> C, wait: impl Fn(&mut C)) -> Duration {
    let mut time = Duration::ZERO;
    for _ in 0..count {
        let mut child = start();
        // Until it sleeps, most likely.
        std::thread::sleep(Duration::from_millis(1));
        let begin = Instant::now();
        wait(&mut child);
        time += begin.elapsed();
    }
    time
}

fn seen() -> Vec<Contender> {
    vec![
        ours("wait_timeout", Some(NEAR_STD), |count| {
            let start = || Command::new("sleep").arg("60").spawn().unwrap();
            ended(count, start, |child| {
                child.kill().unwrap();
                child.wait_timeout(LONG).unwrap();
            })
        }),
        // It has no time limit.
        peer("std Command", |count| {
            let start = || Std::new("sleep").arg("60").spawn().unwrap();
            ended(count, start, |child| {
                child.kill().unwrap();
                child.wait().unwrap();
            })
        }),
        peer("duct", |count| {
            let start = || duct::cmd!("sleep", "60").unchecked().start().unwrap();
            // Its `kill` waits too.
            ended(count, start, |child| {
                child.kill().unwrap();
                child.wait_timeout(LONG).unwrap();
            })
        }),
        peer("subprocess", |count| {
            let start = || Exec::cmd("sleep").arg("60").start().unwrap();
            ended(count, start, |job| {
                job.kill().unwrap();
                job.wait_timeout(LONG).unwrap();
            })
        }),
        peer("tokio", |count| {
            // It wants its runtime to be entered also where it only starts.
            let _entered = tokio().enter();
            let start = || tokio::process::Command::new("sleep").arg("60").spawn().unwrap();
            ended(count, start, |child| {
                child.start_kill().unwrap();
                let wait = async { tokio::time::timeout(LONG, child.wait()).await };
                tokio().block_on(wait).unwrap().unwrap();
            })
        }),
    ]
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |shape, mut contenders: Vec<Contender>, kind| {
        contenders.extend(python::contender(kind));
        Row { group: GROUP, shape, contenders }
    };
    vec![
        row("start and wait", start_and_wait(), "start"),
        row("start and wait, 1 GiB in use", in_a_large_process(start_and_wait()), "start large"),
        row("a short output", short_output(), "output"),
        row("1 MiB from a program", one_way(), "one way"),
        row("1 MiB through a program", both_ways(), "both ways"),
        row("the end is seen", seen(), "seen"),
    ]
}
