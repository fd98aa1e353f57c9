//! Pools of processes: what they do, and what they survive.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::process::abort;
use std::thread;
use std::time::Duration;

use inkle::concurrent::{
    Executor, FutureError, Pending, Submit, SubmitCause, ThreadPoolExecutor, as_completed,
};
use inkle::contextvars::ContextVar;
use inkle::multiprocessing::{
    BadProcessPool, BrokenProcessPool, Pool, ProcessPoolExecutor, WorkerLost,
};
use inkle::platform::Deadline;
use inkle::subprocess::{Signal, Status};
use inkle_cases::dice::{Choices, Dice};
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
    let many: Result<Vec<_>, _> =
        executor.map_fn(square, 0..1000).chunk_size(64).unwrap().into_iter().collect();
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
                Err(FutureError::Panicked(panic)) => {
                    assert_eq!(panic.message(), Some("out of yarn"))
                }
                other => panic!("{other:?}"),
            },
            _ => assert_eq!(result.unwrap(), n as u32),
        }
    }
    let counters = executor.counters();
    assert_eq!((counters.lost, counters.completed), (18, 42));
}

fn nap(millis: u64) -> u64 {
    thread::sleep(Duration::from_millis(millis));
    millis
}

#[test]
fn cf048_what_waits_can_be_cancelled_and_only_that() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(1).unwrap();
    let running = executor.submit(nap, (600_000,)).unwrap();
    let waiting: Vec<_> = (0..5).map(|n| executor.submit(square, (n,)).unwrap()).collect();
    eventually(|| running.is_running());
    assert!(!running.cancel());
    // With one job at hand all others wait here.
    assert!(waiting.iter().all(|future| !future.is_running() && future.cancel()));
    assert!(matches!(waiting[0].result(), Err(FutureError::Cancelled)));
    executor.kill_workers();
    let error = running.join().unwrap_err();
    assert_eq!(WorkerLost::of(&error).unwrap().status.signal(), Some(Signal::KILL));
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
}

#[test]
fn cf056_terminated_workers_fail_what_they_do() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(2).unwrap();
    let running: Vec<_> = (0..2).map(|_| executor.submit(nap, (600_000,)).unwrap()).collect();
    let waiting = executor.submit(nap, (1,)).unwrap();
    eventually(|| running.iter().all(|future| future.is_running()));
    executor.terminate_workers();
    for future in running {
        let error = future.join().unwrap_err();
        assert_eq!(WorkerLost::of(&error).unwrap().status.signal(), Some(Signal::TERM));
    }
    assert!(waiting.is_cancelled());
    assert!(executor.submit(square, (1,)).is_err());
    // Again does nothing.
    executor.terminate_workers();
}

/// Refuses to be written, or to be read.
#[derive(Debug, PartialEq)]
struct Shy(u8);

impl serde::Serialize for Shy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => Err(serde::ser::Error::custom("not me")),
            value => serializer.serialize_u8(value),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Shy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Err(serde::de::Error::custom("not here")),
            value => Ok(Self(value)),
        }
    }
}

fn same(shy: Shy) -> Shy {
    shy
}

fn less(Shy(value): Shy) -> Shy {
    Shy(value - 2)
}

#[test]
fn cf049_to_cf051_what_cannot_cross_fails_its_own_future() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(1).unwrap();
    let error = executor.submit(same, (Shy(0),)).unwrap_err();
    assert!(matches!(error.cause(), SubmitCause::Unsendable(_)));
    assert_eq!(error.into_inner(), (Shy(0),));
    let failure = |future: Result<inkle::concurrent::Future<Shy>, _>| {
        future
            .unwrap_or_else(|_: inkle::concurrent::SubmitError<(Shy,)>| panic!())
            .join()
            .unwrap_err()
            .to_string()
    };
    assert!(failure(executor.submit(same, (Shy(1),))).contains("could not read the arguments"));
    assert!(failure(executor.submit(less, (Shy(2),))).contains("could not be sent"));
    assert!(
        failure(executor.submit(less, (Shy(3),)))
            .contains("what arrived is not what was asked for")
    );
    assert_eq!(executor.submit(same, (Shy(9),)).unwrap().join().unwrap(), Shy(9));
    // All by the same process.
    assert_eq!(executor.counters().started, 1);
}

#[test]
fn large_arguments_and_results_cross() {
    let _watch = watchdog();
    fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.reverse();
        bytes
    }
    let executor = ProcessPoolExecutor::builder().workers(2).jobs_at_hand(4).build().unwrap();
    let sizes = [0, 1, 8191, 8192, 8193, 65_536, 1 << 20, 8 << 20];
    let futures: Vec<_> = sizes
        .iter()
        .map(|size| executor.submit_fn(reverse, (0..*size).map(|n| n as u8).collect()).unwrap())
        .collect();
    for (size, future) in sizes.iter().zip(futures) {
        assert!(future.join().unwrap().into_iter().eq((0..*size).rev().map(|n: usize| n as u8)));
    }
}

#[test]
fn cf055_and_mp062_an_initializer_that_fails_breaks_the_pool() {
    let _watch = watchdog();
    fn panic_at_once(what: String) {
        panic!("no {what}");
    }
    let builder = ProcessPoolExecutor::builder().workers(2);
    let executor =
        builder.clone().initializer(panic_at_once, ("yarn".to_owned(),)).unwrap().build().unwrap();
    let futures: Vec<_> = (0..9).map(|n| executor.submit(square, (n,))).collect();
    for future in futures.into_iter().flatten() {
        let FutureError::Failed(error) = future.join().unwrap_err() else { panic!() };
        let Some(BrokenProcessPool::Initializer(error)) = error.downcast_ref() else {
            panic!("{error}")
        };
        assert!(error.to_string().contains("no yarn"), "{error}");
    }
    let refused = executor.submit(square, (1,)).unwrap_err();
    assert!(matches!(refused.cause(), SubmitCause::Broken(_)));
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();

    fn die_at_once() {
        abort();
    }
    let executor = builder.initializer(die_at_once, ()).unwrap().build().unwrap();
    let FutureError::Failed(error) = executor.submit(square, (1,)).unwrap().join().unwrap_err()
    else {
        panic!()
    };
    let Some(BrokenProcessPool::CrashLoop { deaths, status }) = error.downcast_ref() else {
        panic!("{error}")
    };
    assert_eq!((*deaths, status.signal()), (5, Some(Signal::ABRT)));
}

#[test]
fn mp060_a_worker_is_replaced_when_it_has_done_enough() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::builder()
        .workers(1)
        .max_tasks_per_child(2)
        .jobs_at_hand(3)
        .build()
        .unwrap();
    let futures: Vec<_> = (0..10).map(|_| executor.submit(pid, ()).unwrap()).collect();
    let mut pids: Vec<_> = futures.into_iter().map(|future| future.join().unwrap()).collect();
    pids.dedup();
    assert_eq!(pids.len(), 5, "{pids:?}");
    assert_eq!(executor.counters().lost, 0);
    // One that uses too much memory.
    let executor = ProcessPoolExecutor::builder().workers(1).max_memory(1).build().unwrap();
    let pids: Vec<_> = (0..3).map(|_| executor.submit(pid, ()).unwrap().join().unwrap()).collect();
    assert!(pids[0] != pids[1] && pids[1] != pids[2], "{pids:?}");
}

#[test]
fn cf065_a_job_has_a_time_limit_and_can_be_tried_again() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(1).unwrap();
    let late = executor.time_limit(Duration::from_millis(50)).submit(nap, (600_000,)).unwrap();
    let next = executor.submit(square, (3,)).unwrap();
    assert!(matches!(late.join(), Err(FutureError::Expired)));
    assert_eq!(next.join().unwrap(), 9);

    let folder = std::env::temp_dir().join(format!("inkle-retries-{}", pid()));
    std::fs::create_dir(&folder).unwrap();
    fn third_time(folder: String) -> usize {
        let times = std::fs::read_dir(&folder).unwrap().count();
        std::fs::write(format!("{folder}/{times}"), "").unwrap();
        if times < 2 { abort() } else { times }
    }
    let argument = folder.to_str().unwrap().to_owned();
    assert_eq!(
        executor.retries(2).submit(third_time, (argument.clone(),)).unwrap().join().unwrap(),
        2
    );
    for time in 0..3 {
        std::fs::remove_file(folder.join(time.to_string())).unwrap();
    }
    let error = executor.retries(1).submit(third_time, (argument,)).unwrap().join().unwrap_err();
    assert_eq!(WorkerLost::of(&error).unwrap().attempt, 2);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn cf065_a_job_that_runs_can_be_stopped() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::builder().workers(1).jobs_at_hand(3).build().unwrap();
    // The first is begun; the others lie with the same worker, and count as begun too.
    let naps = [600_000, 600_001, 2].map(|ms| executor.submit(nap, (ms,)).unwrap());
    eventually(|| naps.iter().all(|nap| nap.is_running()));
    let first = executor.pids();
    assert!(naps[1].stop() && naps[0].stop());
    for nap in &naps[..2] {
        assert!(matches!(nap.result(), Err(FutureError::Cancelled)) && nap.is_cancelled());
        assert!(!nap.stop());
    }
    let [.., last] = naps;
    assert_eq!(last.join().unwrap(), 2);
    assert_ne!(executor.pids(), first);
    assert_eq!(executor.counters().lost, 0);
    // It is not tried again.
    let patient = executor.retries(1000);
    let again = patient.submit(die, (2,)).unwrap();
    eventually(|| executor.counters().retried > 0);
    assert!(again.stop());
    assert!(matches!(again.join(), Err(FutureError::Cancelled)));
    assert_eq!(executor.submit(square, (3,)).unwrap().join().unwrap(), 9);
}

#[test]
fn cf065_who_stops_a_job_stops_no_other() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::builder().workers(2).jobs_at_hand(4).build().unwrap();
    let mut dice = Dice::new(0x5709);
    let mut stopped = 0;
    for round in 0..60 {
        let one = dice.roll(20) as u64;
        let limited = executor.time_limit(Duration::from_millis(1));
        let jobs: Vec<_> = (0..20)
            .map(|n| match (n == one, round % 3) {
                (true, 0) => limited.submit(nap, (dice.roll(3) as u64,)).unwrap(),
                (true, _) => executor.submit(nap, (dice.roll(2) as u64,)).unwrap(),
                _ => executor.submit(square, (n,)).unwrap(),
            })
            .collect();
        if round % 3 > 0 {
            if round % 3 == 1 {
                eventually(|| jobs[one as usize].is_running() || jobs[one as usize].is_done());
            }
            jobs[one as usize].stop();
        }
        for (n, job) in jobs.into_iter().enumerate() {
            match job.join() {
                Ok(value) if n as u64 != one => assert_eq!(value, (n * n) as u64),
                Ok(value) => assert!(value < 3),
                Err(FutureError::Cancelled | FutureError::Expired) if n as u64 == one => {
                    stopped += 1
                }
                Err(error) => panic!("{n} of {round} ({one}): {error}"),
            }
        }
    }
    assert!(stopped > 0);
    assert_eq!(executor.counters().lost, 0);
}

static REQUEST: ContextVar<String> = ContextVar::new("request").travelling();
static OWN: ContextVar<u32> = ContextVar::with_default("own", 0).travelling().not_inherited();

/// What is there, and then something else for those that come after it.
fn values(_: u32) -> (Option<String>, u32) {
    let values = (REQUEST.get().ok(), OWN.get().unwrap());
    drop(REQUEST.set("of another job".to_owned()));
    drop(OWN.set(9));
    values
}

#[test]
fn context_variables_that_travel_come_to_each_job() {
    let _watch = watchdog();
    let executor = ProcessPoolExecutor::new(1).unwrap();
    assert_eq!(executor.submit(values, (0,)).unwrap().join().unwrap(), (None, 0));
    drop(REQUEST.set("warp".to_owned()));
    drop(OWN.set(3));
    let expected = (Some("warp".to_owned()), 0);
    for _ in 0..2 {
        assert_eq!(executor.submit(values, (0,)).unwrap().join().unwrap(), expected);
    }
    for all in executor.map_fn(values, 0..10).chunk_size(5).unwrap() {
        assert_eq!(all.unwrap(), expected);
    }
}

#[test]
fn cf021_futures_of_threads_and_processes_mix() {
    let _watch = watchdog();
    let processes = ProcessPoolExecutor::new(1).unwrap();
    let threads = ThreadPoolExecutor::new(1).unwrap();
    let futures = [
        processes.submit_fn(square, 2).unwrap(),
        threads.submit_fn(square, 3).unwrap(),
        processes.submit_fn(square, 4).unwrap(),
    ];
    let mut results: Vec<_> = as_completed(futures, Deadline::NEVER)
        .map(|future| future.unwrap().join().unwrap())
        .collect();
    results.sort_unstable();
    assert_eq!(results, [4, 9, 16]);
}

#[test]
fn cf045_nonsense_is_refused() {
    assert_eq!(ProcessPoolExecutor::new(0).unwrap_err(), BadProcessPool::NoWorkers);
    assert_eq!(ProcessPoolExecutor::new(100_000).unwrap_err(), BadProcessPool::TooManyWorkers);
    let build = |builder: inkle::multiprocessing::ProcessPoolBuilder| builder.build().unwrap_err();
    let builder = ProcessPoolExecutor::builder;
    assert_eq!(build(builder().jobs_at_hand(0)), BadProcessPool::NoWorkers);
    assert_eq!(build(builder().jobs_at_hand(5)), BadProcessPool::TooManyAtHand);
    assert_eq!(build(builder().max_tasks_per_child(0)), BadProcessPool::NoJobs);
    assert_eq!(build(builder().name("a\0")), BadProcessPool::NulInName { position: 1 });
}

#[test]
fn mp070_and_mp071_a_pool_is_closed_joined_and_terminated() {
    let _watch = watchdog();
    let pool = Pool::new(2).unwrap();
    assert_eq!(pool.apply(square, (5,)).unwrap(), 25);
    assert_eq!(pool.map(square, 0..100).unwrap()[99], 9801);
    // MP066: an item that fails is an error in its place.
    let items: Vec<_> = pool.imap(die, [3, 4, 1, 5]).into_iter().collect();
    assert!(matches!(
        items[..],
        [Err(FutureError::Panicked(_)), Ok(4), Err(FutureError::Failed(_)), Ok(5)]
    ));
    let last = pool.apply_async(nap, (10,)).unwrap();
    pool.close();
    assert!(pool.apply(square, (5,)).is_err());
    pool.join().unwrap();
    assert_eq!(last.join().unwrap(), 10);
    let pool = Pool::new(1).unwrap();
    let lost = pool.apply_async(nap, (600_000,)).unwrap();
    eventually(|| lost.is_running());
    drop(pool);
    assert!(WorkerLost::of(&lost.join().unwrap_err()).is_some());
}

/// Each job is done, or named as lost by a death; and no death loses more than one.
#[test]
fn cf067_jobs_are_accounted_for_while_workers_are_killed_at_random() {
    let _watch = watchdog();
    const KILLS: usize = 60;
    let executor = ProcessPoolExecutor::builder().workers(3).jobs_at_hand(2).build().unwrap();
    let killer = {
        let executor = executor.clone();
        thread::spawn(move || {
            let mut dice = Dice::new(7);
            for _ in 0..KILLS {
                // A pool whose workers die before they do anything is broken, and rightly so.
                let before = executor.counters().completed;
                eventually(|| {
                    executor.counters().completed > before && !executor.pids().is_empty()
                });
                let pids = executor.pids();
                let Some(pid) = pids.get(dice.roll(pids.len().max(1))) else {
                    continue;
                };
                // SAFETY: a signal to a child of ours: it is not reaped before the pool has taken it off the list, but for
                // the moment in between, and then nobody else has its number yet.
                unsafe { libc::kill(*pid as i32, libc::SIGKILL) };
                thread::sleep(Duration::from_micros(dice.roll(3000) as u64));
            }
        })
    };
    let (mut done, mut lost) = (0_u64, 0_u64);
    while !killer.is_finished() {
        let futures: Vec<_> =
            (0..200).map(|n| (n, executor.submit(square, (n,)).unwrap())).collect();
        for (n, future) in futures {
            match future.join() {
                Ok(result) => {
                    assert_eq!(result, n * n);
                    done += 1;
                }
                Err(error) => {
                    let lost_to = WorkerLost::of(&error).unwrap_or_else(|| panic!("{error}"));
                    assert_eq!(lost_to.status.signal(), Some(Signal::KILL));
                    lost += 1;
                }
            }
        }
    }
    killer.join().unwrap();
    let counters = executor.counters();
    assert_eq!((counters.completed, counters.lost), (done, lost));
    assert!(lost <= KILLS as u64, "{counters:?}");
    executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
    assert!(executor.pids().is_empty());
}
