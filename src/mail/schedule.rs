//! When a digest is sent: at an hour of the recipient's time zone, at most once a local date.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::Recipient;
use crate::cadence::Cadence;
use crate::digest::digest;
use crate::log_limit::LogLimit;

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
/// The format of a period that is an hour of UTC.
const HOUR_FORMAT: &str = "%Y-%m-%dT%H";
/// Over how long the digests of one hour are spread, so that they do not reach the mail server at once.
const DAILY_SPREAD: i64 = 15 * MINUTE;
/// A period further ahead than this comes from a clock that was wrong. Time zones differ by 26 hours.
const MAX_DAYS_AHEAD: i64 = 2;
/// Days after which a weekly digest has had its day, beside [`MAX_DAYS_AHEAD`].
const MAX_DAYS: i64 = 7 + MAX_DAYS_AHEAD + 1;

/// Returns the time zone of a name; UTC for one that is unknown.
pub(super) fn time_zone(name: Option<&str>) -> TimeZone {
    static UNKNOWN: LogLimit = LogLimit::new();

    let Some(name) = name else {
        return TimeZone::UTC;
    };
    TimeZone::get(name).unwrap_or_else(|error| {
        if UNKNOWN.allow() {
            tracing::warn!(%error, name, "a profile has an unknown time zone; its digests are sent by UTC");
        }
        TimeZone::UTC
    })
}

/// Returns the next time of a digest, in Unix milliseconds, and its period: the local date, or the hour of
/// UTC. `last`: the period of the last one; none is sent for an earlier or the same one.
///
/// `None` for a cadence that is no digest, and for a time out of the range of calendars.
pub(super) fn next_digest(
    cadence: Cadence,
    recipient: &Recipient,
    zone: &TimeZone,
    now: u64,
    last: Option<&str>,
) -> Option<(u64, String)> {
    let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?;
    let (time, period) = match cadence {
        Cadence::Hourly => next_hour(now, spread(recipient, HOUR), last)?,
        Cadence::Daily { hour } => next_day(now, zone, hour, None, recipient, last)?,
        Cadence::Weekly { weekday, hour } => {
            let weekday = Weekday::from_monday_zero_offset(
                i8::try_from(weekday.number_days_from_monday()).ok()?,
            );
            next_day(now, zone, hour, weekday.ok(), recipient, last)?
        }
        Cadence::Never | Cadence::AtOnce | Cadence::IfUnread(_) => return None,
    };
    Some((u64::try_from(time.as_millisecond()).ok()?, period))
}

/// Returns whether a digest of this or a later period was sent already. A last period that is further ahead than
/// time zones differ comes from a clock that was wrong, and does not count.
pub(super) fn was_sent(last: Option<&String>, period: &str) -> bool {
    let Some((last, period)) = last.and_then(|last| begin(last)).zip(begin(period)) else {
        return false;
    };
    let furthest = period.checked_add(MAX_DAYS_AHEAD.days());
    last >= period && furthest.is_ok_and(|furthest| last <= furthest)
}

/// Returns the period for which a digest counts: its own, or the local date for which it was planned if that is later,
/// since the recipient has moved to another time zone. So no other one is sent on that date.
pub(super) fn counted_period(period: &str, zone: &TimeZone, planned_at: u64) -> String {
    let time = i64::try_from(planned_at).ok();
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    let local = time.map(|time| time.to_zoned_datetime(zone.clone()).date());
    match (date(period), local) {
        (Some(date), Some(local)) if local > date => local.to_string(),
        _ => period.to_owned(),
    }
}

/// Returns the date of a period; `None` for an hour.
fn date(period: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", period).ok()
}

/// Returns when a period begins: a local date or an hour of UTC.
fn begin(period: &str) -> Option<DateTime> {
    let hour = || DateTime::strptime(HOUR_FORMAT, period).ok();
    date(period).map(|date| date.at(0, 0, 0, 0)).or_else(hour)
}

/// Each recipient has a minute of the hour. The digest of an hour may have been sent before its time.
fn next_hour(now: Timestamp, spread: i64, last: Option<&str>) -> Option<(Timestamp, String)> {
    let hour = (now.as_millisecond() - spread).div_euclid(HOUR) + 1;
    (hour..=hour + 1).find_map(|hour| {
        let period = Timestamp::from_millisecond(hour * HOUR).ok()?;
        let period = period.strftime(HOUR_FORMAT).to_string();
        let time = Timestamp::from_millisecond(hour * HOUR + spread).ok()?;
        (last != Some(period.as_str())).then_some((time, period))
    })
}

fn next_day(
    now: Timestamp,
    zone: &TimeZone,
    hour: u8,
    weekday: Option<Weekday>,
    recipient: &Recipient,
    last: Option<&str>,
) -> Option<(Timestamp, String)> {
    let today = now.to_zoned_datetime(zone.clone()).date();
    let furthest = today.checked_add(MAX_DAYS_AHEAD.days()).ok()?;
    let last = last.and_then(date);
    let last = last.filter(|last| *last <= furthest);
    let hour = i8::try_from(hour).ok()?;
    let spread = SignedDuration::from_millis(spread(recipient, DAILY_SPREAD));
    // The day before: its hour is after now where a zone has skipped a day.
    (-1..=MAX_DAYS).find_map(|days| {
        let date = today.checked_add(days.days()).ok()?;
        let is_wanted = last.is_none_or(|last| date > last)
            && weekday.is_none_or(|weekday| date.weekday() == weekday);
        // An hour that a change of clocks skips is the next one; one that occurs twice is the first.
        let time = date
            .at(hour, 0, 0, 0)
            .to_zoned_datetime(zone.clone())
            .ok()?;
        let time = time.timestamp().checked_add(spread).ok()?;
        (is_wanted && time > now).then(|| (time, date.to_string()))
    })
}

/// Returns a time below `range` that is always the same for a recipient, in milliseconds.
fn spread(recipient: &Recipient, range: i64) -> i64 {
    let [a, b, c, d, ..] = digest("spread", &[recipient.as_str()]);
    i64::from(u32::from_be_bytes([a, b, c, d])) % range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> u64 {
        let time = text.parse::<Timestamp>().map(Timestamp::as_millisecond);
        time.ok()
            .and_then(|time| u64::try_from(time).ok())
            .unwrap_or(0)
    }

    /// Returns the local time and the period of the next digest.
    fn next(cadence: Cadence, zone: &str, now: &str, last: Option<&str>) -> (String, String) {
        let (ada, zone) = (Recipient::user("ada"), time_zone(Some(zone)));
        let next = next_digest(cadence, &ada, &zone, millis(now), last).unwrap_or_default();
        let spread = match cadence {
            Cadence::Hourly => 0,
            _ => spread(&ada, DAILY_SPREAD),
        };
        let time = i64::try_from(next.0).ok();
        let time = time.and_then(|time| Timestamp::from_millisecond(time - spread).ok());
        let local = time.map(|time| time.to_zoned_datetime(zone).strftime("%FT%R").to_string());
        (local.unwrap_or_default(), next.1)
    }

    #[test]
    fn daily_digest_is_sent_at_the_local_hour() {
        let daily = Cadence::Daily { hour: 8 };
        for (zone, now, local) in [
            ("UTC", "2026-11-29T07:59:00Z", "2026-11-29T08:00"),
            ("UTC", "2026-11-29T09:00:00Z", "2026-11-30T08:00"),
            (
                "Pacific/Auckland",
                "2026-11-29T09:00:00Z",
                "2026-11-30T08:00",
            ),
            (
                "America/Los_Angeles",
                "2026-11-29T09:00:00Z",
                "2026-11-29T08:00",
            ),
            // The clocks go forward from 2 to 3, and back from 3 to 2.
            ("Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T08:00"),
            ("Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T08:00"),
        ] {
            let (time, period) = next(daily, zone, now, None);
            assert_eq!(time, local, "{zone} {now}");
            assert!(local.starts_with(&period), "{zone} {now}: {period}");
        }
        let skipped = Cadence::Daily { hour: 2 };
        let (time, _) = next(skipped, "Europe/Berlin", "2026-03-28T23:30:00Z", None);
        assert_eq!(time, "2026-03-29T03:00");
    }

    #[test]
    fn each_local_date_has_at_most_one() {
        let (daily, now) = (Cadence::Daily { hour: 8 }, "2026-11-29T09:00:00Z");
        let zone = "America/Los_Angeles";
        for (last, period) in [
            ("2026-11-28", "2026-11-29"),
            ("2026-11-29", "2026-11-30"),
            // A clock that was a day ahead; one that was a year ahead.
            ("2026-11-30", "2026-12-01"),
            ("2027-11-29", "2026-11-29"),
            ("x", "2026-11-29"),
        ] {
            assert_eq!(next(daily, zone, now, Some(last)).1, period, "{last}");
        }
    }

    #[test]
    fn period_is_past_unless_the_last_one_comes_from_a_wrong_clock() {
        let last = |text: &str| Some(text.to_owned());
        for (before, is) in [
            (None, false),
            (last("2026-11-28"), false),
            (last("2026-11-29"), true),
            (last("2026-12-01"), true),
            (last("2027-11-29"), false),
            (last("x"), false),
        ] {
            assert_eq!(was_sent(before.as_ref(), "2026-11-29"), is, "{before:?}");
        }
    }

    #[test]
    fn each_hour_is_a_period_of_its_own() {
        let hour = "2026-11-29T08";
        for (last, is) in [
            ("2026-11-29T07", false),
            ("2026-11-29T08", true),
            ("2026-11-29T09", true),
            ("2026-11-28T09", false),
            ("2027-11-29T08", false),
        ] {
            assert_eq!(was_sent(Some(&last.to_owned()), hour), is, "{last}");
        }
        let tokyo = time_zone(Some("Asia/Tokyo"));
        let planned = millis("2026-11-29T15:30:00Z");
        assert_eq!(
            counted_period("2026-11-29T15", &tokyo, planned),
            "2026-11-29T15"
        );
    }

    #[test]
    fn weekly_digest_is_sent_on_its_day() {
        let weekly = Cadence::Weekly {
            weekday: time::Weekday::Monday,
            hour: 8,
        };
        let now = "2026-11-29T09:00:00Z";
        let (time, period) = next(weekly, "UTC", now, None);
        assert_eq!(
            (time.as_str(), period.as_str()),
            ("2026-11-30T08:00", "2026-11-30")
        );
        assert_eq!(next(weekly, "UTC", now, Some(&period)).1, "2026-12-07");
    }

    #[test]
    fn hourly_digest_that_was_sent_early_is_that_of_its_hour() {
        let (ada, zone) = (Recipient::user("ada"), TimeZone::UTC);
        let now = millis("2026-11-29T09:00:00Z");
        let first = next_digest(Cadence::Hourly, &ada, &zone, now, None).unwrap_or_default();
        let next = next_digest(Cadence::Hourly, &ada, &zone, now, Some(&first.1));
        let (time, period) = next.unwrap_or_default();
        assert_eq!(time, first.0 + HOUR.unsigned_abs());
        assert!(period > first.1, "{period}");
    }

    #[test]
    fn hourly_digests_are_one_hour_apart() {
        let (ada, zone) = (Recipient::user("ada"), TimeZone::UTC);
        let (mut now, mut last) = (millis("2026-11-29T09:00:00Z"), String::new());
        for _ in 0..3 {
            let next = next_digest(Cadence::Hourly, &ada, &zone, now, None);
            let (time, period) = next.unwrap_or_default();
            assert!(time > now && time - now <= HOUR.unsigned_abs());
            assert!(period > last, "{period}");
            (now, last) = (time, period);
        }
    }
}
