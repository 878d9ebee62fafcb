//! Writes that wait for replicas, on connections of their own: a `WAIT` keeps everything waiting that comes
//! after it on the same connection.

use std::fmt;
use std::time::Duration;

use ::redis::Value;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleResult, Timeouts};
use tokio::time::{Instant, timeout_at};

use crate::redis::classify;
use crate::redis::classify::Failure;
use crate::redis::raw::{RawConnection, WaitReplicas};
use crate::redis::{Connection, Connector, Request, reply, retry};
use crate::{Error, runtime};

/// Most connections for such writes, and so most that wait at once.
const MAX_CONNECTIONS: usize = 8;
/// Longest wait for replicas: shorter than a connection waits for a reply.
const MAX_WAIT: Duration = Duration::from_millis(1500);
/// How much later than asked for an answer may come from a server that is there.
const REPLY_GRACE: Duration = Duration::from_millis(150);

/// Makes connections for the pool, by Salver's own dialler so that Sentinels and Clusters are served too.
struct ConnectionManager(Connector);

/// A connection that is not used again once something went wrong on it.
struct PooledConnection {
    raw: RawConnection,
    is_healthy: bool,
}

impl managed::Manager for ConnectionManager {
    type Type = PooledConnection;
    type Error = Error;

    async fn create(&self) -> Result<PooledConnection, Error> {
        let raw = self.0.connect().await?;
        Ok(PooledConnection {
            raw,
            is_healthy: true,
        })
    }

    async fn recycle(&self, pooled: &mut PooledConnection, _: &Metrics) -> RecycleResult<Error> {
        match pooled.is_healthy {
            true => Ok(()),
            false => Err(managed::RecycleError::message("broken")),
        }
    }
}

/// The connections. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct ReplicatedWriter {
    /// An error only if the pool refuses its settings, which are none.
    pool: Result<Pool<ConnectionManager>, Error>,
}

impl ReplicatedWriter {
    /// Takes the dialler of a line. Connects to nothing yet.
    pub(crate) fn for_connection(connection: &Connection) -> Self {
        let pool = Pool::builder(ConnectionManager(connection.connector().clone()));
        let pool = pool
            .max_size(MAX_CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .build();
        Self {
            pool: pool.map_err(|cause| {
                Error::unavailable("cannot create the connection pool").with_source(cause)
            }),
        }
    }

    /// Runs a script that writes, and waits until so many replicas have what it wrote. Gives the parts of its
    /// reply and whether so many have it: a script that wrote nothing has nothing to wait for.
    ///
    /// # Errors
    ///
    /// As [`Line::ask`]; [`Error::crowded`] when too many wait already.
    pub(crate) async fn execute(
        &self,
        request: Request,
        replicas: u32,
        within: Duration,
    ) -> Result<(Vec<Value>, bool), Error> {
        let replicated = self.clone();
        let until = Instant::now() + within.min(MAX_WAIT);
        // On Salver's thread to the end, whoever stops waiting: a connection that goes back to the pool must
        // not be in the middle of a wait.
        let task =
            runtime::spawn(async move { replicated.execute_here(&request, replicas, until).await });
        let task = task?.await;
        task.unwrap_or_else(|_| Err(Error::in_doubt("the request was aborted")))
    }

    async fn execute_here(
        &self,
        request: &Request,
        replicas: u32,
        until: Instant,
    ) -> Result<(Vec<Value>, bool), Error> {
        let attempt = || self.attempt(request, replicas, until);
        let (parts, reached) = retry::with_retry(remaining(until), attempt).await?;
        Ok((parts, reached >= replicas))
    }

    /// The outer error is of the connections, the inner one of the request.
    async fn attempt(
        &self,
        request: &Request,
        replicas: u32,
        until: Instant,
    ) -> Result<Result<(Vec<Value>, u32), Failure>, Error> {
        let pool = self.pool.as_ref().map_err(Clone::clone)?;
        let mut pooled = checkout(pool, until).await?;
        let wait = WaitReplicas {
            replicas,
            // A wait of 0 would be without end.
            millis: u64::try_from(remaining(until).as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        };
        let answered =
            timeout_at(until + REPLY_GRACE, pooled.raw.run_and_wait(request, wait)).await;
        let judged = match answered {
            Ok(answered) => {
                let (reply, reached) = match answered {
                    Ok((reply, reached)) => (Ok(reply), reached),
                    Err(error) => (Err(error), 0),
                };
                reply::parse_reply(&pooled.raw, request, reply).map(|parts| (parts, reached))
            }
            Err(_) => Err(classify::timeout(request.idempotency)),
        };
        pooled.is_healthy = !judged
            .as_ref()
            .is_err_and(|failure| failure.close_connection);
        if !pooled.is_healthy {
            // The others are connections to the same server.
            drop(pool.retain(|_, _| false));
        }
        Ok(judged)
    }
}

fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Waits for a connection that is free, or makes one where there may be more.
async fn checkout(
    pool: &Pool<ConnectionManager>,
    until: Instant,
) -> Result<Object<ConnectionManager>, Error> {
    let timeouts = Timeouts {
        wait: Some(remaining(until)),
        ..Timeouts::default()
    };
    pool.timeout_get(&timeouts)
        .await
        .map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => Error::replica_queue_full().with_source(other),
        })
}

impl fmt::Debug for ReplicatedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicated").finish_non_exhaustive()
    }
}
