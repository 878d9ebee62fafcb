//! Numbers and times in words.

use jiff::Timestamp;

use crate::MessageId;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Returns a number with its noun.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// Returns a duration in milliseconds, in its greatest unit.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..SECOND => format!("{ms} ms"),
        SECOND..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => format!("{} h", ms / HOUR),
        _ => count(ms / DAY, "day", "days"),
    }
}

/// Returns the `<time>` element of a time in Unix milliseconds, relative to now.
pub(super) fn time_ago(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / SECOND).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let age = MessageId::new().unix_ms().saturating_sub(unix_ms);
    let text = match age {
        0..MINUTE => "just now".to_owned(),
        age => format!("{} ago", duration(age)),
    };
    format!(r#"<time datetime="{time}" title="{time}">{text}</time>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_are_in_words() {
        for (ms, words) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (HOUR, "1 h"),
            (DAY, "1 day"),
            (3 * DAY, "3 days"),
        ] {
            assert_eq!(duration(ms), words);
        }
        let old = time_ago(1_000);
        let datetime = r#"<time datetime="1970-01-01T00:00:01Z""#;
        assert!(
            old.starts_with(datetime) && old.contains("days ago"),
            "{old}"
        );
        assert!(time_ago(MessageId::new().unix_ms()).contains(">just now<"));
        assert!(time_ago(u64::MAX).contains("9999"));
    }
}
