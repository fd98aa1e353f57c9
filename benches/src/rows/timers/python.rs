//! The outside yardstick: Python's `sched`, run by the local interpreter on a clock that is a number.

use crate::harness::Contender;
use crate::rows::interpreter::Interpreter;
use crate::rows::{peer, python};

/// Reads numbers of operations, does so many, and prints the nanoseconds that it took. Arguments: what
/// to do, and how many timers are pending.
const SCRIPT: &str = r#"
import random, sched, sys, time
kind, pending = sys.argv[1], int(sys.argv[2])
now = fired = 0
s = sched.scheduler(lambda: now, lambda _: None)
def delay():
    return 60_000 + int(random.random() * 3_600_000)
def nothing():
    pass
def again():
    global fired
    fired += 1
    s.enterabs(now + delay(), 0, again)
action = again if kind == "fire" else nothing
events = [s.enterabs(delay(), 0, action) for _ in range(pending)]
def pair(count):
    for _ in range(count):
        s.cancel(s.enterabs(delay(), 0, action))
def replace(count):
    for _ in range(count):
        which = int(random.random() * pending)
        old, events[which] = events[which], s.enterabs(delay(), 0, action)
        s.cancel(old)
def fire(count):
    global fired, now
    fired = 0
    while fired < count:
        now += s.run(blocking=False)
def next(count):
    for _ in range(count):
        s.run(blocking=False)
work = globals()[kind]
for line in sys.stdin:
    start = time.perf_counter_ns()
    work(int(line))
    print(time.perf_counter_ns() - start, flush=True)
"#;

/// So much less it does than is asked, for the time of one in its stead: with a million timers a cancel
/// takes it most of a second. What is asked is a multiple of that.
const LESS: u32 = 8;

/// `None` where there is no `python3`.
pub(super) fn contender(kind: &'static str, pending: usize) -> Option<Contender> {
    let mut made = None;
    python::exists().then(|| {
        peer("Python's sched", move |count| {
            made.get_or_insert_with(|| Interpreter::new(SCRIPT, kind, pending))
                .as_mut()
                .and_then(|interpreter| interpreter.run(count / u64::from(LESS)))
                .expect("python3 has run before")
                * LESS
        })
    })
}
