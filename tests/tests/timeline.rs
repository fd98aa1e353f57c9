//! The timeline: what is recorded of whom, and that its files are what they should be.
//!
//! There is one recording at a time in a process, so the tests take turns.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use inkle::concurrent::{Halt, Inline, Spawn, ThreadPoolExecutor, task, with_token};
use inkle::threading::{self, Builder, Event};
use inkle::timeline::{self, AlreadyRecording, Bar, Lane, State, Timeline};
use inkle_tests::{SCALE, eventually, panics, watchdog};

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::builder().workers(workers).name("weaver").build().unwrap()
}

fn bars(timeline: &Timeline) -> impl Iterator<Item = &Bar> {
    timeline.lanes.iter().flat_map(|lane| &lane.bars)
}

fn bar<'t>(timeline: &'t Timeline, name: &str) -> &'t Bar {
    bars(timeline).find(|bar| bar.name == name).unwrap_or_else(|| panic!("no bar {name}"))
}

/// What follows `name":` in a line of a trace, as a number.
fn number(line: &str, name: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
    rest[..rest.find([',', '}'])?].parse().ok()
}

/// Whether Python's own parser takes `text`; `None` if there is no Python.
fn python(check: &str, text: &str) -> Option<bool> {
    let python = Command::new("python3")
        .args(["-c", &format!("import sys; text = sys.stdin.buffer.read().decode(); {check}")])
        .stdin(Stdio::piped())
        .spawn();
    let mut python = python.ok()?;
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(python.wait().unwrap().success())
}

/// Whether tags are closed in the order in which they were opened, and text has nothing of its own.
fn assert_xml(text: &str) {
    let mut open = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap();
        assert!(!after.contains('>') && !tag.contains(char::is_control), "{piece}");
        let name = tag.trim_matches('/').split([' ', '/']).next().unwrap();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{piece}"),
            (false, true) => {}
            (false, false) => open.push(name),
        }
    }
    assert!(open.is_empty());
    assert!(python("import xml.dom.minidom as d; d.parseString(text)", text).unwrap_or(true));
}

/// Whether it is JSON: strings as they may be, brackets in pairs.
fn assert_json(text: &str) {
    let (mut open, mut chars) = (Vec::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => loop {
                match chars.next().unwrap() {
                    '"' => break,
                    '\\' => assert!(r#""\/bfnrtu"#.contains(chars.next().unwrap())),
                    c => assert!(c >= ' '),
                }
            },
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => assert_eq!(open.pop(), Some(c)),
            _ => {}
        }
    }
    assert!(open.is_empty());
    assert!(python("import json; json.loads(text)", text).unwrap_or(true));
}

#[test]
fn tasks_have_bars_in_the_lanes_of_their_workers() {
    let (_watch, _alone) = (watchdog(), alone());
    fn weave() -> u32 {
        7
    }
    let recorder = timeline::record().unwrap();
    let executor = pool(1);
    let go = std::sync::Arc::new(Event::new());
    let its = go.clone();
    let first = executor.submit(move || its.wait()).unwrap();
    eventually(|| first.is_running());
    let waits = executor.named("waits").submit(|| 8).unwrap();
    let cancelled = executor.named("given up").submit(|| 9).unwrap();
    assert!(cancelled.cancel());
    go.set();
    assert_eq!(waits.join().unwrap(), 8);
    assert_eq!(executor.submit(weave).unwrap().join().unwrap(), 7);
    assert!(executor.named("bad").submit(|| panic!("no yarn")).unwrap().join().is_err());
    executor.named("lost").start(|| panic!("no yarn")).unwrap();
    let asked = executor.named("asked").submit(|| with_token(|token| token.unwrap().wait()));
    let asked = asked.unwrap();
    eventually(|| asked.is_running());
    assert!(asked.stop());
    let _ = asked.join().unwrap();
    executor.shutdown_with(Halt::WAIT);
    let timeline = recorder.stop();

    let lane = timeline.lanes.iter().find(|lane| lane.name == "weaver_0").unwrap();
    assert_eq!(lane.process, std::process::id());
    let of_worker: Vec<_> = lane.bars.iter().map(|bar| (&*bar.name, bar.state)).collect();
    let own = "tasks_have_bars_in_the_lanes_of_their_workers";
    assert_eq!(
        of_worker,
        [
            (own, State::Done),
            ("waits", State::Done),
            ("weave", State::Done),
            ("bad", State::Panicked),
            ("lost", State::Panicked),
            ("asked", State::Stopped),
        ]
    );
    for bars in lane.bars.windows(2) {
        assert!(bars[0].begin <= bars[0].end && bars[0].end <= bars[1].begin);
    }
    let (first, waits) = (&lane.bars[0], &lane.bars[1]);
    assert!(waits.submitted.unwrap() >= first.begin && waits.begin >= first.end);
    assert_eq!(waits.waited().unwrap(), waits.begin - waits.submitted.unwrap());
    let given_up = bar(&timeline, "given up");
    assert_eq!((given_up.state, given_up.duration()), (State::Cancelled, Duration::ZERO));
    assert!(lane.bars.iter().all(|bar| bar.end <= timeline.length));
}

#[test]
fn work_that_a_waiting_worker_does_lies_in_the_bar_of_its_task() {
    let (_watch, _alone) = (watchdog(), alone());
    let recorder = timeline::record().unwrap();
    let executor = pool(1);
    let inner = executor.clone();
    let outer = executor.named("outer").submit(move || {
        inner.named("inner").submit(|| drop(timeline::span("own"))).unwrap().join()
    });
    outer.unwrap().join().unwrap().unwrap();
    executor.shutdown_with(Halt::WAIT);
    let timeline = recorder.stop();
    let depths = ["outer", "inner", "own"].map(|name| bar(&timeline, name).depth);
    assert_eq!(depths, [0, 1, 2]);
    assert_eq!(timeline.lanes.len(), 1);
}

#[test]
fn spans_may_end_in_any_order_and_never_lie_on_each_other() {
    let _alone = alone();
    let recorder = timeline::record().unwrap();
    let (one, two) = (timeline::span("one"), timeline::span("two"));
    drop(one);
    let three = timeline::span("three");
    let four = timeline::span("four");
    drop((two, three));
    let timeline = recorder.stop();
    let seen: Vec<_> = bars(&timeline).map(|bar| (&*bar.name, bar.state, bar.depth)).collect();
    let (done, running) = (State::Done, State::Running);
    assert_eq!(
        seen,
        [("one", done, 0), ("two", done, 1), ("three", done, 0), ("four", running, 2)]
    );
    assert!(bar(&timeline, "two").end >= bar(&timeline, "three").begin);
    drop(four);
}

#[test]
fn maps_and_work_outside_of_pools_are_recorded_and_threads_have_names() {
    let (_watch, _alone) = (watchdog(), alone());
    fn double(n: u32) -> u32 {
        2 * n
    }
    let recorder = timeline::record().unwrap();
    assert_eq!(Inline::new().map(double, 0..10).into_iter().flatten().sum::<u32>(), 90);
    let (task, future) = task(|| 7);
    assert!(task.run());
    assert_eq!(future.join().unwrap(), 7);
    let thread = Builder::new().name("shed").spawn(|| drop(timeline::span("shuttle"))).unwrap();
    thread.join().unwrap();
    std::thread::Builder::new()
        .name("foreign".to_owned())
        .spawn(|| {
            timeline::span("elsewhere");
            let mut listed = threading::enumerate().into_iter();
            assert!(listed.all(|thread| thread.name() != "foreign"), "it is put on no list");
        })
        .unwrap()
        .join()
        .unwrap();
    let timeline = recorder.stop();
    assert_eq!(bars(&timeline).filter(|bar| bar.name == "double").count(), 10);
    let lane = |name: &str| timeline.lanes.iter().find(|lane| lane.name == name).unwrap();
    assert_eq!(lane("shed").bars[0].name, "shuttle");
    assert_eq!(lane("foreign").bars[0].name, "elsewhere");
}

#[test]
fn what_goes_on_at_the_end_is_shown_and_what_comes_later_is_not() {
    let (_watch, _alone) = (watchdog(), alone());
    let before = timeline::span("before");
    let recorder = timeline::record().unwrap();
    assert_eq!(timeline::record().unwrap_err(), AlreadyRecording);
    drop(before);
    let goes_on = timeline::span("goes on");
    let caught = panics(|| {
        let _panics = timeline::span("panics");
        panic!("no yarn");
    });
    assert!(caught);
    let timeline = recorder.stop();
    let seen: Vec<_> = bars(&timeline).map(|bar| (&*bar.name, bar.state, bar.depth)).collect();
    assert_eq!(seen, [("goes on", State::Running, 0), ("panics", State::Panicked, 1)]);
    assert_eq!(timeline.lanes[0].bars[0].end, timeline.length);

    timeline::span("between");
    let recorder = timeline::record().unwrap();
    // An end without a beginning: of the recording before.
    drop(goes_on);
    timeline::span("second");
    drop(timeline::record());
    let second = recorder.stop();
    assert_eq!(bars(&second).map(|bar| &*bar.name).collect::<Vec<_>>(), ["second"]);
    // Dropped, it ends too.
    drop(timeline::record().unwrap());
    assert_eq!(timeline::record().unwrap().stop().lanes, []);
}

#[test]
fn many_threads_and_recordings_that_come_and_go() {
    let (_watch, _alone) = (watchdog(), alone());
    let executor = pool(3);
    for _ in 0..20 * SCALE {
        let recorder = timeline::record().unwrap();
        let tasks: Vec<_> =
            (0..100).map(|_| executor.named("one").submit(|| ()).unwrap()).collect();
        let (recorded, later) = tasks.split_at(50);
        recorded.iter().for_each(|task| task.result().map(drop).unwrap());
        let timeline = recorder.stop();
        later.iter().for_each(|task| task.result().map(drop).unwrap());
        for lane in &timeline.lanes {
            for bars in lane.bars.windows(2) {
                assert!(bars[0].end <= bars[1].begin && bars[1].depth == 0);
            }
        }
        let count = bars(&timeline).filter(|bar| bar.submitted.is_some()).count();
        // A result is there a moment before the task's end is told.
        assert!((50..=100).contains(&count), "{count}");
    }
}

/// With names that are no plain text.
fn strange() -> Timeline {
    let bar = |name: &str, state, submitted, begin, end, depth| Bar {
        name: name.to_owned().into(),
        state,
        submitted: Option::map(submitted, Duration::from_millis),
        begin: Duration::from_millis(begin),
        end: Duration::from_millis(end),
        depth,
    };
    let bars = vec![
        bar("a <b> & \"c\" \\ \u{1}\n", State::Done, Some(1), 5, 20, 0),
        bar("ü\u{1F9F6}\u{2028}]]>", State::Panicked, None, 6, 7, 1),
        bar("]", State::Stopped, Some(2), 25, 26, 0),
        bar("}", State::Cancelled, Some(1), 27, 27, 0),
        bar("", State::Running, Some(28), 28, 30, 0),
    ];
    Timeline {
        began: Duration::from_secs(1000),
        length: Duration::from_millis(30),
        lanes: vec![
            Lane { process: 7, name: "</text>\"\t\0".to_owned(), bars },
            Lane {
                process: 8,
                name: "a name that is much too long for the picture".to_owned(),
                bars: vec![],
            },
        ],
    }
}

#[test]
fn the_trace_is_what_viewers_read() {
    let trace = strange().to_trace();
    assert_json(&trace);
    let lines: Vec<_> = trace.lines().filter(|line| line.starts_with(r#"{"ph""#)).collect();
    let of = |kind: &str| {
        let start = format!(r#"{{"ph":"{kind}""#);
        lines.iter().copied().filter(move |line| line.starts_with(&start)).collect::<Vec<_>>()
    };
    let complete = of("X");
    assert_eq!(complete.len(), 4);
    assert_eq!((number(complete[0], "ts"), number(complete[0], "dur")), (Some(5e3), Some(15e3)));
    assert_eq!((number(complete[0], "pid"), number(complete[0], "tid")), (Some(7.0), Some(1.0)));
    assert_eq!(number(complete[0], "waited_us"), Some(4e3));
    assert!(
        complete[1].contains(r#""state":"panicked""#) && complete[1].contains("\"cat\":\"span\"")
    );
    assert_eq!(of("i").len(), 1);
    assert_eq!(of("M").len(), 2 * 2 + 2, "names and order of the lanes, names of the processes");
    let waiting: Vec<_> = of("C")
        .iter()
        .map(|line| (number(line, "ts").unwrap(), number(line, "tasks").unwrap()))
        .collect();
    let expected = [(1e3, 2.0), (2e3, 3.0), (5e3, 2.0), (25e3, 1.0), (27e3, 0.0), (28e3, 0.0)];
    assert_eq!(waiting, expected);
    assert_json(&Timeline::default().to_trace());
    let check = "import json; kinds = [e['ph'] for e in json.loads(text)['traceEvents']]; \
                 assert kinds.count('X') == 4 and kinds.count('C') == 6";
    assert!(python(check, &trace).unwrap_or(true));
}

#[test]
fn the_picture_is_xml_and_has_a_bar_with_a_tooltip_for_each_task() {
    let timeline = strange();
    let picture = timeline.to_svg();
    assert_xml(&picture);
    for title in [
        "<title>a &lt;b&gt; &amp; &quot;c&quot; \\ \u{fffd}\n: done, 15 ms, from 5 ms, waited 4 ms</title>",
        ": panicked, 1 ms, from 6 ms</title>",
        "<title>]: stopped, 1 ms, from 25 ms, waited 23 ms</title>",
        "<title>}: cancelled, 0, from 27 ms, waited 26 ms</title>",
        "<title>: running, 2 ms, from 28 ms, waited 0</title>",
    ] {
        assert!(picture.contains(title), "{title}");
    }
    assert!(picture.contains(">30 ms</text>") && picture.contains("at most 3"));
    assert_xml(&Timeline::default().to_svg());
}

#[test]
fn a_picture_of_very_many_tasks_stays_small() {
    let task = |n: u64| Bar {
        name: "tiny".into(),
        state: if n == 5000 { State::Panicked } else { State::Done },
        submitted: None,
        begin: Duration::from_micros(10 * n),
        end: Duration::from_micros(10 * n + 9),
        depth: 0,
    };
    let mut timeline = Timeline { length: Duration::from_secs(1), ..Timeline::default() };
    timeline.lanes.push(Lane { bars: (0..100_000).map(task).collect(), ..Lane::default() });
    let picture = timeline.to_svg();
    assert!(picture.len() < 20_000, "{}", picture.len());
    assert!(picture.contains("tiny: panicked"), "what matters is not lost");
    assert!(picture.contains("<title>5000 short ones, from 0 to 50 ms</title>"));
}

#[test]
fn timelines_of_other_processes_can_be_added() {
    let mut timeline = strange();
    let mut other = strange();
    other.began += Duration::from_millis(10);
    timeline.add(other.clone());
    assert_eq!((timeline.lanes.len(), timeline.length), (4, Duration::from_millis(40)));
    assert_eq!(timeline.lanes[2].bars[0].begin, Duration::from_millis(15));
    assert_eq!(timeline.lanes[2].bars[0].submitted, Some(Duration::from_millis(11)));
    other.add(strange());
    assert_eq!(other.began, Duration::from_secs(1000));
    assert_eq!(
        (other.lanes[0].bars[0].begin, other.lanes[2].bars[0].begin),
        (Duration::from_millis(15), Duration::from_millis(5),)
    );
}
