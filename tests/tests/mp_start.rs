//! Processes by a fork server: all that holds of those that are spawned, and what such a server must not keep.
//! (MP001, MP004)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use inkle::multiprocessing::{
    Builder, Pool, Process, ProcessError, ProcessPoolExecutor, SpawnCause, StartMethod,
    active_children, set_start_method, start_fork_server, start_method,
};
use inkle::subprocess::{Signal, Status};
use inkle_cases::dice::{Choices, Dice};
use inkle_tests::{eventually, is_stopped, watchdog};

/// The same tests, with another default; the programs of the first are told by a variable.
#[path = "mp_families.rs"]
mod families;
#[path = "mp_pool.rs"]
mod pools;
#[path = "mp_process.rs"]
mod processes;

#[used]
// SAFETY: functions that take and give nothing, as the section is to have. They are called before `main`, when there
// are no other threads.
#[unsafe(link_section = ".init_array.00100")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn prefer_the_fork_server() {
        set_start_method(StartMethod::ForkServer);
        // SAFETY: nobody else looks at the environment.
        unsafe { env::set_var("FAMILIES_FORK", "1") };
        if env::var_os(EARLY_THREAD).is_some() {
            thread::spawn(|| thread::sleep(inkle_tests::PATIENCE));
        }
    }
    prefer_the_fork_server
};

/// Has the program start a thread before `main`.
const EARLY_THREAD: &str = "MP_START_EARLY_THREAD";

fn product(a: u64, b: u64) -> u64 {
    a * b
}

fn idle() {
    thread::sleep(inkle_tests::PATIENCE);
}

/// Runs this in a process of its own, which it may change, and whose children it knows.
fn apart<R: serde::Serialize + serde::de::DeserializeOwned>(
    f: impl inkle::multiprocessing::Call<(), Output = R>,
) -> R {
    let _watch = watchdog();
    Builder::new().start_method(StartMethod::Spawn).spawn(f, ()).unwrap().join().unwrap()
}

/// The children of this process, also those that have ended and that nobody has asked how.
fn children() -> BTreeSet<i32> {
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children"));
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has ended meanwhile has none.
    let lists = tasks.filter_map(|task| of(task.unwrap()).ok());
    lists
        .flat_map(|it| it.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Of a process that has no other child.
fn server() -> i32 {
    let only = || {
        start_fork_server().unwrap();
        // One that has ended may be there beside it for a moment, or instead of it.
        let mut children = children();
        children.pop_first().filter(|server| children.is_empty() && !is_gone(*server))
    };
    let found = Cell::new(None);
    eventually(|| {
        found.set(only());
        found.get().is_some()
    });
    found.get().unwrap()
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: a signal to a child of this process's that nobody else waits for.
    unsafe { libc::kill(pid, signal) };
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn mp001_the_default_holds_here_and_in_children() {
    fn look() -> (bool, usize) {
        let is_default = start_method() == StartMethod::ForkServer;
        // None but the fork server that the first of them has started.
        Process::spawn(idle, ()).unwrap().kill().unwrap();
        eventually(|| active_children().is_empty());
        eventually(|| children().len() <= 1);
        (is_default, children().len())
    }
    assert_eq!(apart(look), (true, 1));
    fn other() -> (bool, usize) {
        set_start_method(StartMethod::Spawn);
        let (_, children) = look();
        let method = || start_method() == StartMethod::Spawn;
        (Process::spawn(method, ()).unwrap().join().unwrap(), children)
    }
    assert_eq!(apart(other), (true, 0));
}

#[test]
fn mp004_a_child_is_the_parents_and_not_the_servers() {
    fn about() -> (u32, i32, bool) {
        // SAFETY: they ask.
        let (group, is_leader) = unsafe { (libc::getpgrp(), libc::getsid(0) == libc::getpid()) };
        (parent_id(), group, is_leader)
    }
    let _watch = watchdog();
    let children: Vec<_> = (0..3).map(|_| Process::spawn(about, ()).unwrap()).collect();
    for child in children {
        // SAFETY: asks.
        let group = unsafe { libc::getpgrp() };
        assert_eq!(child.join().unwrap(), (std::process::id(), group, false));
    }
}

#[test]
fn a_signal_to_oneself_arrives_whoever_sends_it() {
    fn raise() {
        // SAFETY: a signal to the calling thread.
        unsafe { libc::raise(libc::SIGUSR2) };
    }
    fn signal_oneself() {
        // SAFETY: as above.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
    }
    fn by_thread() {
        thread::spawn(raise).join().unwrap();
    }
    let _watch = watchdog();
    for process in [
        Process::spawn(raise, ()),
        Process::spawn(signal_oneself, ()),
        Process::spawn(by_thread, ()),
    ] {
        let result = process.unwrap().join();
        let by = |it| matches!(it, Err(ProcessError::Signaled { signal: Signal::USR2, .. }));
        assert!(by(result));
    }
}

#[test]
fn mp004_the_server_holds_nothing_of_the_parents() {
    fn look() -> (Vec<PathBuf>, PathBuf, usize) {
        let server = PathBuf::from(format!("/proc/{}", server()));
        // It serves: the beginning is over.
        Process::spawn(product, (6, 7)).unwrap().join().unwrap();
        let links = fs::read_dir(server.join("fd")).unwrap().map(|fd| fd.unwrap().path());
        let open = links.filter_map(|link| fs::read_link(link).ok()).collect();
        let threads = fs::read_dir(server.join("task")).unwrap().count();
        (open, fs::read_link(server.join("cwd")).unwrap(), threads)
    }
    let (open, folder, threads) = apart(look);
    let (null, others): (Vec<_>, Vec<_>) =
        open.iter().partition(|target| target.as_path() == Path::new("/dev/null"));
    assert!(null.len() == 3 && others.len() == 1, "{open:?}");
    assert!(others[0].to_string_lossy().starts_with("socket:"), "{others:?}");
    assert_eq!((folder.as_path(), threads), (Path::new("/"), 1));
}

#[test]
fn a_child_has_as_many_descriptors_as_one_that_was_spawned() {
    fn compare() -> (usize, usize) {
        let count = |method| {
            let builder = Builder::new().start_method(method);
            builder.spawn(descriptors, ()).unwrap().join().unwrap()
        };
        (count(StartMethod::ForkServer), count(StartMethod::Spawn))
    }
    let (forked, spawned) = apart(compare);
    assert_eq!(forked, spawned);
}

type Surroundings = (PathBuf, u32, usize, bool, bool);

/// And a line to the standard output.
fn look_around() -> Surroundings {
    // By the system, and not by the library that this process shares with no test.
    let out = rustix::stdio::stdout();
    rustix::io::write(out, b"here\n").unwrap();
    // SAFETY: sets and puts back a number; this thread alone makes files.
    let umask = unsafe {
        let umask = libc::umask(0o777);
        libc::umask(umask);
        umask
    };
    // Something that is not for programs that are started may have got the number.
    let flags = rustix::io::fcntl_getfd(rustix::stdio::stderr());
    let has_errors = flags.is_ok_and(|flags| flags.is_empty());
    let late = env::var("LATE").unwrap().len();
    (env::current_dir().unwrap(), umask, late, env::var_os("FAMILIES_FORK").is_some(), has_errors)
}

#[test]
fn mp004_what_a_child_begins_with_is_of_the_time_when_it_is_started() {
    fn change(folder: PathBuf) -> [Surroundings; 2] {
        let server = server();
        fs::create_dir(&folder).unwrap();
        let out = fs::File::create(folder.join("out")).unwrap();
        let folder = folder.canonicalize().unwrap();
        env::set_current_dir(&folder).unwrap();
        rustix::stdio::dup2_stdout(&out).unwrap();
        // SAFETY: no other thread of this process looks at variables or makes files, or uses the stream.
        unsafe {
            env::set_var("LATE", "a longer line ".repeat(10_000));
            env::remove_var("FAMILIES_FORK");
            libc::umask(0o027);
            libc::close(libc::STDERR_FILENO);
        }
        let child = Process::spawn(look_around, ()).unwrap().join().unwrap();
        assert_eq!(children(), BTreeSet::from([server]), "it is still the same");
        [child, look_around()]
    }
    let _watch = watchdog();
    let folder = env::temp_dir().join(format!("inkle-start-{}", std::process::id()));
    let builder = Builder::new().start_method(StartMethod::Spawn);
    let [child, parent] = builder.spawn(change, (folder.clone(),)).unwrap().join().unwrap();
    let written = fs::read_to_string(folder.join("out"));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(written.unwrap(), "here\nhere\n");
    assert_eq!(child, parent);
    assert_eq!((child.1, child.3, child.4), (0o027, false, false));
}

#[test]
fn mp004_what_no_request_says_has_the_server_replaced() {
    type Lasting = (u64, bool, i32, u32);
    fn look() -> Lasting {
        // SAFETY: they ask, into values of ours.
        unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit);
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGUSR1, std::ptr::null(), &raw mut action);
            let is_ignored = action.sa_sigaction == libc::SIG_IGN;
            (limit.rlim_cur, is_ignored, libc::getsid(0), libc::getuid())
        }
    }
    fn child() -> Lasting {
        Process::spawn(look, ()).unwrap().join().unwrap()
    }
    fn change() {
        assert_eq!(child(), look());
        // SAFETY: what belongs to this process alone. The last, if it may: then it is nobody's, and can still start
        // this program.
        let steps: [fn(); 4] = unsafe {
            [
                || {
                    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                    libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
                },
                || {
                    libc::signal(libc::SIGUSR1, libc::SIG_IGN);
                },
                || {
                    libc::setsid();
                },
                || {
                    libc::setgid(65534);
                    libc::setuid(65534);
                },
            ]
        };
        for step in steps {
            let before = server();
            step();
            assert_eq!(child(), look());
            assert_ne!(server(), before);
        }
    }
    // SAFETY: asks.
    if unsafe { libc::getuid() } == 0 {
        apart(change);
    }
}

#[test]
fn a_server_that_was_killed_is_started_again() {
    fn kill_it() {
        for _ in 0..20 {
            kill(server(), libc::SIGKILL);
            assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
        }
        let last = server();
        kill(last, libc::SIGKILL);
        eventually(|| !children().contains(&last));
    }
    apart(kill_it);
}

#[test]
fn a_server_that_is_killed_at_any_moment_leaves_nothing_behind() {
    const ROUNDS: u64 = 300;
    fn kill_it() -> u64 {
        server();
        let before = descriptors();
        let round = AtomicU64::new(0);
        let mut born = 0;
        thread::scope(|scope| {
            // One process in two rounds, at most: the server, or, if that is new, a child.
            scope.spawn(|| {
                let mut dice = Dice::new(7);
                let mut next = 0;
                while round.load(Ordering::Acquire) < ROUNDS {
                    thread::sleep(Duration::from_micros(dice.roll(1000) as u64));
                    if round.load(Ordering::Acquire) >= next {
                        children().first().inspect(|pid| kill(**pid, libc::SIGKILL));
                        next = round.load(Ordering::Acquire) + 2;
                    }
                }
            });
            for n in 0..ROUNDS {
                round.store(n, Ordering::Release);
                let joined = Process::spawn(product, (n, 2)).map(|process| process.join());
                match joined.map_err(|error| error.into_parts().0) {
                    Ok(Ok(result)) => {
                        assert_eq!(result, 2 * n);
                        born += 1;
                    }
                    // The child was hit.
                    Ok(Err(ProcessError::Signaled { signal: Signal::KILL, .. })) => {}
                    Err(SpawnCause::NeverStarted(Status::Killed {
                        signal: Signal::KILL, ..
                    })) => {}
                    other => panic!("{other:?}"),
                }
            }
            round.store(ROUNDS, Ordering::Release);
        });
        // No other child is left.
        server();
        eventually(|| descriptors() <= before);
        born
    }
    let born = apart(kill_it);
    assert!(born > 0);
}

#[test]
fn a_server_that_has_stopped_is_given_up_at_the_deadline() {
    fn stop_it() {
        let first = server();
        kill(first, libc::SIGSTOP);
        eventually(|| is_stopped(first as u32));
        let hasty = Builder::new().startup_timeout(Duration::from_millis(50));
        let error = hasty.spawn(product, (6, 7)).unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::TimedOut), "{error}");
        assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
        assert_ne!(server(), first);
    }
    apart(stop_it);
}

#[test]
fn a_child_that_is_born_too_late_is_put_away() {
    fn hurry() {
        server();
        let before = descriptors();
        for micros in (0..1000).step_by(5) {
            let hasty = Builder::new().startup_timeout(Duration::from_micros(micros));
            match hasty.spawn(idle, ()) {
                Ok(process) => process.kill().unwrap(),
                Err(error) => assert!(matches!(error.cause(), SpawnCause::TimedOut), "{error}"),
            }
        }
        eventually(|| active_children().is_empty());
        // And no other child.
        server();
        eventually(|| descriptors() <= before);
    }
    apart(hurry);
}

#[test]
fn a_thread_from_before_main_is_refused() {
    fn start() -> String {
        // SAFETY: no other thread of this process looks at variables.
        unsafe { env::set_var(EARLY_THREAD, "1") };
        let error = Process::spawn(product, (6, 7)).unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::Failed(_)), "{error:?}");
        error.to_string()
    }
    let told = apart(start);
    assert!(told.contains("threads"), "{told}");
}

/// The program, which runs, and its server, of which it says the number.
fn says(scenario: &str) -> (std::process::Child, i32) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_families"));
    let mut child = program.arg(scenario).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().unwrap())
}

fn is_gone(pid: i32) -> bool {
    matches!(inkle_tests::process_state(pid), None | Some('Z' | 'X'))
}

#[test]
fn mp016_the_server_ends_with_its_parent() {
    let _watch = watchdog();
    let (mut parent, server) = says("fork server");
    assert!(parent.wait().unwrap().success());
    assert!(is_gone(server), "it was waited for");
    let (mut parent, server) = says("idle fork server");
    assert!(!is_gone(server));
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually(|| is_gone(server));
}

inkle::register!("mp_start.product", product);

#[test]
fn a_registered_function_is_found() {
    let _watch = watchdog();
    let process = Process::<u64>::spawn_named("mp_start.product", (6_u64, 7_u64)).unwrap();
    assert_eq!(process.join().unwrap(), 42);
}

#[test]
fn cf046_pools_have_workers_of_either_method() {
    fn count(method: StartMethod) -> (Vec<u64>, BTreeSet<u32>, usize) {
        let executor = ProcessPoolExecutor::builder().workers(3).start_method(method);
        let pool = Pool::with(executor.max_tasks_per_child(2)).unwrap();
        let results = pool.map(|n: u64| product(n, n), 0..20).unwrap();
        let parents = (0..6).map(|_| pool.apply(parent_id, ()).unwrap()).collect();
        pool.close();
        pool.join().unwrap();
        eventually(|| active_children().is_empty());
        eventually(|| children().len() <= 1);
        (results, parents, children().len())
    }
    fn forked() -> bool {
        let squares: Vec<_> = (0..20).map(|n| n * n).collect();
        let me = BTreeSet::from([std::process::id()]);
        assert_eq!(count(StartMethod::Spawn), (squares.clone(), me.clone(), 0));
        count(StartMethod::ForkServer) == (squares, me, 1)
    }
    assert!(apart(forked));
}
