//! How messages move to a new session id, and what happens when the store does not say whether they have.

#[cfg(feature = "web")]
use std::sync::Arc;
#[cfg(feature = "web")]
use std::time::Duration;

use crate::handle::salver::Salver;
#[cfg(feature = "web")]
use crate::runtime;
use crate::{Error, SessionId};

/// Most moves in doubt that are repeated at once. Bounds what a store that is down can cost.
#[cfg(feature = "web")]
pub(crate) const MAX_CONCURRENT_MIGRATIONS: usize = 256;
/// How long a move in doubt is repeated. After it the visitor has long gone on.
#[cfg(feature = "web")]
const RETRY_PERIOD: Duration = Duration::from_secs(5 * 60);

impl Salver {
    /// Carries all messages of a session to a new id: a login. One round trip.
    ///
    /// The old id shows nothing from then on; adds to it follow to the new one for the expiry (1 hour by
    /// default).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); [`is_closed`](Error::is_closed) when the old session was closed or has moved
    /// elsewhere. Repeating is safe.
    pub async fn migrate(&self, from: &SessionId, to: &SessionId) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.migrate_to(from, to, true).await
    }

    pub(crate) async fn migrate_to(
        &self,
        from: &SessionId,
        to: &SessionId,
        open: bool,
    ) -> Result<(), Error> {
        let limits = &self.config().limits;
        let migrate = || self.store.migrate(&self.app, from, to, open, limits);
        self.write_idempotent("migrate", migrate).await
    }
}

#[cfg(feature = "web")]
impl Salver {
    /// Carries messages to an id that was drawn for this: if it has been closed or moved by now, nothing goes
    /// there any more.
    pub(crate) async fn migrate_to_new(
        &self,
        from: &SessionId,
        to: &SessionId,
    ) -> Result<(), Error> {
        self.migrate_to(from, to, false).await
    }

    /// Repeats a move that is in doubt, on Salver's own thread, until the store has said what became of it.
    pub(crate) fn retry_migration(&self, from: &SessionId, to: &SessionId) -> Result<(), Error> {
        let place = Arc::clone(&self.shared.migrations).try_acquire_owned();
        let place =
            place.map_err(|_| Error::in_doubt("too many session migrations are in progress"))?;
        let (salver, from, to) = (self.detached(), from.clone(), to.clone());
        let moving = async move {
            let _place = place;
            let mut rest = Duration::from_millis(50);
            let deadline = tokio::time::Instant::now() + RETRY_PERIOD;
            while tokio::time::Instant::now() < deadline {
                match salver.migrate_to_new(&from, &to).await {
                    Err(error) if !error.is_closed() => {
                        tracing::debug!(%error, "session migration not complete; retrying")
                    }
                    _ => return,
                }
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(Duration::from_secs(5));
            }
            tracing::error!(
                "session migration abandoned; pending messages remain under the old session id"
            );
        };
        runtime::spawn(moving).map(drop)
    }
}
