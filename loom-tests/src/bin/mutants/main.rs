//! Ordering mutants: weakens each ordering of the core in turn, and sees whether a model notices.
//!
//! ```text
//! cargo run --release -p loom-tests --bin mutants [-- FILTER…] [--check | --report | --new | --again | --jobs N | --budget SECONDS]
//! ```
//!
//! A mutant is killed if a model of the exact tier fails with it that holds without it. The models that
//! touch its site are run until one fails: first the one that killed it the last time, then those of the
//! same name as the file, then the others, the quickest first. What came of it stands in `mutants.txt`;
//! `ORDERINGS.md` is made of that and of `survivors.txt`, where somebody says why a mutant lives. Without a
//! build, `--report` makes it anew, and `--check` sees whether the three are those of the sources.

mod change;
mod ledger;
mod models;
mod report;
mod source;
#[path = "../../tier/mod.rs"]
mod tier;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use change::{Change, Order};
use ledger::{Key, Ledger};
use models::{End, Mode, Models};
use source::Site;
use tier::{Package, Result};

/// What the command line asks for.
struct Wish {
    filters: Vec<String>,
    check: bool,
    report: bool,
    new: bool,
    again: bool,
    jobs: usize,
    budget: Duration,
}

impl Wish {
    fn read() -> Result<Self> {
        let mut wish = Self {
            filters: Vec::new(),
            check: false,
            report: false,
            new: false,
            again: false,
            jobs: thread::available_parallelism().map_or(1, usize::from),
            budget: Duration::MAX,
        };
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut number =
                || -> Result<u64> { Ok(args.next().ok_or("a number is missing")?.parse()?) };
            match arg.as_str() {
                "--check" => wish.check = true,
                "--report" => wish.report = true,
                "--new" => wish.new = true,
                "--again" => wish.again = true,
                "--jobs" => wish.jobs = number()? as usize,
                "--budget" => wish.budget = Duration::from_secs(number()?),
                flag if flag.starts_with('-') => return Err(format!("what is {flag}?").into()),
                _ => wish.filters.push(arg),
            }
        }
        Ok(wish)
    }

    /// All words must be somewhere in the mutant; `what` came of it so far.
    fn wants(&self, (file, call, change): &Key, what: &str) -> bool {
        let text = format!("{file} {call} {change}");
        let is_new = [NEW, IDLE].contains(&what) || what.starts_with(UNFINISHED);
        (is_new || !self.new) && self.filters.iter().all(|filter| text.contains(filter))
    }
}

fn main() -> ExitCode {
    match Wish::read().and_then(|wish| run(&wish)) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems.iter().for_each(|problem| eprintln!("mutants: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(wish: &Wish) -> Result<Vec<String>> {
    if wish.check || wish.report {
        let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from);
        let root = package.parent().ok_or("no workspace")?;
        let mut problems = if wish.report { report::write(root)? } else { Vec::new() };
        problems.extend(report::check(root)?);
        return Ok(problems);
    }
    let package = Package::prepare()?;
    let sites = source::sites(&package.root)?;
    let models = Models::learn(&package)?;
    let mut problems: Vec<_> = models
        .unknown(&sites)
        .into_iter()
        .map(|place| format!("the sources' search misses {place}"))
        .collect();
    Hunt::new(wish, &package, &sites, &models)?.run()?;
    problems.extend(report::write(&package.root)?);
    problems.extend(report::check(&package.root)?);
    Ok(problems)
}

/// One run over the mutants.
struct Hunt<'a> {
    wish: &'a Wish,
    root: &'a Path,
    models: &'a Models,
    /// Each site with its mutants.
    sites: Vec<(&'a Site, Vec<(Key, Change)>)>,
    ledger: Mutex<Ledger>,
    /// Those that this build of the models has decided; and the file that says so.
    decided: Mutex<BTreeSet<String>>,
    decided_file: PathBuf,
    build: String,
}

impl<'a> Hunt<'a> {
    fn new(
        wish: &'a Wish,
        package: &'a Package,
        sites: &'a [Site],
        models: &'a Models,
    ) -> Result<Self> {
        let old = Ledger::read(&package.root.join(report::MUTANTS))?;
        let sites: Vec<_> = sites.iter().map(|site| (site, mutants(site, models, &old))).collect();
        let known = old.map();
        let lines = sites.iter().flat_map(|(_, mutants)| mutants).map(|(key, change)| {
            let what = known.get(key).copied();
            (key.clone(), what.unwrap_or(if change.is_second() { IDLE } else { NEW }).to_owned())
        });
        let ledger = Mutex::new(Ledger { lines: lines.collect() });
        let decided_file = package.folder.join("decided.txt");
        let build = format!("models {:x}", models.hash()?);
        let text = fs::read_to_string(&decided_file).unwrap_or_default();
        let mut lines = text.lines();
        let same = lines.next() == Some(&*build) && !wish.again;
        let decided = lines.filter(|_| same).map(str::to_owned).collect();
        let decided = Mutex::new(decided);
        Ok(Self { wish, root: &package.root, models, sites, ledger, decided, decided_file, build })
    }

    /// Decides the wanted mutants, several sites at a time, and writes after each.
    fn run(&self) -> Result<()> {
        self.write()?;
        let next = AtomicUsize::new(0);
        let work = || -> std::result::Result<(), String> {
            while let Some((site, mutants)) = self.sites.get(next.fetch_add(1, Relaxed)) {
                self.site(site, mutants).map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.wish.jobs).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("no panic"))
        })?;
        Ok(())
    }

    fn site(&self, site: &Site, mutants: &[(Key, Change)]) -> Result<()> {
        for (key, change) in mutants {
            let name = format!("{} {} {}", key.0, key.1, key.2);
            let last = self.last(key);
            if !self.wish.wants(key, &last) || self.decided.lock().unwrap().contains(&name) {
                continue;
            }
            if change.is_second() && self.half_is_dead(mutants, *change) {
                self.set(key, IDLE)?;
                continue;
            }
            let start = Instant::now();
            let what = self.hunt(site, *change, &last)?;
            eprintln!("{name}: {what} ({:.1} s)", start.elapsed().as_secs_f64());
            self.set(key, &what)?;
            if !what.starts_with(UNFINISHED) {
                self.decided.lock().unwrap().insert(name);
            }
            self.write()?;
        }
        Ok(())
    }

    /// Whether one of the halves was killed.
    fn half_is_dead(&self, mutants: &[(Key, Change)], whole: Change) -> bool {
        let ledger = self.ledger.lock().unwrap();
        let known = ledger.map();
        mutants.iter().any(|(key, change)| {
            let half = (change.from, change.of_failure) == (whole.from, whole.of_failure);
            half && *change != whole && known[key].starts_with(KILLED)
        })
    }

    fn last(&self, key: &Key) -> String {
        self.ledger.lock().unwrap().map()[key].to_owned()
    }

    /// What comes of one mutant, of which `last` came the last time.
    fn hunt(&self, site: &Site, change: Change, last: &str) -> Result<String> {
        let mut models = self.models.that_touch(site, change);
        if models.is_empty() {
            return Ok(NO_MODEL.to_owned());
        }
        // What killed it the last time comes first.
        let killer = |mode: Mode| {
            let name = last.strip_prefix(KILLED)?.strip_suffix(mode.suffix())?;
            models.iter().position(|model| model.name == name).map(|at| (at, mode))
        };
        if let Some((at, mode)) =
            [Mode::Weak, Mode::Fences, Mode::Plain].into_iter().find_map(killer)
        {
            if self.models.run(models[at], site, change, mode)? == End::Failed {
                return Ok(last.to_owned());
            }
            if mode == Mode::Plain {
                models.remove(at);
            }
        }

        let extra = match (change.of_fence && change.from == Order::SeqCst, change.of_failure) {
            (true, _) => Some(Mode::Fences),
            (_, true) => Some(Mode::Weak),
            _ => None,
        };
        let start = Instant::now();
        let mut slow = None;
        let runs = models.len() * (1 + usize::from(extra.is_some()));
        let mut done = 0;
        for mode in [Some(Mode::Plain), extra].into_iter().flatten() {
            for model in &models {
                if start.elapsed() > self.wish.budget {
                    return Ok(format!("{UNFINISHED}after {done} of {runs} runs"));
                }
                match self.models.run(model, site, change, mode)? {
                    End::Failed => return Ok(format!("{KILLED}{}{}", model.name, mode.suffix())),
                    End::Slow => {
                        slow = slow.or(Some(format!("{SLOW}{}{}", model.name, mode.suffix())))
                    }
                    End::Passed => {}
                }
                done += 1;
            }
        }
        Ok(slow.unwrap_or_else(|| format!("{SURVIVES}{} models", models.len())))
    }

    fn set(&self, key: &Key, what: &str) -> Result<()> {
        let mut ledger = self.ledger.lock().unwrap();
        let line =
            ledger.lines.iter_mut().find(|(other, _)| other == key).ok_or("no such mutant")?;
        what.clone_into(&mut line.1);
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let ledger = self.ledger.lock().unwrap();
        fs::write(self.root.join(report::MUTANTS), ledger.text(report::MUTANTS_HEAD))?;
        let decided = self.decided.lock().unwrap();
        let lines = decided.iter().map(|name| format!("\n{name}")).collect::<String>();
        fs::write(&self.decided_file, format!("{}{lines}", self.build))?;
        Ok(())
    }
}

/// What may stand behind a mutant.
const KILLED: &str = "killed by ";
const SURVIVES: &str = "survives ";
const UNFINISHED: &str = "unfinished ";
const SLOW: &str = "slow in ";
/// No model touches the site.
const NO_MODEL: &str = "no model";
/// Not run yet.
const NEW: &str = "not run";
/// Not worth a run: half as weak is dead already.
const IDLE: &str = "not needed";

/// The mutants of a site: of the orderings in its text, or, if it is given its ordering, of those that the
/// models have seen, or that are known.
fn mutants(site: &Site, models: &Models, old: &Ledger) -> Vec<(Key, Change)> {
    let key = |change: &Change| (site.file.clone(), site.call.clone(), change.to_string());
    let mut changes: Vec<Change> = match *site.orders {
        [.., order, failure] => Change::of(order, failure, site.is_fence),
        [order] => Change::of(order, Order::Relaxed, site.is_fence),
        [] => {
            let of = |orders: &(String, String)| {
                Some(Change::of(Order::named(&orders.0)?, Order::named(&orders.1)?, site.is_fence))
            };
            models.orders(site).iter().filter_map(of).flatten().collect()
        }
    };
    let old =
        old.lines.iter().filter(|((file, call, _), _)| *file == site.file && *call == site.call);
    if site.orders.is_empty() && changes.is_empty() {
        changes = old.filter_map(|((_, _, change), _)| Change::parse(change)).collect();
    }
    changes.iter().map(|change| (key(change), *change)).collect()
}
