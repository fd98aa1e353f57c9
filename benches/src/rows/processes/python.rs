//! The outside yardstick: Python's `multiprocessing` and `ProcessPoolExecutor`.

use crate::harness::Contender;
use crate::rows::python;

/// Reads numbers of operations, does so many, and prints the nanoseconds that it took. Arguments: what to do,
/// and with what.
///
/// What it starts follows it, by Linux's death signal: it is ended by a signal itself.
const SCRIPT: &str = r#"
import collections, concurrent.futures, ctypes, multiprocessing, sys, time
kind, which = sys.argv[1:3]
now = time.perf_counter_ns
fork = multiprocessing.get_context("fork")
def follow():
    ctypes.CDLL(None).prctl(1, 9)

if which == "executor":
    pool = concurrent.futures.ProcessPoolExecutor(2, fork, follow)
    submit = pool.submit
    redeem = concurrent.futures.Future.result
    every = lambda count: pool.map(abs, range(count), chunksize=1024)
elif which == "pool":
    pool = fork.Pool(2, follow)
    submit = lambda function, argument: pool.apply_async(function, (argument,))
    redeem = multiprocessing.pool.AsyncResult.get
    every = lambda count: pool.imap(abs, range(count), 1024)

def start(count):
    context = multiprocessing.get_context(which)
    for _ in range(count):
        process = context.Process(target=int)
        process.start()
        process.join()
def trip(count):
    for number in range(count):
        redeem(submit(abs, number))
def late(count):
    total = 0
    for number in range(count):
        time.sleep(0.002)
        begin = now()
        redeem(submit(abs, number))
        total += now() - begin
    return total
def flight(count):
    tickets = collections.deque()
    for number in range(count):
        if len(tickets) == 100:
            redeem(tickets.popleft())
        tickets.append(submit(abs, number))
    for ticket in tickets:
        redeem(ticket)
def map(count):
    assert sum(every(count)) == count * (count - 1) // 2
block = b"x" * (8 << 20)
def large(count):
    for _ in range(count):
        redeem(submit(len, block))

def echo(there, back):
    follow()
    while True:
        back.put(there.get())
if kind == "message":
    there, back = [getattr(fork, which)() for _ in range(2)]
    fork.Process(target=echo, args=(there, back), daemon=True).start()
def message(count):
    for number in range(count):
        there.put(number)
        back.get()

work = globals()[kind]
if kind != "start":
    work(4)
for line in sys.stdin:
    begin = now()
    total = work(int(line))
    print(total or now() - begin, flush=True)
"#;

/// `None` where there is no `python3`.
pub(super) fn contender(name: &'static str, arguments: [&'static str; 2]) -> Option<Contender> {
    python::contender(name, SCRIPT, arguments.map(str::to_owned))
}
