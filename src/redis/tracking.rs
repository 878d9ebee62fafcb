//! A connection that is told of changes by the server.

use std::fmt;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, PushInfo, PushKind, Value, from_redis_value};

use crate::Error;
use crate::redis::connect::PrimaryMonitor;
use crate::redis::{Connector, Idempotency, classify};

/// Who is told. Called by the connection's driver, between two reads of the socket: it must not wait.
pub(crate) trait InvalidationHandler: Send + Sync + 'static {
    /// A key with the prefix was written, or is gone.
    fn invalidated(&self, key: &[u8]);
    /// Any key may have changed.
    fn all_invalidated(&self);
    /// The connection is closed.
    fn disconnected(&self);
}

/// A connection to one server, on which it tells of every change to keys that begin with a prefix
/// (`CLIENT TRACKING ON BCAST`, Redis 6.0), whoever makes it. Drop it to hang up.
pub(crate) struct TrackingConnection {
    connection: MultiplexedConnection,
    primary_monitor: Option<PrimaryMonitor>,
}

impl TrackingConnection {
    /// Connects, and begins to listen before it returns. It also subscribes to a channel: what is said there is
    /// heard too, and the server bounds by `client-output-buffer-limit pubsub` what it keeps for a listener
    /// that reads no more.
    ///
    /// # Errors
    ///
    /// `is_unavailable`, `is_denied`; `is_unreadable` from a server that knows no such thing.
    pub(crate) async fn open(
        connector: &Connector,
        prefix: &str,
        channel: &str,
        listener: Arc<dyn InvalidationHandler>,
    ) -> Result<Self, Error> {
        let tell = move |push: PushInfo| {
            dispatch_push(&*listener, push);
            Ok::<_, std::convert::Infallible>(())
        };
        let (mut connection, primary) = connector.connect_with_push(tell).await?;
        let mut track = ::redis::cmd("CLIENT");
        track.arg(&["TRACKING", "ON", "BCAST", "PREFIX", prefix]);
        query::<Value>(&connection, &track).await?;
        let subscribed = connection.subscribe(channel).await;
        subscribed.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)?;
        Ok(Self {
            connection,
            primary_monitor: primary,
        })
    }

    /// Waits until Sentinels name another server than this one, for ever where there are none.
    pub(crate) async fn replaced(&self) -> Error {
        match &self.primary_monitor {
            Some(primary) => primary.replaced().await,
            None => std::future::pending().await,
        }
    }

    /// Asks the server what it is. All that had changed there before has been told when it answers.
    ///
    /// # Errors
    ///
    /// Also when it is a replica: it was the primary, and is not any more.
    pub(crate) async fn heartbeat(&self) -> Result<(), Error> {
        let mut role = ::redis::cmd("INFO");
        role.arg("replication");
        let role: String = query(&self.connection, &role).await?;
        match role.contains("role:master") {
            true => Ok(()),
            false => Err(Error::unavailable("the server is a replica")),
        }
    }

    /// Gives some keys of a pattern, and where the next step goes on: 0 at the end.
    pub(crate) async fn scan(
        &self,
        cursor: u64,
        pattern: &str,
        step: usize,
    ) -> Result<(u64, Vec<Vec<u8>>), Error> {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern);
        scan.arg("COUNT").arg(step);
        query(&self.connection, &scan).await
    }
}

async fn query<T: FromRedisValue>(
    connection: &MultiplexedConnection,
    command: &Cmd,
) -> Result<T, Error> {
    let reply = command.query_async::<Value>(&mut connection.clone()).await;
    let reply =
        reply.map_err(|error| classify::classify_reply(error, Idempotency::ReadOnly).error)?;
    from_redis_value(reply).map_err(|_| Error::unreadable("a reply of Redis"))
}

fn dispatch_push(listener: &dyn InvalidationHandler, push: PushInfo) {
    match push.kind {
        PushKind::Invalidate => {
            match push.data.into_iter().next() {
                Some(Value::Array(keys)) => {
                    for key in keys {
                        match key {
                            Value::BulkString(key) => listener.invalidated(&key),
                            _ => listener.all_invalidated(),
                        }
                    }
                }
                // Of a flush no keys are told.
                _ => listener.all_invalidated(),
            }
        }
        PushKind::Disconnection => listener.disconnected(),
        _ => {}
    }
}

impl fmt::Debug for TrackingConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}
