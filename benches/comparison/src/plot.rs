//! A plot for the README: how many times as many pages.

use crate::statistics::Figures;

/// One bar: Salver's pages to somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    pub words: &'static str,
    pub ratio: Figures,
}

const WIDTH: f64 = 760.0;
/// Where the bars begin, right of their words, and where the longest may end, left of its figure.
const LEFT: f64 = 290.0;
const RIGHT: f64 = 660.0;
const TOP: f64 = 78.0;
const STEP: f64 = 36.0;
const THICK: f64 = 18.0;
/// How tall the ends of a thin line are.
const END: f64 = 8.0;

/// The paper is painted too: whoever shows the picture may be dark where the reader's system is light.
const STYLE: &str = "
.paper { fill: #ffffff } .ink { fill: #1f2328 } .note { fill: #59636e } .bar { fill: #4a8fd1 }
.line { stroke: #1f2328; stroke-width: 1.5; fill: none }
.figure { font-weight: 600; stroke: #ffffff; stroke-width: 4; paint-order: stroke }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } .ink { fill: #f0f6fc } .note { fill: #9198a1 } .bar { fill: #2f6fab }
.line { stroke: #f0f6fc } .figure { stroke: #0d1117 }
}
";

/// Draws the bars as SVG.
#[must_use]
pub fn draw(bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.ratio.most).fold(1.0, f64::max);
    let scale = (RIGHT - LEFT) / longest;
    let foot = TOP + STEP * bars.len() as f64;
    let rows = bars.iter().enumerate();
    let rows: String = rows
        .map(|(row, bar)| draw_bar(bar, TOP + STEP * row as f64, scale))
        .collect();
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14">
<title>Pages per second of Salver, as a multiple of the same page served otherwise</title>
<style>{STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>
<text class="ink" x="24" y="34" font-size="17" font-weight="600">Pages per second with nothing pending</text>
<text class="note" x="24" y="56">Salver as a multiple of each: longer is better for Salver, 1 is a tie</text>
<path class="line" d="M{one:.1} {line_top}V{foot}" stroke-dasharray="3 3"/>
{rows}<text class="note" x="{one:.1}" y="{one_at}" text-anchor="middle">1 ×</text>
<text class="note" x="24" y="{note_at}" font-size="12">Median of adjacent pairs; thin lines from the least to the most. One worker on one core.</text>
</svg>
"#,
        height = foot + 60.0,
        one = LEFT + scale,
        line_top = TOP - 6.0,
        one_at = foot + 16.0,
        note_at = foot + 44.0,
    )
}

fn draw_bar(bar: &Bar, top: f64, scale: f64) -> String {
    let Figures {
        median,
        least,
        most,
    } = bar.ratio;
    let at = |ratio: f64| LEFT + ratio * scale;
    let middle = top + THICK / 2.0;
    format!(
        r#"<text class="ink" x="{words_at}" y="{base}" text-anchor="end">{words}</text>
<rect class="bar" x="{LEFT}" y="{top}" width="{width:.1}" height="{THICK}" rx="2"/>
<path class="line" d="M{least:.1} {end}v{END}M{least:.1} {middle}H{most:.1}M{most:.1} {end}v{END}"/>
<text class="ink figure" x="{figure_at:.1}" y="{base}">{median:.2} ×</text>
"#,
        words_at = LEFT - 12.0,
        base = middle + 5.0,
        words = bar.words,
        width = median * scale,
        end = middle - END / 2.0,
        least = at(least),
        most = at(most),
        figure_at = at(most) + 10.0,
    )
}
