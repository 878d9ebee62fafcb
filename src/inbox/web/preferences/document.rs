//! Preferences as JSON.

use serde_json::{Value, json};

use crate::cadence::weekday_name;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::preferences::choices::MailPreferences;

/// Returns the preferences as JSON. Sent back, it changes nothing.
pub(super) fn document(preferences: &MailPreferences, words: &Words<'_>) -> Value {
    let kinds = preferences.kinds.iter().map(|one| {
        json!({
            "kind": one.kind,
            "name": words.kind_name(one, preferences.kinds.len()),
            "critical": one.is_critical,
            "cadence": one.chosen,
            "default": one.default,
        })
    });
    let contact = preferences.contact.as_ref();
    json!({
        "kinds": kinds.collect::<Vec<_>>(),
        "hour": preferences.time.hour,
        "weekday": weekday_name(preferences.time.weekday),
        "time_zone": contact.map(|contact| &contact.time_zone),
        "address": contact.and_then(|contact| contact.address.as_ref()),
        "suppressed": contact.is_some_and(|contact| contact.is_suppressed),
    })
}
