//! The events of the last hour, as a plot and as a sentence.

use crate::broker::page::words::{count, time_ago};
use crate::jobs::{ACTIVITY_MINUTES, Activity, MinuteCounts};

/// The width of a minute and the height of the plot, in units of the drawing.
const MINUTE_WIDTH: u64 = 10;
const HEIGHT: u64 = 100;

pub(super) fn section(activity: &Activity) -> String {
    let minutes: Vec<_> = activity.minutes().collect();
    let plot = match highest(&minutes) {
        0 => String::new(),
        highest => figure(&minutes, highest),
    };
    format!(
        r#"<section aria-labelledby="events"><h2 id="events">Events per minute</h2><p>{} This process began to count {}; other brokers count their own.</p>{plot}</section>"#,
        summary(&minutes),
        time_ago(activity.since),
    )
}

fn highest(minutes: &[MinuteCounts]) -> u64 {
    let counts = minutes.iter().map(|one| one.accepted.max(one.delivered));
    counts.max().unwrap_or_default()
}

/// Returns the plot in words.
fn summary(minutes: &[MinuteCounts]) -> String {
    let accepted = minutes.iter().map(|one| one.accepted);
    let delivered: u64 = minutes.iter().map(|one| one.delivered).sum();
    let (all, most) = (accepted.clone().sum(), accepted.max().unwrap_or_default());
    let during = match minutes.len() {
        1 => "In the last minute".to_owned(),
        minutes => format!("In the last {minutes} minutes"),
    };
    if all == 0 && delivered == 0 {
        return format!("{during} this process accepted no event and delivered nothing.");
    }
    format!(
        "{during} this process accepted {}, at most {most} a minute, and made {}.",
        count(all, "event", "events"),
        count(delivered, "delivery", "deliveries"),
    )
}

fn figure(minutes: &[MinuteCounts], highest: u64) -> String {
    let before = ACTIVITY_MINUTES.saturating_sub(minutes.len()) as u64;
    let scaled = |count: u64| (count * HEIGHT).div_ceil(highest);
    let left = |index: usize| (before + index as u64) * MINUTE_WIDTH;
    let (mut bars, mut points) = (String::new(), String::new());
    for (index, minute) in minutes.iter().enumerate() {
        let (left, height) = (left(index), scaled(minute.accepted));
        if height > 0 {
            bars += &format!(
                r#"<rect x="{}" y="{}" width="{}" height="{height}"/>"#,
                left + 1,
                HEIGHT - height,
                MINUTE_WIDTH - 2,
            );
        }
        let y = HEIGHT - scaled(minute.delivered);
        points += &format!("{left},{y} {},{y} ", left + MINUTE_WIDTH);
    }
    format!(
        concat!(
            r#"<figure><p class="axis" aria-hidden="true"><span>{highest} a minute</span></p>"#,
            r#"<svg class="plot" role="img" aria-labelledby="plot-title plot-summary" viewBox="0 -2 {width} {full}" preserveAspectRatio="none">"#,
            r#"<title id="plot-title">Events per minute</title><desc id="plot-summary">{summary}</desc>"#,
            r#"<g class="accepted">{bars}</g><polyline class="delivered" points="{points}"/></svg>"#,
            r#"<p class="axis" aria-hidden="true"><span>{minutes} minutes ago</span><span>now</span></p>"#,
            r#"<figcaption><span class="key-accepted">Bars: events accepted</span> <span class="key-delivered">Line: deliveries made</span></figcaption></figure>"#,
        ),
        highest = highest,
        width = ACTIVITY_MINUTES as u64 * MINUTE_WIDTH,
        full = HEIGHT + 4,
        summary = summary(minutes),
        bars = bars,
        points = points.trim_end(),
        minutes = ACTIVITY_MINUTES,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plot_is_scaled_to_its_highest_minute() {
        let minute = |accepted, delivered| MinuteCounts {
            accepted,
            delivered,
        };
        let minutes = [minute(10, 0), minute(0, 40), minute(1, 20)];
        let figure = figure(&minutes, highest(&minutes));
        // The minutes are at the right end, and the last one is at 590.
        for bar in [
            r#"<rect x="571" y="75" width="8" height="25"/>"#,
            r#"<rect x="591" y="97" width="8" height="3"/>"#,
        ] {
            assert!(figure.contains(bar), "{figure}");
        }
        assert_eq!(figure.matches("<rect").count(), 2);
        let line = r#"points="570,100 580,100 580,0 590,0 590,50 600,50""#;
        assert!(figure.contains(line), "{figure}");
        let summary = "In the last 3 minutes this process accepted 11 events, at most 10 a minute, and made 60 deliveries.";
        assert!(figure.contains(summary), "{figure}");
    }
}
