//! What is stored about the mails of a recipient: to remove it, and to hand it over.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::inbox::mailing::site_settings::settings_of;
use crate::jobs::cancel_selected;
use crate::{Error, Inbox, Recipient, Salver};

/// Cancels the jobs of mails to a recipient, whose records contain the recipient. On a site without mails there are
/// none, and its user needs no permission to look.
///
/// # Errors
///
/// Those of the store.
pub(in crate::inbox) async fn cancel_jobs(
    salver: &Salver,
    recipient: &Recipient,
) -> Result<(), Error> {
    if !settings_of(salver).await?.is_enabled() {
        return Ok(());
    }
    let is_of = |task: &Value| {
        let of = task.get("recipient").and_then(Value::as_str);
        of == Some(recipient.as_str())
    };
    cancel_selected(salver, is_of).await
}

/// Returns how often the recipient of an inbox has chosen to be mailed, by kind. Nothing on a site without mails.
///
/// # Errors
///
/// Those of the store.
pub(in crate::inbox) async fn chosen_cadences(
    inbox: &Inbox,
) -> Result<BTreeMap<String, String>, Error> {
    if !settings_of(&inbox.salver).await?.is_enabled() {
        return Ok(BTreeMap::new());
    }
    let chosen = inbox.mail().await?.into_iter();
    Ok(chosen
        .map(|(kind, cadence)| (kind, cadence.to_string()))
        .collect())
}
