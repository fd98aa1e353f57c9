//! The figures as a page of the documentation, and whether two such pages say the same.

use std::collections::HashMap;
use std::fmt::Write;

use crate::figures::{Figures, GROUNDS, Metric};
use crate::rows::{JOBS, Ours, Reason, WHOLE};

const HEAD: &str = "\
# What the kernel costs on a microcontroller

Written by `cargo run -p inkle-tests --bin cost`; with `-- --check` that command says whether it is still so.

- An image does one job with one structure of eight places and calls it in turn: put an item, take it
  out. **flash** and **RAM**: bytes that it has more than an image without the structure, all code that
  the operations need included (with the code for who waits, though nobody does).
- **put**, **take**: instructions from the first of a function that does this one operation to its
  return, the worst of 20 rounds; an empty function takes 4 and 3. **full**, **empty**: the same of a put
  that finds no room and of a take that finds nothing. **off**: the longest stretch of them all with
  interrupts off, the one that lets them in again included. **stack**: bytes that the deepest of them
  needs below its caller's. All by QEMU's trace of every instruction, so the same each time. An
  instruction is not a cycle.
- At most one item is inside, but for **full**: a heap with more does more. heapless's `spsc::Queue` holds
  one item less than its length, so it has nine places and divides by nine, which takes a Cortex-M0 long.
- Timers lie 50 ticks ahead, one level up on a wheel; to take is a turn of the driver at the deadline,
  with all that it looks after, and **empty** one at which nothing is due.
- Where there is no compare-and-swap, an operation of a `WordRing` is one critical section (inkle-core's
  feature `critical-section`), and one of what stands on it is a few of them.
- Optimised for size (`opt-level = \"s\"`, fat link-time optimisation, one codegen unit). Words are 32 bits.
";

/// All tables, or what is wrong with the reasons.
pub(crate) fn page(
    compiler: &str,
    measured: &[HashMap<&'static str, Figures>],
) -> Result<String, String> {
    let mut page = format!("{HEAD}- Compiler: {compiler}.\n");
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for (ground, measured) in GROUNDS.iter().zip(measured) {
        let _ = write!(page, "\n## {}\n\n", ground.name);
        page += &heading("job", "larger than a peer, because");
        for job in JOBS {
            let peers: Vec<_> = job.peers.iter().map(|peer| measured[peer.0]).collect();
            for ours in job.ours {
                let figures = measured[ours.image];
                let larger: Vec<_> = Metric::ALL
                    .into_iter()
                    .enumerate()
                    .filter(|(n, _)| {
                        peers.iter().any(|peer| peer[*n].is_some() && peer[*n] < figures[*n])
                    })
                    .map(|(_, metric)| (ours.image, metric))
                    .collect();
                let because = because(ours, &larger, &mut wrong);
                row(&mut page, job.name, &format!("**{}**", ours.name), figures, &because);
                used.extend(larger);
            }
            for (name, figures) in job.peers.iter().zip(peers) {
                row(&mut page, "", name.1, figures, "");
            }
        }
    }
    for ours in JOBS.iter().flat_map(|job| job.ours) {
        for (metric, _) in ours.why {
            if !used.contains(&(ours.image, *metric)) {
                wrong.push(format!("{}: a reason for {metric:?} that nobody needs", ours.image));
            }
        }
    }
    page += "\n## Why\n\n";
    for reason in Reason::ALL {
        let (letter, text) = reason.letter_and_text();
        let _ = writeln!(page, "- **{letter}** {text}");
    }
    whole(&mut page, measured);
    if wrong.is_empty() { Ok(page) } else { Err(wrong.join("\n")) }
}

fn because(ours: &Ours, larger: &[(&str, Metric)], wrong: &mut Vec<String>) -> String {
    let reasons = larger.iter().map(|(image, metric)| {
        let reason = ours.why.iter().find(|why| why.0 == *metric);
        let Some((_, reason)) = reason else {
            wrong.push(format!("{image}: {metric:?} is larger, and there is no reason"));
            return String::new();
        };
        format!("{} {}", metric.name(), reason.letter_and_text().0)
    });
    reasons.collect::<Vec<_>>().join(", ")
}

fn heading(first: &str, last: &str) -> String {
    let names = Metric::ALL.map(Metric::name).join(" | ");
    let rules = Metric::ALL.map(|_| "--:").join("|");
    format!("| {first} | structure | {names} | {last} |\n|---|---|{rules}|---|\n")
}

fn row(page: &mut String, job: &str, name: &str, figures: Figures, because: &str) {
    let cells = figures.map(|figure| figure.map_or("".into(), |figure| figure.to_string()));
    let cells = cells.join(" | ");
    let _ = writeln!(page, "| {job} | {name} | {cells} | {because} |");
}

fn whole(page: &mut String, measured: &[HashMap<&'static str, Figures>]) {
    *page += "\n## Beside a plain ring\n\n\
        A plain ring in one critical section an operation has nothing but the operation: no close, no\n\
        tickets, and items are copied with interrupts off.\n\n";
    *page += &heading("on", "");
    for (ground, measured) in GROUNDS.iter().zip(measured) {
        for (image, name, plain) in WHOLE {
            row(page, ground.name, name, measured[image], "");
            row(page, "", "plain ring in a critical section", measured[plain], "");
        }
    }
}

/// Whether the figures of two pages are nearly the same: another compiler changes a few instructions.
/// The error is the first line that differs.
pub(crate) fn compare(page: &str, other: &str) -> Result<(), String> {
    let rows = |page: &str| {
        page.lines().filter(|line| line.starts_with('|')).map(str::to_owned).collect::<Vec<_>>()
    };
    let (rows, others) = (rows(page), rows(other));
    if rows.len() != others.len() {
        return Err("there are more or fewer rows".into());
    }
    for (row, other) in rows.iter().zip(&others) {
        let is_same = row.split('|').zip(other.split('|')).all(|(cell, other)| {
            match (cell.trim().parse::<u32>(), other.trim().parse::<u32>()) {
                (Ok(figure), Ok(other)) => is_near(figure, other),
                // The reasons follow from the figures.
                _ => cell == other || [cell, other].into_iter().all(is_list_of_reasons),
            }
        });
        if !is_same {
            return Err(format!("{row}\n{other}"));
        }
    }
    Ok(())
}

fn is_near(figure: u32, other: u32) -> bool {
    figure.abs_diff(other) <= 4 + figure.max(other) / 16
}

fn is_list_of_reasons(cell: &str) -> bool {
    cell.trim().is_empty()
        || cell
            .split(',')
            .all(|part| Metric::ALL.iter().any(|metric| part.trim().starts_with(metric.name())))
}
