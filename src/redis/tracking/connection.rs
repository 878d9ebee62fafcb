//! A connection on which the server reports changed keys (`CLIENT TRACKING`).

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, PushInfo, PushKind, Value, from_redis_value};

use crate::Error;
use crate::redis::connect::{Connector, Primary, PrimaryMonitor};
#[cfg(feature = "cluster")]
use crate::redis::slot_map::SlotMap;
use crate::redis::{Idempotency, classify};

/// Receiver of invalidation messages. The driver of the connection calls it between two reads of
/// the socket, so it must not block.
pub(crate) trait InvalidationHandler: Send + Sync + 'static {
    /// A key with a tracked prefix was written or removed.
    fn invalidated(&self, key: &[u8]);
    /// Any key may have changed, or changes are no longer received.
    fn all_invalidated(&self);
}

/// A connection on which one server reports every change to keys with some prefixes, made by any
/// client (`CLIENT TRACKING ON BCAST`, Redis 6.0). Dropping it closes the connection.
pub(crate) struct TrackingConnection {
    connection: MultiplexedConnection,
    /// The prefixes whose changes the server reports. It rejects a prefix that it has already.
    prefixes: Mutex<HashSet<String>>,
    primary_monitor: Option<PrimaryMonitor>,
}

impl TrackingConnection {
    /// Connects to a primary. The handler receives the changes of the prefixes that are
    /// [tracked](Self::track).
    ///
    /// # Errors
    ///
    /// `is_unavailable`, `is_denied`.
    pub(crate) async fn open(
        connector: &Connector,
        primary: &Primary,
        handler: Arc<dyn InvalidationHandler>,
    ) -> Result<Self, Error> {
        let on_push = move |push: PushInfo| {
            dispatch_push(&*handler, push);
            Ok::<_, std::convert::Infallible>(())
        };
        let (connection, primary_monitor) = connector.connect_with_push(primary, on_push).await?;
        Ok(Self {
            connection,
            prefixes: Mutex::default(),
            primary_monitor,
        })
    }

    /// Tracks the keys with a prefix. When it returns, the handler receives their changes.
    ///
    /// Also subscribes to `channel`. The server then applies `client-output-buffer-limit pubsub` to
    /// the connection, which bounds what it buffers for a client that has stopped reading. Messages
    /// on the channel are received too, and ignored.
    ///
    /// # Errors
    ///
    /// `is_unavailable`, `is_denied`; `is_unreadable` if the server does not support tracking.
    pub(crate) async fn track(&self, prefix: &str, channel: &str) -> Result<(), Error> {
        if !self.lock_prefixes().contains(prefix) {
            let mut track = ::redis::cmd("CLIENT");
            track.arg(&["TRACKING", "ON", "BCAST", "PREFIX", prefix]);
            match query::<Value>(&self.connection, &track).await {
                // An earlier call was cancelled after it had sent the command.
                Err(error) if is_overlap(&error) => {}
                tracked => drop(tracked?),
            }
            self.lock_prefixes().insert(prefix.to_owned());
        }
        let subscribed = self.connection.clone().subscribe(channel).await;
        subscribed.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)
    }

    /// Returns the number of prefixes whose changes the server reports.
    pub(crate) fn tracked_prefixes(&self) -> usize {
        self.lock_prefixes().len()
    }

    fn lock_prefixes(&self) -> MutexGuard<'_, HashSet<String>> {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the Sentinels report another primary than this server. Never completes without
    /// Sentinels.
    pub(crate) async fn replaced(&self) -> Error {
        match &self.primary_monitor {
            Some(monitor) => monitor.replaced().await,
            None => std::future::pending().await,
        }
    }

    /// Queries the role of the server. When it returns, the handler has received all changes that
    /// the server made before the command was sent.
    ///
    /// # Errors
    ///
    /// `is_unavailable` also if the server is a replica: it was the primary and is no longer.
    pub(crate) async fn heartbeat(&self) -> Result<(), Error> {
        let mut role = ::redis::cmd("INFO");
        role.arg("replication");
        let role: String = query(&self.connection, &role).await?;
        match role.contains("role:master") {
            true => Ok(()),
            false => Err(Error::unavailable("the server is a replica")),
        }
    }

    /// Returns the slots of the Cluster as the server at this host reports them.
    #[cfg(feature = "cluster")]
    pub(crate) async fn slot_map(&self, host: &str) -> Result<SlotMap, Error> {
        let map = SlotMap::query(&mut self.connection.clone(), host).await;
        map.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)
    }

    /// Runs one `SCAN`. Returns the cursor of the next call (0 at the end) and the keys that were
    /// found.
    pub(crate) async fn scan(
        &self,
        cursor: u64,
        pattern: &str,
        count: usize,
    ) -> Result<(u64, Vec<Vec<u8>>), Error> {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern);
        scan.arg("COUNT").arg(count);
        query(&self.connection, &scan).await
    }
}

/// Returns whether the server has the prefix already. Prefixes of different applications do not
/// overlap.
fn is_overlap(error: &Error) -> bool {
    let reply = error.source().map(ToString::to_string);
    reply.is_some_and(|reply| reply.contains("overlaps with an existing prefix"))
}

async fn query<T: FromRedisValue>(
    connection: &MultiplexedConnection,
    command: &Cmd,
) -> Result<T, Error> {
    let reply = command.query_async::<Value>(&mut connection.clone()).await;
    let reply =
        reply.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)?;
    from_redis_value(reply).map_err(|_| Error::unreadable("a Redis reply"))
}

fn dispatch_push(handler: &dyn InvalidationHandler, push: PushInfo) {
    match push.kind {
        PushKind::Invalidate => {
            match push.data.into_iter().next() {
                Some(Value::Array(keys)) => {
                    for key in keys {
                        match key {
                            Value::BulkString(key) => handler.invalidated(&key),
                            _ => handler.all_invalidated(),
                        }
                    }
                }
                // The server reports a flush without keys.
                _ => handler.all_invalidated(),
            }
        }
        PushKind::Disconnection => handler.all_invalidated(),
        _ => {}
    }
}

impl fmt::Debug for TrackingConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackingConnection").finish_non_exhaustive()
    }
}
