//! The time of a notification, relative to now: the time zone of the reader is not known.

use time::OffsetDateTime;
use time::UtcOffset;

use crate::MessageId;
use crate::inbox::web::page::words::Words;
use crate::render::Escaped;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Age from which the date is shown instead.
const MAX_RELATIVE: u64 = 30 * DAY;

/// Returns the `<time>` element of a time in Unix milliseconds.
pub(super) fn time_element(words: &Words<'_>, unix_ms: u64) -> String {
    let nanos = i128::from(unix_ms) * 1_000_000;
    // Every id has a time of less than 48 bits, which `time` can represent.
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let time = time
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(UtcOffset::UTC);
    let date = time.date();
    let datetime = format!(
        "{date}T{:02}:{:02}:{:02}Z",
        time.hour(),
        time.minute(),
        time.second()
    );
    // By the clock with which ids are created.
    let age_ms = MessageId::new().unix_ms().saturating_sub(unix_ms);
    let text = match age_ms / 1000 {
        seconds if seconds < MINUTE => words.now(),
        seconds if seconds < HOUR => words.ago("minute", seconds / MINUTE),
        seconds if seconds < DAY => words.ago("hour", seconds / HOUR),
        seconds if seconds < MAX_RELATIVE => words.ago("day", seconds / DAY),
        _ => date.to_string(),
    };
    format!(
        r#"<time datetime="{datetime}" title="{date} {:02}:{:02} UTC">{}</time>"#,
        time.hour(),
        time.minute(),
        Escaped(&text),
    )
}
