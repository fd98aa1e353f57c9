//! A pool at work whose workers are killed at random, and the account of it: what was done, what was lost, and that
//! nothing is left. `tests/mp_kills.rs` runs it.
//!
//! `cargo run --release -p inkle-tests --bin kills [DEATHS]` (10,000), or `kills for ever`, which works until it is
//! killed itself.

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
fn main() {}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn main() {
    linux::main();
}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux {
    use std::collections::VecDeque;
    use std::env::args;
    use std::fs::{read_dir, read_to_string};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::thread;
    use std::time::{Duration, Instant};

    use inkle::concurrent::{Executor, Future, Pending};
    use inkle::multiprocessing::memory::Shared;
    use inkle::multiprocessing::{ProcessPoolExecutor, WorkerLost};
    use inkle::platform::Deadline;
    use inkle::subprocess::Signal;
    use inkle_cases::dice::{Choices, Dice};
    use inkle_tests::{PATIENCE, SETTLE, watchdog};

    const WORKERS: u32 = 4;
    /// Tasks that are under way at a time.
    const WINDOW: usize = 64;
    /// How often each of the last tasks was begun, by its number modulo that of the places.
    type Ledger = [AtomicU64; 4 * WINDOW];

    pub(super) fn main() {
        let _watch = watchdog();
        let arguments: Vec<_> = args().skip(1).collect();
        if arguments == ["for", "ever"] {
            storm(u64::MAX);
        }
        let deaths = arguments.first().map_or(10_000, |number| number.parse().unwrap());
        // What stays for good is there after the first time.
        storm(WORKERS.into());
        thread::sleep(SETTLE);
        let before = belongings();
        let start = Instant::now();
        let account = storm(deaths);
        let time = start.elapsed();
        println!("{account}, in {time:.1?}");
        // Threads may have been about to end, and be counted, before.
        let is_more =
            |after: &[usize; 4]| after.iter().zip(&before).any(|(after, before)| after > before);
        let start = Instant::now();
        let mut after = belongings();
        while is_more(&after) {
            assert!(start.elapsed() < PATIENCE, "left: {after:?}, before: {before:?}");
            thread::sleep(SETTLE);
            after = belongings();
        }
        println!("descriptors, memory files, threads, children: {after:?}, before: {before:?}");
    }

    /// What this process has of the system's: descriptors, mapped memory files, threads, children.
    fn belongings() -> [usize; 4] {
        let entries = |folder: &str| read_dir(folder).unwrap().count();
        let maps = read_to_string("/proc/self/maps").unwrap();
        let mut children = 0;
        for task in read_dir("/proc/self/task").unwrap() {
            let list = read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
            children += list.split_whitespace().count();
        }
        let files = maps.lines().filter(|line| line.contains("/memfd:")).count();
        [entries("/proc/self/fd"), files, entries("/proc/self/task"), children]
    }

    static LEDGER: OnceLock<Shared<Ledger>> = OnceLock::new();

    /// In a worker, before all else.
    fn open(ledger: Shared<Ledger>) {
        assert!(LEDGER.set(ledger).is_ok());
    }

    /// In a worker.
    fn work(number: u64, mut bytes: Vec<u8>) -> Vec<u8> {
        let ledger = LEDGER.get().unwrap();
        ledger[number as usize % ledger.len()].fetch_add(1, SeqCst);
        if number % 2 == 1 {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(500) {}
        }
        bytes.reverse();
        bytes
    }

    /// Some go beside the queue.
    fn bytes(number: u64) -> Vec<u8> {
        let len = if number % 16 == 3 { 20_000 } else { number % 50 };
        (0..len).map(|byte| (byte ^ number) as u8).collect()
    }

    fn retries(number: u64) -> u32 {
        u32::from(number % 3 == 1)
    }

    /// Works until so many workers have died.
    fn storm(deaths: u64) -> String {
        let ledger: Shared<Ledger> = Shared::new([const { AtomicU64::new(0) }; _]).unwrap();
        let executor = ProcessPoolExecutor::builder()
            .workers(WORKERS)
            .jobs_at_hand(2)
            .initializer(open, (ledger.clone(),))
            .unwrap()
            .build()
            .unwrap();
        let is_over = AtomicBool::new(false);
        let (mut done, mut lost, mut submitted) = (0_u64, 0_u64, 0_u64);
        let signals = thread::scope(|threads| {
            let killer = threads.spawn(|| {
                let signals = kill_workers(&executor, deaths);
                is_over.store(true, SeqCst);
                signals
            });
            let mut under_way = VecDeque::new();
            while !is_over.load(SeqCst) || !under_way.is_empty() {
                if !is_over.load(SeqCst) && under_way.len() < WINDOW {
                    let number = submitted;
                    submitted += 1;
                    ledger[number as usize % ledger.len()].store(0, SeqCst);
                    let submit = executor.retries(retries(number));
                    under_way
                        .push_back((number, submit.submit(work, (number, bytes(number))).unwrap()));
                    continue;
                }
                let Some((number, future)) = under_way.pop_front() else { continue };
                let is_done = settle(number, future);
                let begun = ledger[number as usize % ledger.len()].load(SeqCst);
                let most = u64::from(retries(number)) + 1;
                assert!(begun <= most && (begun >= 1 || !is_done), "{number}: {begun} times");
                *(if is_done { &mut done } else { &mut lost }) += 1;
            }
            killer.join().unwrap()
        });
        let counters = executor.counters();
        assert_eq!((counters.completed, counters.lost, done + lost), (done, lost, submitted));
        let died = counters.started - counters.workers;
        executor.shutdown(Pending::Run, Deadline::NEVER).unwrap();
        let retried = counters.retried;
        assert!(lost + retried <= died, "no death costs more than one task");
        format!(
            "{died} workers killed by {signals} signals; of {submitted} tasks {done} done, {lost} lost and named, \
             {retried} begun anew"
        )
    }

    /// Whether it was done; if not, it says by whose death.
    fn settle(number: u64, future: Future<Vec<u8>>) -> bool {
        match future.join() {
            Ok(result) => {
                assert!(result.into_iter().rev().eq(bytes(number)), "the result of {number}");
                true
            }
            Err(error) => {
                let lost = WorkerLost::of(&error).unwrap_or_else(|| panic!("{number}: {error}"));
                assert_eq!((lost.task, lost.attempt), (number + 1, retries(number) + 1));
                assert_eq!(lost.status.signal(), Some(Signal::KILL));
                false
            }
        }
    }

    /// How many signals it took.
    fn kill_workers(executor: &ProcessPoolExecutor, deaths: u64) -> u64 {
        let mut dice = Dice::new(7);
        let mut signals = 0;
        let mut completed = 0;
        loop {
            let counters = executor.counters();
            if counters.started - counters.workers >= deaths {
                return signals;
            }
            let pids = executor.pids();
            // A pool whose workers die before they do anything is broken, and rightly so.
            if counters.completed == completed || pids.is_empty() {
                thread::sleep(Duration::from_micros(20));
                continue;
            }
            completed = counters.completed;
            let pid = pids[dice.roll(pids.len())];
            // SAFETY: a signal to a child of ours: it is not reaped before the pool has taken it off the list, but for the
            // moment in between, and then nobody else has its number yet.
            unsafe { libc::kill(pid as i32, libc::SIGKILL) };
            signals += 1;
            thread::sleep(Duration::from_micros(dice.roll(500) as u64));
        }
    }
}
