//! A plot for the README: how many times as many pages.

use crate::figures::Figures;

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
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14">
<title>Pages per second of Salver, as a multiple of the same page served otherwise</title>
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text x="24" y="32" font-size="17" font-weight="600" fill="#1c1c1c">Pages per second with nothing pending</text>
<text x="24" y="54" fill="#5a5a5a">Salver as a multiple of each: longer is better for Salver, 1 is a tie</text>
<line x1="{one:.1}" y1="{line_top}" x2="{one:.1}" y2="{foot}" stroke="#1c1c1c" stroke-dasharray="3 3"/>
{rows}<text x="{one:.1}" y="{one_at}" text-anchor="middle" fill="#5a5a5a">1 ×</text>
<text x="24" y="{note_at}" font-size="12" fill="#5a5a5a">Median of adjacent pairs; thin lines from the least to the most. One worker on one core.</text>
</svg>
"##,
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
        r##"<text x="{words_at}" y="{base}" text-anchor="end" fill="#1c1c1c">{words}</text>
<rect x="{LEFT}" y="{top}" width="{width:.1}" height="{THICK}" rx="2" fill="#2f6fab"/>
<path d="M{least:.1} {middle}H{most:.1}" stroke="#1c1c1c" stroke-width="1.5"/>
<text x="{figure_at:.1}" y="{base}" font-weight="600" fill="#1c1c1c" stroke="#ffffff" stroke-width="4" paint-order="stroke">{median:.2} ×</text>
"##,
        words_at = LEFT - 12.0,
        base = middle + 5.0,
        words = bar.words,
        width = median * scale,
        least = at(least),
        most = at(most),
        figure_at = at(most) + 10.0,
    )
}
