//! The models: which sites each touches, and whether it fails with a mutant.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::change::Change;
use super::source::Site;
use super::tier::{Package, Result};

/// So many executions of a model show which sites it touches: nearly all models have fewer, and in the
/// others a site that comes up later comes up in another model.
const LOOK: u64 = 5_000;

/// A model that takes so many times its usual time with a mutant is stopped.
const SLOW: u32 = 20;

/// The least time before that, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a model's process says that it has failed.
const FAILED: i32 = 101;

/// What the search explores beyond what it does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Plain,
    /// One failure of a compare-exchange for no reason or with an older value.
    Weak,
    /// The order of SeqCst fences.
    Fences,
}

impl Mode {
    /// Behind the model's name.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Weak => " --weak 1",
            Self::Fences => " --fences",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Failed,
    Slow,
}

/// One model that holds.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    /// About how long it takes.
    pub(crate) time: Duration,
    /// The places that it touches, with the operation and the orderings.
    places: Vec<String>,
}

/// All models that hold, the quickest first.
pub(crate) struct Models {
    program: PathBuf,
    pub(crate) all: Vec<Model>,
    /// Whether a model passes in a mode without a mutant.
    holds: Mutex<BTreeMap<(String, Mode), bool>>,
}

impl Models {
    /// Builds them and learns what they touch, unless that is known for these sources.
    pub(crate) fn learn(package: &Package) -> Result<Self> {
        eprintln!("building the models");
        if !package.cargo("build").status()?.success() {
            return Err("the models do not build".into());
        }
        let program = package.folder.join("target/release/models");
        let list = Command::new(&program).arg("--list").output()?;
        let list = String::from_utf8(list.stdout)?;
        let names: Vec<&str> =
            list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let floors = floors(&package.root)?;

        // What a model touches changes with the core. That it changes with the model only means that a
        // mutant may live too long, so a model that is known is not asked again.
        let file = package.folder.join("places.txt");
        let core = format!("core {:x}", hash(&[&package.root.join("core/src")])?);
        let old = fs::read_to_string(&file).unwrap_or_default();
        let known: BTreeMap<&str, &str> = match old.split_once('\n') {
            Some((head, rest)) if head == core => {
                rest.split("\n\n").filter_map(|part| part.split_once('\n')).collect()
            }
            _ => BTreeMap::new(),
        };
        let mut text = core;
        let mut all = Vec::new();
        for (done, name) in names.iter().enumerate() {
            let said = match known.get(name) {
                Some(said) => (*said).to_owned(),
                None => look(&program, name, floors.get(*name).copied())?,
            };
            text += &format!("\n{name}\n{said}\n");
            if done % 100 == 99 {
                eprintln!("looked at {} of {} models", done + 1, names.len());
            }
            let mut lines = said.lines();
            let Some(time) = lines.next().and_then(|line| line.parse().ok()) else { continue };
            let time = Duration::from_micros(time);
            let places = lines.map(str::to_owned).collect();
            all.push(Model { name: (*name).to_owned(), time, places });
        }
        fs::write(file, text)?;
        all.sort_by_key(|model| model.time);
        Ok(Self { program, all, holds: Mutex::default() })
    }

    /// What identifies this build of the models.
    pub(crate) fn hash(&self) -> Result<u64> {
        hash(&[&self.program])
    }

    /// With which orderings the models have seen a site: ordering and that of the failure.
    pub(crate) fn orders(&self, site: &Site) -> Vec<(String, String)> {
        let mut orders: Vec<_> = self.all.iter().flat_map(|model| model.orders(site)).collect();
        orders.sort();
        orders.dedup();
        orders
    }

    /// The places in the core with more than relaxed orderings that no site stands for.
    pub(crate) fn unknown(&self, sites: &[Site]) -> Vec<String> {
        let mut unknown: Vec<_> = self
            .all
            .iter()
            .flat_map(|model| &model.places)
            .filter(|line| line.starts_with("core/src/") && !line.ends_with(" Relaxed Relaxed"))
            .filter(|line| !sites.iter().any(|site| line.starts_with(&(site.place() + " "))))
            .cloned()
            .collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// The models that pass a site with the ordering that is changed; those that are named as its file is
    /// come first.
    pub(crate) fn that_touch(&self, site: &Site, change: Change) -> Vec<&Model> {
        let from = format!("{:?}", change.from);
        let touches = |model: &&Model| {
            let changed =
                |(order, failure)| from == if change.of_failure { failure } else { order };
            model.orders(site).any(changed)
        };
        let mut models: Vec<_> = self.all.iter().filter(touches).collect();
        models.sort_by_key(|model| !model.is_of(&site.file));
        models
    }

    /// Runs a model with a mutant.
    pub(crate) fn run(
        &self,
        model: &Model,
        site: &Site,
        change: Change,
        mode: Mode,
    ) -> Result<End> {
        let mutant = format!("{} {}", site.place(), change.wish());
        let end = self.run_for(model, mode, |command| {
            command.env("INKLE_MUTANT", mutant);
        })?;
        // A failure says something only where the model holds otherwise.
        if end == End::Failed && !self.holds(model, mode)? {
            return Ok(End::Passed);
        }
        Ok(end)
    }

    fn holds(&self, model: &Model, mode: Mode) -> Result<bool> {
        let key = (model.name.clone(), mode);
        if mode == Mode::Plain {
            return Ok(true);
        }
        let known = self.holds.lock().unwrap().get(&key).copied();
        if let Some(holds) = known {
            return Ok(holds);
        }
        let holds = self.run_for(model, mode, |_| {})? == End::Passed;
        self.holds.lock().unwrap().insert(key, holds);
        Ok(holds)
    }

    fn run_for(&self, model: &Model, mode: Mode, edit: impl FnOnce(&mut Command)) -> Result<End> {
        let mut command = Command::new(&self.program);
        command.args(["--one", &model.name]).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("LOOM_WEAK_FAILS", if mode == Mode::Weak { "1" } else { "0" });
        command.args((mode == Mode::Fences).then_some("--fences"));
        edit(&mut command);
        let mut child = command.spawn()?;
        let start = Instant::now();
        let limit = PATIENCE.max(model.time * SLOW);
        let mut pause = Duration::from_micros(500);
        loop {
            if let Some(status) = child.try_wait()? {
                // A panic in a panic ends in a signal.
                return Ok(if status.success() { End::Passed } else { End::Failed });
            }
            if start.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                return Ok(End::Slow);
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Model {
    /// Whether a part of its name is one of the file's path, as in `channel::get_put` and `channel/mod.rs`.
    fn is_of(&self, file: &str) -> bool {
        let is_part = |name| file.split(['/', '.']).any(|part| part == name);
        self.name.split("::").any(is_part)
    }

    /// With which orderings it has seen the site.
    fn orders(&self, site: &Site) -> impl Iterator<Item = (String, String)> {
        let start = site.place() + " ";
        self.places.iter().filter_map(move |line| {
            let mut words = line.strip_prefix(&start)?.split(' ').skip(1).map(str::to_owned);
            Some((words.next()?, words.next()?))
        })
    }
}

/// The places that a model touches, below its time in microseconds; or that it is meant to fail.
fn look(program: &Path, name: &str, floor: Option<u64>) -> Result<String> {
    let start = Instant::now();
    let output = Command::new(program)
        .args(["--one", name])
        .env("INKLE_PLACES", LOOK.to_string())
        .env_remove("INKLE_MUTANT")
        .env("LOOM_WEAK_FAILS", "0")
        .output()?;
    let time = start.elapsed().as_micros();
    let said = String::from_utf8(output.stdout)?;
    if output.status.code() == Some(FAILED) {
        return Err(format!("{name} fails without a mutant").into());
    }
    let Some(executions) = said.lines().last().and_then(|line| line.parse::<u64>().ok()) else {
        return Ok("known bad".to_owned());
    };
    // Only those that were cut short have more.
    let times = floor.unwrap_or(0).max(executions) / executions.max(1);
    let mut places: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("place ")).collect();
    places.sort_unstable();
    Ok(format!("{}\n{}", time * u128::from(times), places.join("\n")))
}

/// The executions of each model in the exact tier.
fn floors(root: &Path) -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(root.join("loom-tests/floors.txt"))?;
    let parse = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.nth(1)?.parse().ok()?))
    };
    Ok(text.lines().filter_map(parse).collect())
}

/// Of all that lies at these paths.
fn hash(paths: &[&Path]) -> Result<u64> {
    fn add(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
        if path.is_dir() {
            let mut entries: Vec<_> =
                fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
            entries.sort();
            entries.iter().try_for_each(|entry| add(entry, hasher))
        } else {
            fs::read(path)?.hash(hasher);
            Ok(())
        }
    }
    let mut hasher = DefaultHasher::new();
    paths.iter().try_for_each(|path| add(path, &mut hasher))?;
    Ok(hasher.finish())
}
