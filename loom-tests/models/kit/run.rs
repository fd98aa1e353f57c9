//! The harness: each model in a process of its own, as many at a time as there are processors.
//!
//! A process for each model because a failing model may abort, because models in one process would
//! contend for its address space, and so that the statics of the kit belong to one model.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode, Output, exit};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, thread};

use super::floors::Floors;
use super::{Kind, Model, TIER, Tier, access, death, picture, platform, table};

/// More scheduling points in one execution than any model needs: exceeding it fails the model.
const MAX_BRANCHES: usize = 100_000;

/// The stock tier goes no further where there is a bound: it has to stay quick.
const STOCK_BOUND: usize = 2;

/// How a model's process says that it has failed, as a process that panics does.
const FAILED: i32 = 101;

/// What the command line asks for.
#[derive(Default)]
struct Wish {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
    bless: bool,
    table: bool,
    one: Option<String>,
    drawn: bool,
    weak: Option<String>,
    fences: bool,
}

impl Wish {
    fn read() -> Self {
        let mut wish = Self::default();
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--one" => wish.one = args.next(),
                "--drawn" => wish.drawn = true,
                "--weak" => wish.weak = args.next(),
                "--fences" => wish.fences = true,
                "--bless" => wish.bless = true,
                "--table" => wish.table = true,
                "--list" => wish.list = true,
                "--exact" => wish.exact = true,
                "--ignored" => wish.ignored = true,
                "--skip" => wish.skip.extend(args.next()),
                // Flags of the standard harness that have a value and no meaning here.
                "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => {
                    args.next();
                }
                flag if flag.starts_with('-') => {}
                filter => wish.filters.push(filter.to_owned()),
            }
        }
        wish
    }

    fn wants(&self, name: &str) -> bool {
        let matches = |pattern: &String| match self.exact {
            true => name == pattern,
            false => name.contains(pattern.as_str()),
        };
        !self.ignored
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skip.iter().any(matches)
    }
}

/// A model with its full name.
struct Named {
    name: String,
    model: &'static Model,
}

/// Runs what the command line asks for.
pub fn run(all: &[(&str, &'static [Model])]) -> ExitCode {
    let wish = Wish::read();
    let named = |(module, models): &(&str, &'static [Model])| {
        let module = module.to_string();
        models.iter().map(move |model| Named { name: format!("{module}::{}", model.name), model })
    };
    let models: Vec<Named> = all.iter().flat_map(named).collect();
    let names: BTreeSet<&str> = models.iter().map(|named| &*named.name).collect();
    assert_eq!(names.len(), models.len(), "two models have the same name");

    if let Some(name) = &wish.one {
        let one = models.iter().find(|named| named.name == *name).expect("no such model");
        explore(one.model, &wish);
    }
    if wish.list {
        names.iter().filter(|name| wish.wants(name)).for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if wish.table {
        table::bless(all);
        return ExitCode::SUCCESS;
    }
    // A part of a run of everything.
    let is_whole =
        TIER == Tier::Stock && !wish.bless && wish.filters.is_empty() && wish.skip.is_empty();
    if let Some(why) = is_whole.then(|| table::stale(all)).flatten() {
        println!("\n{why}");
        return ExitCode::from(FAILED as u8);
    }
    let wanted: Vec<&Named> = models.iter().filter(|named| wish.wants(&named.name)).collect();
    run_all(&wish, &wanted, models.len(), |name| names.contains(name))
}

/// The most preemptions in one execution.
fn bound(model: &Model) -> Option<usize> {
    match TIER {
        Tier::Stock => model.bound.map(|bound| bound.min(STOCK_BOUND)),
        Tier::Exact => model.bound,
    }
}

/// Explores one model in this process and ends it.
fn explore(model: &'static Model, wish: &Wish) -> ! {
    static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
    // Only the binary `mutants` cuts a search short, and only to learn what the model touches.
    let cut = access::limit();
    if cut.is_some() && model.kind.is_bad() {
        println!("known bad");
        exit(0);
    }
    let (fences, drawn) = (wish.fences, wish.drawn || matches!(model.kind, Kind::Drawn(_)));
    access::start(model.deaths);
    let search = || {
        let mut builder = loom::model::Builder::new();
        // Set here, so that no variable of the environment can cut a search short in silence.
        builder.max_branches = MAX_BRANCHES;
        builder.max_permutations = cut;
        builder.checkpoint_interval = cut.unwrap_or(builder.checkpoint_interval);
        builder.max_duration = None;
        builder.checkpoint_file = None;
        builder.preemption_bound = bound(model);
        builder.check(move || {
            EXECUTIONS.fetch_add(1, Relaxed);
            if fences {
                schedule_fences();
            }
            if drawn {
                picture::start();
            }
            platform::start();
            (model.body)();
        });
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        if model.deaths {
            death::at_each_step(search);
        } else {
            search();
        }
        if let (Kind::Shows(after), None) = (model.kind, cut) {
            after();
        }
    }));
    if result.is_err() && drawn {
        picture::print();
    }
    access::print();
    println!("{}", EXECUTIONS.load(Relaxed));
    exit(if result.is_ok() { 0 } else { FAILED })
}

/// Only the edited loom knows how.
fn schedule_fences() {
    #[cfg(inkle_exact)]
    loom::schedule_fences();
}

/// What came of one model.
struct Report {
    executions: u64,
    time: Duration,
    /// Why it failed, with what its process said.
    failure: Option<String>,
}

fn run_all(
    wish: &Wish,
    wanted: &[&Named],
    total: usize,
    is_model: impl Fn(&str) -> bool,
) -> ExitCode {
    let more = wish.weak.is_some() || wish.fences;
    assert!(!(wish.bless && more), "floors are those of runs without --weak and --fences");
    assert!(!more || TIER == Tier::Exact, "only the exact tier knows --weak and --fences");
    let floors = Floors::read();
    let start = Instant::now();
    println!("\nrunning {} models, {} tier", wanted.len(), TIER.name());

    // The longest first, as far as the floors know, so that no processor is idle at the end.
    let mut order: Vec<&&Named> = wanted.iter().collect();
    order.sort_by_key(|named| u64::MAX - floors.get(&named.name).unwrap_or(u64::MAX));
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(named) = order.get(next.fetch_add(1, Relaxed)) {
                    let floor = if wish.bless { Some(0) } else { floors.get(&named.name) };
                    let report = run_one(wish, named, floor);
                    print_line(named, &report);
                    reports.lock().unwrap().push((**named, report));
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap();

    let mut failures: Vec<(&str, &str)> = Vec::new();
    for (named, report) in &reports {
        failures.extend(report.failure.as_deref().map(|why| (&*named.name, why)));
    }
    let stale = floors.stale(is_model);
    if wish.bless {
        // As it is now: another run may have written it meanwhile.
        let mut floors = Floors::read();
        for (named, report) in reports.iter().filter(|(_, report)| report.failure.is_none()) {
            if !named.model.kind.is_bad() {
                floors.set(&named.name, report.executions);
            }
        }
        stale.iter().for_each(|name| floors.remove(name));
        floors.write();
    } else {
        failures
            .extend(stale.iter().map(|name| (&**name, "floors.txt names it, but it is no model")));
    }
    for (name, why) in &failures {
        println!("\n---- {name} ----\n{why}");
    }
    summary(&reports);
    let passed = reports.iter().filter(|(_, report)| report.failure.is_none()).count();
    println!(
        "\ntest result: {}. {passed} passed; {} failed; 0 ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        if failures.is_empty() { "ok" } else { "FAILED" },
        failures.len(),
        total - wanted.len(),
        start.elapsed().as_secs_f64(),
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED as u8) }
}

fn run_one(wish: &Wish, named: &Named, floor: Option<u64>) -> Report {
    let start = Instant::now();
    let mut output = in_own_process(wish, named, false);
    let said = String::from_utf8_lossy(&output.stdout);
    let executions = said.lines().last().and_then(|line| line.parse().ok()).unwrap_or(0);
    // To keep what each execution does would take a sixth of the time: so a search that fails is made once
    // more, which comes to the same execution.
    if output.status.code() == Some(FAILED) && !named.model.kind.is_bad() {
        output = in_own_process(wish, named, true);
    }
    let failure = judge(named.model.kind, &output, executions, floor);
    Report { executions, time: start.elapsed(), failure }
}

/// Explores it in a process of its own, which keeps what an execution does, to draw it, if asked to.
fn in_own_process(wish: &Wish, named: &Named, drawn: bool) -> Output {
    let mut command = Command::new(env::current_exe().expect("own path"));
    command.args(["--one", &named.name]).args(drawn.then_some("--drawn"));
    // Failures of weak exchanges that the edited loom may explore in one execution.
    command.env("LOOM_WEAK_FAILS", wish.weak.as_deref().unwrap_or("0"));
    command.args(wish.fences.then_some("--fences"));
    command.output().expect("own executable")
}

/// Why the model has failed, or nothing if it is as it should be.
fn judge(kind: Kind, output: &Output, executions: u64, floor: Option<u64>) -> Option<String> {
    let found = match output.status.code() {
        Some(0) => false,
        Some(FAILED) => true,
        _ => {
            return Some(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    };
    match (kind, TIER) {
        (Kind::Canary, Tier::Stock) => found.then(|| {
            "The stock loom finds this bug now: upstream has closed the hole, so make this canary \
             an ordinary model (and look whether the exact tier is still needed)."
                .to_owned()
        }),
        (Kind::Canary, Tier::Exact) => (!found)
            .then(|| "The edited loom misses this bug: the exact tier is not exact.".to_owned()),
        (Kind::Wrong, _) => {
            (!found).then(|| "Nothing was found, and there is something.".to_owned())
        }
        (Kind::Drawn(lines), _) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let mut said = stderr.lines();
            let missing = lines.iter().find(|line| !said.any(|said| said.ends_with(*line)));
            missing.map(|line| format!("The picture lacks {line:?}:\n{stderr}"))
        }
        _ if found => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Some(format!("failed in execution {executions}:\n{stderr}"))
        }
        _ if executions <= 1 => Some("One execution: nothing was explored.".to_owned()),
        _ => match floor {
            None => Some("No floor: run once with --bless and look at the number.".to_owned()),
            Some(floor) if executions * 10 < floor * 9 => {
                Some(format!("{executions} executions, but the floor is {floor}."))
            }
            Some(_) => None,
        },
    }
}

fn print_line(named: &Named, report: &Report) {
    let depth = match (named.model.kind, bound(named.model)) {
        (Kind::Canary | Kind::Wrong | Kind::Drawn(_), _) => "canary".to_owned(),
        (_, None) => "full".to_owned(),
        (_, Some(bound)) => format!("bound {bound}: {}", named.model.why),
    };
    let result = if report.failure.is_none() { "ok" } else { "FAILED" };
    println!(
        "test {} ... {result} ({depth}; {} executions, {:.2} s)",
        named.name,
        report.executions,
        report.time.as_secs_f64()
    );
}

/// One line for each module.
fn summary(reports: &[(&Named, Report)]) {
    let module = |named: &Named| named.name.rsplit_once("::").map_or("", |name| name.0).to_owned();
    let modules: BTreeSet<String> = reports.iter().map(|(named, _)| module(named)).collect();
    println!(
        "\n{:<16} {:>6} {:>8} {:>14} {:>8}",
        "module", "models", "bounded", "executions", "seconds"
    );
    let line = |title: &str, of: &dyn Fn(&Named) -> bool| {
        let rows = || reports.iter().filter(|(named, _)| of(named));
        println!(
            "{title:<16} {:>6} {:>8} {:>14} {:>8.1}",
            rows().count(),
            rows().filter(|(named, _)| named.model.bound.is_some()).count(),
            rows().map(|(_, report)| report.executions).sum::<u64>(),
            rows().map(|(_, report)| report.time.as_secs_f64()).sum::<f64>(),
        );
    };
    for title in &modules {
        line(title, &|named| module(named) == *title);
    }
    line("all", &|_| true);
}
