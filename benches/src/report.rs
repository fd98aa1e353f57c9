//! The table.

use std::fmt::Write;

use crate::harness::{Bar, Duel, Effort, Figures};
use crate::machine;
use crate::stats::Spread;
use crate::svg::capital;

/// A row as the terminal shows it while the run goes on.
pub(crate) fn console(figures: &Figures) -> String {
    let mut text = format!("{}, {}\n", figures.group, figures.shape);
    for duel in &figures.duels {
        let (peer, ratio) = duel.hardest();
        let _ =
            writeln!(text, "    {:<12} {} x {peer}   {}", duel.ours, spread(ratio), verdict(duel));
    }
    for (name, nanos) in &figures.raw {
        let _ = writeln!(text, "        {name:<20} {:>9.1} ns", nanos.median);
    }
    text
}

/// The whole report. `load` is that of the machine before the run.
pub(crate) fn markdown(all: &[Figures], effort: &Effort, load: &str) -> String {
    let mut text = String::from(HEAD);
    let _ = write!(
        text,
        "{}.\n\nPeers: {}; std of that compiler.\n\n{} rounds of about {} ms a contender. Load \
         of the machine before the run: {load}; much above 0, and other programs are in the figures.\n",
        machine::machine(),
        machine::peers(),
        effort.rounds,
        effort.slice.as_millis(),
    );
    let mut group = "";
    for figures in all {
        if figures.group != group {
            group = figures.group;
            let _ = write!(text, "\n## {}\n{TABLE}", capital(group));
        }
        for duel in &figures.duels {
            line(&mut text, figures.shape, duel);
        }
    }
    raw(&mut text, all);
    text
}

const HEAD: &str = "\
# Side by side

![Ratios of all rows](report.svg)

Written by `cargo run --release -p inkle-benches`; [README.md](README.md) says how to read it.

Ratio: time of ours / time of the peer, below 1 means that we are faster. The median of the ratios of
the single rounds, the 10th and 90th percentile in brackets. **Absolute times mean nothing here, and a
ratio holds only within its run**: on another machine, or on this one tomorrow, it is another ratio.

Measured on ";

const TABLE: &str = "
| shape | ours | hardest peer | ratio | asked | reached | every peer |
|---|---|---|---|---|---|---|
";

fn line(text: &mut String, shape: &str, duel: &Duel) {
    let (hardest, ratio) = duel.hardest();
    let asked = duel.bar.map_or(String::new(), |bar| match bar.against {
        Some(peer) => format!("{:.2} of {peer}", bar.ratio),
        None => format!("{:.2}", bar.ratio),
    });
    let every: Vec<String> =
        duel.ratios.iter().map(|(peer, ratio)| format!("{peer} {}", spread(*ratio))).collect();
    let _ = writeln!(
        text,
        "| {shape} | {} | {hardest} | **{}** | {asked} | {} | {} |",
        duel.ours,
        spread(ratio),
        verdict(duel),
        every.join("<br>"),
    );
}

/// Whether the bar was reached.
fn verdict(duel: &Duel) -> &'static str {
    let Some(bar) = duel.bar else {
        return "";
    };
    let (_, ratio) = duel.rival(bar);
    match bar {
        Bar { ratio: asked, .. } if ratio.median <= asked => "yes",
        // One round in ten or more reached it: the noise is larger than the distance.
        Bar { ratio: asked, .. } if ratio.low <= asked => "within the noise",
        _ => "no",
    }
}

fn spread(ratio: Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.low, ratio.high)
}

/// Nanoseconds an operation, folded away.
fn raw(text: &mut String, all: &[Figures]) {
    text.push_str(
        "\n<details><summary>Nanoseconds an operation, for the curious</summary>\n\n\
         An operation is a put and its get, a lock and its unlock, a round trip, a timer (its lateness \
         where that is what the row is about).\n\n\
         | row | contender | median | 10th to 90th percentile |\n|---|---|---|---|\n",
    );
    for figures in all {
        for (name, nanos) in &figures.raw {
            let _ = writeln!(
                text,
                "| {}, {} | {name} | {:.1} | {:.1} to {:.1} |",
                figures.group, figures.shape, nanos.median, nanos.low, nanos.high
            );
        }
    }
    text.push_str("\n</details>\n");
}
