//! Executors on other machines, in durable mode, over a real server: what each side is promised when the
//! other dies.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs;
use std::thread;
use std::time::Duration;

use inkle::concurrent::{Executor, FutureError, Pending, Submit};
use inkle::multiprocessing::Process;
use inkle::platform::Deadline;
use inkle::remote::{ConnectError, Refusal, RemoteExecutor, Settings, Worker, WorkerLost};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::nats::Server;
use inkle_tests::remote::{
    begun, counted, counts, cuts_the_network, dies, durable, folder, go, hasty, kills_the_server,
    naps, patient, square, waits,
};
use inkle_tests::{PATIENCE, eventually, server, watchdog};

fn doubles(folder: String, text: String) -> String {
    counts(folder, 0);
    text.repeat(2)
}

inkle::register!("tests.square", square as fn(u64) -> u64);
inkle::register!("tests.naps", naps as fn(u64) -> u64);
inkle::register!("tests.counts", counts);
inkle::register!("tests.dies", dies);
inkle::register!("tests.doubles", doubles);
inkle::register!("tests.waits", waits);

#[test]
fn tasks_are_kept_until_a_worker_comes() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&patient(&server), "wait").unwrap();
    let futures: Vec<_> = (0..50).map(|n| executor.submit_fn(square, n).unwrap()).collect();
    eventually(|| executor.status().in_flight == 50);
    let worker = Worker::builder(&patient(&server)).slots(4).durable(true).start().unwrap();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), (n * n) as u64);
    }
    let many: Result<Vec<_>, _> =
        executor.map_fn(square, 0..200).chunk_size(16).unwrap().into_iter().collect();
    assert_eq!(many.unwrap().len(), 200);
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    worker.drain();
}

/// What a submitter does that will be killed.
fn submits_one(url: String, folder: String) {
    let executor = RemoteExecutor::attach(&Settings::new(url).lease(PATIENCE), "one").unwrap();
    let _future = executor.submit(waits, (folder, "one".into())).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_worker_that_drains_does_not_wait_for_a_server_that_is_gone() {
    let _watch = watchdog();
    let mut server = server!();
    let worker = Worker::builder(&patient(&server)).slots(2).durable(true).start().unwrap();
    let submitter = Process::spawn(submits_one, (server.url(), folder(&server))).unwrap();
    eventually(|| !begun(&server, "one").is_empty());
    submitter.kill().unwrap();
    server.kill();
    // What it has is done all the same.
    assert!(worker.drain_timeout(Duration::from_millis(50)).is_err());
    go(&server);
    worker.drain_timeout(PATIENCE / 2).unwrap();
}

/// What a submitter does that will be killed.
fn submits(url: String, folder: String) {
    let settings = Settings::new(url).lease(PATIENCE);
    let executor = RemoteExecutor::attach(&settings, "orphans").unwrap();
    let _futures: Vec<_> =
        (0..20).map(|n| executor.submit(counts, (folder.clone(), n)).unwrap()).collect();
    let _last = executor.submit(waits, (folder, "last".into())).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_submitter_that_dies_and_attaches_again_gets_what_was_done_meanwhile() {
    let _watch = watchdog();
    let server = server!();
    let submitter = Process::spawn(submits, (server.url(), folder(&server))).unwrap();
    let worker = Worker::builder(&patient(&server)).slots(1).durable(true).start().unwrap();
    eventually(|| !begun(&server, "last").is_empty());
    submitter.kill().unwrap();
    go(&server);
    let executor = RemoteExecutor::attach(&patient(&server), "orphans").unwrap();
    let folder = folder(&server);
    let futures: Vec<_> =
        (0..20).map(|n| executor.submit(counts, (folder.clone(), n)).unwrap()).collect();
    let last = executor.submit(waits, (folder.clone(), "last".into())).unwrap();
    let more = executor.submit(counts, (folder.clone(), 20)).unwrap();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), n as u64);
    }
    assert_eq!((last.join().unwrap(), more.join().unwrap()), (std::process::id(), 20));
    // Each once.
    assert_eq!(counted(&server), (0..=20).collect::<Vec<_>>());
    drop(executor);

    let other = RemoteExecutor::attach(&patient(&server), "orphans").unwrap();
    let error = other.submit_fn(square, 0).unwrap().join().unwrap_err();
    assert_eq!(Refusal::of(&error), Some(&Refusal::OtherTask));
    drop(other);
    worker.drain();
}

#[test]
fn a_worker_that_dies_is_replaced_and_one_task_too_many_is_a_named_loss() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&hasty(&server), "lost").unwrap();
    let lease = Duration::from_secs(1);
    let first = durable(&server, lease, 1);
    let again = executor.retries(20).submit(waits, (folder(&server), "again".into())).unwrap();
    eventually(|| begun(&server, "again") == [first.pid()]);
    first.kill().unwrap();
    let second = durable(&server, lease, 1);
    eventually(|| begun(&server, "again").contains(&second.pid()));
    go(&server);
    assert_eq!(again.join().unwrap(), second.pid());
    second.kill().unwrap();

    fs::remove_file(server.folder().join("go")).unwrap();
    let third = durable(&server, lease, 1);
    let lost = executor.retries(0).submit(waits, (folder(&server), "lost".into())).unwrap();
    eventually(|| begun(&server, "lost") == [third.pid()]);
    third.kill().unwrap();
    let fourth = durable(&server, lease, 1);
    let error = lost.join().unwrap_err();
    let named = WorkerLost::of(&error).unwrap();
    assert_eq!((named.task, named.attempt), (2, 1));
    assert!(named.host.ends_with(&format!(":{}", third.pid())), "{named}");
    fourth.kill().unwrap();
}

#[test]
fn a_task_that_kills_every_process_ends_as_a_named_loss() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&patient(&server), "poison").unwrap();
    let worker =
        Worker::builder(&patient(&server)).slots(1).processes(true).durable(true).start().unwrap();
    let error = executor.retries(2).submit(dies, ()).unwrap().join().unwrap_err();
    let named = WorkerLost::of(&error).unwrap();
    assert_eq!((named.attempt, named.host.as_str()), (3, worker.host()));
    assert_eq!(executor.submit_fn(square, 9).unwrap().join().unwrap(), 81);
    worker.drain();
}

#[test]
fn long_tasks_keep_their_lease() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&hasty(&server), "long").unwrap().retries(20);
    let worker = durable(&server, Duration::from_secs(1), 1);
    let long = executor.submit(waits, (folder(&server), "long".into())).unwrap();
    eventually(|| begun(&server, "long") == [worker.pid()]);
    // Longer than the lease: somebody else would get it.
    let other = durable(&server, Duration::from_secs(1), 1);
    thread::sleep(Duration::from_secs(3));
    go(&server);
    long.join().unwrap();
    [worker, other].iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn tasks_stop_when_asked_and_end_at_their_limit() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&patient(&server), "stop").unwrap();
    let queued = executor.submit_fn(square, 1).unwrap();
    eventually(|| queued.is_running());
    assert!(queued.stop());
    assert!(matches!(queued.join(), Err(FutureError::Cancelled)));
    let worker = Worker::builder(&patient(&server)).slots(1).durable(true).start().unwrap();
    let running = executor.submit(waits, (folder(&server), "stopped".into())).unwrap();
    eventually(|| !begun(&server, "stopped").is_empty());
    assert!(running.stop());
    assert!(matches!(running.join(), Err(FutureError::Cancelled)));
    let limited = executor.time_limit(Duration::from_millis(50));
    let late = limited.submit(waits, (folder(&server), "late".into())).unwrap();
    assert!(matches!(late.join(), Err(FutureError::Expired)));
    worker.drain();
}

#[test]
fn a_server_that_dies_and_comes_back_loses_nothing() {
    let _watch = watchdog();
    let mut server = server!();
    let executor = RemoteExecutor::attach(&hasty(&server), "server").unwrap().retries(50);
    let workers: Vec<_> = (0..2).map(|_| durable(&server, Duration::from_secs(1), 2)).collect();
    kills_the_server(&mut server, &executor, 500);
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn a_network_that_is_cut_and_comes_back_loses_nothing() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&hasty(&server), "network").unwrap().retries(50);
    let workers: Vec<_> = (0..2).map(|_| durable(&server, Duration::from_secs(1), 2)).collect();
    cuts_the_network(&server, &executor, 500);
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn ten_thousand_tasks_with_workers_killed_at_random() {
    let _watch = watchdog();
    let server = server!();
    let executor = RemoteExecutor::attach(&hasty(&server), "kills").unwrap().retries(100);
    let lease = Duration::from_secs(1);
    let mut workers: Vec<_> = (0..3).map(|_| durable(&server, lease, 2)).collect();
    let futures: Vec<_> = (0..10_000).map(|n| executor.submit_fn(naps, n).unwrap()).collect();
    let mut dice = Dice::new(7);
    for part in 1..=4 {
        eventually(|| executor.status().ended > part * 1_800);
        let victim = dice.roll(workers.len());
        workers.swap_remove(victim).kill().unwrap();
        workers.push(durable(&server, lease, 2));
    }
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), n as u64 + 1);
    }
    assert_eq!(executor.status().ended, 10_000);
    workers.iter().for_each(|worker| _ = worker.kill());
}

#[test]
fn what_is_large_goes_through_the_store_and_stays_there() {
    let _watch = watchdog();
    let server = server!();
    let text = "x".repeat(3 << 20);
    let worker = Worker::builder(&patient(&server)).slots(1).durable(true).start().unwrap();
    for _ in 0..2 {
        let executor = RemoteExecutor::attach(&patient(&server), "large").unwrap();
        let folder = folder(&server);
        let twice = executor.submit(doubles, (folder, text.clone())).unwrap();
        assert_eq!(twice.join().unwrap().len(), 6 << 20);
    }
    assert_eq!(counted(&server), [0], "the second time it was done already");
    worker.drain();
}

#[test]
fn a_server_that_keeps_nothing_is_named() {
    let _watch = watchdog();
    let Some(server) = Server::with("", &[]) else { return };
    let attached = RemoteExecutor::attach(&patient(&server), "nothing");
    assert!(matches!(attached, Err(ConnectError::NoStore(_))), "{attached:?}");
    let worker = Worker::builder(&patient(&server)).durable(true).start();
    assert!(matches!(worker, Err(ConnectError::NoStore(_))), "{worker:?}");
    let bad = RemoteExecutor::attach(&patient(&server), "no.word");
    assert!(matches!(bad, Err(ConnectError::BadJob(_))), "{bad:?}");
}
