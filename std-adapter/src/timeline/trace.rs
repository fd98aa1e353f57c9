//! A timeline as a trace: JSON in the "Trace Event Format" of Chrome, which Perfetto reads too.
//!
//! Each bar is a complete event (`X`), each cancelled task an instant (`i`), each lane a thread with its
//! name, and a counter (`C`) tells how many tasks wait. Times are in microseconds.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::{Bar, State, Timeline};

impl Timeline {
    /// As a trace file: open it in `https://ui.perfetto.dev`, in `chrome://tracing`, or in any other viewer of
    /// Chrome's trace events. How long a task had waited is among its arguments; how many waited is a
    /// counter of its own.
    ///
    /// ```
    /// use inkle::timeline::Timeline;
    ///
    /// assert!(Timeline::default().to_trace().starts_with('{'));
    /// ```
    #[must_use]
    pub fn to_trace(&self) -> String {
        let mut events = Vec::new();
        let processes: BTreeSet<_> = self.lanes.iter().map(|lane| lane.process).collect();
        for (lane, number) in self.lanes.iter().zip(1_u32..) {
            let (process, name) = (lane.process, Text(&lane.name));
            let place = format!(r#""pid":{process},"tid":{number}"#);
            events.push(format!(
                r#"{{"ph":"M","name":"thread_name",{place},"args":{{"name":{name}}}}}"#
            ));
            events.push(format!(
                r#"{{"ph":"M","name":"thread_sort_index",{place},"args":{{"sort_index":{number}}}}}"#
            ));
            events.extend(lane.bars.iter().map(|bar| event(bar, &place)));
        }
        for process in &processes {
            events.push(format!(
                r#"{{"ph":"M","name":"process_name","pid":{process},"args":{{"name":"process {process}"}}}}"#
            ));
        }
        if let Some(process) = processes.first() {
            events.extend(self.waiting().into_iter().map(|(at, tasks)| {
                let at = Micros(at);
                format!(
                    r#"{{"ph":"C","name":"waiting","pid":{process},"ts":{at},"args":{{"tasks":{tasks}}}}}"#
                )
            }));
        }
        format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", events.join(",\n"))
    }
}

fn event(bar: &Bar, place: &str) -> String {
    let (name, at, state) = (Text(&bar.name), Micros(bar.begin), bar.state);
    let mut arguments = format!(r#""state":"{state}""#);
    if let Some(waited) = bar.waited() {
        // Writing to a string does not fail.
        let _ = write!(arguments, r#","waited_us":{}"#, Micros(waited));
    }
    let kind = match state {
        State::Cancelled => r#""ph":"i","s":"t""#.to_owned(),
        _ => format!(r#""ph":"X","dur":{}"#, Micros(bar.duration())),
    };
    let category = if bar.submitted.is_some() { "task" } else { "span" };
    format!(
        r#"{{{kind},"name":{name},"cat":"{category}",{place},"ts":{at},"args":{{{arguments}}}}}"#
    )
}

struct Micros(Duration);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        write!(f, "{}.{:03}", nanos / 1000, nanos % 1000)
    }
}

/// A string of JSON.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::{Micros, Text};
    use std::time::Duration;

    #[test]
    fn strings_and_times_are_json() {
        let text = Text("a \"b\" \\ \n\u{1} ä \u{2028}");
        assert_eq!(text.to_string(), "\"a \\\"b\\\" \\\\ \\u000a\\u0001 ä \u{2028}\"");
        assert_eq!(Micros(Duration::from_nanos(1_002_003)).to_string(), "1002.003");
        assert_eq!(Micros(Duration::ZERO).to_string(), "0.000");
    }
}
