//! What the report says about the machine and the peers: enough to judge the figures, nothing that
//! names a place.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

/// The packages whose versions the report names.
const PEERS: [&str; 19] = [
    "async-channel",
    "async-io",
    "concurrent-queue",
    "cordyceps",
    "crossbeam-channel",
    "crossbeam-queue",
    "duct",
    "flume",
    "heapless",
    "hierarchical_hash_wheel_timer",
    "ipc-channel",
    "kanal",
    "parking_lot",
    "procspawn",
    "ringbuf",
    "rtrb",
    "subprocess",
    "thingbuf",
    "tokio",
];

/// Processors, their family, kernel and compiler, in one line.
pub(crate) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let family = read("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    // Two numbers: what comes behind them names a distribution or a provider.
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split(['.', '-']).take(2).collect::<Vec<_>>().join(".");
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let rustc = rustc.unwrap_or_default();
    let rustc = rustc.split_whitespace().nth(1).unwrap_or("of unknown version").to_owned();
    let system = std::env::consts::OS;
    format!("{cores} cores of an {family}, {system} {kernel}, rustc {rustc}, release profile")
}

/// How many threads of other programs wanted to run in the last minute, as far as the system says.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}

/// The value of the first line `key : value`.
fn read(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Names and versions of the peers, from the workspace's lock file.
pub(crate) fn peers() -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let version = |peer: &str| {
        let entry = lock.rsplit_once(&format!("name = \"{peer}\"\nversion = \""))?.1;
        Some(entry.split_once('"')?.0)
    };
    let named = PEERS.map(|peer| format!("{peer} {}", version(peer).unwrap_or("?")));
    named.join(", ")
}
