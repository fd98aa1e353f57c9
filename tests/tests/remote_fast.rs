//! Executors on other machines, in fast mode, over a real server: what each side is promised when the other dies.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::thread;
use std::time::Duration;

use inkle::concurrent::{
    Executor, FutureError, Pending, ReturnWhen, Submit, SubmitCause, ThreadPoolExecutor,
    as_completed, wait,
};
use inkle::contextvars::ContextVar;
use inkle::multiprocessing::{Process, ProcessPoolExecutor};
use inkle::platform::{Deadline, after};
use inkle::remote::{Refusal, RemoteExecutor, Settings, Worker, WorkerLost};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::nats::Server;
use inkle_tests::remote::{
    begun, counted, crew, cuts_the_network, dies_counted, folder, go, hasty, kills_the_server,
    naps, patient, square, waits,
};
use inkle_tests::{PATIENCE, eventually, server, watchdog};

fn pid() -> u32 {
    std::process::id()
}

fn panics(text: String) -> u32 {
    panic!("{text}")
}

fn tells() -> String {
    REQUEST.get().unwrap_or_default()
}

fn long(bytes: u64) -> Vec<u8> {
    vec![7; bytes as usize]
}

static REQUEST: ContextVar<String> = ContextVar::new("remote-request").travelling();

inkle::register!("tests.square", square as fn(u64) -> u64);
inkle::register!("tests.pid", pid);
inkle::register!("tests.panics", panics as fn(String) -> u32);
inkle::register!("tests.dies", dies_counted);
inkle::register!("tests.waits", waits);
inkle::register!("tests.naps", naps as fn(u64) -> u64);
inkle::register!("tests.tells", tells);
inkle::register!("tests.long", long);

#[test]
fn functions_run_elsewhere() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let workers = [crew(&server, PATIENCE, 2), crew(&server, PATIENCE, 2)];
    let pids: Vec<u32> = workers.iter().map(|worker| worker.pid()).collect();
    let theirs = executor.submit(pid, ()).unwrap().join().unwrap();
    assert!(pids.contains(&theirs));
    assert_eq!(
        executor.submit_named::<_, u64>("tests.square", (12_u64,)).unwrap().join().unwrap(),
        144
    );
    assert_eq!(executor.submit_fn(square, 7).unwrap().join().unwrap(), 49);
    let many: Result<Vec<_>, _> =
        executor.map_fn(square, 0..1000).chunk_size(64).unwrap().into_iter().collect();
    assert_eq!(many.unwrap(), (0..1000).map(|n| n * n).collect::<Vec<u64>>());
    let error = executor.submit(panics, ("out of yarn".into(),)).unwrap().join().unwrap_err();
    assert_eq!(error.panic().unwrap().message(), Some("out of yarn"));
    eventually(|| executor.status().workers.len() == 2);
    let status = executor.status();
    assert!(status.connected && status.in_flight == 0 && status.lost == 0, "{status:?}");
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    let error = executor.submit(pid, ()).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::ShutDown));
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn a_cancelled_task_that_nobody_has_taken_does_not_keep_its_executor() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap();
    let future = executor.submit_fn(square, 1).unwrap();
    assert!(future.cancel());
    executor.shutdown(Pending::Run, after(PATIENCE)).unwrap();
}

#[test]
fn context_variables_travel() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let worker = crew(&server, PATIENCE, 1);
    let _request = REQUEST.bind("7: böse".into());
    assert_eq!(executor.submit(tells, ()).unwrap().join().unwrap(), "7: böse");
    worker.kill().unwrap();
}

#[test]
fn futures_of_threads_processes_and_machines_in_one_wait() {
    let _watch = watchdog();
    let server = server!();
    let remote = RemoteExecutor::connect(&patient(&server)).unwrap();
    let _worker = Worker::builder(&patient(&server)).slots(2).start().unwrap();
    let threads = ThreadPoolExecutor::new(2).unwrap();
    let processes = ProcessPoolExecutor::new(1).unwrap();
    let all = || {
        (0..30).map(|n| match n % 3 {
            0 => remote.submit_fn(square, n).unwrap(),
            1 => threads.submit_fn(square, n).unwrap(),
            _ => processes.submit_fn(square, n).unwrap(),
        })
    };
    let sum: u64 = as_completed(all(), after(PATIENCE)).map(|it| it.unwrap().join().unwrap()).sum();
    assert_eq!(sum, (0..30).map(|n| n * n).sum::<u64>());
    let waited = wait(all(), ReturnWhen::AllCompleted, after(PATIENCE));
    assert_eq!((waited.done.len(), waited.not_done.len()), (30, 0));
}

#[test]
fn without_workers_tasks_wait_and_can_be_cancelled() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let (one, other) = (executor.submit(pid, ()).unwrap(), executor.submit(pid, ()).unwrap());
    eventually(|| executor.status().waiting == 2);
    assert!(one.cancel());
    let worker = crew(&server, PATIENCE, 1);
    assert_eq!(other.join().unwrap(), worker.pid());
    assert!(matches!(one.join(), Err(FutureError::Cancelled)));
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    worker.kill().unwrap();
}

#[test]
fn tasks_stop_when_asked_and_end_at_their_limit() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    for processes in [false, true] {
        let worker =
            Worker::builder(&patient(&server)).slots(1).processes(processes).start().unwrap();
        let name = format!("stops-{processes}");
        let stops = executor.submit(waits, (folder(&server), name.clone())).unwrap();
        let waiting = executor.submit(pid, ()).unwrap();
        eventually(|| !begun(&server, &name).is_empty());
        // It waits there behind the other.
        eventually(|| waiting.is_running());
        assert!(waiting.stop());
        assert!(stops.stop());
        match stops.join() {
            // A thread has to see to it itself.
            Ok(0) if !processes => {}
            Err(FutureError::Cancelled) if processes => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(waiting.join(), Err(FutureError::Cancelled)));
        let limited = executor.time_limit(Duration::from_millis(50));
        let late = limited.submit(waits, (folder(&server), "late".into())).unwrap();
        assert!(matches!(late.join(), Err(FutureError::Expired)));
        worker.drain();
    }
}

#[test]
fn a_worker_that_dies_is_named_with_its_task_and_others_do_the_rest() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap();
    let worker = crew(&server, Duration::from_secs(1), 1);
    let once = executor.retries(0);
    let lost = once.submit(waits, (folder(&server), "lost".into())).unwrap();
    eventually(|| begun(&server, "lost") == [worker.pid()]);
    let again = executor.retries(20).submit(waits, (folder(&server), "again".into())).unwrap();
    eventually(|| again.is_running());
    worker.kill().unwrap();
    let error = lost.join().unwrap_err();
    let named = WorkerLost::of(&error).unwrap();
    assert_eq!((named.task, named.attempt), (1, 1));
    assert!(named.host.ends_with(&format!(":{}", worker.pid())), "{named}");
    let second = crew(&server, Duration::from_secs(1), 1);
    go(&server);
    assert_eq!(again.join().unwrap(), second.pid());
    let status = executor.status();
    assert!(status.retried >= 1 && status.lost == 1, "{status:?}");
    second.kill().unwrap();
}

#[test]
fn a_task_that_kills_its_process_ends_as_a_named_loss_and_the_worker_goes_on() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let worker = Worker::builder(&patient(&server)).slots(1).processes(true).start().unwrap();
    let folder = folder(&server);
    let error = executor.retries(2).submit(dies_counted, (folder,)).unwrap().join().unwrap_err();
    assert_eq!(counted(&server).len(), 3, "each time it is done again");
    let named = WorkerLost::of(&error).unwrap();
    assert_eq!((named.attempt, named.host.as_str()), (3, worker.host()));
    assert_eq!(executor.submit_fn(square, 9).unwrap().join().unwrap(), 81);
    worker.drain();
}

#[test]
fn a_worker_that_is_frozen_is_lost_and_its_late_answer_changes_nothing() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap();
    let frozen = crew(&server, Duration::from_secs(1), 1);
    let future = executor.retries(20).submit(waits, (folder(&server), "frozen".into())).unwrap();
    eventually(|| begun(&server, "frozen") == [frozen.pid()]);
    // SAFETY: a process of this test's.
    unsafe { libc::kill(frozen.pid() as i32, libc::SIGSTOP) };
    let second = crew(&server, Duration::from_secs(1), 1);
    eventually(|| begun(&server, "frozen").contains(&second.pid()));
    go(&server);
    assert_eq!(*future.result().unwrap(), second.pid());
    // SAFETY: as above.
    unsafe { libc::kill(frozen.pid() as i32, libc::SIGCONT) };
    eventually(|| executor.status().workers.len() == 2);
    assert_eq!(*future.result().unwrap(), second.pid());
    assert_eq!(executor.status().ended, 1);
    [frozen, second].iter().for_each(|worker| _ = worker.kill());
}

/// What a submitter does that will be killed.
fn submits(url: String, folder: String) {
    let settings = Settings::new(url).lease(Duration::from_millis(200));
    let executor = RemoteExecutor::connect(&settings).unwrap();
    let _running = executor.submit(waits, (folder.clone(), "orphan".into())).unwrap();
    let _waiting = executor.submit(waits, (folder, "unborn".into())).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_submitter_that_dies_leaves_what_runs_and_nothing_else() {
    let _watch = watchdog();
    let server = server!();
    let settings = Settings::new(server.url()).lease(Duration::from_millis(200));
    let worker = Worker::builder(&settings).slots(1).start().unwrap();
    let submitter = Process::spawn(submits, (server.url(), folder(&server))).unwrap();
    eventually(|| !begun(&server, "orphan").is_empty());
    let observer = RemoteExecutor::connect(&settings).unwrap();
    // Whoever looks sees what the worker has: both.
    eventually(|| observer.status().workers.first().is_some_and(|worker| worker.load == 2));
    submitter.kill().unwrap();
    eventually(|| observer.status().workers.first().is_some_and(|worker| worker.load == 1));
    go(&server);
    assert_eq!(observer.retries(20).submit_fn(square, 5).unwrap().join().unwrap(), 25);
    assert!(begun(&server, "unborn").is_empty());
    drop(worker);
}

#[test]
fn a_worker_that_drains_does_not_wait_for_a_server_that_is_gone() {
    let _watch = watchdog();
    let mut server = server!();
    let worker = Worker::builder(&patient(&server)).slots(1).start().unwrap();
    let submitter = Process::spawn(submits, (server.url(), folder(&server))).unwrap();
    eventually(|| !begun(&server, "orphan").is_empty());
    submitter.kill().unwrap();
    server.kill();
    // What it has is done all the same, and nobody can be told of it.
    assert!(worker.drain_timeout(Duration::from_millis(50)).is_err());
    go(&server);
    worker.drain_timeout(PATIENCE / 2).unwrap();
}

#[test]
fn a_server_that_dies_and_comes_back_loses_nothing() {
    let _watch = watchdog();
    let mut server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap();
    let workers: Vec<_> = (0..2).map(|_| crew(&server, Duration::from_secs(1), 2)).collect();
    let executor = executor.retries(50);
    kills_the_server(&mut server, &executor, 2000);
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn while_the_server_is_away_tasks_are_taken_and_wait() {
    let _watch = watchdog();
    let mut server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap().retries(50);
    let worker = crew(&server, Duration::from_secs(1), 1);
    assert_eq!(executor.submit_fn(square, 3).unwrap().join().unwrap(), 9);
    server.kill();
    eventually(|| !executor.status().connected);
    let future = executor.submit_fn(square, 4).unwrap();
    let cancelled = executor.submit_fn(square, 5).unwrap();
    assert!(cancelled.cancel());
    server.restart();
    assert_eq!(future.join().unwrap(), 16);
    worker.kill().unwrap();
}

#[test]
fn a_network_that_is_cut_and_comes_back_loses_nothing() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server)).unwrap().retries(50);
    let workers: Vec<_> = (0..2).map(|_| crew(&server, Duration::from_secs(1), 2)).collect();
    cuts_the_network(&server, &executor, 1000);
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn ten_thousand_tasks_with_workers_killed_at_random() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&hasty(&server).ahead(8)).unwrap().retries(100);
    let lease = Duration::from_secs(1);
    let mut workers: Vec<_> = (0..3).map(|_| crew(&server, lease, 2)).collect();
    let futures: Vec<_> = (0..10_000).map(|n| executor.submit_fn(naps, n).unwrap()).collect();
    let mut dice = Dice::new(7);
    for part in 1..=6 {
        eventually(|| executor.status().ended > part * 1200);
        let victim = dice.roll(workers.len());
        workers.swap_remove(victim).kill().unwrap();
        workers.push(crew(&server, lease, 2));
    }
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), n as u64 + 1);
    }
    let status = executor.status();
    assert_eq!((status.ended, status.lost), (10_000, 0), "{status:?}");
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn a_worker_that_drains_ends_what_it_has() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap().retries(0);
    let worker = Worker::builder(&patient(&server)).slots(1).start().unwrap();
    let running = executor.submit(waits, (folder(&server), "drained".into())).unwrap();
    let behind = executor.submit_fn(square, 6).unwrap();
    eventually(|| !begun(&server, "drained").is_empty() && behind.is_running());
    // That it was sent does not mean that the worker has it. Whoever is new there is told.
    eventually(|| {
        let observer = RemoteExecutor::connect(&patient(&server)).unwrap();
        eventually(|| !observer.status().workers.is_empty());
        observer.status().workers[0].load == 2
    });
    worker.close();
    eventually(|| executor.status().workers.iter().all(|worker| worker.draining));
    let later = executor.submit_fn(square, 8).unwrap();
    assert!(worker.drain_timeout(Duration::ZERO).is_err());
    go(&server);
    assert_eq!((running.join().unwrap(), behind.join().unwrap()), (pid(), 36));
    assert!(!later.is_running());
    let second = Worker::builder(&patient(&server)).slots(1).start().unwrap();
    assert_eq!(later.join().unwrap(), 64);
    drop(executor);
    second.drain();
}

#[test]
fn what_cannot_be_done_is_named() {
    let _watch = watchdog();
    let server = server!();
    let settings = patient(&server).version("2");
    let executor = RemoteExecutor::connect(&settings).unwrap();
    let worker = Worker::builder(&settings).slots(1).start().unwrap();
    let refusal = |future: Result<_, _>| {
        Refusal::of(&future.map(drop).unwrap_err()).cloned().unwrap_or(Refusal::Garbled)
    };
    let unknown = executor.submit_named::<_, ()>("tests.nothing", ()).unwrap().join();
    let name = "tests.nothing".to_owned();
    assert_eq!(refusal(unknown), Refusal::UnknownFunction { name, ambiguous: false });
    let other = executor.submit_named::<_, ()>("tests.square", ("x".to_owned(),)).unwrap().join();
    let Refusal::OtherTypes { ours, theirs, .. } = refusal(other) else { panic!() };
    assert!(ours.contains("String") && theirs.contains("u64"), "{ours} {theirs}");
    let nameless = executor.submit(|| 1_u32, ()).unwrap_err();
    assert!(nameless.to_string().contains("has no name"), "{nameless}");
    worker.drain();

    let _old = Worker::builder(&patient(&server).version("1")).slots(1).start().unwrap();
    let version = refusal(executor.submit_fn(square, 1).unwrap().join().map(drop));
    assert_eq!(version, Refusal::OtherVersion { ours: "2".into(), theirs: "1".into() });
}

#[test]
fn what_is_large_goes_through_the_store_if_there_is_one() {
    let _watch = watchdog();
    let server = server!();
    let settings = patient(&server).largest(6 << 20);
    let executor = RemoteExecutor::connect(&settings).unwrap();
    let worker = Worker::builder(&settings).slots(2).start().unwrap();
    let text = "x".repeat(4 << 20);
    let error = executor.submit(panics, (text.clone(),)).unwrap().join().unwrap_err();
    assert_eq!(error.panic().unwrap().message(), Some(&*text));
    assert_eq!(executor.submit(long, (5 << 20,)).unwrap().join().unwrap(), vec![7; 5 << 20]);
    let error = executor.submit(long, (7 << 20,)).unwrap().join().unwrap_err();
    assert!(matches!(Refusal::of(&error), Some(Refusal::TooLarge { .. })), "{error}");
    let error = executor.submit(panics, ("x".repeat(7 << 20),)).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::Unsendable(_)), "{error}");
    assert_eq!(error.into_inner().0.len(), 7 << 20);
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    worker.drain();

    let Some(server) = Server::with("", &[]) else { return };
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let _worker = Worker::builder(&patient(&server)).slots(1).start().unwrap();
    for error in [
        executor.submit(long, (4 << 20,)).unwrap().join().map(drop).unwrap_err(),
        executor.submit(panics, (text,)).unwrap().join().map(drop).unwrap_err(),
    ] {
        assert!(matches!(Refusal::of(&error), Some(Refusal::TooLarge { .. })), "{error}");
    }
}
