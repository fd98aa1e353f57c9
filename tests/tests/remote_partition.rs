//! A worker on another machine, as far as the network knows, and the wire between: it is cut for longer than the
//! lease while the worker does a task. Needs the right to make network namespaces.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::env;
use std::time::Duration;

use inkle::concurrent::FutureError;
use inkle::remote::{Launched, Launcher, RemoteExecutor, Settings, Worker, WorkerLost};
use inkle::subprocess::Command;
use inkle_tests::nats::Server;
use inkle_tests::remote::{begun, folder, go, waits};
use inkle_tests::{PATIENCE, eventually, watchdog};

const WEAVES: &str = env!("CARGO_BIN_EXE_weaves");

inkle::register!("tests.waits", waits);

/// Another machine: a network of its own, with a wire to this one.
struct Abroad {
    name: String,
    /// This end of the wire.
    wire: String,
    /// Of this machine, as it is seen from there.
    address: String,
}

fn ip(line: &str) -> Result<(), String> {
    let done = Command::new("ip").args(line.split(' ')).capture_output().run();
    let done = done.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&done.output.stderr).into_owned();
    if done.status.success() { Ok(()) } else { Err(format!("ip {line}: {said}")) }
}

/// Says so; with `INKLE_NETWORKS=required` that is a failure.
fn not_run(why: &str) {
    let required = env::var_os("INKLE_NETWORKS").is_some_and(|value| value == "required");
    assert!(!required, "{why}");
    eprintln!("NOT RUN: {why}");
}

impl Abroad {
    /// `None` where this process may not.
    fn new(number: u8) -> Option<Self> {
        let id = std::process::id();
        let name = format!("inkle-{id}-{number}");
        let wire = format!("ik{id}h{number}");
        // Of the networks that are kept for such ends.
        let net = format!("198.{}.{}", 18 + id % 2, (id / 2 % 64) as u8 * 4 + number);
        let abroad = Self { address: format!("{net}.1"), name, wire };
        let Err(why) = abroad.build(&net, &format!("ik{id}w{number}")) else { return Some(abroad) };
        not_run(&format!("no network namespaces here: {why}"));
        None
    }

    fn build(&self, net: &str, far: &str) -> Result<(), String> {
        let Self { name, wire, .. } = self;
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {wire} type veth peer name {far} netns {name}"))?;
        ip(&format!("addr add {net}.1/24 dev {wire}"))?;
        ip(&format!("-n {name} addr add {net}.2/24 dev {far}"))?;
        ip(&format!("link set {wire} up"))?;
        ip(&format!("-n {name} link set {far} up"))
    }

    /// Whatever is sent is lost, and nobody is told.
    fn cut(&self) {
        ip(&format!("link set {} down", self.wire)).unwrap();
    }

    fn mend(&self) {
        ip(&format!("link set {} up", self.wire)).unwrap();
    }

    fn worker(&self, server: &Server, durable: bool) -> Launched {
        let settings = hasty(server.url_at(&self.address));
        let command = Command::new("ip").args(["netns", "exec", &*self.name, WEAVES, "--worker"]);
        Launcher::new(&settings, command).slots(1).durable(durable).start().unwrap()
    }
}

impl Drop for Abroad {
    fn drop(&mut self) {
        let _ = ip(&format!("link del {}", self.wire));
        let _ = ip(&format!("netns del {}", self.name));
    }
}

fn hasty(url: String) -> Settings {
    Settings::new(url).lease(Duration::from_secs(1))
}

/// Two tasks are begun abroad, by a worker each; then the wire is cut. One may be tried again, the other not.
fn cuts(abroad: &Abroad, server: &Server, executor: &RemoteExecutor, durable: bool) {
    let name = |name: &str| format!("{name}-{durable}");
    let waits = |executor: &RemoteExecutor, task: &str| {
        executor.submit(waits, (folder(server), name(task))).unwrap()
    };
    let far = [abroad.worker(server, durable), abroad.worker(server, durable)];
    let theirs = far.each_ref().map(|worker| worker.child().pid());
    // Else one of them is given both.
    eventually(|| executor.status().workers.len() == 2);
    let again = waits(&executor.retries(20), "again");
    eventually(|| !begun(server, &name("again")).is_empty());
    let once = waits(&executor.retries(0), "once");
    eventually(|| !begun(server, &name("once")).is_empty());
    assert!(begun(server, &name("once")).iter().all(|pid| theirs.contains(pid)));

    abroad.cut();
    let near = Worker::builder(&hasty(server.url())).slots(2).durable(durable).start().unwrap();
    // The loss is named, with who had it.
    let error = once.join().unwrap_err();
    let lost = WorkerLost::of(&error).unwrap();
    assert_eq!(lost.attempt, 1);
    assert!(theirs.iter().any(|pid| lost.host.ends_with(&format!(":{pid}"))), "{lost}");
    // The other one is done here, while it is done abroad too.
    eventually(|| begun(server, &name("again")).contains(&std::process::id()));
    go(server);
    assert_eq!(*again.result().unwrap(), std::process::id());

    // The others come back with their answers, and change nothing.
    abroad.mend();
    eventually(|| {
        executor
            .status()
            .workers
            .iter()
            .filter(|worker| worker.seen < Duration::from_secs(1))
            .count()
            == 3
    });
    eventually(|| executor.status().in_flight == 0);
    assert_eq!(*again.result().unwrap(), std::process::id());
    let status = executor.status();
    assert_eq!((status.ended, status.lost), (2, 1), "{status:?}");
    near.drain();
    for worker in far {
        worker.close();
        assert!(worker.child().wait().success());
    }
}

#[test]
fn a_worker_cut_off_in_fast_mode_gives_one_result_or_a_named_loss() {
    let _watch = watchdog();
    let Some(server) = Server::with("", &["-a", "0.0.0.0"]) else { return };
    let Some(abroad) = Abroad::new(0) else { return };
    let executor = RemoteExecutor::connect(&hasty(server.url())).unwrap();
    cuts(&abroad, &server, &executor, false);
}

#[test]
fn a_worker_cut_off_in_durable_mode_gives_one_result_or_a_named_loss() {
    let _watch = watchdog();
    let Some(server) = Server::with("", &["-js", "-a", "0.0.0.0"]) else { return };
    let Some(abroad) = Abroad::new(1) else { return };
    let executor = RemoteExecutor::attach(&hasty(server.url()), "cut").unwrap();
    cuts(&abroad, &server, &executor, true);
}

/// Clocks of two machines never agree. Wall clocks are read nowhere in `inkle::remote`; that the other ones are
/// not sent shows with a worker whose clock is days ahead of everybody else's. Needs the right to make time
/// namespaces.
#[test]
fn a_worker_whose_clock_is_days_ahead_works_as_all_others() {
    let _watch = watchdog();
    let Some(server) = Server::start() else { return };
    let ahead = ["-T", "--monotonic", "1000000", "--boottime", "1000000", "--fork"];
    let unshare = || Command::new("unshare").args(ahead);
    let can = unshare().arg("true").capture_output().run();
    if !can.is_ok_and(|done| done.status.success()) {
        return not_run("no time namespaces here");
    }
    let settings = hasty(server.url());
    let launcher =
        Launcher::new(&settings, unshare().args([WEAVES, "--worker"])).slots(2).durable(true);
    let _worker = launcher.start().unwrap();
    let both = [
        RemoteExecutor::connect(&settings).unwrap(),
        RemoteExecutor::attach(&settings, "skew").unwrap(),
    ];
    for (n, executor) in both.iter().enumerate() {
        let (name, late) = (format!("skew-{n}"), format!("late-{n}"));
        // Its limit is counted there.
        let limited = executor.time_limit(Duration::from_millis(300));
        let late = limited.submit(waits, (folder(&server), late)).unwrap();
        assert!(matches!(late.join(), Err(FutureError::Expired)));
        let long = executor.retries(0).submit(waits, (folder(&server), name.clone())).unwrap();
        eventually(|| !begun(&server, &name).is_empty());
        // Longer than the lease: nobody thinks it lost.
        std::thread::sleep(Duration::from_secs(2));
        assert!(executor.status().workers.iter().all(|worker| worker.seen < PATIENCE));
        go(&server);
        assert!(begun(&server, &name).contains(&long.join().unwrap()));
        std::fs::remove_file(server.folder().join("go")).unwrap();
        assert_eq!(executor.status().lost, 0);
    }
}
