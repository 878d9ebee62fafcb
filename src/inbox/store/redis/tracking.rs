//! Reports of Redis about changed inboxes, over the tracking connection that all modules share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::Error;
use crate::context::encode;
use crate::inbox::changes::InboxChanges;
use crate::inbox::store::redis::keys::{self, Part};
use crate::redis::{Client, Registration, TrackingHandler};

/// The keys whose changes can change what a page shows of an inbox.
const TRACKED: [Part; 4] = [Part::Unread, Part::Inbox, Part::Archived, Part::State];

/// The tracked inboxes of a handle, by application. The first page or stream that needs them starts
/// the reports: a site without such pages receives none.
#[derive(Default)]
pub(in crate::inbox::store) struct InboxTracking(Mutex<HashMap<String, Tracked>>);

struct Tracked {
    changes: Arc<InboxChanges>,
    _registrations: Vec<Registration>,
}

impl InboxTracking {
    /// Returns the changes of the inboxes of an application.
    ///
    /// # Errors
    ///
    /// `is_unavailable` when the background thread cannot be started.
    pub(in crate::inbox::store) fn changes(
        &self,
        client: &Client,
        app: &str,
    ) -> Result<Arc<InboxChanges>, Error> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tracked) = all.get(app) {
            return Ok(Arc::clone(&tracked.changes));
        }
        let parts: &[Part] = match client.supports_tracking() {
            true => &TRACKED,
            false => &[],
        };
        let keeps_counts = !parts.is_empty() && !client.is_cluster();
        let changes = Arc::new(InboxChanges::tracked(parts.len(), keeps_counts));
        let register = |(kind, part): (usize, &Part)| {
            let handler = Arc::new(PartHandler {
                changes: Arc::clone(&changes),
                kind,
            });
            let channel = format!("{}!beat", encode(app));
            client.track(keys::prefix(app, *part), channel, handler)
        };
        let registrations = parts.iter().enumerate().map(register);
        let tracked = Tracked {
            _registrations: registrations.collect::<Result<_, _>>()?,
            changes: Arc::clone(&changes),
        };
        all.insert(app.to_owned(), tracked);
        Ok(changes)
    }
}

/// Receives the reports about the keys of one part.
struct PartHandler {
    changes: Arc<InboxChanges>,
    kind: usize,
}

impl TrackingHandler for PartHandler {
    fn invalidated(&self, key: &[u8]) {
        self.changes.mark_key_changed(key);
    }

    fn all_invalidated(&self) {
        self.changes.invalidate_all(self.kind);
    }

    fn synced(&self, sent_at: Instant) {
        self.changes.record_heartbeat(self.kind, sent_at);
    }
}
