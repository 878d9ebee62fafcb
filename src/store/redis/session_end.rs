//! Sessions that end in another process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::redis::{Client, Registration, TrackingHandler};
use crate::store::redis::keys;
use crate::store::redis::scripts;
use crate::store::{Changes, Listener};
use crate::{Error, SessionId};

/// The tracked sessions of a handle, by application. The first stream of a person starts the reports:
/// a site without such streams receives none.
#[derive(Default)]
pub(crate) struct SessionEnds(Mutex<HashMap<String, Tracked>>);

struct Tracked {
    changes: Arc<Changes>,
    _registration: Registration,
}

impl SessionEnds {
    /// Listens for the end of a session. `None` for a server that reports no changes.
    ///
    /// # Errors
    ///
    /// `is_unavailable` when the background thread cannot be started.
    pub(crate) fn listen(
        &self,
        client: &Client,
        app: &str,
        session: &SessionId,
    ) -> Result<Option<SessionEnd>, Error> {
        if !client.supports_tracking() {
            return Ok(None);
        }
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = match all.get(app) {
            Some(tracked) => Arc::clone(&tracked.changes),
            None => {
                let changes = Arc::new(Changes::new());
                let handler = Arc::new(SessionHandler(Arc::clone(&changes)));
                let (prefix, channel) =
                    (keys::sessions_prefix(app), keys::buffer_limit_channel(app));
                let tracked = Tracked {
                    _registration: client.track(prefix, channel, handler)?,
                    changes: Arc::clone(&changes),
                };
                all.insert(app.to_owned(), tracked);
                changes
            }
        };
        Ok(Some(SessionEnd {
            listener: changes.listen_keys([keys::session_index_key(app, session)]),
            client: client.clone(),
            app: app.to_owned(),
            session: session.clone(),
        }))
    }
}

/// Wakes the streams of a session whose index has changed.
struct SessionHandler(Arc<Changes>);

impl TrackingHandler for SessionHandler {
    fn invalidated(&self, key: &[u8]) {
        self.0.wake(key);
    }

    fn all_invalidated(&self) {
        self.0.wake_all();
    }
}

/// Waits for the end of one session.
pub(crate) struct SessionEnd {
    listener: Listener,
    client: Client,
    app: String,
    session: SessionId,
}

impl SessionEnd {
    /// Waits until the session may have ended. Dropping the future loses nothing.
    pub(crate) async fn changed(&mut self) {
        self.listener.changed().await;
    }

    /// Returns whether the session was closed or has moved. One round trip.
    pub(crate) async fn has_ended(&self) -> Result<bool, Error> {
        scripts::session_ended(&self.client, &self.app, &self.session).await
    }
}
