//! A bar chart for the README: pages per second of Salver, relative to each alternative.

use crate::statistics::Statistics;

/// One bar: pages per second of Salver, divided by those of an alternative.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    pub label: &'static str,
    pub ratio: Statistics,
}

const WIDTH: f64 = 760.0;
/// Where the bars begin, right of their labels.
const LEFT: f64 = 290.0;
/// Where the longest range line ends, left of its number.
const RIGHT: f64 = 660.0;
const TOP: f64 = 78.0;
const ROW_HEIGHT: f64 = 36.0;
const BAR_HEIGHT: f64 = 18.0;
/// Height of the two end caps of a range line.
const CAP_HEIGHT: f64 = 8.0;

/// The background is filled, because a page in dark colours may embed the chart while the system of
/// the reader prefers light colours.
const STYLE: &str = "
.paper { fill: #ffffff } .ink { fill: #1f2328 } .note { fill: #59636e } .bar { fill: #4a8fd1 }
.line { stroke: #1f2328; stroke-width: 1.5; fill: none }
.figure { font-weight: 600; stroke: #ffffff; stroke-width: 4; paint-order: stroke }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } .ink { fill: #f0f6fc } .note { fill: #9198a1 } .bar { fill: #2f6fab }
.line { stroke: #f0f6fc } .figure { stroke: #0d1117 }
}
";

/// Renders the bars as SVG. `title`: what is compared.
#[must_use]
pub fn render(title: &str, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.ratio.max).fold(1.0, f64::max);
    let scale = (RIGHT - LEFT) / longest;
    let bottom = TOP + ROW_HEIGHT * bars.len() as f64;
    let rows = bars.iter().enumerate();
    let rows: String = rows
        .map(|(row, bar)| render_bar(bar, TOP + ROW_HEIGHT * row as f64, scale))
        .collect();
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14">
<title>Pages per second of Salver, relative to the same page served in other ways</title>
<style>{STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{height}" rx="6"/>
<text class="ink" x="24" y="34" font-size="17" font-weight="600">{title}</text>
<text class="note" x="24" y="56">Salver relative to each alternative: longer is better, 1 means equal</text>
<path class="line" d="M{one:.1} {line_top}V{bottom}" stroke-dasharray="3 3"/>
{rows}<text class="note" x="{one:.1}" y="{one_y}" text-anchor="middle">1 ×</text>
<text class="note" x="24" y="{note_y}" font-size="12">Median of alternating pairs; thin lines show minimum and maximum. One worker on one core.</text>
</svg>
"#,
        height = bottom + 60.0,
        one = LEFT + scale,
        line_top = TOP - 6.0,
        one_y = bottom + 16.0,
        note_y = bottom + 44.0,
    )
}

fn render_bar(bar: &Bar, top: f64, scale: f64) -> String {
    let Statistics { median, min, max } = bar.ratio;
    let x = |ratio: f64| LEFT + ratio * scale;
    let middle = top + BAR_HEIGHT / 2.0;
    format!(
        r#"<text class="ink" x="{label_x}" y="{baseline}" text-anchor="end">{label}</text>
<rect class="bar" x="{LEFT}" y="{top}" width="{width:.1}" height="{BAR_HEIGHT}" rx="2"/>
<path class="line" d="M{min:.1} {cap_top}v{CAP_HEIGHT}M{min:.1} {middle}H{max:.1}M{max:.1} {cap_top}v{CAP_HEIGHT}"/>
<text class="ink figure" x="{number_x:.1}" y="{baseline}">{median:.2} ×</text>
"#,
        label_x = LEFT - 12.0,
        baseline = middle + 5.0,
        label = bar.label,
        width = median * scale,
        cap_top = middle - CAP_HEIGHT / 2.0,
        min = x(min),
        max = x(max),
        number_x = x(max) + 10.0,
    )
}
