//! Applies unified diffs, strictly: every line of context must be where the diff says it is.

use std::fs;
use std::path::Path;

use super::Result;

/// Applies `diff` to the files under `folder`. Text before the first file is a comment.
pub(super) fn apply(diff: &str, folder: &Path) -> Result<()> {
    for file in diff.split("\n--- a/").skip(1) {
        let (name, rest) = file.split_once('\n').ok_or("a file without hunks")?;
        let path = folder.join(name);
        let old = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        let new = apply_to(&old, rest).map_err(|error| format!("{name}: {error}"))?;
        fs::write(path, new)?;
    }
    Ok(())
}

/// One file: `hunks` begins with the line `+++ b/...`.
fn apply_to(old: &str, hunks: &str) -> Result<String> {
    let old: Vec<&str> = old.lines().collect();
    let mut new: Vec<&str> = Vec::new();
    // How many lines of `old` are done.
    let mut done = 0;
    for line in hunks.lines().skip(1) {
        if let Some(place) = line.strip_prefix("@@ -") {
            let first: usize = place.split([',', ' ']).next().unwrap_or_default().parse()?;
            let start = first - 1;
            new.extend(old.get(done..start).ok_or("hunks out of order")?);
            done = start;
            continue;
        }
        // An editor may have taken the one space of an empty line of context.
        let (kind, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        if kind == "+" {
            new.push(text);
            continue;
        }
        if old.get(done) != Some(&text) {
            return Err(format!("line {} is not `{text}`", done + 1).into());
        }
        if kind == " " {
            new.push(text);
        }
        done += 1;
    }
    new.extend(&old[done..]);
    new.push("");
    Ok(new.join("\n"))
}
