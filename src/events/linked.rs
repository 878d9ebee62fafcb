//! What mails, and the links in them, need of the subscriptions of a recipient.

#[cfg(feature = "web")]
use crate::events::activation;
use crate::events::limits::ACTIVATION_TTL;
use crate::events::registry::Registry;
#[cfg(feature = "web")]
use crate::events::stored::Fields;
use crate::events::stored::StoredSubscription;
use crate::events::subscription::{Subscription, subscription_id};
use crate::store::millis;
use crate::{Error, Recipient, Salver};

/// The request of a subscription that a link activates.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) recipient: &'a Recipient,
    /// The id of the subscription.
    pub(crate) id: &'a str,
    /// Since when it awaits its activation, in Unix milliseconds.
    pub(crate) at: u64,
}

/// What is stored about a request.
#[cfg_attr(
    not(feature = "web"),
    expect(dead_code, reason = "pages show each of them")
)]
pub(crate) enum Requested {
    /// The subscription awaits the activation of this request.
    Pending(Subscription),
    /// The subscription is active.
    Active(Subscription),
    /// The subscription awaits another activation.
    Superseded(Subscription),
    /// There is no subscription any more.
    Unknown,
}

impl Request<'_> {
    /// Returns what is stored about the request. Changes nothing. One round trip.
    pub(crate) async fn find(&self, salver: &Salver) -> Result<Requested, Error> {
        let found = Registry::new(salver, self.recipient)?.find(self.id).await?;
        let Some(stored) = found else {
            return Ok(Requested::Unknown);
        };
        let (is_active, at) = (stored.is_active(), stored.at);
        let is_merged = stored.successor().is_some();
        let subscription = stored.into_subscription();
        Ok(match is_active || is_merged {
            true => Requested::Active(subscription),
            false if at == self.at => Requested::Pending(subscription),
            false => Requested::Superseded(subscription),
        })
    }

    /// Returns whether the link works no more. `now`: the time of the store.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.at + millis(ACTIVATION_TTL) <= now
    }

    /// Activates the subscription. Returns whether it is active.
    #[cfg(feature = "web")]
    pub(crate) async fn activate(&self, salver: &Salver) -> Result<bool, Error> {
        let registry = Registry::new(salver, self.recipient)?;
        registry.activate(self.id, self.at).await
    }

    /// Requests the subscription again, as it was found.
    #[cfg(feature = "web")]
    pub(crate) async fn repeat(&self, salver: &Salver, found: &Subscription) -> Result<(), Error> {
        activation::request(salver, self.recipient, found).await
    }
}

/// Returns those of some subscriptions that are active, oldest first, each with its id. One that was merged counts as that
/// of the other recipient. One round trip, and one for each that was merged; none for no ids.
pub(crate) async fn active_subscriptions(
    salver: &Salver,
    recipient: &Recipient,
    ids: &[String],
) -> Result<Vec<(String, Subscription)>, Error> {
    let found = with_owners(salver, recipient, ids).await?.into_iter();
    Ok(found
        .map(|(id, _, stored)| (id, stored.into_subscription()))
        .collect())
}

/// Returns those of some subscriptions that are active, oldest first, each with its owner: the other recipient, if it was
/// merged.
async fn with_owners(
    salver: &Salver,
    recipient: &Recipient,
    ids: &[String],
) -> Result<Vec<(String, Recipient, StoredSubscription)>, Error> {
    // The store returns all for no ids.
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut active = Vec::new();
    for (id, stored) in Registry::new(salver, recipient)?.read(ids).await? {
        let Some(successor) = stored.successor() else {
            if stored.is_active() {
                active.push((id, recipient.clone(), stored));
            }
            continue;
        };
        let of_successor = subscription_id(successor, &stored.fields.pattern);
        let found = Registry::new(salver, successor)?
            .find(&of_successor)
            .await?;
        match found.filter(StoredSubscription::is_active) {
            Some(found) => active.push((id, successor.clone(), found)),
            None if stored.is_merging() => active.push((id, recipient.clone(), stored)),
            None => {}
        }
    }
    active.sort_by_key(|(_, _, stored)| stored.at);
    Ok(active)
}

/// Ends those of some subscriptions that are active. Returns them.
#[cfg(feature = "web")]
pub(crate) async fn end_subscriptions(
    salver: &Salver,
    recipient: &Recipient,
    ids: &[String],
) -> Result<Vec<Subscription>, Error> {
    let mut ended = Vec::new();
    for (_, owner, stored) in with_owners(salver, recipient, ids).await? {
        let subscription = stored.into_subscription();
        let registry = Registry::new(salver, &owner)?;
        registry.remove(&subscription.pattern).await?;
        ended.push(subscription);
    }
    Ok(ended)
}

/// Makes a subscription active again that was ended. `json`: as it was serialised. Does nothing for one that is none of
/// `ids`.
#[cfg(feature = "web")]
pub(crate) async fn restore_subscription(
    salver: &Salver,
    recipient: &Recipient,
    ids: &[String],
    json: &str,
) -> Result<(), Error> {
    let Ok(fields) = serde_json::from_str::<Fields>(json) else {
        return Ok(());
    };
    let id = subscription_id(recipient, &fields.pattern);
    if !ids.contains(&id) {
        return Ok(());
    }
    let fields = fields.with_into(None);
    let registry = Registry::new(salver, recipient)?;
    let found = registry.find(&id).await?;
    match found.as_ref().and_then(StoredSubscription::successor) {
        Some(successor) => Registry::new(salver, successor)?.add(&fields).await,
        None => registry.add(&fields).await,
    }
}
