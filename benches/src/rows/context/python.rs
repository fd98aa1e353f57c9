//! The outside yardstick: the module that ours is modelled on, run by the local interpreter.

use crate::harness::Contender;
use crate::rows::python;

/// Arguments: what to do, and how many variables are set.
const SCRIPT: &str = r#"
import contextvars, sys, time
kind, size = sys.argv[1], int(sys.argv[2])
variables = [contextvars.ContextVar("variable") for _ in range(size)]
for variable in variables:
    variable.set(7)
last = variables[-1]
context = contextvars.copy_context()
def get(count):
    get = last.get
    for _ in range(count):
        get()
def set(count):
    set, reset = last.set, last.reset
    for turn in range(count):
        reset(set(turn))
def copy(count):
    copy = contextvars.copy_context
    for _ in range(count):
        copy()
def nothing():
    pass
def run(count):
    run = context.run
    for _ in range(count):
        run(nothing)
work = globals()[kind]
for line in sys.stdin:
    start = time.perf_counter_ns()
    work(int(line))
    print(time.perf_counter_ns() - start, flush=True)
"#;

/// `None` where there is no `python3`.
pub(super) fn contender(kind: &'static str, size: usize) -> Option<Contender> {
    python::contender("Python's contextvars", SCRIPT, [kind.to_owned(), size.to_string()])
}
