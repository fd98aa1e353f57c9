//! Programs with children; `tests/mp_families.rs` runs them, reads what they print and kills some.

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
fn main() {}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn main() {
    linux::main();
}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux {
    use std::env::args;
    use std::fs;
    use std::io::{Write, stdout};
    use std::process::exit;
    use std::thread::sleep;
    use std::time::Duration;

    use inkle::multiprocessing::{Builder, ChildProcess, Process, current_process};
    use inkle::threading::{self, set_exit_timeout};

    /// Longer than any scenario takes.
    const LONG: Duration = Duration::from_secs(3600);

    inkle::register!("families.product", product);
    inkle::register!("families.twice", twice);
    inkle::register!("families.twice", product);

    fn product(a: u64, b: u64) -> u64 {
        a * b
    }

    fn twice(text: String) -> String {
        text.repeat(2)
    }

    fn idle() {
        sleep(LONG);
    }

    /// Not by `println`, of which a line may wait for the end.
    fn say(text: &str) {
        writeln!(stdout(), "{text}").and_then(|()| stdout().flush()).unwrap();
    }

    fn say_pid(child: &ChildProcess) {
        say(&child.pid().to_string());
    }

    pub(super) fn main() {
        match args().nth(1).unwrap_or_default().as_str() {
            "joined" => joined(),
            "daemon" => say_pid(&Builder::new().daemon(true).spawn(idle, ()).unwrap()),
            "stubborn daemon" => stubborn_daemon(),
            "straggler" => straggler(),
            "three generations" => three_generations(),
            "shutdown" => shutdown(),
            "replaced" => replaced(),
            other => {
                eprintln!("no scenario {other:?}");
                exit(99);
            }
        }
    }

    fn late(main_is_over: u64) {
        // The parent's main thread has said so when it is about to wait for us.
        sleep(Duration::from_millis(main_is_over));
        say("the child ends");
    }

    fn joined() {
        drop(Process::spawn(late, (200,)).unwrap());
        say("main returns");
    }

    fn deaf() {
        // SAFETY: sets what a signal does; no handler of ours is involved.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        say("deaf");
        sleep(LONG);
    }

    /// It does not end when it is asked to.
    fn stubborn_daemon() {
        set_exit_timeout(Duration::from_millis(50));
        let child = Builder::new().daemon(true).spawn(deaf, ()).unwrap();
        say_pid(&child);
    }

    fn straggler() {
        set_exit_timeout(Duration::from_millis(50));
        say_pid(&Process::spawn(idle, ()).unwrap());
    }

    fn middle() {
        assert_eq!(current_process().name(), "Process-1");
        let child = Process::spawn(idle, ()).unwrap();
        assert_eq!(child.name(), "Process-1:1");
        say_pid(&child);
        sleep(LONG);
    }

    fn three_generations() {
        say_pid(&Process::spawn(middle, ()).unwrap());
        sleep(LONG);
    }

    fn shutdown() {
        let child = Process::spawn(late, (0,)).unwrap();
        let report = threading::shutdown(inkle::Deadline::NEVER);
        assert!(report.stragglers.is_empty());
        assert!(!child.is_alive());
        let error = Process::spawn(idle, ()).unwrap_err();
        say(&error.to_string());
    }

    /// The program's file is another one by now.
    fn replaced() {
        let path = std::env::current_exe().unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "this is no program").unwrap();
        let process = Process::spawn(product, (6, 7)).unwrap();
        say(&process.join().unwrap().to_string());
    }
}
