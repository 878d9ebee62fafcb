//! Subscriptions in the memory of this process. Each operation does what the script of the same name does in Redis.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::events::limits::{
    ACTIVATION_TTL, KEEP_LINK, MAX_FILTER_SETS, MAX_SUBSCRIPTIONS, PENDING_TTL,
};
use crate::events::store::store_trait::{
    Activated, IndexKey, NewSubscription, Range, SubscriptionStore, Written,
};
use crate::events::stored::{State, StoredSubscription};
use crate::store::{Clock, MemoryBackend, StoreFuture, millis};
use crate::{Error, Recipient};

/// The subscriptions of a memory store.
pub(super) struct MemorySubscriptions {
    clock: Clock,
    data: Arc<Shared>,
}

#[derive(Default)]
struct Shared(Mutex<Data>);

/// Each key begins with the application.
#[derive(Default)]
struct Data {
    filter_sets: HashMap<(Box<str>, Box<str>), BTreeSet<String>>,
    index: HashMap<(Box<str>, IndexKey), IndexSet>,
    subscriptions: HashMap<Owner, BTreeMap<String, StoredSubscription>>,
    /// Those who have requested a subscription, by the time at which it is forgotten unless it is active.
    requests: BTreeSet<(u64, Owner)>,
}

type Owner = (Box<str>, Recipient);

/// A set of recipients.
#[derive(Default)]
struct IndexSet {
    recipients: BTreeSet<String>,
    /// The mark of the last removal of each recipient that has begun.
    removals: HashMap<Recipient, String>,
}

impl Data {
    /// Forgets what was requested and never activated.
    fn forget_requests(&mut self, now: u64) {
        let is_over = |(expires, _): &(u64, Owner)| *expires <= now;
        while self.requests.first().is_some_and(is_over)
            && let Some((_, owner)) = self.requests.pop_first()
        {
            if let Some(all) = self.subscriptions.get_mut(&owner) {
                all.retain(|_, one| {
                    one.state != State::Pending || one.at + millis(PENDING_TTL) > now
                });
                if all.is_empty() {
                    self.subscriptions.remove(&owner);
                }
            }
        }
    }
}

impl MemorySubscriptions {
    pub(super) fn new(backend: MemoryBackend) -> Self {
        Self {
            data: backend.data.get(),
            clock: backend.clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        // A panic cannot leave the maps half changed, so a poisoned lock is safe to use.
        self.data.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubscriptionStore for MemorySubscriptions {
    fn filter_sets<'a>(
        &'a self,
        app: &'a str,
        event_type: &'a str,
    ) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move {
            let data = self.lock();
            let sets = data.filter_sets.get(&(app.into(), event_type.into()));
            Ok(sets.into_iter().flatten().cloned().collect())
        })
    }

    fn add_filter_set<'a>(
        &'a self,
        app: &'a str,
        event_type: &'a str,
        names: &'a str,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut data = self.lock();
            let sets = data.filter_sets.entry((app.into(), event_type.into()));
            let sets = sets.or_default();
            if sets.len() >= MAX_FILTER_SETS && !sets.contains(names) {
                return Err(Error::full("the event type has too many sets of filters"));
            }
            sets.insert(names.to_owned());
            Ok(())
        })
    }

    fn index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut data = self.lock();
            let set = data.index.entry((app.into(), key.clone())).or_default();
            set.recipients.insert(recipient.to_string());
            set.removals.remove(recipient);
            Ok(())
        })
    }

    fn mark_removal<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: &'a str,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut data = self.lock();
            if let Some(set) = data.index.get_mut(&(app.into(), key.clone())) {
                set.removals.insert(recipient.clone(), mark.to_owned());
            }
            Ok(())
        })
    }

    fn remove_from_index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: Option<&'a str>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut data = self.lock();
            let key = (app.into(), key.clone());
            let Some(set) = data.index.get_mut(&key) else {
                return Ok(());
            };
            let marked = set.removals.get(recipient).map(String::as_str);
            if mark.is_none() || mark == marked {
                set.removals.remove(recipient);
                set.recipients.remove(recipient.as_str());
            }
            if set.recipients.is_empty() {
                data.index.remove(&key);
            }
            Ok(())
        })
    }

    fn indexed<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        range: Range<'a>,
    ) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move {
            let data = self.lock();
            let Some(set) = data.index.get(&(app.into(), key.clone())) else {
                return Ok(Vec::new());
            };
            let first = match range.after.is_empty() {
                true => Bound::Included(range.prefix),
                false => Bound::Excluded(range.after),
            };
            let part = set.recipients.range::<str, _>((first, Bound::Unbounded));
            let part = part.take_while(|member| member.starts_with(range.prefix));
            Ok(part.take(range.limit).cloned().collect())
        })
    }

    fn subscriptions<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        ids: &'a [String],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>> {
        Box::pin(async move {
            let mut data = self.lock();
            data.forget_requests(self.clock.now());
            let Some(all) = data.subscriptions.get(&(app.into(), recipient.clone())) else {
                return Ok(Vec::new());
            };
            let is_asked = |id: &String| ids.is_empty() || ids.contains(id);
            let all = all.iter().filter(|(id, _)| is_asked(id));
            Ok(all.map(|(id, one)| (id.clone(), one.clone())).collect())
        })
    }

    fn subscriptions_of<'a>(
        &'a self,
        app: &'a str,
        asked: &'a [(&'a Recipient, Vec<String>)],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for (recipient, ids) in asked {
                found.extend(self.subscriptions(app, recipient, ids).await?);
            }
            Ok(found)
        })
    }

    fn write_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        new: &'a NewSubscription<'a>,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut data = self.lock();
            data.forget_requests(now);
            let owner: Owner = (app.into(), recipient.clone());
            let all = data.subscriptions.entry(owner.clone()).or_default();
            let is_requested = matches!(new.state, State::Active | State::Pending);
            let is_kept = |one: &&StoredSubscription| {
                one.is_active() && is_requested
                    || one.state == new.state && one.at + millis(KEEP_LINK) > now
            };
            if all.len() >= MAX_SUBSCRIPTIONS && !all.contains_key(new.id) {
                all.retain(|_, one| !one.is_merged() || one.at + millis(PENDING_TTL) > now);
            }
            if all.len() >= MAX_SUBSCRIPTIONS && !all.contains_key(new.id) {
                return Err(Error::full("the recipient has too many subscriptions"));
            }
            let before = all.get(new.id);
            if new.state == State::Pending
                && let Some(merging) = before.filter(|one| one.is_merging())
            {
                return Ok(Written {
                    state: merging.state,
                    at: merging.at,
                });
            }
            let kept = before.filter(is_kept);
            let (state, at) = kept.map_or((new.state, now), |one| (one.state, one.at));
            let written = Written {
                state,
                at: at.min(new.since.unwrap_or(at)),
            };
            let stored = StoredSubscription {
                state: written.state,
                at: written.at,
                fields: new.fields.clone(),
            };
            all.insert(new.id.to_owned(), stored);
            if written.state == State::Pending {
                data.requests
                    .insert((written.at + millis(PENDING_TTL), owner));
            }
            Ok(written)
        })
    }

    fn activate_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
        at: u64,
    ) -> StoreFuture<'a, Activated> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut data = self.lock();
            let all = data.subscriptions.get_mut(&(app.into(), recipient.clone()));
            let Some(one) = all.and_then(|all| all.get_mut(id)) else {
                return Ok(Activated::Expired);
            };
            if one.is_active() {
                return Ok(Activated::Active);
            }
            if one.at != at || at + millis(ACTIVATION_TTL) <= now {
                return Ok(Activated::Expired);
            }
            (one.state, one.at) = (State::Active, now);
            Ok(Activated::Active)
        })
    }

    fn remove_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut data = self.lock();
            let owner = (app.into(), recipient.clone());
            let Some(all) = data.subscriptions.get_mut(&owner) else {
                return Ok(false);
            };
            let removed = all.remove(id);
            if all.is_empty() {
                data.subscriptions.remove(&owner);
            }
            Ok(removed.is_some_and(|one| one.is_active()))
        })
    }
}
