//! An outside yardstick: the modules that ours are modelled on, run by the local interpreter. Their
//! rows are left out, and the run says so, where there is no `python3`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use inkle::queue::{PriorityQueue, Queue, SimpleQueue};

use super::{ours, peer};
use crate::harness::{Bar, Contender, Row, Run};
use crate::pipe::{Get, Pipe, Put, flow, pairs};

/// Puts and gets through a queue of Python's and prints the nanoseconds that it took. Arguments: the
/// class, the shape, the number of items.
const SCRIPT: &str = r#"
import queue, sys, threading, time
kind, shape, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
q = getattr(queue, kind)()
def produce():
    for number in range(count):
        q.put(number)
def consume():
    for _ in range(count):
        q.get()
if shape == "alone":
    start = time.perf_counter_ns()
    for number in range(count):
        q.put(number)
        q.get()
else:
    threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
    start = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(time.perf_counter_ns() - start)
"#;

fn python(kind: &str, shape: &str, count: u64) -> Option<Duration> {
    let output = Command::new("python3")
        .args(["-c", SCRIPT, kind, shape, &count.to_string()])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok().map(Duration::from_nanos)
}

pub(super) fn exists() -> bool {
    static EXISTS: OnceLock<bool> = OnceLock::new();
    *EXISTS.get_or_init(|| python("Queue", "alone", 1).is_some())
}

/// An interpreter that waits for work.
struct Interpreter {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Interpreter {
    fn new(script: &str, arguments: &[String]) -> Option<Self> {
        let mut child = Command::new("python3")
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let ask = child.stdin.take()?;
        let answer = BufReader::new(child.stdout.take()?);
        Some(Self { child, ask, answer })
    }

    fn run(&mut self, count: u64) -> Option<Duration> {
        writeln!(self.ask, "{count}").ok()?;
        let mut line = String::new();
        self.answer.read_line(&mut line).ok()?;
        line.trim().parse().ok().map(Duration::from_nanos)
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // It may be in the middle of its work. If it has ended by itself, so be it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// So much less it does than is asked, for the time of one in its stead: with a million timers a cancel
/// takes it most of a second. What is asked is a multiple of that.
pub(super) const LESS: u32 = 8;

/// An interpreter that is started once, reads numbers of operations from `script`'s standard input and
/// prints how many nanoseconds they took. `None` where there is no `python3`.
pub(super) fn contender<const N: usize>(
    name: &'static str,
    script: &'static str,
    arguments: [String; N],
) -> Option<Contender> {
    let mut made = None;
    exists().then(|| {
        peer(name, move |count| {
            made.get_or_insert_with(|| Interpreter::new(script, &arguments))
                .as_mut()
                .and_then(|interpreter| interpreter.run(count / u64::from(LESS)))
                .expect("python3 has run before")
                * LESS
        })
    })
}

/// A run of the interpreter. It was there a moment ago.
macro_rules! runs {
    ($kind:literal, $shape:literal) => {
        |count| python($kind, $shape, count).expect("python3 has run before")
    };
}

/// Names the pipes of one of our queues.
macro_rules! pipe {
    ($name:ident, $queue:ident, $new:expr, |$q:ident, $item:ident| $put:expr; $get:expr) => {
        struct $name($queue<u64>);

        impl Put<u64> for $name {
            #[inline(always)]
            fn put(&mut self, $item: u64) {
                let $q = &self.0;
                $put
            }
        }

        impl Get<u64> for $name {
            #[inline(always)]
            fn get(&mut self) -> u64 {
                let $q = &self.0;
                $get
            }
        }

        impl Pipe<u64> for $name {
            type Put = Self;
            type Get = Self;

            fn open(_: usize, _: usize) -> (Vec<Self>, Vec<Self>) {
                let queue = $new;
                (vec![Self(queue.clone())], vec![Self(queue)])
            }
        }
    };
}

pipe!(
    Fifo, Queue, Queue::unbounded(),
    |q, item| assert!(q.put(item).is_ok());
    q.get().unwrap_or_else(|_| unreachable!("nobody shuts it down"))
);
pipe!(
    Ordered, PriorityQueue, PriorityQueue::unbounded(),
    |q, item| assert!(q.put(item).is_ok());
    q.get().unwrap_or_else(|_| unreachable!("nobody shuts it down"))
);
pipe!(Simple, SimpleQueue, SimpleQueue::new(), |q, item| q.put(item); q.get());

pub(crate) fn rows() -> Vec<Row> {
    if !exists() {
        println!("there is no python3 here: its rows are left out");
        return Vec::new();
    }
    let row = |shape, name, ours_run: Run, peer_name, peer_run: Run| Row {
        group: "Python's queue module",
        shape,
        contenders: vec![ours(name, Some(Bar::AS_FAST), ours_run), peer(peer_name, peer_run)],
    };
    vec![
        row("Queue, 1 thread", "Queue", pairs::<u64, Fifo>, "queue.Queue", runs!("Queue", "alone")),
        row("Queue, 1p1c", "Queue", flow::<u64, Fifo, 1>, "queue.Queue", runs!("Queue", "between")),
        row(
            "SimpleQueue, 1 thread",
            "SimpleQueue",
            pairs::<u64, Simple>,
            "queue.SimpleQueue",
            runs!("SimpleQueue", "alone"),
        ),
        row(
            "SimpleQueue, 1p1c",
            "SimpleQueue",
            flow::<u64, Simple, 1>,
            "queue.SimpleQueue",
            runs!("SimpleQueue", "between"),
        ),
        row(
            "PriorityQueue, 1 thread",
            "PriorityQueue",
            pairs::<u64, Ordered>,
            "queue.PriorityQueue",
            runs!("PriorityQueue", "alone"),
        ),
    ]
}
