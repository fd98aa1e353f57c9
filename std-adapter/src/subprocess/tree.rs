//! Ending a program and those it has started.
//!
//! Numbers of processes are found in `/proc`, and a number may be another's a moment later. So each is opened
//! first, then looked at, and what is behind the descriptor gets the signal: if the number has changed hands
//! since, that one has ended and gets none.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::yield_now;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Child, Signal, Status};
use crate::os::poll;
use crate::platform::{Deadline, Private, after};

/// Whom [`Child::kill_tree`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// The program alone.
    Child,
    /// Its process group. The program must have been started with
    /// [one of its own](super::Command::process_group). Who has left for another is spared.
    Group,
    /// Its session. The program must have been started with [one of its own](super::Command::new_session). Who
    /// has begun another is spared, a group of its own is not.
    Session,
    /// Its children, theirs and so on, whatever group or session they are in. Whose parent has ended before is
    /// nobody's child any more, and spared.
    Subtree,
    /// Its control group. The program must have been started with
    /// [one of its own](super::Command::new_cgroup). Nobody is spared, whatever group or session they are in and
    /// whether their parents have ended, but who had the right to leave it and did.
    Cgroup,
}

/// So often we look whether there are more, at most: a stop takes effect at once, unless the system is in the
/// middle of something for the process, or it is another user's.
const LOOKS: usize = 1000;

impl Child {
    /// Asks the program and those within `reach` to end, after `grace` ends them, and waits until the program
    /// itself has ended. Without grace nobody is asked. (SP051, SP053)
    ///
    /// Errors: `InvalidInput`, it was not started with such a group or session of its own; otherwise the system's,
    /// of the program itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use inkle::subprocess::{Command, Reach, Stdio};
    ///
    /// let line = "sleep 600 & sleep 600 & wait";
    /// let child = Command::shell(line).stdout(Stdio::Pipe).process_group(0).spawn().unwrap();
    /// assert!(!child.kill_tree(Reach::Group, Duration::ZERO).unwrap().success());
    /// // None of them holds the pipe any more.
    /// assert!(!child.communicate_timeout([], Duration::from_secs(60)).unwrap().left_open);
    /// ```
    pub fn kill_tree(&self, reach: Reach, grace: Duration) -> io::Result<Status> {
        let leads = match reach {
            Reach::Group => self.leads_group,
            Reach::Session => self.leads_session,
            Reach::Cgroup => self.cgroup.is_some(),
            Reach::Child | Reach::Subtree => true,
        };
        if !leads {
            let text = "the program was not started with such a group or session of its own";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let asked = if grace.is_zero() { Vec::new() } else { self.ask(reach, after(grace)) };
        match reach {
            Reach::Child => {}
            Reach::Group | Reach::Session => self.kill_members(reach),
            Reach::Cgroup => self.kill_cgroup(),
            Reach::Subtree => self.kill_descendants(asked),
        }
        self.kill()?;
        Ok(self.wait())
    }

    /// Asks all to end, and waits until they have. Those asked.
    fn ask(&self, reach: Reach, deadline: Deadline) -> Vec<Process> {
        let others = match reach {
            Reach::Child => Vec::new(),
            Reach::Group | Reach::Session | Reach::Cgroup => self.members(reach),
            Reach::Subtree => {
                let mut found = Vec::new();
                found.extend(self.root());
                let mut next = 0;
                while let Some(parent) = found.get(next) {
                    let children = parent.children();
                    add(&mut found, children);
                    next += 1;
                }
                found
            }
        };
        let ask = |signal| {
            // Who has ended, or must not be asked, is not.
            let _ = self.send_signal(signal);
            others.iter().for_each(|process| process.send(signal));
        };
        ask(Signal::TERM);
        // One that is stopped would not hear it.
        ask(Signal::CONT);
        let _ = self.wait_until(deadline);
        for process in &others {
            process.wait_until(deadline);
        }
        others
    }

    /// Again until nobody new is found: one that has the signal starts no more, but may have before.
    fn kill_members(&self, reach: Reach) {
        let mut killed = Vec::new();
        for _ in 0..LOOKS {
            let members = self.members(reach);
            members.iter().for_each(|process| process.send(Signal::KILL));
            if !add(&mut killed, members) {
                break;
            }
        }
    }

    fn kill_cgroup(&self) {
        let killed = self.cgroup.as_ref().is_some_and(|group| group.kill().is_ok());
        if !killed {
            // An old system.
            self.kill_members(Reach::Cgroup);
        }
    }

    /// Those of the group or session that run.
    fn members(&self, reach: Reach) -> Vec<Process> {
        if let (Reach::Cgroup, Some(group)) = (reach, &self.cgroup) {
            let opened = group.members().into_iter().filter_map(|pid| Process::open(pid, |_| true));
            let opened: Vec<_> = opened.collect();
            // Who is still there, and runs, has not got its number since.
            let there = group.members();
            let is_there = |process: &Process| there.contains(&process.pid) && process.runs();
            return opened.into_iter().filter(is_there).collect();
        }
        // Ours has ended and nobody keeps its number, yet somebody has it: then it is not ours any more, and
        // while one of ours is left nobody can have got it.
        if self.is_forgotten() && Stat::read(self.pid).is_some() {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse().ok());
        let belongs =
            |stat: &Stat| self.pid == if reach == Reach::Group { stat.group } else { stat.session };
        pids.filter_map(|pid| Process::open(pid, belongs)).collect()
    }

    /// Stops each before its children are looked for, so that it starts no more; ends them when nobody new is
    /// found.
    fn kill_descendants(&self, asked: Vec<Process>) {
        // Children of one that has ended on request are among those that were asked too.
        let mut found: Vec<Process> = asked.into_iter().filter(Process::runs).collect();
        add(&mut found, self.root().into_iter().collect());
        for _ in 0..LOOKS {
            found.iter().for_each(|process| process.send(Signal::STOP));
            // Before the children are looked for.
            let settled = found.iter().all(Process::stands);
            let children = found.iter().flat_map(Process::children).collect();
            if !add(&mut found, children) && settled {
                break;
            }
            yield_now();
        }
        found.iter().for_each(|process| process.send(Signal::KILL));
    }

    /// The child itself, unless it has ended.
    fn root(&self) -> Option<Process> {
        let pidfd = self.pidfd().try_clone_to_owned().ok()?;
        Some(Process { pid: self.pid, pidfd }).filter(Process::runs)
    }
}

/// Whether any was not there yet.
fn add(found: &mut Vec<Process>, more: Vec<Process>) -> bool {
    let before = found.len();
    for process in more {
        // A number is the same process's: it has not changed hands while the one that was found runs.
        if !found.iter().any(|known| known.pid == process.pid && known.runs()) {
            found.push(process);
        }
    }
    found.len() > before
}

/// A process, whoever has its number later.
struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    /// If it runs, and `belongs` says so.
    fn open(pid: i32, belongs: impl Fn(&Stat) -> bool) -> Option<Self> {
        let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Of the same process, or of another, and then the one that we have opened has ended.
        let stat = Stat::read(pid)?;
        Some(Self { pid, pidfd }).filter(|process| belongs(&stat) && process.runs())
    }

    fn runs(&self) -> bool {
        !poll::is_ready(self.pidfd.as_fd())
    }

    /// Whether it starts no more children: it is stopped, or has ended.
    fn stands(&self) -> bool {
        Stat::read(self.pid).is_none_or(|stat| "TtZX".contains(stat.state)) || !self.runs()
    }

    fn send(&self, signal: Signal) {
        // It has ended, or is another user's: no more can be done.
        let _ = poll::send_signal(self.pidfd.as_fd(), signal.number());
    }

    fn wait_until(&self, deadline: Deadline) {
        while self.runs() && !deadline.has_passed::<Private>() {
            poll::until(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], deadline);
        }
    }

    /// Those it has started, and that run.
    fn children(&self) -> Vec<Self> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", self.pid)) else {
            return Vec::new();
        };
        let lists = tasks.flatten().map(|task| task.path().join("children"));
        let mut children = Vec::new();
        for list in lists.filter_map(|path| fs::read_to_string(path).ok()) {
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            let ours = |stat: &Stat| stat.parent == self.pid;
            children.extend(pids.filter_map(|pid| Self::open(pid, ours)));
        }
        // If it has ended meanwhile, those may be another's that has its number.
        if self.runs() { children } else { Vec::new() }
    }
}

/// A line of `/proc/…/stat`, as far as we need it.
struct Stat {
    state: char,
    parent: i32,
    group: i32,
    session: i32,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let line = String::from_utf8_lossy(&line);
        // The name before it may have anything in it.
        let mut fields = line.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next()?.parse().ok();
        Some(Self { state, parent: number()?, group: number()?, session: number()? })
    }
}
