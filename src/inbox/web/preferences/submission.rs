//! What a form or JSON changes. Everything is checked before anything is changed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::Error;
use crate::cadence::{Cadence, parse_weekday};
use crate::inbox::web::caller::Caller;
use crate::inbox::web::preferences::choices::{
    CADENCE_FIELD, DEFAULT_VALUE, DigestTime, KindPreference, MailPreferences,
};

/// Longest time of [`Cadence::IfUnread`] that a person can choose beside that of the site. Each change adds a job that
/// waits for so long: without a limit one person could fill the queue.
const MAX_UNREAD_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What is chosen for each kind; `None`: what counts without a choice.
pub(super) struct Submission(BTreeMap<String, Option<Cadence>>);

impl Submission {
    /// Returns what a body changes. Other fields of it are ignored.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a kind that the page does not offer, a cadence, an hour or a weekday that do not exist, and
    /// JSON without `kinds`.
    pub(super) fn parse(
        body: &Value,
        is_form: bool,
        preferences: &MailPreferences,
    ) -> Result<Self, Error> {
        let time = DigestTime {
            hour: hour(body.get("hour"))?.unwrap_or(preferences.time.hour),
            weekday: match body.get("weekday") {
                None => preferences.time.weekday,
                Some(name) => name.as_str().and_then(parse_weekday).ok_or_else(|| {
                    Error::invalid("weekday", "is not the English name of one in lower case")
                })?,
            },
        };
        let fields = match is_form {
            true => form_fields(body),
            false => json_fields(body)?,
        };
        let mut cadences = BTreeMap::new();
        for (kind, cadence) in fields {
            let known = preferences.of_kind(kind);
            let known = known.ok_or_else(|| Error::invalid("kind", "is none of the list"))?;
            let cadence = cadence.map(|text| parse_cadence(text, time)).transpose()?;
            match (known.is_critical, cadence) {
                (true, Some(_)) => return Err(Error::invalid("kind", "is always mailed")),
                (true, None) => {}
                (false, Some(cadence)) if !is_offered(cadence, known) => {
                    return Err(Error::invalid("cadence", "is not offered for the kind"));
                }
                (false, cadence) => drop(cadences.insert(kind.to_owned(), cadence)),
            }
        }
        Ok(Self(cadences))
    }

    /// Sets the cadences that are chosen, and removes those for which nothing is chosen: also where it is so already. A
    /// save before may have failed before what waits was planned.
    ///
    /// # Errors
    ///
    /// Those of the store. Some may have been set; repeating is safe.
    pub(super) async fn save(self, caller: &Caller) -> Result<(), Error> {
        for (kind, cadence) in self.0 {
            match cadence {
                Some(cadence) => caller.inbox.set_mail(&kind, cadence).await?,
                None => caller.inbox.reset_mail(&kind).await?,
            }
        }
        Ok(())
    }
}

/// Returns whether a person may choose a cadence.
fn is_offered(cadence: Cadence, known: &KindPreference) -> bool {
    match cadence {
        Cadence::IfUnread(time) => time <= MAX_UNREAD_TIME || time == known.unread_time,
        _ => true,
    }
}

type Fields<'a> = Vec<(&'a str, Option<&'a str>)>;

/// Returns the kinds of a form with their values.
fn form_fields(body: &Value) -> Fields<'_> {
    let fields = body.as_object().into_iter().flatten();
    let fields = fields.filter_map(|(name, value)| {
        let (kind, value) = (name.strip_prefix(CADENCE_FIELD)?, value.as_str()?);
        Some((kind, Some(value).filter(|value| *value != DEFAULT_VALUE)))
    });
    fields.collect()
}

fn json_fields(body: &Value) -> Result<Fields<'_>, Error> {
    let missing = || {
        Error::invalid(
            "kinds",
            "is not a list of objects with `kind` and `cadence`",
        )
    };
    let kinds = body.get("kinds").and_then(Value::as_array);
    let fields = kinds.ok_or_else(missing)?.iter().map(|one| {
        let kind = one.get("kind").and_then(Value::as_str);
        let cadence = match one.get("cadence")? {
            Value::Null => None,
            cadence => Some(cadence.as_str()?),
        };
        Some((kind?, cadence))
    });
    fields.collect::<Option<_>>().ok_or_else(missing)
}

/// Returns a cadence; `daily` and `weekly` alone are those at the chosen time.
fn parse_cadence(text: &str, DigestTime { hour, weekday }: DigestTime) -> Result<Cadence, Error> {
    match text {
        "daily" => Ok(Cadence::Daily { hour }),
        "weekly" => Ok(Cadence::Weekly { weekday, hour }),
        text => text.parse(),
    }
}

/// Returns the hour of a number or, in a form, of its digits.
fn hour(value: Option<&Value>) -> Result<Option<u8>, Error> {
    let Some(value) = value else {
        return Ok(None);
    };
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let hour = number.and_then(|number| u8::try_from(number).ok());
    let hour = hour.filter(|hour| *hour < 24);
    let invalid = || Error::invalid("hour", "is not a whole number from 0 to 23");
    hour.ok_or_else(invalid).map(Some)
}
