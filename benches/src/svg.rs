//! The picture: one bar for each of ours in each row, against its hardest peer.

use std::fmt::Write;

use crate::harness::Figures;

/// Where the bars begin and how wide the field is.
const LEFT: f64 = 330.0;
const WIDTH: f64 = 460.0;
const MARGIN: f64 = 16.0;
const LINE: f64 = 22.0;
const BAR: f64 = 12.0;
const TOP: f64 = 74.0;
/// The scale goes from 1/8 to 8: what is twice as fast is as far from 1 as what is half as fast.
const OCTAVES: f64 = 3.0;

const FASTER: &str = "#2a9d8f";
const SLOWER: &str = "#e08a3c";

/// The whole picture.
pub(crate) fn picture(all: &[Figures]) -> String {
    let mut body = String::new();
    let mut y = TOP;
    let mut group = "";
    for figures in all {
        if figures.group != group {
            group = figures.group;
            y += 14.0;
            text(&mut body, MARGIN, y + 10.0, "group", &capital(group));
            y += LINE;
        }
        for duel in &figures.duels {
            let (peer, ratio) = duel.hardest();
            let label = format!("{}, {}", duel.ours, figures.shape);
            text(&mut body, MARGIN + 12.0, y + 10.0, "label", &label);
            let (from, to) = (x(1.0).min(x(ratio.median)), x(1.0).max(x(ratio.median)));
            let color = if ratio.median <= 1.0 { FASTER } else { SLOWER };
            let _ = writeln!(
                body,
                r#"<rect x="{from:.1}" y="{y:.1}" width="{:.1}" height="{BAR}" rx="2" fill="{color}"/>"#,
                (to - from).max(1.0)
            );
            let middle = y + BAR / 2.0;
            let _ = writeln!(
                body,
                r#"<line class="spread" x1="{:.1}" x2="{:.1}" y1="{middle:.1}" y2="{middle:.1}"/>"#,
                x(ratio.low),
                x(ratio.high)
            );
            let figure = format!("{:.2} × {peer}", ratio.median);
            text(&mut body, LEFT + WIDTH + 14.0, y + 10.0, "figure", &figure);
            y += LINE;
        }
    }
    format!("{}{}{body}</svg>\n", head(y + MARGIN), scale(y))
}

fn head(height: f64) -> String {
    let width = LEFT + WIDTH + 190.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" role="img">
<title>Time of ours divided by the time of the hardest peer, for every row</title>
<style>
.title {{ font-size: 17px; font-weight: 600; fill: #222 }}
.group {{ font-size: 13px; font-weight: 600; fill: #222 }}
.label, .figure {{ font-size: 12px; fill: #444 }}
.tick {{ font-size: 11px; fill: #777; text-anchor: middle }}
.grid {{ stroke: #e6e6e6 }}
.one {{ stroke: #222; stroke-width: 1.5 }}
.spread {{ stroke: #222; stroke-opacity: 0.55 }}
</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="{MARGIN}" y="30" class="title">Ours against the hardest peer of each row: ratio of times</text>
<text x="{MARGIN}" y="50" class="label">Left of the line we are faster. Thin lines: 10th to 90th percentile of the rounds.</text>
"##
    )
}

/// The grid and its numbers.
fn scale(bottom: f64) -> String {
    let mut grid = String::new();
    for (value, name) in [
        (0.125, "1/8"),
        (0.25, "1/4"),
        (0.5, "1/2"),
        (1.0, "1"),
        (2.0, "2"),
        (4.0, "4"),
        (8.0, "8"),
    ] {
        let x = x(value);
        let class = if value == 1.0 { "one" } else { "grid" };
        let _ = writeln!(
            grid,
            r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{bottom:.1}"/>"#
        );
        text(&mut grid, x, TOP - 6.0, "tick", name);
    }
    grid
}

/// The place of a ratio; what is off the scale stands at its end.
fn x(ratio: f64) -> f64 {
    let octaves = ratio.log2().clamp(-OCTAVES, OCTAVES);
    LEFT + WIDTH * (octaves + OCTAVES) / (2.0 * OCTAVES)
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{words}</text>"#);
}

/// A heading of a name.
pub(crate) fn capital(name: &str) -> String {
    format!("{}{}", name[..1].to_uppercase(), &name[1..])
}
