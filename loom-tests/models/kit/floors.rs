//! The least number of executions of each model, by tier: a change that makes loom look at less
//! must be seen by somebody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use super::{TIER, Tier};

const HEAD: &str = "\
# Executions of each model when the floors were last blessed. A model that explores less than nine
# tenths of its floor fails. Written by `--bless`; see README.md.
#
# model, stock tier, exact tier
";

/// What `floors.txt` says.
pub(super) struct Floors {
    lines: BTreeMap<String, [u64; 2]>,
}

const COLUMN: usize = match TIER {
    Tier::Stock => 0,
    Tier::Exact => 1,
};

/// The exact tier builds these sources from another folder and says where the file is.
fn path() -> PathBuf {
    match (env::var_os("INKLE_FLOORS"), env::var_os("CARGO_MANIFEST_DIR")) {
        (Some(file), _) => file.into(),
        (None, Some(package)) => PathBuf::from(package).join("floors.txt"),
        (None, None) => "floors.txt".into(),
    }
}

impl Floors {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let parse = |line: &str| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().unwrap_or_else(|| panic!("floors.txt: `{line}`"));
            let name = next().to_owned();
            let floor =
                |text: &str| text.parse().unwrap_or_else(|_| panic!("floors.txt: `{line}`"));
            (name, [floor(next()), floor(next())])
        };
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        Self { lines: lines.map(parse).collect() }
    }

    /// This tier's floor of a model; `None` if nobody has blessed one.
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.lines.get(name).map(|floors| floors[COLUMN]).filter(|floor| *floor > 0)
    }

    /// How many executions of it the exact tier explores.
    pub(super) fn exact(&self, name: &str) -> u64 {
        self.lines.get(name).map_or(0, |floors| floors[1])
    }

    pub(super) fn set(&mut self, name: &str, executions: u64) {
        self.lines.entry(name.to_owned()).or_default()[COLUMN] = executions;
    }

    /// Names that no model has.
    pub(super) fn stale(&self, is_model: impl Fn(&str) -> bool) -> Vec<String> {
        self.lines.keys().filter(|name| !is_model(name)).cloned().collect()
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.lines.remove(name);
    }

    pub(super) fn write(&self) {
        let lines =
            self.lines.iter().map(|(name, [stock, exact])| format!("{name} {stock} {exact}\n"));
        fs::write(path(), HEAD.to_owned() + &lines.collect::<String>()).expect("floors.txt");
    }
}
