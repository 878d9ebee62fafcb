//! The events of a queue in memory.

use std::collections::{BTreeSet, HashMap};

use crate::jobs::event_log::{NewEvent, Published, StoredEvent};
use crate::jobs::id::JobId;

/// The events of a queue.
#[derive(Default)]
pub(super) struct Events {
    known: HashMap<JobId, Event>,
    expiries: BTreeSet<(u64, JobId)>,
}

struct Event {
    digest: String,
    stored: StoredEvent,
    expires: u64,
}

impl Events {
    /// Returns what the publication of an event does; `None` for one that is not known.
    pub(super) fn find(&mut self, now: u64, id: JobId, event: NewEvent<'_>) -> Option<Published> {
        self.forget_expired(now);
        let known = self.known.get(&id)?;
        Some(match known.digest == event.digest {
            true => Published::Known,
            false => Published::Conflict,
        })
    }

    pub(super) fn insert(&mut self, now: u64, id: JobId, event: NewEvent<'_>, expires: u64) {
        let stored = StoredEvent {
            accepted: now,
            body: event.body.to_vec(),
        };
        let digest = event.digest.to_owned();
        self.expiries.insert((expires, id));
        self.known.insert(
            id,
            Event {
                digest,
                stored,
                expires,
            },
        );
    }

    pub(super) fn get(&mut self, now: u64, id: JobId) -> Option<StoredEvent> {
        self.forget_expired(now);
        self.known.get(&id).map(|event| event.stored.clone())
    }

    /// Keeps an event until a time at least. One that is kept beyond `max_expires` waits: it is kept until this time.
    pub(super) fn expire(&mut self, id: JobId, expires: u64, max_expires: u64) {
        if let Some(event) = self.known.get_mut(&id)
            && (event.expires > max_expires || event.expires < expires)
        {
            self.expiries.remove(&(event.expires, id));
            event.expires = expires;
            self.expiries.insert((expires, id));
        }
    }

    fn forget_expired(&mut self, now: u64) {
        while let Some((expires, id)) = self.expiries.first().copied()
            && expires <= now
        {
            self.expiries.remove(&(expires, id));
            self.known.remove(&id);
        }
    }
}
