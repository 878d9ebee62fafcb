//! What is stored about the mails of a recipient: to remove it, and to hand it over.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::inbox::mailing::site_settings::settings_of;
use crate::jobs::DeliveryState;
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
    let deliveries = salver.deliveries();
    let is_of = |task: &Value| {
        let of = task.get("recipient").and_then(Value::as_str);
        of == Some(recipient.as_str())
    };
    for state in [
        DeliveryState::Waiting,
        DeliveryState::Leased,
        DeliveryState::Dead,
    ] {
        let (mut ids, mut last) = (Vec::new(), None);
        loop {
            let page = deliveries.list(state, last.as_ref()).await?;
            let of_recipient = page.iter().filter(|delivery| is_of(&delivery.task));
            ids.extend(of_recipient.map(|delivery| delivery.id.clone()));
            last = page.last().cloned();
            if last.is_none() {
                break;
            }
        }
        // After the list is complete: a cancelled job is no place from which it goes on.
        for id in ids {
            deliveries.cancel(&id).await?;
        }
    }
    Ok(())
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
