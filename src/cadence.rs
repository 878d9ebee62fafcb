//! How often a person is mailed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::Weekday;

use crate::Error;

/// Longest time after which an unread notification is mailed. Its inbox keeps it for 90 days.
const MAX_UNREAD_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The days of the week by their names in the text form.
pub(crate) const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "monday"),
    (Weekday::Tuesday, "tuesday"),
    (Weekday::Wednesday, "wednesday"),
    (Weekday::Thursday, "thursday"),
    (Weekday::Friday, "friday"),
    (Weekday::Saturday, "saturday"),
    (Weekday::Sunday, "sunday"),
];

/// Returns the name of a day in the text form: `monday`.
pub(crate) fn weekday_name(weekday: Weekday) -> &'static str {
    let mut weekdays = WEEKDAYS.into_iter();
    let found = weekdays.find(|(day, _)| *day == weekday);
    found.map_or("", |(_, name)| name)
}

/// Returns the day of a name in the text form.
pub(crate) fn parse_weekday(name: &str) -> Option<Weekday> {
    let mut weekdays = WEEKDAYS.into_iter();
    let (weekday, _) = weekdays.find(|(_, known)| *known == name)?;
    Some(weekday)
}

/// How often a person is mailed about notifications of a kind.
///
/// The text form, for JSON and storage, is `never`, `at-once`, `if-unread:600` (seconds), `hourly`, `daily:8`
/// or `weekly:monday:8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Cadence {
    /// The notification is in the inbox only.
    #[default]
    Never,
    /// A mail for each notification, unless it was read before.
    AtOnce,
    /// One mail for all notifications that are unread when one of them has been for this long: 1 second to 30
    /// days, in whole seconds.
    IfUnread(Duration),
    /// One mail an hour for all that are unread.
    Hourly,
    /// One mail a day for all that are unread, at an hour of the recipient's time zone: 0 to 23.
    Daily {
        /// The hour.
        hour: u8,
    },
    /// One mail a week for all that are unread, at an hour of the recipient's time zone: 0 to 23.
    Weekly {
        /// The day.
        weekday: Weekday,
        /// The hour.
        hour: u8,
    },
}

impl Cadence {
    /// # Errors
    ///
    /// `is_invalid` for an hour or a time that is out of range.
    pub(crate) fn validate(self) -> Result<(), Error> {
        let invalid = |problem| Err(Error::invalid("cadence", problem));
        match self {
            Self::IfUnread(time) if !(Duration::from_secs(1)..=MAX_UNREAD_TIME).contains(&time) => {
                invalid("has a time that is not between 1 second and 30 days")
            }
            Self::Daily { hour } | Self::Weekly { hour, .. } if hour > 23 => {
                invalid("has an hour that is not between 0 and 23")
            }
            _ => Ok(()),
        }
    }

    /// Returns the name: the text form up to its first colon.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::AtOnce => "at-once",
            Self::IfUnread(_) => "if-unread",
            Self::Hourly => "hourly",
            Self::Daily { .. } => "daily",
            Self::Weekly { .. } => "weekly",
        }
    }

    /// Returns whether both are mailed by the same kind of job: daily ones at any hour.
    pub(crate) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Never | Self::AtOnce | Self::Hourly => Ok(()),
            Self::IfUnread(time) => write!(f, ":{}", time.as_secs()),
            Self::Daily { hour } => write!(f, ":{hour}"),
            Self::Weekly { weekday, hour } => write!(f, ":{}:{hour}", weekday_name(*weekday)),
        }
    }
}

impl FromStr for Cadence {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::invalid("cadence", "is none of the known ones");
        let hour = |text: &str| text.parse().map_err(|_| unknown());
        let parts: Vec<_> = text.split(':').collect();
        let cadence = match parts[..] {
            ["never"] => Self::Never,
            ["at-once"] => Self::AtOnce,
            ["if-unread", seconds] => {
                let seconds = seconds.parse().map_err(|_| unknown())?;
                Self::IfUnread(Duration::from_secs(seconds))
            }
            ["hourly"] => Self::Hourly,
            ["daily", text] => Self::Daily { hour: hour(text)? },
            ["weekly", name, text] => {
                let weekday = parse_weekday(name).ok_or_else(unknown)?;
                let hour = hour(text)?;
                Self::Weekly { weekday, hour }
            }
            _ => return Err(unknown()),
        };
        cadence.validate()?;
        Ok(cadence)
    }
}

impl TryFrom<String> for Cadence {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Cadence> for String {
    fn from(cadence: Cadence) -> Self {
        cadence.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_parsed() {
        let weekly = Cadence::Weekly {
            weekday: Weekday::Sunday,
            hour: 23,
        };
        for (cadence, text) in [
            (Cadence::Never, "never"),
            (Cadence::AtOnce, "at-once"),
            (Cadence::IfUnread(Duration::from_secs(600)), "if-unread:600"),
            (Cadence::Hourly, "hourly"),
            (Cadence::Daily { hour: 0 }, "daily:0"),
            (weekly, "weekly:sunday:23"),
        ] {
            assert_eq!(cadence.to_string(), text);
            assert_eq!(text.parse::<Cadence>().ok(), Some(cadence));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "daily",
            "daily:24",
            "daily:-1",
            "weekly:8",
            "weekly:someday:8",
            "weekly:monday:24",
            "if-unread:0",
            "if-unread:2592001",
            "never:1",
        ] {
            let error = text.parse::<Cadence>().err();
            assert!(error.is_some_and(|error| error.is_invalid()), "{text}");
        }
    }
}
