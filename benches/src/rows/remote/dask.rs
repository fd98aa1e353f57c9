//! What Python has for the same: `dask.distributed`, a scheduler and two workers on this machine.

use std::process::{Command, Stdio};

use crate::harness::Contender;
use crate::rows::python;

/// Reads numbers of operations, does so many, and prints the nanoseconds that it took. Argument: what to do.
/// Its workers end when they miss it.
const SCRIPT: &str = r#"
import collections, logging, sys, time
from distributed import Client, LocalCluster
logging.disable(logging.CRITICAL)

def trip(client, count):
    for number in range(count):
        assert client.submit(abs, number, pure=False).result() == number
def flight(client, count):
    tickets = collections.deque()
    for number in range(count):
        if len(tickets) == 100:
            tickets.popleft().result()
        tickets.append(client.submit(abs, number, pure=False))
    for ticket in tickets:
        ticket.result()

if __name__ == "__main__":
    work = globals()[sys.argv[1]]
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    client = Client(cluster)
    work(client, 4)
    for line in sys.stdin:
        begin = time.perf_counter_ns()
        work(client, int(line))
        print(time.perf_counter_ns() - begin, flush=True)
"#;

pub(super) fn exists() -> bool {
    let mut python = Command::new("python3");
    let import = python.args(["-c", "import distributed"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success())
}

pub(super) fn contender(kind: &'static str) -> Option<Contender> {
    exists().then(|| python::contender("dask.distributed", SCRIPT, [kind.to_owned()])).flatten()
}
