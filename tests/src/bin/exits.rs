//! Programs that end, each in its own way; `tests/exit.rs` runs them and reads what they print.

use std::cell::RefCell;
use std::env::args;
use std::process::exit;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use inkle::concurrent::{Spawn, SubmitCause, ThreadPoolExecutor, with_token};
use inkle::platform::{Deadline, after};
use inkle::sched::{Crew, Monotonic, Scheduler};
use inkle::thread;
use inkle::threading::{
    self, Builder, Event, JoinError, Local, LocalGone, SpawnCause, Thread, Timer, at_exit,
    get_ident, get_native_id, set_exit_timeout, shutdown, spawn,
};

/// Set by nobody, unless a scenario says so.
static STOP: Event = Event::new();
static RUNNING: Event = Event::new();

/// Longer than any scenario takes: what waits for this hangs.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);

fn main() {
    // A shell that starts tests in the background has them ignore SIGINT, and so would we.
    //
    // SAFETY: sets a signal's action to the system's own; no handler of ours is involved.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    match args().nth(1).unwrap_or_default().as_str() {
        "order" => order(),
        "nested" => nested(),
        "daemon" => daemon(),
        "foreign" => foreign(),
        "foreign, waited for" => foreign_waited_for(),
        "exit on main" => exit_on_main(),
        "exit elsewhere" => exit_elsewhere(),
        "exit in a joined thread" => exit_in_a_joined_thread(),
        "panic" => panic_in_main(),
        "stragglers" => stragglers(),
        "hook panics" => hook_panics(),
        "late" => late(),
        "without thread-locals" => without_thread_locals(),
        "shutdown" => explicit_shutdown(),
        "shutdown in a hook" => shutdown_in_a_hook(),
        "shutdown in a thread" => shutdown_in_a_thread(),
        "timers" => timers(),
        "schedulers" => schedulers(),
        "pools" => pools(),
        "a pool that hangs" => pool_that_hangs(),
        "stuck" => stuck(),
        #[cfg(unix)]
        "fork" => fork(),
        "leave main" => leave_main(),
        other => {
            eprintln!("no scenario {other:?}");
            exit(99);
        }
    }
}

/// A thread that the end waits for, and that ends once `STOP` is set.
fn waits() -> Thread<()> {
    let thread = spawn(|| {
        STOP.wait();
        println!("thread ends");
    });
    thread.unwrap()
}

fn order() {
    at_exit(|| {
        println!("hook 1");
        STOP.set();
    })
    .unwrap();
    at_exit(|| println!("hook 2")).unwrap();
    waits();
    at_exit(|| println!("hook 3")).unwrap();
    println!("main returns");
}

fn nested() {
    spawn(|| {
        STOP.wait();
        // Main is waiting for this thread by now, or soon.
        sleep(SHORT);
        let inner = spawn(|| {
            sleep(SHORT);
            println!("inner ends");
        });
        assert!(!inner.unwrap().is_daemon());
        println!("outer ends");
    })
    .unwrap();
    at_exit(|| STOP.set()).unwrap();
    println!("main returns");
}

/// Says when it is dropped.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        println!("unwound");
    }
}

thread_local! {
    static WITNESS: RefCell<Option<Witness>> = const { RefCell::new(None) };
}

fn never_ends() {
    let _witness = Witness;
    WITNESS.set(Some(Witness));
    RUNNING.set();
    STOP.wait();
}

fn daemon() {
    at_exit(|| println!("hook")).unwrap();
    Builder::new().daemon(true).spawn(never_ends).unwrap();
    thread::start_new_thread(never_ends).unwrap();
    RUNNING.wait();
    println!("main returns");
}

fn foreign() {
    let start = || spawn(never_ends).unwrap().is_daemon();
    assert!(std::thread::spawn(start).join().unwrap());
    RUNNING.wait();
    println!("main returns");
}

/// The main thread itself never calls this crate.
fn foreign_waited_for() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let start = move || {
        let thread = Builder::new().daemon(false).spawn(move || {
            // Until the main thread's end of the channel is gone.
            assert!(sender.send(()).is_ok());
            while sender.send(()).is_ok() {
                sleep(SHORT);
            }
            println!("thread ends");
        });
        thread.unwrap().is_daemon()
    };
    assert!(!std::thread::spawn(start).join().unwrap());
    receiver.recv().unwrap();
    println!("main returns");
    drop(receiver);
}

fn exit_on_main() {
    at_exit(|| STOP.set()).unwrap();
    waits();
    println!("main exits");
    exit(3);
}

fn exit_elsewhere() {
    at_exit(|| {
        let me = threading::current();
        assert!(me.is_alive() && threading::enumerate().contains(&me));
        println!("hook in {}", me.name());
    })
    .unwrap();
    let stuck = spawn(never_ends).unwrap();
    RUNNING.wait();
    let exiting = Builder::new().name("exiting").spawn(|| exit(4)).unwrap();
    // It never comes back, and others may wait for it in vain: the end does not wait for them.
    let waiting = Builder::new().daemon(false).spawn(move || exiting.join().is_ok()).unwrap();
    let _ = (waiting.join(), stuck.join());
}

fn exit_in_a_joined_thread() {
    set_exit_timeout(Duration::from_millis(200));
    Builder::new()
        .name("exiting")
        .spawn(|| {
            STOP.wait();
            exit(5);
        })
        .unwrap();
    at_exit(|| STOP.set()).unwrap();
}

fn panic_in_main() {
    at_exit(|| STOP.set()).unwrap();
    waits();
    panic!("out of yarn");
}

fn stragglers() {
    set_exit_timeout(SHORT);
    Builder::new().name("weaver").spawn(never_ends).unwrap();
    Builder::new().name("spinner").spawn(never_ends).unwrap();
    Builder::new().name("demon").daemon(true).spawn(never_ends).unwrap();
    println!("main returns");
}

fn hook_panics() {
    at_exit(|| STOP.set()).unwrap();
    at_exit(|| panic!("a hook without yarn")).unwrap();
    at_exit(|| std::panic::panic_any(7)).unwrap();
    waits();
}

fn late() {
    extern "C" fn after_all() {
        let error = spawn(|| ()).unwrap_err();
        assert!(matches!(error.cause(), SpawnCause::Exiting));
        assert!(Timer::start(Duration::ZERO, || ()).is_err());
        assert!(at_exit(|| ()).is_err());
        println!("all over");
    }
    // SAFETY: a function of this program. It runs after all that is registered later.
    unsafe { libc::atexit(after_all) };
    at_exit(|| {
        let error = at_exit(|| println!("never printed")).unwrap_err();
        println!("{error}");
        error.into_inner()();
        // Threads still start, and are waited for.
        spawn(|| {
            sleep(SHORT);
            println!("thread ends");
        })
        .unwrap();
    })
    .unwrap();
}

fn without_thread_locals() {
    static LOCAL: Local<String> = Local::new(String::new);
    LOCAL.with(|_| ());
    let main = get_ident();
    WITNESS.set(None);
    let timer = || Timer::start(SHORT, || 7);
    at_exit(move || {
        assert!(WITNESS.try_with(|_| ()).is_err(), "or this shows nothing");
        assert_eq!(LOCAL.try_with(|_| ()), Err(LocalGone));
        assert_eq!(threading::current(), threading::main_thread());
        assert_eq!((get_ident(), threading::current().native_id()), (main, get_native_id()));
        threading::set_name("old main").unwrap();
        assert_eq!(threading::current().name(), "old main");
        let thread = spawn(get_ident).unwrap();
        assert_eq!(thread.join().unwrap(), thread.ident());
        assert!(matches!(timer().unwrap_err().cause(), SpawnCause::Exiting));
        assert!(STOP.wait_timeout(SHORT).is_err());
        let scheduler = Scheduler::new();
        scheduler.enter(Duration::ZERO, 0, || RUNNING.set()).unwrap();
        scheduler.run().unwrap();
        assert!(RUNNING.is_set());
        let sum = threading::scope(|scope| scope.spawn(|| main + 1).unwrap().join().unwrap());
        assert_eq!(sum.unwrap(), main + 1);
        assert!(spawn(|| panic!("of no interest")).unwrap().join().is_err());
        println!("all well");
    })
    .unwrap();
}

fn explicit_shutdown() {
    at_exit(|| println!("hook")).unwrap();
    at_exit(|| panic!("a hook without yarn")).unwrap();
    let weaver = Builder::new().name("weaver").spawn(|| STOP.wait()).unwrap();
    let quick = Arc::new(Builder::new().name("quick").spawn(|| RUNNING.wait()).unwrap());
    let its = Arc::clone(&quick);
    at_exit(move || {
        RUNNING.set();
        // However long that takes: the deadline is for the other one.
        its.join().unwrap();
    })
    .unwrap();
    let report = shutdown(after(SHORT));
    assert_eq!(report.stragglers, [weaver.info().clone()]);
    assert!(!quick.is_alive());
    println!("{}", report.panics[0]);
    assert!(matches!(spawn(|| ()).unwrap_err().cause(), SpawnCause::Exiting));

    let again = shutdown(Deadline::PASSED);
    assert_eq!((again.stragglers, again.panics.len()), (vec![weaver.info().clone()], 0));
    // Main's return waits no more for whom this has left.
}

fn shutdown_in_a_hook() {
    at_exit(|| STOP.set()).unwrap();
    at_exit(|| {
        let report = shutdown(Deadline::NEVER);
        assert!(report.joined.is_empty() && report.stragglers.is_empty());
        println!("hook");
    })
    .unwrap();
    waits();
}

fn shutdown_in_a_thread() {
    at_exit(|| println!("hook")).unwrap();
    spawn(|| {
        let report = shutdown(Deadline::NEVER);
        assert!(report.stragglers.is_empty(), "not itself");
        println!("thread ends");
    })
    .unwrap();
}

fn timers() {
    let pending = Timer::start(LONG, || println!("never printed")).unwrap();
    spawn(move || {
        let error = pending.join().unwrap_err();
        assert!(matches!(error, JoinError::TimerCancelled));
        println!("cancelled");
        STOP.set();
    })
    .unwrap();
    Timer::start(Duration::ZERO, || {
        RUNNING.set();
        STOP.wait();
        println!("function ends");
    })
    .unwrap();
    RUNNING.wait();
    println!("main returns");
}

fn pools() {
    // The first hook is the last to be called: the pools have been told by then.
    at_exit(|| STOP.set()).unwrap();
    let executor = ThreadPoolExecutor::new(1).unwrap();
    let daemon = ThreadPoolExecutor::builder().daemon(true).workers(1).build().unwrap();
    let inner = executor.clone();
    let late = move || {
        STOP.wait();
        let error = inner.start(|| println!("never printed")).unwrap_err();
        assert!(matches!(error.cause(), SubmitCause::ShutDown));
    };
    executor.start(late).unwrap();
    for number in 1..=5000 {
        let work = move || {
            if number == 5000 {
                println!("{number} tasks")
            }
        };
        executor.start(work).unwrap();
    }
    daemon.start(|| with_token(|token| _ = token.unwrap().wait())).unwrap();
    daemon.start(|| println!("never printed")).unwrap();
    println!("main returns");
    // Neither is dropped.
    std::mem::forget((executor, daemon));
}

fn pool_that_hangs() {
    set_exit_timeout(SHORT);
    let executor = ThreadPoolExecutor::builder().name("weaver").build().unwrap();
    let running = executor.submit(never_ends).unwrap();
    while !running.is_running() {
        std::thread::yield_now();
    }
    println!("main returns");
}

fn schedulers() {
    let late = Scheduler::new();
    at_exit(move || println!("{}", late.start().unwrap_err())).unwrap();

    let on_threads = Scheduler::with_runner(Monotonic, Crew::new(1).unwrap());
    on_threads.start_with(&Builder::new().daemon(false)).unwrap();
    on_threads.enter(LONG, 0, || println!("never printed")).unwrap();
    on_threads
        .enter(Duration::ZERO, 0, || {
            RUNNING.set();
            STOP.wait();
            println!("action ends");
        })
        .unwrap();
    let daemon = Scheduler::new();
    daemon.start().unwrap();
    daemon.enter(Duration::ZERO, 0, || Event::new().wait()).unwrap();
    RUNNING.wait();
    // The newest hook: called first.
    at_exit(|| STOP.set()).unwrap();
    println!("main returns");
}

fn stuck() {
    spawn(never_ends).unwrap();
    at_exit(|| println!("at exit")).unwrap();
}

#[cfg(unix)]
fn fork() {
    waits();
    let (main, native) = (threading::main_thread(), get_native_id());
    assert!(main.is_alive());
    // SAFETY: the child calls what takes no lock that another thread may hold: this program has one
    // other thread, which sleeps.
    let child = unsafe { libc::fork() };
    if child == 0 {
        assert_ne!(get_native_id(), native);
        assert_eq!(get_native_id(), Some(u64::from(std::process::id())));
        // Does not wait for the thread, which it has not.
        exit(0);
    }
    let mut status = 0;
    // SAFETY: waits for the child above and writes to a word of this frame.
    unsafe { libc::waitpid(child, &mut status, 0) };
    println!("child: {status}");
    assert_eq!(get_native_id(), native);
    STOP.set();
}

fn leave_main() {
    at_exit(|| STOP.set()).unwrap();
    waits();
    thread::exit();
}
