//! Writes that wait for replicas, on connections of their own: a `WAIT` keeps everything waiting that comes
//! after it on the same connection.

use std::fmt;
use std::time::Duration;

use ::redis::Value;
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleResult, Timeouts};
use tokio::time::{Instant, timeout_at};

use crate::redis::classify;
use crate::redis::classify::Verdict;
use crate::redis::raw::{Wait, Wire};
use crate::redis::{Ask, Dialer, Line, reply};
use crate::{Error, runtime};

/// Most connections for such writes, and so most that wait at once.
const CONNECTIONS: usize = 8;
/// Longest wait for replicas: shorter than a connection waits for a reply.
const LONGEST: Duration = Duration::from_millis(1500);
/// How much later than asked for an answer may come from a server that is there.
const GRACE: Duration = Duration::from_millis(150);

/// Makes connections for the pool, by Salver's own dialler so that Sentinels and Clusters are served too.
struct Manager(Dialer);

/// A connection that is not used again once something went wrong on it.
struct Checked {
    wire: Wire,
    sound: bool,
}

impl managed::Manager for Manager {
    type Type = Checked;
    type Error = Error;

    async fn create(&self) -> Result<Checked, Error> {
        let wire = self.0.dial().await?;
        Ok(Checked { wire, sound: true })
    }

    async fn recycle(&self, checked: &mut Checked, _: &Metrics) -> RecycleResult<Error> {
        match checked.sound {
            true => Ok(()),
            false => Err(managed::RecycleError::message("broken")),
        }
    }
}

/// The connections. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Replicated {
    /// An error only if the pool refuses its settings, which are none.
    pool: Result<Pool<Manager>, Error>,
}

impl Replicated {
    /// Takes the dialler of a line. Connects to nothing yet.
    pub(crate) fn beside(line: &Line) -> Self {
        let pool = Pool::builder(Manager(line.dialer().clone()));
        let pool = pool.max_size(CONNECTIONS).runtime(Runtime::Tokio1).build();
        Self {
            pool: pool.map_err(|cause| Error::unavailable("there is no pool").because(cause)),
        }
    }

    /// Runs a script that writes, and waits until so many replicas have what it wrote. Gives the parts of its
    /// reply and whether so many have it: a script that wrote nothing has nothing to wait for.
    ///
    /// # Errors
    ///
    /// As [`Line::ask`]; [`Error::crowded`] when too many wait already.
    pub(crate) async fn ask(
        &self,
        ask: Ask,
        replicas: u32,
        within: Duration,
    ) -> Result<(Vec<Value>, bool), Error> {
        let replicated = self.clone();
        let until = Instant::now() + within.min(LONGEST);
        // On Salver's thread to the end, whoever stops waiting: a connection that goes back to the pool must
        // not be in the middle of a wait.
        let asked = runtime::spawn(async move { replicated.ask_here(&ask, replicas, until).await });
        let asked = asked?.await;
        asked.unwrap_or_else(|_| Err(Error::in_doubt("the request was broken off")))
    }

    async fn ask_here(
        &self,
        ask: &Ask,
        replicas: u32,
        until: Instant,
    ) -> Result<(Vec<Value>, bool), Error> {
        let attempt = || self.attempt(ask, replicas, until);
        let (parts, reached) = reply::persist(left(until), attempt).await?;
        Ok((parts, reached >= replicas))
    }

    /// The outer error is of the connections, the inner one of the request.
    async fn attempt(
        &self,
        ask: &Ask,
        replicas: u32,
        until: Instant,
    ) -> Result<Result<(Vec<Value>, u32), Verdict>, Error> {
        let pool = self.pool.as_ref().map_err(Clone::clone)?;
        let mut checked = connection(pool, until).await?;
        let wait = Wait {
            replicas,
            // A wait of 0 would be without end.
            millis: u64::try_from(left(until).as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        };
        let answered = timeout_at(until + GRACE, checked.wire.run_and_wait(ask, wait)).await;
        let judged = match answered {
            Ok(answered) => {
                let (reply, reached) = match answered {
                    Ok((reply, reached)) => (Ok(reply), reached),
                    Err(error) => (Err(error), 0),
                };
                reply::read(&checked.wire, ask, reply).map(|parts| (parts, reached))
            }
            Err(_) => Err(classify::of_silence(ask.effect)),
        };
        checked.sound = !judged.as_ref().is_err_and(|verdict| verdict.hang_up);
        if !checked.sound {
            // The others are connections to the same server.
            drop(pool.retain(|_, _| false));
        }
        Ok(judged)
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Waits for a connection that is free, or makes one where there may be more.
async fn connection(pool: &Pool<Manager>, until: Instant) -> Result<Object<Manager>, Error> {
    let timeouts = Timeouts {
        wait: Some(left(until)),
        ..Timeouts::default()
    };
    pool.timeout_get(&timeouts)
        .await
        .map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => Error::crowded().because(other),
        })
}

impl fmt::Debug for Replicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicated").finish_non_exhaustive()
    }
}
