//! The words of the page of preferences that have arguments.

use std::time::Duration;

use time::Weekday;

use crate::Message;
use crate::cadence::{Cadence, weekday_name};
use crate::inbox::web::page::words::Words;
use crate::inbox::web::preferences::choices::KindPreference;
use crate::kind::ANY_KIND;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Words<'_> {
    /// Returns the name of a kind. `count`: that of the kinds of the page.
    pub(in crate::inbox::web) fn kind_name(&self, one: &KindPreference, count: usize) -> String {
        match &one.name {
            Some(name) => self.name_of_kind(&one.kind, name),
            None if one.kind != ANY_KIND => self.name_of_kind(&one.kind, &one.kind),
            None if count == 1 => self.all_kinds(),
            None => self.other_kinds(),
        }
    }

    pub(super) fn cadence(&self, cadence: Cadence) -> String {
        match cadence {
            Cadence::Never => self.never(),
            Cadence::AtOnce => self.at_once(),
            Cadence::IfUnread(time) => self.if_unread(time),
            Cadence::Hourly => self.hourly(),
            Cadence::Daily { hour } => {
                let hour = clock_time(hour);
                let message = Message::info(format!("Once a day at {hour}"));
                let message = message.key("salver-inbox-mail-daily-at");
                self.translate(&message.arg("hour", hour))
            }
            Cadence::Weekly { weekday, hour } => {
                let (weekday, hour) = (self.weekday_name(weekday), clock_time(hour));
                let message = Message::info(format!("Once a week on {weekday} at {hour}"));
                let message = message.key("salver-inbox-mail-weekly-at");
                self.translate(&message.arg("weekday", weekday).arg("hour", hour))
            }
        }
    }

    /// Returns the text in the largest unit of which the time is a multiple.
    fn if_unread(&self, time: Duration) -> String {
        let seconds = time.as_secs();
        let units = [("day", DAY), ("hour", HOUR), ("minute", MINUTE)];
        let unit = units
            .into_iter()
            .find(|(_, size)| seconds.is_multiple_of(*size));
        let (unit, size) = unit.unwrap_or(("second", 1));
        let count = seconds / size;
        let text = match count {
            1 => format!("If unread for 1 {unit}"),
            count => format!("If unread for {count} {unit}s"),
        };
        let key = format!("salver-inbox-mail-unread-{unit}s");
        self.translate(&Message::info(text).key(key).arg("count", count))
    }

    pub(super) fn weekday_name(&self, weekday: Weekday) -> String {
        let name = weekday_name(weekday);
        let message = Message::info(weekday.to_string());
        self.translate(&message.key(format!("salver-inbox-{name}")))
    }

    /// Returns the text of what counts without a choice. `of`: the name of the kind whose choice it is.
    pub(super) fn default_cadence(&self, cadence: &str, of: Option<&str>) -> String {
        let message = match of {
            None => Message::info(format!("{cadence} (default)")).key("salver-inbox-mail-default"),
            Some(name) => Message::info(format!("{cadence} (as for “{name}”)"))
                .key("salver-inbox-mail-default-of")
                .arg("kind", name),
        };
        self.translate(&message.arg("cadence", cadence))
    }

    /// Returns the text of a kind that no preference turns off.
    pub(super) fn always_mailed(&self, cadence: &str) -> String {
        let message = Message::info(format!("Always e-mailed: {cadence}"));
        let message = message.key("salver-inbox-mail-always");
        self.translate(&message.arg("cadence", cadence))
    }

    /// Returns the label of the hour. `time_zone`: its name, if it is known.
    pub(super) fn hour(&self, time_zone: Option<&str>) -> String {
        let Some(time_zone) = time_zone else {
            return self.local_hour();
        };
        let message = Message::info(format!("Hour, {time_zone} time"));
        let message = message.key("salver-inbox-mail-hour");
        self.translate(&message.arg("time_zone", time_zone))
    }
}

/// Returns an hour as clocks show it.
pub(super) fn clock_time(hour: u8) -> String {
    format!("{hour:02}:00")
}
