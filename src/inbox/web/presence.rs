//! The source of a stream that keeps its recipient online, and reports when others come and go.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture, pending, ready};
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::inbox::presence::{OnlineChanges, OpenPage, watch};
use crate::web::live::source::StreamSource;
use crate::web::recipient_module::SourceRequest;

/// Least time between two events of one stream. Bounds the work of pages that many people enter and
/// leave.
const EVENT_INTERVAL: Duration = Duration::from_secs(2);
/// The event names no person: the page asks its site, which decides who may see whom.
const EVENT: &[u8] = b"event: online\ndata: changed\n\n";

pub(super) struct PresenceSource {
    page: OpenPage,
    /// Present if an open page shows who is online.
    changes: Option<OnlineChanges>,
    /// When the next event may be sent.
    send_at: Instant,
}

impl PresenceSource {
    pub(super) fn new(request: &SourceRequest) -> Result<Self, Error> {
        let changes = request.shows_online.then(|| watch(&request.salver));
        Ok(Self {
            page: OpenPage::new(&request.salver, &request.recipient)?,
            changes: changes.transpose()?,
            send_at: Instant::now(),
        })
    }

    async fn changed(&mut self) {
        sleep_until(self.send_at).await;
        let Some(changes) = &mut self.changes else {
            return pending().await;
        };
        if changes.changed().await.is_err() {
            pending().await
        }
    }
}

impl StreamSource for PresenceSource {
    fn wait(&mut self) -> LocalBoxFuture<'_, ()> {
        self.changed().boxed_local()
    }

    fn read(&mut self) -> LocalBoxFuture<'_, Option<Bytes>> {
        self.send_at = Instant::now() + EVENT_INTERVAL;
        ready(Some(Bytes::from_static(EVENT))).boxed_local()
    }

    fn session_ended(&mut self) {
        self.page.end_with_page();
    }
}
