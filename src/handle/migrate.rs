//! Migration of messages to a new session id, and its retry while the result is in doubt.

#[cfg(feature = "web")]
use std::sync::Arc;
#[cfg(feature = "web")]
use std::time::Duration;

#[cfg(feature = "web")]
use crate::backoff::Backoff;
use crate::handle::salver::Salver;
#[cfg(feature = "web")]
use crate::runtime;
use crate::{Error, SessionId};

/// Maximum number of migrations in doubt that are retried concurrently. Bounds the memory used
/// while the store is down.
#[cfg(feature = "web")]
pub(crate) const MAX_CONCURRENT_MIGRATIONS: usize = 256;
/// How long a migration in doubt is retried. After that the visitor no longer expects the messages.
#[cfg(feature = "web")]
const RETRY_PERIOD: Duration = Duration::from_secs(5 * 60);
/// Longest wait before the first retry of a migration in doubt.
#[cfg(feature = "web")]
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
/// Longest wait between two retries. Bounds how late the messages move after the store recovers.
#[cfg(feature = "web")]
const MAX_BACKOFF: Duration = Duration::from_secs(5);

impl Salver {
    /// Moves all messages of a session to a new session id, as at a login.
    ///
    /// One round trip; several in a Redis Cluster. Messages keep their claims and delays. From then
    /// on the old id shows nothing. For the [`ttl`](crate::SalverBuilder::ttl) (1 hour by default)
    /// adds to the old id go to the new one. A new id that was closed or has moved is opened again.
    /// A context of the new id with more messages than
    /// [`max_messages`](crate::SalverBuilder::max_messages) loses its oldest ones, which are
    /// counted as displaced.
    ///
    /// Repeating is safe: it changes nothing. If `from` and `to` are equal, nothing is sent.
    ///
    /// # Errors
    ///
    /// - [`is_session_closed`](Error::is_session_closed): the old session was closed, or has moved to another id.
    ///   Nothing has moved.
    /// - [`is_unavailable`](Error::is_unavailable): nothing has moved; retry later.
    /// - [`is_in_doubt`](Error::is_in_doubt): the messages may have moved; repeat the call.
    /// - [`is_denied`](Error::is_denied), [`is_unreadable`](Error::is_unreadable), as for
    ///   [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, all messages have moved or none. In a Redis Cluster some may have
    /// moved; repeating the call moves the rest, and nothing is lost.
    pub async fn migrate(&self, from: &SessionId, to: &SessionId) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.migrate_to(from, to, true).await
    }

    /// Moves all messages. `open`: whether a new id that was closed or has moved is opened again.
    pub(crate) async fn migrate_to(
        &self,
        from: &SessionId,
        to: &SessionId,
        reopen: bool,
    ) -> Result<(), Error> {
        let limits = &self.config().limits;
        let migrate = || self.store.migrate(&self.app, from, to, reopen, limits);
        self.write_idempotent("migrate", migrate).await
    }
}

#[cfg(feature = "web")]
impl Salver {
    /// Moves all messages to an id that was generated for this migration. If that id has been
    /// closed or has moved since, it is not opened again.
    pub(crate) async fn migrate_to_new(
        &self,
        from: &SessionId,
        to: &SessionId,
    ) -> Result<(), Error> {
        self.migrate_to(from, to, false).await
    }

    /// Retries a migration in doubt on the background runtime until its result is certain, for at
    /// most [`RETRY_PERIOD`].
    ///
    /// # Errors
    ///
    /// `is_in_doubt` when too many migrations are being retried.
    pub(crate) fn retry_migration(&self, from: &SessionId, to: &SessionId) -> Result<(), Error> {
        let permit = Arc::clone(&self.shared.migrations).try_acquire_owned();
        let permit =
            permit.map_err(|_| Error::in_doubt("too many session migrations are in progress"))?;
        let (salver, from, to) = (self.detached(), from.clone(), to.clone());
        let retries = async move {
            let _permit = permit;
            let mut backoff = Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF);
            let deadline = tokio::time::Instant::now() + RETRY_PERIOD;
            while tokio::time::Instant::now() < deadline {
                match salver.migrate_to_new(&from, &to).await {
                    Err(error) if !error.is_session_closed() => {
                        tracing::debug!(%error, "session migration not complete; retrying")
                    }
                    _ => return,
                }
                tokio::time::sleep(backoff.next_jittered()).await;
            }
            tracing::error!(
                "session migration abandoned; pending messages remain under the old session id"
            );
        };
        runtime::spawn(retries).map(drop)
    }
}
