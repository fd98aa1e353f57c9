//! `ORDERINGS.md`, and whether what it is made of is that of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::ledger::Ledger;
use super::source;
use super::tier::Result;
use super::{IDLE, KILLED, NEW, NO_MODEL, SLOW, SURVIVES, UNFINISHED};

/// What came of each mutant.
pub(crate) const MUTANTS: &str = "loom-tests/mutants.txt";

/// Why some live on, by hand.
const SURVIVORS: &str = "loom-tests/survivors.txt";

const REPORT: &str = "loom-tests/ORDERINGS.md";

pub(crate) const MUTANTS_HEAD: &str = "\
# What came of each ordering that was weakened. Written by `mutants`; see README.md.
#
# file, function: call, change: what came of it
";

const HEAD: &str = "\
# Orderings that are needed

Each ordering in the core's sources is made weaker, and each fence is removed, one at a time; then the
models of the exact tier that touch the place are run. If one fails, the ordering is needed, and a change
that loses it would be noticed: the mutant is *killed*. Made of `mutants.txt` (which says what killed
each) and of `survivors.txt` by

```text
cargo run --release -p loom-tests --bin mutants
```

";

/// The file whose mutants test this tool: those of `needed` must be killed, those of `needless` live.
const CANARY: &str = "loom-tests/models/mutants.rs";

/// Writes the report; gives what is wrong with the canary.
pub(crate) fn write(root: &Path) -> Result<Vec<String>> {
    let (mutants, reasons) = read(root)?;
    fs::write(root.join(REPORT), render(&mutants, &reasons))?;
    let wrong = mutants.lines.iter().filter(|((file, call, _), what)| {
        file == CANARY
            && *what != IDLE
            && what.starts_with(KILLED)
                != (call.starts_with("needed:") || call.starts_with("needed#"))
    });
    Ok(wrong.map(|((_, call, change), what)| format!("{call}, {change}: {what}?!")).collect())
}

fn read(root: &Path) -> Result<(Ledger, Ledger)> {
    Ok((Ledger::read(&root.join(MUTANTS))?, Ledger::read(&root.join(SURVIVORS))?))
}

/// What is stale or missing in the files: nothing, if all is well.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let (mutants, reasons) = read(root)?;
    let mut problems = Vec::new();
    let in_sources: BTreeSet<_> =
        source::sites(root)?.into_iter().map(|site| (site.file, site.call)).collect();
    let in_file: BTreeSet<_> =
        mutants.lines.iter().map(|((file, call, _), _)| (file.clone(), call.clone())).collect();
    for (file, call) in in_sources.difference(&in_file) {
        problems.push(format!("{MUTANTS} lacks {file}, {call}"));
    }
    for (file, call) in in_file.difference(&in_sources) {
        problems.push(format!("{MUTANTS} has {file}, {call}, which is gone"));
    }
    let known = mutants.map();
    for (key, _) in &reasons.lines {
        let (file, call, change) = key;
        match known.get(key) {
            None => {
                problems.push(format!("{SURVIVORS} has {file}, {call}, {change}: no such mutant"))
            }
            Some(what) if !lives(what) => {
                problems.push(format!("{SURVIVORS} has {file}, {call}, {change}: {what}"));
            }
            Some(_) => {}
        }
    }
    if fs::read_to_string(root.join(REPORT)).ok() != Some(render(&mutants, &reasons)) {
        problems.push(format!("{REPORT} is not made of the other two"));
    }
    if !problems.is_empty() {
        problems
            .push("to be mended by `cargo run --release -p loom-tests --bin mutants`".to_owned());
    }
    Ok(problems)
}

fn lives(what: &str) -> bool {
    what.starts_with(SURVIVES) || what.starts_with(SLOW) || what == NO_MODEL
}

#[derive(Default)]
struct Count {
    all: usize,
    killed: usize,
    explained: usize,
    unexplained: usize,
    open: usize,
}

fn render(mutants: &Ledger, reasons: &Ledger) -> String {
    let reasons = reasons.map();
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut total = Count::default();
    let mut living = Ledger::default();
    for (key, what) in &mutants.lines {
        if key.0 == CANARY || what == IDLE {
            continue;
        }
        for count in [counts.entry(&key.0).or_default(), &mut total] {
            count.all += 1;
            if what.starts_with(KILLED) {
                count.killed += 1;
            } else if !lives(what) {
                count.open += 1;
            } else if reasons.contains_key(key) {
                count.explained += 1;
            } else {
                count.unexplained += 1;
            }
        }
        if !what.starts_with(KILLED) && what != NEW {
            living.lines.push((key.clone(), what.clone()));
        }
    }

    let mut text = HEAD.to_owned();
    let of = |all: usize, part: usize| part as f64 * 100.0 / all.max(1) as f64;
    let _ = writeln!(
        text,
        "{} of {} killed ({:.1}%); {} live for a known reason ({:.1}%), {} unexplained, {} not decided.\n",
        total.killed,
        total.all,
        of(total.all, total.killed),
        total.explained,
        of(total.all, total.explained),
        total.unexplained,
        total.open,
    );
    text += "| file | mutants | killed | explained | unexplained | not decided |\n";
    text += "|---|---:|---:|---:|---:|---:|\n";
    for (file, count) in &counts {
        let Count { all, killed, explained, unexplained, open } = count;
        let _ = writeln!(
            text,
            "| {} | {all} | {killed} | {explained} | {unexplained} | {open} |",
            short(file)
        );
    }
    text += "\n## Those that live\n";
    let mut file = "";
    for (key, what) in &living.lines {
        if file != key.0 {
            file = &key.0;
            let _ = writeln!(text, "\n{}:\n", short(file));
        }
        let (function, call) = key.1.split_once(": ").unwrap_or(("", &key.1));
        let why = reasons.get(key).copied().unwrap_or("**unexplained**");
        let why = if what.starts_with(UNFINISHED) { "not decided" } else { why };
        let _ = writeln!(text, "- `{function}`: `{call}`, {}: {why} ({what})", key.2);
    }
    text
}

fn short(file: &str) -> &str {
    file.strip_prefix("core/src/").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `--check`, as a test.
    #[test]
    fn the_files_are_those_of_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(check(root).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_reason_for_what_is_dead_or_gone_is_a_problem() {
        assert!(lives("survives 3 models") && lives("no model") && lives("slow in x"));
        assert!(
            !lives("killed by x") && !lives("not run") && !lives("unfinished after 1 of 2 runs")
        );
    }

    #[test]
    fn the_report_counts_the_dead_the_explained_and_the_others() {
        let line = |call: &str, what: &str| {
            let key =
                ("core/src/a.rs".to_owned(), call.to_owned(), "Acquire -> Relaxed".to_owned());
            (key, what.to_owned())
        };
        let mutants = Ledger {
            lines: vec![
                line("f: a()", "killed by m"),
                line("f: b()", "survives 2 models"),
                line("f: c()", "survives 1 models"),
                line("f: d()", "not run"),
            ],
        };
        let reasons = Ledger { lines: vec![line("f: b()", "it is bold")] };
        let text = render(&mutants, &reasons);
        assert!(text.contains("| a.rs | 4 | 1 | 1 | 1 | 1 |"), "{text}");
        assert!(text.contains("- `f`: `b()`, Acquire -> Relaxed: it is bold (survives 2 models)"));
        assert!(text.contains("- `f`: `c()`, Acquire -> Relaxed: **unexplained**"), "{text}");
    }
}
