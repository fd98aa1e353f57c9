//! The outside yardstick: Python's `ThreadPoolExecutor`.

use crate::harness::Contender;
use crate::rows::python;

/// Reads numbers of operations, does so many, and prints the nanoseconds that it took. Argument: what to
/// do.
const SCRIPT: &str = r#"
import concurrent.futures, sys, time
executor = concurrent.futures.ThreadPoolExecutor(2)
def nothing():
    pass
def trip(count):
    for _ in range(count):
        executor.submit(nothing).result()
def fan(count):
    for future in [executor.submit(nothing) for _ in range(count)]:
        future.result()
fire = fan
def small(number):
    return number * 0x9e3779b97f4a7c15 >> 7
def map(count):
    for _ in executor.map(small, range(count)):
        pass
work = globals()[sys.argv[1]]
for line in sys.stdin:
    start = time.perf_counter_ns()
    work(int(line))
    print(time.perf_counter_ns() - start, flush=True)
"#;

/// `None` where there is no `python3`.
pub(super) fn contender(kind: &'static str) -> Option<Contender> {
    python::contender("Python's executor", SCRIPT, [kind.to_owned()])
}
