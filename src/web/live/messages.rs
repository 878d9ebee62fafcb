//! The source of messages: those of some views of a session, sent as they become visible.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use tokio::time::{Instant, timeout_at};

use crate::backoff::jitter;
use crate::log_limit::LogLimit;
use crate::store::Listener;
use crate::web::live::source::StreamSource;
use crate::web::live::sse;
use crate::web::live::unconfirmed::Unconfirmed;
use crate::web::request::app_state::AppState;
use crate::web::translation::Translator;
use crate::{Context, SessionId, View};

/// Delay of the next read after one that failed, and the maximum jitter added to it.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Maximum delay of a read that is due at a known time. The clocks of the store and of this process
/// may drift apart.
const MAX_DUE_DELAY: Duration = Duration::from_secs(60);
/// Minimum delay of a read that is due at a known time.
const MIN_READ_INTERVAL: Duration = Duration::from_millis(10);
/// Delay of the next read when no message is due; a change of the contexts triggers an earlier one.
const IDLE_READ_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Number of times that a message is sent to a page that does not confirm it. Then the stream
/// closes: the page does not read it.
const MAX_DELIVERIES: u8 = 3;

pub(super) struct MessageSource {
    app_state: Rc<AppState>,
    translator: Translator,
    /// Those of the views, and that of any view.
    contexts: Vec<Context>,
    /// Registered before the first read, so that no change after that read is missed.
    listener: Listener,
    unconfirmed: Unconfirmed,
    /// Number of consecutive reads that returned messages sent before.
    redeliveries: u8,
    /// When the store is read even without a change.
    read_at: Instant,
}

impl MessageSource {
    pub(super) fn new(
        app_state: &Rc<AppState>,
        translator: &Translator,
        session: &SessionId,
        views: impl Iterator<Item = View>,
    ) -> Self {
        let salver = &app_state.salver;
        let named = views.filter(|view| !view.is_any());
        let contexts = named
            .chain([View::ANY])
            .map(|view| salver.context_for(session.clone(), view));
        let contexts: Vec<_> = contexts.collect();
        Self {
            listener: salver.listen_to(salver.app(), &contexts),
            app_state: Rc::clone(app_state),
            translator: translator.clone(),
            contexts,
            unconfirmed: Unconfirmed::default(),
            redeliveries: 0,
            read_at: Instant::now(),
        }
    }

    /// Claims the visible messages and returns their frames; `None` if there are none.
    async fn claim(&mut self) -> Option<Bytes> {
        static DEGRADED: LogLimit = LogLimit::new();

        let salver = &self.app_state.salver;
        let started_at = Instant::now();
        let claimed = {
            // Streams that wake together must not fill the connection that pages need.
            let _permit = self.app_state.stream_polls.acquire().await;
            salver.claim_for_api(self.contexts.clone()).await
        };
        let mut guard = match claimed {
            Ok(guard) => guard,
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "live streams cannot read messages; open pages receive none until the store recovers");
                }
                self.read_at = started_at + STORE_RETRY_AFTER + jitter(STORE_RETRY_AFTER);
                return None;
            }
        };
        guard.confirm_undecodable();
        let claim = guard.claim()?;
        let result = &claim.result;
        let next = result.next_due_in.map_or(IDLE_READ_INTERVAL, |next| {
            next.clamp(MIN_READ_INTERVAL, MAX_DUE_DELAY)
        });
        let frames = sse::messages(claim, &self.translator, &self.app_state.classes);
        if !result.messages.is_empty() {
            self.redeliveries = match self.unconfirmed.contains_any(&result.messages) {
                true => self.redeliveries + 1,
                false => 0,
            };
            self.unconfirmed
                .keep(started_at + salver.config().lease, guard);
        }
        self.read_at = Instant::now() + next;
        // Messages that the page has not confirmed are sent again.
        if let Some(lease_end) = self.unconfirmed.next_lease_end() {
            self.read_at = self.read_at.min(lease_end);
        }
        (!frames.is_empty()).then_some(frames)
    }
}

impl StreamSource for MessageSource {
    fn wait(&mut self) -> LocalBoxFuture<'_, ()> {
        // A change and the time mean the same: read.
        let changed = timeout_at(self.read_at, self.listener.changed());
        changed.map(drop).boxed_local()
    }

    fn read(&mut self) -> LocalBoxFuture<'_, Option<Bytes>> {
        self.claim().boxed_local()
    }

    fn is_stalled(&self) -> bool {
        self.redeliveries + 1 >= MAX_DELIVERIES
    }

    fn needs_probes(&self) -> bool {
        true
    }

    fn release(&mut self) {
        self.unconfirmed.release_all();
    }
}
