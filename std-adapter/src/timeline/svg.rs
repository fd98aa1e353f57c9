//! A timeline as a picture: lanes below each other, a bar for each task, the time from left to right.

use std::collections::HashMap;
use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::{Bar, Lane, State, Timeline};

/// The whole picture's.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 16.0;
/// Where the first lane begins, without the graph of those that wait.
const TOP: f64 = 56.0;
/// A row of bars, and a bar in it.
const ROW: f64 = 20.0;
const BAR: f64 = 17.0;
/// Between lanes.
const GAP: f64 = 7.0;
/// The graph of those that wait.
const GRAPH: f64 = 34.0;
/// About as wide as a letter.
const LETTER: f64 = 6.2;
/// Names of lanes are not longer.
const LONGEST: usize = 28;
/// Bars that are narrower are drawn as one with their neighbours.
const NARROW: f64 = 0.8;
/// So many marks on the axis, or some more.
const MARKS: u32 = 8;

const COLORS: [&str; 8] =
    ["#4c78a8", "#3f8f6b", "#8a6db1", "#b5734a", "#3d8f9c", "#75863a", "#a05f8c", "#5f6caf"];

/// A colour for each name: the first ones have one of their own.
struct Palette<'t>(HashMap<&'t str, &'static str>);

impl<'t> Palette<'t> {
    fn of(timeline: &'t Timeline) -> Self {
        let mut palette = HashMap::new();
        for bar in timeline.lanes.iter().flat_map(|lane| &lane.bars) {
            let next = COLORS[palette.len() % COLORS.len()];
            palette.entry(&*bar.name).or_insert(next);
        }
        Self(palette)
    }

    fn color(&self, bar: &Bar) -> &'static str {
        match bar.state {
            State::Panicked => "#cf3f4f",
            State::Stopped => "#d9922e",
            State::Cancelled => "#777777",
            State::Done | State::Running => self.0.get(&*bar.name).copied().unwrap_or(COLORS[0]),
        }
    }
}

/// From time to place.
struct Scale {
    left: f64,
    width: f64,
    /// In seconds.
    length: f64,
}

impl Scale {
    fn x(&self, at: Duration) -> f64 {
        self.left + self.width * (at.as_secs_f64() / self.length).min(1.0)
    }
}

impl Timeline {
    /// As a picture in SVG, to look at in a browser: a lane for each thread, a bar for each task, and above
    /// them how many tasks wait. What a bar is is shown by the mouse on it. Bars too narrow to be seen are
    /// drawn together.
    ///
    /// ```
    /// use inkle::timeline::Timeline;
    ///
    /// assert!(Timeline::default().to_svg().ends_with("</svg>\n"));
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        let longest = self.lanes.iter().map(|lane| short(&lane.name).chars().count()).max();
        let left = MARGIN + LETTER * longest.unwrap_or(0).max(10) as f64 + 12.0;
        let length = self.length.as_secs_f64().max(1e-9);
        let scale = Scale { left, width: WIDTH - left - MARGIN, length };
        let waiting = self.waiting();
        let mut body = String::new();
        let mut y = TOP;
        if !waiting.is_empty() {
            graph(&mut body, &scale, &waiting, y);
            y += GRAPH + 2.0 * GAP;
        }
        let top = y;
        let palette = Palette::of(self);
        for lane in &self.lanes {
            y += draw(&mut body, &scale, &palette, lane, y) + GAP;
        }
        axis(&mut body, &scale, TOP, y, self.length);
        let tasks: usize = self.lanes.iter().map(|lane| lane.bars.len()).sum();
        let lanes = self.lanes.len();
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" font-family="system-ui, sans-serif" role="img">
<title>Timeline</title>
<style>
.head {{ font-size: 16px; font-weight: 600; fill: #222 }}
.note {{ font-size: 12px; fill: #666 }}
.lane {{ font-size: 12px; fill: #333; text-anchor: end }}
.name {{ font-size: 11px; fill: #fff; pointer-events: none }}
.tick {{ font-size: 11px; fill: #777; text-anchor: middle }}
.end {{ text-anchor: end }}
.grid {{ stroke: #000; stroke-opacity: 0.08 }}
.back {{ fill: #f5f5f2 }}
.waiting {{ fill: #c9c4b5 }}
rect:hover {{ stroke: #222; stroke-width: 1.2 }}
</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="{MARGIN}" y="26" class="head">{span}</text>
<text x="{MARGIN}" y="44" class="note">{lanes} {lanes_word}, {tasks} {tasks_word}.{legend}</text>
{body}</svg>
"##,
            height = y + 26.0 + if top > y { 0.0 } else { MARGIN },
            span = Span(self.length),
            lanes_word = if lanes == 1 { "lane" } else { "lanes" },
            tasks_word = if tasks == 1 { "bar" } else { "bars" },
            legend = self.legend(),
        )
    }

    /// What the colours mean that mean something.
    fn legend(&self) -> String {
        let has = |state| {
            self.lanes.iter().flat_map(|lane| &lane.bars).any(|bar: &Bar| bar.state == state)
        };
        let colors = [
            (State::Panicked, " Red: panicked."),
            (State::Stopped, " Orange: asked to stop."),
            (State::Cancelled, " Grey strokes: cancelled."),
            (State::Running, " Pale: not ended."),
        ];
        colors.into_iter().filter(|(state, _)| has(*state)).map(|(_, text)| text).collect()
    }
}

/// How many wait, as an area.
fn graph(body: &mut String, scale: &Scale, waiting: &[(Duration, i64)], y: f64) {
    let most = waiting.iter().map(|&(_, count)| count).max().unwrap_or(0).max(1);
    let bottom = y + GRAPH;
    let mut path = format!("M{:.2} {bottom:.2}", scale.left);
    for &(at, count) in waiting {
        let height = GRAPH * count as f64 / most as f64;
        let _ = write!(path, "H{:.2}V{:.2}", scale.x(at), bottom - height);
    }
    let _ = writeln!(
        body,
        r#"<text x="{:.1}" y="{:.1}" class="lane">waiting</text>
<path class="waiting" d="{path}V{bottom:.2}Z"><title>tasks that wait, at most {most}</title></path>
<text x="{:.1}" y="{:.1}" class="tick end">at most {most}</text>"#,
        scale.left - 8.0,
        y + 14.0,
        scale.left - 8.0,
        y + 29.0,
    );
}

/// A lane; gives its height.
fn draw(body: &mut String, scale: &Scale, palette: &Palette<'_>, lane: &Lane, y: f64) -> f64 {
    let rows = lane.bars.iter().map(|bar| bar.depth + 1).max().unwrap_or(1);
    let height = rows as f64 * ROW + 4.0;
    let _ = writeln!(
        body,
        r#"<rect class="back" x="{:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}"/>
<text x="{:.1}" y="{:.1}" class="lane">{}<title>{}, process {}</title></text>"#,
        scale.left,
        scale.width,
        scale.left - 8.0,
        y + 15.0,
        Text(&short(&lane.name)),
        Text(&lane.name),
        lane.process,
    );
    // In each row those that are too narrow to be seen, as long as they follow each other.
    let mut dust: Vec<Option<Dust>> = (0..rows).map(|_| None).collect();
    for bar in &lane.bars {
        let row = y + 2.0 + bar.depth as f64 * ROW;
        let (from, to) = (scale.x(bar.begin), scale.x(bar.end));
        let is_dust = to - from < NARROW && bar.state == State::Done;
        let pending = &mut dust[bar.depth];
        match pending {
            Some(dust) if is_dust && from - dust.to < NARROW => {
                dust.to = to;
                dust.last = bar.end;
                dust.count += 1;
            }
            _ => {
                if let Some(dust) = pending.take() {
                    dust.draw(body, palette, row);
                }
                if is_dust {
                    *pending = Some(Dust { bar, from, to, last: bar.end, count: 1 });
                } else {
                    one(body, palette, bar, from, to, row);
                }
            }
        }
    }
    for (depth, dust) in dust.into_iter().enumerate() {
        if let Some(dust) = dust {
            dust.draw(body, palette, y + 2.0 + depth as f64 * ROW);
        }
    }
    height
}

/// Bars that are too narrow to be seen.
struct Dust<'b> {
    bar: &'b Bar,
    from: f64,
    to: f64,
    last: Duration,
    count: usize,
}

impl Dust<'_> {
    fn draw(self, body: &mut String, palette: &Palette<'_>, row: f64) {
        if self.count == 1 {
            return one(body, palette, self.bar, self.from, self.to, row);
        }
        let _ = writeln!(
            body,
            r##"<rect x="{:.2}" y="{row:.1}" width="{:.2}" height="{BAR}" fill="#8b8f94"><title>{} short ones, from {} to {}</title></rect>"##,
            self.from,
            (self.to - self.from).max(NARROW),
            self.count,
            Span(self.bar.begin),
            Span(self.last),
        );
    }
}

fn one(body: &mut String, palette: &Palette<'_>, bar: &Bar, from: f64, to: f64, row: f64) {
    let fill = palette.color(bar);
    let width = if bar.state == State::Cancelled { 1.5 } else { (to - from).max(NARROW) };
    let pale = if bar.state == State::Running { r#" fill-opacity="0.55""# } else { "" };
    let _ = write!(
        body,
        r#"<rect x="{from:.2}" y="{row:.1}" width="{width:.2}" height="{BAR}" rx="{:.1}" fill="{fill}"{pale}><title>{}: {}, {}, from {}"#,
        (width / 4.0).min(2.0),
        Text(&bar.name),
        bar.state,
        Span(bar.duration()),
        Span(bar.begin),
    );
    if let Some(waited) = bar.waited() {
        let _ = write!(body, ", waited {}", Span(waited));
    }
    body.push_str("</title></rect>\n");
    let room = ((width - 8.0) / LETTER).max(0.0) as usize;
    if room >= 3 && bar.state != State::Cancelled {
        let _ = writeln!(
            body,
            r#"<text x="{:.1}" y="{:.1}" class="name">{}</text>"#,
            from + 4.0,
            row + 12.5,
            Text(&cut(&bar.name, room)),
        );
    }
}

/// The grid and its times.
fn axis(body: &mut String, scale: &Scale, top: f64, bottom: f64, length: Duration) {
    let step = step(length);
    // Writing to a string does not fail.
    let mut at = Duration::ZERO;
    while at <= length {
        let x = scale.x(at);
        let _ = writeln!(
            body,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{top:.1}" y2="{bottom:.1}"/>
<text x="{x:.1}" y="{:.1}" class="tick">{}</text>"#,
            bottom + 14.0,
            Span(at),
        );
        at += step;
    }
}

/// Between marks: 1, 2 or 5, with zeros.
fn step(length: Duration) -> Duration {
    let least = (length / (2 * MARKS)).as_nanos().max(1);
    let tens = std::iter::successors(Some(1_u128), |unit| unit.checked_mul(10));
    let steps = tens.flat_map(|unit| [unit, 2 * unit, 5 * unit]);
    let nanos = steps.into_iter().find(|step| *step >= least).unwrap_or(least);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn short(name: &str) -> String {
    cut(name, LONGEST)
}

fn cut(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    name.chars().take(room - 1).chain(['…']).collect()
}

/// A time, for people: three digits or so.
struct Span(Duration);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos() as f64;
        let (value, unit) = match self.0.as_nanos() {
            0 => return f.write_str("0"),
            1..1_000 => (nanos, "ns"),
            1_000..1_000_000 => (nanos / 1e3, "µs"),
            1_000_000..1_000_000_000 => (nanos / 1e6, "ms"),
            _ => (nanos / 1e9, "s"),
        };
        let text = match value {
            100.0.. => format!("{value:.0}"),
            10.0..100.0 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        };
        let text = match text.split_once('.') {
            Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
            None => &text,
        };
        write!(f, "{text} {unit}")
    }
}

/// Text of XML.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // XML has no way to say these.
                '\0'..=' ' if !matches!(c, ' ' | '\t' | '\n' | '\r') => f.write_char('\u{fffd}')?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, Text, step};
    use std::time::Duration;

    #[test]
    fn times_are_for_people() {
        let show = |nanos| Span(Duration::from_nanos(nanos)).to_string();
        assert_eq!(
            [0, 7, 1_500, 23_450, 2_000_000, 345_678_000, 61_000_000_000].map(show),
            ["0", "7 ns", "1.5 µs", "23.4 µs", "2 ms", "346 ms", "61 s"]
        );
    }

    #[test]
    fn marks_are_round_and_neither_many_nor_few() {
        for nanos in [1, 7, 999, 12_345, 1_000_000_007, 86_400_000_000_000] {
            let marks = nanos as u128 / step(Duration::from_nanos(nanos)).as_nanos();
            assert!(marks <= 16 && (marks >= 6 || nanos < 7), "{nanos}: {marks}");
        }
        assert_eq!(step(Duration::from_secs(10)), Duration::from_secs(1));
    }

    #[test]
    fn names_are_xml() {
        assert_eq!(Text("a<b> & \"c\"\u{1}").to_string(), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}");
    }
}
