//! The source of inbox events of a stream: counts for the bell, and changes for the list.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::backoff::jitter;
use crate::changes::Listener;
use crate::inbox::changes::InboxChanges;
use crate::inbox::results::InboxCounts;
use crate::inbox::store;
use crate::inbox::web::bell;
use crate::inbox::web::page::words::Words;
use crate::log_limit::LogLimit;
use crate::web::live::source::StreamSource;
use crate::web::recipient_module::SourceRequest;
use crate::{Error, Inbox};

/// Least time between two reads of one stream. Bounds the work for a recipient who gets many
/// notifications. While changes are not reported, it is the interval of the reads.
const READ_INTERVAL: Duration = Duration::from_secs(2);
/// Delay of a read after the first report of a change: one add changes several keys, which are reported one by
/// one, and streams that wake together share a write to the store.
const REPORT_DELAY: Duration = Duration::from_millis(2);
/// Delay of the next read after one that failed, and the maximum jitter added to it.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The data of the frame of the badge.
#[derive(Serialize)]
struct CountsFrame {
    unread: u64,
    unseen: u64,
    newest: u64,
    text: String,
    html: String,
}

pub(super) struct InboxSource {
    request: SourceRequest,
    inbox: Inbox,
    changes: Arc<InboxChanges>,
    /// Registered before the first read, so that no change after that read is missed.
    listener: Listener,
    /// Whether the inbox may have changed since the last read.
    has_changed: bool,
    /// Whether a change was reported since the last read.
    is_reported: bool,
    /// Whether changes were reported when the last read began. If not, one that it has not seen may have
    /// been missed.
    was_complete: bool,
    /// When the next read may begin.
    read_at: Instant,
    /// What was sent last.
    sent: Option<InboxCounts>,
}

impl InboxSource {
    pub(super) fn new(request: SourceRequest) -> Result<Self, Error> {
        let changes = store::changes_of(&request.salver)?;
        Ok(Self {
            listener: changes.listen(&bell::key(&request.salver, &request.recipient)),
            changes,
            inbox: request.salver.inbox(&request.recipient),
            request,
            has_changed: true,
            is_reported: true,
            was_complete: false,
            read_at: Instant::now(),
            sent: None,
        })
    }

    async fn changed(&mut self) {
        if !self.has_changed {
            let changed = self.listener.changed();
            self.is_reported = match self.was_complete && self.changes.is_complete() {
                true => changed.map(|()| true).await,
                // An absolute time: the wait begins anew whenever another source has frames.
                false => timeout_at(self.read_at, changed).await.is_ok(),
            };
            self.has_changed = true;
            self.read_at = self.read_at.max(Instant::now() + REPORT_DELAY);
        }
        sleep_until(self.read_at).await;
    }

    /// Reads the inbox, and returns the frames of what has changed.
    async fn events(&mut self) -> Option<Bytes> {
        static DEGRADED: LogLimit = LogLimit::new();

        self.has_changed = false;
        self.was_complete = self.changes.is_complete();
        // The read covers the changes that were reported while it waited.
        let _ = self.listener.changed().now_or_never();
        let counts = {
            // Streams that wake together must not fill the connection that pages need.
            let _permit = self.request.polls.acquire().await;
            self.inbox.counts().await
        };
        let now = match counts {
            Ok(counts) => counts,
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "live streams cannot read inboxes; open pages show no changes until the store recovers");
                }
                self.has_changed = true;
                self.read_at = Instant::now() + STORE_RETRY_AFTER + jitter(STORE_RETRY_AFTER);
                return None;
            }
        };
        self.read_at = Instant::now() + READ_INTERVAL;
        let before = self.sent.replace(now);
        let newest = now.newest;
        let mut frames = String::new();
        if before.map(|sent| (sent.unread, sent.unseen)) != Some((now.unread, now.unseen)) {
            let text = Words::new(&self.request.translator).unread_count(now.unread);
            let counts = CountsFrame {
                unread: now.unread,
                unseen: now.unseen,
                newest,
                html: bell::html(now.unread, &text),
                text,
            };
            // Numbers and texts always serialize, and writing into a string cannot fail.
            let counts = serde_json::to_string(&counts).unwrap_or_default();
            let _ = write!(frames, "id: {newest}\nevent: counts\ndata: {counts}\n\n");
        }
        let has_changed = match before {
            // The page compares the first counts with its own.
            None => {
                let last = self.request.last_event_id.take();
                last.is_some_and(|last| last != newest.to_string())
            }
            // A report without a change of the numbers: a notification may have been archived.
            Some(before) => self.is_reported || before != now,
        };
        if has_changed {
            let _ = write!(frames, "id: {newest}\nevent: inbox\ndata: {newest}\n\n");
        }
        (!frames.is_empty()).then(|| frames.into())
    }
}

impl StreamSource for InboxSource {
    fn wait(&mut self) -> LocalBoxFuture<'_, ()> {
        self.changed().boxed_local()
    }

    fn read(&mut self) -> LocalBoxFuture<'_, Option<Bytes>> {
        self.events().boxed_local()
    }
}
