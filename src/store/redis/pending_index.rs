//! The pending index of one application: applies the reports of the tracking connection to the
//! change notifications. In a Cluster there is no index, and the reports wake listeners alone.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::redis::{Client, Registration, TrackingConnection, TrackingHandler};
use crate::store::redis::keys;
use crate::store::redis::resync::{Resync, ResyncSchedule};
use crate::store::{Changes, Issue, IssueKind};
use crate::{Error, runtime};

/// Maximum number of dirty entries. Bounds the memory of each process of a site with very many
/// visitors to about 90 MiB. With more entries, every page queries the store.
const MAX_TRACKED_CONTEXTS: usize = 2 << 20;
/// Number of keys that the server scans in one step of a resync pass. The server executes no other
/// command during a step.
const SCAN_COUNT: usize = 500;

/// The change notifications of one application, and what reports to them while the store exists.
pub(crate) struct IndexTracking {
    pub(crate) changes: Arc<Changes>,
    registration: Registration,
    polling: AbortHandle,
}

impl IndexTracking {
    pub(crate) fn start(client: &Client, app: &str) -> Result<Self, Error> {
        let changes = Arc::new(match client.is_cluster() {
            true => Changes::reported(),
            false => Changes::tracked(MAX_TRACKED_CONTEXTS),
        });
        let polled = Arc::clone(&changes);
        let polling = runtime::spawn(async move { polled.poll_while_disconnected().await })?;
        let handler = IndexHandler {
            changes: Arc::clone(&changes),
            pattern: keys::contexts_pattern(app),
        };
        let (prefix, channel) = (keys::contexts_prefix(app), keys::buffer_limit_channel(app));
        Ok(Self {
            registration: client.track(prefix, channel, Arc::new(handler))?,
            changes,
            polling: polling.abort_handle(),
        })
    }

    /// Returns whether pages or listeners use the notifications. This, the handler and the polling
    /// task hold three of the references.
    pub(crate) fn is_needed(&self) -> bool {
        Arc::strong_count(&self.changes) > 3
    }

    /// Returns the reason why every page queries the store, unless it is temporary.
    pub(crate) fn issue(&self) -> Option<Issue> {
        if self.changes.is_over_capacity() {
            let detail = format!("more than {MAX_TRACKED_CONTEXTS} contexts are tracked");
            return Some(Issue::new(IssueKind::IndexFull, detail));
        }
        let error = self.registration.last_error()?;
        let detail = match error.is_denied() {
            true => format!(
                "the user has no permission for client|tracking, subscribe, info or scan, or for the channel {}",
                self.registration.channel()
            ),
            false => error.to_string(),
        };
        Some(Issue::new(IssueKind::TrackingUnavailable, detail))
    }
}

impl Drop for IndexTracking {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl fmt::Debug for IndexTracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexTracking")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// Applies the reports to the change notifications.
struct IndexHandler {
    changes: Arc<Changes>,
    /// The pattern of the keys of all contexts.
    pattern: String,
}

impl TrackingHandler for IndexHandler {
    fn invalidated(&self, key: &[u8]) {
        self.changes.mark_key_changed(key);
    }

    fn all_invalidated(&self) {
        self.changes.invalidate_all();
    }

    fn synced(&self, sent_at: Instant) {
        self.changes.record_heartbeat(sent_at);
    }

    /// Runs resync passes over all keys.
    fn run<'a>(
        &'a self,
        connection: &'a TrackingConnection,
    ) -> BoxFuture<'a, Result<Infallible, Error>> {
        let step = |cursor| connection.scan(cursor, &self.pattern, SCAN_COUNT);
        async move {
            let resync = Resync {
                changes: &self.changes,
                schedule: ResyncSchedule::default(),
            };
            resync.run(step).await
        }
        .boxed()
    }
}
