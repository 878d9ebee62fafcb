//! Notices that the session of a stream has ended in another process.

use std::time::Duration;

use futures_util::future::pending;
use tokio::time::sleep;

use crate::backoff::jitter;
use crate::store::{BackendKind, SessionEnd, SessionEnds};
use crate::{Salver, SessionId};

/// Delay of the next read after one that failed, and the maximum jitter added to it.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Watches the session of the stream of a person. The streams of a process that ends the session
/// itself are closed by [`Salver::reset_streams`].
pub(super) struct SessionWatch {
    salver: Salver,
    end: Option<SessionEnd>,
    /// Whether the session may have ended since the last read. It may have before the first one.
    has_changed: bool,
}

impl SessionWatch {
    pub(super) fn new(salver: &Salver, session: &SessionId) -> Self {
        Self {
            salver: salver.clone(),
            end: listen(salver, session),
            has_changed: true,
        }
    }

    /// Waits for the end of the session. Dropping the future loses nothing.
    pub(super) async fn ended(&mut self) {
        if let Some(end) = &mut self.end {
            loop {
                if !self.has_changed {
                    end.changed().await;
                    self.has_changed = true;
                }
                // On the heap, so that an idle stream does not reserve its size.
                match Box::pin(self.salver.read("session", end.has_ended())).await {
                    Ok(true) => return,
                    Ok(false) => self.has_changed = false,
                    Err(_) => sleep(STORE_RETRY_AFTER + jitter(STORE_RETRY_AFTER)).await,
                }
            }
        }
        pending().await
    }
}

fn listen(salver: &Salver, session: &SessionId) -> Option<SessionEnd> {
    let BackendKind::Redis(client) = salver.backend().0 else {
        return None;
    };
    let ends = salver.extension::<SessionEnds>();
    // Without the thread in the background nothing works: other calls report it.
    ends.listen(&client, salver.app(), session).ok().flatten()
}
