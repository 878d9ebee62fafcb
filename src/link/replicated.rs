//! Writes that wait for replicas, on connections of their own: a `WAIT` keeps everything waiting that comes
//! after it on the same connection.

use std::fmt;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, Pool, RecycleResult};
use redis::Value;

use super::line::named;
use super::wire::{Wait, Wire};
use super::{Ask, Dialer, Line, fault};
use crate::{Error, home};

/// Most connections for such writes, and so most that wait at once.
const CONNECTIONS: usize = 8;

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
        let pool = pool.max_size(CONNECTIONS).build();
        Self {
            pool: pool.map_err(|cause| Error::unavailable("there is no pool").because(cause)),
        }
    }

    /// Runs a script that writes, and waits until so many replicas have what it wrote.
    ///
    /// # Errors
    ///
    /// As [`Line::ask`]; [`is_in_doubt`](Error::is_in_doubt) when fewer have it by then.
    pub(crate) async fn ask(
        &self,
        ask: Ask,
        replicas: u32,
        within: Duration,
    ) -> Result<Vec<Value>, Error> {
        let replicated = self.clone();
        // On Salver's thread to the end, whoever stops waiting: a connection that goes back to the pool must
        // not be in the middle of a wait.
        let asked = home::spawn(async move { replicated.ask_here(&ask, replicas, within).await });
        let asked = asked?.await;
        asked.unwrap_or_else(|_| Err(Error::in_doubt("the request was broken off")))
    }

    async fn ask_here(
        &self,
        ask: &Ask,
        replicas: u32,
        within: Duration,
    ) -> Result<Vec<Value>, Error> {
        let pool = self.pool.as_ref().map_err(Clone::clone)?;
        let mut checked: Object<Manager> = pool.get().await.map_err(|error| match error {
            managed::PoolError::Backend(error) => error,
            other => Error::unavailable("no connection is free").because(other),
        })?;
        // A wait of 0 would be without end.
        let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
        let answered = checked
            .wire
            .run_and_wait(ask, Wait { replicas, millis })
            .await;
        let judged = answered
            .map_err(|error| fault::of_reply(error, ask.effect))
            .and_then(|(reply, reached)| Ok((named(reply, ask)?, reached)));
        checked.sound = !judged.as_ref().is_err_and(|verdict| verdict.hang_up);
        let (parts, reached) = judged.map_err(|verdict| verdict.error)?;
        if reached < replicas {
            return Err(Error::few_replicas());
        }
        Ok(parts)
    }
}

impl fmt::Debug for Replicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicated").finish_non_exhaustive()
    }
}
