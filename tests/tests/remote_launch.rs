//! Workers that are started from here: by a local command for real; `ssh` and `srun` are scripts that stand in
//! for them, check what they are told, and start the program on this machine, as the real ones would on another.
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use inkle::concurrent::Submit;
use inkle::remote::{Launcher, RemoteExecutor, Settings};
use inkle::subprocess::{Command, Signal, Stdio};
use inkle_tests::nats::Server;
use inkle_tests::remote::{patient, square};
use inkle_tests::{PATIENCE, eventually, server, watchdog};

const WEAVES: &str = env!("CARGO_BIN_EXE_weaves");

inkle::register!("tests.square", square as fn(u64) -> u64);

/// What the program prints of who worked: the slots of a worker, how many worked, whether it did itself.
fn weave(server: &Server, path: &str, how: &[&str]) -> String {
    let command = Command::new(WEAVES).args([&*server.url(), "2"]).args(how);
    let done = command.env("PATH", path).stdout(Stdio::Pipe).run().unwrap();
    assert!(done.status.success(), "{}", done.status);
    String::from_utf8(done.output.stdout).unwrap()
}

/// One that knows the token which the program tells its workers.
fn closed_server() -> Option<Server> {
    Server::with("authorization { token: \"it's the warp\" }", &[])
}

/// A script of this name, and the `PATH` on which it is the first.
fn stand_in(server: &Server, name: &str, script: &str) -> String {
    let folder = server.folder().join("bin");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn a_program_starts_itself_as_its_worker() {
    let _watch = watchdog();
    let Some(server) = closed_server() else { return };
    assert_eq!(weave(&server, "/usr/bin:/bin", &["here"]), "2 1 false\n");
}

#[test]
fn workers_by_a_script_that_stands_in_for_ssh() {
    let _watch = watchdog();
    let Some(server) = closed_server() else { return };
    // As the real one: options, a host, and one line for the shell of the user there. Nothing of the login
    // may be seen in it.
    let script = r#"
[ "$1 $2 $3 $4 $5" = "-T -o BatchMode=yes -p 2222" ] || exit 90
[ "$6" = loom-7 ] && [ $# = 7 ] || exit 91
case "$*" in *warp*) exit 92;; esac
exec sh -c "$7"
"#;
    let path = stand_in(&server, "ssh", script);
    assert_eq!(weave(&server, &path, &["ssh", "-p", "2222", "loom-7"]), "2 1 false\n");
}

#[test]
fn workers_by_a_script_that_stands_in_for_srun() {
    let _watch = watchdog();
    let Some(server) = closed_server() else { return };
    // As the real one: the standard input goes to all tasks, and so does its end.
    let script = r#"
[ "$1 $2 $3" = "--input=all --kill-on-bad-exit=0 --ntasks=2" ] || exit 90
shift 3
case "$*" in *warp*) exit 92;; esac
first=$(mktemp -u); mkfifo "$first"
"$@" < "$first" & task=$!
tee "$first" | "$@" && wait $task
status=$?
rm "$first"
exit $status
"#;
    let path = stand_in(&server, "srun", script);
    let told = weave(&server, &path, &["srun", "--ntasks=2"]);
    assert!(["2 1 false\n", "2 2 false\n"].contains(&&*told), "{told}");
}

fn here(settings: &Settings) -> Launcher {
    Launcher::new(settings, Command::new(WEAVES).arg("--worker")).slots(1)
}

#[test]
fn whoever_is_dropped_drains_and_whoever_dies_is_seen() {
    let _watch = watchdog();
    let server = server!();
    let settings = patient(&server);
    let executor = RemoteExecutor::connect(&settings).unwrap();
    let workers = || executor.status().workers.len();

    let dropped = here(&settings).durable(true).start().unwrap();
    let pid = dropped.child().pid();
    eventually(|| workers() == 1);
    assert!(executor.status().workers[0].host.ends_with(&format!(":{pid}")));
    drop(dropped);
    // It says farewell: the lease is a minute.
    eventually(|| workers() == 0);
    eventually(|| !Path::new(&format!("/proc/{pid}/exe")).exists());

    let killed = here(&settings).processes(true).start().unwrap();
    eventually(|| workers() == 1);
    assert_eq!(killed.child().poll(), None);
    killed.child().kill().unwrap();
    assert_eq!(killed.child().wait().signal(), Some(Signal::KILL));
}

#[test]
fn workers_end_when_their_launcher_is_killed() {
    let _watch = watchdog();
    let Some(server) = closed_server() else { return };
    let settings = patient(&server).token("it's the warp");
    let observer = RemoteExecutor::connect(&settings).unwrap();
    let program = Command::new(WEAVES).args([&*server.url(), "1", "stays"]);
    let program = program.stdout(Stdio::Null).spawn().unwrap();
    eventually(|| !observer.status().workers.is_empty());
    program.kill().unwrap();
    program.wait();
    eventually(|| observer.status().workers.is_empty());
}

#[test]
fn what_cannot_be_started_and_what_ends_at_once_is_told() {
    let _watch = watchdog();
    let settings = Settings::new("nats://127.0.0.1:1").connect_timeout(PATIENCE);
    let nowhere = Launcher::new(&settings, Command::new("/nowhere/weaves")).start().unwrap_err();
    assert!(nowhere.to_string().contains("/nowhere/weaves"), "{nowhere}");

    let log = std::env::temp_dir().join(format!("inkle-launch-{}", std::process::id()));
    let to_log = |command: Command| command.stderr(File::create(&log).unwrap());
    // Nobody is there.
    let worker = here(&settings).with(to_log).start().unwrap();
    assert_eq!(worker.child().wait().code(), Some(3));
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("no server answers at nats://127.0.0.1:1"), "{said}");
    // Nobody has launched it.
    for input in ["", "weave!\n", "inkle-worker-1 00\n"] {
        let done =
            Command::new(WEAVES).arg("--worker").input(input).capture_output().run().unwrap();
        assert_eq!(done.status.code(), Some(3));
        let said = String::from_utf8(done.output.stderr).unwrap();
        assert!(said.contains("no launcher has started this"), "{said}");
    }
    fs::remove_file(log).unwrap();

    let Some(server) = Server::start() else { return };
    let executor = RemoteExecutor::connect(&patient(&server)).unwrap();
    let _worker = here(&patient(&server)).start().unwrap();
    // The program has no such function.
    let refused = executor.submit_fn(square, 1).unwrap().join().unwrap_err();
    assert!(refused.to_string().contains("tests.square"), "{refused}");
}
