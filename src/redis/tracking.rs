//! A connection that is told of changes by the server.

use std::fmt;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, PushInfo, PushKind, Value, from_redis_value};

use crate::Error;
use crate::redis::connect::Primary;
use crate::redis::{Dialer, Effect, classify};

/// Who is told. Called by the connection's driver, between two reads of the socket: it must not wait.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A key with the prefix was written, or is gone.
    fn changed(&self, key: &[u8]);
    /// Any key may have changed.
    fn all_changed(&self);
    /// The connection is closed.
    fn closed(&self);
}

/// A connection to one server, on which it tells of every change to keys that begin with a prefix
/// (`CLIENT TRACKING ON BCAST`, Redis 6.0), whoever makes it. Drop it to hang up.
pub(crate) struct Listening {
    connection: MultiplexedConnection,
    primary: Option<Primary>,
}

impl Listening {
    /// Connects, and begins to listen before it returns. It also subscribes to a channel: what is said there is
    /// heard too, and the server bounds by `client-output-buffer-limit pubsub` what it keeps for a listener
    /// that reads no more.
    ///
    /// # Errors
    ///
    /// `is_unavailable`, `is_denied`; `is_unreadable` from a server that knows no such thing.
    pub(crate) async fn open(
        dialer: &Dialer,
        prefix: &str,
        channel: &str,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, Error> {
        let tell = move |push: PushInfo| {
            tell(&*listener, push);
            Ok::<_, std::convert::Infallible>(())
        };
        let (mut connection, primary) = dialer.dial_listening(tell).await?;
        let mut track = ::redis::cmd("CLIENT");
        track.arg(&["TRACKING", "ON", "BCAST", "PREFIX", prefix]);
        send::<Value>(&connection, &track).await?;
        let subscribed = connection.subscribe(channel).await;
        subscribed.map_err(|error| classify::of_reply(error, Effect::Reads).error)?;
        Ok(Self {
            connection,
            primary,
        })
    }

    /// Waits until Sentinels name another server than this one, for ever where there are none.
    pub(crate) async fn replaced(&self) -> Error {
        match &self.primary {
            Some(primary) => primary.replaced().await,
            None => std::future::pending().await,
        }
    }

    /// Asks the server what it is. All that had changed there before has been told when it answers.
    ///
    /// # Errors
    ///
    /// Also when it is a replica: it was the primary, and is not any more.
    pub(crate) async fn beat(&self) -> Result<(), Error> {
        let mut role = ::redis::cmd("INFO");
        role.arg("replication");
        let role: String = send(&self.connection, &role).await?;
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
        send(&self.connection, &scan).await
    }
}

async fn send<T: FromRedisValue>(
    connection: &MultiplexedConnection,
    command: &Cmd,
) -> Result<T, Error> {
    let reply = command.query_async::<Value>(&mut connection.clone()).await;
    let reply = reply.map_err(|error| classify::of_reply(error, Effect::Reads).error)?;
    from_redis_value(reply).map_err(|_| Error::unreadable("a reply of Redis"))
}

fn tell(listener: &dyn Listener, push: PushInfo) {
    match push.kind {
        PushKind::Invalidate => {
            match push.data.into_iter().next() {
                Some(Value::Array(keys)) => {
                    for key in keys {
                        match key {
                            Value::BulkString(key) => listener.changed(&key),
                            _ => listener.all_changed(),
                        }
                    }
                }
                // Of a flush no keys are told.
                _ => listener.all_changed(),
            }
        }
        PushKind::Disconnection => listener.closed(),
        _ => {}
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}
