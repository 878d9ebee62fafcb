//! Writes that wait for replicas. They use separate connections, because `WAIT` blocks every later
//! command on its connection.

use std::fmt;
use std::time::Duration;

use ::redis::Value;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleResult, Timeouts};
use tokio::time::{Instant, timeout_at};

use crate::redis::classify;
use crate::redis::classify::Failure;
use crate::redis::connect::Connector;
use crate::redis::raw_connection::{RawConnection, WaitReplicas};
use crate::redis::{Request, reply, retry};
use crate::{Error, runtime};

/// Maximum number of connections for these writes, and therefore of concurrent writes.
const MAX_CONNECTIONS: usize = 8;
/// Longest wait for replicas. Shorter than the time for which a connection waits for a reply.
const MAX_WAIT: Duration = Duration::from_millis(1500);
/// How long after the timeout of `WAIT` the reply of a reachable server may arrive.
const REPLY_GRACE: Duration = Duration::from_millis(150);

/// Creates connections for the pool through a [`Connector`], which supports Sentinels and Clusters
/// too.
struct ConnectionManager(Connector);

/// A pooled connection. After a failure that requires closing it, it is not used again.
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

/// The pool of connections for replicated writes. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct ReplicatedWriter {
    /// An error only if the pool rejects its settings, which are fixed and valid.
    pool: Result<Pool<ConnectionManager>, Error>,
}

impl ReplicatedWriter {
    /// Creates a pool. Connects on first use.
    pub(crate) fn new(connector: Connector) -> Self {
        let pool = Pool::builder(ConnectionManager(connector));
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

    /// Runs a script that writes, and waits until `replicas` replicas have what it wrote. Returns
    /// the elements of its reply after the first, and whether enough replicas have the write. After
    /// a script that wrote nothing, `WAIT` does not block.
    ///
    /// `within`: at most [`MAX_WAIT`].
    ///
    /// # Errors
    ///
    /// As [`Connection::execute`]; [`Error::replica_queue_full`] if all connections are in use
    /// until the deadline.
    pub(crate) async fn execute(
        &self,
        request: Request,
        replicas: u32,
        within: Duration,
    ) -> Result<(Vec<Value>, bool), Error> {
        let writer = self.clone();
        let until = Instant::now() + within.min(MAX_WAIT);
        // Runs to its end on the background runtime, even if the caller stops waiting: a connection
        // that returns to the pool must not be inside a `WAIT`.
        let task =
            runtime::spawn(async move { writer.execute_here(&request, replicas, until).await });
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
        let (elements, reached) = retry::with_retry(remaining(until), attempt).await?;
        Ok((elements, reached >= replicas))
    }

    /// Runs the request once. The outer error is that of the pool, the inner one that of the
    /// request.
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
            // `WAIT` with a timeout of 0 blocks without limit.
            millis: u64::try_from(remaining(until).as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        };
        let replied = timeout_at(until + REPLY_GRACE, pooled.raw.run_and_wait(request, wait)).await;
        let outcome = match replied {
            Ok(result) => {
                let (reply, reached) = match result {
                    Ok((reply, reached)) => (Ok(reply), reached),
                    Err(error) => (Err(error), 0),
                };
                reply::parse_reply(&pooled.raw, request, reply).map(|elements| (elements, reached))
            }
            Err(_) => Err(classify::timeout(request.idempotency)),
        };
        pooled.is_healthy = !outcome
            .as_ref()
            .is_err_and(|failure| failure.close_connection);
        if !pooled.is_healthy {
            // The other pooled connections lead to the same server.
            drop(pool.retain(|_, _| false));
        }
        Ok(outcome)
    }
}

fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Waits for a free connection, or opens one if the pool has capacity.
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
        f.debug_struct("ReplicatedWriter").finish_non_exhaustive()
    }
}
