//! The files the tour works on: what is in the folder, within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::report::{bytes, count, path, say};

/// Bounds, so that the tour stays short in any folder.
const FILES: usize = 5_000;
const BYTES: u64 = 32_000_000;
const ENTRIES: usize = 100_000;

/// Built or kept by tools.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// A file as it was when the tour began. What is written to it later does not count.
pub(crate) struct File {
    pub(crate) len: u64,
    modified: Option<SystemTime>,
}

/// All paths are relative to `root`.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeMap<PathBuf, File>,
    pub(crate) folders: BTreeSet<PathBuf>,
    pub(crate) bytes: u64,
    entries: usize,
    cut: bool,
    large: usize,
    unreadable: usize,
    other: usize,
}

impl Tree {
    /// Looks at a folder and everything below it. Links are not followed.
    pub(crate) fn survey(root: &Path) -> io::Result<Self> {
        // Tells a folder that cannot be read from one that holds nothing.
        fs::read_dir(root)?;
        let mut tree = Self {
            root: root.to_path_buf(),
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            bytes: 0,
            entries: 0,
            cut: false,
            large: 0,
            unreadable: 0,
            other: 0,
        };
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            match fs::read_dir(root.join(&folder)) {
                Ok(entries) => {
                    for entry in entries {
                        tree.entries += 1;
                        if tree.entries > ENTRIES || tree.files.len() == FILES {
                            tree.cut = true;
                            open.clear();
                            break;
                        }
                        match entry.and_then(|entry| Ok((entry.metadata()?, entry.file_name()))) {
                            Ok((about, name)) => {
                                if about.is_dir() && SKIPPED.iter().all(|&skip| name != skip) {
                                    open.push(folder.join(name));
                                } else {
                                    tree.add(folder.join(name), &about);
                                }
                            }
                            Err(_) => tree.unreadable += 1,
                        }
                    }
                    tree.folders.insert(folder);
                }
                Err(_) => tree.unreadable += 1,
            }
        }
        Ok(tree)
    }

    fn add(&mut self, path: PathBuf, about: &fs::Metadata) {
        if !about.is_file() {
            self.other += 1;
        } else if about.len() > BYTES - self.bytes {
            self.large += 1;
        } else {
            self.bytes += about.len();
            let file = File { len: about.len(), modified: about.modified().ok() };
            self.files.insert(path, file);
        }
    }

    /// What a file held when the tour began, unless [`changed`](Self::changed).
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read(&self.root.join(path), self.files.get(path).map_or(0, |file| file.len))
    }

    /// Whether somebody wrote to the file since the tour began.
    pub(crate) fn changed(&self, path: &Path) -> bool {
        match (self.files.get(path), fs::metadata(self.root.join(path))) {
            (Some(file), Ok(about)) => {
                about.len() != file.len || about.modified().ok() != file.modified
            }
            _ => true,
        }
    }

    /// Prints what was found, and what of it is left out.
    pub(crate) fn introduce(&self) {
        say(path(&self.root, 76));
        let files = count(self.files.len(), "file");
        say(format_args!(
            "{files}, {}, in {}",
            bytes(self.bytes),
            count(self.folders.len(), "folder")
        ));
        if self.cut {
            say(format_args!(
                "only the first part: the tour stops at {FILES} files or {ENTRIES} entries"
            ));
        }
        if self.large > 0 {
            let large = count(self.large, "file");
            say(format_args!("left out: {large} that would be more than {} in all", bytes(BYTES)));
        }
        if self.unreadable > 0 {
            say(format_args!(
                "left out: {} that could not be read",
                count(self.unreadable, "file or folder")
            ));
        }
        if self.other > 0 {
            say(format_args!("left out: {} (links, devices, {})", self.other, SKIPPED.join(", ")));
        }
    }
}

/// The first bytes of a file.
pub(crate) fn read(path: &Path, len: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(path)?.take(len).read_to_end(&mut content)?;
    Ok(content)
}
