//! Other programs: a shell's echo, a conversation through pipes, a listing that is captured, a
//! pipeline, and one that takes too long.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use inkle::platform::after;
use inkle::subprocess::{CheckError, Command, Stdio};

use crate::report::{bytes, count, fit, say};
use crate::tree::Tree;
use crate::{Chapter, Failure, LIMIT, Outcome};

pub(crate) const CHAPTER: Chapter = Chapter {
    name: "subprocess",
    python: "run('ls -l', shell=True); Popen(args).communicate(data)",
    rust: "Command::shell(\"ls -l\").run()?; child.communicate_until(data, deadline)?",
    run,
};

/// Of what takes an hour.
const PATIENCE: Duration = Duration::from_millis(300);

fn run(tree: &Arc<Tree>) -> Outcome {
    shell()?;
    let talked = conversation(tree)?;
    let listed = listing(tree)?;
    let kinds = pipeline(tree)?;
    let partial = too_long()?;
    Ok(format!(
        "{} there and back; {} listed; {} counted; {} kept",
        bytes(talked as u64),
        count(listed, "line"),
        count(kinds, "kind"),
        bytes(partial as u64)
    ))
}

/// What a shell is told, and what it is given: the latter is never taken for a command.
fn shell() -> Result<(), Failure> {
    let command = Command::shell("echo \"$1\" | tr a-z A-Z").args(["sh", "woven; exit 9"]);
    let done = command.capture_output().timeout(LIMIT).check(true).run()?;
    let text = done.output.stdout_text()?;
    if text != "WOVEN; EXIT 9\n" {
        return Err(format!("the shell said {text:?}").into());
    }
    say(format_args!("a shell says {}", text.trim_end()));
    Ok(())
}

/// All files go into a program and come back, which no pipe has room for; says how many bytes.
fn conversation(tree: &Tree) -> Result<usize, Failure> {
    let mut content = Vec::new();
    for path in tree.files.keys() {
        // One that is gone meanwhile is none.
        if let Ok(more) = tree.read(path) {
            content.extend(more);
        }
    }
    let child = Command::new("cat").stdin(Stdio::Pipe).stdout(Stdio::Pipe).spawn()?;
    let output = child.communicate_until(content.clone(), after(LIMIT))?;
    if output.stdout != content || !child.wait().success() {
        return Err(format!("{} bytes came back of {}", output.stdout.len(), content.len()).into());
    }
    say(format_args!("{} went into a program and came back", bytes(content.len() as u64)));
    Ok(content.len())
}

/// What `ls -lA` says of the folder, against what the system says; gives the number of entries.
fn listing(tree: &Tree) -> Result<usize, Failure> {
    let names = || -> Result<usize, Failure> { Ok(std::fs::read_dir(&tree.root)?.count()) };
    let before = names()?;
    let done = Command::from_args(["ls", "-lA"])
        .current_dir(&tree.root)
        .env("LC_ALL", "C")
        .capture_output()
        .timeout(LIMIT)
        .check(true)
        .run()?;
    let text = done.output.stdout_lossy();
    // The first line is the total. A name may have ends of lines in it, which `ls` shows as they are.
    let listed = text.lines().skip(1).count();
    if listed < before && names()? == before {
        return Err(format!("{listed} of {before} entries are listed").into());
    }
    let longest = text.lines().max_by_key(|line| line.len()).unwrap_or_default();
    say(format_args!("ls -lA: {}, the longest {}", count(listed, "line"), fit(longest, 50)));
    let missing = Command::new("ls").arg("--").arg(tree.root.join("no such file, surely"));
    match missing.capture_output().check(true).timeout(LIMIT).run() {
        Err(CheckError::Failed(failed)) if !failed.output.stderr.is_empty() => {}
        other => return Err(format!("what is not there was listed: {other:?}").into()),
    }
    Ok(listed)
}

/// How many files there are of each kind, by `sort | uniq -c | sort -rn`, against our own count; says how
/// many kinds.
fn pipeline(tree: &Tree) -> Result<usize, Failure> {
    let mut kinds = BTreeMap::<String, usize>::new();
    let mut lines = String::new();
    for path in tree.files.keys() {
        let kind = path.extension().unwrap_or(OsStr::new("none")).to_string_lossy();
        // What would be more than a word is left out.
        if kind.chars().all(char::is_alphanumeric) {
            *kinds.entry(kind.to_string()).or_default() += 1;
            lines.push_str(&kind);
            lines.push('\n');
        }
    }
    let stage = |args: &[&str]| Command::from_args(args).env("LC_ALL", "C");
    let done = stage(&["sort"])
        .pipe(stage(&["uniq", "-c"]))
        .pipe(stage(&["sort", "-rn"]))
        .capture_output()
        .input(lines)
        .timeout(LIMIT)
        .check(true)
        .run()?;
    let text = done.last().ok_or("a pipeline without an end")?.output.stdout_text()?;
    let counted = text.lines().filter_map(|line| {
        let (number, kind) = line.trim().split_once(' ')?;
        Some((kind.to_owned(), number.parse().ok()?))
    });
    let counted: Vec<(String, usize)> = counted.collect();
    if counted.iter().cloned().collect::<BTreeMap<_, _>>() != kinds {
        return Err(format!("{counted:?} are counted of {kinds:?}").into());
    }
    if let Some((kind, number)) = counted.first() {
        let files = count(*number, "file");
        say(format_args!("sort | uniq -c | sort -rn: {files} of the commonest kind, {kind}"));
    }
    Ok(counted.len())
}

/// A program that would take an hour: what it has said until then is kept; says how many bytes.
fn too_long() -> Result<usize, Failure> {
    let command = Command::shell("echo begun; exec sleep 3600").capture_output();
    let mut patience = PATIENCE;
    loop {
        match command.clone().timeout(patience).run() {
            Err(CheckError::TimedOut(expired)) if expired.output.stdout == b"begun\n" => {
                say(format_args!("{expired}: it had said {:?}", expired.output.stdout_lossy()));
                return Ok(expired.output.stdout.len());
            }
            // A busy machine takes its time to start it.
            Err(CheckError::TimedOut(_)) if patience < LIMIT => patience *= 2,
            other => return Err(format!("an hour in {patience:?}: {other:?}").into()),
        }
    }
}
