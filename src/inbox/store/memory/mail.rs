//! What is mailed, in memory.

use std::collections::HashMap;

use crate::inbox::key::InboxKey;
use crate::inbox::store::mail_store::{MAX_PREFERENCES, MailStore, Unmailed};
use crate::inbox::store::memory::all::{MemoryInboxes, Owner};
use crate::inbox::store::store_trait::Entry;
use crate::store::StoreFuture;
use crate::{Error, MessageId};

impl MailStore for MemoryInboxes {
    fn unmailed<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        only: Option<MessageId>,
    ) -> StoreFuture<'a, Unmailed> {
        Box::pin(async move {
            let preferences = self.preferences_of(inbox);
            Ok(self.with_inbox(inbox, |inbox, now| {
                let waiting = inbox.mails.waiting();
                let waiting = waiting.filter(|id| only.is_none_or(|only| only == *id));
                let waiting: Vec<_> = waiting.collect();
                let entries = inbox.unread(now, &waiting);
                Unmailed {
                    preferences,
                    last_periods: inbox.mails.last_periods.clone(),
                    entries,
                }
            }))
        })
    }

    fn begin_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Vec<Entry>> {
        Box::pin(async move {
            Ok(self.with_inbox(inbox, |inbox, now| {
                let taken = inbox.mails.take(job, ids);
                inbox.unread(now, &taken)
            }))
        })
    }

    fn end_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        period: Option<(&'a str, &'a str)>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.with_inbox(inbox, |inbox, _| inbox.mails.end(job, period));
            Ok(())
        })
    }

    fn preferences<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, HashMap<String, String>> {
        Box::pin(async move { Ok(self.preferences_of(inbox)) })
    }

    fn site_settings<'a>(&'a self, app: &'a str) -> StoreFuture<'a, HashMap<String, String>> {
        Box::pin(async move {
            let settings = self.lock().site_settings.get(app).cloned();
            Ok(settings.unwrap_or_default())
        })
    }

    fn set_site_settings<'a>(
        &'a self,
        app: &'a str,
        fields: &'a [(String, String)],
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let fields = fields.iter().cloned().collect();
            self.lock().site_settings.insert(app.to_owned(), fields);
            Ok(())
        })
    }

    fn set_preference<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        kind: &'a str,
        cadence: Option<&'a str>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (owner, mut state) = (Owner::of(inbox), self.lock());
            let preferences = state.preferences.entry(owner.clone()).or_default();
            match cadence {
                None => {
                    preferences.remove(kind);
                }
                Some(_)
                    if preferences.len() >= MAX_PREFERENCES && !preferences.contains_key(kind) =>
                {
                    return Err(Error::full("the recipient has too many preferences"));
                }
                Some(cadence) => {
                    preferences.insert(kind.to_owned(), cadence.to_owned());
                }
            }
            if preferences.is_empty() {
                state.preferences.remove(&owner);
            }
            Ok(())
        })
    }
}

impl MemoryInboxes {
    fn preferences_of(&self, inbox: InboxKey<'_>) -> HashMap<String, String> {
        let preferences = self.lock().preferences.get(&Owner::of(inbox)).cloned();
        preferences.unwrap_or_default()
    }
}
