//! A program that has its workers started: `weaves SERVER SLOTS COMMAND...`, where the command is `here`, `ssh`
//! or `srun` and what that is told before the program. Prints who did the work. With `stays` it has it done here,
//! and waits to be killed.

use std::collections::BTreeSet;
use std::env;
use std::process::{ExitCode, id};
use std::time::Duration;

use inkle::concurrent::Submit;
use inkle::remote::{Launcher, RemoteExecutor, Settings, Worker};
use inkle_tests::remote::waits;

/// Who does it, and what comes of it.
fn weaves(n: u64) -> (u32, u64) {
    std::thread::sleep(Duration::from_millis(1));
    (id(), n * n)
}

inkle::register!("weaves", weaves as fn(u64) -> (u32, u64));
// `tests/remote_partition.rs`
inkle::register!("tests.waits", waits);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--worker", ..] = words[..] {
        return match Worker::launched() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(3)
            }
        };
    }
    let [server, slots, how, ref options @ ..] = words[..] else { return ExitCode::from(2) };
    let settings = Settings::new(server).lease(Duration::from_secs(60)).token("it's the warp");
    let executor = RemoteExecutor::connect(&settings).unwrap();
    let own = env::current_exe().unwrap();
    let program = [own.to_str().unwrap(), "--worker", "it's a \"word\" of $HOME"];
    let launcher = match how {
        "here" | "stays" => Launcher::here(&settings, &program[1..]).unwrap(),
        "ssh" => Launcher::ssh(&settings, options.iter().copied(), program),
        "srun" => Launcher::srun(&settings, options.iter().copied(), program),
        _ => return ExitCode::from(2),
    };
    let worker = launcher.slots(slots.parse().unwrap()).start().unwrap();
    if how == "stays" {
        loop {
            std::thread::park();
        }
    }
    let done: Result<Vec<_>, _> = executor.map_fn(weaves, 0..200).into_iter().collect();
    let done = done.unwrap();
    assert_eq!(done.iter().map(|(_, square)| square).sum::<u64>(), 2_646_700);
    let workers = executor.status().workers;
    let who: BTreeSet<u32> = done.iter().map(|(pid, _)| *pid).collect();
    println!("{} {} {}", workers[0].slots, who.len(), who.contains(&id()));
    worker.close();
    let status = worker.child().wait();
    assert!(status.success(), "{status}");
    ExitCode::SUCCESS
}
