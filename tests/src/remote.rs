//! Helpers of the tests of `remote`: functions for workers, workers in processes of their own.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::id;
use std::thread;
use std::time::Duration;

use inkle::concurrent::{Submit, with_token};
use inkle::multiprocessing::Process;
use inkle::remote::{RemoteExecutor, Settings, Worker};

use crate::nats::Server;
use crate::{PATIENCE, eventually};

/// The server, or the test is over.
#[macro_export]
macro_rules! server {
    () => {
        match $crate::nats::Server::start() {
            Some(server) => server,
            None => return,
        }
    };
}

/// Its square.
pub fn square(n: u64) -> u64 {
    n * n
}

/// A short task.
pub fn naps(n: u64) -> u64 {
    thread::sleep(Duration::from_micros(n % 7 * 300));
    n + 1
}

/// A task that takes its process with it.
pub fn dies() {
    // SAFETY: a signal to this process alone.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    loop {
        thread::park();
    }
}

/// The same, which leaves a line each time that it is called.
pub fn dies_counted(folder: String) {
    counts(folder, 0);
    dies();
}

/// Leaves a line each time that it is called.
pub fn counts(folder: String, n: u64) -> u64 {
    let path = format!("{folder}/counted");
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{n}\n").as_bytes()).unwrap();
    n
}

/// What [`counts`] has left.
pub fn counted(server: &Server) -> Vec<u64> {
    let text = fs::read_to_string(server.folder().join("counted")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Shows that it has begun by a file, and waits for another one.
pub fn waits(folder: String, name: String) -> u32 {
    let folder = Path::new(&folder);
    fs::write(folder.join(format!("{name}-{}", id())), "").unwrap();
    while !folder.join("go").exists() {
        if with_token(|token| token.is_some_and(|token| token.is_cancelled())) {
            return 0;
        }
        thread::sleep(Duration::from_millis(2));
    }
    id()
}

/// Nobody is thought lost because the machine is slow.
pub fn patient(server: &Server) -> Settings {
    Settings::new(server.url()).lease(PATIENCE)
}

/// Who is silent is lost soon.
pub fn hasty(server: &Server) -> Settings {
    Settings::new(server.url()).lease(Duration::from_secs(1))
}

fn work(url: String, lease: u64, slots: u32, durable: bool) {
    let settings = Settings::new(url).lease(Duration::from_millis(lease));
    Worker::builder(&settings).slots(slots).durable(durable).start().unwrap().wait();
}

/// A worker in a process of its own, as on another machine.
pub fn crew(server: &Server, lease: Duration, slots: u32) -> Process<()> {
    Process::spawn(work, (server.url(), lease.as_millis() as u64, slots, false)).unwrap()
}

/// As [`crew`], one that also does what the server keeps.
pub fn durable(server: &Server, lease: Duration, slots: u32) -> Process<()> {
    Process::spawn(work, (server.url(), lease.as_millis() as u64, slots, true)).unwrap()
}

/// The processes that have begun the task.
pub fn begun(server: &Server, name: &str) -> Vec<u32> {
    let names = fs::read_dir(server.folder()).unwrap();
    let names = names.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter_map(|file| file.strip_prefix(name)?.strip_prefix('-')?.parse().ok()).collect()
}

/// Lets all that [`waits`] end.
pub fn go(server: &Server) {
    fs::write(server.folder().join("go"), "").unwrap();
}

/// For [`waits`].
pub fn folder(server: &Server) -> String {
    server.folder().display().to_string()
}

/// In the middle of so many [`naps`] `trouble` happens: all are done all the same.
pub fn survives(executor: &RemoteExecutor, tasks: u64, trouble: impl FnOnce()) {
    let futures: Vec<_> = (0..tasks).map(|n| executor.submit_fn(naps, n).unwrap()).collect();
    eventually(|| executor.status().ended > tasks / 10);
    trouble();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), n as u64 + 1);
    }
    assert_eq!(executor.status().ended, tasks, "each once");
}

/// The server dies and comes back.
pub fn kills_the_server(server: &mut Server, executor: &RemoteExecutor, tasks: u64) {
    survives(executor, tasks, || server.restart());
}

/// All think that all others are gone.
pub fn cuts_the_network(server: &Server, executor: &RemoteExecutor, tasks: u64) {
    survives(executor, tasks, || {
        server.freeze();
        eventually(|| !executor.status().connected);
        server.thaw();
    });
}
