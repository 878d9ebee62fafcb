//! The steps by which a subscription is written and removed, each of which may be repeated.
//!
//! What counts is the subscription itself, in the key of the recipient. The sets in which fan-outs look are an index
//! of it, in other keys. They are written before and after it. Who removes a recipient from a set marks that first, then
//! looks for subscriptions, and removes if the mark is still there: a subscription takes it away. So at any time, in every
//! order of steps of several processes of which each may stop, an active subscription is in the index once the call that
//! has written it has ended. The index may have more.

use std::sync::Arc;

use crate::events::pattern::{Pattern, SUBJECT};
use crate::events::store::{self, Activated, IndexKey, NewSubscription, SubscriptionStore};
use crate::events::stored::{Fields, State, StoredSubscription};
use crate::events::subscription::subscription_id;
use crate::{Error, MessageId, Recipient, Salver};

/// The subscriptions of one recipient.
pub(super) struct Registry<'a> {
    salver: &'a Salver,
    store: Arc<dyn SubscriptionStore>,
    recipient: &'a Recipient,
}

impl<'a> Registry<'a> {
    /// # Errors
    ///
    /// `is_misconfigured` for a custom store.
    pub(super) fn new(salver: &'a Salver, recipient: &'a Recipient) -> Result<Self, Error> {
        Ok(Self {
            store: store::of(salver)?,
            salver,
            recipient,
        })
    }

    /// Writes an active subscription.
    pub(super) async fn add(&self, fields: &Fields) -> Result<(), Error> {
        self.add_since(fields, None).await
    }

    /// Writes an active subscription that another recipient had. One that is there keeps its description.
    pub(super) async fn take_over(&self, taken: &StoredSubscription) -> Result<(), Error> {
        let id = subscription_id(self.recipient, &taken.fields.pattern);
        let own = self.find(&id).await?.filter(StoredSubscription::is_active);
        let fields = own.as_ref().unwrap_or(taken).fields.with_into(None);
        // Events that were published before it is taken over are for the recipient too.
        self.add_since(&fields, Some(taken.at)).await
    }

    /// Makes the subscriptions of this recipient those of another.
    pub(super) async fn merge(&self, into: &Self) -> Result<(), Error> {
        let all = self.read(&[]).await?.into_iter().map(|(_, stored)| stored);
        for stored in all.filter(|stored| stored.is_active() || stored.is_merging()) {
            let fields = stored.fields.with_into(Some(into.recipient));
            // A fan-out finds it in one of both states: so it notifies one of both, whichever it meets first.
            self.write(&fields, State::Merging, Some(stored.at)).await?;
            into.take_over(&stored).await?;
            self.write(&fields, State::Merged, None).await?;
        }
        Ok(())
    }

    async fn add_since(&self, fields: &Fields, since: Option<u64>) -> Result<(), Error> {
        self.add_filter_set(&fields.pattern).await?;
        let keys = IndexKey::all_of(&fields.pattern);
        self.index(&keys).await?;
        self.write(fields, State::Active, since).await?;
        // It may have been removed from the index since.
        self.index(&keys).await
    }

    /// Writes a subscription that awaits its activation. Returns since when; `None` if it is active.
    pub(super) async fn add_pending(&self, fields: &Fields) -> Result<Option<u64>, Error> {
        let (state, at) = self.write(fields, State::Pending, None).await?;
        Ok((state == State::Pending).then_some(at))
    }

    /// Activates a subscription that awaits it since a time. Returns whether it is active.
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "a page activates"))]
    pub(super) async fn activate(&self, id: &str, at: u64) -> Result<bool, Error> {
        let Some(stored) = self.find(id).await? else {
            return Ok(false);
        };
        let pattern = stored.fields.pattern;
        self.add_filter_set(&pattern).await?;
        let keys = IndexKey::all_of(&pattern);
        self.index(&keys).await?;
        let app = self.salver.app();
        let activate = || {
            self.store
                .activate_subscription(app, self.recipient, id, at)
        };
        let activated = self.salver.write_idempotent("activate", activate).await?;
        if activated == Activated::Expired {
            return Ok(false);
        }
        self.index(&keys).await?;
        Ok(true)
    }

    /// Removes a subscription. Returns whether it was active.
    pub(super) async fn remove(&self, pattern: &Pattern) -> Result<bool, Error> {
        let (app, id) = (self.salver.app(), subscription_id(self.recipient, pattern));
        let remove = || self.store.remove_subscription(app, self.recipient, &id);
        let was_active = self.salver.write_idempotent("unsubscribe", remove).await?;
        self.clean_index(&IndexKey::all_of(pattern)).await?;
        Ok(was_active)
    }

    /// Removes a subscription, from some sets first: one that is interrupted leaves the subscription, and is repeated, while
    /// a set would keep a recipient of whom nothing else is known.
    pub(super) async fn forget(&self, pattern: &Pattern, sets: &[IndexKey]) -> Result<(), Error> {
        for key in sets {
            self.remove_from_index(key, None).await?;
        }
        self.remove(pattern).await.map(drop)
    }

    /// Removes the recipient from those of some sets in which it has no active subscription. A subscription that is written
    /// meanwhile adds the recipient afterwards, and takes away the mark without which nothing is removed.
    pub(super) async fn clean_index(&self, keys: &[IndexKey]) -> Result<(), Error> {
        let (app, recipient) = (self.salver.app(), self.recipient);
        let mark = MessageId::new().to_string();
        for key in keys {
            let mark = || self.store.mark_removal(app, key, recipient, &mark);
            self.salver.write_idempotent("unsubscribe", mark).await?;
        }
        let active = self.active().await?;
        for key in keys.iter().filter(|key| !belongs(&active, key)) {
            self.remove_from_index(key, Some(&mark)).await?;
        }
        Ok(())
    }

    async fn remove_from_index(&self, key: &IndexKey, mark: Option<&str>) -> Result<(), Error> {
        let (app, recipient) = (self.salver.app(), self.recipient);
        let remove = || self.store.remove_from_index(app, key, recipient, mark);
        self.salver.write_idempotent("unsubscribe", remove).await
    }

    /// Returns the active subscriptions, oldest first, those of one millisecond by what they are for.
    pub(super) async fn active(&self) -> Result<Vec<StoredSubscription>, Error> {
        let all = self.read(&[]).await?;
        let mut active: Vec<_> = all.into_iter().map(|(_, stored)| stored).collect();
        active.retain(StoredSubscription::is_active);
        active.sort_by_cached_key(|stored| (stored.at, stored.fields.pattern.key()));
        Ok(active)
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<StoredSubscription>, Error> {
        let found = self.read(&[id.to_owned()]).await?;
        Ok(found.into_iter().next().map(|(_, stored)| stored))
    }

    /// Returns those with some ids; all for no ids.
    pub(super) async fn read(
        &self,
        ids: &[String],
    ) -> Result<Vec<(String, StoredSubscription)>, Error> {
        let read = self
            .store
            .subscriptions(self.salver.app(), self.recipient, ids);
        self.salver.read("subscriptions", read).await
    }

    async fn write(
        &self,
        fields: &Fields,
        state: State,
        since: Option<u64>,
    ) -> Result<(State, u64), Error> {
        let (app, id) = (
            self.salver.app(),
            subscription_id(self.recipient, &fields.pattern),
        );
        let new = NewSubscription {
            id: &id,
            state,
            since,
            fields,
        };
        let write = || self.store.write_subscription(app, self.recipient, &new);
        let written = self.salver.write_idempotent("subscribe", write).await?;
        Ok((written.state, written.at))
    }

    async fn add_filter_set(&self, pattern: &Pattern) -> Result<(), Error> {
        let (app, names) = (self.salver.app(), pattern.names());
        let add = || self.store.add_filter_set(app, &pattern.event_type, &names);
        self.salver.write_idempotent("subscribe", add).await
    }

    async fn index(&self, keys: &[IndexKey]) -> Result<(), Error> {
        for key in keys {
            let index = || self.store.index(self.salver.app(), key, self.recipient);
            self.salver.write_idempotent("subscribe", index).await?;
        }
        Ok(())
    }
}

/// Returns whether a recipient with these active subscriptions belongs to a set.
fn belongs(active: &[StoredSubscription], key: &IndexKey) -> bool {
    active.iter().any(|stored| match key {
        IndexKey::Subscribers(pattern) => stored.fields.pattern.key() == *pattern,
        IndexKey::Subject(subject) => stored.fields.pattern.filter(SUBJECT) == Some(subject),
    })
}
