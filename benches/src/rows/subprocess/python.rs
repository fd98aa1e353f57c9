//! The outside yardstick: Python's `subprocess`, run by the local interpreter.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::Contender;
use crate::rows::{peer, python};

/// Does so many operations, and prints the nanoseconds that they took. Arguments: what to do, how often.
const SCRIPT: &str = r#"
import subprocess, sys, time
kind, count = sys.argv[1], int(sys.argv[2])
PIPE, size = subprocess.PIPE, count << 20
total = 0
if kind == "start large":
    memory = bytearray(b"x") * (1 << 30)
data = b"x" * size if kind == "both ways" else b""
start = time.perf_counter_ns()
if kind.startswith("start"):
    for _ in range(count):
        assert subprocess.call(["true"]) == 0
elif kind == "output":
    for _ in range(count):
        assert subprocess.run(["echo", "woven"], capture_output=True).stdout == b"woven\n"
elif kind == "one way":
    assert len(subprocess.check_output(["head", "-c", str(size), "/dev/zero"])) == size
elif kind == "both ways":
    assert len(subprocess.run(["cat"], input=data, stdout=PIPE).stdout) == size
else:
    for _ in range(count):
        child = subprocess.Popen(["sleep", "60"])
        time.sleep(0.001)
        begin = time.perf_counter_ns()
        child.kill()
        child.wait(60)
        total += time.perf_counter_ns() - begin
print(total or time.perf_counter_ns() - start)
"#;

fn run(kind: &str, count: u64) -> Option<Duration> {
    let output = Command::new("python3")
        .args(["-c", SCRIPT, kind, &count.to_string()])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok().map(Duration::from_nanos)
}

/// `None` where there is no `python3`.
pub(super) fn contender(kind: &'static str) -> Option<Contender> {
    python::exists().then(|| {
        peer("Python's subprocess", move |count| run(kind, count).expect("python3 has run before"))
    })
}
