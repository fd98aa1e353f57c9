//! What is left of pools by SIGKILL, of their workers and of their owner: `src/bin/kills.rs` has the program. (CF053,
//! MP016)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use std::fs::{self, read_dir, read_link, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use inkle_cases::dice::{Choices, Dice};
use inkle_tests::{eventually, watchdog};

const KILLS: &str = env!("CARGO_BIN_EXE_kills");

#[test]
fn cf053_each_task_is_accounted_for_and_nothing_is_left_after_500_deaths() {
    let _watch = watchdog();
    let output = Command::new(KILLS).arg("500").output().unwrap();
    let [said, error] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    println!("{said}");
    assert!(output.status.success(), "{}: {error}", output.status);
}

/// A program with children, and a folder for all that they leave behind.
struct Storm {
    program: std::process::Child,
    folder: PathBuf,
    variable: String,
}

impl Storm {
    fn start(number: usize) -> Self {
        let folder =
            std::env::temp_dir().join(format!("inkle-kills-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let variable = format!("TMPDIR={}", folder.display());
        let mut command = Command::new(KILLS);
        command.args(["for", "ever"]).env("TMPDIR", &folder).stderr(Stdio::null());
        Self { program: command.spawn().unwrap(), folder, variable }
    }

    /// It and all its descendants, by the variable that they all have.
    fn processes(&self) -> Vec<PathBuf> {
        let processes = read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        processes
            .filter(|process| {
                let environment = fs::read(process.join("environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|line| line == self.variable.as_bytes())
            })
            .collect()
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the process has mapped or open under a name that would outlive it.
fn named_memory(process: &Path) -> Vec<String> {
    let maps = read_to_string(process.join("maps")).unwrap_or_default();
    let mapped = maps.lines().map(str::to_owned);
    let open = read_dir(process.join("fd")).into_iter().flatten().flatten();
    let open = open.filter_map(|fd| Some(read_link(fd.path()).ok()?.display().to_string()));
    mapped.chain(open).filter(|name| name.contains("/dev/shm/")).collect()
}

#[test]
fn mp016_an_owner_of_a_pool_that_is_killed_at_work_leaves_no_process_and_no_file() {
    let _watch = watchdog();
    let mut dice = Dice::new(3);
    for number in 0..10 {
        let mut storm = Storm::start(number);
        eventually(|| storm.processes().len() > 3);
        for process in storm.processes() {
            assert!(named_memory(&process).is_empty(), "{:?}", named_memory(&process));
        }
        // Workers come and go all the time.
        sleep(Duration::from_micros(dice.roll(20_000) as u64));
        storm.program.kill().unwrap();
        storm.program.wait().unwrap();
        eventually(|| storm.processes().is_empty());
        assert_eq!(read_dir(&storm.folder).unwrap().count(), 0, "files");
    }
}
