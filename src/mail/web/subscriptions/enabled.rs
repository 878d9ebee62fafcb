//! Reads, ends and restores the subscriptions of a link.

use crate::events::{active_subscriptions, end_subscriptions, restore_subscription};
use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::page_words::PageWords;
use crate::{Error, Salver};

/// Subscriptions that have ended.
#[derive(Default)]
pub(in crate::mail::web) struct Ended {
    pub(in crate::mail::web) names: Vec<String>,
    /// Each as JSON, by which it is restored.
    pub(in crate::mail::web) stored: Vec<String>,
}

/// Returns what those are for that are active. Changes nothing.
pub(in crate::mail::web) async fn names(
    salver: &Salver,
    words: &PageWords,
    unsubscribe: &Unsubscribe,
) -> Result<Vec<String>, Error> {
    let (recipient, ids) = (&unsubscribe.recipient, &unsubscribe.subscriptions);
    let active = active_subscriptions(salver, recipient, ids).await?;
    let names = active.iter().map(|(_, one)| words.subscription(one));
    Ok(names.collect())
}

/// Ends those that are active.
pub(in crate::mail::web) async fn end(
    salver: &Salver,
    words: &PageWords,
    unsubscribe: &Unsubscribe,
) -> Result<Ended, Error> {
    let (recipient, ids) = (&unsubscribe.recipient, &unsubscribe.subscriptions);
    let mut ended = Ended::default();
    for one in end_subscriptions(salver, recipient, ids).await? {
        ended.names.push(words.subscription(&one));
        ended.stored.extend(serde_json::to_string(&one).ok());
    }
    Ok(ended)
}

/// Makes one active again.
pub(in crate::mail::web) async fn restore(
    salver: &Salver,
    unsubscribe: &Unsubscribe,
    stored: &str,
) -> Result<(), Error> {
    let (recipient, ids) = (&unsubscribe.recipient, &unsubscribe.subscriptions);
    restore_subscription(salver, recipient, ids, stored).await
}
