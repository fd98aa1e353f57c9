//! The two files that outlive a run: `mutants.txt`, what came of each mutant, and `survivors.txt`, why
//! some of those that live on do so. Both have the same form.
//!
//! ```text
//! core/src/word_lock.rs
//!   release: self.state.swap(FREE, Ordering::Release)
//!     Release -> Relaxed: killed by sync::lock::acquire_acquire
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::tier::Result;

/// A mutant: its file, its call and its change, as printed.
pub(crate) type Key = (String, String, String);

/// A text for each mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// In the order of the file.
    pub(crate) lines: Vec<(Key, String)>,
}

impl Ledger {
    /// Reads a file; one that is not there is empty.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self::parse(&text).map_err(|line| format!("{}: `{line}`", path.display()).into())
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let (mut file, mut call) = (String::new(), String::new());
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if let Some(line) = line.strip_prefix("    ") {
                let (change, what) = line.split_once(": ").ok_or(line)?;
                let key = (file.clone(), call.clone(), change.to_owned());
                lines.push((key, what.to_owned()));
            } else if let Some(line) = line.strip_prefix("  ") {
                line.clone_into(&mut call);
            } else {
                line.clone_into(&mut file);
            }
        }
        Ok(Self { lines })
    }

    /// By mutant.
    pub(crate) fn map(&self) -> BTreeMap<&Key, &str> {
        self.lines.iter().map(|(key, what)| (key, &**what)).collect()
    }

    /// The file's text below `head`.
    pub(crate) fn text(&self, head: &str) -> String {
        let mut text = head.to_owned();
        let (mut file, mut call) = ("", "");
        for ((its_file, its_call, change), what) in &self.lines {
            if file != its_file {
                let _ = writeln!(text, "{its_file}");
                (file, call) = (its_file, "");
            }
            if call != its_call {
                let _ = writeln!(text, "  {its_call}");
                call = its_call;
            }
            let _ = writeln!(text, "    {change}: {what}");
        }
        text
    }
}
