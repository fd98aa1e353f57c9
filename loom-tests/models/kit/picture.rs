//! The execution that failed, as lanes: one column a thread, one line a step, in the order in which they
//! happened.
//!
//! A step is an access to an atomic, or the beginning of one to plain data, or a sleep or a wake-up of the
//! platform. Words are letters and large values numbers with `#`, in the order in which they appear; the
//! legend says what they are. A load shows the value that it has found, which need not be the newest one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::panic::Location;
use std::{env, fs};

use inkle_core::atomic::{Access, Operation, Ordering, Step, Values, tell_of_each_step};
use loom::thread::ThreadId;

/// What is shown of a longer execution: its end.
const LINES: usize = 400;

/// As wide as this, if there are not too many threads.
const WIDTH: usize = 100;

/// The column of the places: a number, and file and line.
const PLACE: usize = 35;

/// The narrowest lane.
const LANE: usize = 18;

/// Values below this are shown as they are.
const SMALL: u64 = 10_000;

thread_local! {
    /// The steps of this execution. Loom runs all its threads on one.
    static EVENTS: RefCell<Vec<(ThreadId, Step)>> = const { RefCell::new(Vec::new()) };
}

/// Called before each execution that is to be drawn if it fails.
pub(super) fn start() {
    tell_of_each_step(record);
    EVENTS.with_borrow_mut(Vec::clear);
}

fn record(step: Step) {
    // What unwinds has failed already.
    if !std::thread::panicking() {
        let thread = loom::thread::current().id();
        EVENTS.with_borrow_mut(|events| events.push((thread, step)));
    }
}

/// One line of the picture.
struct Line {
    lane: usize,
    place: String,
    text: String,
}

/// Letters for words and numbers for large values, as they appear.
#[derive(Default)]
struct Names {
    words: HashMap<usize, usize>,
    values: HashMap<u64, usize>,
    legend: Vec<String>,
}

impl Names {
    fn word(&mut self, word: usize) -> String {
        let next = self.words.len();
        let at = *self.words.entry(word).or_insert(next);
        let letter = char::from(b'a' + (at % 26) as u8);
        if at < 26 { letter.to_string() } else { format!("{letter}{}", at / 26) }
    }

    fn value(&mut self, value: u64) -> String {
        if value < SMALL {
            return value.to_string();
        }
        let next = self.values.len() + 1;
        let at = *self.values.entry(value).or_insert(next);
        if at == next {
            self.legend.push(format!("#{at} = {value:#x}"));
        }
        format!("#{at}")
    }

    fn access(&mut self, access: &Access, values: &Values) -> String {
        let order = short(access.order);
        if access.operation == Operation::Fence {
            return format!("fence {order}");
        }
        let word = self.word(access.word);
        let Values { found, current, new, exchanged } = *values;
        let given = |names: &mut Self, what: &str| {
            format!("{word}.{what} {order} {}: {}", names.value(new), names.value(found))
        };
        match access.operation {
            Operation::Load => format!("{word}.load {order}: {}", self.value(found)),
            Operation::Store => format!("{word}.store {order} {}", self.value(new)),
            Operation::Swap => given(self, "swap"),
            Operation::FetchAdd => given(self, "add"),
            Operation::FetchSub => given(self, "sub"),
            Operation::FetchOr => given(self, "or"),
            Operation::FetchAnd => given(self, "and"),
            Operation::CompareExchange | Operation::CompareExchangeWeak => {
                let (from, to) = (self.value(current), self.value(new));
                match exchanged {
                    true => format!("{word}.cas {order} {from}>{to}"),
                    false => {
                        let order = short(access.failure);
                        format!("{word}.cas {order} {from}>{to}: no, {}", self.value(found))
                    }
                }
            }
            Operation::Fence => unreachable!("it has no word"),
        }
    }

    fn line(&mut self, lane: usize, step: &Step) -> Line {
        let (place, text) = match step {
            Step::Access(access, values) => (within(access.place), self.access(access, values)),
            Step::Read(place, cell) => (within(place), format!("{} reads", self.word(*cell))),
            Step::Write(place, cell) => (within(place), format!("{} writes", self.word(*cell))),
            Step::Sleeps(word) => (String::new(), format!("sleeps on {}", self.word(*word))),
            Step::Wakes(word) => (String::new(), format!("wakes on {}", self.word(*word))),
        };
        Line { lane, place, text }
    }
}

fn short(order: Ordering) -> &'static str {
    match order {
        Ordering::Relaxed => "rlx",
        Ordering::Acquire => "acq",
        Ordering::Release => "rel",
        Ordering::AcqRel => "ar",
        _ => "sc",
    }
}

/// File and line, without what all files have in common.
fn within(place: &Location<'_>) -> String {
    let file = place.file();
    let of = |folder| file.rfind(folder).map(|at| &file[at..]);
    let file =
        of("core/src/").map(|file| &file["core/src/".len()..]).or(of("models/")).unwrap_or(file);
    format!("{file}:{}", place.line())
}

/// The picture, and how many lanes it has.
struct Picture {
    lines: Vec<Line>,
    lanes: usize,
    legend: Vec<String>,
    left_out: usize,
}

impl Picture {
    fn new() -> Self {
        let events = EVENTS.take();
        // The number is private; its text is not.
        let lane = |thread: &ThreadId| {
            let text = format!("{thread:?}");
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            digits.parse().unwrap_or(0)
        };
        let mut names = Names::default();
        let all: Vec<Line> =
            events.iter().map(|(thread, step)| names.line(lane(thread), step)).collect();
        let left_out = all.len().saturating_sub(LINES);
        let lanes = all.iter().map(|line| line.lane + 1).max().unwrap_or(1);
        let lines = all.into_iter().skip(left_out).collect();
        Self { lines, lanes, legend: names.legend, left_out }
    }

    /// How wide a lane is.
    fn lane(&self) -> usize {
        LANE.max((WIDTH - PLACE) / self.lanes)
    }

    fn text(&self) -> String {
        let mut text = format!("{:PLACE$}", "");
        for lane in 0..self.lanes {
            let title = format!("| thread {lane}");
            let _ = write!(text, "{title:width$}", width = self.lane());
        }
        text = text.trim_end().to_owned() + "\n";
        if self.left_out > 0 {
            let _ = writeln!(text, "... {} steps before these", self.left_out);
        }
        for (number, line) in self.lines.iter().enumerate() {
            let number = number + self.left_out + 1;
            let _ = write!(text, "{number:>4} {:width$}", line.place, width = PLACE - 5);
            for lane in 0..=line.lane {
                let step = if lane == line.lane { &*line.text } else { "" };
                let _ = write!(text, "{:width$}", format!("| {step}"), width = self.lane());
            }
            text = text.trim_end().to_owned() + "\n";
        }
        text + &self.legend.join(", ")
    }

    fn svg(&self) -> String {
        // What a character and a line of monospaced text take.
        let (across, down) = (8, 18);
        let column = |lane: usize| (PLACE + lane * self.lane()) * across;
        let (width, height) = (column(self.lanes), (self.lines.len() + 3) * down);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"monospace\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let mut put = |x: usize, y: usize, color: &str, text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{text}</text>");
        };
        for lane in 0..self.lanes {
            put(column(lane), down, "black", &format!("thread {lane}"));
        }
        for (row, line) in self.lines.iter().enumerate() {
            let y = (row + 2) * down;
            put(across, y, "gray", &line.place);
            put(column(line.lane), y, "black", &line.text);
        }
        put(across, height - down / 2, "gray", &self.legend.join(", "));
        for lane in 0..self.lanes {
            let x = column(lane) - across;
            let _ = writeln!(svg, "<path d=\"M{x} 0V{height}\" stroke=\"silver\"/>");
        }
        svg + "</svg>\n"
    }
}

/// Prints the picture of the execution that has just failed, and draws it into the file that
/// `INKLE_PICTURE` names.
pub(super) fn print() {
    let picture = Picture::new();
    eprintln!("{}", picture.text());
    if let Some(file) = env::var_os("INKLE_PICTURE") {
        fs::write(&file, picture.svg()).expect("the file that INKLE_PICTURE names");
    }
}
