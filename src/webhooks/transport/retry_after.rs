//! The header `Retry-After` (RFC 9110, 10.2.3).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::MessageId;
use crate::webhooks::limits::MAX_RETRY_AFTER;

/// Parses seconds or a date. Returns how long to wait, at most [`MAX_RETRY_AFTER`]; `None` for another text.
pub(super) fn retry_after(value: Option<&str>) -> Option<Duration> {
    let value = value?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date: Timestamp = DateTimeParser::new().parse_timestamp(value).ok()?;
            let date = u64::try_from(date.as_millisecond()).ok()?;
            Duration::from_millis(date.saturating_sub(MessageId::new().unix_ms()))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_parsed() {
        let seconds = |value| retry_after(Some(value)).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("99999999"), Some(MAX_RETRY_AFTER.as_secs()));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0));
        assert_eq!(
            seconds("Thu, 31 Dec 2099 23:59:59 GMT"),
            Some(MAX_RETRY_AFTER.as_secs())
        );
        for other in ["", "-1", "soon", "1.5"] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }
}
