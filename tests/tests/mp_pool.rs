//! Pools of processes: what they do, and what they survive.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::process::abort;
use std::thread;
use std::time::Duration;

use inkle::concurrent::{
    Executor, FutureError, Pending, Submit, SubmitCause, ThreadPoolExecutor, as_completed,
};
use inkle::multiprocessing::{
    BadProcessPool, BrokenProcessPool, Pool, ProcessPoolExecutor, WorkerLost,
};
use inkle::platform::Deadline;
use inkle::subprocess::{Signal, Status};
use inkle_tests::{eventually, watchdog};

fn square(n: u64) -> u64 {
    n * n
}

fn pid() -> u32 {
    std::process::id()
}

fn die(how: u32) -> u32 {
    match how {
        0 => abort(),
        1 => std::process::exit(7),
        2 => {
            // SAFETY: a signal to this process alone.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                thread::park();
            }
        }
        3 => panic!("out of yarn"),
        _ => how,
    }
}

#[test]
fn functions_run_in_other_processes() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(2).unwrap();
    let theirs = executor.submit(pid, ()).unwrap().join().unwrap();
    assert_ne!(theirs, pid());
    let futures: Vec<_> = (0..100).map(|n| executor.submit(square, (n,)).unwrap()).collect();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.join().unwrap(), (n * n) as u64);
    }
    let many: Result<Vec<_>, _> = executor.map_fn(square, 0..1000).chunk_size(64).unwrap().into_iter().collect();
    assert_eq!(many.unwrap(), (0..1000).map(|n| n * n).collect::<Vec<u64>>());
    let pids = executor.pids();
    assert!(pids.len() <= 2 && !pids.is_empty(), "{pids:?}");
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    assert!(executor.pids().is_empty());
    let refused = executor.submit(square, (3,)).unwrap_err();
    assert!(matches!(refused.cause(), SubmitCause::ShutDown));
    assert_eq!(refused.into_inner(), (3,));
}

#[test]
fn cf053_a_dead_worker_loses_its_job_and_no_other() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::builder().workers(2).jobs_at_hand(4).build().unwrap();
    let futures: Vec<_> = (0..60)
        .map(|n| executor.submit(die, (if n % 10 < 4 { n % 10 } else { n },)).unwrap())
        .collect();
    for (n, future) in futures.into_iter().enumerate() {
        let result = future.join();
        match n % 10 {
            kind @ 0..=2 => {
                let error = result.unwrap_err();
                let lost = WorkerLost::of(&error).unwrap_or_else(|| panic!("{error}"));
                assert_eq!((lost.task, lost.attempt), (n as u64 + 1, 1));
                let expected = match kind {
                    0 => Some(Signal::ABRT),
                    2 => Some(Signal::KILL),
                    _ => None,
                };
                assert_eq!(lost.status.signal(), expected);
                assert!(kind != 1 || lost.status == Status::Exited(7));
            }
            3 => match result {
                Err(FutureError::Panicked(panic)) => assert_eq!(panic.message(), Some("out of yarn")),
                other => panic!("{other:?}"),
            },
            _ => assert_eq!(result.unwrap(), n as u32),
        }
    }
    let counters = executor.counters();
    assert_eq!((counters.lost, counters.completed), (18, 42));
}
