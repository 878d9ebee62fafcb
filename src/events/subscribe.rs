//! Subscribing and unsubscribing.

use crate::events::activation;
use crate::events::pattern::SUBJECT;
use crate::events::registry::Registry;
use crate::events::store::{self, IndexKey, Range};
use crate::events::stored::{Fields, StoredSubscription};
use crate::events::subscription::{Subscribed, Subscription};
use crate::{Error, Recipient, Salver};

/// Most recipients of one page of a list.
const PAGE: usize = 500;

impl Salver {
    /// Subscribes a recipient to events. Repeating it changes the description only.
    ///
    /// A user is subscribed at once: four round trips, six with a subject. An e-mail address is mailed a link by a
    /// [worker](Self::worker), and subscribed when the link is opened within 7 days: up to four round trips. There is at
    /// most one such mail in 5 minutes and three a day for each address, and 20 an hour for each
    /// [network address](Subscription::requested_by); further calls do nothing, and return the same.
    ///
    /// Events that were fanned out before do not reach the recipient, nor do those that were published more than two hours
    /// before.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid), before any round trip: a filter that the type does not declare, a field that
    ///   [`Subscription`] describes, a recipient with an empty id.
    /// - [`is_full`](Error::is_full): the user has 1,000 subscriptions, or the subscriptions of the type differ by
    ///   32 sets of filters.
    /// - [`is_misconfigured`](Error::is_misconfigured): an address, on a site without
    ///   [`site`](crate::SalverBuilder::site) and [`secret`](crate::SalverBuilder::secret); a custom store.
    /// - [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    ///   [`is_denied`](Error::is_denied), as for [`add`](Self::add). Repeating is safe. A call for an address counts for
    ///   its limits also if it fails, so repeat it after 5 minutes.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the subscription may have been written. Repeating is safe.
    pub async fn subscribe(
        &self,
        recipient: &Recipient,
        subscription: Subscription,
    ) -> Result<Subscribed, Error> {
        let subscribe = async {
            recipient.validate()?;
            subscription.validate()?;
            if recipient.address().is_some() {
                activation::request(self, recipient, &subscription).await?;
                return Ok(Subscribed::AwaitingActivation);
            }
            let registry = Registry::new(self, recipient)?;
            registry.add(&Fields::of(&subscription)).await?;
            Ok(Subscribed::Active)
        };
        subscribe
            .await
            .map_err(|error: Error| error.with_operation("subscribe"))
    }

    /// Ends a subscription with exactly these filters. Returns whether there was one that was active. Four round trips;
    /// with a subject six.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the subscription may have ended. Repeating is safe.
    pub async fn unsubscribe(
        &self,
        recipient: &Recipient,
        subscription: &Subscription,
    ) -> Result<bool, Error> {
        let unsubscribe = async {
            recipient.validate()?;
            subscription.pattern.validate()?;
            Registry::new(self, recipient)?
                .remove(&subscription.pattern)
                .await
        };
        unsubscribe
            .await
            .map_err(|error: Error| error.with_operation("unsubscribe"))
    }

    /// Returns whether a recipient has an active subscription with exactly these filters. One round trip.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn is_subscribed(
        &self,
        recipient: &Recipient,
        subscription: &Subscription,
    ) -> Result<bool, Error> {
        let find = async {
            recipient.validate()?;
            subscription.pattern.validate()?;
            let id = subscription.id_for(recipient);
            Registry::new(self, recipient)?.find(&id).await
        };
        let found = find
            .await
            .map_err(|error: Error| error.with_operation("is_subscribed"))?;
        Ok(found.is_some_and(|stored| stored.is_active()))
    }

    /// Returns the active subscriptions of a recipient, oldest first. One round trip.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn subscriptions(&self, recipient: &Recipient) -> Result<Vec<Subscription>, Error> {
        let read = async {
            recipient.validate()?;
            Registry::new(self, recipient)?.active().await
        };
        let active = read
            .await
            .map_err(|error: Error| error.with_operation("subscriptions"))?;
        Ok(active
            .into_iter()
            .map(StoredSubscription::into_subscription)
            .collect())
    }

    /// Returns at most 500 recipients with a subscription of exactly these filters, in the order of their text form.
    /// `after`: the last one of the page before. One round trip.
    ///
    /// It may have recipients who have just unsubscribed, and those whose subscription was [merged](Self::merge).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn subscribers(
        &self,
        subscription: &Subscription,
        after: Option<&Recipient>,
    ) -> Result<Vec<Recipient>, Error> {
        let read = async {
            subscription.pattern.validate()?;
            let store = store::of(self)?;
            let key = IndexKey::Subscribers(subscription.pattern.key());
            let range = Range {
                prefix: "",
                after: after.map_or("", Recipient::as_str),
                limit: PAGE,
            };
            self.read("subscribers", store.indexed(self.app(), &key, range))
                .await
        };
        let members = read
            .await
            .map_err(|error: Error| error.with_operation("subscribers"))?;
        Ok(members
            .iter()
            .filter_map(|member| member.parse().ok())
            .collect())
    }

    /// Makes the active subscriptions of one recipient those of another: of an address those of the user who has
    /// registered with it. Call it when the address is known to be the user's. What the other has stays, with its
    /// description. Events that wait for their fan-out are for the other then, and one that is being fanned out notifies
    /// one of both. Mails that wait are sent as long as the other is subscribed.
    ///
    /// One round trip, and seven for each of them; with a subject nine. The links of older mails to the one end and restore
    /// the subscriptions of the other then.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some may have been merged; none is lost. Repeating is safe.
    pub async fn merge(&self, from: &Recipient, into: &Recipient) -> Result<(), Error> {
        let merge = async {
            from.validate()?;
            into.validate()?;
            if from == into {
                return Ok(());
            }
            let (from, into) = (Registry::new(self, from)?, Registry::new(self, into)?);
            from.merge(&into).await
        };
        merge
            .await
            .map_err(|error: Error| error.with_operation("merge"))
    }

    /// Ends all subscriptions to an object, such as `documents/7`, when it is deleted. At most eight round trips for each,
    /// and one for each 500 recipients.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some may have ended. Repeating is safe.
    pub async fn remove_subject(&self, subject: &str) -> Result<(), Error> {
        let remove = remove_subject(self, subject);
        remove
            .await
            .map_err(|error| error.with_operation("remove_subject"))
    }
}

async fn remove_subject(salver: &Salver, subject: &str) -> Result<(), Error> {
    Subscription::new("any").subject(subject).validate()?;
    let (store, mut after) = (store::of(salver)?, String::new());
    let key = IndexKey::Subject(subject.to_owned());
    loop {
        let range = Range {
            prefix: "",
            after: &after,
            limit: PAGE,
        };
        let members = store.indexed(salver.app(), &key, range);
        let members = salver.read("subscribers", members).await?;
        let Some(last) = members.last().cloned() else {
            return Ok(());
        };
        for recipient in members.iter().filter_map(|member| member.parse().ok()) {
            let recipient: Recipient = recipient;
            let registry = Registry::new(salver, &recipient)?;
            let mut active = registry.active().await?;
            active.retain(|stored| stored.fields.pattern.filter(SUBJECT) == Some(subject));
            if active.is_empty() {
                registry.clean_index(std::slice::from_ref(&key)).await?;
            }
            for stored in active {
                let pattern = stored.fields.pattern;
                // The set of the subject is the last, by which a repeat finds the others.
                let subscribers = IndexKey::Subscribers(pattern.key());
                registry.forget(&pattern, &[subscribers]).await?;
            }
        }
        after = last;
    }
}
