//! All inboxes of a memory store.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "web")]
use crate::inbox::changes::{ChangeKey, InboxChanges};
use crate::inbox::key::InboxKey;
use crate::inbox::limits::REMOVED_TTL;
use crate::inbox::results::InboxCounts;
use crate::inbox::store::memory::inbox::MemoryInbox;
use crate::inbox::store::store_trait::{
    AddOutcome, AddReply, Change, InboxStore, MailRule, Marked, NewNotification, Page, Place,
};
use crate::kind::prefixes;
use crate::store::{Clock, MemoryBackend, StoreFuture, millis};
use crate::{MessageId, Recipient, wire};

/// Maximum size of all inboxes in bytes: 64 MiB. Over it, the inbox that expires first is removed.
/// Stops notifications from filling the memory of the process.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The inboxes of a memory store.
pub(in crate::inbox::store) struct MemoryInboxes {
    clock: Clock,
    #[cfg(feature = "web")]
    changes: Arc<InboxChanges>,
    state: Arc<Mutex<State>>,
}

impl MemoryInboxes {
    pub(in crate::inbox::store) fn new(backend: MemoryBackend) -> Self {
        Self {
            state: backend.data.get(),
            #[cfg(feature = "web")]
            changes: backend.data.get(),
            clock: backend.clock,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug in this crate. The maps are consistent between
        // operations, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an inbox, and reports it.
    fn change<T>(
        &self,
        inbox: InboxKey<'_>,
        operation: impl FnOnce(&mut MemoryInbox, u64) -> T,
    ) -> T {
        let outcome = self.with_inbox(inbox, operation);
        self.report(inbox);
        outcome
    }

    #[cfg_attr(
        not(feature = "web"),
        expect(unused_variables, reason = "only pages need reports")
    )]
    fn report(&self, inbox: InboxKey<'_>) {
        #[cfg(feature = "web")]
        self.changes.mark_changed(&ChangeKey::of(inbox));
    }

    /// Reports inboxes that were removed: their recipients have no unread notifications any more.
    fn report_removed(&self, owners: &[Owner]) {
        for owner in owners {
            self.report(owner.key());
        }
    }

    pub(super) fn with_inbox<T>(
        &self,
        inbox: InboxKey<'_>,
        operation: impl FnOnce(&mut MemoryInbox, u64) -> T,
    ) -> T {
        let (now, owner) = (self.clock.now(), Owner::of(inbox));
        let (outcome, removed) = self.lock().with_inbox(now, &owner, operation);
        self.report_removed(&removed);
        outcome
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner {
    app: Arc<str>,
    recipient: Recipient,
}

impl Owner {
    pub(super) fn of(inbox: InboxKey<'_>) -> Self {
        Self {
            app: inbox.app.into(),
            recipient: inbox.recipient.clone(),
        }
    }

    fn key(&self) -> InboxKey<'_> {
        InboxKey {
            app: &self.app,
            recipient: &self.recipient,
        }
    }
}

#[derive(Default)]
pub(super) struct State {
    inboxes: HashMap<Owner, MemoryInbox>,
    /// The inboxes by the time at which they expire.
    expiries: BTreeSet<(u64, Owner)>,
    bytes: usize,
    /// When recipients were erased.
    erased: HashMap<Owner, u64>,
    /// The cadence by kind of recipients with preferences.
    pub(super) preferences: HashMap<Owner, HashMap<String, String>>,
    /// The settings of mails by application.
    #[cfg(feature = "mail")]
    pub(super) site_settings: HashMap<String, HashMap<String, String>>,
}

impl State {
    /// Runs an operation on an inbox. Returns the owners of the inboxes that were removed before and after it.
    fn with_inbox<T>(
        &mut self,
        now: u64,
        owner: &Owner,
        operation: impl FnOnce(&mut MemoryInbox, u64) -> T,
    ) -> (T, Vec<Owner>) {
        let mut removed = self.make_room(now);
        let mut inbox = self.take_out(owner).unwrap_or_default();
        let outcome = operation(&mut inbox, now);
        // An inbox that was never added to has no expiry, and is not kept.
        if inbox.expires() > now {
            self.bytes += inbox.bytes();
            self.expiries.insert((inbox.expires(), owner.clone()));
            self.inboxes.insert(owner.clone(), inbox);
        }
        removed.extend(self.make_room(now));
        (outcome, removed)
    }

    fn take_out(&mut self, owner: &Owner) -> Option<MemoryInbox> {
        let inbox = self.inboxes.remove(owner)?;
        self.expiries.remove(&(inbox.expires(), owner.clone()));
        self.bytes -= inbox.bytes();
        Some(inbox)
    }

    /// Removes the inboxes that have expired and, over the maximum size, those that expire next. Returns their owners.
    fn make_room(&mut self, now: u64) -> Vec<Owner> {
        let mut removed = Vec::new();
        while let Some((expires, owner)) = self.expiries.first()
            && (*expires <= now || self.bytes > MAX_BYTES)
        {
            let owner = owner.clone();
            self.take_out(&owner);
            removed.push(owner);
        }
        removed
    }

    fn is_erased(&mut self, now: u64, owner: &Owner, member: &[u8]) -> bool {
        let period = millis(REMOVED_TTL);
        self.erased.retain(|_, time| *time + period > now);
        let built_at = wire::member_header(member).and_then(|header| header.unix_ms());
        let erased_at = self.erased.get(owner);
        erased_at.is_some_and(|erased_at| built_at.is_some_and(|built_at| built_at < *erased_at))
    }

    /// Returns how often a recipient is mailed about a notification; empty for a site without mails.
    fn cadence(&self, owner: &Owner, rule: Option<&MailRule<'_>>) -> String {
        let Some(rule) = rule else {
            return String::new();
        };
        let preferences = self.preferences.get(owner).zip(rule.kind);
        let preference =
            preferences.and_then(|(set, kind)| prefixes(kind).find_map(|prefix| set.get(prefix)));
        preference.unwrap_or(&rule.default_cadence).clone()
    }

    fn erase(&mut self, now: u64, owner: Owner) {
        self.take_out(&owner);
        self.preferences.remove(&owner);
        self.erased.insert(owner, now);
    }
}

impl InboxStore for MemoryInboxes {
    fn add<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        new: &'a NewNotification<'a>,
    ) -> StoreFuture<'a, AddReply> {
        Box::pin(async move {
            let (now, owner) = (self.clock.now(), Owner::of(inbox));
            let mut state = self.lock();
            if state.is_erased(now, &owner, new.member) {
                return Ok(AddReply {
                    outcome: AddOutcome::Erased,
                    cadence: String::new(),
                });
            }
            let cadence = state.cadence(&owner, new.mail.as_ref());
            let add = |inbox: &mut MemoryInbox, now| inbox.add(now, new, &cadence);
            let (outcome, removed) = state.with_inbox(now, &owner, add);
            drop(state);
            self.report_removed(&removed);
            self.report(inbox);
            Ok(AddReply { outcome, cadence })
        })
    }

    fn mark<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Marked> {
        Box::pin(async move { Ok(self.change(inbox, |inbox, now| inbox.mark(now, change, ids))) })
    }

    fn mark_upto<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        position: u64,
    ) -> StoreFuture<'a, Marked> {
        Box::pin(async move {
            Ok(self.change(inbox, |inbox, now| inbox.mark_upto(now, change, position)))
        })
    }

    fn mark_seen<'a>(&'a self, inbox: InboxKey<'a>, position: u64) -> StoreFuture<'a, Marked> {
        Box::pin(async move { Ok(self.change(inbox, |inbox, now| inbox.mark_seen(now, position))) })
    }

    fn list<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        place: Place,
        before: u64,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        Box::pin(async move {
            Ok(self.with_inbox(inbox, |inbox, now| inbox.list(now, place, before, limit)))
        })
    }

    fn counts<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, InboxCounts> {
        Box::pin(async move { Ok(self.with_inbox(inbox, |inbox, now| inbox.counts(now))) })
    }

    fn erase<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.lock().erase(self.clock.now(), Owner::of(inbox));
            self.report(inbox);
            Ok(())
        })
    }
}

#[cfg(all(test, feature = "mail"))]
mod tests {
    use super::*;
    use crate::inbox::store::mail_store::MailStore;
    use crate::store::{Backend, BackendKind, MemoryStore};
    use crate::{Error, InboxFilter, Message, Notification, Salver};

    #[tokio::test]
    async fn nothing_is_kept_for_recipient_without_notifications() -> Result<(), Error> {
        let salver = Salver::new("app", MemoryStore::new())?;
        let Backend(BackendKind::Memory(backend)) = salver.backend() else {
            return Err(Error::misconfigured("the store is in memory"));
        };
        let stored = MemoryInboxes::new(backend);
        let ada = Recipient::user("ada");
        let note = Notification::new("test", Message::info("never added"));
        let inbox = salver.inbox(&ada);
        inbox.retract(&InboxFilter::all().ids([note.id()])).await?;
        let key = Owner::of(InboxKey {
            app: "app",
            recipient: &ada,
        });
        stored.set_preference(key.key(), "test", None).await?;
        stored
            .set_preference(key.key(), "test", Some("never"))
            .await?;
        stored.set_preference(key.key(), "test", None).await?;
        assert!(stored.lock().inboxes.is_empty());
        assert!(stored.lock().preferences.is_empty());
        Ok(())
    }
}
