//! Functions in other processes: what they get, what they give, and how they end. (MP007 to MP018)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use inkle::contextvars::ContextVar;
use inkle::multiprocessing::{
    Builder, PanicReport, Process, ProcessError, SpawnCause, active_children, cpu_count,
    current_process, parent_process,
};
use inkle::subprocess::{Command, Signal, Status};
use inkle::threading::{self, CancelToken, Reason};
use inkle::{Deadline, thread};
use inkle_tests::{PATIENCE, block_on, eventually, poll_once, watchdog};
use rustix::event::{PollFd, PollFlags, poll};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn product(a: u64, b: u64) -> u64 {
    a * b
}

/// What it says of its end is read elsewhere.
fn hush() {
    rustix::stdio::dup2_stderr(fs::File::create("/dev/null").unwrap()).unwrap();
}

fn idle() {
    sleep(PATIENCE);
}

#[track_caller]
fn panicked<R: std::fmt::Debug>(result: Result<R, ProcessError>) -> PanicReport {
    match result {
        Err(ProcessError::Panicked(panic)) => panic,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mp008_functions_and_closures_get_arguments_and_give_results() {
    let _watch = watchdog();
    assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
    let process = Process::spawn(|text: String, n: usize| text.repeat(n), ("ab".to_owned(), 3));
    assert_eq!(process.unwrap().join().unwrap(), "ababab");
    Process::spawn(|| (), ()).unwrap().join().unwrap();
}

#[test]
fn mp008_a_function_may_be_generic_and_have_eight_arguments() {
    #[allow(clippy::too_many_arguments)]
    fn list<T: ToString>(a: T, b: T, c: T, d: T, e: T, f: T, g: T, h: T) -> Vec<String> {
        [a, b, c, d, e, f, g, h].iter().map(T::to_string).collect()
    }
    let _watch = watchdog();
    let numbers = Process::spawn(list::<u8>, (1, 2, 3, 4, 5, 6, 7, 8)).unwrap();
    assert_eq!(numbers.join().unwrap(), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    let truths = (true, false, true, false, true, false, true, false);
    assert_eq!(Process::spawn(list::<bool>, truths).unwrap().join().unwrap()[1], "false");
}

#[test]
fn mp007_mp008_processes_are_named_by_their_ancestry_and_know_their_parent() {
    type Known = (String, u32, Option<(String, u32)>);
    fn about() -> Known {
        let me = current_process();
        let parent = parent_process().map(|parent| (parent.name().to_owned(), parent.pid()));
        (me.name().to_owned(), me.pid(), parent)
    }
    fn with_child() -> [Known; 2] {
        assert!(active_children().is_empty(), "MP017: none of the parent's");
        [about(), Process::spawn(about, ()).unwrap().join().unwrap()]
    }
    let _watch = watchdog();
    assert!(cpu_count().get() >= 1);
    assert!(parent_process().is_none());
    let process = Process::spawn(with_child, ()).unwrap();
    let [(name, pid, parent), (grandchild, _, its_parent)] = process.join().unwrap();
    assert_eq!((name.as_str(), pid), (process.name(), process.pid()));
    assert!(name.starts_with("Process-"), "{name}");
    assert_eq!(parent, Some(("MainProcess".to_owned(), std::process::id())));
    assert_eq!(grandchild, format!("{name}:1"));
    assert_eq!(its_parent, Some((name, pid)));
    let named = Builder::new().name("loom").spawn(about, ()).unwrap();
    assert_eq!((named.name(), named.join().unwrap().0.as_str()), ("loom", "loom"));
}

#[test]
fn mp007_active_children_are_those_that_have_not_ended() {
    let _watch = watchdog();
    let process = Process::spawn(idle, ()).unwrap();
    assert!(process.is_alive() && active_children().contains(&process));
    process.kill().unwrap();
    process.wait();
    assert!(!process.is_alive() && !active_children().contains(&process));
}

#[test]
fn mp009_a_daemon_has_no_children() {
    fn have_child() -> String {
        assert!(current_process().is_daemon());
        let error = Process::spawn(product, (6, 7)).unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::Daemon));
        error.to_string()
    }
    let _watch = watchdog();
    let process = Builder::new().daemon(true).spawn(have_child, ()).unwrap();
    assert!(process.is_daemon());
    assert_eq!(process.join().unwrap(), "a daemonic process may not have children");
}

#[test]
fn mp010_the_first_join_has_the_result_and_an_error_is_for_all() {
    let _watch = watchdog();
    let process = Arc::new(Process::spawn(product, (6, 7)).unwrap());
    let other = Arc::clone(&process);
    let there = threading::spawn(move || other.join()).unwrap();
    let results = [process.join(), there.join().unwrap()];
    let good = results.iter().filter(|result| matches!(result, Ok(42))).count();
    let taken = results.iter().filter(|it| matches!(it, Err(ProcessError::Taken))).count();
    assert_eq!((good, taken), (1, 1), "{results:?}");
    assert_eq!(process.status(), Some(Status::Exited(0)));

    let process = Process::spawn(idle, ()).unwrap();
    process.kill().unwrap();
    for _ in 0..2 {
        assert!(matches!(process.join(), Err(ProcessError::Signaled { signal: Signal::KILL, .. })));
    }
}

#[test]
fn mp010_joins_end_at_deadlines_and_by_tokens_and_the_process_goes_on() {
    let _watch = watchdog();
    let process = Process::spawn(idle, ()).unwrap();
    assert!(matches!(process.try_join(), Err(ProcessError::TimedOut)));
    assert!(matches!(process.join_until(Deadline::PASSED), Err(ProcessError::TimedOut)));
    let soon = Duration::from_millis(5);
    assert!(matches!(process.join_timeout(soon), Err(ProcessError::TimedOut)));
    let token = CancelToken::new();
    token.cancel(Reason::REQUESTED);
    let unless = process.join_unless(&token);
    assert!(matches!(unless, Err(ProcessError::Cancelled(Reason::REQUESTED))));
    assert!(poll_once(process.join_async()).is_none());
    assert!(process.is_alive() && process.status().is_none());
    process.kill().unwrap();
    assert!(matches!(block_on(process.join_async()), Err(ProcessError::Signaled { .. })));
}

#[test]
fn mp010_the_sentinel_is_readable_when_it_has_ended() {
    let _watch = watchdog();
    let process = Process::spawn(idle, ()).unwrap();
    let ready = |timeout| {
        let sentinel = process.sentinel();
        poll(&mut [PollFd::new(&sentinel, PollFlags::IN)], timeout).unwrap()
    };
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(ready(Some(&now)), 0);
    process.kill().unwrap();
    assert_eq!(ready(None), 1);
    process.wait();
    assert_eq!(ready(Some(&now)), 1, "afterwards too");
    assert_eq!(
        inkle::multiprocessing::wait(&[&process]).unwrap(),
        [0],
        "it is a descriptor itself"
    );
}

#[test]
fn mp011_mp013_the_status_tells_how_it_ended() {
    // Whoever has started the tests in the background may have had it ignored, and children inherit that.
    //
    // SAFETY: the default action is no handler.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    let _watch = watchdog();
    let good = Process::spawn(product, (6, 7)).unwrap();
    assert_eq!(good.wait(), Status::Exited(0));
    for (signal, returncode) in
        [(Signal::TERM, -15), (Signal::KILL, -9), (Signal::INT, -2), (Signal::USR1, -10)]
    {
        let process = Process::spawn(idle, ()).unwrap();
        match signal {
            Signal::TERM => process.terminate(),
            Signal::KILL => process.kill(),
            Signal::INT => process.interrupt(),
            other => process.send_signal(other),
        }
        .unwrap();
        let status = process.wait();
        assert_eq!((status.signal(), status.returncode()), (Some(signal), Some(returncode)));
        match process.join() {
            Err(ProcessError::Signaled { signal: by, .. }) => assert_eq!(by, signal),
            other => panic!("{other:?}"),
        }
        process.kill().expect("a signal for one that has ended is nothing");
    }
}

#[test]
fn mp012_exit_codes_are_cut_to_a_byte() {
    fn leave(code: i32) -> u8 {
        std::process::exit(code)
    }
    let _watch = watchdog();
    for (code, seen) in [(0, 0), (3, 3), (261, 5), (-1, 255)] {
        match Process::spawn(leave, (code,)).unwrap().join() {
            Err(ProcessError::Exited(code)) => assert_eq!(code, seen),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn mp012_a_thread_of_the_childs_may_end_it() {
    fn by_a_thread() {
        std::thread::spawn(|| std::process::exit(4));
        sleep(PATIENCE);
    }
    let _watch = watchdog();
    let result = Process::spawn(by_a_thread, ()).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Exited(4))), "{result:?}");
}

#[test]
fn mp011_a_panic_has_message_place_and_thread() {
    fn weave(threads: u32) -> u32 {
        hush();
        assert!(threads > 12, "only {threads} threads");
        threads
    }
    let _watch = watchdog();
    let process = Process::spawn(weave, (7,)).unwrap();
    let panic = panicked(process.join());
    assert_eq!(panic.message.as_deref(), Some("only 7 threads"));
    assert_eq!(panic.thread, "main");
    let place = panic.place.clone().unwrap();
    assert!(place.file.ends_with("mp_process.rs") && place.line > 0, "{place}");
    assert_eq!(process.status(), Some(Status::Exited(101)));
    assert!(panicked(process.join()) == panic, "an error is for all who ask");
    let payload = Process::spawn(|| -> u8 { resume_unwind(Box::new(7)) }, ()).unwrap();
    assert_eq!(panicked(payload.join()).message, None);
}

#[test]
fn a_panic_before_an_abort_is_told() {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    extern "C" fn cannot_unwind() {
        panic!("at the border");
    }
    fn border() {
        hush();
        cannot_unwind();
    }
    fn double() {
        hush();
        let _twice = Twice;
        panic!("once");
    }
    let _watch = watchdog();
    let process = Process::spawn(double, ()).unwrap();
    let panic = panicked(process.join());
    assert!(process.status().unwrap().signal() == Some(Signal::ABRT));
    assert_eq!((panic.message.as_deref(), panic.thread.as_str()), (Some("again"), "main"));
    assert!(panic.place.unwrap().file.ends_with("mp_process.rs"));
    let panic = panicked(Process::spawn(border, ()).unwrap().join());
    assert_eq!(panic.message.as_deref(), Some("at the border"));
    let result: Result<(), _> = Process::spawn(|| std::process::abort(), ()).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Signaled { signal: Signal::ABRT, .. })));
}

#[test]
fn a_message_longer_than_its_place_is_cut() {
    fn at_length() {
        hush();
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            abort(info);
            std::process::abort();
        }));
        panic!("{}", "ä".repeat(5000));
    }
    let _watch = watchdog();
    let message = panicked(Process::spawn(at_length, ()).unwrap().join()).message.unwrap();
    assert!(message.starts_with("äää") && message.len() < 5000, "{}", message.len());
}

#[test]
fn a_panic_of_another_thread_is_that_threads_own() {
    fn carry_on() -> String {
        hush();
        let thread = threading::spawn(|| panic!("elsewhere")).unwrap();
        thread.join().unwrap_err().to_string()
    }
    fn fail_later() {
        let _ = carry_on();
        std::process::exit(9);
    }
    let _watch = watchdog();
    let told = Process::spawn(carry_on, ()).unwrap().join().unwrap();
    assert!(told.contains("elsewhere"), "{told}");
    let result = Process::spawn(fail_later, ()).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Exited(9))), "{result:?}");
}

#[test]
fn lt009_leaving_the_main_thread_is_no_panic_but_no_result_either() {
    let _watch = watchdog();
    let result = Process::spawn(|| -> u8 { thread::exit() }, ()).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Exited(101))), "{result:?}");
}

#[test]
fn a_crash_after_the_result_is_a_crash() {
    fn crash_at_the_end() -> u8 {
        threading::at_exit(|| std::process::abort()).unwrap();
        7
    }
    let _watch = watchdog();
    let result = Process::spawn(crash_at_the_end, ()).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Signaled { signal: Signal::ABRT, .. })));
}

#[test]
fn mp014_mp018_a_handle_may_be_dropped_and_no_zombie_is_left() {
    let _watch = watchdog();
    let process = Process::spawn(product, (6, 7)).unwrap();
    let stat = format!("/proc/{}/stat", process.pid());
    let child = active_children().into_iter().find(|child| *child == *process);
    drop(process);
    eventually(|| fs::metadata(&stat).is_err());
    assert!(child.is_none_or(|child| child.status() == Some(Status::Exited(0))));
}

#[test]
fn mp017_a_child_has_no_input_and_waits_for_its_threads_but_for_daemons() {
    fn read() -> usize {
        let mut input = Vec::new();
        std::io::stdin().read_to_end(&mut input).unwrap()
    }
    fn leave_threads() -> String {
        let builder = threading::Builder::new();
        let late = || {
            sleep(Duration::from_millis(100));
            // Instead of a result: somebody has waited for it.
            std::process::abort();
        };
        builder.clone().daemon(true).spawn(idle).unwrap();
        let thread = builder.spawn(late).unwrap();
        assert!(!thread.is_daemon());
        "left".to_owned()
    }
    let _watch = watchdog();
    assert_eq!(Process::spawn(read, ()).unwrap().join().unwrap(), 0);
    let process = Process::spawn(leave_threads, ()).unwrap();
    assert_eq!(process.wait().signal(), Some(Signal::ABRT), "the thread was waited for");
}

#[test]
fn the_function_runs_on_a_main_thread() {
    fn about() -> (String, bool, bool, String) {
        let me = threading::current();
        let std = std::thread::current().name().unwrap().to_owned();
        let same = threading::get_native_id() == threading::main_thread().native_id();
        (me.name(), me.is_main(), same && !me.is_daemon(), std)
    }
    let _watch = watchdog();
    let process = Process::spawn(about, ()).unwrap();
    assert_eq!(process.join().unwrap(), ("MainThread".into(), true, true, "main".into()));
}

#[test]
fn programs_that_a_child_starts_are_not_taken_over_and_get_nothing_of_it() {
    fn start() -> (String, bool, Vec<String>) {
        let inherited = std::env::var_os("INKLE_CHILD").is_some();
        let done = Command::shell("echo $PPID; ls /proc/self/fd").capture_output().run().unwrap();
        let text = done.output.stdout_text().unwrap().to_owned();
        let mut lines = text.lines().map(str::to_owned);
        (lines.next().unwrap(), inherited, lines.collect())
    }
    fn by_std() -> Vec<String> {
        let output = std::process::Command::new("ls").arg("/proc/self/fd").output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
    let _watch = watchdog();
    let process = Process::spawn(start, ()).unwrap();
    let (parent, inherited, fds) = process.join().unwrap();
    assert_eq!((parent, inherited), (process.pid().to_string(), false));
    // The standard streams and the folder.
    assert_eq!(fds.len(), 4, "{fds:?}");
    let fds = Process::spawn(by_std, ()).unwrap().join().unwrap();
    assert_eq!(fds.len(), 4, "{fds:?}");
}

#[test]
fn sigpipe_is_an_error_and_not_the_end() {
    fn write() -> bool {
        let (read, mut write) = std::io::pipe().unwrap();
        drop(read);
        std::io::Write::write_all(&mut write, b"weft").is_err()
    }
    let _watch = watchdog();
    assert!(Process::spawn(write, ()).unwrap().join().unwrap());
}

#[test]
fn an_overflow_of_the_stack_is_a_signal() {
    fn deeper(depth: u64) -> u64 {
        let row = [depth; 512];
        std::hint::black_box(&row);
        if depth == u64::MAX { 0 } else { deeper(depth + 1) + row[0] }
    }
    let _watch = watchdog();
    let result = Process::spawn(deeper, (0,)).unwrap().join();
    assert!(matches!(result, Err(ProcessError::Signaled { .. })), "{result:?}");
}

static REQUEST: ContextVar<String> = ContextVar::new("request").travelling();
static OWN: ContextVar<u32> = ContextVar::new("own").travelling().not_inherited();
static HOME: ContextVar<u32> = ContextVar::new("home");

#[test]
fn cv021_context_variables_that_travel_arrive_and_others_do_not() {
    fn look() -> (Option<String>, bool, bool) {
        (REQUEST.get().ok(), OWN.get().is_ok(), HOME.get().is_ok())
    }
    let _watch = watchdog();
    let _bound = (REQUEST.bind("7".to_owned()), OWN.bind(8), HOME.bind(9));
    let seen = Process::spawn(look, ()).unwrap().join().unwrap();
    assert_eq!(seen, (Some("7".to_owned()), false, false));
}

/// Can be made into bytes, and back if it is not odd.
#[derive(Debug, PartialEq)]
struct Even(u32);

impl Serialize for Even {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 13 { Err(S::Error::custom("bad luck")) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number == 15 {
            hush();
            panic!("fifteen");
        }
        if number % 2 == 0 { Ok(Self(number)) } else { Err(D::Error::custom("odd")) }
    }
}

#[test]
fn arguments_that_cannot_be_sent_or_read_come_back() {
    fn take(even: Even) -> u32 {
        even.0
    }
    let _watch = watchdog();
    assert_eq!(Process::spawn(take, (Even(2),)).unwrap().join().unwrap(), 2);
    let error = Process::spawn(take, (Even(13),)).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::Encode(_)), "{error:?}");
    assert_eq!(error.into_inner(), (Even(13),));
    let error = Process::spawn(take, (Even(7),)).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::Arguments(_)), "{error:?}");
    assert_eq!(error.into_inner(), (Even(7),));
    let error = Process::spawn(take, (Even(15),)).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::NeverStarted(Status::Exited(101))), "{error:?}");
}

#[test]
fn results_that_cannot_be_sent_or_read_are_errors() {
    fn make(number: u32) -> Even {
        Even(number)
    }
    let _watch = watchdog();
    let unsendable = Process::spawn(make, (13,)).unwrap();
    match unsendable.join() {
        Err(ProcessError::Unsendable(error)) => assert!(error.to_string().contains("cannot")),
        other => panic!("{other:?}"),
    }
    assert_eq!(unsendable.status(), Some(Status::Exited(1)));
    let unreadable = Process::spawn(make, (7,)).unwrap().join();
    assert!(matches!(unreadable, Err(ProcessError::Decode(_))), "{unreadable:?}");
}

#[test]
fn a_hundred_megabytes_go_there_and_back() {
    fn turn(mut text: String) -> String {
        text.push('!');
        text
    }
    let _watch = watchdog();
    let text = "inkle weft".repeat(10_000_000);
    let back = Process::spawn(turn, (text.clone(),)).unwrap().join().unwrap();
    assert!(back.len() == text.len() + 1 && back.starts_with(&text));
}

#[test]
fn many_processes_at_once() {
    const COUNT: u64 = 200;
    let _watch = watchdog();
    let processes: Vec<_> = (0..COUNT).map(|n| Process::spawn(product, (n, 3)).unwrap()).collect();
    let pids: BTreeSet<_> = processes.iter().map(|process| process.name().to_owned()).collect();
    assert_eq!(pids.len() as u64, COUNT);
    for (n, process) in (0..).zip(&processes) {
        assert_eq!(process.join().unwrap(), 3 * n);
    }
}

#[test]
fn threads_that_start_processes_at_once() {
    let _watch = watchdog();
    let threads: Vec<_> = (0..8_u64)
        .map(|n| {
            threading::spawn(move || {
                (0..10).map(|m| Process::spawn(product, (n, m)).unwrap().join().unwrap()).sum()
            })
            .unwrap()
        })
        .collect();
    let sums: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(sums, (0..8).map(|n| 45 * n).collect::<Vec<_>>());
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn descriptors_that_run_out_are_an_error_and_all_come_back() {
    fn run_out(limit: u64) {
        // Whatever is taken once.
        assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
        let before = descriptors();
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: a limit of this process's own.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let mut processes = Vec::new();
        let error = loop {
            match Process::spawn(idle, ()) {
                Ok(process) => processes.push(process),
                Err(error) => break error,
            }
            assert!(processes.len() < 48);
        };
        assert!(matches!(error.cause(), SpawnCause::Refused(_)), "{error}");
        for process in &processes {
            process.kill().unwrap();
            process.wait();
        }
        drop(processes);
        assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
        // They may be fewer: who watched over the first process may not have let go of it when they were counted.
        eventually(|| descriptors() <= before);
    }
    let _watch = watchdog();
    // So that each of the descriptors of a process is the one that is missing.
    for limit in 40..48 {
        Process::spawn(run_out, (limit,)).unwrap().join().unwrap();
    }
}

#[test]
fn a_thousand_processes_leave_nothing_behind() {
    fn zombies() -> usize {
        let children = format!("/proc/self/task/{}/children", std::process::id());
        let mut count = fs::read_to_string(children).unwrap_or_default().split(' ').count();
        for task in fs::read_dir("/proc/self/task").unwrap() {
            let path = task.unwrap().path().join("children");
            count += fs::read_to_string(path).unwrap_or_default().split_whitespace().count();
        }
        count
    }
    fn census(rounds: u32) {
        let round = |n: u32| {
            let process = Process::spawn(product, (n.into(), 1)).unwrap();
            match n % 3 {
                0 => assert_eq!(process.join().unwrap(), u64::from(n)),
                1 => drop(process),
                _ => drop((process.kill(), process.join())),
            }
        };
        (0..10).for_each(round);
        eventually(|| active_children().is_empty());
        let mappings = || fs::read_to_string("/proc/self/maps").unwrap().matches("inkle-").count();
        let before = (zombies(), descriptors(), mappings());
        (0..rounds).for_each(round);
        eventually(|| active_children().is_empty());
        eventually(|| zombies() <= before.0 && descriptors() <= before.1 && mappings() <= before.2);
    }
    let _watch = watchdog();
    Process::spawn(census, (1000,)).unwrap().join().unwrap();
}
