//! Control groups of programs' own: version 2, below this process's.
//!
//! A group is a folder. Whatever a program in it starts is in it too, in whatever session, and one write ends all
//! of them. A folder can be removed when nobody is in it: when the [`Child`](super::Child) is dropped, or later by
//! the thread that looks after children. If this process ends before, it stays behind, empty.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use inkle_core::atomic::{AtomicU32, Ordering};
use rustix::event::PollFlags;

use super::StartCause;
use super::reaper::{Watch, watch};
use super::stdio::no_standard;
use crate::threading::locked;

/// Removed when it is dropped, or when the last in it has ended.
#[derive(Debug)]
pub(super) struct ControlGroup {
    path: PathBuf,
}

impl ControlGroup {
    /// A new one, empty.
    pub(super) fn new() -> Result<Self, StartCause> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let ours = ours().map_err(|(path, source)| StartCause::ControlGroup { path, source })?;
        loop {
            // Relaxed: all that counts is that no two get the same.
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = ours.join(format!("inkle-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                // Of another that had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StartCause::ControlGroup { path: ours, source }),
            }
        }
    }

    /// A process that writes `0` there is in it.
    pub(super) fn entrance(&self) -> Result<OwnedFd, StartCause> {
        let entrance = OpenOptions::new().write(true).open(self.path.join("cgroup.procs"));
        entrance.and_then(|file| no_standard(file.into())).map_err(|error| self.refuses(error))
    }

    pub(super) fn refuses(&self, source: io::Error) -> StartCause {
        StartCause::ControlGroup { path: self.path.clone(), source }
    }

    /// Those in it, or in a group below it.
    pub(super) fn members(&self) -> Vec<i32> {
        let lists = with_those_below(&self.path).into_iter().map(|path| path.join("cgroup.procs"));
        let lists = lists.filter_map(|list| fs::read_to_string(list).ok());
        lists
            .flat_map(|list| list.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect()
    }

    /// Ends all in it, and in those below it, at once.
    ///
    /// Errors: before Linux 5.14 there is no such thing.
    pub(super) fn kill(&self) -> io::Result<()> {
        // Not `fs::write`, which would make the file.
        let mut file = OpenOptions::new().write(true).open(self.path.join("cgroup.kill"))?;
        io::Write::write_all(&mut file, b"1")
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        if remove(&self.path) {
            return;
        }
        // Without it nobody can tell when: the folder stays.
        if let Ok(events) = File::open(self.path.join("cgroup.events")) {
            let path = self.path.clone();
            Removal::look(Arc::new(Removal { path, events, watch: Mutex::new(None) }));
        }
    }
}

/// A group that is to be removed when nobody is in it any more.
struct Removal {
    path: PathBuf,
    events: File,
    /// Keeps itself until it is called.
    watch: Mutex<Option<Watch>>,
}

impl Removal {
    fn look(self: Arc<Self>) {
        // Until the end: a watch may call before we have it.
        let mut kept = locked(&self.watch);
        *kept = None;
        // What changes after this is seen by the watch.
        let mut text = String::new();
        let _ = (&self.events).rewind();
        let _ = (&self.events).read_to_string(&mut text);
        if remove(&self.path) {
            return;
        }
        let Ok(events) = self.events.try_clone() else { return };
        let waker = Waker::from(Arc::clone(&self));
        *kept = watch(vec![(events.into(), PollFlags::PRI)], waker).ok();
    }
}

impl Wake for Removal {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}

/// Whether it is gone, with those below it, which the programs have made.
fn remove(path: &Path) -> bool {
    let mut removed = Ok(());
    for path in with_those_below(path).iter().rev() {
        removed = fs::remove_dir(path);
    }
    // The last one is it.
    removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}

/// It, and then those below it, each after the one that it is in.
fn with_those_below(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    let mut next = 0;
    while let Some(path) = paths.get(next) {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let folders: Vec<_> = folders.map(|entry| entry.path()).collect();
        paths.extend(folders);
        next += 1;
    }
    paths
}

/// This process's own group.
///
/// Errors: with the file that does not tell.
fn ours() -> Result<PathBuf, (PathBuf, io::Error)> {
    let read = |path: &str| fs::read(path).map_err(|error| (PathBuf::from(path), error));
    let (groups, mounts) = (read("/proc/self/cgroup")?, read("/proc/self/mountinfo")?);
    let found = groups.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"));
    let group = found.map(|group| PathBuf::from(OsString::from_vec(group.to_vec())));
    let found = group.and_then(|group| {
        mounts.split(|byte| *byte == b'\n').find_map(|line| mounted(line, &group))
    });
    found.ok_or_else(|| {
        let text = "no control groups of version 2 are mounted that this process is in";
        ("/proc/self/mountinfo".into(), io::Error::new(io::ErrorKind::Unsupported, text))
    })
}

/// Where the group is, if the line is about where control groups are.
fn mounted(line: &[u8], group: &Path) -> Option<PathBuf> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (root, place) = (unquoted(fields.nth(3)?), unquoted(fields.next()?));
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let below = group.strip_prefix(root).ok()?;
    (kind == b"cgroup2").then(|| place.join(below))
}

/// Blanks are written by their number: `\040`.
fn unquoted(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if *first == b'\\' => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    OsString::from_vec(bytes).into()
}
